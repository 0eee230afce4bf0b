"""Queries, positives and references of a ranking, and which wells may swap labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.findings import Finding
from phenolens.stats.average_precision import AveragePrecision, average_precision
from phenolens.stats.wells import Wells, as_list, prepare, select

_CONTROL = f"{profiles.PREFIX}phenolens_control"


@dataclass(frozen=True)
class Ranking:
    """Wells with their roles in replicate retrieval.

    Attributes
    ----------
    wells : Wells
    names : DataFrame, shape (n_groups, n_columns)
        Key of each group, by group number.
    group : ndarray of int64, shape (n_wells,)
        Perturbation of each query; -1 for the other wells.
    reference, control : ndarray of bool
        Wells that compete with the positives, and negative controls.
    within, stratum : ndarray of int64
        References share ``within`` with the query; labels are permuted inside ``stratum``.
    differ : ndarray of int64, shape (n_wells, n_columns)
        Positives differ from the query in every column.
    excluded : dict of str to int
        Reason to number of rows or features left out.
    """

    wells: Wells
    names: pd.DataFrame
    group: np.ndarray
    reference: np.ndarray
    control: np.ndarray
    within: np.ndarray
    stratum: np.ndarray
    differ: np.ndarray
    excluded: dict[str, int]

    def scores(self) -> AveragePrecision:
        """Average precision of every query."""
        return average_precision(
            self.wells,
            self.group,
            reference=self.reference,
            within=self.within,
            differ=self.differ,
        )

    def groups(self) -> Iterator[np.ndarray]:
        """Rows of each perturbation, in the order of its name."""
        order = np.argsort(self.group, kind="stable")
        queries = order[self.group[order] >= 0]
        edges = np.flatnonzero(np.diff(self.group[queries])) + 1
        yield from np.split(queries, edges)


def rank_against(
    table: pd.DataFrame,
    *,
    same_by: str | Sequence[str],
    controls: np.ndarray | str,
    diff_by: str | Sequence[str] | None = None,
    within: str | Sequence[str] | None = None,
    strata: str | Sequence[str] | None = None,
    references: str = "controls",
    similarity: str = "cosine",
    single: bool = False,
) -> Ranking:
    """Clean a table, number its perturbations, and leave out, counted, what cannot be ranked.

    Parameters are those of :func:`phenolens.evaluate.activity.activity.activity`; ``single`` rounds
    similarities as copairs does.

    Raises
    ------
    InputError
        If a column, the query or the table cannot be used.
    DesignError
        If no perturbation can be tested.
    """
    if references not in ("controls", "others"):
        raise InputError(f"References {references!r} is unknown; use 'controls' or 'others'.")
    marked = profiles.with_metadata(table, {_CONTROL: select(table, controls)})
    wells = prepare(marked, similarity=similarity, single=single)
    control = profiles.column(wells.table, _CONTROL).astype(bool)
    group, names, unnamed = _perturbations(wells, as_list(same_by), control)
    codes, differ = wells.codes(within), _columns(wells, diff_by)
    reference = control if references == "controls" else group >= 0
    group, dropped = _rankable(group, reference, codes, differ=differ)
    if (group < 0).all():
        raise DesignError(Finding("nothing-can-be-tested", "error", {}, {"dropped": dropped}))
    counts = wells.excluded | {"wells without a perturbation's name": unnamed} | dropped
    excluded = {reason: count for reason, count in counts.items() if count}
    stratum = wells.codes(strata or within or _plate(wells))
    return Ranking(wells, names, group, reference, control, codes, stratum, differ, excluded)


def _perturbations(
    wells: Wells, names: list[str], control: np.ndarray
) -> tuple[np.ndarray, pd.DataFrame, int]:
    if not names:
        raise InputError("same_by names no column; name those that identify a perturbation.")
    for name in names:
        profiles.column(wells.table, name)
    group, keys = profiles.groups(wells.table, names)
    unnamed = keys.isna().any(axis=1).to_numpy()[group] & ~control
    return np.where(control | unnamed, -1, group), keys, int(unnamed.sum())


def _columns(wells: Wells, columns: str | Sequence[str] | None) -> np.ndarray:
    codes = [wells.codes(name) for name in as_list(columns)]
    return np.stack(codes, axis=1) if codes else np.empty((len(wells), 0), dtype=np.int64)


def _plate(wells: Wells) -> str | None:
    return profiles.PLATE if profiles.PLATE in wells.table.index.names else None


def _rankable(
    group: np.ndarray, reference: np.ndarray, within: np.ndarray, *, differ: np.ndarray
) -> tuple[np.ndarray, dict[str, int]]:
    """Groups whose wells have a reference and a positive; the others lose their number."""
    alone = (group >= 0) & ~np.isin(within, within[reference])
    group = np.where(alone, -1, group)
    lonely = (group >= 0) & (_partners(group, differ) == 0)
    singles = len(np.unique(group[lonely]))
    return np.where(lonely, -1, group), {
        "wells without a reference to compare with": int(alone.sum()),
        "wells without a replicate": int(lonely.sum()),
        "perturbations with such a well": singles,
    }


def _partners(group: np.ndarray, differ: np.ndarray) -> np.ndarray:
    """Number of possible positives of each well."""
    count = np.zeros(len(group), dtype=np.int64)
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if group[rows[0]] >= 0:
            count[rows] = _distinct(differ[rows])
    return count


def _distinct(differ: np.ndarray) -> np.ndarray:
    """For each row, how many other rows differ from it in every column."""
    if not differ.shape[1]:
        return np.full(len(differ), len(differ) - 1)
    same = np.zeros((len(differ), len(differ)), dtype=bool)
    for column in differ.T:
        same |= column[:, None] == column[None, :]
    return len(differ) - same.sum(axis=1)
