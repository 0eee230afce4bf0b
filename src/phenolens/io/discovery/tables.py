"""The ``[[data.tables]]`` sections: which metadata table joins on which columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.io.columns import (
    FILE,
    FOLDER,
    has,
    key_text,
    no_wells,
    normal_name,
    plate_keys,
    same_name,
    well_text,
)
from phenolens.io.discovery.patterns import pattern
from phenolens.io.discovery.survey import (
    HEAD,
    FoundTables,
    column_for,
    plates_of,
    read_head,
    well_like,
)
from phenolens.io.discovery.tree import Tree, Unused
from phenolens.io.paths import stem
from phenolens.io.roles import LINKS, gene_column, role_columns
from phenolens.io.tables.text import FULL_WELL
from phenolens.profiles import PLATE, WELL
from phenolens.vehicles import vehicle_name

MAP_NAME = "Metadata_Plate_Map_Name"
IN_FOLDER = rf"{FOLDER} ~ ([^/\\]+)$"
IN_MEASURED_FOLDER = (
    rf"{FOLDER} ~ ([^/\\]+?)(?:[-_ ]*(?:\d{{4}}-\d\d-\d\d|Measurement[ _]?\d)[^/\\]*)?$"
)
OF_MEASUREMENT = r"^(.+?)(?:[-_ ]*(?:\d{4}-\d\d-\d\d|Measurement[ _]?\d).*)?$"
"""The plate in the name of a folder of Harmony: ``PL1__2021-01-01T00_00_00-Measurement 1``."""
MOST_MAPS = 300
"""Maps that are compared with each other."""
MOST_SLIPS = 0.05
"""Share of the rows of a plate's map that may name a well again."""
SHORTEST = 3
"""Letters of a plate's name that are no accident in the name of the one map there is."""
PLACES = re.compile(
    r"(plate_)?(pos|position|loc|location|coords?|coordinates?)|col_?row|row_?col(umn)?|spot"
)
"""What columns of wells are called, beside their usual names, and other columns too."""
_KINDS = re.compile(r"solvent|vehicle|diluent|type|class|group|role|control|note|comment")
"""Words in names of columns that speak of vehicles and say no treatment."""


@dataclass
class Known:
    """Columns the screen has so far, by normal name, with the values that were seen.

    `all_plates` says whether the screen has no other plates than those seen.
    """

    all_plates: bool = True
    values: dict[str, set[str]] = field(default_factory=dict)

    def learn(self, head: pd.DataFrame, *, names: Iterable[str] | None) -> None:
        """Add a table's columns; plate and well under their canonical names."""
        roles = {column_for(head, role): role for role in (PLATE, WELL)}
        for column in map(str, head.columns) if names is None else names:
            if head[column].nunique() > 5000 and column not in roles:
                continue
            name = roles.get(column, normal_name(column))
            self.values.setdefault(name, set()).update(self.held(name, head[column]))

    @staticmethod
    def held(name: str, column: pd.Series) -> set[str]:
        """The values of a column as keys, blanks left out."""
        return set(well_text(column) if name == WELL else key_text(column)) - {""}

    def texts(self, name: str) -> set[str]:
        """The values seen of a column."""
        return self.values.get(name, set())

    def overlap(self, name: str, column: pd.Series) -> float:
        """Share of the known values that a table's column holds."""
        known = self.texts(name)
        return len(known & set(key_text(column))) / len(known) if known else 0.0


def table_sections(
    known: Known, found: Sequence[FoundTables], tree: Tree
) -> tuple[list[dict], list[Unused]]:
    """Tables in the order they can be joined, and why others are not.

    Each must say something new or confirm a well. Of several files of one kind, those for other
    plates are left out.
    """
    sections, left, waiting = [], list[Unused](), list[FoundTables]()
    barcodes = any(item.kind == "barcodes" for item in found)
    for item in found:
        kept, others = _for_the_screen(known, item, tree)
        named = barcodes or has(item.head, "plate_map_name") is not None
        agreed, more = (kept, []) if named else _once(known, kept, tree)
        left += [*others, *more]
        waiting += [] if agreed is None else [agreed]
    while True:
        options = [(item, on) for item in waiting if (on := infer_on(known, item))]
        options = [(item, on) for item, on in options if _useful(known, item, on)]
        if not options:
            break
        item, on = max(options, key=lambda option: _gain(known, *option))
        sheet = {} if item.sheet is None else {"sheet": item.sheet}
        sections.append({"file": pattern(item.paths, tree.source), **sheet, "on": on})
        known.learn(item.head, names=_details(item, on))
        waiting.remove(item)
    if not _says_what_was_done(known):
        for item in [one for one in waiting if _may_say_what_was_done(known, one)]:
            on = infer_on(known, item) or {}
            sheet = {} if item.sheet is None else {"sheet": item.sheet}
            sections.append({"file": pattern(item.paths, tree.source), **sheet, "on": on})
            known.learn(item.head, names=_details(item, on))
            waiting.remove(item)
    return sections, left + [unused for item in waiting for unused in _why_not(known, item, tree)]


