"""TIFF hyperstacks of ImageJ: all stains of a field in one file, which says what its axes are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from phenolens.errors import InputError
from phenolens.io.discovery.contents import contents, well_in
from phenolens.io.formats.base import register
from phenolens.io.formats.container import LOOKED_AT, Container
from phenolens.io.formats.ome_tiff import ENDINGS


@register
class Hyperstack(Container):
    """``P1_A01.tif`` with an axis of channels; a stack without one may hold stains or planes."""

    name = "hyperstack"
    describes: ClassVar[str] = "ImageJ hyperstacks, all stains of a field in a file"
    example = "P1_A01.tif"
    rank = 55

    def owns(self, path: Path) -> bool:
        """By its ending, which says little: the first files must name an axis of channels."""
        text = path.name.lower()
        return text.endswith((".tif", ".tiff")) and not text.endswith(ENDINGS)

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """Before names alone: an ImageXpress of one wavelength writes ``A01_s2.tif`` too."""
        share = super().recognises_files(files)
        return None if share is None else share + 0.15

    def tells_wells(self, files: Sequence[Path]) -> bool:
        """Where names say the wells, and the first file that can be read several stains."""
        for path in files[:LOOKED_AT]:
            if not well_in(path.name):
                return False
            try:
                one = contents(path)[0]
            except InputError:
                continue
            return one.said and one.count("C") > 1
        return False
