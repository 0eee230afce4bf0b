"""CZI, ND2 and LIF of Zeiss, Nikon and Leica, delegated to bioio: scenes are fields."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from phenolens.errors import InputError
from phenolens.io.formats.base import register
from phenolens.io.formats.container import Container
from phenolens.io.instruments.acquisition import Acquisition
from phenolens.readers import VENDOR
from phenolens.readers.vendor import not_installed


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

    def tells_wells(self, files: Sequence[Path]) -> bool:
        """As any; scenes may tell them where nothing can read the files yet."""
        return bool(not_installed(files[0])) or super().tells_wells(files)

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """As any.

        Raises
        ------
        InputError
            If bioio, or its reader of such files, is not installed.
        """
        firsts = {path.suffix.lower(): path for path in reversed(files) if self.owns(path)}
        for path in firsts.values():
            missing = not_installed(path)
            if missing:
                raise InputError(missing)
        return super().acquisition(folder, files)