def _says_what_was_done(known: Known) -> bool:
    return "compound" in role_columns(known.values) or gene_column(known.values) is not None


def _may_say_what_was_done(known: Known, item: FoundTables) -> bool:
    """Whether a table of wells has a column of words under a name that we do not know."""
    on = infer_on(known, item)
    if on is None or WELL not in on:
        return False
    words = (item.head[name] for name in _details(item, on) if item.head[name].dtype == object)
    return any(len(set(key_text(values)) - {""}) > 1 for values in words)


def treatment_columns(known: Known) -> list[str]:
    """Columns that hold the name of a vehicle beside others: in these stands what was done."""
    return [
        name
        for name, texts in known.values.items()
        if any(map(vehicle_name, texts)) and len(texts) > 1 and not _KINDS.search(same_name(name))
    ]


def _for_the_screen(
    known: Known, item: FoundTables, tree: Tree
) -> tuple[FoundTables, list[Unused]]:
    """The files of one kind that are about plates of the screen, and the others."""
    column = column_for(item.head, PLATE)
    screen = known.texts(PLATE)
    if len(item.paths) == 1 or not (screen and known.all_plates):
        return item, []
    if column is None:
        named = plates_in_names(known, item.paths) if _well_column(item.head) else None
        plates = {} if named is None else {path: {name} for path, name in named[1].items()}
    else:
        plates = {path: plates_of(path) for path in item.paths}
    others = [path for path, named in plates.items() if named and not _meet(named, screen)]
    kept = tuple(path for path in item.paths if path not in others)
    if not kept:
        return item, []
    left = [_of_other_plates(path, plates[path], screen, tree) for path in others]
    head = item.head if kept[0] == item.paths[0] else read_head(kept[0], sheet=item.sheet)
    return replace(item, paths=kept, head=head), left


def _once(known: Known, item: FoundTables, tree: Tree) -> tuple[FoundTables | None, list[Unused]]:
    """Of maps built alike, those that speak of a well alone.

    One that repeats another is left out, and all of those that contradict each other: nobody can
    know which is the screen's.
    """
    well, plate = _well_column(item.head), column_for(item.head, PLATE)
    if well is None or not 1 < len(item.paths) <= MOST_MAPS:
        return item, []
    if plate is None and plates_in_names(known, item.paths) is not None:
        return item, []
    said = {path: _said(read_head(path, sheet=item.sheet), plate, well) for path in item.paths}
    against: dict[Path, Unused] = {}
    kept: list[Path] = []
    for path in item.paths:
        here = said[path]
        for other in kept:
            shared = here.keys() & said[other].keys()
            differ = sorted(key for key in shared if here[key] != said[other][key])
            for one, two in ((path, other), (other, path)) if differ else ():
                values = {"other": tree.relative(two), "example": differ[0]}
                against[one] = Unused(tree.relative(one), "unused-contradicts", values)
            if shared == here.keys() and not differ:
                values = {"other": tree.relative(other)}
                against.setdefault(path, Unused(tree.relative(path), "unused-repeats", values))
        if path not in against or against[path].code == "unused-contradicts":
            kept.append(path)
    paths = tuple(path for path in kept if path not in against)
    left = list(against.values())
    return (replace(item, paths=paths) if paths else None), left


def _said(head: pd.DataFrame, plate: str | None, well: str) -> dict[str, tuple[str, ...]]:
    """What a map says of each well."""
    keys = [*([] if plate is None else [key_text(head[plate])]), well_text(head[well])]
    places = [" ".join(key) for key in zip(*keys, strict=True)]
    rest = [key_text(head[name]) for name in head.columns if name not in (plate, well)]
    return dict(zip(places, zip(*rest, strict=True), strict=False)) if rest else {}


