"""Costes: colocalization above an automatic threshold.

The threshold runs down a regression line of the two stains until what lies below is uncorrelated,
by CellProfiler's bisection ("Faster"). Every pixel leaves the set below at one step of the search
grid; pixels are grouped by that step once, with running sums, and each candidate then costs a
fraction of a pass.

Reference: Costes et al., Biophys. J. 86 (2004) 3993.
"""

from __future__ import annotations

import numba
import numpy as np

_SHIFT = 6  # grid steps per group, as a power of two
COSTES_FEATURES = ("Costes_{0}_{1}", "Costes_{1}_{0}")


def costes_thresholds(first: np.ndarray, second: np.ndarray, scale: int) -> tuple[float, float]:
    """Thresholds of two stains over one set of pixels.

    Parameters
    ----------
    first, second : ndarray of float64, shape (P,)
        Intensities 0 to 1.
    scale : int
        Steps of the search grid from 0 to 1: the largest value the camera writes.

    Returns
    -------
    first, second : float
        NaN where the regression or the correlation below every candidate is undefined.
    """
    return _thresholds(first, second, scale)


def measure_costes(
    starts: np.ndarray, values: np.ndarray, *, pairs: np.ndarray, thresholds: np.ndarray | int
) -> np.ndarray:
    """Share of each stain's signal above threshold where both are above.

    Parameters
    ----------
    starts : ndarray, shape (n + 1,)
    values : ndarray of float64, shape (C, P)
    pairs : ndarray of int, shape (K, 2)
    thresholds : ndarray of float64, shape (K, 2), or int
        Thresholds of the whole field, or the grid on which every object's own are searched.

    Returns
    -------
    ndarray of float64, shape (n, K, 2)
        In the order of ``COSTES_FEATURES``; NaN where a threshold is undefined or no pixel
        reaches it.
    """
    if isinstance(thresholds, np.ndarray):
        return _shares(starts, values, pairs, thresholds)
    return _shares_each(starts, values, pairs, thresholds)


@numba.njit(cache=True)
def _line(first, second):
    """Orthogonal regression over pixels that are not zero in both: slope, offset."""
    n, mean_x, mean_y = 0, 0.0, 0.0
    for i in range(len(first)):
        if first[i] > 0 or second[i] > 0:
            n += 1
            mean_x += first[i]
            mean_y += second[i]
    if n < 3:
        return np.nan, np.nan
    mean_x /= n
    mean_y /= n
    xx, xy, yy = 0.0, 0.0, 0.0
    for i in range(len(first)):
        if first[i] > 0 or second[i] > 0:
            x, y = first[i] - mean_x, second[i] - mean_y
            xx += x * x
            xy += x * y
            yy += y * y
    if xx == 0.0 or yy == 0.0 or abs(xy) <= 2e-15 * max(xx, yy):
        return np.nan, np.nan
    slope = (yy - xx + np.sqrt((yy - xx) ** 2 + 4 * xy * xy)) / (2 * xy)
    return slope, mean_y - slope * mean_x


@numba.njit(cache=True)
def _last_step(x, y, slope, offset, scale):
    """Largest grid step whose thresholds both stains of a pixel reach (slope > 0)."""
    step = int(x * scale + 0.5)
    if step / scale > x:
        step -= 1
    guess = (y - offset) * (scale / slope) + 1e-6
    if guess < step:
        step = int(np.floor(guess))
        if guess - step < 2e-6 and slope * (step / scale) + offset > y:
            step -= 1
    return min(max(step, 0), scale)


@numba.njit(cache=True)
def _correlation(sums):
    """Pearson's r from n, x, y, xx, xy, yy; NaN for fewer than three pixels or no variation."""
    n = sums[0]
    if n < 3:
        return np.nan
    xx = sums[3] - sums[1] * sums[1] / n
    yy = sums[5] - sums[2] * sums[2] / n
    if xx <= 1e-13 * sums[3] or yy <= 1e-13 * sums[5]:
        return np.nan
    return (sums[4] - sums[1] * sums[2] / n) / np.sqrt(xx * yy)


@numba.njit(cache=True)
def _add(sums, x, y):
    sums[0] += 1.0
    sums[1] += x
    sums[2] += y
    sums[3] += x * x
    sums[4] += x * y
    sums[5] += y * y


