"""CellInsight, ArrayScan (Thermo, Cellomics) and EVOS: ``MFGTMP_140206180002_A01f00d0.TIF``.

Names were seen in starcalibre/microscopium and in issue 505 of CellProfiler; those of kinetic
assays (``plate1i3t001E01f08d0.TIF``) and of the EVOS (``scan_R_p1_z1_0_E01f09d0.tif``) in the
import examples of spaCR. Fields and channels are counted from 0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import Instrument
from phenolens.io.instruments.acquisition import Place

NAME = re.compile(
    r"^(?:(?P<plate>.+?)(?:i\d+t(?P<timepoint>\d+)|_))?(?P<well>[a-p]\d{2})f(?P<site>\d{2,3})"
    r"d(?P<channel>\d{1,2})\.tiff?$",
    re.IGNORECASE,
)


OWN = (".c01", ".dib")


@register
class CellInsight(Instrument):
    """``PLATE_A01f00d0.TIF``: well, field, channel; the instrument's own ``.C01`` is not read."""

    name = "cellinsight"
    describes: ClassVar[str] = "images of a CellInsight or ArrayScan"
    example = "MFGTMP_140206180002_A01f00d0.TIF"
    rank = 45

    def refusal(self, files: Sequence[Path]) -> str | None:
        """Images in the instrument's own form must be exported or converted."""
        own = [path for path in files if path.name.lower().endswith(OWN)]
        if not own:
            return None
        name, ending = own[0].name, own[0].suffix
        return (
            f"holds {len(own):,} images of a CellInsight or ArrayScan in its own form ({ending}, "
            f"such as {name}), which are not read. Export them as TIFF, or convert each with "
            f"Bio-Formats' bfconvert ('bfconvert {name} {own[0].stem}.TIF'); their names stay."
        )

    def place(self, path: Path) -> Place | None:
        """By the name; without a plate in it, the plate is the folder's name."""
        match = NAME.match(path.name)
        if match is None:
            return None
        well = well_or_blank(match["well"])
        if not well:
            return None
        found: Place = {
            "plate": match["plate"] or path.parent.name,
            "well": well,
            "site": str(int(match["site"])),
            "channel": str(int(match["channel"])),
        }
        if match["timepoint"]:
            found["timepoint"] = int(match["timepoint"])
        return found
