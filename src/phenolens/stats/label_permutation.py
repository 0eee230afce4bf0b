"""Label-permutation p of every perturbation of an exam."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phenolens.errors import DesignError, named
from phenolens.stats.exam import Exam
from phenolens.stats.permutation import (
    Design,
    Pool,
    design_of,
    labellings,
    p_value,
    pool_rows,
    smallest_p,
)

# The tables of a pool take 16 bytes a pair: a quarter of a gigabyte at the limit.
POOL_LIMIT = 4_000


def permuted(
    exam: Exam, mean: np.ndarray, *, permutations: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """p of each perturbation's mean average precision by permuting labels inside strata.

    Labellings are drawn anew for each design, not for each perturbation, so that a p does not
    depend on what else is in the table; every perturbation's null is made of its own similarities.

    Parameters
    ----------
    exam : Exam
    mean : ndarray of float64, shape (n_groups,)
        Observed mean average precision, in the order of ``exam.groups()``.
    permutations : int
    seed : int

    Returns
    -------
    p, p_attainable : ndarray of float64, shape (n_groups,)

    Raises
    ------
    DesignError
        If the references of a perturbation are too many to permute.
    """
    permuter = _Permuter(exam, permutations, seed)
    p, floor = np.full((2, len(mean)), np.nan)
    for number, rows in _by_place(exam):
        null, design, enumerated = permuter.null(rows)
        p[number] = p_value(mean[number], null, enumerated=enumerated)
        floor[number] = smallest_p(design, permutations)
    return p, floor


def _by_place(exam: Exam) -> Iterator[tuple[int, np.ndarray]]:
    """Perturbations, those that share their references after one another."""
    groups = list(enumerate(exam.groups()))
    places = [tuple(np.unique(exam.within[rows])) for _, rows in groups]
    yield from (groups[i] for i in sorted(range(len(groups)), key=lambda i: places[i]))


class _Permuter:
    """Keeps what perturbations share: tables among references, and labellings of a design."""

    def __init__(self, exam: Exam, permutations: int, seed: int) -> None:
        self.exam, self.permutations, self.seed = exam, permutations, seed
        self._place: tuple[int, ...] | None = None
        self._base: tuple[np.ndarray, Pool] | None = None
        self._picks: dict[Design, tuple[np.ndarray, bool]] = {}
        self._shared: dict[tuple, np.ndarray] = {}

    def null(self, rows: np.ndarray) -> tuple[np.ndarray, Design, bool]:
        """Null of one perturbation, its design, and whether it is complete."""
        members, pool, labelled = self._pool(rows)
        design, strata = design_of(self.exam.stratum[members], labelled)
        if design not in self._picks:
            self._picks[design] = labellings(design, self.permutations, seed=self.seed)
        picks, enumerated = self._picks[design]
        key = (design, tuple(int(row[0]) for row in strata))
        if self._own_pool(rows):
            picked = pool_rows(picks, design, strata)
            return pool.mean_average_precision(picked), design, enumerated
        if key not in self._shared:
            picked = pool_rows(picks, design, strata)
            self._shared[key] = pool.mean_average_precision(picked)
        return self._shared[key], design, enumerated

    def _own_pool(self, rows: np.ndarray) -> bool:
        """Whether the wells are not references of others, so that the pool is theirs alone."""
        return not self.exam.reference[rows].all()

    def _pool(self, rows: np.ndarray) -> tuple[np.ndarray, Pool, np.ndarray]:
        references, base = self._references(tuple(np.unique(self.exam.within[rows])))
        if not self._own_pool(rows):
            return references, base, np.isin(references, rows)
        exam = self.exam
        cross = exam.wells.similarity(rows, references)
        inner = exam.wells.similarity(rows, rows)
        pool = base.joined(cross, inner, within=exam.within[rows], differ=exam.differ[rows])
        labelled = np.arange(len(references) + len(rows)) >= len(references)
        return np.concatenate([references, rows]), pool, labelled

    def _references(self, place: tuple[int, ...]) -> tuple[np.ndarray, Pool]:
        if place != self._place:
            exam = self.exam
            rows = np.flatnonzero(exam.reference & np.isin(exam.within, place))
            if len(rows) > POOL_LIMIT:
                raise DesignError(
                    f"{len(rows)} references compete at once, more than {POOL_LIMIT}: part them "
                    f"with {named('within')} (the plate), or take {named('null')} 'copairs'."
                )
            similarity = exam.wells.similarity(rows, rows)
            self._base = rows, Pool.of(similarity, exam.within[rows], exam.differ[rows])
            self._place, self._shared = place, {}
        return self._base
