"""Labels that hold several values: ``"ABL1|KIT"`` names two targets."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

SEPARATOR = "|"
WHOLE = "¦"  # stands for it in labels that are not parted
LONGEST_PART = 40
# A comma inside a chemical name (1,4-diazepane) or a number parts nothing.
_MARKS = {"|": r"\|", ";": ";", ",": r"(?<!\d),|,(?!\d)"}
_RARER = ("/", "+", "&", "\n", " and ")


def find_separator(values: Iterable[object]) -> str:
    """The mark that parts the values of a column: ``|``, ``;``, ``,``, a rarer one, or ''.

    ``|`` wherever it occurs. A semicolon where its parts are short, and it occurs in several
    labels or its parts in others. A comma, and ``/``, ``+``, ``&``, a line break or ``and``, only
    where half of its parts (of the rarer ones most) are values elsewhere: names have such marks.

    Parameters
    ----------
    values : sequence
        Labels; a null holds nothing.

    Examples
    --------
    >>> find_separator(["EGFR; ERBB2", "EGFR", "KIT"]), find_separator(["kinase, type 2", "KIT"])
    (';', '')
    """
    distinct = sorted({str(value) for value in values if not pd.isna(value)})
    if any("|" in value for value in distinct):
        return "|"
    for mark in (";", ",", *_RARER):
        split = {value: _parts(value, mark) for value in distinct}
        several = {value: parts for value, parts in split.items() if len(parts) > 1}
        if not several:
            continue
        held = Counter(part for parts in split.values() for part in set(parts))
        parts = [part for own in several.values() for part in own]
        shared = sum(held[part] > 1 for part in parts) / len(parts)
        short = all(len(part) <= LONGEST_PART for part in parts)
        if (
            shared > 0.5
            or (shared == 0.5 and mark not in _RARER)
            or (mark == ";" and short and (shared > 0 or len(several) > 1))
        ):
            return mark
    return ""


def parted(values: Iterable[object], *, separator: str) -> list[object]:
    """The labels with their parts as ``A|B``, whatever parts them; nulls as they are.

    Parameters
    ----------
    values : sequence
    separator : str
        The mark that parts them, or '' where each label is one value, ``|`` included.
    """
    if not separator:
        return [v if pd.isna(v) else str(v).replace(SEPARATOR, WHOLE) for v in values]
    marks = (separator, SEPARATOR)  # also where two labels of one treatment were joined
    return [v if pd.isna(v) else SEPARATOR.join(_all_parts(v, marks)) for v in values]


def _all_parts(value: object, marks: Sequence[str]) -> list[str]:
    parts = [str(value)]
    for mark in marks:
        parts = [part for whole in parts for part in _parts(whole, mark)]
    return list(dict.fromkeys(parts))


def indicator_of(
    values: Iterable[object], *, separator: str = SEPARATOR
) -> tuple[np.ndarray, list[str]]:
    """Which values each row holds, and their names.

    Parameters
    ----------
    values : sequence
        One label a row; a null holds nothing.
    separator : str

    Returns
    -------
    held : ndarray of bool, shape (n_rows, n_values)
    names : list of str
        The values, sorted.
    """
    split = [_parts(value, separator) for value in values]
    names = sorted({name for parts in split for name in parts})
    place = {name: column for column, name in enumerate(names)}
    out = np.zeros((len(split), len(names)), dtype=bool)
    for row, parts in enumerate(split):
        out[row, [place[name] for name in parts]] = True
    return out, names


def _parts(value: object, separator: str) -> list[str]:
    if pd.isna(value):
        return []
    parts = re.split(_MARKS.get(separator) or re.escape(separator), str(value))
    return [part.strip() for part in parts if part.strip()]


def share(values: Iterable[object], *, separator: str = SEPARATOR) -> np.ndarray:
    """Whether two rows hold a value in common, bool of shape (n_rows, n_rows)."""
    held = indicator_of(values, separator=separator)[0].astype(np.float32)
    return held @ held.T > 0


def in_common(
    values: Iterable[object], pairs: tuple[np.ndarray, np.ndarray], *, separator: str = SEPARATOR
) -> pd.Series:
    """Whether the rows of each pair hold a value in common, boolean; null where one holds none.

    Parameters
    ----------
    values : sequence
        One label a row; a null holds nothing.
    pairs : (ndarray of int, ndarray of int), shape (n_pairs,)
        Rows.
    separator : str

    Examples
    --------
    >>> labels = ["Aurora|VEGFR", "Aurora", "HSP", None]
    >>> in_common(labels, (np.array([0, 0, 0]), np.array([1, 2, 3]))).tolist()
    [True, False, <NA>]
    """
    held = [set(_parts(value, separator)) for value in values]
    found = [
        bool(held[a] & held[b]) if held[a] and held[b] else pd.NA
        for a, b in zip(*(rows.tolist() for rows in pairs), strict=True)
    ]
    return pd.Series(found, dtype="boolean")


def join(values: pd.Series, *, separator: str = SEPARATOR) -> str | float:
    """The distinct values of a column as one label; NaN where there is none."""
    held = dict.fromkeys(part for value in values for part in _parts(value, separator))
    return separator.join(sorted(held)) if held else np.nan
