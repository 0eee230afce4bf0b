"""Profile blocks with canonical keys: one row a well, field or cell, each key once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError, shown
from phenolens.findings import Finding
from phenolens.io.columns import FILE, has, key_text, no_wells, place, well_text
from phenolens.io.join import Source
from phenolens.io.ledger import Join, SetAside, first
from phenolens.io.measurements import one_measurement
from phenolens.io.profile_files import read_block
from phenolens.io.tables.objects import image_numbers
from phenolens.profiles import OBJECT, PLATE, SITE, WELL

CELL_NUMBERS = ("ObjectNumber", "Cells_Number_Object_Number", "Nuclei_Number_Object_Number")


def read_keyed(
    block: Mapping[str, Any],
    columns: Mapping[str, Any],
    root: Path,
    *,
    origin: Source,
    measurement: str | None = None,
) -> tuple[pd.DataFrame, list[str], Mapping[str, Any]]:
    """Rows of a profile block with canonical keys, its features, and its settings.

    Raises
    ------
    InputError
        If plate or well cannot be found, or two different rows share a key.
    """
    frame, features, notes = read_block(block, root)
    source = " ".join(dict.fromkeys(("profiles", block["name"])))
    keyed = _profile_keys(frame, columns, level=str(block["level"]), source=source)
    good = (keyed[PLATE] != "") & (keyed[WELL] != "")
    written = place(frame, str(columns["well"]), WELL, source=source)
    assert written is not None  # keys were made of it
    if not good.any():
        if (keyed[WELL] == "").all():
            raise InputError(f"{source}: {no_wells(written)}")
        raise InputError(f"{source}: no row has a plate and a well such as 'B07'; got no plate.")
    for row in np.flatnonzero(~good):
        item = SetAside(
            Finding("profile-not-placed", "warning"),
            plate=str(keyed[PLATE].iloc[row]),
            well=str(written.iloc[row]),
            file=str(frame[FILE].iloc[row]),
        )
        origin.ledger.set_aside.append(item)
    kept = keyed[good].reset_index(drop=True)
    key = [name for name in (PLATE, WELL, SITE, OBJECT) if name in kept]
    kept, measured = one_measurement(
        kept, features, kept[key], measurement=measurement, source=source,
        spelled="[data] measurement",
    )  # fmt: skip
    unique, repeated = _unique_rows(kept, features, source=source)
    origin.ledger.joins.append(
        Join(
            source=source,
            rows=len(frame),
            matched=len(unique),
            unmatched=int((~good).sum()),
            unmatched_keys=first(f"row {row + 1}" for row in np.flatnonzero(~good)),
            duplicates=repeated,
            note="; ".join([*notes, *filter(None, [measured])]),
        )
    )
    return unique, features, block


def _profile_keys(
    frame: pd.DataFrame, columns: Mapping[str, Any], *, level: str, source: str
) -> pd.DataFrame:
    keys = {}
    for role, name in ((PLATE, "plate"), (WELL, "well")):
        values = place(frame, str(columns[name]), role, source=source)
        if values is None:
            raise InputError(
                f"{source} has no column for the {name}: call it {role}, or name it in "
                f"[data.columns]. "
                f"It has {', '.join(map(str, list(frame.columns)[:8]))}."
            )
        keys[role] = well_text(values) if role == WELL else key_text(values)
    site = None if level == "well" else place(frame, columns["site"], SITE, source=source)
    if site is None and level != "well" and columns["site"] is None:
        site = image_numbers(frame)
    if site is not None:
        keys[SITE] = key_text(site)
    if level == "cell":
        keys[OBJECT] = _object_numbers(frame, keys, source)
    rest = frame.drop(columns=list(keys), errors="ignore")
    return pd.concat([pd.DataFrame(keys, index=frame.index), rest], axis=1)


def _object_numbers(frame: pd.DataFrame, keys: Mapping[str, np.ndarray], source: str) -> np.ndarray:
    """Number of each cell in its site: as the table says, else as the rows come."""
    given = next((c for c in (has(frame, name) for name in CELL_NUMBERS) if c), None)
    if given is not None:
        numbers = pd.to_numeric(frame[given], errors="coerce")
        wrong = numbers.isna() | (numbers % 1 != 0) | (numbers.abs() > 2**53)
        if wrong.any():
            got = shown(frame[given][wrong].iloc[0])
            raise InputError(f"{source}: {given!r} numbers cells; {got} is no whole number.")
        return numbers.to_numpy(dtype=np.int64)
    return pd.DataFrame(keys).groupby(list(keys)).cumcount().to_numpy() + 1


def _unique_rows(
    frame: pd.DataFrame, features: Sequence[str], *, source: str
) -> tuple[pd.DataFrame, int]:
    """Rows sorted by key. Exact repeats go; two different profiles of one key are refused."""
    key = [name for name in (PLATE, WELL, SITE, OBJECT) if name in frame]
    once = frame.drop_duplicates([*key, *features]) if frame.duplicated(key).any() else frame
    twice = once[once.duplicated(key, keep=False)]
    if len(twice):
        rows = twice.sort_values(key)
        first_key = "/".join(str(rows[name].iloc[0]) for name in key)
        files = " and ".join(dict.fromkeys(rows[FILE].iloc[:2]))
        raise InputError(
            f"{source}: {len(twice)} rows share a key, such as {first_key} (from {files}). Two "
            "plates may carry one barcode, or the rows are cells or fields (set 'level')."
        )
    return once.sort_values(key, ignore_index=True, kind="stable"), len(frame) - len(once)
