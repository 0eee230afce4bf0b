"""OME-TIFF: wells from its OME-XML or its names; several images a file; sets of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from phenolens.io.formats.base import register
from phenolens.io.formats.container import Container
from phenolens.io.instruments.acquisition import Acquisition
from phenolens.readers import COMPANION

ENDINGS = (".ome.tif", ".ome.tiff", ".ome.btf", ".ome.tf2", ".ome.tf8")


@register
class OmeTiff(Container):
    """Each image (series) of a file is a field, unless its OME-XML says more."""

    name = "ome-tiff"
    describes: ClassVar[str] = "OME-TIFF whose OME-XML or names say the wells"
    example = "A01.ome.tif"
    rank = 50
    beside = (f"*{COMPANION}",)

    def owns(self, path: Path) -> bool:
        """By its ending."""
        return path.name.lower().endswith((COMPANION, *ENDINGS))

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """As any; a companion file speaks for TIFF files of any name."""
        companions = [path for path in files if path.name.lower().endswith(COMPANION)]
        if companions and self.tells_wells(companions):
            return 0.95
        return super().recognises_files(files)

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """Companion files first: what they name is read with them."""
        first = sorted(files, key=lambda path: not path.name.lower().endswith(COMPANION))
        return super().acquisition(folder, first)
