"""What can be audited beside a screen of ours: other rooms and distributions add to it.

The entry-point group is ``phenolens.audits``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from phenolens.audit.basis import AuditFinding
from phenolens.registry import Registry

Auditor = Callable[[Path], list[AuditFinding]]
AUDITORS: Registry[Auditor] = Registry("kind of folder to audit", kind="audits")


def auditor(name: str) -> Callable[[Auditor], Auditor]:
    """Register what audits a folder of one kind; ``tables`` is that of ``phenolens audit``.

    Raises
    ------
    ValueError
        If this kind of folder is audited already.
    """
    return lambda function: AUDITORS.register(function, name=name)


def audit_folder(kind: str, folder: Path) -> list[AuditFinding]:
    """Audit a folder of one kind, by whatever room or distribution knows how.

    Raises
    ------
    ConfigError
        If nobody does.
    InputError
        If a file cannot be used.
    """
    return AUDITORS.get(kind)(folder)
