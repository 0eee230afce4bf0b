"""Numbers from maps: how much of an image, and which part of its cells, carried a class.

A threshold is a share of the map's own maximum. A quantile of the map is refused: "above the 80th
percentile" marks 20 % of every image by construction and so measures nothing. Wells, not images,
are the units of every test.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.interpret.explain import Maps
from phenolens.prepared import Prepared
from phenolens.represent.networks.pixels import PixelSettings, central_square, resize
from phenolens.segment import SegmentSettings, crop_labels
from phenolens.segment.settings import NUCLEAR, nuclei_index

THRESHOLDS = (0.5, 0.8)
PARTS = ("nucleus", "cytoplasm", "background")


def compartments(
    prepared: Prepared,
    rows: np.ndarray,
    settings: PixelSettings,
    *,
    segmentation: SegmentSettings | None = None,
) -> np.ndarray:
    """Share of each map position that is nucleus, cytoplasm and background.

    Single-cell crops come without label images: the cell in the middle is found in each, as it is
    for measuring, and its neighbours count as background.

    Parameters
    ----------
    settings : PixelSettings
        Of the network's input, whose geometry the maps share.
    segmentation : SegmentSettings, optional
        How cells of crops are found; by default as names and pixels of the stains suggest.

    Returns
    -------
    ndarray of float32, shape (len(rows), 3, S, S)
        Sums to one over the second axis; NaN for fields without label images, for crops in which
        no cell is found, and for crops whose stains do not name the nuclear one.
    """
    side = settings.size * settings.tiles
    found = np.full((len(rows), len(PARTS), side, side), np.nan, dtype=np.float32)
    for number, row in enumerate(rows):
        labels = image_labels(prepared, int(row), segmentation or SegmentSettings())
        if "Cells" in labels and "Nuclei" in labels:
            found[number] = _shares(labels, settings.tiles, side)
    return found


def image_labels(
    prepared: Prepared, row: int, segmentation: SegmentSettings
) -> dict[str, np.ndarray]:
    """Label images of one image: those saved, or for a crop those of the cell in its middle."""
    labels = prepared.labels(row)
    known = nuclear_stain(prepared.channels, segmentation) is not None
    if labels or prepared.images.level != "cell" or not known:
        return labels
    labels = crop_labels(prepared.pixels(row), prepared.channels, settings=segmentation)
    return labels if labels["Nuclei"].any() else {}


def nuclear_stain(channels: Sequence[str], segmentation: SegmentSettings) -> int | None:
    """Place of the stain of nuclei, named or known by its name; None where it is neither."""
    if segmentation.nuclei_channel is None and not any(
        word in name.lower() for name in channels for word in NUCLEAR
    ):
        return None
    return nuclei_index(channels, segmentation)


def _shares(labels: dict[str, np.ndarray], tiles: int, side: int) -> np.ndarray:
    nucleus = labels["Nuclei"] > 0
    cytoplasm = (labels["Cells"] > 0) & ~nucleus
    parts = np.stack([nucleus, cytoplasm, ~nucleus & ~cytoplasm]).astype(np.float32)
    square = central_square(parts)
    covered = square.shape[-1] // tiles * tiles
    return resize(square[:, :covered, :covered], side)


def activation_table(
    cams: Maps,
    metadata: pd.DataFrame,
    parts: np.ndarray | None = None,
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    relative_to: str = "maximum",
) -> pd.DataFrame:
    """Measures of each map; those of all-zero maps are NaN, and ``zero_map`` says so.

    Parameters
    ----------
    cams : Maps
    metadata : DataFrame
        ``Metadata_*`` columns of the same rows.
    parts : ndarray, shape (n, 3, S, S), optional
        From :func:`compartments`. Without it, or for images without cells, what concerns cells is
        NaN.
    thresholds : sequence of float
        Shares of the map's maximum, each within (0, 1).
    relative_to : str
        ``maximum``; anything else is refused.

    Returns
    -------
    DataFrame
        The metadata, then ``target, predicted, zero_map, intensity_image, intensity_cells`` (mean
        of the map), per threshold ``area_<t>_image, area_<t>_cells`` (share of the region at or
        above it) and ``intensity_<t>`` (mean of the map there), and per compartment
        ``mass_<part>``, ``share_<part>`` (of the area) and ``enrichment_<part>`` (their ratio).

    Raises
    ------
    InputError
        For a threshold that is a quantile, or outside (0, 1).
    """
    _check_thresholds(thresholds, relative_to)
    columns = {"target": cams.targets, "predicted": cams.predicted, "zero_map": cams.zero}
    maps = np.where(cams.zero[:, None, None], np.nan, cams.maps).astype(np.float64)
    everywhere = np.ones_like(maps)
    columns["intensity_image"] = _mean(maps, everywhere)
    cells = np.full_like(maps, np.nan) if parts is None else parts[:, :2].sum(axis=1)
    columns["intensity_cells"] = _mean(maps, cells)
    for threshold in thresholds:
        columns |= _above(maps, cells, threshold)
    if parts is not None:
        columns |= _masses(maps, parts)
    return pd.concat([metadata.reset_index(drop=True), pd.DataFrame(columns)], axis=1)


def measures(table: pd.DataFrame) -> list[str]:
    """Names of the measures in an activation table."""
    starts = ("intensity_", "area_", "mass_", "enrichment_")
    return [name for name in table if str(name).startswith(starts)]


def _check_thresholds(thresholds: Sequence[float], relative_to: str) -> None:
    if relative_to != "maximum":
        raise InputError(
            f"A threshold relative to '{relative_to}' is refused: a quantile of the map marks the "
            "same share of every image by construction. Use shares of the map's maximum."
        )
    wrong = [threshold for threshold in thresholds if not 0 < threshold < 1]
    if wrong:
        raise InputError(f"A threshold is a share of the maximum within (0, 1); got {wrong[0]}.")


def _mean(maps: np.ndarray, region: np.ndarray) -> np.ndarray:
    """Mean of each map over a region given as shares; NaN where there is none."""
    area = region.sum(axis=(1, 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(area > 0, (maps * region).sum(axis=(1, 2)) / area, np.nan)


def _above(maps: np.ndarray, cells: np.ndarray, threshold: float) -> dict[str, np.ndarray]:
    marked = np.where(np.isnan(maps), np.nan, maps >= threshold)
    return {
        f"area_{threshold:g}_image": marked.mean(axis=(1, 2)),
        f"area_{threshold:g}_cells": _mean(marked, cells),
        f"intensity_{threshold:g}": _mean(maps, np.nan_to_num(marked)),
    }


def _masses(maps: np.ndarray, parts: np.ndarray) -> dict[str, np.ndarray]:
    found = {}
    with np.errstate(invalid="ignore", divide="ignore"):
        for number, name in enumerate(PARTS):
            share = parts[:, number].mean(axis=(1, 2), dtype=np.float64)
            mass = (maps * parts[:, number]).sum(axis=(1, 2)) / maps.sum(axis=(1, 2))
            found[f"mass_{name}"] = mass
            found[f"share_{name}"] = share
            found[f"enrichment_{name}"] = np.where(share > 0, mass / share, np.nan)
    return found
