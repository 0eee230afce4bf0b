"""What lies in a folder: every kind of table once, with its first rows, and image files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import (
    ALIASES,
    has,
    is_blank,
    key_text,
    place,
    well_text,
    with_wells,
)
from phenolens.io.discovery.tree import Tree, Unused
from phenolens.io.features import BARE, CELLPROFILER, HARMONY, find_families, nameless
from phenolens.io.formats.base import image_formats, table_endings, table_format
from phenolens.io.formats.cellprofiler import DATABASES, images_of, is_cellprofiler
from phenolens.io.images.table import is_image_name
from phenolens.io.paths import stem
from phenolens.io.tables.text import repeated_names
from phenolens.profiles import PLATE, PREFIX, WELL
from phenolens.schema import tables

HEAD = 400
FEWEST_MEASUREMENTS = 10
FEWEST_OF_A_RESULT = 4
FEWEST_UNNAMED = 3
FEWEST_WELLS, MOST_NOTES = 4, 2
OBJECTS, PROFILES = 0.9, 0.8
"""How sure we are of tables of objects and of profiles, beside those that list images."""


@dataclass(frozen=True)
class FoundTables:
    """Tables of one kind: files that belong together, and the first rows of the first.

    ``kind`` is ``profiles``, ``barcodes``, ``cellprofiler``, ``metadata``, the name of an image
    format, or ``elsewhere``: it lists images, and none of them is there. ``sheet`` is that of a
    workbook with several tables.
    """

    paths: tuple[Path, ...]
    head: pd.DataFrame
    kind: str
    sheet: str | None = None
    way: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Where in the file the features are, where that must be said: ``{"obsm": "X_dino"}``."""


@dataclass(frozen=True)
class Surveyed:
    """Kinds of tables, image files, and the tables of which nothing can be made."""

    tables: list[FoundTables]
    images: list[Path]
    unused: list[Unused]


def survey(tree: Tree, *, root: str | None = None) -> Surveyed:
    """Kinds of tables among files, and the image files.

    Parameters
    ----------
    tree : Tree
    root : str, optional
        Where images are that tables list, if not below the folder.

    Returns
    -------
    Surveyed
    """
    endings, unused = table_endings(), list[Unused]()
    tables = [path for path in tree.files if path.name.lower().endswith(endings)]
    places = tree.source if root is None else Path(root)
    looked = (
        _look(group, tree, places, unused, sheet=sheet, way=way)
        for group in _grouped(tables, tree)
        for sheet in _sheets_of(group[0])
        for way in _ways_of(group[0])
    )
    found = _merged([item for item in looked if item is not None])
    return Surveyed(
        found, [path for path in tree.files if is_image_name(path.name) or path.is_dir()], unused
    )


def _grouped(paths: Sequence[Path], tree: Tree) -> list[list[Path]]:
    """Files whose names differ in digits only."""
    groups: dict[str, list[Path]] = {}
    for path in paths:
        groups.setdefault(re.sub(r"\d+", "#", tree.relative(path)), []).append(path)
    return list(groups.values())


def _sheets_of(path: Path) -> list[str | None]:
    """Sheets of a workbook that are looked at one by one; None is what all make together."""
    try:
        return [sheet or None for sheet in table_format(path, alone=True).parts(path)] or [None]
    except (InputError, OSError, ValueError):
        return [None]


def _ways_of(path: Path) -> list[dict[str, str]]:
    """Where in a file features are that may be read in one way of several; ``{}`` for one way."""
    try:
        return table_format(path, alone=True).ways(path) or [{}]
    except (InputError, OSError, ValueError):
        return [{}]


def _look(
    paths: list[Path],
    tree: Tree,
    images: Path,
    unused: list[Unused],
    *,
    sheet: str | None,
    way: Mapping[str, str],
) -> FoundTables | None:
    """The group with its kind, by the first of its files that can be read."""
    for number, path in enumerate(paths):
        name = tree.relative(path) + (f", sheet {sheet!r}" if sheet else "")
        try:
            head = read_head(path, sheet=sheet, way=way)
        except (InputError, OSError, ValueError) as error:
            fault = " ".join(str(error).replace(f"{path} ", "").split())
            unused.append(Unused(name, "unused-damaged", {"fault": fault}))
            continue
        if len(head.columns) < 2:
            code = "unused-no-table"
        elif not len(head):
            code = "unused-no-rows"
        else:
            answer = result_file(head)
            if answer is not None:
                values = {"table": answer}
                unused += [
                    Unused(tree.relative(p), "unused-result", values) for p in paths[number:]
                ]
                return None
            kind = classify(head, path, images)
            if kind == "cellprofiler" and path.suffix.lower() in DATABASES:
                head, _ = images_of(path, HEAD)
            head = with_wells(head) if kind in {"profiles", "metadata"} else head
            return FoundTables(tuple(paths[number:]), head, kind, sheet, way)
        unused.append(Unused(name, code))
    return None


