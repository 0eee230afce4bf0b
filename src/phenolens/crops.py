"""Single cells as crops of prepared fields: a table of centres, cut on reading, nothing copied."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pandas as pd

from phenolens import illumination
from phenolens.errors import InputError
from phenolens.prepared import Content, Prepared
from phenolens.profiles import OBJECT, PLATE, SITE, WELL

FIELD_KEY = [PLATE, WELL, SITE]
ROW, X, Y = "Field", "Center_X", "Center_Y"
_FRAME = 1.25
_MULTIPLE = 8


@dataclass(frozen=True)
class CellCrops(Prepared):
    """Prepared fields read as one square crop a cell.

    Attributes
    ----------
    images : ImageSet
        One row a cell: its field's columns, ``Metadata_ObjectNumber``, ``Field`` (row of the
        field) and ``Center_X``, ``Center_Y`` (pixels of the field).
    fields : Prepared
        Where the pixels lie.
    box : int
        Side of a crop in pixels of the field. Near an edge the crop lies within the field and the
        cell off its centre; pixels are mirrored (labels zero) only where a field is smaller.
    """

    fields: Prepared = field(kw_only=True)
    box: int = 64
    _last: dict[tuple[str, int], object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def cut(self) -> str:
        """Names how crops lie within their fields."""
        places = self.images.table[[ROW, X, Y]].to_numpy(np.float64)
        return f"{self.box}-{hashlib.blake2b(places.tobytes(), digest_size=8).hexdigest()}"

    def content(self, row: int) -> Content:
        return self.fields.content(self._field(row))

    def raw(self, row: int) -> np.ndarray:
        return self._crop(row, self._of_field("raw", row), mode="reflect")

    def pixels(self, row: int) -> np.ndarray:
        return self._crop(row, self._of_field("pixels", row), mode="reflect")

    def small(self, row: int) -> np.ndarray:
        return illumination.thumbnail(self.pixels(row))

    def labels(self, row: int) -> dict[str, np.ndarray]:
        found = self._of_field("labels", row)
        return {
            name: self._crop(row, image, mode="constant").astype(np.int32)
            for name, image in found.items()
        }

    def _field(self, row: int) -> int:
        return int(self.images.table[ROW].iloc[row])

    def _of_field(self, what: str, row: int):
        """Something of a cell's field; the last one is kept, for cells come field by field."""
        key = (what, self._field(row))
        if key not in self._last:
            for old in [known for known in self._last if known[0] == what]:
                del self._last[old]
            self._last[key] = getattr(self.fields, what)(key[1])
        return self._last[key]

    def _crop(
        self, row: int, image: np.ndarray, *, mode: Literal["reflect", "constant"]
    ) -> np.ndarray:
        """The square of (..., H, W) around a cell."""
        place = self.images.table.iloc[row]
        sizes = image.shape[-2:]
        tops = [_start(place[axis], self.box, n) for axis, n in zip((Y, X), sizes, strict=True)]
        rows, columns = (slice(max(top, 0), top + self.box) for top in tops)
        part = image[..., rows, columns]
        if part.shape[-2:] == (self.box, self.box):
            return part
        beyond = [
            (max(-top, 0), max(top + self.box - n, 0)) for top, n in zip(tops, sizes, strict=True)
        ]
        widths = [(0, 0)] * (image.ndim - 2) + beyond
        return np.pad(part, widths, mode=mode)


def _start(centre: float, box: int, size: int) -> int:
    """First pixel of a crop: centred on the cell, or as near to that as the field allows."""
    if size < box:
        return -((box - size) // 2)
    return int(np.clip(round(float(centre)) - box // 2, 0, size - box))


def cell_crops(fields: Prepared, centres: pd.DataFrame, *, box: int) -> CellCrops:
    """Read prepared fields cell by cell.

    Parameters
    ----------
    fields : Prepared
        Fields or tiles.
    centres : DataFrame
        ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Site``, ``Metadata_ObjectNumber``,
        ``Center_X`` and ``Center_Y``, one row a cell; cells of other fields are left out.
    box : int
        Side of a crop in pixels.

    Raises
    ------
    InputError
        If the images are crops already, or no cell lies in any of them.
    """
    if fields.images.level == "cell":
        raise InputError("These images are single-cell crops already; they are read as they are.")
    table = fields.images.table
    places = table[FIELD_KEY].astype(str).assign(**{ROW: np.arange(len(table))})
    cells = centres.astype(dict.fromkeys(FIELD_KEY, str))
    cells = cells.merge(places, on=FIELD_KEY, how="inner", validate="many_to_one")
    if not len(cells):
        raise InputError(f"None of {len(centres)} cells lies in one of {len(table)} images.")
    cells = cells.sort_values([ROW, OBJECT], ignore_index=True)
    rows = table.iloc[cells[ROW]].reset_index(drop=True)
    rows = rows.assign(**{name: cells[name] for name in (OBJECT, ROW, X, Y)})
    images = replace(fields.images, table=rows, level="cell")
    return CellCrops(
        fields.folder,
        images,
        fields.set_aside,
        fields.correction,
        contents=fields.contents,
        depths=fields.depths,
        fields=fields,
        box=box,
    )


def some_of_each_well(cells: pd.DataFrame, most: int, *, seed: int) -> pd.DataFrame:
    """At most so many cells of each well, drawn at random, in the order they came."""
    order = np.random.default_rng(seed).permutation(len(cells))
    drawn = pd.Series(order, index=cells.index)
    rank = drawn.groupby([cells[PLATE], cells[WELL]]).rank(method="first")
    return cells[rank <= most].reset_index(drop=True)


def box_around(areas: np.ndarray) -> int:
    """Side of a crop that shows a typical cell: 1.25 times its diameter, a multiple of 8.

    Parameters
    ----------
    areas : ndarray
        Areas of cells in pixels (of controls, which alone may speak for all).

    Raises
    ------
    InputError
        If no area is a number above zero.
    """
    known = areas[np.isfinite(areas) & (areas > 0)]
    if not len(known):
        raise InputError(
            "No control cell has an area, so the size of crops is unknown; set networks.box."
        )
    diameter = 2.0 * np.sqrt(np.median(known) / np.pi)
    return max(2 * _MULTIPLE, _MULTIPLE * round(_FRAME * diameter / _MULTIPLE))
