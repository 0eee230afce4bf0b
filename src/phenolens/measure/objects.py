"""measure_objects: pixels and labels in, one row of features per object out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.measure.blocks import CompartmentFeatures
from phenolens.measure.families import plan
from phenolens.measure.field import Compartment, Field
from phenolens.measure.names import check_families
from phenolens.measure.regions import Regions, build_regions
from phenolens.measure.relations import relations
from phenolens.measure.settings import MeasureSettings

NUMBER = "Metadata_ObjectNumber"


def measure_objects(
    pixels: np.ndarray,
    channels: Sequence[str],
    labels: Mapping[str, np.ndarray],
    *,
    families: Sequence[str] | None = None,
    settings: MeasureSettings | None = None,
) -> pd.DataFrame:
    """Measure every labelled object of one field.

    Parameters
    ----------
    pixels : ndarray of uint8, uint16 or float, shape (C, H, W)
        Integers are divided by the largest value of their type, as CellProfiler does; floats are
        taken as intensities from 0 to 1.
    channels : sequence of str
        Names of the C stains.
    labels : mapping of str to ndarray of int, each of shape (H, W)
        Label image of each compartment (``"Nuclei"``, ``"Cells"``, ``"Cytoplasm"``); 0 is
        background, the same id in several compartments is the same cell. Ids may have gaps,
        objects may touch the border, and a cell may be absent from a compartment.
    families : sequence of str, optional
        Subset of ``FAMILIES``; all but ``"Moments"`` by default.
    settings : MeasureSettings, optional

    Returns
    -------
    pandas.DataFrame
        One row per id in ascending order. First ``Metadata_ObjectNumber`` (int64), then
        ``Metadata_`` columns, then features under CellProfiler's names, all float64. Features of a
        compartment in which a cell is absent are NaN.

    Raises
    ------
    InputError
        If shapes or types do not fit, or intensities are not finite.

    References
    ----------
    Stirling et al., BMC Bioinformatics 22:433 (2021), whose features these are; each family names
    its own source (docs/measure).

    Examples
    --------
    >>> import numpy as np
    >>> import phenolens as pl
    >>> rows, columns = np.mgrid[:120, :160]
    >>> away = [np.hypot(rows - 60, columns - middle) for middle in (45, 115)]
    >>> dna, agp = (sum(1.0 * (one < radius) for one in away) for radius in (12, 28))
    >>> cells = sum(number * (one < 28) for number, one in enumerate(away, start=1))
    >>> nuclei = np.where(dna > 0, cells, 0)
    >>> labels = {"Nuclei": nuclei, "Cells": cells, "Cytoplasm": cells - nuclei}
    >>> pixels = np.stack([dna, agp])
    >>> table = pl.measure_objects(pixels, ["DNA", "AGP"], labels, families=["AreaShape"])
    >>> table[["Metadata_ObjectNumber", "Nuclei_AreaShape_Area", "Cells_AreaShape_Area"]]
       Metadata_ObjectNumber  Nuclei_AreaShape_Area  Cells_AreaShape_Area
    0                      1                  437.0                2449.0
    1                      2                  437.0                2449.0
    """
    settings = settings or MeasureSettings()
    chosen = check_families(families)
    pixels = _native(pixels)
    planes = _check_pixels(pixels, channels)
    regions = {name: _check_labels(name, image, planes) for name, image in labels.items()}
    blocks = plan(channels, list(regions), chosen, settings=settings)
    inside = _inside(regions, planes.shape[1:])
    field = Field(pixels, planes, tuple(channels), inside, settings)
    compartments = {name: Compartment(field, part, regions) for name, part in regions.items()}
    return _table(compartments, blocks)


def _native(values: np.ndarray) -> np.ndarray:
    """The same in the machine's byte order: files of other machines come as they were written."""
    values = np.asarray(values)
    return values.astype(values.dtype.newbyteorder("="), copy=False)


def _check_pixels(pixels: np.ndarray, channels: Sequence[str]) -> np.ndarray:
    """Intensities as float64 from 0 to 1."""
    if pixels.ndim != 3 or len(pixels) != len(channels):
        raise InputError(
            f"Pixels of shape {pixels.shape} do not fit {len(channels)} channels "
            f"({', '.join(channels)}): (channels, height, width) is needed."
        )
    if len(set(channels)) != len(channels):
        raise InputError(f"Channel names must differ; got {', '.join(channels)}.")
    if pixels.dtype in (np.uint8, np.uint16):
        return pixels / float(np.iinfo(pixels.dtype).max)
    if pixels.dtype.kind != "f":
        raise InputError(f"Pixels of type {pixels.dtype}: give uint8, uint16 or float from 0 to 1.")
    _check_range(pixels, channels)
    return pixels.astype(np.float64, copy=False)


def _check_range(pixels: np.ndarray, channels: Sequence[str]) -> None:
    for plane, channel in zip(pixels, channels, strict=True):
        low, high = plane.min(initial=0), plane.max(initial=0)
        if not (np.isfinite(low) and np.isfinite(high)):
            raise InputError(f"Channel '{channel}' holds NaN or infinite intensities.")
        if low < -1e-3 or high > 16:
            raise InputError(
                f"Channel '{channel}' holds floats from {low:.4g} to {high:.4g}: scale floats to "
                f"0-1, or give the integers as recorded."
            )


def _check_labels(name: str, image: np.ndarray, planes: np.ndarray) -> Regions:
    image = _native(image)
    if image.shape != planes.shape[1:]:
        raise InputError(
            f"Labels '{name}' have shape {image.shape}, the images {planes.shape[1:]}: "
            f"they must be the same field."
        )
    if image.dtype == bool:
        raise InputError(f"Labels '{name}' are a mask (bool): number the objects first.")
    if image.dtype.kind not in "iu":
        raise InputError(f"Labels '{name}' are {image.dtype}: whole numbers are needed.")
    if image.dtype.kind == "i" and image.size and image.min() < 0:
        raise InputError(f"Labels '{name}' hold negative ids ({image.min()}): 0 is background.")
    return build_regions(name, image)


def _inside(regions: Mapping[str, Regions], shape: tuple[int, int]) -> np.ndarray:
    inside = np.zeros(shape, bool)
    for part in regions.values():
        inside |= part.labels > 0
    return inside


def _table(
    compartments: Mapping[str, Compartment], blocks: list[CompartmentFeatures]
) -> pd.DataFrame:
    ids = np.unique(np.concatenate([[0], *(c.regions.ids for c in compartments.values())]))[1:]
    parts, names = [], []
    for block in blocks:
        compartment = compartments[block.compartment]
        parts.append(_spread(block, compartment, ids))
        names += block.names
    present = {name: np.isin(ids, c.regions.ids) for name, c in compartments.items()}
    related = relations(present, ids)
    values = np.hstack([np.empty((len(ids), 0)), *(v[:, None] for v in related.values()), *parts])
    names = [*related, *names]
    order = sorted(range(len(names)), key=lambda i: not names[i].startswith("Metadata_"))
    table = pd.DataFrame(values[:, order], columns=[names[i] for i in order], copy=False)
    table.insert(0, NUMBER, ids.astype(np.int64))
    return table


def _spread(block: CompartmentFeatures, compartment: Compartment, ids: np.ndarray) -> np.ndarray:
    """Rows of the compartment's objects at their place among all ids; NaN for the absent."""
    out = np.full((len(ids), len(block.names)), np.nan)
    if compartment.regions.count:
        out[np.searchsorted(ids, compartment.regions.ids)] = block.compute(compartment)
    return out
