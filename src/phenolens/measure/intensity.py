"""Intensity and the intensity-based Location features."""

from __future__ import annotations

import numba
import numpy as np

from phenolens.measure.regions import Regions

INTENSITY = (
    "IntegratedIntensity",
    "MeanIntensity",
    "StdIntensity",
    "MinIntensity",
    "MaxIntensity",
    "IntegratedIntensityEdge",
    "MeanIntensityEdge",
    "StdIntensityEdge",
    "MinIntensityEdge",
    "MaxIntensityEdge",
    "MassDisplacement",
    "LowerQuartileIntensity",
    "MedianIntensity",
    "UpperQuartileIntensity",
    "MADIntensity",
)
LOCATION = ("CenterMassIntensity_X", "CenterMassIntensity_Y", "MaxIntensity_X", "MaxIntensity_Y")


def measure_intensity(
    regions: Regions, values: np.ndarray, ascending: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Intensity features and intensity locations of one stain.

    Quantiles follow CellProfiler: position ``n * q`` in the sorted pixels, linearly interpolated.

    Parameters
    ----------
    regions : Regions
        n objects.
    values : ndarray of float64, shape (P,)
        Intensities, 0 to 1, of the objects' pixels.
    ascending : ndarray of float64, shape (P,)
        The same, sorted within each object.

    Returns
    -------
    features : ndarray of float64, shape (n, 15)
        In the order of ``INTENSITY``. Edge features are 0 where an object has no edge pixel (it
        fills the image).
    locations : ndarray of float64, shape (n, 4)
        In the order of ``LOCATION``, pixels. The first of several brightest pixels is given.
    """
    arrays = (regions.rows, regions.columns, regions.starts, regions.borders)
    features, locations = _moments(values, *arrays)
    features[:, 11:15] = _quantiles(ascending, regions.starts)
    return features, locations


@numba.njit(cache=True)
def _moments(values, rows, columns, starts, borders):
    n = len(starts) - 1
    features = np.zeros((n, 15))
    locations = np.empty((n, 4))
    for k in range(n):
        begin, end = starts[k], starts[k + 1]
        total, total_y, total_x, y, x = 0.0, 0.0, 0.0, 0.0, 0.0
        edge_total, edge_least, edge_most, edges = 0.0, np.inf, -np.inf, 0
        least, most, where = np.inf, -np.inf, begin
        for i in range(begin, end):
            v = values[i]
            total += v
            total_y += v * rows[i]
            total_x += v * columns[i]
            y += rows[i]
            x += columns[i]
            least = min(least, v)
            if v > most:
                most, where = v, i
            if borders[i] & 1:
                edges += 1
                edge_total += v
                edge_least = min(edge_least, v)
                edge_most = max(edge_most, v)
        area = end - begin
        mean, edge_mean = total / area, edge_total / max(edges, 1)
        spread, edge_spread = 0.0, 0.0
        for i in range(begin, end):
            d = values[i] - mean
            spread += d * d
            if borders[i] & 1:
                d = values[i] - edge_mean
                edge_spread += d * d
        row = features[k]
        row[0], row[1], row[2] = total, mean, np.sqrt(spread / area)
        row[3], row[4] = least, most
        if edges:
            row[5], row[6], row[7] = edge_total, edge_mean, np.sqrt(edge_spread / edges)
            row[8], row[9] = edge_least, edge_most
        if total != 0.0:
            mass_y, mass_x = total_y / total, total_x / total
        else:
            mass_y, mass_x = np.nan, np.nan
        row[10] = np.sqrt((mass_y - y / area) ** 2 + (mass_x - x / area) ** 2)
        locations[k] = mass_x, mass_y, float(columns[where]), float(rows[where])
    return features, locations


@numba.njit(cache=True)
def _at(ascending, begin, size, fraction):
    position = size * fraction
    low = min(int(position), size - 1)
    high = min(low + 1, size - 1)
    part = position - low
    return ascending[begin + low] * (1.0 - part) + ascending[begin + high] * part


@numba.njit(cache=True)
def _deviation(ascending, begin, size, middle):
    """CellProfiler's median of absolute deviations, without sorting them.

    The deviations grow outwards from the middle on both sides, so merging the two sides yields
    them in order; the walk stops at the rank wanted.
    """
    position = size * 0.5
    low = min(int(position), size - 1)
    high = min(low + 1, size - 1)
    right = begin + np.searchsorted(ascending[begin : begin + size], middle)
    left = right - 1
    at_low, current = 0.0, 0.0
    for rank in range(high + 1):
        take_right = left < begin
        if not take_right and right < begin + size:
            take_right = ascending[right] - middle <= middle - ascending[left]
        if take_right:
            current = abs(ascending[right] - middle)
            right += 1
        else:
            current = abs(middle - ascending[left])
            left -= 1
        if rank == low:
            at_low = current
    part = position - low
    return at_low * (1.0 - part) + current * part


@numba.njit(cache=True)
def _quantiles(ascending, starts):
    n = len(starts) - 1
    out = np.empty((n, 4))
    for k in range(n):
        begin, size = starts[k], starts[k + 1] - starts[k]
        middle = _at(ascending, begin, size, 0.5)
        out[k, 0] = _at(ascending, begin, size, 0.25)
        out[k, 1] = middle
        out[k, 2] = _at(ascending, begin, size, 0.75)
        out[k, 3] = _deviation(ascending, begin, size, middle)
    return out
