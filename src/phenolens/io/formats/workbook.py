"""Excel workbooks (``.xlsx``), and what to do with spreadsheets of other kinds."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, ClassVar

from phenolens.errors import InputError
from phenolens.io.formats.base import TableFormat, TableRead, register
from phenolens.io.formats.delimited import Delimited
from phenolens.io.formats.plate_grid import PlateGrid
from phenolens.io.tables.text import first_lines

ENDINGS = (".xlsx", ".xlsm")
OTHERS = {
    ".xls": "an Excel file of before 2007",
    ".xlsb": "a binary Excel file",
    ".ods": "a spreadsheet of LibreOffice",
    ".numbers": "a spreadsheet of Numbers",
}


@register
class Workbook(TableFormat):
    """Sheets with tables, or plates drawn as grids; see :mod:`phenolens.io.tables.workbooks`."""

    name = "workbook"
    describes: ClassVar[str] = "an Excel workbook (.xlsx): a table, or plate maps as grids"
    endings = (*ENDINGS, *OTHERS)
    metadata = True
    takes = ("sheet",)

    def recognises(self, path: Path) -> float | None:
        """By its ending; a file that Excel locks while it is open (``~$``) is none."""
        ours = path.name.lower().endswith(self.endings) and not path.name.startswith("~$")
        return 0.5 if ours else None

    def read(self, path: Path, *, sheet: str | None = None, **_: Any) -> TableRead:
        """The table of the sheet, or of all sheets that belong together."""
        from phenolens.io.tables.workbooks import read_workbook

        if path.is_dir():
            raise InputError(f"{path} is a folder; name the tables in it.")
        if sheet is None and _is_text(path):
            grids = PlateGrid()
            read = (grids if grids.holds_grids(path) else Delimited()).read(path)
            return TableRead(read.frame, [*read.notes, f"text, though it is called {path.suffix}"])
        other = next((e for e in OTHERS if path.name.lower().endswith(e)), None)
        if other is not None and not _is_xlsx(path):
            raise InputError(f"{path} is {OTHERS[other]}: save it as .xlsx or as CSV.")
        return TableRead(*read_workbook(path, sheet=sheet))

    def parts(self, path: Path) -> list[str]:
        """Names of its sheets, where their tables do not belong together."""
        from phenolens.io.tables.workbooks import apart

        named = path.name.lower().endswith(ENDINGS)
        return apart(path) if (named and not _is_text(path)) or _is_xlsx(path) else []


def _is_text(path: Path) -> bool:
    """Whether a file called ``.xls`` or ``.xlsx`` is the text that many instruments write so."""
    with path.open("rb") as stream:
        start = stream.read(4096)
    known = path.suffix.lower() in (".xls", *ENDINGS) and not start.startswith((b"PK", b"<"))
    try:
        lines, _ = first_lines(path) if known and start else ([], "")
    except (ValueError, InputError):  # of bytes that are no text
        return False
    return len(lines) > 1 and all(char.isprintable() or char.isspace() for char in lines[0])


def _is_xlsx(path: Path) -> bool:
    """Whether a file called ``.xls`` holds what is saved as ``.xlsx`` today."""
    return path.suffix.lower() == ".xls" and zipfile.is_zipfile(path)
