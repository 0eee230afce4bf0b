"""Cells: grown from nuclei over what the cytoplasmic stains show."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from phenolens.segment.contrast import cell_level, log_contrast, scaled_level
from phenolens.segment.flood import grow
from phenolens.segment.settings import SegmentSettings

_REACH = 1.5  # longest path from the nucleus, cell diameters


def grow_cells(
    nuclei: np.ndarray, planes: list[np.ndarray], *, diameter: float, settings: SegmentSettings
) -> np.ndarray:
    """Grow cells from nuclei.

    Parameters
    ----------
    nuclei : ndarray of int32, shape (H, W)
    planes : list of ndarray, each of shape (H, W)
        Stains of the cell body; empty means that cells are nuclei widened to the cell diameter.
    diameter : float
        Typical diameter of a nucleus, pixels.
    settings : SegmentSettings

    Returns
    -------
    ndarray of int32, shape (H, W)
        A cell has the number of its nucleus and contains it.
    """
    if not nuclei.any():
        return nuclei.copy()
    size = settings.cell_diameter or 2.5 * diameter
    body = _body(planes, max(0.025 * diameter, 0.7))
    level = None if body is None else cell_level(body)
    if level is None:
        return _widen(nuclei, max((size - diameter) / 2, 1.0))
    mask = (body > scaled_level(level, settings.cell_threshold)) | (nuclei > 0)
    mask = _tidy(mask, diameter)
    relief = -ndimage.gaussian_filter(body, max(0.04 * diameter, 0.7), truncate=3.0)
    weight = settings.regularization / size
    cells = grow(nuclei, mask, relief, weight=weight, reach=_REACH * size)
    return _fill_gaps(cells, nuclei)


def _body(planes: list[np.ndarray], sigma: float) -> np.ndarray | None:
    """Mean contrast of the stains."""
    contrasts = [log_contrast(plane, sigma) for plane in planes]
    return np.mean(contrasts, axis=0) if contrasts else None


def _widen(nuclei: np.ndarray, margin: float) -> np.ndarray:
    flat = np.zeros(nuclei.shape, np.float32)
    return grow(nuclei, np.ones(nuclei.shape, bool), flat, weight=1.0, reach=margin)


def _tidy(mask: np.ndarray, diameter: float) -> np.ndarray:
    """Drop threads, fill holes smaller than a nucleus."""
    mask = ndimage.binary_opening(mask, iterations=2) | (mask & ndimage.binary_erosion(mask))
    holes, count = ndimage.label(~mask)
    if not count:
        return mask
    areas = np.bincount(holes.ravel())
    return mask | (areas < 0.25 * diameter**2)[holes]


def _fill_gaps(cells: np.ndarray, nuclei: np.ndarray) -> np.ndarray:
    """Smooth outlines by a 3 x 3 majority with the nucleus kept inside its own cell."""
    smooth = ndimage.median_filter(cells, 3)
    keep = np.isin(cells, [0]) | (smooth == 0) | (smooth == cells)
    out = np.where(keep & (smooth == 0) & (nuclei == 0), 0, cells)
    return np.where(nuclei > 0, nuclei, out).astype(np.int32)
