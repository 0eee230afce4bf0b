"""Label images made elsewhere: checked, numbered alike, completed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from phenolens.errors import InputError
from phenolens.segment.cells import grow_cells
from phenolens.segment.outlines import labels_from_outlines
from phenolens.segment.settings import SegmentSettings, cell_indices

MASKED = (1, 255, 65535)
"""What masks hold where an object is."""
MOST_PARTS = 2
"""Parts of one object, where the label image holds no other."""
_MOST = np.iinfo(np.int32).max


def as_labels(image: np.ndarray, shape: tuple[int, ...], *, outlines: bool = False) -> np.ndarray:
    """An image file's content as labels of a field.

    Parameters
    ----------
    image : ndarray of int, or of float that holds whole numbers, shape (H, W)
        0 is background. Of outlines also (H, W, 3 or 4), of any type.
    shape : tuple of int
        (H, W) of the field.
    outlines : bool
        Whether the image shows outlines, as CellProfiler saves them.

    Returns
    -------
    ndarray of int32, shape (H, W)

    Raises
    ------
    InputError
        If the image is of another size, holds no whole numbers from 0, or is a mask, in which
        objects are not numbered.
    """
    image = np.asarray(image)
    if image.dtype.kind not in "buif":
        raise InputError(f"it holds {image.dtype} values; objects are whole numbers, 0 is none")
    if image.ndim == 3 and image.shape[2] in (3, 4) and not outlines:
        raise InputError(
            "it is a colour picture; save objects as whole numbers (ConvertObjectsToImage, "
            "uint16), or name it NucleiOutlines or CellsOutlines where it shows outlines"
        )
    labels = labels_from_outlines(image) if outlines else _whole_numbers(image)
    if labels.shape != tuple(shape):
        raise InputError(f"its shape is {labels.shape}, that of the field {tuple(shape)}")
    return labels


def _whole_numbers(image: np.ndarray) -> np.ndarray:
    if image.dtype.kind == "f" and (np.isfinite(image) & (image == np.round(image))).all():
        image = image.astype(np.int64)
    if image.dtype.kind not in "iu":
        raise InputError(f"it holds {image.dtype} values; objects are whole numbers, 0 is none")
    low, high = int(image.min(initial=0)), int(image.max(initial=0))
    if low < 0 or high > _MOST:
        raise InputError(f"it holds numbers from {low} to {high}; 0 to {_MOST} are allowed")
    value = int(image.max(initial=0))
    if value in MASKED and (image[image > 0] == value).all():
        parts = ndimage.label(image)[1]
        if parts > MOST_PARTS:
            raise InputError(
                f"it is a mask: {parts} separate parts share the value {value}; objects are "
                "numbered (ConvertObjectsToImage, uint16)"
            )
    return image.astype(np.int32)


def complete_labels(
    given: Mapping[str, np.ndarray],
    pixels: np.ndarray,
    channels: Sequence[str],
    *,
    settings: SegmentSettings | None = None,
) -> dict[str, np.ndarray]:
    """The three compartments from those that are given.

    Parameters
    ----------
    given : mapping of str to ndarray of int32, shape (H, W)
        ``"Nuclei"``, and where there are any ``"Cells"`` and ``"Cytoplasm"``. Cells that are not
        numbered as their nuclei take the number of the nucleus they share most pixels with.
    pixels : ndarray, shape (C, H, W)
        Needed where cells are to be grown from the nuclei.
    channels : sequence of str
    settings : SegmentSettings, optional
        Of growing cells.

    Returns
    -------
    dict of str to ndarray of int32, shape (H, W)
        ``"Nuclei"``, ``"Cells"`` and ``"Cytoplasm"``; a cell's parts share one number.
    """
    nuclei = given["Nuclei"]
    if "Cells" in given:
        cells = numbered_as_nuclei(nuclei, given["Cells"])
    else:
        cells = _grown(nuclei, pixels, channels, settings=settings or SegmentSettings())
    around = given["Cytoplasm"] > 0 if "Cytoplasm" in given else nuclei == 0
    return {"Nuclei": nuclei, "Cells": cells, "Cytoplasm": np.where(around, cells, 0)}


def numbered_as_nuclei(nuclei: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Cells under the number of their nucleus; those without one are numbered after all nuclei.

    Where every nucleus within cells already meets the cell of its own number, nothing changes.
    """
    pairs, areas = _overlaps(nuclei, cells)
    alike = pairs[pairs[:, 0] == pairs[:, 1], 0]
    if np.isin(pairs[:, 0], alike).all():
        return cells
    owner = _owners(pairs[np.argsort(-areas, kind="stable")])
    numbers = np.unique(cells[cells > 0])
    free = int(nuclei.max(initial=0)) + 1 + np.arange(len(numbers))
    orphans = iter(free.tolist())
    new = [owner[k] if k in owner else next(orphans) for k in numbers.tolist()]
    table = np.array([0, *new], np.int32)
    return table[np.searchsorted(np.array([0, *numbers]), cells)]


def _overlaps(nuclei: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nucleus and cell of every pair that shares pixels, and how many."""
    both = (nuclei > 0) & (cells > 0)
    base = np.int64(cells.max(initial=0)) + 1
    codes, areas = np.unique(nuclei[both].astype(np.int64) * base + cells[both], return_counts=True)
    return np.column_stack([codes // base, codes % base]), areas


def _owners(pairs: np.ndarray) -> dict[int, int]:
    """Cell to nucleus, each once, from pairs in order of preference."""
    owner: dict[int, int] = {}
    taken: set[int] = set()
    for nucleus, cell in pairs.tolist():
        if nucleus not in taken and cell not in owner:
            owner[cell] = nucleus
            taken.add(nucleus)
    return owner


def _grown(
    nuclei: np.ndarray, pixels: np.ndarray, channels: Sequence[str], *, settings: SegmentSettings
) -> np.ndarray:
    """Cells grown from nuclei; numbers are packed meanwhile, as given ones may be large."""
    numbers = np.union1d([0], nuclei).astype(np.int32)
    packed = np.searchsorted(numbers, nuclei).astype(np.int32)
    planes = [pixels[index] for index in cell_indices(channels, settings)]
    diameter = settings.nucleus_diameter or _typical_diameter(packed)
    return numbers[grow_cells(packed, planes, diameter=diameter, settings=settings)]


def _typical_diameter(nuclei: np.ndarray) -> float:
    areas = np.bincount(nuclei.ravel())[1:]
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if len(areas) else np.nan
