"""Openings by reconstruction of growing size, once per stain, on a subsampled image."""

from __future__ import annotations

import numba
import numpy as np

from phenolens.measure.settings import MeasureSettings


def small_shape(shape: tuple[int, int], settings: MeasureSettings) -> tuple[int, int]:
    """Shape of the subsampled image."""
    factor = settings.granularity_subsample
    if factor >= 1:
        return shape
    return int(shape[0] * factor), int(shape[1] * factor)


def openings(plane: np.ndarray, settings: MeasureSettings) -> np.ndarray | None:
    """Background-free small image after each step of the spectrum.

    Parameters
    ----------
    plane : ndarray of float64, shape (H, W)
    settings : MeasureSettings

    Returns
    -------
    ndarray of float64, shape (length, h, w), or None where the small image has fewer than two
    rows or columns.
    """
    small = small_shape(plane.shape, settings)
    if min(small) < 2:
        return None
    factor = settings.granularity_subsample
    image = _resample(plane, small, 1 / factor, 1 / factor) if factor < 1 else plane.copy()
    image = np.maximum(image - _background(image, settings), 0)
    return _spectrum(image, settings.granularity_length)


def _background(image: np.ndarray, settings: MeasureSettings) -> np.ndarray:
    """Opening of a further subsampled copy, brought back to size."""
    factor = settings.granularity_background
    disk = _disk(settings.granularity_radius)
    if factor >= 1:
        return _extreme(_extreme(image, disk, 1.0), disk, -1.0)
    exact = (image.shape[0] * factor, image.shape[1] * factor)
    shape = (int(np.ceil(exact[0])), int(np.ceil(exact[1])))
    small = _resample(image, shape, 1 / factor, 1 / factor)
    small = _extreme(_extreme(small, disk, 1.0), disk, -1.0)
    # CellProfiler keeps the fractional size here
    steps = [(exact[axis] - 1) / (image.shape[axis] - 1) for axis in range(2)]
    return _resample(small, image.shape, steps[0], steps[1])


def _disk(radius: int) -> np.ndarray:
    """Half width of a disk in each of its rows."""
    rows = np.arange(-radius, radius + 1)
    return np.floor(np.sqrt(radius**2 - rows**2)).astype(np.int64)


@numba.njit(cache=True)
def _resample(image, shape, step_y, step_x):
    """Bilinear samples at (i * step_y, j * step_x); 0 outside the image."""
    height, width = image.shape
    out = np.zeros(shape)
    for i in range(shape[0]):
        y = i * step_y
        if y < 0 or y > height - 1:
            continue
        y0 = int(y)
        y1 = min(y0 + 1, height - 1)
        v = y - y0
        for j in range(shape[1]):
            x = j * step_x
            if x < 0 or x > width - 1:
                continue
            x0 = int(x)
            x1 = min(x0 + 1, width - 1)
            u = x - x0
            upper = image[y0, x0] * (1 - u) + image[y0, x1] * u
            lower = image[y1, x0] * (1 - u) + image[y1, x1] * u
            out[i, j] = upper * (1 - v) + lower * v
    return out


@numba.njit(cache=True)
def _extreme(image, disk, sign):
    """Erosion (sign 1) or dilation (sign -1) by a disk; the border is mirrored."""
    height, width = image.shape
    radius = (len(disk) - 1) // 2
    out = np.full((height, width), np.inf)
    for r in range(height):
        for dr in range(-radius, radius + 1):
            y = _mirror(r + dr, height)
            half = disk[dr + radius]
            for c in range(width):
                best = out[r, c]
                for dc in range(-half, half + 1):
                    best = min(best, sign * image[y, _mirror(c + dc, width)])
                out[r, c] = best
    return sign * out


@numba.njit(cache=True)
def _mirror(index, size):
    while index < 0 or index >= size:
        index = -index - 1 if index < 0 else 2 * size - index - 1
    return index


@numba.njit(cache=True)
def _spectrum(image, length):
    """Erode step by step and reconstruct under the image after each step.

    Reconstruction under the previous result equals reconstruction under the image (openings by
    reconstruction are nested) and changes less.
    """
    height, width = image.shape
    out = np.empty((length, height, width))
    eroded = image
    ceiling = image
    for step in range(length):
        eroded = _erode_cross(eroded)
        _reconstruct(eroded, ceiling, out[step])
        ceiling = out[step]
    return out


@numba.njit(cache=True)
def _erode_cross(image):
    height, width = image.shape
    out = image.copy()
    for r in range(height):
        if r > 0:
            for c in range(width):
                out[r, c] = min(out[r, c], image[r - 1, c])
        if r < height - 1:
            for c in range(width):
                out[r, c] = min(out[r, c], image[r + 1, c])
        for c in range(1, width):
            out[r, c] = min(out[r, c], image[r, c - 1])
        for c in range(width - 1):
            out[r, c] = min(out[r, c], image[r, c + 1])
    return out


@numba.njit(cache=True)
def _reconstruct(marker, ceiling, out):
    """Grow the marker under the ceiling, 4-connected: two sweeps, then a queue (Vincent, 1993)."""
    height, width = marker.shape
    out[:] = marker
    for r in range(height):
        for c in range(width):
            best = out[r, c]
            if r > 0:
                best = max(best, out[r - 1, c])
            if c > 0:
                best = max(best, out[r, c - 1])
            out[r, c] = min(best, ceiling[r, c])
    size = height * width
    queue = np.empty(size, np.int32)
    waiting = np.zeros(size, np.bool_)
    head, tail, held = 0, 0, 0
    for r in range(height - 1, -1, -1):
        for c in range(width - 1, -1, -1):
            best = out[r, c]
            if r < height - 1:
                best = max(best, out[r + 1, c])
            if c < width - 1:
                best = max(best, out[r, c + 1])
            best = min(best, ceiling[r, c])
            out[r, c] = best
            lifts = r < height - 1 and out[r + 1, c] < best and out[r + 1, c] < ceiling[r + 1, c]
            if c < width - 1 and out[r, c + 1] < best and out[r, c + 1] < ceiling[r, c + 1]:
                lifts = True
            if lifts:
                queue[tail] = r * width + c
                waiting[r * width + c] = True
                tail += 1
                held += 1
    while held:
        at = queue[head]
        head = (head + 1) % size
        held -= 1
        waiting[at] = False
        r = at // width
        c = at - r * width
        value = out[r, c]
        for direction in range(4):
            y = r + (direction == 0) - (direction == 1)
            x = c + (direction == 2) - (direction == 3)
            if y < 0 or x < 0 or y >= height or x >= width:
                continue
            lifted = min(value, ceiling[y, x])
            if out[y, x] < lifted:
                out[y, x] = lifted
                if not waiting[y * width + x]:
                    if tail == size:
                        tail = 0
                    queue[tail] = y * width + x
                    waiting[y * width + x] = True
                    tail += 1
                    held += 1
