"""Several planes of one field: which of them counts, or how one image is made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens.errors import InputError, UndecidedError
from phenolens.findings import Finding
from phenolens.images import PLANES
from phenolens.io.columns import key_text
from phenolens.io.instruments.acquisition import numbers_first
from phenolens.io.join import Source
from phenolens.io.ledger import SetAside
from phenolens.io.measurements import measuring, plane_columns
from phenolens.profiles import OBJECT, PLATE, SITE, WELL
from phenolens.settings import Projection

MADE_OF_ALL = ("max", "mean", "best focus")
SHOWN = 5


def require_projection(rows: pd.DataFrame, projection: Projection | None, *, source: str) -> None:
    """Refuse images of several planes a field where nobody said what to make of them.

    Raises
    ------
    UndecidedError
        Names the choices.
    """
    columns = _varying(rows)
    if not columns or projection is not None:
        return
    planes = _names(rows, columns)
    shown = ", ".join(planes[:SHOWN]) + (", ..." if len(planes) > SHOWN else "")
    counts = rows.groupby([PLATE, WELL, SITE], sort=False).size()
    choices = [*(json.dumps(how) for how in ("max", "mean", "middle", "best focus")), planes[0]]
    choices = [f"projection = {choice}" for choice in choices]
    raise UndecidedError(
        f"{source}: {int(counts.max())} planes a field ({', '.join(columns)}: {shown}). They are "
        f"one field: say what to make of them, such as [data.images] {choices[0]} or "
        f"{choices[-1]}.",
        setting="images.projection",
        choices=choices,
    )


def _varying(rows: pd.DataFrame) -> list[str]:
    """The columns by which rows are planes of one field."""
    if not plane_columns(rows):
        return []
    return [name for name in measuring(rows) if name in plane_columns(rows)]


def _names(rows: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    found = {text for name in columns for text in key_text(rows[name])} - {""}
    return sorted(found, key=numbers_first)


def projected(
    table: pd.DataFrame, channels: Sequence[str], projection: Projection | None, *, source: Source
) -> tuple[pd.DataFrame, str]:
    """One row a field: that of the plane which counts, or all planes in ``Planes_<channel>``.

    Parameters
    ----------
    table : DataFrame
        Rows with canonical keys, ``Path_<channel>`` and ``Index_<channel>``.
    channels : sequence of str
    projection : str, int or None
    source : Source
        Takes note of fields without the plane of that number.

    Returns
    -------
    table : DataFrame
        In the order given; without the planes' columns.
    note : str
        What was done, for the ledger; empty where no field has several planes.

    Raises
    ------
    InputError
        If no field has the plane of that number.
    """
    columns = _varying(table)
    if not columns or projection is None:
        return table, ""
    key = [name for name in (PLATE, WELL, SITE, OBJECT) if name in table]
    planes = pd.Series(key_text(table[columns[0]]), index=table.index)
    order = sorted(range(len(table)), key=lambda row: numbers_first(planes.iloc[row]))
    field = table.groupby(key, sort=False).ngroup().to_numpy()
    members = pd.Series(order).groupby(field[order], sort=True).agg(list)
    if isinstance(projection, int):
        made = _numbered(table, planes, projection, source=source)
        what = f"plane {projection}"
    elif projection == "middle":
        made = table.iloc[[rows[len(rows) // 2] for rows in members]]
        what = "the plane in the middle"
    else:
        made = table.iloc[[rows[len(rows) // 2] for rows in members]]
        texts = {f"{PLANES}{c}": [_planes(table, c, rows) for rows in members] for c in channels}
        made = made.assign(**{n: _of(projection, listed) for n, listed in texts.items()})
        what = f"{projection} of all planes"
    counts = members.map(len)
    note = f"{int(counts.max())} planes a field: {what}"
    fewer = int((counts < counts.max()).sum())
    note += f"; {fewer} fields have fewer planes" if fewer else ""
    return made.drop(columns=columns).sort_index().reset_index(drop=True), note


def _numbered(
    table: pd.DataFrame, planes: pd.Series, number: int, *, source: Source
) -> pd.DataFrame:
    chosen = planes == str(number)
    if not chosen.any():
        there = sorted(set(planes), key=numbers_first)
        raise InputError(
            f"[data.images] projection = {number}: {source.name} has planes "
            f"{', '.join(there[:SHOWN])}{', ...' if len(there) > SHOWN else ''}."
        )
    key = [PLATE, WELL, SITE]
    lost = table[key].drop_duplicates().merge(table.loc[chosen, key], how="left", indicator=True)
    why = Finding("plane-missing", "warning", {}, {"plane": number})
    source.ledger.set_aside.extend(
        SetAside(why, plate=plate, well=well, site=site)
        for plate, well, site in lost.loc[lost["_merge"] == "left_only", key].to_numpy()
    )
    return table[chosen]


def _planes(table: pd.DataFrame, channel: str, rows: Sequence[int]) -> list[list[str]]:
    return table[[f"Path_{channel}", f"Index_{channel}"]].iloc[rows].to_numpy().tolist()


def _of(how: str, listed: Sequence[list[list[str]]]) -> np.ndarray:
    """The planes of each field as text; empty where it has one, which needs no projection."""
    texts = [json.dumps({how: planes}) if len(planes) > 1 else "" for planes in listed]
    return np.array(texts, dtype=object)
