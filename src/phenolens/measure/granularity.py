"""Granularity: how much signal each step of a growing opening removes.

Restoring an opened image to full size and averaging it over an object are both linear, so each
compartment has one fixed set of weights on the small image, shared by all stains and all steps.

Reference: Ravkin & Temov (1988); Vincent, Fundam. Inform. 41 (2000) 57; as CellProfiler 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from phenolens.measure.openings import small_shape
from phenolens.measure.regions import Regions
from phenolens.measure.settings import MeasureSettings


@dataclass(frozen=True)
class Weights:
    """Share of every small-image pixel in every object, in compressed form.

    Attributes
    ----------
    starts : ndarray of int64, shape (n + 1,)
    cells : ndarray of int32
        Flat indices into the small image.
    shares : ndarray of float64
        Bilinear weights, summed over the object's pixels.
    """

    starts: np.ndarray
    cells: np.ndarray
    shares: np.ndarray


def granularity_weights(regions: Regions, settings: MeasureSettings) -> Weights:
    """Weights that turn a small image into object means at full size; none where it is a line."""
    small = small_shape(regions.labels.shape, settings)
    if min(small) < 2:
        return Weights(np.zeros(regions.count + 1, np.int64), np.empty(0, np.int32), np.empty(0))
    return Weights(*_weights(regions.rows, regions.columns, regions.starts, _grid(regions, small)))


def _grid(regions: Regions, small: tuple[int, int]) -> np.ndarray:
    height, width = regions.labels.shape
    steps = [(small[0] - 1) / max(height - 1, 1), (small[1] - 1) / max(width - 1, 1)]
    return np.array([*small, *steps], float)


def measure_granularity(
    means: np.ndarray,
    opened: np.ndarray | None,
    *,
    weights: Weights,
    areas: np.ndarray,
    length: int,
) -> np.ndarray:
    """Spectrum of every object for one stain.

    Parameters
    ----------
    means : ndarray of float64, shape (n,)
        Mean intensities of the objects in the original image.
    opened : ndarray or None
        From :func:`phenolens.measure.openings.openings`.
    weights : Weights
    areas : ndarray of int, shape (n,)
    length : int
        Steps; used where ``opened`` is None.

    Returns
    -------
    ndarray of float64, shape (n, length)
        Percent of the object's mean intensity removed at each step.
    """
    if opened is None:
        return np.full((len(means), length), np.nan)
    flat = opened.reshape(len(opened), -1)
    sums = _apply(weights.starts, weights.cells, weights.shares, np.ascontiguousarray(flat.T))
    levels = np.column_stack([means, sums / areas[:, None]])
    start = np.maximum(means, np.finfo(float).eps)
    return -np.diff(levels, axis=1) * 100 / start[:, None]


@numba.njit(cache=True)
def _weights(rows, columns, starts, grid):
    height, width = int(grid[0]), int(grid[1])
    n = len(starts) - 1
    dense = np.zeros(height * width)
    touched = np.empty(height * width, np.int32)
    out_starts = np.zeros(n + 1, np.int64)
    room = 4 * len(rows) + 4
    cells = np.empty(room, np.int32)
    shares = np.empty(room)
    used = 0
    for k in range(n):
        count = 0
        for i in range(starts[k], starts[k + 1]):
            y, x = rows[i] * grid[2], columns[i] * grid[3]
            if y > height - 1 or x > width - 1:
                continue
            y0, x0 = int(y), int(x)
            v, u = y - y0, x - x0
            y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
            for corner in range(4):
                down, right = corner // 2, corner % 2
                at = (y1 if down else y0) * width + (x1 if right else x0)
                share = (v if down else 1 - v) * (u if right else 1 - u)
                if share > 0.0:
                    if dense[at] == 0.0:
                        touched[count] = at
                        count += 1
                    dense[at] += share
        for j in range(count):
            cells[used] = touched[j]
            shares[used] = dense[touched[j]]
            dense[touched[j]] = 0.0
            used += 1
        out_starts[k + 1] = used
    return out_starts, cells[:used].copy(), shares[:used].copy()


@numba.njit(cache=True)
def _apply(starts, cells, shares, images):
    """Weighted sums of every image (columns of ``images``) for every object."""
    n = len(starts) - 1
    out = np.zeros((n, images.shape[1]))
    for k in range(n):
        for i in range(starts[k], starts[k + 1]):
            for step in range(images.shape[1]):
                out[k, step] += shares[i] * images[cells[i], step]
    return out
