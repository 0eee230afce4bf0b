"""Excel workbooks: what each sheet holds, as cells, and as the table they make together.

Values are those that the file was saved with; a formula without one is refused, as nobody here
can compute it. Merged cells each get the value they show.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.errors import InputError, either, reasons
from phenolens.io.columns import ALIASES, PLATE, WELL, has, is_blank, well_text, wells_of_rows
from phenolens.io.features import find_families
from phenolens.io.tables.plate_grids import (
    GENERIC,
    MOST_COLUMNS,
    WellGrid,
    as_plate,
    find_grids,
    long_table,
    plate_in,
)
from phenolens.io.tables.text import header_row, read_numbers, repeated_names

OLD = b"\xd0\xcf\x11\xe0"
MOST_LINES, WIDEST = 3_000, 3 * MOST_COLUMNS
"""Rows and columns of a sheet that may hold grids."""
LARGE = 30_000_000
"""Bytes from which merged cells are not looked for: that takes all of a workbook in memory."""
_ZEROS = re.compile(r"0{2,}")
SHEET = "Sheet"


@dataclass(frozen=True)
class Sheet:
    """One sheet of a workbook.

    Attributes
    ----------
    name : str
    cells : list of lists
        Text, numbers, truth values or None; dates as text, rows of one width.
    unsaved : tuple of str
        Cells with a formula that has no saved value, such as ``B7``.
    dates : dict of str to str
        Cells that are dates, as text.
    notes : tuple of str
    """

    name: str
    cells: list[list[Any]]
    unsaved: tuple[str, ...] = ()
    dates: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class SheetTable:
    """What a sheet holds: grids of plates, or a table, or neither."""

    sheet: Sheet
    grids: tuple[WellGrid, ...] = ()
    frame: pd.DataFrame | None = None
    notes: tuple[str, ...] = ()

    @property
    def places(self) -> bool:
        """Whether it names wells."""
        if self.frame is None:
            return bool(self.grids)
        usual = [name for name in (WELL, *ALIASES[WELL]) if has(self.frame, name)]
        named = bool(usual) and well_text(self.frame[has(self.frame, usual[0])]).any()
        return bool(named) or wells_of_rows(self.frame) is not None


def read_workbook(path: Path, *, sheet: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """The table of a workbook: of the sheet that is named, or of all that belong together.

    Sheets with grids of plates become one table, and sheets with the same columns are put below one
    another. Sheets that name no wells are left alone beside such that do.

    Parameters
    ----------
    path : Path
    sheet : str, optional

    Returns
    -------
    frame : DataFrame
    notes : list of str
        Which sheets were read, which were not and why.

    Raises
    ------
    InputError
        If it is no workbook, there is no such sheet or no table, several sheets hold tables that do
        not belong together, or a formula has no saved value.
    """
    tables, notes = tables_of(path, sheet=sheet)
    if sheet is None:
        tables, more = _chosen(tables, path)
        notes += more
    _refuse_unsaved(tables, path)
    notes += [note for table in tables for note in (*table.sheet.notes, *table.notes)]
    if tables[0].frame is None:
        frame, said = _of_grids(tables, path)
    else:
        frame, said = _stacked(tables)
    return frame, list(dict.fromkeys([*notes, *said]))


def apart(path: Path) -> list[str]:
    """Names of the sheets whose tables do not belong together; empty where all do.

    What is read where no sheet is named is the first, with the name ``""``.
    """
    tables, _ = tables_of(path)
    main = _main(tables)
    rest = [table.sheet.name for table in tables if table not in main]
    return ["", *rest] if main and rest else rest


def tables_of(path: Path, *, sheet: str | None = None) -> tuple[list[SheetTable], list[str]]:
    """What the sheets hold, those without a table left out, and notes on these.

    Raises
    ------
    InputError
        If it is no workbook, or there is no such sheet, or no table.
    """
    try:
        about = path.stat()
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    sheets, hidden = _sheets(path, about.st_mtime_ns, about.st_size)
    names = [one.name for one in (*sheets, *hidden)]
    if sheet is not None and sheet not in names:
        raise InputError(f"{path} has no sheet {sheet!r}; it has {either(names)}.")
    wanted = sheets if sheet is None else [o for o in (*sheets, *hidden) if o.name == sheet]
    stamp = about.st_mtime_ns, about.st_size
    read = [_held_or_fault(path, one.name, *stamp) for one in wanted]
    held = [table for table in read if isinstance(table, SheetTable)]
    faults = [fault for fault in read if isinstance(fault, str)]
    tables = [table for table in held if table.grids or table.frame is not None]
    if not tables and faults:
        raise InputError(faults[0])
    if not tables:
        raise InputError(
            f"{path} holds no table: no {'visible sheet' if sheet is None else 'row in it'} has "
            "names of columns with values below them."
        )
    empty = [t.sheet.name for t in held if t not in tables and t.sheet.cells]
    notes = [f"sheet {name!r} is hidden and not read" for name in (one.name for one in hidden)]
    notes = notes if sheet is None else []
    return tables, [*notes, *faults, *(f"sheet {name!r} holds no table" for name in empty)]


@lru_cache(maxsize=8)
def _sheets(path: Path, changed: int, size: int) -> tuple[list[Sheet], list[Sheet]]:
    """Visible and hidden sheets of a workbook as it is now."""
    import openpyxl

    del changed
    _refuse_others(path)
    try:
        with warnings.catch_warnings():  # of styles and extensions, which we do not read
            warnings.simplefilter("ignore")
            # from bytes: openpyxl refuses endings that it does not know
            packed = path.read_bytes()
            book = openpyxl.load_workbook(BytesIO(packed), data_only=True, read_only=size > LARGE)
            formulas = (
                openpyxl.load_workbook(BytesIO(packed), read_only=True) if _computes(path) else None
            )
        visible, hidden = list[Sheet](), list[Sheet]()
        for held in book.worksheets:
            with_formulas = None if formulas is None else formulas[held.title]
            one = _sheet(held, with_formulas, merged=size <= LARGE)
            (visible if held.sheet_state == "visible" else hidden).append(one)
        book.close()
    except InputError:
        raise
    except Exception as error:  # openpyxl raises many kinds on damaged files; all mean the same
        what = reasons([str(error)]) if str(error) else f"{type(error).__name__}."
        raise InputError(
            f"{path} cannot be read as an Excel workbook: {what} Save it again as .xlsx, or as CSV."
        ) from None
    return visible, hidden


def _refuse_others(path: Path) -> None:
    with path.open("rb") as stream:
        start = stream.read(4)
    if start == OLD:
        raise InputError(
            f"{path} is an old .xls or locked with a password: open it in Excel or LibreOffice and "
            "save it as .xlsx without one, or as CSV."
        )
    if not zipfile.is_zipfile(path):
        what = "is empty (0 bytes)" if not start else "is no Excel workbook, or is cut short"
        raise InputError(f"{path} {what}; save it again as .xlsx, or as CSV.")


def _computes(path: Path) -> bool:
    """Whether any sheet has a formula."""
    with zipfile.ZipFile(path) as packed:
        names = [n for n in packed.namelist() if n.startswith("xl/worksheets/")]
        return any(re.search(rb"<f[ >/]", packed.read(name)) for name in names)


def _sheet(held: Any, formulas: Any | None, *, merged: bool) -> Sheet:
    dates: dict[str, str] = {}
    rows = [[_plain(cell, dates) for cell in row] for row in held.iter_rows()]
    filled = 0
    for area in held.merged_cells.ranges if merged else ():
        value = rows[area.min_row - 1][area.min_col - 1]
        filled += value is not None
        for row in range(area.min_row - 1, area.max_row):
            for column in range(area.min_col - 1, area.max_col):
                rows[row][column] = value
    unsaved = [
        cell.coordinate
        for row in (formulas.iter_rows() if formulas is not None else ())
        for cell in row
        if getattr(cell, "data_type", None) == "f" and rows[cell.row - 1][cell.column - 1] is None
    ]
    notes = (f"sheet {held.title!r}: {filled} merged cells are taken apart",) if filled else ()
    while rows and all(map(is_blank, rows[-1])):
        rows.pop()
    width = max((k for row in rows for k, v in enumerate(row, 1) if not is_blank(v)), default=0)
    cells = [row[:width] + [None] * (width - len(row)) for row in rows]
    return Sheet(held.title, cells, tuple(unsaved), dates, notes)


def _plain(cell: Any, dates: dict[str, str]) -> Any:
    """A cell's value; dates as text, and a number that is shown with leading zeros with them."""
    value = cell.value
    if isinstance(value, datetime):
        midnight = value.time() == time(0)
        value = value.date().isoformat() if midnight else value.isoformat(sep=" ")
        dates[cell.coordinate] = value
    elif isinstance(value, date | time):
        value = dates[cell.coordinate] = value.isoformat()
    elif isinstance(value, int) and not isinstance(value, bool):
        shown = str(cell.number_format)
        return f"{value:0{len(shown)}d}" if _ZEROS.fullmatch(shown) else value
    elif isinstance(value, str):
        return value.strip() or None
    return value


