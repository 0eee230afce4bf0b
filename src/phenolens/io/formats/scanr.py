"""ScanR of Olympus and Evident: names with a well's number, and ``experiment_descriptor.xml``.

Names were seen in OME's public plate of idr0009 (``--W00002--P00001--Z00000--T00000--nucleus-dapi``
in ``data``), in a set on Zenodo that Galaxy uses (``B2--W00026--...--dapi.tif``) and in converters
of the University of Zurich. A well's number counts along the rows of the plate, so that the plate's
format must be known: by names of wells, by the descriptor, or by the study file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import register
from phenolens.io.formats.numbered_wells import UNKNOWN, NumberedWells, well_of
from phenolens.io.instruments.acquisition import Acquisition, Place
from phenolens.io.instruments.plate_descriptions import PlateDescription, read_scanr
from phenolens.profiles import PLATE_SHAPES

NAME = re.compile(
    r"^(?P<label>.*?)(?:--)?W(?P<number>\d{5})--P(?P<site>\d{5})(?:--Z(?P<plane>\d{5}))?"
    r"(?:--T(?P<timepoint>\d{5}))?--(?P<channel>.+?)(?:\.ome)?\.tiff?$",
    re.IGNORECASE,
)
DESCRIPTOR = "experiment_descriptor.xml"


@register
class ScanR(NumberedWells):
    """``B2--W00014--P00001--Z00000--T00000--DAPI.tif``, in the folder ``data`` of a plate."""

    name = "scanr"
    describes: ClassVar[str] = "images of a ScanR"
    example = "B2--W00014--P00001--Z00000--T00000--DAPI.tif"
    beside = (DESCRIPTOR, "experiment_descriptor.dat", "acquisitionlog.dat", "metadata.ome.xml")
    numbered_by = DESCRIPTOR
    rank = 43

    def place(self, path: Path) -> Place | None:
        """By the name; without the well's name in it, the well is ``#`` and its number."""
        match = NAME.match(path.name)
        if match is None:
            return None
        folder = path.parent.parent if path.parent.name.lower() == "data" else path.parent
        return {
            "plate": folder.name,
            "well": well_or_blank(match["label"]) or f"{UNKNOWN}{int(match['number'])}",
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
            table[well] = well_or_blank(said.numbered.get(str(number), "")) or by_format
    return wells.replace(table)
