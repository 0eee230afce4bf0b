"""Joins by key, never by order, with everything that did not match written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import (
    FILE,
    FOLDER,
    find,
    key_text,
    mark_blank_samples,
    no_wells,
    normal_name,
    pair_text,
    pick,
    plate_keys,
    tidy,
    well_text,
)
from phenolens.io.ledger import Conflict, Join, Ledger, first
from phenolens.profiles import PLATE, WELL

TOLERANCE = 1e-4  # other tools write identifiers such as 9.8839e+06
CONFLICT = "_conflict"


@dataclass(frozen=True)
class Source:
    """Who speaks, who takes note, and which columns are labels.

    Attributes
    ----------
    name : str
        Name of the source for messages and the ledger.
    ledger : Ledger
    identity : frozenset of str
        Columns that say what was done to a well. A well about which they disagree is set aside.
    described : frozenset of str
        Columns that describe a treatment. Where rows of one key disagree, the value is emptied.
    """

    name: str
    ledger: Ledger
    identity: frozenset[str] = frozenset()
    described: frozenset[str] = frozenset()


def join_table(
    wells: pd.DataFrame,
    table: pd.DataFrame,
    on: Mapping[str, str],
    *,
    source: Source,
    notes: Sequence[str] = (),
) -> pd.DataFrame:
    """Add the columns of a metadata table to the wells.

    Parameters
    ----------
    wells : DataFrame
        One row a well; ``Metadata_*`` columns.
    table : DataFrame
        The table as it was read.
    on : mapping of str to str
        Column of the wells (left) to column of the table (right), or to a part of one:
        ``"_file ~ ^map_(.+)$"``.
    source : Source
        The table's name, the labels and the ledger.
    notes : sequence of str
        For the ledger: how the table was read.

    Returns
    -------
    DataFrame
        The wells, in the order given, with the table's columns; no well is dropped.

    Raises
    ------
    InputError
        If a column of ``on`` is unknown, or no well finds a row.
    """
    left, right, unread = _keys(wells, table, on=on, source=source)
    columns = (spec.partition(" ~ ")[0].strip() for spec in on.values())
    used = {find(table, name, source=source.name) for name in columns}
    details = tidy(mark_blank_samples(table).drop(columns=[*used, FILE, FOLDER], errors="ignore"))
    one, varying = collapse(details, right, source=source)
    rows = one.index.get_indexer(left)
    found = rows >= 0
    unread += [f"not one value a key, left out: {', '.join(varying)}"] if varying else []
    _note_join(source, left, right, found=found, notes=[*notes, *unread])
    joined = one.iloc[np.maximum(rows, 0)].set_axis(wells.index, axis=0)
    if not found.all():
        there = pd.Series(found, index=wells.index)
        joined = joined.astype(object).where(there, None, axis=0).infer_objects()
    return combine(wells, joined, source=source)


def joined_before(ledger: Ledger) -> str:
    """The tables that were joined so far: a column that is not there should have come from them."""
    return ", ".join(join.source for join in ledger.joins)


def _keys(
    wells: pd.DataFrame, table: pd.DataFrame, *, on: Mapping[str, str], source: Source
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Keys of both sides, and notes on rows of the table that name no well."""
    if not on:
        raise InputError(f"{source.name}: 'on' is empty; say which columns join it to the wells.")
    pairs, notes = [], []
    for ours, theirs in on.items():
        joined = joined_before(source.ledger)
        screen = f"the screen with {joined}" if joined else "the screen"
        left = wells[find(wells, ours, source=f"To join {source.name}: {screen}")]
        right = pick(table, theirs, source=source.name)
        if normal_name(ours) == WELL:
            pairs.append((well_text(left), well_text(right)))
            notes += _unread_wells(right, pairs[-1][1], source=source)
        else:
            one, other = pair_text(left, right)
            if normal_name(ours) == PLATE:
                one, other, how = plate_keys(one, other)
                notes += [how] if how else []
            pairs.append((one, other))
    return _stick([pair[0] for pair in pairs]), _stick([pair[1] for pair in pairs]), notes


def _unread_wells(values: pd.Series, names: np.ndarray, *, source: Source) -> list[str]:
    """A note on the rows that name no well.

    Raises
    ------
    InputError
        If that is so of all.
    """
    unread = names == ""
    if len(names) and unread.all():
        raise InputError(f"{source.name}: {no_wells(values)}")
    said = [text for text in key_text(values[unread]) if text]
    blank = int(unread.sum()) - len(said)
    return [
        *([f"{len(said)} rows name no well, such as {said[0]!r}"] if said else []),
        *([f"{blank} rows have a blank well"] if blank else []),
    ]


def _stick(parts: list[np.ndarray]) -> np.ndarray:
    return np.array([" / ".join(row) for row in zip(*parts, strict=True)], dtype=object)


def _note_join(
    source: Source,
    left: np.ndarray,
    right: np.ndarray,
    *,
    found: np.ndarray,
    notes: list[str],
) -> None:
    missing, before = left[~found], joined_before(source.ledger)
    blank = np.array([not key.replace("/", "").strip() for key in missing], dtype=bool)
    notes = ([f"{int(blank.sum())} wells have a blank key"] if blank.any() else []) + notes
    source.ledger.joins.append(
        Join(
            source=source.name,
            rows=len(right),
            matched=int(found.sum()),
            unmatched=len(missing),
            unmatched_keys=first(missing[~blank]),
            duplicates=len(right) - len(set(right)),
            unused=len(set(right) - set(left)),
            note="; ".join(notes),
        )
    )
    if len(left) and not found.any():
        keys = f", or what was joined before: {before}" if before else ""
        raise InputError(
            f"{source.name} matches none of the {len(left)} wells: they ask for "
            f"{', '.join(first(left, limit=3))}; the table has {', '.join(first(right, limit=3))}. "
            f"Check 'on'{keys}."
        )


