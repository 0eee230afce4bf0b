"""Medians of the rows of each group, as pandas gives them, in single precision's memory.

pandas copies a table in double precision before it takes the medians of its groups, in one thread.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

_PART_BYTES = 2**20  # a sort that fits the cache


def group_medians(columns: np.ndarray, codes: np.ndarray, *, n_groups: int) -> np.ndarray:
    """Median of each column over the rows of each group, ignoring NaN.

    Parameters
    ----------
    columns : ndarray of float32, shape (n_columns, n_rows)
        The values, each column a row of the array.
    codes : ndarray of int64, shape (n_rows,)
        Group of each row.
    n_groups : int

    Returns
    -------
    ndarray of float32, shape (n_groups, n_columns)
        Of an even number of values the mean of the two in the middle, taken in double precision;
        NaN where a group has no value.
    """
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(n_groups + 1))
    out = np.empty((n_groups, len(columns)), dtype=np.float32)

    def fill(group: int) -> None:
        rows = order[ends[group] : ends[group + 1]]
        step = max(1, _PART_BYTES // (4 * max(len(rows), 1)))
        for first in range(0, len(columns), step):
            part = columns[first : first + step]
            out[group, first : first + step] = _medians(_taken(part, rows))

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for _ in pool.map(fill, range(n_groups)):
            pass
    return out


def _taken(columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """A copy of these rows, which mostly lie together."""
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
        return columns[:, rows[0] : rows[-1] + 1].copy(order="C")
    return np.take(columns, rows, axis=1)


def _medians(values: np.ndarray) -> np.ndarray:
    """Medians along the second axis; sorts in place, which puts NaN last."""
    if not values.shape[1]:
        return np.full(len(values), np.nan, dtype=np.float32)
    values.sort(axis=1)
    known = values.shape[1] - np.isnan(values).sum(axis=1)
    each = np.arange(len(values))
    low, high = values[each, (known - 1) // 2], values[each, known // 2]  # of none, both are NaN
    with np.errstate(invalid="ignore"):  # infinities of both signs
        return ((low.astype(np.float64) + high) / 2).astype(np.float32)
