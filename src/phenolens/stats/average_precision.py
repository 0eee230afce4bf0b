"""Average precision of each query, exact, expected over ties, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike

from phenolens.errors import InputError
from phenolens.stats.wells import Wells

# Equal profiles give similarities that differ by rounding only: they are ties.
TIE = 1e-12
BLOCK_BYTES = 48 * 2**20


@dataclass(frozen=True)
class AveragePrecision:
    """Average precision of each query.

    Attributes
    ----------
    query : ndarray of int64, shape (n_queries,)
        Row numbers of the queries.
    value : ndarray of float64
        Average precision; NaN where there is no positive or no reference.
    n_positive, n_total : ndarray of int64
        Positives, and positives plus references.
    change : ndarray of float64
        What the sum of the other queries' values gains when this well is left out.
    lost : ndarray of int64
        How many other queries have no positive left without this well.
    """

    query: np.ndarray
    value: np.ndarray
    n_positive: np.ndarray
    n_total: np.ndarray
    change: np.ndarray
    lost: np.ndarray

    @property
    def expected(self) -> np.ndarray:
        """Average precision of a random order of the same list."""
        return expected_average_precision(self.n_positive, self.n_total)

    @property
    def normalized(self) -> np.ndarray:
        """``(AP - E) / (1 - E)`` with the expectation E of a random order."""
        return normalized(self.value, self.n_positive, self.n_total)


def expected_average_precision(n_positive: ArrayLike, n_total: ArrayLike) -> np.ndarray:
    """Expectation of the average precision of a list in random order.

    Parameters
    ----------
    n_positive, n_total : array_like of int
        Positives M and length L of the list.

    Returns
    -------
    ndarray of float64
        ``(H_L + (M - 1) / (L - 1) * (L - H_L)) / L`` with the harmonic number H_L.

    References
    ----------
    Bestgen, Exact expected average precision of the random baseline (2015).
    """
    positive = np.asarray(n_positive, dtype=np.float64)
    total = np.asarray(n_total, dtype=np.int64)
    harmonic = np.concatenate(
        [[0.0], np.cumsum(1.0 / np.arange(1, max(total.max(initial=1), 1) + 1))]
    )
    h = harmonic[total]
    share = (positive - 1) / np.maximum(total - 1, 1)
    value = (h + share * (total - h)) / np.maximum(total, 1)
    return np.where((positive >= 1) & (total >= 1), value, np.nan)


def normalized(value: np.ndarray, n_positive: np.ndarray, n_total: np.ndarray) -> np.ndarray:
    """Average precision on a scale where a random order has 0 and a perfect one 1."""
    expected = expected_average_precision(n_positive, n_total)
    room = 1 - expected
    return np.where(room > 0, (value - expected) / np.where(room > 0, room, 1), np.nan)


def average_precision(
    wells: Wells,
    group: np.ndarray,
    *,
    reference: np.ndarray,
    query: np.ndarray | None = None,
    within: np.ndarray | None = None,
    differ: np.ndarray | None = None,
    apart: np.ndarray | None = None,
) -> AveragePrecision:
    """Average precision of each query: its group's other wells among the references.

    Parameters
    ----------
    wells : Wells
    group : ndarray of int64, shape (n_wells,)
        Wells of one group are each other's positives. A negative code belongs to no group.
    reference : ndarray of bool, shape (n_wells,)
        Wells the positives compete with; those of the query's own group never do.
    query : ndarray of bool, optional
        Queries; every well of a group by default.
    within : ndarray of int64, optional
        References share this code with the query (the plate, say).
    differ : ndarray of int64, shape (n_wells, n_columns), optional
        Positives differ from the query in every column.
    apart : ndarray of int64, shape (n_wells,), optional
        References differ from the query in this code (the position, say).

    Returns
    -------
    AveragePrecision
        In the order of the rows. Ties count with their expectation over all orders.
    """
    n = len(wells)
    group = np.ascontiguousarray(group, dtype=np.int64)
    is_query = group >= 0 if query is None else np.asarray(query, dtype=bool) & (group >= 0)
    if not is_query.any():
        raise InputError("There is no query: no well belongs to a group.")
    within = np.zeros(n, dtype=np.int64) if within is None else np.asarray(within, dtype=np.int64)
    differ = np.empty((n, 0), np.int64) if differ is None else np.asarray(differ, np.int64)
    apart = np.arange(n) if apart is None else np.asarray(apart, dtype=np.int64)
    members, start = members_of(group)
    rows = np.flatnonzero(is_query)
    value, change = np.full(n, np.nan), np.zeros(n)
    n_positive, n_total, lost = np.zeros((3, n), dtype=np.int64)
    codes = (group, differ, apart, members, start)
    place = np.zeros(n, dtype=np.int64)
    for queries, candidates in query_blocks(rows, within, np.asarray(reference, dtype=bool)):
        similarity = wells.similarity(queries, candidates)
        own = np.flatnonzero(np.isin(group, group[queries]))
        place[own] = np.arange(len(own))
        _block(
            similarity, queries, candidates, *codes, wells.unit(own), place, wells.absolute,
            wells.single, value, n_positive, n_total, change, lost,
        )  # fmt: skip
    return AveragePrecision(
        rows, value[rows], n_positive[rows], n_total[rows], change[rows], lost[rows]
    )


def members_of(group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wells ordered by group, and where each group starts."""
    order = np.argsort(group, kind="stable")
    start = np.searchsorted(group[order], np.arange(group.max() + 2))
    return order, start


