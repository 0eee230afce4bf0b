"""What lies in a folder: every kind of table once, with its first rows, and image files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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
from phenolens.io.features import BARE, CELLPROFILER, HARMONY, find_families
from phenolens.io.formats.base import image_formats, table_endings, table_format
from phenolens.io.formats.cellprofiler import is_cellprofiler
from phenolens.io.imagetable import is_image_name
from phenolens.io.paths import stem
from phenolens.profiles import PLATE, WELL

SKIPPED = frozenset({"truth", "node_modules", "__pycache__"})
CHECKED = frozenset({"audit.json", "ledger.json"})  # what `check` leaves in a study's folder
HEAD = 400
FEWEST_MEASUREMENTS = 10
OBJECTS, PROFILES = 0.9, 0.8
"""How sure we are of tables of objects and of profiles, beside those that list images."""


@dataclass(frozen=True)
class FoundTables:
    """Tables of one kind: files that belong together, and the first rows of the first.

    ``kind`` is ``profiles``, ``barcodes``, ``cellprofiler``, ``metadata``, or the name of an image
    format.
    """

    paths: tuple[Path, ...]
    head: pd.DataFrame
    kind: str


def survey(source: Path) -> tuple[list[FoundTables], list[Path]]:
    """Kinds of tables below a folder, and up to a thousand of its image files.

    Folders called ``truth``, hidden ones and what studies wrote are left alone.
    """
    files = list(_walk(source))
    tables = [path for path in files if path.name.lower().endswith(table_endings())]
    images = [path for path in files if is_image_name(path.name)][:1000]
    found = [item for group in _grouped(tables, source) if (item := _look(group, source))]
    return _merged(found), images


def _walk(source: Path) -> Iterable[Path]:
    for folder, inner, names in os.walk(source):
        inner[:] = sorted(n for n in inner if n not in SKIPPED and not n.startswith("."))
        if "study.resolved.toml" in names or set(names) >= CHECKED:
            inner.clear()
            continue
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _grouped(paths: Sequence[Path], source: Path) -> list[list[Path]]:
    """Files whose names differ in digits only."""
    groups: dict[str, list[Path]] = {}
    for path in paths:
        key = re.sub(r"\d+", "#", path.relative_to(source).as_posix())
        groups.setdefault(key, []).append(path)
    return list(groups.values())


def _look(paths: list[Path], source: Path) -> FoundTables | None:
    """The group with its kind; None for files that are no tables of ours."""
    try:
        head = read_head(paths[0])
    except InputError:
        return None
    if len(head.columns) < 2 or not len(head):
        return None
    kind = classify(head, paths[0], source)
    placed = with_wells(head) if kind in {"profiles", "metadata"} else head
    return FoundTables(tuple(paths), placed, kind)


def read_head(path: Path) -> pd.DataFrame:
    """The first rows of a table."""
    return table_format(path, alone=True).head(path, HEAD)


def plates_of(path: Path) -> set[str]:
    """Names of the plates in all rows of a table; empty where it names none."""
    kind = table_format(path, alone=True)
    head = kind.head(path, HEAD)
    column = column_for(head, PLATE)
    if column is None:
        return set()
    values = head[column] if len(head) < HEAD else kind.values(path, column)
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
    if has(head, "Plate_Map_Name") and not has(head, "well_position") and not has(head, "well"):
        return "barcodes"
    return "metadata"


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


def _merged(found: list[FoundTables]) -> list[FoundTables]:
    """Groups of one kind, one depth and the same columns are one; profiles by their variant."""
    merged: dict[tuple, FoundTables] = {}
    for item in found:
        key = (item.kind, _variant(item), tuple(item.head.columns), len(item.paths[0].parts))
        before = merged.get(key)
        paths = item.paths if before is None else (*before.paths, *item.paths)
        merged[key] = FoundTables(tuple(paths), (before or item).head, item.kind)
    return list(merged.values())


def _variant(item: FoundTables) -> str:
    """What a file's name says beyond its plate: ``_normalized_negcon``; '' for the plain table."""
    if item.kind != "profiles":
        return item.paths[0].name if item.kind in {"load_data", "barcodes"} else ""
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
    """Whether most values are well names."""
    said = values.head(50)[~values.head(50).map(is_blank).astype(bool)]
    return int((well_text(said) != "").sum()) > 0.9 * len(said)