@numba.njit(cache=True)
def _group(first, second, line, scale):
    """Pixels grouped by last grid step: steps, x and y by group, group starts, running sums."""
    slope, offset, mean_x, mean_y = line
    groups = (scale >> _SHIFT) + 2
    steps = np.empty(len(first), np.int64)
    begin = np.zeros(groups + 1, np.int64)
    running = np.zeros((groups + 1, 6))
    for i in range(len(first)):
        steps[i] = _last_step(first[i], second[i], slope, offset, scale)
        g = (steps[i] >> _SHIFT) + 1
        begin[g] += 1
        _add(running[g], first[i] - mean_x, second[i] - mean_y)
    for g in range(groups):
        begin[g + 1] += begin[g]
        running[g + 1] += running[g]
    cursor = begin.copy()
    ordered = np.empty((len(first), 3))
    for i in range(len(first)):
        at = cursor[steps[i] >> _SHIFT]
        cursor[steps[i] >> _SHIFT] += 1
        ordered[at, 0] = steps[i]
        ordered[at, 1] = first[i] - mean_x
        ordered[at, 2] = second[i] - mean_y
    return ordered, begin, running


@numba.njit(cache=True)
def _below_grouped(step, ordered, begin, running):
    """Correlation of the pixels below the thresholds of one grid step."""
    g = step >> _SHIFT
    sums = running[g].copy()
    for i in range(begin[g], begin[g + 1]):
        if ordered[i, 0] < step:
            _add(sums, ordered[i, 1], ordered[i, 2])
    return _correlation(sums)


@numba.njit(cache=True)
def _running(first, second, line, scale):
    """Running sums over the pixels that leave before every grid step."""
    slope, offset, mean_x, mean_y = line
    running = np.zeros((scale + 2, 6))
    for i in range(len(first)):
        step = _last_step(first[i], second[i], slope, offset, scale)
        _add(running[step + 1], first[i] - mean_x, second[i] - mean_y)
    for step in range(scale + 1):
        running[step + 1] += running[step]
    return running


@numba.njit(cache=True)
def _below(first, second, cuts, means):
    sums = np.zeros(6)
    for i in range(len(first)):
        if first[i] < cuts[0] or second[i] < cuts[1]:
            _add(sums, first[i] - means[0], second[i] - means[1])
    return _correlation(sums)


@numba.njit(cache=True)
def _thresholds(first, second, scale):
    slope, offset = _line(first, second)
    if not (np.isfinite(slope) and np.isfinite(offset)):
        return np.nan, np.nan
    means = (first.mean(), second.mean())
    rising, many = slope > 0, len(first) > 4 * scale
    line = (slope, offset, means[0], means[1])
    if rising and many:
        running = _running(first, second, line, scale)
    elif rising:
        ordered, begin, running = _group(first, second, line, scale)
    left, right = 1.0, float(scale)
    middle, last, valid = (right - left) // (6 / 5) + left, 0.0, -1.0
    for _ in range(256):
        if last == middle:
            break
        cut = middle / scale
        if rising and many:
            r = _correlation(running[int(middle)])
        elif rising:
            r = _below_grouped(int(middle), ordered, begin, running)
        else:
            r = _below(first, second, (cut, slope * cut + offset), means)
        if np.isnan(r) or r < 0:
            left = middle - 1
        else:
            right, valid = middle + 1, middle
        last = middle
        middle = (right - left) // (6 / 5 if right - left > 6 else 2.0) + left
    if valid < 0:
        return np.nan, np.nan
    cut = (valid - 1) / scale
    if np.isnan(_below(first, second, (cut, slope * cut + offset), means)):
        return np.nan, np.nan
    return cut, slope * cut + offset


@numba.njit(cache=True)
def _share(first, second, cuts):
    both_a, both_b, sum_a, sum_b = 0.0, 0.0, 0.0, 0.0
    for i in range(len(first)):
        x, y = first[i], second[i]
        if x >= cuts[0]:
            sum_a += x
        if y >= cuts[1]:
            sum_b += y
        if x > cuts[0] and y > cuts[1]:
            both_a += x
            both_b += y
    if np.isnan(cuts[0]) or sum_a <= 0 or sum_b <= 0:
        return np.nan, np.nan
    return both_a / sum_a, both_b / sum_b


@numba.njit(cache=True)
def _shares(starts, values, pairs, thresholds):
    n = len(starts) - 1
    out = np.empty((n, len(pairs), 2))
    for p in range(len(pairs)):
        a, b = values[pairs[p, 0]], values[pairs[p, 1]]
        cuts = (thresholds[p, 0], thresholds[p, 1])
        for k in range(n):
            part = slice(starts[k], starts[k + 1])
            out[k, p] = _share(a[part], b[part], cuts)
    return out


@numba.njit(cache=True)
def _shares_each(starts, values, pairs, scale):
    n = len(starts) - 1
    out = np.empty((n, len(pairs), 2))
    for p in range(len(pairs)):
        a, b = values[pairs[p, 0]], values[pairs[p, 1]]
        for k in range(n):
            part = slice(starts[k], starts[k + 1])
            cuts = _thresholds(a[part], b[part], scale)
            out[k, p] = _share(a[part], b[part], cuts)
    return out
