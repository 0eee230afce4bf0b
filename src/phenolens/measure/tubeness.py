"""Tubeness: an image of bright tubes, as CellProfiler's EnhanceOrSuppressFeatures makes it."""

from __future__ import annotations

import numpy as np


def tubeness(plane: np.ndarray, sigma: float) -> np.ndarray:
    """Strength of the bright ridge through each pixel, scaled to 0-1 over the image.

    Where the eigenvalue of larger magnitude of the smoothed image's Hessian is negative, its
    magnitude; 0 elsewhere (Sato et al., Med. Image Anal. 2 (1998) 143).

    Parameters
    ----------
    plane : ndarray of float, shape (H, W)
    sigma : float
        Standard deviation of the Gaussian, pixels.

    Returns
    -------
    ndarray of float64, shape (H, W)
    """
    from scipy.ndimage import gaussian_filter

    yy, xy, xx = _hessian(gaussian_filter(plane.astype(np.float64), sigma))
    middle = (yy + xx) / 2
    least = middle - np.sqrt(((yy - xx) / 2) ** 2 + xy**2)
    ridge = np.where(middle < 0, np.maximum(-least, 0), 0)
    low, high = ridge.min(initial=0), ridge.max(initial=0)
    return (ridge - low) / (high - low) if high > low else ridge


def _hessian(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Second differences; 0 where a neighbour is missing."""
    yy, xy, xx = (np.zeros_like(image) for _ in range(3))
    yy[1:-1] = image[2:] - 2 * image[1:-1] + image[:-2]
    xx[:, 1:-1] = image[:, 2:] - 2 * image[:, 1:-1] + image[:, :-2]
    corners = image[2:, 2:] + image[:-2, :-2] - image[2:, :-2] - image[:-2, 2:]
    xy[1:-1, 1:-1] = corners / 4
    return yy, xy, xx
