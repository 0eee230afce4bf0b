"""Cytation and Lionheart of BioTek (Agilent): names that Gen5 gives.

Names were seen in the tests of glencoesoftware/bioformats2raw, which took them from real plates
(``A1_01_1_1_Phase Contrast_001.tif``, planes ``1Z0``, regions ``A1ROI1``, stitched and transformed
images, folders by well, and the older ``P24_1_Bright Field_1_001_02.tif``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import Instrument
from phenolens.io.instruments.acquisition import Acquisition, Place

NAME = re.compile(
    r"^(?P<well>[a-p]\d{1,2})(?:ROI(?P<roi>\d+))?_(?P<step>-?\d+)_(?P<number>\d+)_(?P<site>\d+)"
    r"(?:Z(?P<plane>\d+))?_(?P<channel>[^_].*)_(?P<timepoint>\d{3})\.tiff?$",
    re.IGNORECASE,
)
OLDER = re.compile(
    r"^(?P<well>[a-p]\d{1,2})(?:ROI(?P<roi>\d+))?_(?P<site>\d+)(?:Z(?P<plane>\d+))?_"
    r"(?P<channel>[^_].*)_(?P<number>\d+)_(?P<timepoint>\d{3})_(?P<step>-?\d*)\.tiff?$",
    re.IGNORECASE,
)
MADE = re.compile(r"^(Stitched|Tsf|ZProj)\[", re.IGNORECASE)
FILTER = re.compile(r"^(?P<name>.+?) \d{3},\d{3}$")


@register
class Gen5(Instrument):
    """``A1_01_1_1_DAPI_001.tif``: well, read step, channel, image in the well, name, cycle."""

    name = "gen5"
    describes: ClassVar[str] = "images of a Cytation or Lionheart (Gen5)"
    example = "A1_01_1_1_DAPI_001.tif"
    rank = 44

    def place(self, path: Path) -> Place | None:
        """By the name; the plate is the folder's name, or that above a folder of one well."""
        match = NAME.match(path.name) or OLDER.match(path.name)
        if match is None:
            return None
        well = well_or_blank(match["well"])
        if not well:
            return None
        own = re.search(rf"(?:^|[ _]){match['well']}(?:$|[ _])", path.parent.name, re.IGNORECASE)
        folder = path.parent.parent if own else path.parent
        region = f"{match['roi']}-" if match["roi"] else ""
        found: Place = {
            "plate": folder.name,
            "well": well,
            "site": f"{region}{int(match['site'])}",
            "channel": match["channel"],
            "timepoint": int(match["timepoint"]),
            "measurement": match["step"] or "1",
        }
        if match["plane"]:
            found["plane"] = int(match["plane"])
        return found

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """By the names; what Gen5 made of the images (stitched, transformed) is left out."""
        acquired = super().acquisition(folder, files)
        rows = acquired.rows
        if rows.empty:
            return acquired
        made = rows["channel"].str.match(MADE)
        notes: tuple[str, ...] = ()
        if made.any() and not made.all():
            example = Path(rows.loc[made, "path"].iloc[0]).name
            notes = (f"{int(made.sum())} images that Gen5 made were left out, such as {example}",)
            rows = rows[~made].reset_index(drop=True)
        if "plane" in rows:
            rows = rows.assign(plane=rows["plane"].fillna(0).astype(int))
        return replace(acquired, rows=rows, names=_names(rows["channel"].unique()), notes=notes)


def _names(channels: Sequence[str]) -> dict[str, str]:
    """``GFP 469,525`` without the filters' wavelengths, where no two become one."""
    bare = {c: FILTER.sub(r"\g<name>", re.sub(r"^Read \d+_", "", c)) for c in channels}
    held = list(bare.values())
    return {c: name for c, name in bare.items() if held.count(name) == 1}
