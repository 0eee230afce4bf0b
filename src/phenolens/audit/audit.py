"""The checks of a design, and what they find, the gravest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from phenolens.audit.audited import Audited, AuditedBlock
from phenolens.findings import Finding, worst_first
from phenolens.io.images.image_headers import ImageHeaders
from phenolens.profiles import BATCH, COMPOUND, CONTROL, MECHANISM, TREATMENT
from phenolens.registry import Registry

Check = Callable[[Audited], Iterable[Finding]]
CHECKS: Registry[Check] = Registry(
    "check of a design", package="phenolens.audit.checks", kind="checks"
)
check = CHECKS.at
"""Registers a check; its findings stand among those of one severity by rising number."""


def checks() -> list[Check]:
    """Every check, ours and those that others registered, in their order."""
    return list(CHECKS.known().values())


def audit_design(
    wells: pd.DataFrame,
    *,
    folds: object | None = None,
    roles: np.ndarray | None = None,
    images_per_well: pd.Series | None = None,
    headers: ImageHeaders | None = None,
    blocks: Sequence[AuditedBlock] = (),
    label: str = TREATMENT,
) -> list[Finding]:
    """Say what a design cannot answer.

    Parameters
    ----------
    wells : DataFrame
        One row a well: ``Metadata_Plate``, ``Metadata_Well``, the label, and, where known,
        ``Metadata_Control``, ``Metadata_Batch``, ``Metadata_Mechanism``, ``Metadata_CellCount``.
    folds : Folds or DataFrame, optional
        The split: an object with a ``table``, or a plain frame, of ``Metadata_Plate``,
        ``Metadata_Well`` and ``fold`` (one row a well, field or cell).
    roles : array of str, optional
        Role of each well's controls (``calibrate``, ``evaluate``, ``swap-a``, ``swap-b``,
        ``reused``).
    images_per_well : Series, optional
        Number of images by (plate, well).
    headers : ImageHeaders, optional
        What the headers of the image files say.
    blocks : sequence of AuditedBlock
        Representations of the wells, for the checks that look at them.
    label : str
        The class column.

    Returns
    -------
    list of Finding
        The gravest first, then in the order of the checks.
    """
    design = Audited(
        wells=_complete(wells, label),
        label=label,
        folds=getattr(folds, "table", folds),
        roles=None if roles is None else np.asarray(roles, dtype=object),
        images=images_per_well,
        headers=headers,
        blocks=blocks,
    )
    return worst_first([finding for look in checks() for finding in _found(look, design)])


def _found(look: Check, design: Audited) -> list[Finding]:
    """What a check finds; one that gives something else is named."""
    found = look(design)
    if isinstance(found, Finding) or not isinstance(found, Iterable):
        kind = type(found).__name__
        raise TypeError(f"{look.__module__}.{look.__qualname__} gave {kind}; yield Findings.")
    return list(found)


def _complete(wells: pd.DataFrame, label: str) -> pd.DataFrame:
    """The wells with every column the checks ask for."""
    out = wells.reset_index(drop=True).copy()
    for name in (label, BATCH, MECHANISM, COMPOUND):
        if name not in out:
            out[name] = None
    out[CONTROL] = out[CONTROL].fillna(False).astype(bool) if CONTROL in out else False
    return out
