"""Tables as an Excel file that has the same bytes each time."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from phenolens.errors import InputError
from phenolens.spreadsheets import as_text

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS, MOST_COLUMNS, MOST_TEXT = 1_048_575, 16_384, 32_767
DATE = datetime(1980, 1, 1)  # the earliest that a zip file can hold


def write_sheets(sheets: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write frames as the sheets of one ``.xlsx``; the same frames give the same bytes.

    Text stays text, also where it begins with ``=`` (Excel shows an apostrophe before it while the
    cell is edited; it is not part of the value); infinities are written as text, which is all
    Excel can hold of them; missing values are empty cells.

    Parameters
    ----------
    sheets : mapping of str to DataFrame
        Plain frames by the name of their sheet, in order.
    path : Path

    Raises
    ------
    InputError
        If a frame has more rows or columns than a sheet can hold.
    """
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.xml.constants import ARC_CORE
    from openpyxl.xml.functions import tostring

    for name, frame in sheets.items():
        if len(frame) > MOST_ROWS or len(frame.columns) > MOST_COLUMNS:
            raise InputError(
                f"A sheet of Excel holds {MOST_ROWS:,} rows and {MOST_COLUMNS:,} columns, but "
                f"{name!r} has {len(frame):,} and {len(frame.columns):,}; "
                "write .parquet or .csv.gz instead."
            )
    book = Workbook(write_only=True)
    bold = Font(bold=True)
    for name, frame in sheets.items():
        sheet = book.create_sheet(name)
        sheet.freeze_panes = "A2"
        for row, values in enumerate([tuple(frame), *frame.itertuples(index=False, name=None)]):
            cells = [WriteOnlyCell(sheet, _value(value)) for value in values]
            for cell in cells:
                if isinstance(cell.value, str):
                    cell.data_type = "s"  # no formula, whatever it begins with ...
                    if as_text(cell.value) != cell.value:
                        cell.quotePrefix = True  # ... nor once somebody has edited the cell
                if row == 0:
                    cell.font = bold
            sheet.append(cells)
    saved = BytesIO()
    book.properties.creator = "phenolens"
    book.save(saved)
    book.properties.created = book.properties.modified = DATE
    with zipfile.ZipFile(saved) as made, zipfile.ZipFile(path, "w") as dated:
        for name in made.namelist():
            core = name == ARC_CORE
            content = tostring(book.properties.to_tree()) if core else made.read(name)
            member = zipfile.ZipInfo(name, date_time=DATE.timetuple()[:6])
            dated.writestr(member, content, compress_type=zipfile.ZIP_DEFLATED)


def _value(value: object) -> str | float | int | bool | datetime | None:
    """What a cell can hold of a value."""
    import pandas as pd
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    if value is None or pd.isna(value):
        return None
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, bool | int | float):
        return str(value) if isinstance(value, float) and math.isinf(value) else value
    if isinstance(value, datetime) and value.tzinfo is None:
        return value
    text = ILLEGAL_CHARACTERS_RE.sub("", str(value))
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 1]}…"


def flat_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with what a cell of a text file cannot hold as text: lists ``a; b``, dicts JSON."""
    import numpy as np

    from phenolens.files import plain

    def flat(value: object) -> object:
        if isinstance(value, dict):
            return json.dumps(plain(value), ensure_ascii=False)
        if isinstance(value, list | tuple | set | np.ndarray):
            items = plain(value)
            return "; ".join("" if item is None else str(item) for item in items)
        return value

    columns = [name for name in frame if getattr(frame[name].dtype, "hasobject", False)]
    return frame.assign(**{name: frame[name].map(flat) for name in columns})
