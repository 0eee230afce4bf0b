"""Excel workbooks (``.xlsx``), and what to do with spreadsheets of other kinds."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from phenolens.errors import InputError
from phenolens.io.formats.base import TableFormat, TableRead, register

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

        other = next((e for e in OTHERS if path.name.lower().endswith(e)), None)
        if other is not None:
            raise InputError(f"{path} is {OTHERS[other]}: save it as .xlsx or as CSV.")
        if path.is_dir():
            raise InputError(f"{path} is a folder; name the tables in it.")
        return TableRead(*read_workbook(path, sheet=sheet))

    def parts(self, path: Path) -> list[str]:
        """Names of its sheets, where their tables do not belong together."""
        from phenolens.io.tables.workbooks import apart

        return apart(path) if path.name.lower().endswith(ENDINGS) else []
