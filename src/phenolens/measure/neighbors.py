"""Neighbors: who is near, how much of the outline touches, and in which direction.

As CellProfiler's MeasureObjectNeighbors with objects measured against themselves.
"""

from __future__ import annotations

import numba
import numpy as np

from phenolens.measure.regions import Regions

MEASUREMENTS = (
    "NumberOfNeighbors",
    "PercentTouching",
    "FirstClosestDistance",
    "SecondClosestDistance",
    "AngleBetweenNeighbors",
    "FirstClosestObjectNumber",
    "SecondClosestObjectNumber",
)


def measure_neighbors(regions: Regions, distance: int) -> np.ndarray:
    """Neighbour features of every object.

    Parameters
    ----------
    regions : Regions
        n objects.
    distance : int
        Pixels by which objects are grown; 0 for "Adjacent".

    Returns
    -------
    ndarray of float64, shape (n, 7)
        In the order of ``MEASUREMENTS``. Distances run between centres, pixels; angles are in
        degrees. With fewer than two (three) objects the first (second) neighbour's values are 0,
        as in CellProfiler; object numbers are the ids given.
    """
    reach = max(distance, 1)
    grow, touch = _disk(reach), _disk(reach + 0.5)
    arrays = (regions.labels, regions.pixels, regions.starts, regions.boxes, regions.borders)
    near = _near(*arrays, grow, touch)
    centers = np.array(
        [
            np.add.reduceat(axis, regions.starts[:-1]) / regions.areas
            for axis in (regions.rows.astype(float), regions.columns.astype(float))
        ]
    ).T
    return np.column_stack([near, _closest(centers, regions.ids)])


def _disk(radius: float) -> np.ndarray:
    reach = int(radius)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    inside = (y * y + x * x <= radius * radius) & ((y != 0) | (x != 0))
    return np.column_stack([y[inside], x[inside]])


def _closest(centers: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Distances, angle and numbers of the two nearest objects, shape (n, 5)."""
    from scipy.spatial import cKDTree

    n = len(ids)
    out = np.zeros((n, 5))
    if n < 2:
        return out
    distance, index = cKDTree(centers).query(centers, k=min(n, 3))
    distance, index = _without_self(distance, index)
    out[:, 0], out[:, 3] = distance[:, 0], ids[index[:, 0]]
    if n > 2:
        out[:, 1], out[:, 4] = distance[:, 1], ids[index[:, 1]]
        first, second = centers[index[:, 0]] - centers, centers[index[:, 1]] - centers
        with np.errstate(invalid="ignore", divide="ignore"):
            cosine = (first * second).sum(1) / (distance[:, 0] * distance[:, 1])
        out[:, 2] = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    return out


def _without_self(distance: np.ndarray, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Drop each row's own object, also where another one lies at the same centre."""
    own = index == np.arange(len(index))[:, None]
    own[~own.any(axis=1), -1] = True
    shape = (len(index), index.shape[1] - 1)
    return distance[~own].reshape(shape), index[~own].reshape(shape)


@numba.njit(cache=True)
def _near(labels, pixels, starts, boxes, borders, grow, touch):
    """Number of neighbours and percentage of outline pixels that touch one."""
    height, width = labels.shape
    n = len(boxes)
    out = np.zeros((n, 2))
    seen = np.full(n + 1, -1, np.int64)
    for k in range(n):
        outline, touching, neighbors = 0, 0, 0
        for i in range(starts[k], starts[k + 1]):
            if not borders[i] & 4:
                continue
            outline += 1
            r = pixels[i] // width
            c = pixels[i] - r * width
            for j in range(len(grow)):
                y, x = r + grow[j, 0], c + grow[j, 1]
                if y < 0 or x < 0 or y >= height or x >= width:
                    continue
                other = labels[y, x]
                if other and other != k + 1 and seen[other] != k:
                    seen[other] = k
                    neighbors += 1
            for j in range(len(touch)):
                y, x = r + touch[j, 0], c + touch[j, 1]
                if y < 0 or x < 0 or y >= height or x >= width:
                    continue
                if labels[y, x] and labels[y, x] != k + 1:
                    touching += 1
                    break
        out[k, 0] = neighbors
        out[k, 1] = 100.0 * touching / outline
    return out
