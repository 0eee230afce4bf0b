"""Correlation: how two stains go together within an object.

All pairs of stains are taken in one pass over an object's pixels.

References: Manders et al., J. Microsc. 169 (1993) 375; Singan et al., BMC Bioinformatics 12 (2011)
407 (rank-weighted colocalization); as CellProfiler's MeasureColocalization.
"""

from __future__ import annotations

from itertools import combinations

import numba
import numpy as np

PAIR_FEATURES = (
    "Correlation_{0}_{1}",
    "Slope_{0}_{1}",
    "Overlap_{0}_{1}",
    "K_{0}_{1}",
    "K_{1}_{0}",
    "Manders_{0}_{1}",
    "Manders_{1}_{0}",
    "RWC_{0}_{1}",
    "RWC_{1}_{0}",
)


def channel_pairs(channels: list[str]) -> list[tuple[int, int]]:
    """Unordered pairs of stains in CellProfiler's order: names ascending within a pair."""
    order = sorted(range(len(channels)), key=lambda index: channels[index])
    return list(combinations(order, 2))


def measure_correlation(
    starts: np.ndarray,
    values: np.ndarray,
    ranks: tuple[np.ndarray, np.ndarray],
    *,
    pairs: np.ndarray,
    percent: float,
) -> np.ndarray:
    """Colocalization of every pair of stains in every object.

    Parameters
    ----------
    starts : ndarray, shape (n + 1,)
    values : ndarray of float64, shape (C, P)
    ranks : tuple of ndarray of int32, shapes (C, P) and (C, n)
        Dense intensity ranks from 0, and the number of ranks that counts for each object.
    pairs : ndarray of int, shape (K, 2)
        Indices of stains.
    percent : float
        Threshold as a percentage of the object's maximum.

    Returns
    -------
    ndarray of float64, shape (n, K, 9)
        In the order of ``PAIR_FEATURES``. Correlation and slope are NaN in objects of constant
        intensity; thresholded coefficients are 0 where no pixel passes both thresholds.
    """
    return _correlate(starts, values, *ranks, pairs, percent / 100)


@numba.njit(cache=True)
def _correlate(starts, values, ranks, tops, pairs, share):
    n = len(starts) - 1
    channels = len(values)
    out = np.empty((n, len(pairs), 9))
    means, cuts, above = np.empty(channels), np.empty(channels), np.empty(channels)
    spreads = np.empty(channels)
    for k in range(n):
        begin, end = starts[k], starts[k + 1]
        for c in range(channels):
            v = values[c, begin:end]
            means[c] = v.mean()
            cuts[c] = share * v.max()
            total, spread = 0.0, 0.0
            for i in range(len(v)):
                if v[i] >= cuts[c]:
                    total += v[i]
                spread += (v[i] - means[c]) ** 2
            above[c], spreads[c] = total, spread
        for p in range(len(pairs)):
            a, b = pairs[p]
            sums = _pair_sums(
                values[a, begin:end], values[b, begin:end], (means[a], means[b], cuts[a], cuts[b])
            )
            top = max(tops[a, k], tops[b, k])
            weighted = _rank_sums(
                values[a, begin:end],
                values[b, begin:end],
                ranks[a, begin:end],
                ranks[b, begin:end],
                (cuts[a], cuts[b], top),
            )
            row = out[k, p]
            product = sums[0]
            row[0] = _ratio(product, np.sqrt(spreads[a]) * np.sqrt(spreads[b]))
            row[1] = _ratio(product, spreads[a])
            if sums[6] == 0.0:
                row[2:] = 0.0
                continue
            row[2] = _ratio(sums[1], np.sqrt(sums[2] * sums[3]))
            row[3] = _ratio(sums[1], sums[2])
            row[4] = _ratio(sums[1], sums[3])
            row[5] = _ratio(sums[4], above[a])
            row[6] = _ratio(sums[5], above[b])
            row[7] = _ratio(weighted[0], above[a])
            row[8] = _ratio(weighted[1], above[b])
    return out


@numba.njit(cache=True)
def _ratio(numerator, denominator):
    return numerator / denominator if denominator != 0.0 else np.nan


@numba.njit(cache=True)
def _pair_sums(first, second, limits):
    mean_a, mean_b, cut_a, cut_b = limits
    product, both, aa, bb, a_sum, b_sum, count = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(len(first)):
        x, y = first[i], second[i]
        product += (x - mean_a) * (y - mean_b)
        if x >= cut_a and y >= cut_b:
            both += x * y
            aa += x * x
            bb += y * y
            a_sum += x
            b_sum += y
            count += 1.0
    return product, both, aa, bb, a_sum, b_sum, count


@numba.njit(cache=True)
def _rank_sums(first, second, rank_a, rank_b, limits):
    cut_a, cut_b, top = limits
    a_sum, b_sum = 0.0, 0.0
    for i in range(len(first)):
        x, y = first[i], second[i]
        if x >= cut_a and y >= cut_b:
            weight = (top - abs(rank_a[i] - rank_b[i])) / top
            a_sum += x * weight
            b_sum += y * weight
    return a_sum, b_sum
