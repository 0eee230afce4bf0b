"""Plate maps drawn as a plate: a grid of rows A to H and columns 1 to 12, or several, made long.

The forms are those that `plater <https://docs.ropensci.org/plater/>`_ and `tidyplate
<https://CRAN.R-project.org/package=tidyplate>`_ document (the name of what is in the wells in the
corner, an empty line between grids), those of `microplate
<https://github.com/biosustain/microplate>`_ (lines such as ``BARCODE`` above, letters on both
sides), and what people draw: a title above the grid, or no headings at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import is_blank, same_name
from phenolens.io.roles import NAMES
from phenolens.io.tables.text import read_numbers
from phenolens.profiles import PLATE_SHAPES, row_letters, row_number

Cells = Sequence[Sequence[object]]
FEWEST_COLUMNS, FEWEST_ROWS, MOST_ROWS, MOST_COLUMNS = 3, 2, 32, 48
BARE = tuple(shape for count, shape in PLATE_SHAPES.items() if count >= 24)
"""Shapes of plates that are told without headings."""
GENERIC = re.compile(
    r"<>|[\\/#]|rows?|wells?|columns?|cols?|row ?[\\/|] ?col\w*|"
    r"(?:sheet|tabelle|feuil|hoja|blad|foglio|ark|planilha) ?\d*",
    re.IGNORECASE,
)
"""What corners and sheets are called that say nothing of what the wells hold."""
_PLATE = re.compile(
    r"(?:assay[\s_]?)?(?:plate(?:[\s_]?(?:name|id|barcode|no\.?|nr\.?))?|barcode)(?=[\s:=_#\d-]|$)"
    r"[\s:=_#-]*(?!map|layout|plan|design|set|format|type)(?P<name>.*)",
    re.IGNORECASE,
)
_OF_PLATE = re.compile(
    r"(?:plate[\s_-]*)?(?:map|layout|scheme|plan|design)\s+(?:of|for)?\s*(?:assay[\s_]?)?"
    r"(?:plate|barcode)[\s:#_-]*(?P<name>.+)",
    re.IGNORECASE,
)
_COLUMN = re.compile(r"(?:col(?:umn)?\s*)?0*([1-9]\d?)(?:\.0)?", re.IGNORECASE)
_ROW = re.compile(r"(?:row\s*)?([A-Z]{1,2})", re.IGNORECASE)
ROLES = {"compound": "Compound", "concentration": "Concentration"}


@dataclass(frozen=True)
class WellGrid:
    """One grid, as it lies in its sheet.

    Attributes
    ----------
    wells : dict of str to str
        What is written in each well that holds something.
    rows, columns : int
        Its size.
    title : str
        What its wells hold, where that is said; '' where it is not.
    plate : str
        The plate, where that is said.
    """

    wells: dict[str, object]
    rows: int
    columns: int
    title: str = ""
    plate: str = ""


@dataclass
class _Found:
    """Grids of a sheet, and which of its cells they account for."""

    grids: list[WellGrid] = field(default_factory=list)
    used: set[tuple[int, int]] = field(default_factory=set)


def find_grids(cells: Cells) -> tuple[list[WellGrid], list[str]]:
    """The grids that a sheet holds, from above; none where it is an ordinary table.

    Parameters
    ----------
    cells : sequence of sequences
        The sheet's rows; text, numbers or None.

    Returns
    -------
    grids : list of WellGrid
    notes : list of str
        What stands beside the grids and is not read.
    """
    text = [[_text(cell) for cell in row] for row in cells]
    width = max(map(len, text), default=0)
    text = [row + [""] * (width - len(row)) for row in text]
    found = _Found()
    for top, row in enumerate(text):
        for left, count, first in _runs(row):
            _take(cells, text, found, top=top, left=left, count=count, first=first)
    if not found.grids:
        turned = _turned(cells) if len(text) > FEWEST_COLUMNS else []
        return (
            (turned, ["columns of the plate are written as rows"]) if turned else _bare(cells, text)
        )
    beside = [
        (r, c) for r, row in enumerate(text) for c, cell in enumerate(row)
        if cell and (r, c) not in found.used
    ]  # fmt: skip
    said = [text[r][c] for r, c in beside]
    notes = []
    if said:
        notes.append(f"{len(said)} cells beside the grids are not read, such as {said[0]!r}")
    return _with_plates(found.grids), notes


def _turned(cells: Cells) -> list[WellGrid]:
    """Grids of whole plates whose letters stand above and whose numbers stand before the lines."""
    width = max(map(len, cells), default=0)
    if not FEWEST_ROWS < width <= MOST_ROWS + FEWEST_ROWS or not any(
        _text(row[0]) == "12" or _text(row[0]) == "6" for row in cells if row
    ):
        return []
    full = [[*row, *[None] * (width - len(row))] for row in cells]
    turned = [list(column) for column in zip(*full, strict=True)]
    text = [[_text(cell) for cell in row] for row in turned]
    found = _Found()
    for left, count, first in _runs(text[0]):
        _take(turned, text, found, top=0, left=left, count=count, first=first)
    whole = all((grid.rows, grid.columns) in BARE for grid in found.grids)
    return found.grids if whole else []


def _with_plates(grids: Sequence[WellGrid]) -> list[WellGrid]:
    """A plate that is named once holds for the grids below, too."""
    out: list[WellGrid] = []
    for grid in grids:
        plate = grid.plate or (out[-1].plate if out else "")
        out.append(replace(grid, plate=plate))
    return out


def _text(cell: object) -> str:
    return "" if is_blank(cell) else str(cell).strip()


def _runs(row: Sequence[str]) -> list[tuple[int, int, int]]:
    """Where columns are numbered on: the first cell, how many, and the first number."""
    numbers = [int(match[1]) if (match := _COLUMN.fullmatch(cell)) else 0 for cell in row]
    runs, start = [], 0
    for k in range(1, len(row) + 1):
        if k < len(row) and numbers[start] and numbers[k] == numbers[k - 1] + 1:
            continue
        count = k - start
        if numbers[start] and count >= FEWEST_COLUMNS and numbers[k - 1] <= MOST_COLUMNS:
            runs.append((start, count, numbers[start]))
        start = k
    return runs


def _take(
    cells: Cells,
    text: list[list[str]],
    found: _Found,
    *,
    top: int,
    left: int,
    count: int,
    first: int,
) -> None:
    """Add the grids below a row of column numbers, where there are any.

    Letters that begin anew are those of the next plate, which a column before them may name.
    """
    if any((top, c) in found.used for c in range(left, left + count)):
        return
    blocks = _blocks(text, top + 1, left - 1) if left else []
    lettered = bool(blocks)
    if not lettered:  # columns are numbered and rows are not: only a whole plate is one
        height = _height(text, top + 1, left, count)
        alone = not any(text[top][:left] + text[top][left + count :])
        if first != 1 or (height, count) not in BARE or not alone:
            return
        blocks = [{top + 1 + row: row for row in range(height)}]
    corner = text[top][left - 1] if lettered else ""
    corner = "" if GENERIC.fullmatch(corner) else corner
    title, plate = _above(text, top - 1, found, wanted=not corner)
    plates = left - 2 if lettered and left > 1 and _PLATE.fullmatch(text[top][left - 2]) else None
    begin = (left - 1 if plates is None else plates) if lettered else left
    for below in blocks:
        wells = {
            f"{row_letters(row)}{first + c:02d}": cells[r][left + c]
            for r, row in below.items()
            for c in range(count)
            if text[r][left + c]
        }
        own = "" if plates is None else next(filter(None, (text[r][plates] for r in below)), "")
        grid = WellGrid(wells, len(below), count, corner or title, own or plate)
        found.grids.append(_placed(grid))
        end = left + count  # letters may be repeated on the other side
        again = lettered and all(text[r][end : end + 1] == [text[r][left - 1]] for r in below)
        span = range(begin, end + again)
        found.used |= {(r, c) for r in (top, *below) for c in span}


def _blocks(text: list[list[str]], top: int, column: int) -> list[dict[int, int]]:
    """Runs of row letters below one another, those of a plate each: lines to rows of the plate.

    Letters go up; rows that nobody uses may be left out, or be empty.
    """
    blocks: list[dict[int, int]] = []
    for line in range(top, len(text)):
        match = _ROW.fullmatch(text[line][column])
        row = row_number(match[1].upper()) if match else -1
        if not any(text[line]):
            continue
        if not 0 <= row < MOST_ROWS:
            break
        last = max(blocks[-1].values()) if blocks else MOST_ROWS
        if row > last:
            blocks[-1][line] = row
        elif row == 0 or not blocks:
            blocks.append({line: row})
        else:
            break
    return [block for block in blocks if len(block) >= FEWEST_ROWS]


def _height(text: list[list[str]], top: int, left: int, count: int) -> int:
    """Rows down to the first that is empty."""
    height = 0
    for row in text[top:]:
        if not any(row[left : left + count]):
            break
        height += 1
    return height


def _above(text: list[list[str]], row: int, found: _Found, *, wanted: bool) -> tuple[str, str]:
    """The title in the lines above a grid, and the plate; lines down from the grid before."""
    title = plate = ""
    while row >= 0:
        said = {(row, c): cell for c, cell in enumerate(text[row]) if cell}
        if any(place in found.used for place in said):
            break
        values = list(dict.fromkeys(said.values()))
        match = _PLATE.fullmatch(values[0]) if values else None
        if match and not plate and len(values) <= 2:
            plate = match["name"].strip() or (values[1] if len(values) == 2 else "")
            found.used |= set(said) if plate else set()
        elif len(values) == 1 and wanted and not title:
            title = values[0].rstrip(":").strip()
            found.used |= set(said)
        row -= 1
    return title, plate


def plate_in(text: str) -> str:
    """The plate that a title names, such as ``P1`` in ``Plate: P1``; '' where it names none."""
    match = _PLATE.fullmatch(text) or _OF_PLATE.fullmatch(text)
    return match["name"].strip() if match else ""


def as_plate(grid: WellGrid, plate: str) -> WellGrid:
    """The grid as one of this plate."""
    return replace(grid, plate=plate)


def _placed(grid: WellGrid) -> WellGrid:
    """The grid with its title as the plate's name, where that is what it says."""
    plate = plate_in(grid.title)
    return replace(grid, title="", plate=plate) if plate and not grid.plate else grid


