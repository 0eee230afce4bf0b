"""Plate maps drawn as a plate, in a text file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from phenolens.errors import InputError
from phenolens.files import UNREADABLE
from phenolens.io.formats.base import TableFormat, TableRead, register
from phenolens.io.tables.plate_grids import MOST_COLUMNS, WellGrid, find_grids, long_table
from phenolens.io.tables.text import opened, read_cells

LARGEST, MOST_LINES, FIRST_LINES, START = 1_000_000, 3_000, 120, 20_000
"""Bytes and lines of a file that may be a plate map; lines in which the first grid begins and ends;
bytes that show how wide it is."""


@register
class PlateGrid(TableFormat):
    """Rows A to H below one another, columns 1 to 12 beside one another; one such grid or several.

    See :mod:`phenolens.io.tables.plate_grids`.
    """

    name = "plate grid"
    describes: ClassVar[str] = "a plate map drawn as a plate: rows A to H, columns 1 to 12"
    endings = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
    metadata = True

    def recognises(self, path: Path) -> float | None:
        """By a grid that it holds."""
        named = path.name.lower().endswith(self.endings)
        return 0.95 if named and self.holds_grids(path) else None

    def holds_grids(self, path: Path) -> bool:
        """Whether a text file, whatever it is called, holds a plate drawn as a grid."""
        try:
            about = path.stat()
            if about.st_size > LARGEST or not path.is_file():
                return False
            return bool(_grids(path, about.st_mtime_ns, about.st_size)[0])
        except UNREADABLE:
            return False

    def read(self, path: Path, **_: Any) -> TableRead:
        """One row a well that holds something."""
        try:
            about = path.stat()
            grids, beside = _grids(path, about.st_mtime_ns, about.st_size)
        except UNREADABLE as error:
            raise InputError(f"{path} cannot be read as a plate map: {error}") from None
        if not grids:
            raise InputError(f"{path} holds no plate map: no rows A, B, C below columns 1, 2, 3.")
        name = path.name.split(".")[0]
        frame, notes = long_table(grids, name=name, source=str(path))
        return TableRead(frame, [*notes, *beside])


@lru_cache(maxsize=256)
def _grids(path: Path, changed: int, size: int) -> tuple[list[WellGrid], list[str]]:
    """The grids of a file as it is now."""
    del changed, size
    with opened(path) as stream:
        start = stream.read(START).splitlines()[:3]
    wide = 2 * MOST_COLUMNS
    if any(line.count(mark) > wide for line in start for mark in (b",", b";", b"\t", b"|")):
        return [], []
    found = find_grids(read_cells(path, lines=FIRST_LINES))
    return find_grids(read_cells(path, lines=MOST_LINES)) if found[0] else found
