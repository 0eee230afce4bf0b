"""Illumination functions: how bright each part of the field is lit, per plate and stain.

Estimated from small thumbnails of every field of a plate, so that the originals are read once.
The estimate follows CellProfiler's "CorrectIlluminationCalculate (all images, smoothed)": the mean
image over fields, smoothed, scaled to mean one; ours uses a trimmed mean, which a few bright
fields cannot bend (Singh et al. 2014, J Microsc 256:231, doi 10.1111/jmi.12178).
"""

from __future__ import annotations

import numpy as np

THUMBNAIL = 64
MIN_FIELDS = 16
_FLOOR = 0.2


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Small copy of a field: (C, H, W) to float32 (C, t, t) with t = min(64, H, W)."""
    return block_means(pixels, THUMBNAIL)


def block_means(pixels: np.ndarray, size: int) -> np.ndarray:
    """Shrink the last two axes to at most ``size`` by the means of blocks, float32."""
    rows, columns = (np.linspace(0, n, min(size, n) + 1).astype(int) for n in pixels.shape[-2:])
    sums = np.add.reduceat(pixels.astype(np.float64), rows[:-1], axis=-2)
    sums = np.add.reduceat(sums, columns[:-1], axis=-1)
    return (sums / np.outer(np.diff(rows), np.diff(columns))).astype(np.float32)


def estimate(thumbnails: np.ndarray) -> np.ndarray:
    """Illumination functions of one plate from its fields' thumbnails.

    Parameters
    ----------
    thumbnails : ndarray, shape (n_fields, C, t, t)

    Returns
    -------
    ndarray of float32, shape (C, t, t)
        Mean one over the field; at least 0.2.
    """
    from scipy.ndimage import gaussian_filter
    from scipy.stats import trim_mean

    levels = np.median(thumbnails, axis=(-2, -1), keepdims=True)
    scaled = thumbnails / np.where(levels > 0, levels, 1)
    mean = trim_mean(scaled, 0.1, axis=0)
    sigma = mean.shape[-1] / 8
    smooth = np.stack([gaussian_filter(plane, sigma, mode="nearest") for plane in mean])
    smooth /= smooth.mean(axis=(-2, -1), keepdims=True)
    return np.maximum(smooth, _FLOOR).astype(np.float32)


def flat(channels: int, size: int = THUMBNAIL) -> np.ndarray:
    """The function of an evenly lit field: ones, float32 (C, size, size)."""
    return np.ones((channels, size, size), np.float32)


def enlarge(function: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bring functions (C, t, t) to the field's size by linear interpolation, float32 (C, H, W)."""
    if function.shape[-2:] == tuple(shape):
        return function
    by_rows = _interpolate(function, shape[0], axis=-2)
    return _interpolate(by_rows, shape[1], axis=-1).astype(np.float32)


def _interpolate(values: np.ndarray, size: int, *, axis: int) -> np.ndarray:
    old = values.shape[axis]
    centres = (np.arange(size) + 0.5) * old / size - 0.5
    left = np.clip(np.floor(centres).astype(int), 0, max(old - 2, 0))
    share = np.clip(centres - left, 0, 1)
    shape = [1] * values.ndim
    shape[axis] = size
    low = np.take(values, left, axis=axis)
    high = np.take(values, np.minimum(left + 1, old - 1), axis=axis)
    return low + (high - low) * share.reshape(shape)