def _bare(cells: Cells, text: list[list[str]]) -> tuple[list[WellGrid], list[str]]:
    """A grid without numbers of columns: a whole plate, whose first row cannot be a header.

    Row letters may stand before it, and a title above.
    """
    rows = [k for k, row in enumerate(text) if any(row)]
    if not rows:
        return [], []
    title = ""
    first = [cell for cell in text[rows[0]] if cell]
    if len(first) == 1 and len(rows) > FEWEST_ROWS and not GENERIC.fullmatch(first[0]):
        title, rows = first[0].rstrip(":").strip(), rows[1:]
    width = len(text[0])
    used = [c for c in range(width) if any(text[r][c] for r in rows)]
    if (len(rows), width - 1) in BARE and used and not used[0]:
        used = [*range(width)]  # rows are as wide as a plate, with wells that hold nothing
    if not used or rows[-1] - rows[0] + 1 != len(rows) or used[-1] - used[0] + 1 != len(used):
        return [], []
    letters = [text[row][used[0]].upper() for row in rows]
    lettered = letters == [row_letters(k) for k in range(min(len(rows), MOST_ROWS))]
    columns = used[1:] if lettered else used
    if (len(rows), len(columns)) not in BARE:
        return [], []
    body = [[text[r][c] for c in columns] for r in rows]
    head, below = body[0], {cell for row in body[1:] for cell in row if cell}
    repeated = len(set(head)) < len(head) or bool(below & set(head))
    numbers = any(re.fullmatch(r"[-+]?[\d.,]+(?:[eE][-+]?\d+)?", cell) for cell in head)
    if not (lettered or repeated or numbers or "" in head):
        return [], []
    wells = {
        f"{row_letters(k)}{c + 1:02d}": cells[r][columns[c]]
        for k, r in enumerate(rows)
        for c in range(len(columns))
        if body[k][c]
    }
    return [_placed(WellGrid(wells, len(rows), len(columns), title))], []