def _of_other_plates(path: Path, plates: set[str], screen: set[str], tree: Tree) -> Unused:
    values = {"plates": tuple(sorted(plates)), "screen": tuple(sorted(screen))}
    return Unused(tree.relative(path), "unused-other-plates", values)


def _why_not(known: Known, item: FoundTables, tree: Tree) -> list[Unused]:
    """Why a table joins nothing, once a file."""
    code, values = _reason(known, item)
    several = code == "unused-one-of-several"
    sheet = f", sheet {item.sheet!r}" if item.sheet else ""
    names = [tree.relative(path) + sheet for path in item.paths]
    return [
        Unused(name, code, {"others": tuple(n for n in names if n != name)} if several else values)
        for name in names
    ]


def _reason(known: Known, item: FoundTables) -> tuple[str, dict]:
    head, columns = item.head, tuple(map(str, item.head.columns))
    if infer_on(known, item) is not None:
        return "unused-nothing-new", {"columns": columns}
    if why := _unread_wells(head):
        return "unused-no-wells", {"why": why}
    plate, well = column_for(head, PLATE), _well_column(head)
    for role, column, code in (
        (PLATE, plate, "unused-other-plates"),
        (WELL, well, "unused-other-wells"),
    ):
        held, screen = set(known.held(role, head[column])) if column else set(), known.texts(role)
        if held and screen and not (_meet if role == PLATE else set.__and__)(held, screen):
            name = code.removeprefix("unused-other-")
            return code, {name: tuple(sorted(held)), "screen": tuple(sorted(screen))}
    if well is not None and head.duplicated([well]).any():
        return "unused-no-plate", {"well": str(head[well][head.duplicated([well])].iloc[0])}
    if well is not None:
        return "unused-one-of-several", {}
    for name in (*LINKS, *filter(None, [role_columns(columns).get("compound")])):
        column, ours = has(head, name), _known_name(known, name)
        if column and ours:
            values = {"held": tuple(sorted(set(key_text(head[column])) - {""}))}
            return "unused-other-keys", {
                "column": column, "screen": tuple(sorted(known.texts(ours))),
            } | values  # fmt: skip
    return "unused-no-key", {"columns": columns}


def infer_on(known: Known, item: FoundTables) -> dict[str, str] | None:
    """The columns that join a table to what is known, or None."""
    plate, well = _plate_column(known, item.head), _well_column(item.head)
    if plate is None and known.all_plates and known.texts(PLATE) and _names_plates(item.head):
        return None
    if well is not None:
        wells = known.texts(WELL)
        if known.all_plates and wells and not wells & Known.held(WELL, item.head[well]):
            return None
        return _on_well(known, item, plate=plate, well=well)
    if plate is not None:
        unread = column_for(item.head, WELL) and _unread_wells(item.head)
        return None if unread else {PLATE: plate}
    return _on_link(known, item.head) or _on_treatment(known, item.head)


def _plate_column(known: Known, head: pd.DataFrame) -> str | None:
    usual = column_for(head, PLATE)
    names = [usual] if usual else [str(c) for c in head.columns]
    overlaps = {name: known.overlap(PLATE, head[name]) for name in names}
    best = max(overlaps, key=lambda name: overlaps[name], default=None)
    if best is not None and overlaps[best] > 0:
        return best
    if usual and _meet(known.texts(PLATE), Known.held(PLATE, head[usual])):
        return usual
    return next((f"{n} ~ {OF_MEASUREMENT}" for n in names if _measured(known, head[n])), None)


def _meet(left: set[str], right: set[str]) -> bool:
    """Whether names of plates meet, in some spelling."""
    one, other, _ = plate_keys(*(np.array(sorted(side), dtype=object) for side in (left, right)))
    return bool(set(one) & set(other))


def _measured(known: Known, values: pd.Series) -> bool:
    """Whether names of measurements' folders name plates of the screen, each by one of them."""
    names = pd.Series(sorted(set(key_text(values)) - {""}), dtype=object)
    plates = names.str.extract(OF_MEASUREMENT, expand=False)
    return plates.is_unique and bool(set(plates) & known.texts(PLATE))


def _names_plates(head: pd.DataFrame) -> bool:
    column = column_for(head, PLATE)
    return column is not None and bool(Known.held(PLATE, head[column]))


def _well_column(head: pd.DataFrame) -> str | None:
    """The column of wells; that values look like some is not enough, as names of compounds do."""
    usual = column_for(head, WELL)
    names = [c for c in map(str, head.columns) if "well" in c.lower() or _names_places(c)]
    names.sort(key=lambda name: bool(_FROM.search(same_name(name))))  # from where it came: last
    found = [name for name in ([usual] if usual else names) if well_like(head[name])]
    return found[0] if found else None if usual or names else _written_as_wells(head)


