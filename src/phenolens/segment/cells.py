"""Cells: grown from nuclei over what the cytoplasmic stains show."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from phenolens.segment.contrast import cell_level, gradient, log_contrast, scaled_level
from phenolens.segment.flood import grow, majority
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
    contrasts = [log_contrast(plane, max(0.03 * diameter, 0.7)) for plane in planes]
    body = np.mean(contrasts, axis=0) if contrasts else np.zeros(nuclei.shape, np.float32)
    level = cell_level(body)
    if level is None:
        return _widen(nuclei, max((size - diameter) / 2, 1.0))
    mask = (body > scaled_level(level, settings.cell_threshold)) | (nuclei > 0)
    relief = settings.edge_weight * diameter * _edges(contrasts) - body
    weight = settings.regularization / size
    cells = grow(nuclei, _tidy(mask, diameter), relief, weight=weight, reach=_REACH * size)
    return _smooth_outlines(cells, nuclei, diameter)


def _edges(contrasts: list[np.ndarray]) -> np.ndarray:
    """Root mean square over the stains of the contrast's gradient, per pixel."""
    total = np.zeros_like(contrasts[0])
    for contrast in contrasts:
        total += gradient(contrast) ** 2
    return np.sqrt(total / len(contrasts))


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


def _smooth_outlines(cells: np.ndarray, nuclei: np.ndarray, diameter: float) -> np.ndarray:
    """Give outline pixels to the majority around them; a nucleus stays inside its own cell."""
    smooth = majority(cells, max(1, round(0.05 * diameter)))
    return np.where(nuclei > 0, nuclei, smooth)
