"""CZI, ND2 and LIF of Zeiss, Nikon and Leica, delegated to bioio: scenes are fields."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from phenolens.io.formats.base import register
from phenolens.io.formats.container import Container
from phenolens.readers import VENDOR


@register
class Vendor(Container):
    """Needs ``pip install bioio`` and its reader of such files."""

    name = "bioio"
    describes: ClassVar[str] = "CZI, ND2 or LIF files whose scenes or names say the wells"
    example = "A01.czi"
    rank = 60

    def owns(self, path: Path) -> bool:
        """By its ending."""
        return path.name.lower().endswith(VENDOR)
