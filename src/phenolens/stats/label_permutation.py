"""Label-permutation p of every perturbation of a ranking."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import groupby

import numpy as np

from phenolens.errors import DesignError, named
from phenolens.stats.average_precision import BLOCK_BYTES
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
_DESIGNS_KEPT = 64

Null = tuple[np.ndarray, StratifiedLabels, bool]


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
        NaN for a perturbation that has too many wells and references to permute, where others have
        not.

    Raises
    ------
    DesignError
        If the references of every perturbation are too many to permute.
    """
    p, floor = np.full((2, len(mean)), np.nan)
    drawn = _Labellings(permutations, seed)
    too_many = 0
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        for around, groups in _by_surroundings(ranking):
            if around.pairs > POOL_LIMIT**2:
                too_many = max(too_many, len(around.inside) + len(around.outside))
                continue
            for number, (null, design, enumerated) in around.nulls(groups, drawn, threads):
                p[number] = p_value(mean[number], null, enumerated=enumerated)
                floor[number] = smallest_p(design, permutations)
    if too_many and np.isnan(floor).all():
        raise DesignError(
            f"{too_many} references compete at once, more than {POOL_LIMIT}: part them "
            f"with {named('within')} (the plate), or take {named('null')} 'copairs'."
        )
    return p, floor


class _Labellings:
    """Labellings of each design, the latest ones kept."""

    def __init__(self, permutations: int, seed: int) -> None:
        self.permutations, self.seed = permutations, seed
        self._kept: dict[StratifiedLabels, tuple[np.ndarray, bool]] = {}

    def of(self, design: StratifiedLabels) -> tuple[np.ndarray, bool]:
        """As :func:`labellings`."""
        found = self._kept.get(design)
        if found is None:
            found = labellings(design, self.permutations, seed=self.seed)
            if len(self._kept) >= _DESIGNS_KEPT:
                self._kept.clear()
            self._kept[design] = found
        return found

    def null(self, pool: Pool, stratum: np.ndarray, labelled: np.ndarray) -> Null:
        """Null of a pool's labelled wells, their design, and whether it is complete."""
        design, strata = stratified_labels(stratum, labelled)
        picks, enumerated = self.of(design)
        values = pool.mean_average_precision(pool_rows(picks, design, strata))
        return values, design, enumerated


def _by_surroundings(
    ranking: Ranking,
) -> Iterator[tuple[_Surroundings, list[tuple[int, np.ndarray]]]]:
    """Perturbations, numbered, that share their references and the strata they lie in."""
    groups = list(enumerate(ranking.groups()))
    keys = [
        (tuple(np.unique(ranking.within[rows])), tuple(np.unique(ranking.stratum[rows])))
        for _, rows in groups
    ]
    order = sorted(range(len(groups)), key=lambda k: keys[k])
    for (within, strata), same in groupby(order, key=lambda k: keys[k]):
        yield _Surroundings(ranking, within, strata), [groups[k] for k in same]


class _Surroundings:
    """References of perturbations that lie in the same strata: what their pools share.

    Labels move inside strata, so references of other strata only count: they have no row in the
    tables of a pool.
    """

    def __init__(self, ranking: Ranking, within: Sequence[int], strata: Sequence[int]) -> None:
        self.ranking = ranking
        here = ranking.reference & np.isin(ranking.within, within)
        inside = here & np.isin(ranking.stratum, strata)
        self.inside, self.outside = np.flatnonzero(inside), np.flatnonzero(here & ~inside)

    @property
    def pairs(self) -> int:
        """Similarities that the tables are made of."""
        return len(self.inside) * (len(self.inside) + len(self.outside))

    @cached_property
    def base(self) -> Pool:
        """The pool of the references inside."""
        ranking, rows = self.ranking, self.inside
        inside, outside = self._similarity(rows)
        return Pool.of(inside, ranking.within[rows], ranking.differ[rows], outside=outside)

    def nulls(
        self,
        groups: Sequence[tuple[int, np.ndarray]],
        drawn: _Labellings,
        threads: ThreadPoolExecutor,
    ) -> Iterator[tuple[int, Null]]:
        """Number and null of each perturbation.

        Wells that are references themselves share one pool, and one null for each design.
        """
        reference, stratum = self.ranking.reference, self.ranking.stratum[self.inside]
        shared: dict[StratifiedLabels, Null] = {}
        own = []
        for number, rows in groups:
            if not reference[rows].all():
                own.append((number, rows))
                continue
            labelled = np.isin(self.inside, rows)
            design, _ = stratified_labels(stratum, labelled)
            if design not in shared:
                shared[design] = drawn.null(self.base, stratum, labelled)
            yield number, shared[design]
        across = len(self.inside) + len(self.outside)
        most = max(1, BLOCK_BYTES // (8 * max(across, 1)))
        ends = np.cumsum([len(rows) for _, rows in own])
        for _, block in groupby(range(len(own)), key=lambda k: (ends[k] - 1) // most):
            numbers, wells = zip(*(own[k] for k in block), strict=True)
            inside, outside = self._similarity(np.concatenate(wells))
            edges = np.cumsum([0, *map(len, wells)])

            def null(k: int, wells=wells, edges=edges, inside=inside, outside=outside) -> Null:
                here = slice(edges[k], edges[k + 1])
                pool = self._joined(
                    wells[k], inside[here], None if outside is None else outside[here]
                )
                stratum = self.ranking.stratum[np.concatenate([self.inside, wells[k]])]
                return drawn.null(pool, stratum, np.arange(len(stratum)) >= len(self.inside))

            yield from zip(numbers, threads.map(null, range(len(wells))), strict=True)

    def _joined(self, rows: np.ndarray, inside: np.ndarray, outside: np.ndarray | None) -> Pool:
        """The pool of a perturbation's wells and the references inside."""
        ranking = self.ranking
        return self.base.joined(
            inside,
            ranking.wells.similarity(rows, rows),
            within=ranking.within[rows],
            differ=ranking.differ[rows],
            outside=outside,
        )

    def _similarity(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """Similarities of wells to the references inside; and to those outside, as pools ask."""
        ranking, n = self.ranking, len(self.inside)
        found = ranking.wells.similarity(rows, np.concatenate([self.inside, self.outside]))
        if not len(self.outside):
            return found, None
        others = ranking.within[rows][:, None] != ranking.within[self.outside][None]
        outside = np.sort(np.where(others, -np.inf, found[:, n:]), axis=1)
        return np.ascontiguousarray(found[:, :n]), outside
