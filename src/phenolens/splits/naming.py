"""Wells by name, and draws that names and a seed decide."""

from __future__ import annotations

import hashlib

import pandas as pd

from phenolens.errors import InputError
from phenolens.profiles import WELL_KEY


def well_keys(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[list(WELL_KEY)].astype(str))


def draw(seed: int, *names: object) -> int:
    """A number that names and seed decide, and nothing else does."""
    text = "\x1f".join(map(str, (seed, *names))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


def unique_wells(frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """One row per well, sorted by name; a well that carries two values is an error."""
    absent = [name for name in (*WELL_KEY, *columns) if name not in frame]
    if absent:
        raise InputError(f"The table has no metadata column {absent[0]!r}, which splits need.")
    wells = frame[[*WELL_KEY, *columns]].drop_duplicates()
    wells = wells.loc[:, ~wells.columns.duplicated()].sort_values(list(WELL_KEY), ignore_index=True)
    twice = wells.duplicated(list(WELL_KEY))
    if twice.any():
        plate, well = wells.loc[twice, list(WELL_KEY)].iloc[0]
        raise InputError(
            f"Plate {plate!r}, well {well!r} carries more than one value of {', '.join(columns)}."
        )
    return wells
