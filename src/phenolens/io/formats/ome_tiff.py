"""OME-TIFF: wells from its OME-XML or its names; several images a file; sets of files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from phenolens.io.formats.base import register
from phenolens.io.formats.container import Container

ENDINGS = (".ome.tif", ".ome.tiff", ".ome.btf", ".ome.tf2", ".ome.tf8")


@register
class OmeTiff(Container):
    """Each image (series) of a file is a field, unless its OME-XML says more."""

    name = "ome-tiff"
    describes: ClassVar[str] = "OME-TIFF whose OME-XML or names say the wells"
    example = "A01.ome.tif"
    rank = 50

    def owns(self, path: Path) -> bool:
        """By its ending."""
        return path.name.lower().endswith(ENDINGS)
