"""Single-cell crops: the nucleus in the middle and its cell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from phenolens.segment.field import segment_field
from phenolens.segment.settings import SegmentSettings


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
        ``"Nuclei"``, ``"Cells"`` and ``"Cytoplasm"`` with the number 1. A crop in which no
        nucleus is found is given a disk in the middle, a third of the crop wide, as its nucleus,
        so that no cell of a table is lost; ``Metadata_Quality_Guessed`` of
        :func:`phenolens.measure.cell_quality` marks it.

    Raises
    ------
    InputError
        As :func:`segment_field`.
    """
    labels = segment_field(pixels, channels, settings=settings)
    central = _central(labels["Nuclei"])
    if central is None:
        return _guess(labels["Nuclei"].shape)
    return {name: (image == central).astype(np.int32) for name, image in labels.items()}


def _central(nuclei: np.ndarray) -> int | None:
    """The nucleus under the middle pixel, or else the nearest within a quarter of the crop."""
    if not nuclei.any():
        return None
    distance, nearest = ndimage.distance_transform_edt(nuclei == 0, return_indices=True)
    middle = (nuclei.shape[0] // 2, nuclei.shape[1] // 2)
    if distance[middle] > min(nuclei.shape) / 4:
        return None
    return int(nuclei[tuple(nearest[(slice(None), *middle)])])


def _guess(shape: tuple[int, int]) -> dict[str, np.ndarray]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    radius = min(shape) / 6
    far = np.hypot(y - (shape[0] - 1) / 2, x - (shape[1] - 1) / 2)
    nucleus = (far <= radius).astype(np.int32)
    cell = (far <= 2.5 * radius).astype(np.int32)
    return {"Nuclei": nucleus, "Cells": cell, "Cytoplasm": cell - nucleus}
