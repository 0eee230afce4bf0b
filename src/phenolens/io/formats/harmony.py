"""Tables of Harmony and Columbus: tab-separated, with lines about the plate before the header."""

from __future__ import annotations

import io
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.formats.base import TableFormat, TableRead, register
from phenolens.io.formats.delimited import SMALL

ENDINGS = (".txt", ".tsv", ".csv")
LONGEST_BLOCK, LONGEST_START = 60, 1_000_000
KEPT = ("Plate Name", "Measurement")
_DECIMAL_COMMA = re.compile(r"^-?\d+,\d+(?:[eE][-+]?\d+)?$")


def is_harmony(path: Path) -> bool:
    """Whether lines about the plate stand before a header that names ``Row`` and ``Column``.

    An export without such lines is an ordinary table.
    """
    if not path.name.lower().endswith(ENDINGS):
        return False
    try:
        with path.open("rb") as stream:
            start = _text(stream.read(LONGEST_START))
    except OSError:
        return False
    return _header(tuple(start.splitlines()[:LONGEST_BLOCK])) > 0


def read_harmony(path: Path, *, rows: int | None = None) -> pd.DataFrame:
    """The table, with the plate's name and the measurement from the lines above it.

    Parameters
    ----------
    path : Path
        ``PlateResults.txt`` or a table of objects, tab-separated, UTF-8 or Latin-1.
    rows : int, optional
        The first rows only.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from None
    lines = _text(content).splitlines()
    start = _header(tuple(lines[:LONGEST_BLOCK]))
    body = lines[start : None if rows is None else start + rows + 1]
    cells = (cell.strip() for line in body[1:50] for cell in line.split("\t"))
    decimal = "," if any(map(_DECIMAL_COMMA.match, cells)) else "."
    try:
        frame = pd.read_csv(
            io.StringIO("\n".join(body)), sep="\t", decimal=decimal, low_memory=False
        )
    except ValueError as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from None
    frame.columns = [str(name).strip() for name in frame.columns]
    about = dict(_about(line) for line in lines[:start])
    known = {name: about[name] for name in KEPT if about.get(name) and name not in frame}
    return frame.assign(**known)


def _text(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


@lru_cache(maxsize=64)
def _header(lines: tuple[str, ...]) -> int:
    """The line that names the columns; 0 where it is the first, or there is none."""
    for number, line in enumerate(lines):
        names = {name.strip() for name in line.split("\t")}
        if {"Row", "Column"} <= names:
            return number
    return 0


def _about(line: str) -> tuple[str, str]:
    name, _, value = line.partition("\t")
    return name.strip().rstrip(":"), value.strip()


@register
class Harmony(TableFormat):
    """Tab-separated, with lines about the plate before the header."""

    name = "harmony"
    describes: ClassVar[str] = "a table of Harmony or Columbus, with lines about the plate first"
    endings = ENDINGS
    metadata = True

    def recognises(self, path: Path) -> float | None:
        """By the lines before its header."""
        return 0.9 if is_harmony(path) else None

    def read(self, path: Path, **_: Any) -> TableRead:
        """The table, with the plate's name from the lines above it."""
        return TableRead(read_harmony(path))

    def head(self, path: Path, rows: int) -> pd.DataFrame:
        """All of a small table, the first rows of a large one."""
        return read_harmony(path, rows=None if path.stat().st_size < SMALL else rows)
