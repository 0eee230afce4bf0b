"""Null of the mean average precision by permuting labels inside strata.

A perturbation's wells and its references form a pool. A labelling draws as many wells from each
stratum (a plate, or a block of positions of a plate) as the perturbation has there; the mean
average precision is recomputed from the same similarities. For speed the pool's tables hold, for
each query i and well j, how many possible references of i are more similar to it than j; a
labelling then costs a few look-ups, whatever the number of references.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np

from phenolens.stats.average_precision import TIE, _differs, walk

CHUNK_BYTES = 32 * 2**20


@dataclass(frozen=True)
class StratifiedLabels:
    """How many wells of each stratum there are, and how many carry the label."""

    sizes: tuple[int, ...]
    labelled: tuple[int, ...]

    @property
    def labellings(self) -> int:
        """Number of distinct labellings."""
        return math.prod(map(math.comb, self.sizes, self.labelled))


def labellings(
    design: StratifiedLabels, permutations: int, *, seed: int
) -> tuple[np.ndarray, bool]:
    """Labellings of a design: all of them where they are few, a random sample otherwise.

    Returns
    -------
    picks : ndarray of int64, shape (n_labellings, n_labelled)
        Places within each stratum, stratum after stratum.
    enumerated : bool
    """
    if design.labellings <= permutations:
        return _every(design), True
    rng = np.random.default_rng(seed)
    strata = zip(design.sizes, design.labelled, strict=True)
    drawn = [_draw(size, count, permutations, rng=rng) for size, count in strata]
    return np.concatenate(drawn, axis=1), False


def _every(design: StratifiedLabels) -> np.ndarray:
    strata = zip(design.sizes, design.labelled, strict=True)
    choices = [itertools.combinations(range(size), count) for size, count in strata]
    rows = [sum(parts, ()) for parts in itertools.product(*choices)]
    return np.array(rows, dtype=np.int64)


def _draw(size: int, count: int, times: int, *, rng: np.random.Generator) -> np.ndarray:
    """``times`` subsets of ``count`` out of ``size``, each equally likely."""
    if count * count <= size:
        return _draw_few(size, count, times, rng=rng)
    step = max(1, CHUNK_BYTES // (8 * size))
    parts = []
    for first in range(0, times, step):
        keys = rng.random((min(step, times - first), size))
        parts.append(np.argpartition(keys, count - 1, axis=1)[:, :count])
    return np.concatenate(parts).astype(np.int64)


def _draw_few(size: int, count: int, times: int, *, rng: np.random.Generator) -> np.ndarray:
    """The same by drawing with replacement until no member repeats."""
    picks = rng.integers(size, size=(times, count))
    while True:
        ordered = np.sort(picks, axis=1)
        again = np.flatnonzero((ordered[:, 1:] == ordered[:, :-1]).any(axis=1))
        if not len(again):
            return picks
        picks[again] = rng.integers(size, size=(len(again), count))


@dataclass
class Pool:
    """Similarities among wells that may swap labels, and the rank tables made from them.

    Attributes
    ----------
    similarity : ndarray of float64, shape (n, n)
    within : ndarray of int64, shape (n,)
        A well's references are the pool's wells with its code.
    differ : ndarray of int64, shape (n, n_columns)
    above, level : ndarray of int32, shape (n, n)
        Possible references of row i more similar to it than j; and at least as similar.
    outside : ndarray of float64, shape (n, n_outside), optional
        Rising similarities of each row to references that no labelling touches, as those of other
        plates where labels are permuted inside plates; -inf for those it is not compared with.
        They count in the tables and need no row of their own.
    """

    similarity: np.ndarray
    within: np.ndarray
    differ: np.ndarray
    above: np.ndarray
    level: np.ndarray
    outside: np.ndarray | None = None

    @classmethod
    def of(
        cls,
        similarity: np.ndarray,
        within: np.ndarray,
        differ: np.ndarray,
        *,
        outside: np.ndarray | None = None,
    ) -> Pool:
        """A pool with its tables counted."""
        above, level = _count(similarity, within)
        if outside is not None:
            _count_outside(similarity, outside, 0, 0, above, level)
        return cls(similarity, within, differ, above, level, outside)

    def joined(
        self,
        cross: np.ndarray,
        inner: np.ndarray,
        *,
        within: np.ndarray,
        differ: np.ndarray,
        outside: np.ndarray | None = None,
    ) -> Pool:
        """The pool with m wells more; ``cross`` is (m, n) and ``inner`` (m, m) similarities.

        ``outside`` is (m, n_outside), where the pool has some; the new pool takes no more wells.
        """
        similarity = np.block([[self.similarity, cross.T], [cross, inner]])
        codes = np.concatenate([self.within, within])
        above, level = _count_joined(similarity, codes, self.above, self.level)
        if self.outside is not None and outside is not None:
            old = len(self.within)
            _count_outside(similarity, self.outside, 0, old, above, level)
            _count_outside(similarity, outside, old, 0, above, level)
        return Pool(similarity, codes, np.concatenate([self.differ, differ]), above, level)

    def mean_average_precision(self, picks: np.ndarray) -> np.ndarray:
        """Mean average precision of each labelling, float64 of shape (len(picks),).

        Parameters
        ----------
        picks : ndarray of int64, shape (n_labellings, n_labelled)
            Rows of the pool that carry the label; the others are references.
        """
        return _null(picks, self.similarity, self.above, self.level, self.within, self.differ)


def p_value(observed: float, null: np.ndarray, *, enumerated: bool) -> float:
    """Share of labellings that reach the observed value; NaN where there is none.

    The observed labelling is one of those enumerated, and is added to those sampled. Labellings
    under which no well has a positive have no value and do not count.
    """
    if not np.isfinite(observed):
        return np.nan
    null = null[np.isfinite(null)]
    # Sums of the same terms in another order differ in the last bits.
    reached = int((null >= observed - 1e-10).sum())
    return reached / len(null) if enumerated else (1 + reached) / (len(null) + 1)


def smallest_p(design: StratifiedLabels, permutations: int) -> float:
    """The smallest p that a design and a number of permutations can give."""
    return 1 / design.labellings if design.labellings <= permutations else 1 / (permutations + 1)


def stratified_labels(
    stratum: np.ndarray, labelled: np.ndarray
) -> tuple[StratifiedLabels, Sequence[np.ndarray]]:
    """Labels of a pool by stratum, and the pool rows of each stratum in which a label sits.

    Parameters
    ----------
    stratum : ndarray of int64, shape (n,)
    labelled : ndarray of bool, shape (n,)
    """
    rows = [np.flatnonzero(stratum == code) for code in np.unique(stratum[labelled])]
    counts = tuple(int(labelled[row].sum()) for row in rows)
    return StratifiedLabels(tuple(map(len, rows)), counts), rows


def pool_rows(
    picks: np.ndarray, design: StratifiedLabels, rows: Sequence[np.ndarray]
) -> np.ndarray:
    """Places within strata turned into rows of the pool."""
    edges = np.cumsum((0, *design.labelled))
    parts = [row[picks[:, a:b]] for row, a, b in zip(rows, edges[:-1], edges[1:], strict=True)]
    return np.concatenate(parts, axis=1)


@numba.njit(cache=True)
def _more(ordered, limit):
    """How many of the rising values exceed the limit."""
    return len(ordered) - np.searchsorted(ordered, limit, side="right")


@numba.njit(cache=True)
def _references(similarity, within, i, stop):
    """Rising similarities of row i to its possible references among the first ``stop`` rows."""
    found = np.empty(stop)
    count = 0
    for r in range(stop):
        if r != i and within[r] == within[i]:
            found[count] = similarity[i, r]
            count += 1
    return np.sort(found[:count])


@numba.njit(cache=True)
def _count_row(similarity, within, i, above, level):
    ordered = _references(similarity, within, i, len(within))
    for j in range(len(within)):
        above[i, j] = _more(ordered, similarity[i, j] + TIE)
        level[i, j] = _more(ordered, similarity[i, j] - TIE)


@numba.njit(cache=True)
def _count(similarity, within):
    n = len(within)
    above = np.empty((n, n), np.int32)
    level = np.empty((n, n), np.int32)
    for i in range(n):
        _count_row(similarity, within, i, above, level)
    return above, level


@numba.njit(cache=True, nogil=True)
def _count_joined(similarity, within, old_above, old_level):
    """Tables of a pool that grew: old rows are raised by the new wells, new rows are counted."""
    n, old = len(within), len(old_above)
    above = np.empty((n, n), np.int32)
    level = np.empty((n, n), np.int32)
    for i in range(old, n):
        _count_row(similarity, within, i, above, level)
    for i in range(old):
        above[i, :old] = old_above[i]
        level[i, :old] = old_level[i]
        for j in range(old, n):
            _count_cell(similarity, within, i, j, old, above, level)
        for r in range(old, n):
            if within[r] == within[i]:
                for j in range(n):
                    above[i, j] += similarity[i, r] > similarity[i, j] + TIE
                    level[i, j] += similarity[i, r] > similarity[i, j] - TIE
    return above, level


@numba.njit(cache=True)
def _count_cell(similarity, within, i, j, stop, above, level):
    higher, same = 0, 0
    for r in range(stop):
        if r != i and within[r] == within[i]:
            higher += similarity[i, r] > similarity[i, j] + TIE
            same += similarity[i, r] > similarity[i, j] - TIE
    above[i, j] = higher
    level[i, j] = same


@numba.njit(cache=True, nogil=True)
def _count_outside(similarity, outside, first, start, above, level):
    """Add references outside to the tables of rows from ``first``, at columns from ``start``."""
    for k in range(len(outside)):
        i = first + k
        for j in range(start, similarity.shape[1]):
            above[i, j] += _more(outside[k], similarity[i, j] + TIE)
            level[i, j] += _more(outside[k], similarity[i, j] - TIE)


@numba.njit(cache=True, nogil=True)
def _null(picks, similarity, above, level, within, differ):
    times, m = picks.shape
    out = np.empty(times)
    keys = np.empty(m)
    higher = np.empty(m, np.int64)
    tied = np.empty(m, np.int64)
    for b in range(times):
        total, queries = 0.0, 0
        for a in range(m):
            i = picks[b, a]
            count = _gather(picks[b], a, similarity[i], within, differ, keys)
            if count > 0:
                _rank(picks[b], a, similarity[i], above[i], level[i], within, differ, higher, tied)
                _sort_together(keys, higher, tied, count)
                total += walk(keys, higher, tied, count)
                queries += 1
        out[b] = total / queries if queries else np.nan
    return out


@numba.njit(cache=True)
def _gather(picked, a, row, within, differ, keys):
    count = 0
    for c in range(len(picked)):
        if c != a and _differs(differ, picked[a], picked[c]):
            keys[count] = row[picked[c]]
            count += 1
    return count


@numba.njit(cache=True)
def _rank(picked, a, row, above, level, within, differ, higher, tied):
    """References above and level with each positive: the tables less the labelled wells."""
    i = picked[a]
    count = 0
    for c in range(len(picked)):
        j = picked[c]
        if c == a or not _differs(differ, i, j):
            continue
        more, same = above[j], level[j]
        for e in range(len(picked)):
            k = picked[e]
            if e != a and within[k] == within[i]:
                more -= row[k] > row[j] + TIE
                same -= row[k] > row[j] - TIE
        higher[count] = more
        tied[count] = same - more
        count += 1


@numba.njit(cache=True)
def _sort_together(keys, higher, tied, count):
    for a in range(1, count):
        key, more, same = keys[a], higher[a], tied[a]
        b = a - 1
        while b >= 0 and keys[b] < key:
            keys[b + 1], higher[b + 1], tied[b + 1] = keys[b], higher[b], tied[b]
            b -= 1
        keys[b + 1], higher[b + 1], tied[b + 1] = key, more, same
