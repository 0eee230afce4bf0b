"""Instruments whose names number the wells of a plate, and do not name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from phenolens.errors import InputError, UndecidedError
from phenolens.io.formats.instrument import Instrument
from phenolens.io.images.table import Located
from phenolens.io.instruments.acquisition import Acquisition, image_files, require_one_order
from phenolens.profiles import PLATE_SHAPES, row_letters

UNKNOWN = "#"
"""Stands before the number of a well whose name is not known."""


def well_of(number: int, wells: int) -> str:
    """Name of the well of a number, counted from 1 along the rows of a plate of so many wells.

    Raises
    ------
    InputError
        If the plate has no such well.

    Examples
    --------
    >>> well_of(14, 96), well_of(14, 384)
    ('B02', 'A14')
    """
    rows, columns = PLATE_SHAPES[wells]
    if not 1 <= number <= rows * columns:
        raise InputError(f"A plate of {wells} wells has no well of number {number}.")
    row, column = divmod(number - 1, columns)
    return f"{row_letters(row)}{column + 1:02d}"


class NumberedWells(Instrument):
    """Wells that are ``#14`` are named by the format of plate that the study file says.

    Attributes
    ----------
    numbered_by : str
        The file beside the images that would say it.
    """

    numbered_by: ClassVar[str]

    def locate_below(self, folder: Path, images: Mapping[str, Any]) -> Located:
        """As every instrument; numbers of wells by the plate's format that the study file names.

        Raises
        ------
        UndecidedError
            If wells are numbered and nothing says how many a plate has.
        InputError
            If a plate of that format has no such well.
        """
        acquired = self.acquisition(folder, image_files(folder))
        require_one_order(acquired, images["channels"])
        size = images.get("plate_format")
        if size is not None:
            wells = acquired.rows["well"]
            named = {
                well: well_of(int(well.removeprefix(UNKNOWN)), int(size))
                for well in wells.unique()
                if well.startswith(UNKNOWN)
            }
            acquired = replace(acquired, rows=acquired.rows.assign(well=wells.replace(named)))
        return self._located(acquired, folder, images["channels"])

    def _located(self, acquired: Acquisition, folder: Path, channels: Sequence[str]) -> Located:
        rows = acquired.rows
        open_ = rows[rows["well"].str.startswith(UNKNOWN)]
        if len(open_):
            last = int(open_["well"].str.removeprefix(UNKNOWN).astype(int).max())
            fit = [n for n in (96, 384, 1536) if n >= last]
            raise UndecidedError(
                f"{folder}: names number the wells (to {last}, such as "
                f"{Path(open_['path'].iloc[0]).name}) and there is no {self.numbered_by} that says "
                "how many wells a plate has: say it, such as [data.images] plate_format = "
                f"{fit[0] if fit else 1536}.",
                setting="images.plate_format",
                choices=[f"plate_format = {n}" for n in fit],
            )
        return super()._located(acquired, folder, channels)
