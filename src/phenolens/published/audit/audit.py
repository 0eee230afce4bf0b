"""The checks of a declared study, and what they find, the gravest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pandas as pd

from phenolens.audit.audit import audit_design
from phenolens.audit.basis import AuditFinding, merged, seen, unchecked
from phenolens.profiles import TREATMENT, WELL_KEY
from phenolens.published.audit.declared import ROLE, Declared, wells_of
from phenolens.registry import Registry

Check = Callable[[Declared], Iterable[AuditFinding]]
CHECKS: Registry[Check] = Registry(
    "check of a declared study", package="phenolens.published.audit.checks"
)
check = CHECKS.at
"""Registers a check; its findings stand among those of one severity by rising number."""


def checks() -> list[Check]:
    """Every check, in the order of their places."""
    return list(CHECKS.known().values())


def audit_declared(declared: Declared) -> list[AuditFinding]:
    """Name the defects of a study from its tables and from what it declares.

    Parameters
    ----------
    declared : Declared

    Returns
    -------
    list of AuditFinding
        The gravest first, then in the order of the checks; what could not be checked is said, as
        ``info`` with the basis ``nothing``.

    Raises
    ------
    InputError
        If the blocks declared do not fit their table.
    """
    return merged(_layout(declared), [found for look in checks() for found in look(declared)])


def _layout(declared: Declared) -> list[AuditFinding]:
    """The design audit of the wells: replicates, positions, controls, batches, folds."""
    rows = declared.rows
    if rows is None:
        return [unchecked(code, "rows") for code in ("class-is-one-well", "layout-confounded")]
    wells = wells_of(rows)
    folds = rows[list(WELL_KEY)].assign(fold=declared.fold_codes) if declared.has_folds else None
    found = audit_design(
        wells,
        folds=folds,
        roles=_roles(rows, wells),
        images_per_well=rows.groupby(list(WELL_KEY)).size(),
        label=TREATMENT,
    )
    return seen(found)


def _roles(rows: pd.DataFrame, wells: pd.DataFrame) -> np.ndarray | None:
    if ROLE not in rows:
        return None
    role = rows.drop_duplicates(list(WELL_KEY)).set_index(list(WELL_KEY))[ROLE]
    return role.reindex(pd.MultiIndex.from_frame(wells[list(WELL_KEY)])).fillna("").to_numpy()
