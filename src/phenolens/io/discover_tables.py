"""The ``[[data.tables]]`` sections: which metadata table joins on which columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from phenolens.io.columns import FILE, has, key_text, normal_name, same_name, well_text
from phenolens.io.paths import stem
from phenolens.io.patterns import pattern
from phenolens.io.roles import LINKS, role_columns
from phenolens.io.survey import FoundTables, column_for, well_like
from phenolens.profiles import PLATE, WELL

MAP_NAME = "Metadata_Plate_Map_Name"


@dataclass
class Known:
    """Columns the screen has so far, by normal name, with the values that were seen."""

    values: dict[str, set[str]] = field(default_factory=dict)

    def learn(self, head: pd.DataFrame, *, names: Iterable[str] | None) -> None:
        """Add a table's columns; plate and well under their canonical names."""
        roles = {column_for(head, role): role for role in (PLATE, WELL)}
        for column in map(str, head.columns) if names is None else names:
            if head[column].nunique() > 5000 and column not in roles:
                continue
            name = roles.get(column, normal_name(column))
            text = well_text(head[column]) if name == WELL else key_text(head[column])
            self.values.setdefault(name, set()).update(set(text) - {""})

    def texts(self, name: str) -> set[str]:
        """The values seen of a column."""
        return self.values.get(name, set())

    def overlap(self, name: str, column: pd.Series) -> float:
        """Share of the known values that a table's column holds."""
        known = self.texts(name)
        return len(known & set(key_text(column))) / len(known) if known else 0.0


def table_sections(
    known: Known, found: Sequence[FoundTables], source: Path
) -> tuple[list[dict], list[str]]:
    """Tables in the order they can be joined; each must say something new or confirm a well."""
    sections, waiting = [], list(found)
    while True:
        options = [(item, on) for item in waiting if (on := infer_on(known, item))]
        options = [(item, on) for item, on in options if _useful(known, item, on)]
        if not options:
            break
        item, on = max(options, key=lambda option: _gain(known, *option))
        sections.append({"file": pattern(item.paths, source), "on": on})
        known.learn(item.head, names=_details(item, on))
        waiting.remove(item)
    return sections, [f"not joined: {pattern(item.paths, source)}" for item in waiting]


def infer_on(known: Known, item: FoundTables) -> dict[str, str] | None:
    """The columns that join a table to what is known, or None."""
    plate, well = _plate_column(known, item.head), _well_column(item.head)
    if well is not None:
        return _on_well(known, item, plate=plate, well=well)
    if plate is not None:
        return {PLATE: plate}
    return _on_link(known, item.head) or _on_treatment(known, item.head)


def _plate_column(known: Known, head: pd.DataFrame) -> str | None:
    usual = column_for(head, PLATE)
    names = [usual] if usual else [str(c) for c in head.columns]
    overlaps = {name: known.overlap(PLATE, head[name]) for name in names}
    best = max(overlaps, key=lambda name: overlaps[name], default=None)
    return best if best is not None and overlaps[best] > 0 else None


def _well_column(head: pd.DataFrame) -> str | None:
    usual = column_for(head, WELL)
    names = [usual] if usual else [str(c) for c in head.columns if "well" in str(c).lower()]
    return next((name for name in names if well_like(head[name])), None)


def _on_well(
    known: Known, item: FoundTables, *, plate: str | None, well: str
) -> dict[str, str] | None:
    if plate is not None:
        return {PLATE: plate, WELL: well}
    names = known.texts(MAP_NAME)
    if names:
        column = has(item.head, "plate_map_name")
        if column and names & set(key_text(item.head[column])):
            return {MAP_NAME: column, WELL: well}
        if names & {stem(path) for path in item.paths}:
            return {MAP_NAME: FILE, WELL: well}
    one_map = len(item.paths) == 1 and not item.head.duplicated([well]).any()
    return {WELL: well} if one_map else None


def _on_link(known: Known, head: pd.DataFrame) -> dict[str, str] | None:
    for link in LINKS:
        column, name = has(head, link), _known_name(known, link)
        if column and name and known.overlap(name, head[column]) > 0:
            return {name: column}
    return None


def _known_name(known: Known, name: str) -> str | None:
    wanted = same_name(name)
    return next((n for n in known.values if same_name(n) == wanted), None)


def _on_treatment(known: Known, head: pd.DataFrame) -> dict[str, str] | None:
    """Compound, and concentration where the table has several rows a compound."""
    ours, theirs = role_columns(known.values), role_columns(head.columns)
    if "compound" not in ours or "compound" not in theirs:
        return None
    on = {ours["compound"]: theirs["compound"]}
    if known.overlap(ours["compound"], head[theirs["compound"]]) == 0:
        return None
    both = "concentration" in ours and "concentration" in theirs
    if both and head.duplicated([theirs["compound"]]).any():
        on[ours["concentration"]] = theirs["concentration"]
    return on


def _details(item: FoundTables, on: dict[str, str]) -> list[str]:
    used = set(on.values())
    return [str(name) for name in item.head.columns if str(name) not in used]


def _new_roles(known: Known, item: FoundTables, on: dict[str, str]) -> set[str]:
    have = set(role_columns(known.values))
    links = {same_name(name) for name in LINKS} - {same_name(name) for name in known.values}
    names = _details(item, on)
    brought = {same_name(name) for name in names} & links
    return (set(role_columns(names)) - have) | brought


def _useful(known: Known, item: FoundTables, on: dict[str, str]) -> bool:
    confirms = WELL in on and bool(role_columns(_details(item, on)))
    return confirms or bool(_new_roles(known, item, on))


def _gain(known: Known, item: FoundTables, on: dict[str, str]) -> tuple[int, int, int]:
    """Well tables first, then those that bring most."""
    return int(WELL in on or PLATE in on), len(_new_roles(known, item, on)), len(item.head.columns)