@lru_cache(maxsize=64)
def _held_or_fault(path: Path, name: str, changed: int, size: int) -> SheetTable | str:
    """What a sheet holds, or why it cannot be read."""
    visible, hidden = _sheets(path, changed, size)
    sheet = next(one for one in (*visible, *hidden) if one.name == name)
    try:
        return _held(sheet, path)
    except InputError as error:
        return str(error)


def _held(sheet: Sheet, path: Path) -> SheetTable:
    width = len(sheet.cells[0]) if sheet.cells else 0
    small = len(sheet.cells) <= MOST_LINES and width <= WIDEST
    grids, notes = find_grids(sheet.cells) if small else ([], [])
    if grids:
        return SheetTable(sheet, tuple(grids), None, tuple(notes))
    said = [[("" if is_blank(v) else str(v)) for v in row] for row in sheet.cells]
    rows = [row for row in said if any(row)]
    if len(rows) < 2 or max(sum(map(bool, row)) for row in rows) < 2:
        return SheetTable(sheet)
    # a title that is merged over all columns stands in each of them, and names none
    one = [sorted(set(filter(None, row))) for row in said]
    place = header_row([row if len(o) > 1 else [*o, ""] for row, o in zip(said, one, strict=True)])
    names = [name.strip() for name in said[place]]
    named = [name for name in names if name]
    if len(named) < 2:
        return SheetTable(sheet)
    if twice := [name for name in dict.fromkeys(named) if named.count(name) > 1]:
        raise InputError(repeated_names(twice, f"{path}, sheet {sheet.name!r},"))
    columns = [name or f"Unnamed: {k}" for k, name in enumerate(names)]
    below = range(place + 1, len(said))
    body = [sheet.cells[k] for k in below if any(said[k])]
    frame = pd.DataFrame(body, columns=columns).infer_objects()
    blank = [name for name in columns if name not in names and frame[name].isna().all()]
    frame = frame.drop(columns=blank)
    frame, notes = read_numbers(frame)
    above = [text for text in said[:place] if any(text)]
    if above:
        shown = " ".join(dict.fromkeys(filter(None, above[0])))[:80]
        notes.append(f"{len(above)} line(s) above the header are not read: {shown!r}")
    return SheetTable(sheet, (), frame, (*notes, *_dated(frame, sheet)))


