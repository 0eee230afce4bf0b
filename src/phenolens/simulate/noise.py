"""Smooth random fields and blurs, compiled: the raw material of every texture."""

from __future__ import annotations

import numba
import numpy as np

# A cubic B-spline over independent unit normals has this standard deviation per axis, on average
# over positions (sqrt of 151/315), so dividing by it twice gives unit variance.
_SPLINE_SD = np.float32(0.692_362)


@numba.njit(cache=True)
def _taps(size, n_grid, spacing, phase):
    """First grid index and four spline weights for each of ``size`` pixels."""
    first = np.empty(size, np.int64)
    weights = np.empty((size, 4), np.float32)
    for i in range(size):
        position = i / spacing + phase
        whole = min(int(position), n_grid - 4)
        u = position - whole
        first[i] = whole
        weights[i, 0] = (1 - u) ** 3 / 6
        weights[i, 1] = (3 * u**3 - 6 * u**2 + 4) / 6
        weights[i, 2] = (-3 * u**3 + 3 * u**2 + 3 * u + 1) / 6
        weights[i, 3] = u**3 / 6
    return first, weights


@numba.njit(cache=True)
def spline_surface(grid, size, spacing, phase_y, phase_x):
    """Cubic B-spline surface over ``grid`` on ``size`` x ``size`` pixels, float32."""
    rows, row_weights = _taps(size, grid.shape[0], spacing, phase_y)
    columns, column_weights = _taps(size, grid.shape[1], spacing, phase_x)
    out = np.empty((size, size), np.float32)
    line = np.empty(grid.shape[1], np.float32)
    for y in range(size):
        top = rows[y]
        for g in range(grid.shape[1]):
            line[g] = (
                row_weights[y, 0] * grid[top, g]
                + row_weights[y, 1] * grid[top + 1, g]
                + row_weights[y, 2] * grid[top + 2, g]
                + row_weights[y, 3] * grid[top + 3, g]
            )
        for x in range(size):
            left = columns[x]
            out[y, x] = (
                column_weights[x, 0] * line[left]
                + column_weights[x, 1] * line[left + 1]
                + column_weights[x, 2] * line[left + 2]
                + column_weights[x, 3] * line[left + 3]
            )
    return out


def smooth_noise(rng: np.random.Generator, *, size: int, spacing: float) -> np.ndarray:
    """Gaussian random field of about unit variance whose blobs are ``spacing`` pixels apart.

    Returns
    -------
    ndarray of float32, shape (size, size)
    """
    phase = rng.random(2)
    n_grid = int(np.ceil(size / spacing)) + 5
    grid = rng.standard_normal((n_grid, n_grid), dtype=np.float32)
    grid /= _SPLINE_SD * _SPLINE_SD
    return spline_surface(grid, size, float(spacing), phase[0], phase[1])


@numba.njit(cache=True)
def _blur_rows(image, kernel, out):
    """Filter along rows with a symmetric kernel; the border repeats."""
    radius = kernel.size - 1
    height, width = image.shape
    padded = np.empty(width + 2 * radius, np.float32)
    for y in range(height):
        padded[radius : radius + width] = image[y]
        padded[:radius] = image[y, 0]
        padded[radius + width :] = image[y, width - 1]
        for x in range(width):
            out[y, x] = kernel[0] * padded[x + radius]
        for k in range(1, radius + 1):
            weight = kernel[k]
            for x in range(width):
                out[y, x] += weight * (padded[x + radius - k] + padded[x + radius + k])


@numba.njit(cache=True)
def _blur_columns(image, kernel, out):
    """Filter along columns with a symmetric kernel; the border repeats."""
    height, width = image.shape
    for y in range(height):
        for x in range(width):
            out[y, x] = kernel[0] * image[y, x]
        for k in range(1, kernel.size):
            weight = kernel[k]
            above, below = max(y - k, 0), min(y + k, height - 1)
            for x in range(width):
                out[y, x] += weight * (image[above, x] + image[below, x])


def gaussian_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of a float32 image with standard deviation ``sigma`` in pixels."""
    radius = max(int(np.ceil(3 * sigma)), 1)
    kernel = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
    kernel = (kernel / (2 * kernel.sum() - kernel[0])).astype(np.float32)
    between, out = np.empty_like(image), np.empty_like(image)
    _blur_rows(image, kernel, between)
    _blur_columns(between, kernel, out)
    return out


@numba.njit(cache=True)
def _block_means(image, block):
    """Means of blocks, with two repeated blocks on every side for the spline's taps."""
    height, width = image.shape
    rows, columns = -(-height // block), -(-width // block)
    out = np.empty((rows + 4, columns + 4), np.float32)
    for r in range(rows + 4):
        top = min(max(r - 2, 0), rows - 1) * block
        for c in range(columns + 4):
            left = min(max(c - 2, 0), columns - 1) * block
            total = np.float32(0.0)
            bottom, right = min(top + block, height), min(left + block, width)
            for y in range(top, bottom):
                for x in range(left, right):
                    total += image[y, x]
            out[r, c] = total / ((bottom - top) * (right - left))
    return out


def haze(image: np.ndarray, block: int) -> np.ndarray:
    """Very wide blur, about ``block`` pixels: light from above and below the focal plane."""
    phase = 0.5 + 0.5 / block
    return spline_surface(_block_means(image, block), image.shape[0], float(block), phase, phase)
