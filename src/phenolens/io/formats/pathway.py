"""Pathway of BD: a folder a well, ``Well A01/DAPI - n000000.tif``.

Names were seen in the guesses of CellProfiler's Metadata module and in a public macro that tells
the folders of AttoVision (``2009-09-21_000/Well A001/Alexa 488 - n000000.tif``).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import Instrument
from phenolens.io.instruments.acquisition import Place

NAME = re.compile(r"^(?P<channel>.+?)(?: - Confocal)? - n(?P<plane>\d{6})\.tiff?$", re.IGNORECASE)
WELL = re.compile(r"^(?:Well )?(?P<row>[a-p])0*(?P<column>\d{1,2})$", re.IGNORECASE)


@register
class Pathway(Instrument):
    """``Well A01/DAPI - n000000.tif``: the well in the folder, the plate in that above."""

    name = "pathway"
    describes: ClassVar[str] = "images of a BD Pathway"
    example = "Well A01/DAPI - n000000.tif"
    beside = ("*.exp", "*.dye", "*.adf")
    rank = 47

    def place(self, path: Path) -> Place | None:
        """By the name and two folders; the number is the plane."""
        match, well = NAME.match(path.name), WELL.match(path.parent.name)
        if match is None or well is None:
            return None
        named = well_or_blank(f"{well['row']}{well['column']}")
        if not named:
            return None
        return {
            "plate": path.parent.parent.name,
            "well": named,
            "site": "1",
            "channel": match["channel"],
            "plane": int(match["plane"]),
        }
