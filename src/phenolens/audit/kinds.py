"""What can be audited beside a screen of ours: other rooms and distributions add to it.

The entry-point group is ``phenolens.audits``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from phenolens import plugins
from phenolens.audit.basis import AuditFinding
from phenolens.errors import InputError

Auditor = Callable[[Path], list[AuditFinding]]
_AUDITORS: dict[str, Auditor] = {}


def auditor(name: str) -> Callable[[Auditor], Auditor]:
    """Register what audits a folder of one kind; ``tables`` is that of ``phenolens audit``.

    Raises
    ------
    ValueError
        If this kind of folder is audited already.
    """

    def register(function: Auditor) -> Auditor:
        if _AUDITORS.setdefault(name, function) is not function:
            raise ValueError(f"Folders of {name!r} are audited already.")
        return function

    return register


def audit_folder(kind: str, folder: Path) -> list[AuditFinding]:
    """Audit a folder of one kind, by whatever room or distribution knows how.

    Raises
    ------
    InputError
        If nobody does, or a file cannot be used.
    """
    plugins.load("audits")
    if kind not in _AUDITORS:
        known = ", ".join(sorted(_AUDITORS)) or "none"
        raise InputError(f"Nothing here audits a folder of '{kind}'; there are: {known}.")
    return _AUDITORS[kind](folder)
