"""Sorted intensities and ranks, from whole numbers that are made once per stain.

Each stain's intensities are replaced by their dense rank in the field. Objects are then sorted by
counting, within their own few thousand pixels, and every kind of rank is a table look-up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from phenolens.measure.regions import Regions

_WIDEST = 1 << 17  # widest span of ranks that is tabulated per object


@dataclass(frozen=True)
class RankedPlane:
    """Dense ranks of one stain.

    Attributes
    ----------
    ranks : ndarray of int32, shape (H * W,)
        Rank, from 0, among the inside pixels of the field.
    levels : ndarray of float64, shape (L,)
        Intensity of every rank.
    """

    ranks: np.ndarray
    levels: np.ndarray


def rank_plane(raw: np.ndarray, plane: np.ndarray, inside: np.ndarray) -> RankedPlane:
    """Rank one stain.

    Parameters
    ----------
    raw : ndarray of uint8, uint16 or float, shape (H, W)
        As given; whole numbers are ranked without sorting.
    plane : ndarray of float64, shape (H, W)
        The same as intensities 0 to 1.
    inside : ndarray of bool, shape (H, W)
        Pixels that count.
    """
    where = np.flatnonzero(inside)
    if raw.dtype in (np.uint8, np.uint16):
        values = raw.ravel()[where]
        present = np.bincount(values, minlength=1) > 0
        table = (np.cumsum(present) - 1).astype(np.int32)
        ranks = np.zeros(raw.size, np.int32)
        ranks[where] = table[values]
        return RankedPlane(ranks, np.flatnonzero(present) / float(np.iinfo(raw.dtype).max))
    values = plane.ravel()[where]
    return RankedPlane(*_rank_sorted(values, where, np.argsort(values), raw.size))


def sort_objects(regions: Regions, ranked: RankedPlane) -> np.ndarray:
    """Intensities sorted within each object, float64, shape (P,)."""
    return _sort_each(ranked.ranks, ranked.levels, regions.pixels, regions.starts)


def ranks_in_field(regions: Regions, ranked: RankedPlane) -> np.ndarray:
    """Dense rank, from 0, of each pixel among all object pixels, int32, shape (P,)."""
    return _compress(ranked.ranks[regions.pixels], len(ranked.levels))


def ranks_in_objects(regions: Regions, ranked: RankedPlane) -> np.ndarray:
    """Dense rank, from 0, of each pixel within its object, int32, shape (P,)."""
    return _compress_each(ranked.ranks[regions.pixels], regions.starts, _WIDEST)


@numba.njit(cache=True)
def _rank_sorted(values, where, order, size):
    ranks = np.zeros(size, np.int32)
    levels = np.empty(len(values))
    count = 0
    for i in order:
        if count == 0 or values[i] != levels[count - 1]:
            levels[count] = values[i]
            count += 1
        ranks[where[i]] = count - 1
    return ranks, levels[:count].copy()


@numba.njit(cache=True)
def _compress(ranks, levels):
    table = np.zeros(levels, np.int32)
    for rank in ranks:
        table[rank] = 1
    count = -1
    for rank in range(levels):
        count += table[rank]
        table[rank] = count
    return table[ranks]


@numba.njit(cache=True)
def _compress_each(ranks, starts, widest):
    out = np.empty(len(ranks), np.int32)
    table = np.empty(widest, np.int32)
    for k in range(len(starts) - 1):
        part = ranks[starts[k] : starts[k + 1]]
        low = part.min()
        span = part.max() - low + 1
        if span > widest:
            steps = np.unique(part)
            out[starts[k] : starts[k + 1]] = np.searchsorted(steps, part)
            continue
        table[:span] = 0
        for rank in part:
            table[rank - low] = 1
        count = -1
        for rank in range(span):
            count += table[rank]
            table[rank] = count
        for i in range(len(part)):
            out[starts[k] + i] = table[part[i] - low]
    return out


@numba.njit(cache=True)
def _sort_each(ranks, levels, pixels, starts):
    """Radix sort of every object's ranks, eleven bits a pass, least significant first."""
    ascending = np.empty(len(pixels))
    longest = 0
    for k in range(len(starts) - 1):
        longest = max(longest, starts[k + 1] - starts[k])
    keys, spare = np.empty(longest, np.int32), np.empty(longest, np.int32)
    counts = np.empty(2049, np.int32)
    for k in range(len(starts) - 1):
        size = starts[k + 1] - starts[k]
        low, high = ranks[pixels[starts[k]]], ranks[pixels[starts[k]]]
        for i in range(size):
            rank = ranks[pixels[starts[k] + i]]
            keys[i] = rank
            low, high = min(low, rank), max(high, rank)
        shift = 0
        while (high - low) >> shift:
            counts[:] = 0
            for i in range(size):
                counts[(((keys[i] - low) >> shift) & 2047) + 1] += 1
            for i in range(2048):
                counts[i + 1] += counts[i]
            for i in range(size):
                bucket = ((keys[i] - low) >> shift) & 2047
                spare[counts[bucket]] = keys[i]
                counts[bucket] += 1
            keys, spare = spare, keys
            shift += 11
        for i in range(size):
            ascending[starts[k] + i] = levels[keys[i]]
    return ascending
