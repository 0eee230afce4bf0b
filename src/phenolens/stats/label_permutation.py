"""Label-permutation p of every perturbation of a ranking."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from phenolens.errors import DesignError, named
from phenolens.stats.permutation import (
    Pool,
    StratifiedLabels,
    labellings,
    p_value,
    pool_rows,
    smallest_p,
    stratified_labels,
)
from phenolens.stats.ranking import Ranking

# The tables of a pool take 16 bytes a pair: a quarter of a gigabyte at the limit.
POOL_LIMIT = 4_000


def permuted(
    ranking: Ranking, mean: np.ndarray, *, permutations: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """p of each perturbation's mean average precision by permuting labels inside strata.

    Labellings are drawn anew for each design, not for each perturbation, so that a p does not
    depend on what else is in the table; every perturbation's null is made of its own similarities.

    Parameters
    ----------
    ranking : Ranking
    mean : ndarray of float64, shape (n_groups,)
        Observed mean average precision, in the order of ``ranking.groups()``.
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
    permuter = _Permuter(ranking, permutations, seed)
    p, floor = np.full((2, len(mean)), np.nan)
    for number, rows in _by_place(ranking):
        null, design, enumerated = permuter.null(rows)
        p[number] = p_value(mean[number], null, enumerated=enumerated)
        floor[number] = smallest_p(design, permutations)
    return p, floor


def _by_place(ranking: Ranking) -> Iterator[tuple[int, np.ndarray]]:
    """Perturbations, those that share their references after one another."""
    groups = list(enumerate(ranking.groups()))
    places = [tuple(np.unique(ranking.within[rows])) for _, rows in groups]
    yield from (groups[i] for i in sorted(range(len(groups)), key=lambda i: places[i]))


class _Permuter:
    """Keeps what perturbations share: tables among references, and labellings of a design."""

    def __init__(self, ranking: Ranking, permutations: int, seed: int) -> None:
        self.ranking, self.permutations, self.seed = ranking, permutations, seed
        self._base: tuple[tuple[int, ...], np.ndarray, Pool] | None = None
        self._picks: dict[StratifiedLabels, tuple[np.ndarray, bool]] = {}
        self._shared: dict[tuple, np.ndarray] = {}

    def null(self, rows: np.ndarray) -> tuple[np.ndarray, StratifiedLabels, bool]:
        """Null of one perturbation, its design, and whether it is complete."""
        members, pool, labelled = self._pool(rows)
        design, strata = stratified_labels(self.ranking.stratum[members], labelled)
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
        return not self.ranking.reference[rows].all()

    def _pool(self, rows: np.ndarray) -> tuple[np.ndarray, Pool, np.ndarray]:
        references, base = self._references(tuple(np.unique(self.ranking.within[rows])))
        if not self._own_pool(rows):
            return references, base, np.isin(references, rows)
        ranking = self.ranking
        cross = ranking.wells.similarity(rows, references)
        inner = ranking.wells.similarity(rows, rows)
        pool = base.joined(cross, inner, within=ranking.within[rows], differ=ranking.differ[rows])
        labelled = np.arange(len(references) + len(rows)) >= len(references)
        return np.concatenate([references, rows]), pool, labelled

    def _references(self, place: tuple[int, ...]) -> tuple[np.ndarray, Pool]:
        if self._base is not None and self._base[0] == place:
            return self._base[1:]
        ranking = self.ranking
        rows = np.flatnonzero(ranking.reference & np.isin(ranking.within, place))
        if len(rows) > POOL_LIMIT:
            raise DesignError(
                f"{len(rows)} references compete at once, more than {POOL_LIMIT}: part them "
                f"with {named('within')} (the plate), or take {named('null')} 'copairs'."
            )
        similarity = ranking.wells.similarity(rows, rows)
        pool = Pool.of(similarity, ranking.within[rows], ranking.differ[rows])
        self._base, self._shared = (place, rows, pool), {}
        return rows, pool
