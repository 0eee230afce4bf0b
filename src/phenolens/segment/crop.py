"""Single-cell crops: the nucleus in the middle and its cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from phenolens.segment.cells import grow_cells
from phenolens.segment.contours import steepest_middle
from phenolens.segment.contrast import gradient, log_contrast
from phenolens.segment.field import check_pixels, compartments
from phenolens.segment.nuclei import SMOOTHING, find_nuclei
from phenolens.segment.settings import SegmentSettings, cell_indices, nuclei_index

_LEVELS = 24
_LEAST, _MOST = 0.02, 0.7  # share of a crop that its nucleus may take


def crop_labels(
    pixels: np.ndarray, channels: Sequence[str], *, settings: SegmentSettings | None = None
) -> dict[str, np.ndarray]:
    """Find the cell on which a crop is centred; its neighbours part it, then are left out.

    Parameters
    ----------
    pixels : ndarray of number, shape (C, H, W)
        A crop with one cell in the middle, say 68 x 68 pixels.
    channels : sequence of str
        Names of the C stains.
    settings : SegmentSettings, optional

    Returns
    -------
    dict of str to ndarray of int32, shape (H, W)
        ``"Nuclei"``, ``"Cells"`` and ``"Cytoplasm"`` with the number 1; all 0 where no nucleus
        lies near the middle.

    Raises
    ------
    InputError
        As :func:`phenolens.segment.segment_field`.
    """
    settings = settings or SegmentSettings()
    pixels = np.asarray(pixels)
    check_pixels(pixels, channels)
    plane = pixels[nuclei_index(channels, settings)]
    level, diameter = _central_level(log_contrast(plane, SMOOTHING))
    if level is None:
        return compartments(*np.zeros((2, *plane.shape), np.int32))
    if settings.nucleus_diameter is None:
        settings = replace(settings, nucleus_diameter=diameter)
    nuclei, diameter = find_nuclei(plane, settings, level=level)
    central = _central(nuclei)
    if central is None:
        return compartments(*np.zeros((2, *plane.shape), np.int32))
    planes = [pixels[index] for index in cell_indices(channels, settings)]
    cells = grow_cells(nuclei, planes, diameter=diameter, settings=settings)
    labels = compartments(nuclei, cells)
    return {name: (image == central).astype(np.int32) for name, image in labels.items()}


def _central_level(contrast: np.ndarray) -> tuple[float | None, float]:
    """The level whose contour around the middle is steepest and roundest; its diameter.

    In a crop the steepest contour of all may be a neighbour's, or chromatin within the nucleus.
    """
    low, high = np.percentile(contrast, [2, 99])
    levels = np.linspace(low, high, _LEVELS)[1:-1]
    scores, areas = steepest_middle(contrast, gradient(contrast), levels)
    share = areas / contrast.size
    scores[(share < _LEAST) | (share > _MOST)] = 0
    best = int(np.argmax(scores))
    if scores[best] == 0:
        return None, np.nan
    piece = contrast > levels[best]
    middle = tuple(slice(size // 4, size - size // 4) for size in piece.shape)
    depth = ndimage.distance_transform_edt(piece)[middle].max()
    return float(levels[best]), float(2.2 * depth)


def _central(nuclei: np.ndarray) -> int | None:
    """The nucleus under the middle pixel, or else the nearest within a quarter of the crop."""
    if not nuclei.any():
        return None
    distance, nearest = ndimage.distance_transform_edt(nuclei == 0, return_indices=True)
    middle = (nuclei.shape[0] // 2, nuclei.shape[1] // 2)
    if distance[middle] > min(nuclei.shape) / 4:
        return None
    return int(nuclei[tuple(nearest[(slice(None), *middle)])])
