"""Text tables of any program and country: encoding, separator, header and decimals are found.

Nothing is told by the file's ending. The first lines are split by each separator in turn, and the
one under which most rows are as wide as their header is meant; what stands above that header is
about the table. What could be read in two ways stays text, and is named.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO, cast

import pandas as pd

from phenolens.errors import InputError, reasons
from phenolens.files import UNREADABLE
from phenolens.spreadsheets import as_meant, unmarked

START, FEWEST, MOST, LONGEST = 65_536, 8, 60, 150_000
"""Bytes that show the encoding; lines that show the form, and characters that are enough."""
PACKED = {
    b"PK\3\4": "an Excel workbook or another archive (name it .xlsx, or unpack it)",
    b"\x1f\x8b": "packed with gzip (name it .gz)",
    b"\xd0\xcf\x11\xe0": "an old Excel file (save it as .xlsx or CSV)",
    b"PAR1": "a Parquet file (name it .parquet)",
    b"version https://git-lfs": "Git LFS's pointer to the file (fetch it with 'git lfs pull')",
    b"/annex/objects/": "git-annex's pointer to the file (fetch it with 'git annex get')",
}
SEPARATORS = ("\t", ",", ";", "|")
RUNS = r"\s+"
COMMENT = "#"
WORDS = {
    "plate", "plates", "barcode", "compound", "compounds", "cpd", "drug", "batch", "treatment",
    "perturbation", "sample", "library", "substance", "reagent", "jcp2022", "donor", "patient",
    "well", "wells", "colrow", "rowcol",
}  # fmt: skip
NO_KEYS = {
    "row", "col", "column", "count", "conc", "concentration", "dose", "size", "time", "replicate",
    "volume", "um", "nm", "mm", "type",
}  # fmt: skip
"""Words in names of columns that name things, and words that say it is a number after all."""
INFINITE = {"inf", "-inf"}
ERRORS = {
    "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#NV", "#WERT!", "#BEZUG!",
    "#ZAHL!", "#VALEUR!",
}  # fmt: skip
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_VALUE = re.compile(r"[A-Za-z]{1,2}\d{1,3}|[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?")
FULL_WELL = re.compile(r"(?:[A-P]|A?[A-F])(?:0[1-9]|[1-4]\d)")
"""A well as it is written in full, such as ``A01``."""
_WHOLE = re.compile(r"[-+]?\d+", re.ASCII)
_COMMA = re.compile(r"[-+]?\d+,\d+(?:[eE][-+]?\d+)?", re.ASCII)
_POINT = re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?|[-+]?\d+(?:\.\d*)?[eE][-+]?\d+", re.ASCII)
_SPACED = re.compile(r"[-+]?[0-9]{1,3}(?:[\s'’][0-9]{3})+(?:[.,][0-9]+)?")
_KEPT = re.compile(r"0\d+|\d+[eE]\d+|\d{16,}", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:([,.])\d{3})(?:\1\d{3})*(?:[,.]\d+)?", re.ASCII)
_SAID_SEPARATOR = re.compile(r'^"?sep=(\\t|.)"?\s*$', re.IGNORECASE)


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes
    ----------
    encoding : str
        As Python's codecs call it.
    sep : str
        One character, or a pattern for runs of spaces.
    lines : int
        Lines before the first row, those of the header among them.
    header : tuple of str
        Names of the columns as they are written, blank ones too.
    extra : {"", "first", "last"}
        Where most rows have one value more than the header has names: rows end in a separator, or
        their own names come first.
    decimal : {".", ","}
    notes : tuple of str
        What was found and is no matter of course.
    """

    encoding: str
    sep: str
    lines: int
    header: tuple[str, ...]
    extra: str = ""
    decimal: str = "."
    notes: tuple[str, ...] = ()