def _written_as_wells(head: pd.DataFrame) -> str | None:
    """The one column that holds names of wells alone, as a plate's software writes them."""
    columns = (str(name) for name in head.columns if head[name].dtype == object)
    found = [name for name in columns if all(map(FULL_WELL.fullmatch, map(str, head[name])))]
    return found[0] if len(found) == 1 and head[found[0]].nunique() > 3 else None


_FROM = re.compile(r"source|stock|mother|library|origin|from")
"""Words in names of columns of wells that are those of other plates."""


def _names_places(column: str) -> bool:
    return PLACES.fullmatch(same_name(column)) is not None


def _unread_wells(head: pd.DataFrame) -> str | None:
    """A column that is there for wells and names none: why, and what would make it one."""
    usual = column_for(head, WELL)
    others = [c for c in map(str, head.columns) if _names_places(c) and _numbered(head[c])]
    varied = [name for name in ([usual] if usual else others) if head[name].nunique() > 1]
    return no_wells(head[varied[0]]) if varied and _well_column(head) is None else None


def _numbered(values: pd.Series) -> bool:
    """Whether all values that say something hold a number; where a protein is, has none."""
    said = [text for text in key_text(values) if text]
    return bool(said) and all(any(map(str.isdecimal, text)) for text in said)


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
    if (named := plates_in_names(known, item.paths)) is not None:
        return {PLATE: named[0], WELL: well}
    one_map = len(item.paths) == 1 and _speaks_of_one_plate(item.head, well)
    return {WELL: well} if one_map else None


def _speaks_of_one_plate(head: pd.DataFrame, well: str) -> bool:
    """Whether a map without plates is of one: a slip may name a well twice, the join tells.

    Of a long map only the first rows are known; there any well named twice is another plate's.
    """
    said = head.assign(**{well: well_text(head[well])}).drop_duplicates()
    twice = int(said.duplicated([well]).sum())
    return twice == 0 or (len(head) < HEAD and twice <= len(said) * MOST_SLIPS)


def plates_in_names(known: Known, paths: Sequence[Path]) -> tuple[str, Mapping[Path, str]] | None:
    """Where maps say in their names, or in their folders', of which plate they are.

    Parameters
    ----------
    known : Known
    paths : sequence of Path
        Maps without a column of plates.

    Returns
    -------
    tuple of (str, mapping of Path to str) or None
        What the join reads (``_file``, or a part of it or of ``_folder``), and what stands there
        in the place of the plate's name. None where they say it not all in one way, or where a
        screen of one plate has one map.
    """
    plates = known.texts(PLATE)
    if not plates or (len(paths) == 1 and len(plates) == 1):
        return None
    folders = {path: path.parent.name for path in paths}
    if set(folders.values()) & plates and len(set(folders.values())) == len(paths):
        return IN_FOLDER, folders
    measured = {path: re.sub(OF_MEASUREMENT, r"\1", name) for path, name in folders.items()}
    if set(measured.values()) & plates and len(set(measured.values())) == len(paths):
        return IN_MEASURED_FOLDER, measured
    names = {path: stem(path) for path in paths}
    around = set()
    for name in names.values():
        held = max((plate for plate in plates if plate in name), key=len, default="")
        if held and (len(held) >= SHORTEST or len(paths) > 1):
            start, _, end = name.partition(held)
            around.add((start, end))
    if len(around) != 1:
        return None
    start, end = around.pop()
    built = re.compile(f"{re.escape(start)}(.+){re.escape(end)}")
    matches = {path: built.fullmatch(name) for path, name in names.items()}
    if not all(matches.values()):
        return None
    spec = f"{FILE} ~ ^{re.escape(start)}(.+){re.escape(end)}$" if start or end else FILE
    return spec, {path: match[1] for path, match in matches.items() if match}


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
    used = {spec.partition(" ~ ")[0] for spec in on.values()}
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


def _gain(known: Known, item: FoundTables, on: dict[str, str]) -> tuple[int, int, int, int]:
    """Which plate has which map first, then well tables, then those that bring most."""
    placed = int(WELL in on or PLATE in on)
    barcodes = int(item.kind == "barcodes")
    return barcodes, placed, len(_new_roles(known, item, on)), len(item.head.columns)