def read_head(
    path: Path, *, sheet: str | None = None, way: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """The first rows of a table."""
    kind, options = table_format(path, alone=True), dict(way or {})
    options |= {} if sheet is None else {"sheet": sheet}
    head = kind.read(path, **options).frame.head(HEAD) if options else kind.head(path, HEAD)
    if not head.columns.is_unique:
        twice = head.columns[head.columns.duplicated()].unique()
        raise InputError(repeated_names(list(map(str, twice)), str(path)))
    return head


def plates_of(path: Path, **way: str) -> set[str]:
    """Names of the plates in all rows of a table; empty where it names none."""
    kind = table_format(path, alone=True)
    head = kind.read(path, **way).frame if way else kind.head(path, HEAD)
    column = column_for(head, PLATE)
    if column is None:
        return set()
    values = head[column] if way or len(head) < HEAD else kind.values(path, column)
    return set(key_text(values)) - {""}


def classify(head: pd.DataFrame, path: Path, source: Path) -> str:
    """The kind of a table, from its columns and, for images, whether the files are there."""
    images = [
        (confidence, one.name)
        for one in image_formats()
        if one.listed
        if (confidence := one.recognises_table(head, path, source)) is not None
    ]
    sure, name = max(images, default=(0.0, ""))
    if sure <= OBJECTS and is_cellprofiler(path):
        return "cellprofiler"
    if sure <= PROFILES and holds_profiles(head):
        return "profiles"
    if images:
        return name
    if any(one.recorded(head) for one in image_formats() if one.listed):
        return "elsewhere"
    if has(head, "Plate_Map_Name") and not has(head, "well_position") and not has(head, "well"):
        return "barcodes"
    return "metadata"


def result_file(head: pd.DataFrame) -> str | None:
    """The file of ours that a table is, by its columns: an answer is no plate map."""
    for table in tables().values():
        own = {c.name for c in table.columns if c.required and not c.name.startswith(PREFIX)}
        if len(own) >= FEWEST_OF_A_RESULT and own <= set(head.columns):
            return table.path
    return _result_of_a_question(head)


def _result_of_a_question(head: pd.DataFrame) -> str | None:
    """The file that the table of a single question is like; it says what it compared."""
    names = set(map(str, head.columns))
    said = head["space"].dropna().astype(str) if "space" in names else pd.Series([], dtype=object)
    if said.empty or not said.str.startswith("normalized").all():
        return None
    shared = {t.path: len(names & {c.name for c in t.columns}) for t in tables().values()}
    return max(shared, key=lambda path: shared[path])


def holds_profiles(head: pd.DataFrame) -> bool:
    """Whether a table holds features by their names, and enough of them.

    Columns that are called 1 to 24 are those of a plate, unless a column names the wells.
    """
    for family in find_families(head):
        if family.key == CELLPROFILER and len(family.columns) < FEWEST_MEASUREMENTS:
            continue
        placed = place(head, None, WELL, source="") is not None
        if placed or family.key not in (BARE, HARMONY):
            return True
    return False


def unnamed_profiles(found: Sequence[FoundTables]) -> list[FoundTables]:
    """The tables, those as profiles that hold a row a well and numbers of unknown names.

    A plate map has columns of numbers too: this is for a folder without other profiles or images.
    """
    return [
        replace(item, kind="profiles") if item.kind == "metadata" and _measures(item.head) else item
        for item in found
    ]


def _measures(head: pd.DataFrame) -> bool:
    """Whether decimal numbers of unknown names stand beside a column of wells."""
    decimal = [name for name in nameless(head) if head[name].dtype.kind == "f"]
    placed = place(head, None, WELL, source="") is not None
    return placed and len(decimal) >= FEWEST_UNNAMED


def _merged(found: list[FoundTables]) -> list[FoundTables]:
    """Groups of one kind, one depth and the same columns are one; profiles by their variant."""
    merged: dict[tuple, FoundTables] = {}
    for item in found:
        columns, depth = tuple(item.head.columns), len(item.paths[0].parts)
        key = (item.kind, _variant(item), columns, depth, item.sheet, *item.way.items())
        before = merged.get(key)
        paths = item.paths if before is None else (*before.paths, *item.paths)
        merged[key] = replace(item, paths=tuple(paths), head=(before or item).head)
    return list(merged.values())


def _variant(item: FoundTables) -> str:
    """What a file's name says beyond its plate: ``_normalized_negcon``; '' for the plain table."""
    if item.kind != "profiles":
        return item.paths[0].name if item.kind in {"load_data", "barcodes"} else ""
    if item.paths[0].suffix.lower() == ".npz":  # a file a field
        return ""
    return variant(item.paths[0], item.head)


def variant(path: Path, head: pd.DataFrame) -> str:
    """The part of a profile file's name that is not its plate."""
    name = stem(path)
    column = next((c for c in (has(head, n) for n in (PLATE, *ALIASES[PLATE])) if c), None)
    plate = "" if column is None else str(key_text(head[column].head(1))[0])
    if plate and name.startswith(plate):
        return name[len(plate) :]
    return re.sub(r"\d+", "#", name)


def column_for(frame: pd.DataFrame, role: str) -> str | None:
    """The frame's column for plate, well, site or object number, under a usual name."""
    return next((c for c in (has(frame, name) for name in (role, *ALIASES[role])) if c), None)


def well_like(values: pd.Series) -> bool:
    """Whether most values are well names; a line or two below a map may be about it."""
    said = values.head(50)[~values.head(50).map(is_blank).astype(bool)]
    wells = int((well_text(said) != "").sum())
    return wells > 0.9 * len(said) or (wells >= FEWEST_WELLS and len(said) - wells <= MOST_NOTES)