def long_table(
    grids: Sequence[WellGrid], *, name: str, source: str
) -> tuple[pd.DataFrame, list[str]]:
    """Grids as one table: a row a well that holds something, a column a grid.

    Parameters
    ----------
    grids : sequence of WellGrid
    name : str
        Of the file or sheet: it may say what an untitled grid holds (``doses``).
    source : str
        What is read, for errors.

    Returns
    -------
    frame : DataFrame
        ``Well``, ``Plate`` where that is said, and a column for each title.
    notes : list of str

    Raises
    ------
    InputError
        If it is not said what a grid holds, or two hold the same of one plate.
    """
    titled, notes = _titled(grids, name=name, source=source)
    _refuse_half_plates(titled, source)
    twice = Counter((grid.plate, same_name(grid.title)) for grid in titled)
    (plate, title), count = twice.most_common(1)[0]
    if count > 1:
        shown = next(g.title for g in titled if same_name(g.title) == title)
        raise InputError(
            f"{source} holds {count} grids of {shown!r}{f' of plate {plate}' if plate else ''}: "
            "write above each what it holds, or the plate it is of, such as 'Plate: P1'."
        )
    titles = {same_name(grid.title): grid.title for grid in reversed(titled)}
    rows: dict[tuple[str, str], dict[str, object]] = {}
    for grid in titled:
        for well, value in grid.wells.items():
            rows.setdefault((grid.plate, well), {})[titles[same_name(grid.title)]] = value
    keys = sorted(rows, key=lambda key: (key[0], len(key[1]), key[1]))
    columns: dict[str, list[object]] = {}
    if any(grid.plate for grid in titled):
        columns["Plate"] = [plate for plate, _ in keys]
    columns["Well"] = [well for _, well in keys]
    for title in dict.fromkeys(titles[same_name(grid.title)] for grid in titled):
        columns[title] = [rows[key].get(title) for key in keys]
    frame, said = read_numbers(pd.DataFrame(columns).infer_objects())
    sizes = ", ".join(dict.fromkeys(f"{grid.rows} x {grid.columns}" for grid in titled))
    many = "a grid" if len(titled) == 1 else f"{len(titled)} grids"
    return frame, [f"read as {many} of {sizes}, one row a well", *notes, *said]