def _dated(frame: pd.DataFrame, sheet: Sheet) -> list[str]:
    """Notes on columns in which some names became dates: Excel makes one of SEPT2 or 1-2."""
    dates = set(sheet.dates.values())
    notes = []
    for name, kind in frame.dtypes.items() if dates else ():
        if not pd.api.types.is_object_dtype(kind):
            continue
        said = [str(value) for value in frame[name] if not is_blank(value)]
        odd = [value for value in said if value in dates]
        if odd and len(odd) < len(said):
            cell = next(place for place, text in sheet.dates.items() if text == odd[0])
            notes.append(
                f"column {str(name)!r} holds {len(odd)} date(s) among other values, such as "
                f"{odd[0]} in {cell}: Excel makes them of names such as SEPT2"
            )
    return notes


def _chosen(tables: list[SheetTable], path: Path) -> tuple[list[SheetTable], list[str]]:
    """The sheets that are read together, and notes on those that are not.

    Raises
    ------
    InputError
        If several may be meant.
    """
    main = _main(tables)
    if main:
        what = "wells" if not any(t.places for t in tables if t not in main) else "features"
        rest = [table.sheet.name for table in tables if table not in main]
        return main, [f"sheet {name!r} names no {what}: not read here" for name in rest]
    names = [table.sheet.name for table in tables]
    raise InputError(
        f"{path} has {len(names)} sheets with tables ({', '.join(names)}): say which is meant, "
        f'such as sheet = "{names[0]}" in [[data.tables]], or keep one in the file.'
    )


