"""Columns that a person names, found in the wells' own spelling."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd

from phenolens.errors import InputError, named, shown
from phenolens.io.columns import has, nearest
from phenolens.normalize.scale import CALIBRATED
from phenolens.profiles import CONTROL, PREFIX

POSITIVE = "Metadata_PositiveControl"
OURS = frozenset({CONTROL, POSITIVE, CALIBRATED, f"{PREFIX}Count"})


def names_given(setting: str, names: str | Sequence[str] | None) -> list[str]:
    """The names that a setting holds as a list; a single one and None are allowed.

    Raises
    ------
    InputError
        If it holds something else.
    """
    if names is None:
        return []
    if isinstance(names, str):
        return [names]
    try:
        return list(names)
    except TypeError:
        raise InputError(
            f"{named(setting)} is a column or a list of columns; got {shown(names)}."
        ) from None


def find_column(
    frame: pd.DataFrame,
    name: object,
    *,
    setting: str,
    source: str,
    features: Collection[str] = (),
) -> str:
    """The metadata column that a setting names, in the frame's own spelling.

    Parameters
    ----------
    frame : DataFrame
        What describes the wells, in columns.
    name : object
    setting, source : str
        What asks for the column and what is asked, for errors.
    features : collection of str
        Names of the features, which describe no well.

    Raises
    ------
    InputError
        If there is no such column; names the nearest.
    """
    if not isinstance(name, str):
        raise InputError(f"{named(setting)}: one column is named by text; got {shown(name)}.")
    found = has(frame, name)
    if found is not None:
        return found
    if name in features:
        raise InputError(
            f"{named(setting)}: {name!r} is a feature of {source}, not a column that describes its "
            f"wells; there are {', '.join(telling(frame))}."
        )
    raise InputError(
        f"{named(setting)}: {source} has no column {name!r}{nearest(name, telling(frame))}"
    )


def telling(frame: pd.DataFrame) -> list[str]:
    """Columns that say something about the wells, marks of our own aside."""
    return [name for name in frame if name not in OURS and frame[name].notna().any()]