def read_text(
    path: Path, *, sep: str | None = None, rows: int | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """A text table as its file means it, with notes for the ledger.

    Parameters
    ----------
    path : Path
        Also gzipped, by its ending.
    sep : str, optional
        The separator, where the file does not show it.
    rows : int, optional
        The first rows only.

    Returns
    -------
    frame : DataFrame
        Range index. Names of plates, batches and compounds that are led by zeros stay text.
    notes : list of str

    Raises
    ------
    InputError
        If it is empty, no text, or cannot be split into columns; if a column's name occurs twice.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder; name the tables in it, such as '{path}/*.csv'.")
    try:
        found = dialect(path, sep=sep)
        try:
            frame = _parsed(path, found, rows)
        except pd.errors.ParserError as error:
            raise ValueError(_long_row(str(error), found.lines)) from None
        except UnicodeDecodeError:  # a character far below those that showed the encoding
            if found.encoding != "utf-8":
                raise
            found = dialect(path, sep=sep, encoding="cp1252")
            frame = _parsed(path, found, rows)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{path} cannot be read as a table: it is neither UTF-8, UTF-16 nor Windows-1252 "
            "text; save it as UTF-8."
        ) from None
    except gzip.BadGzipFile:
        raise InputError(
            f"{path} cannot be read as a table: it is not packed with gzip; take .gz off its name."
        ) from None
    except UNREADABLE as error:
        raise InputError(f"{path} cannot be read as a table: {reasons([str(error)])}") from None
    frame, said = read_numbers(frame)
    return frame, [*found.notes, *said]


def _long_row(said: str, lines: int) -> str:
    """What pandas says of a row with too many values, with the number of its line in the file."""
    match = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said)
    if match is None:
        return said
    return f"line {int(match[2]) + lines} has {match[3]} values where there are {match[1]} columns."


def dialect(path: Path, *, sep: str | None = None, encoding: str | None = None) -> Dialect:
    """How a text table is written, from its first lines; see :class:`Dialect`.

    Raises
    ------
    InputError
        If a column's name occurs twice.
    ValueError
        If there is nothing in it, or it is no text.
    """
    lines, encoding = first_lines(path, encoding=encoding)
    notes = [] if encoding != "cp1252" else ["read as Windows-1252 text, as it is no UTF-8"]
    said = _SAID_SEPARATOR.match(lines[0])
    if said:
        sep = sep or said[1].replace("\\t", "\t")
        lines = lines[1:]
    if not any(line.strip() for line in lines):
        raise ValueError("there is nothing in it.")
    layouts = [_layout(lines, one) for one in ((sep,) if sep else SEPARATORS)]
    best = max(layouts, key=lambda layout: (layout.fit, layout.width))
    if best.width < 2 and sep is None and (spaced := _spaced(lines)) is not None:
        best = spaced
        notes.append("separated by spaces")
    if best.above:
        notes.append(f"{best.above} line(s) above the header are not read: {best.first_above!r}")
    decimal = _decimal(best.cells)
    notes += ["decimal commas read"] if decimal == "," else []
    _refuse_repeated(best.header, path)
    return Dialect(
        encoding, best.sep, best.end + bool(said), best.header, _extra(best), decimal,
        tuple(notes),
    )  # fmt: skip


def _extra(layout: _Layout) -> str:
    longer = [row for row in layout.cells if len(row) == layout.width]
    if layout.width == len(layout.header):
        return ""
    return "last" if not any(row[-1].strip() for row in longer) else "first"


def read_cells(path: Path, *, lines: int) -> list[list[str]]:
    """The first rows of a text file as they are, split where :func:`dialect` would; no header.

    Raises
    ------
    ValueError
        If there is nothing in it, or it is no text.
    """
    text, _ = first_lines(path, most=lines, longest=None)
    said = _SAID_SEPARATOR.match(text[0])
    text = text[1:] if said else text
    seps = (said[1].replace("\\t", "\t"),) if said else SEPARATORS
    split = [_split(text, one)[0] for one in seps]
    return max(split, key=lambda rows: max(_widths(rows), default=(0, 0)))


def _widths(rows: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """How many rows have a width of several cells, and that width."""
    return [(n, width) for width, n in Counter(map(len, rows)).items() if width > 1]


def opened(path: Path) -> IO[bytes]:
    """The bytes of a file, unpacked where it ends in ``.gz``."""
    return cast(
        "IO[bytes]", gzip.open(path) if path.name.lower().endswith(".gz") else path.open("rb")
    )


def first_lines(
    path: Path,
    *,
    encoding: str | None = None,
    most: int = MOST,
    longest: int | None = LONGEST,
) -> tuple[list[str], str]:
    """The first lines of a text file, and its encoding.

    Raises
    ------
    UnicodeDecodeError
        If it is neither UTF-8, UTF-16 (with its mark) nor Windows-1252.
    ValueError
        If it is empty or no text.
    """
    with opened(path) as stream:
        start = stream.read(START)
    if not start:
        raise ValueError("it is empty (0 bytes).")
    for mark, what in PACKED.items():
        if start.startswith(mark):
            raise ValueError(f"it is {what} by its content.")
    encoding = encoding or _encoding(start)
    lines: list[str] = []
    length = 0
    with opened(path) as stream, io.TextIOWrapper(stream, encoding=encoding, newline="") as text:
        for line in text:
            lines.append(line)
            length += len(line)
            enough = longest is not None and length > longest and len(lines) >= FEWEST
            if len(lines) >= most or enough:
                break
    if not lines:
        raise ValueError("it holds no text.")
    return lines, encoding


def _encoding(start: bytes) -> str:
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if b"\0" in start and (wide := _wide(start)):
        return wide
    if b"\0" in start:
        raise ValueError(f"byte {start.index(0)} is 0, so it is no text; save it as UTF-8.")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        start.decode("cp1252")
        return "cp1252"
    return "utf-8"


def _wide(start: bytes) -> str:
    """UTF-16 without its mark, where every other byte of a text in Latin letters is 0."""
    for name, zeros in (("utf-16-le", 1), ("utf-16-be", 0)):
        if start[zeros::2].count(0) > 0.9 * (len(start) // 2) and 0 not in start[1 - zeros :: 2]:
            return name
    return ""


@dataclass(frozen=True)
class _Layout:
    """The first lines as one separator splits them.

    ``fit`` is the share of rows that are as wide as the header, 0 where that has one name;
    ``cells`` are the rows below it; ``end`` is the number of the header's last line, ``above``
    counts the rows before it that say something, such as ``first_above``.
    """

    sep: str
    end: int
    header: tuple[str, ...]
    width: int
    fit: float
    cells: list[list[str]]
    above: int = 0
    first_above: str = ""


def _layout(lines: Sequence[str], sep: str) -> _Layout:
    rows, ends = _split(lines, sep)
    if not rows:
        return _Layout(sep, 0, (), 0, -1.0, [])
    place = header_row(rows)
    header = [str(as_meant(name.strip())) for name in rows[place]]
    above = [row for row in rows[:place] if any(cell.strip() for cell in row)]
    if header[0].startswith(COMMENT):
        header[0] = header[0].lstrip(f"{COMMENT} ")
    below = [row for row in rows[place + 1 :] if any(cell.strip() for cell in row)]
    widths = Counter(map(len, below))
    wide = sum(widths[n] for n in (len(header), len(header) + 1))
    width = len(header)
    longer = [row for row in below if len(row) == len(header) + 1]
    if longer and (len(longer) == len(below) or not any(row[-1].strip() for row in longer)):
        width += 1  # rows have names of their own, or some end in a separator
    return _Layout(
        sep=sep,
        end=ends[place],
        header=tuple(header),
        width=width,
        fit=(wide / len(below) if below else 1.0) if len(header) > 1 else 0.0,
        cells=below,
        above=len(above),
        first_above=" ".join(filter(None, map(str.strip, above[0])))[:80] if above else "",
    )


def _split(lines: Sequence[str], sep: str) -> tuple[list[list[str]], list[int]]:
    """Rows of cells, and the number of the last line of each; quotes may hold line breaks."""
    if len(sep) > 1:
        rows = [re.split(sep, line.strip()) if line.strip() else [] for line in lines]
        return rows, list(range(1, len(lines) + 1))
    reader = csv.reader(lines, delimiter=sep)
    rows, ends = [], []
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num)
    except csv.Error:  # a field of more than 131,072 characters: not this separator
        return [], []
    return rows, ends


def header_row(rows: Sequence[Sequence[str]]) -> int:
    """Which row names the columns: the first that names as many as there are values below.

    Lines that begin with ``#`` are comments, but for one that is as wide as what follows and names
    its columns. Where no row fits, the first is meant.
    """
    filled = [_length(row) for row in rows]
    said = [k for k, length in enumerate(filled) if length]
    plain = [k for k in said if not rows[k][0].lstrip().startswith(COMMENT)] or said
    if not plain:
        return 0
    first = plain[0]
    before = [k for k in said if k < first]
    if before and filled[before[-1]] == filled[first] > 1:
        names = rows[before[-1]]
        if len(set(names)) == len(names) and _like(_VALUE, rows[first]) > _like(_VALUE, names):
            return before[-1]
    for k, following in zip(plain, [*plain[1:], first], strict=True):
        widest = max((filled[j] for j in plain if j > k), default=0)
        numbers = _numbers(rows[k])
        named = numbers == 0 and _distinct(rows[k][: filled[k]])
        short = k == first and named and filled[k] + 1 == widest and _numbers(rows[following])
        if filled[k] >= widest or short:
            return k if k == first or (named and filled[k] > 1) else first
        about = filled[k] == 1 or filled[k] + 2 <= widest or rows[k][0].rstrip().endswith(":")
        if k == first and not (about or numbers):
            return first
    return first


def _distinct(names: Sequence[str]) -> bool:
    """Whether all columns but the first have a name, each another."""
    stripped = [name.strip() for name in names]
    return all(stripped[1:]) and len(set(stripped)) == len(stripped)


def _length(row: Sequence[str]) -> int:
    """Cells up to the last that says something."""
    return max((k for k, cell in enumerate(row, start=1) if cell.strip()), default=0)


def _like(form: re.Pattern, cells: Iterable[str]) -> int:
    return sum(bool(form.fullmatch(cell.strip())) for cell in cells)


def _numbers(cells: Iterable[str]) -> int:
    return sum(
        any(form.fullmatch(cell.strip()) for form in (_WHOLE, _COMMA, _POINT)) for cell in cells
    )


def _spaced(lines: Sequence[str]) -> _Layout | None:
    """Columns parted by runs of spaces, only where nothing else can be meant.

    All rows are of one width; and three columns or more of which one holds numbers or wells, or
    gaps of several spaces in every line.
    """
    said = [line.strip() for line in lines if line.strip() and not line.startswith(COMMENT)]
    layout = _layout(lines, RUNS)
    if len(layout.header) < 2 or len(layout.cells) < 2 or layout.above or layout.fit < 1:
        return None
    if layout.width > len(layout.header) or any(map(_numbers, [layout.header])):
        return None
    gaps = all(re.search(r"\s{2,}", line) for line in said)
    columns = list(zip(*layout.cells, strict=True))
    numeric = sum(_numbers(column) == len(column) for column in columns)
    wells = any(all(map(FULL_WELL.fullmatch, column)) for column in columns)
    return layout if gaps or (len(columns) > 2 and numeric + wells >= 2) else None


def _decimal(rows: Sequence[Sequence[str]]) -> str:
    """A comma, where some numbers have one that is no thousands mark and none has a point."""
    cells = {cell.strip() for row in rows for cell in row}
    if any(_POINT.fullmatch(cell) for cell in cells):
        return "."
    certain = any(_COMMA.fullmatch(cell) and not _THOUSANDS.fullmatch(cell) for cell in cells)
    return "," if certain else "."


def _refuse_repeated(header: Sequence[str], path: Path) -> None:
    counts = Counter(name for name in header if name)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise InputError(repeated_names(twice, str(path)))


def repeated_names(names: Sequence[str], source: str) -> str:
    """What is said where names of columns occur twice."""
    shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
    return f"{source} has {len(names)} column name(s) more than once: {shown}. Keep one of each."


def _parsed(path: Path, found: Dialect, rows: int | None) -> pd.DataFrame:
    """The table as pandas reads it in this dialect; names of things as text."""
    names = [name or f"Unnamed: {k}" for k, name in enumerate(found.header)]
    unnamed = [f"Unnamed: {len(names)}"] if found.extra else []
    names = [*unnamed, *names] if found.extra == "first" else [*names, *unnamed]
    pattern = len(found.sep) > 1 and found.sep != RUNS
    with (
        opened(path) as stream,
        io.TextIOWrapper(stream, encoding=found.encoding, newline="") as text,
    ):
        for _ in range(found.lines):
            text.readline()
        frame = pd.read_csv(
            text,
            sep=found.sep,
            header=None,
            names=names,
            decimal=found.decimal,
            dtype={name: str for name in names if names_things(name)},
            nrows=rows,
            **({"engine": "python"} if pattern else {"low_memory": False}),
        )
    if not isinstance(frame.index, pd.RangeIndex):  # pandas makes an index of what is too much
        raise ValueError(f"a row has more values than there are columns ({len(names)}).")
    blank = [name for name in names if name.startswith("Unnamed: ") and frame[name].isna().all()]
    frame = frame.drop(columns=blank) if blank else frame
    if len(frame) and frame.iloc[:, 0].isna().any():  # rows of separators alone say nothing
        frame = frame[frame.notna().any(axis=1)].reset_index(drop=True)
    return unmarked(frame)


@lru_cache(maxsize=65536)
def names_things(column: str) -> bool:
    """Whether a column, by its name, holds names of plates, batches or compounds, no numbers."""
    words = {word.lower() for word in _WORD.findall(column)}
    return bool(words & WORDS) and not words & NO_KEYS


def read_numbers(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Columns of text that hold numbers as numbers; what could be two numbers stays text.

    A comma is decimal where one of the column has not three digits behind it (or a 0 before it),
    and a point likewise; thousands marks are not guessed.

    Returns
    -------
    frame : DataFrame
    notes : list of str
    """
    read, commas, doubted, missing = {}, list[str](), list[tuple[str, str]](), list[tuple]()
    for name, kind in frame.dtypes.items():
        if not pd.api.types.is_object_dtype(kind):
            continue
        values = frame[name]
        texts = {value.strip() for value in values.dropna().unique() if isinstance(value, str)}
        faults = texts & ERRORS
        texts -= INFINITE | ERRORS  # what a sheet shows of numbers that it cannot hold
        if not texts or not all(map(_looks_like_a_number, texts)):
            continue
        names = names_things(str(name))
        if names and any(map(_KEPT.fullmatch, texts)):
            continue
        form = _decimals(texts)
        if form is None and names:
            continue
        if form is None:
            doubted.append((str(name), next(t for t in sorted(texts) if not _WHOLE.fullmatch(t))))
            continue
        if form == ",":
            commas.append(str(name))
            values = values.map(lambda v: v.replace(",", ".") if isinstance(v, str) else v)
        if faults:
            wrong = values.map(lambda value: isinstance(value, str) and value.strip() in ERRORS)
            missing.append((str(name), int(wrong.sum()), sorted(faults)[0]))
            values = values.where(~wrong, None)
        read[name] = pd.to_numeric(values)
    notes = []
    if commas:
        more = f" and {len(commas) - 1} more" if len(commas) > 1 else ""
        notes.append(f"decimal commas read: {commas[0]}{more}")
    if missing:
        cells = sum(count for _, count, _ in missing)
        name, _, shown = missing[0]
        notes.append(f"{cells} errors of a spreadsheet are no numbers: {shown} in {name}")
    if doubted:
        shown = ", ".join(f"{name} ({text})" for name, text in doubted[:3])
        notes.append(
            f"{len(doubted)} column(s) stay text, as a thousand or a decimal may be meant: "
            f"{shown}; write numbers without thousands marks"
        )
    return frame.assign(**read) if read else frame, notes


def _looks_like_a_number(text: str) -> bool:
    forms = (_WHOLE, _POINT, _COMMA, _THOUSANDS, _SPACED)
    return any(form.fullmatch(text) for form in forms)


def _decimals(texts: Iterable[str]) -> str | None:
    """The decimal mark of numbers; None where a mark may be one of thousands."""
    marked = [text for text in texts if not _WHOLE.fullmatch(text)]
    for mark, form in ((".", _POINT), (",", _COMMA)):
        if all(map(form.fullmatch, marked)):
            sure = not marked or not all(map(_THOUSANDS.fullmatch, marked))
            return mark if sure else None
    return None
