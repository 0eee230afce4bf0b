"""Nuclei and cells by Cellpose, an optional extra that is imported only here.

Stringer et al. 2021, Nat Methods 18:100, doi 10.1038/s41592-020-01018-x; version 4 is
Pachitariu, Rariden and Stringer 2025, bioRxiv 2025.04.28.651001.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from phenolens.errors import InputError
from phenolens.segment.field import check_pixels
from phenolens.segment.given import complete_labels
from phenolens.segment.settings import SegmentSettings, cell_indices, nuclei_index

_BODY = ("agp", "actin", "rna", "er")  # stains that fill cells to their edge, best first


def segment_with_cellpose(
    pixels: np.ndarray, channels: Sequence[str], *, settings: SegmentSettings | None = None
) -> dict[str, np.ndarray]:
    """Find nuclei, cells and cytoplasm in one field with Cellpose's pretrained network.

    Nuclei are found in the nuclear stain; cells in one stain of the cell body (the first of
    ``cell_channels``, else AGP, actin, RNA, ER, else the first there is) with the nuclear stain
    beside it. Without such a stain, cells are the nuclei widened. A cell takes the number of the
    nucleus it shares most pixels with.

    Parameters
    ----------
    pixels : ndarray of number, shape (C, H, W)
    channels : sequence of str
    settings : SegmentSettings, optional
        Only stains and diameters (pixels) are used; without diameters the network sees the field
        at its own scale.

    Returns
    -------
    dict of str to ndarray of int32, shape (H, W)
        ``"Nuclei"``, ``"Cells"`` and ``"Cytoplasm"``. A cell without nucleus, or a nucleus without
        cell, is kept.

    Raises
    ------
    InputError
        If Cellpose is not installed or its weights cannot be loaded, and as
        :func:`phenolens.segment.segment_field`.
    """
    settings = settings or SegmentSettings()
    pixels = np.asarray(pixels)
    check_pixels(pixels, channels)
    dna = pixels[nuclei_index(channels, settings)]
    given = {"Nuclei": _masks([dna], settings.nucleus_diameter)}
    body = _body(channels, settings)
    if body is not None:
        given["Cells"] = _masks([pixels[body], dna], settings.cell_diameter)
    return complete_labels(given, pixels, channels, settings=settings)


def require_cellpose() -> None:
    """Refuse where Cellpose is not installed (InputError)."""
    try:
        from cellpose import models  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"segment.method = 'cellpose' needs Cellpose ({error}): "
            "pip install 'phenolens[cellpose]', or use method = 'threshold'."
        ) from None


@lru_cache(maxsize=1)
def _network():
    """The pretrained network, loaded once a process; on a GPU where there is one."""
    require_cellpose()
    from cellpose import models

    try:
        return models.CellposeModel(gpu=True)
    except OSError as error:  # weights are fetched on first use
        raise InputError(f"Cellpose's weights cannot be loaded: {error}") from None


def _masks(planes: list[np.ndarray], diameter: float | None) -> np.ndarray:
    """Labels that Cellpose finds in up to three planes; absent ones are empty."""
    image = np.zeros((*planes[0].shape, 3), np.float32)
    image[..., : len(planes)] = np.stack(planes, axis=-1)
    masks, *_ = _network().eval(image, channel_axis=2, diameter=diameter)
    return np.asarray(masks).astype(np.int32)


def _body(channels: Sequence[str], settings: SegmentSettings) -> int | None:
    found = cell_indices(channels, settings)
    if settings.cell_channels is None:
        known = {channels[index].lower(): index for index in reversed(found)}
        found = [known[name] for name in _BODY if name in known] + found
    return found[0] if found else None
