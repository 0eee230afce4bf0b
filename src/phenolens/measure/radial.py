"""RadialDistribution: how intensity is spread between an object's centre and its edge.

The rings and wedges depend on the object's outline only: they are laid out once per compartment
and every stain is binned into them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np

from phenolens.measure.regions import Regions

MEASUREMENTS = ("FracAtD", "MeanFrac", "RadialCV")


@dataclass(frozen=True)
class Rings:
    """Distance from the centre and wedge of every object pixel.

    Attributes
    ----------
    regions : Regions
    centers : ndarray of int64, shape (n, 2), or None
        Row and column of each object's centre; -1 where there is none. By default the pixel
        farthest from the object's edge (the first of several, in raster order). Distances run
        inside the object over 8-connected steps of 1 and sqrt(2); from a centre outside its
        object they run straight.
    """

    regions: Regions
    centers: np.ndarray | None = None

    @cached_property
    def _layout(self) -> tuple[np.ndarray, np.ndarray]:
        regions = self.regions
        centers = self.centers
        if centers is None:
            arrays = (regions.rows, regions.columns, regions.starts, regions.edge_distance)
            centers = _farthest(*arrays)
        return _layout(regions.rows, regions.columns, regions.starts, regions.boxes, centers)

    @property
    def wedges(self) -> np.ndarray:
        """Wedge 0 to 7 of each pixel, int8, shape (P,)."""
        return self._layout[1]

    @property
    def distances(self) -> np.ndarray:
        """Distance from the centre inside the object, shape (P,); infinite where unreachable."""
        return self._layout[0]

    @cached_property
    def relative(self) -> np.ndarray:
        """Distance from the centre over distance from centre to edge through the pixel."""
        with np.errstate(invalid="ignore"):
            return self.distances / (self.distances + self.regions.edge_distance + 0.001)

    def scaled(self, bins: int) -> np.ndarray:
        """Ring of each pixel, 0 to ``bins - 1``; -1 where the centre cannot be reached."""
        rings = np.full(len(self.distances), -1, np.int16)
        good = np.isfinite(self.distances)
        rings[good] = (self.relative[good] * bins).astype(np.int16)
        return rings

    def unscaled(self, bins: int, radius: float) -> np.ndarray:
        """Ring of fixed width; pixels beyond ``radius`` fall into ring ``bins``."""
        rings = np.full(len(self.distances), -1, np.int16)
        good = np.isfinite(self.distances)
        rings[good] = np.minimum(self.distances[good] / radius * bins, bins).astype(np.int16)
        return rings


def measure_radial(
    starts: np.ndarray,
    values: np.ndarray,
    rings: np.ndarray,
    *,
    wedges: np.ndarray,
    bins: int,
    total: int,
) -> np.ndarray:
    """Fractions and anisotropy per ring, for one stain.

    Parameters
    ----------
    starts : ndarray, shape (n + 1,)
    values : ndarray of float64, shape (P,)
    rings : ndarray of int16, shape (P,)
    wedges : ndarray of int8, shape (P,)
    bins : int
        Number of rings returned (with the overflow ring, if that is wanted).
    total : int
        Number of rings over which fractions are taken.

    Returns
    -------
    ndarray of float64, shape (n, bins, 3)
        FracAtD, MeanFrac, RadialCV. Fractions are NaN where the object holds no intensity.
    """
    return _measure(starts, values, rings, wedges, total)[:, :bins]


@numba.njit(cache=True)
def _farthest(rows, columns, starts, edge_distance):
    """The pixel of each object that is farthest from its edge."""
    n = len(starts) - 1
    centers = np.empty((n, 2), np.int64)
    for k in range(n):
        middle = starts[k]
        for i in range(starts[k] + 1, starts[k + 1]):
            if edge_distance[i] > edge_distance[middle]:
                middle = i
        centers[k, 0], centers[k, 1] = rows[middle], columns[middle]
    return centers


@numba.njit(cache=True)
def _layout(rows, columns, starts, boxes, centers):
    n = len(boxes)
    distances = np.full(len(rows), np.inf)
    wedges = np.zeros(len(rows), np.int8)
    for k in range(n):
        begin, end = starts[k], starts[k + 1]
        y, x = centers[k]
        if y < 0:
            continue
        middle = -1
        for i in range(begin, end):
            if rows[i] == y and columns[i] == x:
                middle = i - begin
            dy, dx = rows[i] - y, columns[i] - x
            wedges[i] = (dy > 0) + 2 * (dx > 0) + 4 * (abs(dy) > abs(dx))
        if middle >= 0:
            _walk(rows[begin:end], columns[begin:end], boxes[k], middle, distances[begin:end])
            continue
        for i in range(begin, end):
            distances[i] = np.sqrt(float((rows[i] - y) ** 2 + (columns[i] - x) ** 2))
    return distances, wedges


@numba.njit(cache=True)
def _walk(rows, columns, box, middle, out):
    """Shortest paths from one pixel inside one object: sweeps until nothing changes."""
    wide = box[3] - box[1] + 2
    grid = np.full((box[2] - box[0] + 2) * wide, np.inf)
    at = np.empty(len(rows), np.int32)
    for i in range(len(rows)):
        at[i] = (rows[i] - box[0] + 1) * wide + columns[i] - box[1] + 1
    grid[at[middle]] = 0.0
    diagonal = np.sqrt(2.0)
    changed = True
    while changed:
        changed = False
        for i in range(len(at)):
            a = at[i]
            near = min(grid[a - 1], grid[a - wide]) + 1.0
            near = min(near, min(grid[a - wide - 1], grid[a - wide + 1]) + diagonal)
            if near < grid[a]:
                grid[a] = near
                changed = True
        for i in range(len(at) - 1, -1, -1):
            a = at[i]
            near = min(grid[a + 1], grid[a + wide]) + 1.0
            near = min(near, min(grid[a + wide + 1], grid[a + wide - 1]) + diagonal)
            if near < grid[a]:
                grid[a] = near
                changed = True
    for i in range(len(at)):
        out[i] = grid[at[i]]


@numba.njit(cache=True)
def _measure(starts, values, rings, wedges, total):
    n = len(starts) - 1
    out = np.empty((n, total, 3))
    sums = np.empty((total, 8))
    counts = np.empty((total, 8))
    for k in range(n):
        sums[:] = 0.0
        counts[:] = 0.0
        for i in range(starts[k], starts[k + 1]):
            if rings[i] >= 0:
                sums[rings[i], wedges[i]] += values[i]
                counts[rings[i], wedges[i]] += 1.0
        whole, pixels = sums.sum(), counts.sum()
        for ring in range(total):
            share = sums[ring].sum() / whole if whole != 0.0 else np.nan
            space = counts[ring].sum() / pixels if pixels > 0.0 else np.nan
            out[k, ring, 0] = share
            out[k, ring, 1] = share / (space + np.finfo(np.float64).eps)
            out[k, ring, 2] = _variation(sums[ring], counts[ring])
    return out


@numba.njit(cache=True)
def _variation(sums, counts):
    """Coefficient of variation of the wedges' mean intensities; 0 for an empty ring."""
    filled, mean = 0, 0.0
    for w in range(8):
        if counts[w] > 0.0:
            filled += 1
            mean += sums[w] / counts[w]
    if filled == 0:
        return 0.0
    mean /= filled
    if mean == 0.0:
        return np.nan
    spread = 0.0
    for w in range(8):
        if counts[w] > 0.0:
            spread += (sums[w] / counts[w] - mean) ** 2
    return np.sqrt(spread / filled) / mean