def _titled(
    grids: Sequence[WellGrid], *, name: str, source: str
) -> tuple[list[WellGrid], list[str]]:
    """The grids with what each holds, as said or as its file's name and its values tell."""
    notes = []
    out = []
    for number, grid in enumerate(grids, start=1):
        if grid.title:
            out.append(grid)
            continue
        role = _role_in(name)
        if role is None and any(not _is_number(value) for value in grid.wells.values()):
            role = "Compound"
            notes.append("a grid without a title is taken for compounds")
        if role is None:
            which = "a grid" if len(grids) == 1 else f"grid {number} of {len(grids)}"
            raise InputError(
                f"{source} holds {which} of numbers and does not say what they are: write "
                "Concentration, or what it is, into its corner or above it."
            )
        out.append(replace(grid, title=role))
    return out, list(dict.fromkeys(notes))


def _role_in(name: str) -> str | None:
    """The role that a file's or sheet's name speaks of, such as ``map_doses``."""
    words = {word.rstrip("s") for word in re.split(r"[\W_\d]+", name.lower()) if word}
    for role, column in reversed(ROLES.items()):
        if words & {usual.lower() for usual in NAMES[role] if usual.isalpha()}:
            return column
    return None


def _is_number(value: object) -> bool:
    try:
        float(str(value).replace(",", "."))
    except ValueError:
        return False
    return True


def _refuse_half_plates(grids: Sequence[WellGrid], source: str) -> None:
    plates = [grid.plate for grid in grids]
    if any(plates) and not all(plates):
        raise InputError(
            f"{source} names the plate of {sum(map(bool, plates))} of its {len(plates)} grids; "
            "name it for all, or for none."
        )