def query_blocks(
    rows: np.ndarray, within: np.ndarray, reference: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Queries that share their references, in blocks whose similarities fit the memory bound."""
    for code in np.unique(within[rows]):
        candidates = np.flatnonzero(reference & (within == code))
        queries = rows[within[rows] == code]
        step = max(1, BLOCK_BYTES // (8 * max(len(candidates), 1)))
        for first in range(0, len(queries), step):
            yield queries[first : first + step], candidates


@numba.njit(cache=True)
def walk(similarity, above, tied, count):
    """Average precision of ``count`` positives in falling order, expected over ties.

    ``above`` and ``tied`` are the references more similar than, and as similar as, each positive.
    """
    total = 0.0
    found = 0
    while found < count:
        run = 1
        while found + run < count and similarity[found] - similarity[found + run] <= TIE:
            run += 1
        size = run + tied[found]
        rank = found + above[found]
        share = run / size
        more = (run - 1) / (size - 1) if size > 1 else 0.0
        for place in range(size):
            total += share * (found + 1 + place * more) / (rank + place + 1)
        found += run
    return total / count


@numba.njit(cache=True)
def _differs(differ, i, j):
    for column in range(differ.shape[1]):  # noqa: SIM110 (all() is slow when compiled)
        if differ[i, column] == differ[j, column]:
            return False
    return True


@numba.njit(cache=True)
def _dot(unit, i, j, absolute, single):
    total = 0.0
    for column in range(unit.shape[1]):
        total += unit[i, column] * unit[j, column]
    total = abs(total) if absolute else total
    return -float(np.float32(np.float32(1) - np.float32(total))) if single else total


@numba.njit(cache=True)
def _first_at_most(values, count, limit):
    """First place in falling ``values`` whose value is at most ``limit``."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if values[middle] > limit:
            low = middle + 1
        else:
            high = middle
    return low


@numba.njit(cache=True)
def _count_references(similarity, positives, above, tied, single):
    """Add one reference: it ranks above every positive less similar, and ties with its equals.

    Under ``single`` an equal positive comes first, as in copairs.
    """
    count = len(positives)
    first = _first_at_most(positives, count, similarity + TIE)
    while first < count and positives[first] >= similarity - TIE:
        tied[first] += not single
        first += 1
    if first < count:
        above[first] += 1


@numba.njit(cache=True)
def _positives(unit, place, q, own, differ, absolute, single):
    """The query's positives and their similarities, in falling order.

    ``unit`` holds the rows of the groups at hand, and ``place`` where each well is among them.
    """
    wells = np.empty(len(own), np.int64)
    similarity = np.empty(len(own))
    count = 0
    for j in own:
        if j != q and _differs(differ, q, j):
            wells[count] = j
            similarity[count] = _dot(unit, place[q], place[j], absolute, single)
            count += 1
    order = np.argsort(-similarity[:count], kind="mergesort")
    return wells[:count][order], similarity[:count][order]


@numba.njit(cache=True)
def _leave_out(wells, above, tied, change, lost):
    """Add to each positive what the query's value gains without it (ties at their middle)."""
    count = len(wells)
    after, before, full = 0.0, 0.0, 0.0
    for k in range(count):
        ahead = above[k] + tied[k] / 2
        full += (k + 1) / (k + 1 + ahead)
        after += k / (k + ahead) if k else 0.0
    for k in range(count):
        ahead = above[k] + tied[k] / 2
        after -= k / (k + ahead) if k else 0.0
        if count == 1:
            change[wells[k]] -= full
            lost[wells[k]] += 1
        else:
            change[wells[k]] += (before + after) / (count - 1) - full / count
        before += (k + 1) / (k + 1 + ahead)


@numba.njit(cache=True)
def _block(
    similarity, queries, candidates, group, differ, apart, members, start, unit, place, absolute,
    single, value, n_positive, n_total, change, lost,
):  # fmt: skip
    for row in range(len(queries)):
        q = queries[row]
        own = members[start[group[q]] : start[group[q] + 1]]
        wells, positives = _positives(unit, place, q, own, differ, absolute, single)
        count = len(wells)
        above = np.zeros(count, np.int64)
        tied = np.zeros(count, np.int64)
        references = 0
        for column in range(len(candidates)):
            r = candidates[column]
            if group[r] != group[q] and apart[r] != apart[q]:
                references += 1
                _count_references(similarity[row, column], positives, above, tied, single)
        for k in range(1, count):
            above[k] += above[k - 1]
        n_positive[q] = count
        n_total[q] = count + references
        if count and references:
            value[q] = walk(positives, above, tied, count)
            _leave_out(wells, above, tied, change, lost)
