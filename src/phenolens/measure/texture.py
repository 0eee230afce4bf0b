"""Texture: Haralick's thirteen statistics of gray-level co-occurrence.

Counts stay integers until the end: every entropy is a sum of ``count * log2(count)`` read from a
table. Pairs that touch gray level 0 do not count, which excludes other objects, the background
and pixels whose intensity rounds to 0 (CellProfiler's and mahotas's convention).

Reference: Haralick, Shanmugam & Dinstein, IEEE Trans. Syst. Man Cybern. 3 (1973) 610.
"""

from __future__ import annotations

from functools import cache

import numba
import numpy as np

from phenolens.measure.regions import Regions

HARALICK = (
    "AngularSecondMoment",
    "Contrast",
    "Correlation",
    "Variance",
    "InverseDifferenceMoment",
    "SumAverage",
    "SumVariance",
    "SumEntropy",
    "Entropy",
    "DifferenceVariance",
    "DifferenceEntropy",
    "InfoMeas1",
    "InfoMeas2",
)
DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))


def gray_levels(plane: np.ndarray, levels: int) -> np.ndarray:
    """Intensities 0 to 1 as gray levels 0 to ``levels - 1``, uint8, as CellProfiler rounds them."""
    gray = np.rint(np.clip(plane, 0.0, 1.0) * 255)
    if levels != 256:
        gray = np.floor(gray / 255 * (levels - 1))
    return gray.astype(np.uint8)


def measure_texture(regions: Regions, gray: np.ndarray, scales: tuple[int, ...]) -> np.ndarray:
    """Haralick features of one stain.

    Parameters
    ----------
    regions : Regions
        n objects.
    gray : ndarray of uint8, shape (H, W)
        Gray levels.
    scales : tuple of int
        Distances, pixels.

    Returns
    -------
    ndarray of float64, shape (n, len(scales), 4, 13)
        Directions as in ``DIRECTIONS`` (rows, columns), statistics as in ``HARALICK``. An object
        without a pair of nonzero pixels in some direction is NaN in all directions of that scale.
    """
    arrays = (regions.rows, regions.columns, regions.starts, regions.boxes)
    return _textures(gray, *arrays, np.array(scales), _logarithms())


@cache
def _logarithms() -> np.ndarray:
    return np.log2(np.maximum(np.arange(1 << 18), 1).astype(float))


@numba.njit(cache=True)
def _log2(logarithms, count):
    return logarithms[count] if count < len(logarithms) else np.log2(float(count))


@numba.njit(cache=True)
def _textures(gray, rows, columns, starts, boxes, scales, logarithms):
    n = len(boxes)
    reach = scales.max()
    out = np.empty((n, len(scales), 4, 13))
    table = np.zeros(256 * 256, np.int64)
    for k in range(n):
        begin, end = starts[k], starts[k + 1]
        wide = boxes[k, 3] - boxes[k, 1] + 2 * reach
        tall = boxes[k, 2] - boxes[k, 0] + reach
        crop = np.zeros(tall * wide, np.uint8)
        inside = np.empty(end - begin, np.int64)
        levels = 0
        for i in range(begin, end):
            at = (rows[i] - boxes[k, 0]) * wide + columns[i] - boxes[k, 1] + reach
            inside[i - begin] = at
            crop[at] = gray[rows[i], columns[i]]
            levels = max(levels, int(crop[at]) + 1)
        for s in range(len(scales)):
            for d in range(4):
                step = scales[s] * (wide + 2 - d if d else 1)
                pairs = table[: levels * levels]
                pairs[:] = 0
                for i in range(len(inside)):
                    at = inside[i]
                    pairs[crop[at] * levels + crop[at + step]] += 1
                if not _haralick(pairs, levels, out[k, s, d], logarithms):
                    out[k, s] = np.nan
                    break
    return out


@numba.njit(cache=True)
def _haralick(pairs, levels, out, logarithms):
    """Statistics of one direction; False where no pair counts."""
    margin = np.zeros(levels, np.int64)
    sums = np.zeros(2 * levels, np.int64)
    differences = np.zeros(levels, np.int64)
    total, squares, products = 0, 0, 0
    logs, inverse = 0.0, 0.0
    for i in range(1, levels):
        for j in range(1, i + 1):
            count = pairs[i * levels + j] + pairs[j * levels + i]
            if count == 0:
                continue
            # the symmetric table holds the diagonal once (doubled) and each other cell twice
            share = 1 if i == j else 2
            total += share * count
            squares += share * count * count
            products += share * count * i * j
            logs += share * count * _log2(logarithms, count)
            inverse += share * count / (1.0 + (i - j) * (i - j))
            margin[i] += count
            if i != j:
                margin[j] += count
            sums[i + j] += share * count
            differences[i - j] += share * count
    if total == 0:
        return False
    whole = float(total)
    log_total = _log2(logarithms, total)
    mean = 0.0
    for i in range(levels):
        mean += i * (margin[i] / whole)
    variance, margin_logs = 0.0, 0.0
    for i in range(levels):
        variance += (i - mean) * (i - mean) * (margin[i] / whole)
        margin_logs += margin[i] * (log_total - _log2(logarithms, max(margin[i], 1)))
    margin_entropy = margin_logs / whole
    sum_squares, sum_entropy = 0.0, 0.0
    for s in range(2 * levels):
        if sums[s]:
            p = sums[s] / whole
            sum_squares += (s - 2 * mean) * (s - 2 * mean) * p
            sum_entropy += p * (log_total - _log2(logarithms, sums[s]))
    contrast, difference_entropy, flat, bumpy = 0.0, 0.0, 0.0, 0.0
    for s in range(levels):
        p = differences[s] / whole
        flat += p
        if p > 0.0:
            contrast += s * s * p
            difference_entropy += p * (log_total - _log2(logarithms, differences[s]))
    flat /= levels
    for s in range(levels):
        bumpy += (differences[s] / whole - flat) ** 2
    entropy = (whole * log_total - logs) / whole
    out[0] = squares / whole / whole
    out[1] = contrast
    out[2] = 1.0 if variance == 0.0 else (products / whole - mean * mean) / variance
    out[3] = variance
    out[4] = inverse / whole
    out[5] = 2 * mean
    out[6] = sum_squares
    out[7] = sum_entropy
    out[8] = entropy
    out[9] = bumpy / levels
    out[10] = difference_entropy
    gain = entropy - 2 * margin_entropy
    out[11] = gain if margin_entropy == 0.0 else gain / margin_entropy
    out[12] = np.sqrt(max(0.0, 1.0 - np.exp(2 * gain)))
    return True
