"""ScanR of Olympus and Evident: names with a well's number, and ``experiment_descriptor.xml``.

Names were seen in OME's public plate of idr0009 (``--W00002--P00001--Z00000--T00000--nucleus-dapi``
in ``data``), in a set on Zenodo that Galaxy uses (``B2--W00026--...--dapi.tif``) and in converters
of the University of Zurich. A well's number counts along the rows of the plate, so that the plate's
format must be known: by names of wells, by the descriptor, or by the study file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError, UndecidedError
from phenolens.io.acquisition import Acquisition, Place, image_files
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import Instrument
from phenolens.io.imagetable import Located
from phenolens.io.plate_descriptions import PlateDescription, read_scanr
from phenolens.profiles import PLATE_SHAPES, row_letters, well_name

NAME = re.compile(
    r"^(?P<label>.*?)(?:--)?W(?P<number>\d{5})--P(?P<site>\d{5})(?:--Z(?P<plane>\d{5}))?"
    r"(?:--T(?P<timepoint>\d{5}))?--(?P<channel>.+?)(?:\.ome)?\.tiff?$",
    re.IGNORECASE,
)
DESCRIPTOR = "experiment_descriptor.xml"
UNKNOWN = "#"
"""Stands before the number of a well whose name is not known."""


def well_of(number: int, wells: int) -> str:
    """Name of the well of a number, counted from 1 along the rows of a plate of so many wells.

    Raises
    ------
    InputError
        If the plate has no such well.

    Examples
    --------
    >>> well_of(14, 96), well_of(14, 384)
    ('B02', 'A14')
    """
    rows, columns = PLATE_SHAPES[wells]
    if not 1 <= number <= rows * columns:
        raise InputError(f"A plate of {wells} wells has no well of number {number}.")
    row, column = divmod(number - 1, columns)
    return f"{row_letters(row)}{column + 1:02d}"


@register
class ScanR(Instrument):
    """``B2--W00014--P00001--Z00000--T00000--DAPI.tif``, in the folder ``data`` of a plate."""

    name = "scanr"
    describes: ClassVar[str] = "images of a ScanR"
    example = "B2--W00014--P00001--Z00000--T00000--DAPI.tif"
    beside = (DESCRIPTOR, "experiment_descriptor.dat", "acquisitionlog.dat", "metadata.ome.xml")
    rank = 43

    def place(self, path: Path) -> Place | None:
        """By the name; without the well's name in it, the well is ``#`` and its number."""
        match = NAME.match(path.name)
        if match is None:
            return None
        folder = path.parent.parent if path.parent.name.lower() == "data" else path.parent
        return {
            "plate": folder.name,
            "well": _well(match["label"]) or f"{UNKNOWN}{int(match['number'])}",
            "site": str(int(match["site"])),
            "channel": match["channel"],
            "plane": int(match["plane"] or 0),
            "timepoint": int(match["timepoint"] or 0),
        }

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """By the names; wells by their number as the descriptor, or other names, tell them."""
        acquired = super().acquisition(folder, files)
        rows, notes = acquired.rows, list[str]()
        size = None
        for folder_, of_plate in rows.groupby(rows["path"].map(os.path.dirname), sort=False):
            said = _described(Path(str(folder_)), notes)
            if said is not None:
                rows.loc[of_plate.index, "well"] = _named(of_plate["well"], said)
                size = size or said.pixel_size_um
        return replace(acquired, rows=rows, pixel_size_um=size, notes=tuple(notes))

    def locate_below(self, folder: Path, images: Mapping[str, Any]) -> Located:
        """As every instrument; numbers of wells by the plate's format that the study file names.

        Raises
        ------
        UndecidedError
            If wells are numbered and nothing says how many a plate has.
        InputError
            If a plate of that format has no such well.
        """
        acquired = self.acquisition(folder, image_files(folder))
        size = images.get("plate_format")
        if size is not None:
            wells = acquired.rows["well"]
            named = {
                well: well_of(int(well.removeprefix(UNKNOWN)), int(size))
                for well in wells.unique()
                if well.startswith(UNKNOWN)
            }
            acquired = replace(acquired, rows=acquired.rows.assign(well=wells.replace(named)))
        return self._located(acquired, folder, images["channels"])

    def _located(self, acquired: Acquisition, folder: Path, channels: Sequence[str]) -> Located:
        rows = acquired.rows
        open_ = rows[rows["well"].str.startswith(UNKNOWN)]
        if len(open_):
            last = int(open_["well"].str.removeprefix(UNKNOWN).astype(int).max())
            fit = [n for n in (96, 384, 1536) if n >= last]
            raise UndecidedError(
                f"{folder}: names number the wells (to {last}, such as "
                f"{Path(open_['path'].iloc[0]).name}) and there is no {DESCRIPTOR} that says how "
                "many wells a plate has: say it, such as [data.images] plate_format = "
                f"{fit[0] if fit else 1536}.",
                setting="images.plate_format",
                choices=[f"plate_format = {n}" for n in fit],
            )
        return super()._located(acquired, folder, channels)


def _well(label: str) -> str:
    try:
        return well_name(label)
    except InputError:
        return ""


def _described(folder: Path, notes: list[str]) -> PlateDescription | None:
    """The descriptor beside the images or in the folder above."""
    for place in (folder, folder.parent):
        path = place / DESCRIPTOR
        if os.path.exists(path):  # noqa: PTH110
            try:
                return read_scanr(path)
            except InputError as error:
                notes.append(f"not used: {error}")
    return None


def _named(wells: pd.Series, said: PlateDescription) -> pd.Series:
    """Wells by name where they are numbered: by the descriptor's table, or the plate's format."""
    size = next((n for n, shape in PLATE_SHAPES.items() if shape == said.shape), 0)
    table = {}
    for well in wells.unique():
        if well.startswith(UNKNOWN):
            number = int(well.removeprefix(UNKNOWN))
            by_format = well_of(number, size) if 1 <= number <= size else well
            table[well] = _well(said.numbered.get(str(number), "")) or by_format
    return wells.replace(table)
