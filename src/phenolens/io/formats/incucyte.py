"""Incucyte of Sartorius (Essen): exported images, and those of its archive.

Names were seen in several public repositories: ``VID1630_A1_1_00d00h00m.tif`` in a folder
``phase``, ``R2_MDF_green_B2_1_00d03h00m.tif``, ``greenCalibrated_B2_1_2024y03m05d_10h45m.tif``; and
``EssenFiles/ScanData/2505/16/1130/1234/A1-1-Ph.tif`` in NL-BioImaging/biomero-converter.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import Instrument
from phenolens.io.instruments.acquisition import Place

NAME = re.compile(
    r"^(?:(?P<before>.+)_)?(?P<well>[a-p]\d{1,2})_(?P<site>\d+)_(?:(?P<days>\d+)d(?P<hours>\d\d)h"
    r"(?P<minutes>\d\d)m|(?P<date>\d{4}y\d\dm\d\dd_\d\dh\d\dm))\.(?:tiff?|png|jpe?g)$",
    re.IGNORECASE,
)
ARCHIVED = re.compile(r"^(?P<well>[a-p]\d{1,2})-(?P<site>\d+)-(?P<channel>C\d+|Ph)\.tiff?$", re.I)
SCAN = re.compile(r"/(?P<date>\d{4}/\d{2}/\d{4})/(?P<plate>\d+)$")
CHANNEL = re.compile(r"phase|bright|green|red|orange|nir|blue|yellow|confluence", re.IGNORECASE)


@register
class Incucyte(Instrument):
    """``NAME_A1_1_00d03h00m.tif``: well, image, time; the channel in the name or the folder."""

    name = "incucyte"
    describes: ClassVar[str] = "images of an Incucyte"
    example = "VID1630_A1_1_00d00h00m.tif"
    rank = 46

    def place(self, path: Path) -> Place | None:
        """By the name; a time point is minutes since the start, or YYYYMMDDhhmm."""
        match = NAME.match(path.name)
        if match is None:
            return _archived(path)
        well = well_or_blank(match["well"])
        if not well:
            return None
        head, _, last = (match["before"] or "").rpartition("_")
        in_name, folder = CHANNEL.search(last), path.parent
        in_folder = CHANNEL.search(folder.name)
        above = folder.parent if in_folder else folder
        plate = (head if in_name else match["before"]) or above.name
        if match["date"]:
            timepoint = int(re.sub(r"\D", "", match["date"]))
        else:
            timepoint = (int(match["days"]) * 24 + int(match["hours"])) * 60 + int(match["minutes"])
        channel = last if in_name else folder.name if in_folder else "1"
        return {
            "plate": plate,
            "well": well,
            "site": str(int(match["site"])),
            "channel": channel,
            "timepoint": timepoint,
        }


def _archived(path: Path) -> Place | None:
    """An image of the archive, below year and month, day, time and the vessel's number."""
    match, scan = ARCHIVED.match(path.name), SCAN.search(path.parent.as_posix())
    well = "" if match is None else well_or_blank(match["well"])
    if match is None or scan is None or not well:
        return None
    return {
        "plate": scan["plate"],
        "well": well,
        "site": str(int(match["site"])),
        "channel": match["channel"],
        "timepoint": int("20" + scan["date"].replace("/", "")),
    }
