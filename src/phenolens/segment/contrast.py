"""Contrast above background, and the level at which objects have their edges."""

from __future__ import annotations

import numba
import numpy as np
from scipy import ndimage

_BINS = 64
STANDS_OUT = 0.7  # contrast from which on noise does not explain what is bright
_STEEP = 0.35  # contours this steep, compared with the steepest, are edges of cells


def log_contrast(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Smoothed logarithm of the intensity above the darkest, in units of the background.

    A step of 1 is a factor of e whatever the exposure, so dim and very bright cells have edges of
    similar height. The background itself is close to log(2).

    Parameters
    ----------
    plane : ndarray, shape (H, W)
        Intensities on any scale.
    sigma : float
        Smoothing, pixels.

    Returns
    -------
    ndarray of float32, shape (H, W)
    """
    plane = np.asarray(plane, np.float32)
    sample = plane[::4, ::4] if plane.size > 40_000 else plane
    dark, low = np.percentile(sample, [0.5, 20])
    spread = max(float(low - dark), 1e-3 * float(sample.max() - dark), 1e-12)
    smooth = ndimage.gaussian_filter(plane, sigma, truncate=3.0)
    return np.log(np.maximum(smooth - dark, 0) / np.float32(spread) + 1)


def edge_profile(contrast: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean gradient along the contour lines of every level.

    Returns
    -------
    levels, steepness, counts : ndarray of float, shape (64,)
        Contrast levels, the smoothed mean gradient there (contrast per pixel), and pixels.
    """
    low, high = float(contrast.min()), float(contrast.max())
    scale = _BINS / max(high - low, 1e-12)
    bins = np.minimum(((contrast - low) * scale).astype(np.int32), _BINS - 1).ravel()
    counts = np.bincount(bins, minlength=_BINS).astype(float)
    sums = np.bincount(bins, gradient(contrast).ravel(), minlength=_BINS)
    steepness = _smooth(sums) / np.maximum(_smooth(counts), 1e-9)
    return low + (np.arange(_BINS) + 0.5) / scale, steepness, counts


def nuclear_level(contrast: np.ndarray) -> float | None:
    """Level of the steepest contour: the edge of nuclei. None where nothing stands out."""
    if standing_out(contrast) <= STANDS_OUT:
        return None
    levels, steepness, counts = edge_profile(contrast)
    beyond = np.arange(_BINS) > int(np.argmax(_smooth(counts)))
    return float(levels[np.argmax(np.where(beyond, steepness, 0))])


def cell_level(contrast: np.ndarray) -> float | None:
    """Level of the first steep contour above background: the outer edge of cells."""
    if standing_out(contrast) <= STANDS_OUT:
        return None
    levels, steepness, _ = edge_profile(contrast)
    high = steepness > _STEEP * steepness.max()
    peak = np.zeros(_BINS, bool)
    peak[1:-1] = (steepness[:-2] <= steepness[1:-1]) & (steepness[1:-1] >= steepness[2:])
    found = np.flatnonzero(high & peak)
    return float(levels[found[0]]) if len(found) else float(levels[np.argmax(steepness)])


def scaled_level(level: float, factor: float) -> float:
    """The level at ``factor`` times the intensity above background."""
    return float(np.log1p(factor * np.expm1(level)))


def standing_out(contrast: np.ndarray) -> float:
    """How much brighter than the middle the brightest pixels are."""
    middle, high = np.percentile(contrast[::2, ::2], [50, 99.9])
    return float(high - middle)


def _smooth(values: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter1d(values.astype(float), 1.5, mode="nearest")


def gradient(image: np.ndarray) -> np.ndarray:
    """Magnitude of the gradient, per pixel, float32; 0 across the border of the image."""
    return _gradient(image)


@numba.njit(cache=True)
def _gradient(image):
    rows, width = image.shape
    out = np.empty((rows, width), np.float32)
    for r in range(rows):
        inner = 0 < r < rows - 1
        for c in range(width):
            y = image[r + 1, c] - image[r - 1, c] if inner else np.float32(0)
            x = image[r, c + 1] - image[r, c - 1] if 0 < c < width - 1 else np.float32(0)
            out[r, c] = np.sqrt(y * y + x * x) / 2
    return out