def _main(tables: list[SheetTable]) -> list[SheetTable]:
    """Sheets that are meant where none is named; empty where that cannot be told.

    Those that name wells, where any does; of several tables those with features.
    """
    placed = [table for table in tables if table.places] or tables
    if _together(placed):
        return placed
    measured = [t for t in placed if t.frame is not None and find_families(t.frame)]
    return measured if measured and _together(measured) else []


def _together(tables: Sequence[SheetTable]) -> bool:
    """Whether sheets are one table: one sheet, grids only, or tables with the same columns."""
    if len(tables) == 1 or all(table.grids for table in tables):
        return True
    columns = {None if t.frame is None else frozenset(map(str, t.frame)) for t in tables}
    return len(columns) == 1


def _refuse_unsaved(tables: Sequence[SheetTable], path: Path) -> None:
    for table in tables:
        if cells := table.sheet.unsaved:
            raise InputError(
                f"{path}, sheet {table.sheet.name!r}: {len(cells)} formulas have no saved value, "
                f"such as that of cell {cells[0]}; open the file in Excel or LibreOffice and save "
                "it once, or save it as CSV."
            )


def _of_grids(tables: Sequence[SheetTable], path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Grids of several sheets; a sheet's name says what its grid holds, or of which plate."""
    grids: list[WellGrid] = []
    titles = {grid.title for table in tables for grid in table.grids}
    several = len(tables) > 1
    same = len(titles) == 1 and titles != {""}
    plates = several and (same or _numbered([table.sheet.name for table in tables]))
    for table in tables:
        name = table.sheet.name
        for grid in table.grids:
            grids.append(_named(grid, name, as_plates=plates, alone=len(table.grids) == 1))
    frame, notes = long_table(grids, name=path.name.split(".")[0], source=str(path))
    return frame, [*notes, *(["sheets are named after their plates"] if plates else [])]


def _named(grid: WellGrid, sheet: str, *, as_plates: bool, alone: bool) -> WellGrid:
    """The grid with what its sheet's name says of it."""
    if GENERIC.fullmatch(sheet):
        return grid
    if (as_plates or plate_in(sheet)) and not grid.plate:
        return as_plate(grid, plate_in(sheet) or sheet)
    if not grid.title and alone:
        return WellGrid(grid.wells, grid.rows, grid.columns, sheet, grid.plate)
    return grid


def _numbered(names: Sequence[str]) -> bool:
    """Whether names differ in digits only, and are none that Excel gives."""
    bare = {re.sub(r"\d+", "#", name) for name in names}
    return len(bare) == 1 and not any(map(GENERIC.fullmatch, names))


def _stacked(tables: Sequence[SheetTable]) -> tuple[pd.DataFrame, list[str]]:
    """Tables of the same columns below one another; the sheet is the plate where none is named."""
    frames = [table.frame for table in tables if table.frame is not None]
    if len(frames) == 1:
        return frames[0].copy(), []
    names = [table.sheet.name for table in tables]
    has_plate = any(has(frames[0], name) for name in (PLATE, *ALIASES[PLATE]))
    column = SHEET if has_plate or any(map(GENERIC.fullmatch, names)) else "Plate"
    parts = [
        frame.assign(**{column: plate_in(name) or name})
        for frame, name in zip(frames, names, strict=True)
    ]
    notes = [f"{len(names)} sheets put below one another: {', '.join(names)}"]
    notes += ["sheets are named after their plates"] if column == "Plate" else []
    return pd.concat(parts, ignore_index=True), notes
