"""Labels that hold several values: ``"ABL1|KIT"`` names two targets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

SEPARATOR = "|"


def indicator_of(
    values: Sequence[object], *, separator: str = SEPARATOR
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
    return [part.strip() for part in str(value).split(separator) if part.strip()]


def share(values: Sequence[object], *, separator: str = SEPARATOR) -> np.ndarray:
    """Whether two rows hold a value in common, bool of shape (n_rows, n_rows)."""
    held = indicator_of(values, separator=separator)[0].astype(np.float32)
    return held @ held.T > 0


def join(values: pd.Series, *, separator: str = SEPARATOR) -> str | float:
    """The distinct values of a column as one label; NaN where there is none."""
    held = dict.fromkeys(part for value in values for part in _parts(value, separator))
    return separator.join(sorted(held)) if held else np.nan
