"""One field: nuclei, cells grown from them, and the cytoplasm between the two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from phenolens.errors import InputError
from phenolens.segment.cells import grow_cells
from phenolens.segment.nuclei import find_nuclei
from phenolens.segment.settings import SegmentSettings, cell_indices, nuclei_index


def segment_field(
    pixels: np.ndarray, channels: Sequence[str], *, settings: SegmentSettings | None = None
) -> dict[str, np.ndarray]:
    """Find nuclei, cells and cytoplasm in one field.

    Parameters
    ----------
    pixels : ndarray of number, shape (C, H, W)
        Intensities on any scale, the same for a whole stain.
    channels : sequence of str
        Names of the C stains.
    settings : SegmentSettings, optional

    Returns
    -------
    dict of str to ndarray of int32, shape (H, W)
        ``"Nuclei"``, ``"Cells"`` and ``"Cytoplasm"``: 0 is background, a cell's parts share one
        number from 1. All 0 where nothing stands out from the background.

    Raises
    ------
    InputError
        If shapes do not fit, intensities are not finite, or no stain is known to show nuclei.

    Examples
    --------
    >>> import numpy as np
    >>> import phenolens as pl
    >>> rows, columns = np.mgrid[:120, :160]
    >>> away = [np.hypot(rows - 60, columns - middle) for middle in (45, 115)]
    >>> dna, agp = (sum(1.0 * (one < radius) for one in away) for radius in (12, 28))
    >>> labels = pl.segment(np.stack([dna, agp]), ["DNA", "AGP"])
    >>> list(labels), int(labels["Cells"].max())
    (['Nuclei', 'Cells', 'Cytoplasm'], 2)
    """
    settings = settings or SegmentSettings()
    pixels = np.asarray(pixels)
    check_pixels(pixels, channels)
    nuclei, diameter = find_nuclei(pixels[nuclei_index(channels, settings)], settings)
    if settings.discard_border:
        nuclei = _without_border(nuclei)
    planes = [pixels[index] for index in cell_indices(channels, settings)]
    return compartments(nuclei, grow_cells(nuclei, planes, diameter=diameter, settings=settings))


def compartments(nuclei: np.ndarray, cells: np.ndarray) -> dict[str, np.ndarray]:
    """The three label images; cytoplasm is what a cell has outside nuclei."""
    return {"Nuclei": nuclei, "Cells": cells, "Cytoplasm": np.where(nuclei > 0, 0, cells)}


def check_pixels(pixels: np.ndarray, channels: Sequence[str]) -> None:
    """Refuse what cannot be segmented (InputError)."""
    if pixels.ndim != 3 or len(pixels) != len(channels):
        raise InputError(
            f"Pixels of shape {pixels.shape} do not fit {len(channels)} channels "
            f"({', '.join(channels)}): (channels, height, width) is needed."
        )
    if pixels.size == 0:
        raise InputError(f"Pixels of shape {pixels.shape} are empty.")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        bad = [c for c, plane in zip(channels, pixels, strict=True) if not np.isfinite(plane).all()]
        raise InputError(f"Channels {', '.join(bad)} hold NaN or infinite intensities.")


def _without_border(nuclei: np.ndarray) -> np.ndarray:
    """Leave out nuclei on the border, and number the rest from 1."""
    rim = (nuclei[0], nuclei[-1], nuclei[:, 0], nuclei[:, -1])
    keep = np.ones(int(nuclei.max(initial=0)) + 1, bool)
    keep[np.concatenate(rim)] = False
    keep[0] = False
    table = np.where(keep, np.cumsum(keep), 0).astype(np.int32)
    return table[nuclei]
