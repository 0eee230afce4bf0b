"""The audit of somebody else's study: a declared design and the tables that come with it."""

from __future__ import annotations

import pandas as pd

from phenolens.audit.audit import audit_design
from phenolens.findings import SEVERITIES
from phenolens.profiles import TREATMENT, WELL_KEY
from phenolens.published.blocks import check_blocks, check_clusters
from phenolens.published.images import (
    check_control_use,
    check_input,
    check_resolution,
    check_threshold,
    check_unit,
)
from phenolens.published.order import check_label_order
from phenolens.published.scores import (
    check_baselines,
    check_chance_map,
    check_gap,
    check_majority,
)
from phenolens.published.split import check_augmentation, check_overlap, check_split
from phenolens.published.tables import (
    NOTHING,
    ROLE,
    Declared,
    Evidence,
    seen,
    unchecked,
    wells_of,
)

__all__ = ["Declared", "Evidence", "audit_declared"]

SHARE = "majority-class"
CHECKS = (
    check_majority,
    check_split,
    check_label_order,
    check_blocks,
    check_clusters,
    check_augmentation,
    check_overlap,
    check_input,
    check_threshold,
    check_resolution,
    check_unit,
    check_control_use,
    check_baselines,
    check_gap,
    check_chance_map,
)


def audit_declared(declared: Declared) -> list[Evidence]:
    """Name the defects of a study from its tables and from what it declares.

    Parameters
    ----------
    declared : Declared

    Returns
    -------
    list of Evidence
        The gravest first, then in the order of the checks; what could not be checked is said, as
        ``info`` with the basis ``nothing``.

    Raises
    ------
    InputError
        If the blocks declared do not fit their table.
    """
    findings = [finding for check in CHECKS for finding in check(declared)]
    return merged(_layout(declared), findings)


def _layout(declared: Declared) -> list[Evidence]:
    """The design audit of the wells: replicates, positions, controls, batches, folds."""
    rows = declared.rows
    if rows is None:
        return [unchecked(code, "there is no table of rows")
                for code in ("class-is-one-well", "layout-confounded")]  # fmt: skip
    wells = wells_of(rows)
    folds = rows[list(WELL_KEY)].assign(fold=declared.fold_codes) if declared.has_folds else None
    return seen(
        audit_design(
            wells,
            folds=folds,
            roles=_roles(rows, wells),
            images_per_well=rows.groupby(list(WELL_KEY)).size(),
            label=TREATMENT,
        )
    )


def _roles(rows: pd.DataFrame, wells: pd.DataFrame) -> object | None:
    if ROLE not in rows:
        return None
    role = rows.drop_duplicates(list(WELL_KEY)).set_index(list(WELL_KEY))[ROLE]
    return role.reindex(pd.MultiIndex.from_frame(wells[list(WELL_KEY)])).fillna("").to_numpy()


def merged(layout: list[Evidence], findings: list[Evidence]) -> list[Evidence]:
    """Findings of the design audit and of scores, the gravest first, each answered once.

    Where accuracies were compared with the majority share, the share alone says no more; and a
    code that was answered need not be called unchecked as well.
    """
    compared = any(f.code == SHARE and f.basis != NOTHING for f in findings)
    both = findings + [f for f in layout if not (compared and f.code == SHARE)]
    answered = {finding.code for finding in both if finding.basis != NOTHING}
    return worst_first([f for f in both if f.basis != NOTHING or f.code not in answered])


def worst_first(findings: list[Evidence]) -> list[Evidence]:
    """Errors, warnings, notes, then what is in order; what was not checked after the notes."""
    return sorted(
        findings,
        key=lambda f: (SEVERITIES.index(f.severity), f.basis == NOTHING),
    )