def collapse(
    frame: pd.DataFrame, keys: np.ndarray, *, source: Source
) -> tuple[pd.DataFrame, list[str]]:
    """One row a key: columns that hold one value (blanks aside) within every key.

    A label that varies within some keys is kept, emptied there, and noted as a conflict.

    Returns
    -------
    one : DataFrame, index of distinct keys, sorted
    varying : list of str
        Columns left out because they vary within a key.
    """
    codes, distinct = pd.factorize(keys, sort=True)
    values = {name: _first_said(frame[name], codes, size=len(distinct)) for name in frame.columns}
    one = pd.DataFrame(values, index=pd.Index(distinct, dtype=object))
    varying = []
    for name in frame.columns:
        mixed = _mixed(frame[name], codes, size=len(distinct))
        if not mixed.any():
            continue
        if name in source.identity | source.described:
            _empty(one, name, mixed=mixed, source=source)
            _note_mixed(frame[name], codes, distinct, mixed=mixed, source=source)
        else:
            varying.append(str(name))
    return one.drop(columns=varying), varying


def _first_said(values: pd.Series, codes: np.ndarray, *, size: int) -> np.ndarray:
    """The first value of each key that is not blank."""
    said = key_text(values) != ""
    order = np.lexsort((np.arange(len(codes)), ~said, codes))
    starts = np.searchsorted(codes[order], np.arange(size))
    return values.to_numpy()[order[starts]]


def _mixed(values: pd.Series, codes: np.ndarray, *, size: int) -> np.ndarray:
    """Which keys hold more than one value; a blank beside one value is no disagreement."""
    text = key_text(values)
    said = text != ""
    pairs = pd.DataFrame({"key": codes[said], "value": text[said]}).drop_duplicates()
    return np.bincount(pairs["key"].to_numpy(dtype=np.int64), minlength=size) > 1


def _empty(frame: pd.DataFrame, name: str, *, mixed: np.ndarray, source: Source) -> None:
    """Take a contested value out; who has a contested identity is marked to be set aside."""
    frame[name] = frame[name].astype(object).where(~mixed, None)
    if name in source.identity:
        before = frame[CONFLICT] if CONFLICT in frame else pd.Series(None, index=frame.index)
        frame[CONFLICT] = before.astype(object).where(~mixed, name)


def _note_mixed(
    values: pd.Series,
    codes: np.ndarray,
    distinct: np.ndarray,
    *,
    mixed: np.ndarray,
    source: Source,
) -> None:
    examples = []
    for code in np.flatnonzero(mixed)[:3]:
        seen = sorted(set(key_text(values[codes == code])) - {""})
        examples.append(f"{distinct[code]}: {' or '.join(seen[:4])}")
    _note_conflict(source, str(values.name), int(mixed.sum()), examples=examples)


def _note_conflict(source: Source, name: str, count: int, *, examples: list[str]) -> None:
    consequences = {
        name in source.described: "the value is left empty there",
        name in source.identity: "these wells are set aside",
    }
    consequence = consequences.get(True, "the first source's value is kept")
    source.ledger.conflicts.append(Conflict(name, source.name, count, tuple(examples), consequence))


def combine(wells: pd.DataFrame, extra: pd.DataFrame, *, source: Source) -> pd.DataFrame:
    """Columns side by side, rows aligned; a column both have is compared and its blanks filled.

    What was there first is kept, but a contested label is emptied: nobody can know.
    """
    out = wells.copy()
    for name in extra.columns:
        theirs = extra[name].set_axis(out.index)
        if name not in out:
            out[name] = theirs
            continue
        ours, out[name] = out[name], _fill(out[name], theirs)
        differ = _differ(ours, theirs)
        if not str(name).startswith("_") and differ.any():
            _settle(out, ours, theirs, differ=differ, source=source)
    return out


def _settle(
    wells: pd.DataFrame,
    ours: pd.Series,
    theirs: pd.Series,
    *,
    differ: np.ndarray,
    source: Source,
) -> None:
    rows = np.flatnonzero(differ)[:3]
    examples = [
        f"{wells[PLATE].iloc[r]}/{wells[WELL].iloc[r]}: {ours.iloc[r]} or {theirs.iloc[r]}"
        for r in rows
    ]
    if ours.name in source.identity and differ.mean() > 0.5:
        raise InputError(
            f"{source.name} disagrees with what was read before about {ours.name} in "
            f"{int(differ.sum())} of {len(wells)} wells ({'; '.join(examples)}). "
            "Leave out the source that is wrong."
        )
    if ours.name in source.identity | source.described:
        _empty(wells, str(ours.name), mixed=differ, source=source)
    _note_conflict(source, str(ours.name), int(differ.sum()), examples=examples)


def _fill(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    blank = key_text(ours) == ""
    if not blank.any():
        return ours
    if ours.dtype == theirs.dtype:
        return ours.where(~blank, theirs)
    return ours.astype(object).where(~blank, theirs.astype(object)).infer_objects()


def _differ(ours: pd.Series, theirs: pd.Series) -> np.ndarray:
    left, right = pair_text(ours, theirs)
    differ = (left != right) & (left != "") & (right != "")
    if differ.any():
        differ &= ~_close(ours, theirs)
    return differ


def _close(ours: pd.Series, theirs: pd.Series) -> np.ndarray:
    one, other = (
        pd.to_numeric(side, errors="coerce").to_numpy(dtype=float) for side in (ours, theirs)
    )
    return np.isclose(one, other, rtol=TOLERANCE)
