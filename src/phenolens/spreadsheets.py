"""Text in tables for people: a cell that a spreadsheet would run as a formula stays text.

A compound named ``=HYPERLINK(...)`` is run by Excel and LibreOffice when a CSV is opened. Such
text is written behind an apostrophe (OWASP, "CSV injection"), and read without it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA = re.compile(r"'*[=+\-@\t\r\n]")
MARKED = re.compile(r"'+[=+\-@\t\r\n]")
NUMBER = re.compile(
    r"[-+]?(?:\d[\d.,' ]*|\.\d+)(?:e[-+]?\d+)?\s*%?|[-+]?(?:inf|infinity|nan)", re.IGNORECASE
)
MARK = "'"


def as_text(value: object) -> object:
    """The value as a cell that no spreadsheet takes for a formula.

    Text that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break gets an apostrophe in
    front, and so does such text behind apostrophes, that none is lost on the way back. Numbers,
    also those written as text such as ``-0.3``, stay as they are.
    """
    if not isinstance(value, str) or not FORMULA.match(value) or NUMBER.fullmatch(value):
        return value
    return MARK + value


def as_meant(value: object) -> object:
    """The value of a cell without the mark that :func:`as_text` gave it."""
    return value[1:] if isinstance(value, str) and MARKED.match(value) else value


def marked(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame for a CSV: :func:`as_text` of every cell and of the names of columns."""
    return _mapped(frame, as_text)


def unmarked(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame from a CSV as it was meant; see :func:`as_meant`."""
    return _mapped(frame, as_meant)


def beyond_ascii(frame: pd.DataFrame) -> bool:
    """Whether any text of the frame needs more than ASCII: then Excel needs a byte order mark."""
    columns = (frame.iloc[:, place].dropna() for place in _of_text(frame))
    texts = (text for column in columns for text in column)
    return not all(str(text).isascii() for text in (*frame.columns, *texts))


def _of_text(frame: pd.DataFrame) -> list[int]:
    """Places of columns that may hold text; two may have one name."""
    return [k for k, kind in enumerate(frame.dtypes) if kind.kind == "O"]


def _mapped(frame: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    changed = {}
    for place in _of_text(frame):
        column = frame.iloc[:, place]
        if not (new := column.map(change)).equals(column):
            changed[place] = new
    names = [change(name) for name in frame.columns]
    if not changed and names == list(frame.columns):
        return frame
    frame = frame.set_axis(names, axis=1)
    for place, column in changed.items():
        frame.isetitem(place, column)
    return frame
