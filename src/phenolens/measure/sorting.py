"""Sorted intensities: once per stain for the whole field, then dealt out to the objects."""

from __future__ import annotations

import numba
import numpy as np

from phenolens.measure.regions import Regions


def ascending_order(plane: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Flat indices of the inside pixels in ascending intensity, int32."""
    where = np.flatnonzero(inside).astype(np.int32)
    values = plane.ravel()[where]
    if plane.dtype in (np.uint8, np.uint16):
        return _counting_order(values, where, int(values.max(initial=0)) + 1)
    return where[np.argsort(values)]


def sort_objects(
    regions: Regions, plane: np.ndarray, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Deal the sorted pixels of a field out to its objects.

    Returns
    -------
    ascending : ndarray of float64, shape (P,)
        Intensities sorted within each object.
    ranks : ndarray of int32, shape (P,)
        Dense rank, from 0, of each pixel among all object pixels.
    """
    return _deal(order, plane.ravel(), regions.labels.ravel(), regions.slots, regions.starts)


def ranks_within(starts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Dense rank, from 0, of each pixel within its object, int32, shape (P,)."""
    return _rank_each(starts, values)


@numba.njit(cache=True)
def _counting_order(values, where, levels):
    cursor = np.zeros(levels + 1, np.int64)
    for v in values:
        cursor[v + 1] += 1
    for v in range(levels):
        cursor[v + 1] += cursor[v]
    out = np.empty(len(values), np.int32)
    for i in range(len(values)):
        out[cursor[values[i]]] = where[i]
        cursor[values[i]] += 1
    return out


@numba.njit(cache=True)
def _deal(order, plane, labels, slots, starts):
    cursor = starts[:-1].copy()
    ascending = np.empty(starts[-1])
    ranks = np.empty(starts[-1], np.int32)
    rank, last = -1, np.nan
    for p in order:
        k = labels[p] - 1
        if k < 0:
            continue
        v = plane[p]
        if v != last:
            rank += 1
            last = v
        ascending[cursor[k]] = v
        cursor[k] += 1
        ranks[slots[p]] = rank
    return ascending, ranks


@numba.njit(cache=True)
def _rank_each(starts, values):
    ranks = np.empty(len(values), np.int32)
    for k in range(len(starts) - 1):
        part = values[starts[k] : starts[k + 1]]
        order = np.argsort(part)
        rank = 0
        for i in range(len(order)):
            if i and part[order[i]] != part[order[i - 1]]:
                rank += 1
            ranks[starts[k] + order[i]] = rank
    return ranks
