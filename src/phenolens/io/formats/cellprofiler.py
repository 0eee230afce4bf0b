"""CellProfiler's own tables: one row a cell from Image, Nuclei, Cells and Cytoplasm.

Objects are joined by (TableNumber, ImageNumber, ObjectNumber) and the parents CellProfiler wrote
down. ImageNumber alone is not unique once runs are put together.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import ALIASES, has, normal_name
from phenolens.io.formats.base import TableFormat, TableRead, register
from phenolens.io.paths import read_table
from phenolens.profiles import OBJECT, PLATE, SITE, WELL

COMPARTMENTS = ("Cells", "Nuclei", "Cytoplasm")
TABLES = ("Image", *COMPARTMENTS)
ENDINGS = (".csv", ".csv.gz", ".parquet")
DATABASES = (".sqlite", ".sqlite3", ".db")
IMAGE_KEPT = re.compile(r"^(Image_)?(Metadata_|FileName_|Count_|TableNumber|ImageNumber)")
SITE_FOLDER = re.compile(r"^(?P<plate>.+)-(?P<well>[A-Za-z]{1,2}\d{1,2})-(?P<site>\d+)$")


def is_cellprofiler(path: Path) -> bool:
    """Whether a path is CellProfiler output: a database, a folder with object tables, or one."""
    if path.is_dir():
        return next(_site_folders(path), None) is not None
    return path.suffix in DATABASES or _table_name(path) is not None


def read_cellprofiler(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Cells of a CellProfiler run with their image's metadata.

    Parameters
    ----------
    path : Path
        A SQLite database, a folder that holds ``Image``, ``Cells``, ``Nuclei`` or ``Cytoplasm``
        tables (in itself or below), or one of those tables.

    Returns
    -------
    frame : DataFrame
        Image metadata, ``Metadata_TableNumber``, ``Metadata_ImageNumber``,
        ``Metadata_ObjectNumber``, then ``Cells_...``, ``Nuclei_...``, ``Cytoplasm_...`` columns.
    notes : list of str
        For the ledger.

    Raises
    ------
    InputError
        If there are no objects, or a key occurs twice in one table.
    """
    if path.suffix in DATABASES:
        frame, notes = join_objects(_from_database(path), source=str(path))
        return _sited(frame), notes
    folders = list(_site_folders(path)) if path.is_dir() else [path.parent]
    if not folders:
        raise InputError(f"{path} holds no CellProfiler tables (Cells.csv, Nuclei.csv, ...).")
    parts = [_read_folder(folder) for folder in folders]
    frame = pd.concat([part for part, _ in parts], ignore_index=True)
    return frame, list(dict.fromkeys(note for _, notes in parts for note in notes))


def _site_folders(path: Path) -> Iterator[Path]:
    folders = [path, *sorted(child for child in path.rglob("*") if child.is_dir())]
    return (folder for folder in folders if any(_file(folder, name) for name in COMPARTMENTS))


def _file(folder: Path, name: str) -> Path | None:
    paths = (folder / f"{name}{ending}" for ending in ENDINGS)
    return next((path for path in paths if path.is_file()), None)


def _table_name(path: Path) -> str | None:
    return next((n for n in TABLES if path.name in {f"{n}{ending}" for ending in ENDINGS}), None)


def _read_folder(folder: Path) -> tuple[pd.DataFrame, list[str]]:
    files = {name: _file(folder, name) for name in TABLES}
    tables = {name: read_table(path) for name, path in files.items() if path is not None}
    frame, notes = join_objects(tables, source=str(folder))
    match = SITE_FOLDER.match(folder.name)
    return _sited(frame if match is None else _place_from_name(frame, match)), notes


def _place_from_name(frame: pd.DataFrame, match: re.Match) -> pd.DataFrame:
    """Plate, well and site from ``<plate>-<well>-<site>``, where the image table has none."""
    known = {"plate": PLATE, "well": WELL, "site": SITE}
    lacking = {role: match[part] for part, role in known.items() if not _says(frame, role)}
    return frame.assign(**lacking)


def _says(frame: pd.DataFrame, role: str) -> bool:
    return any(has(frame, name) for name in (role, *ALIASES[role]))


def _from_database(path: Path) -> dict[str, pd.DataFrame]:
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            names = [row[0] for row in database.execute("select name from sqlite_master")]
            found = {table: _match(names, table) for table in TABLES}
            return {
                table: pd.read_sql_query(f'select * from "{name}"', database)
                for table, name in found.items()
                if name is not None
            }
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        raise InputError(f"{path} cannot be read as an SQLite database: {error}.") from None


def _match(names: list[str], table: str) -> str | None:
    wanted = {table.lower(), f"per_{table.lower()}"}
    return next((name for name in names if name.lower() in wanted), None)


def join_objects(
    tables: Mapping[str, pd.DataFrame], *, source: str
) -> tuple[pd.DataFrame, list[str]]:
    """One row a cell (or nucleus, where only nuclei were measured) from CellProfiler's tables.

    Cytoplasm is found by ``Parent_Cells``, the nucleus by ``Parent_Nuclei``, else by equal object
    number. An object without counterpart keeps its row, with missing values.
    """
    objects = {name: _prefixed(tables[name], name) for name in COMPARTMENTS if name in tables}
    if not objects:
        raise InputError(f"{source} has no Cells, Nuclei or Cytoplasm table.")
    keys = _image_keys(objects.values(), source=source)
    for name, table in objects.items():
        _require_unique(table, [*keys, "ObjectNumber"], f"{source}: {name}")
    base = next(name for name in COMPARTMENTS if name in objects)
    frame, notes = objects[base], []
    for name in ("Cytoplasm", "Nuclei"):
        if name in objects and name != base:
            before = len(frame)
            frame, alone = _attach(frame, objects[name], keys, base=base, name=name)
            notes += [f"{alone} of {before} {base} have no {name}"] if alone else []
    frame = frame.rename(columns={"ObjectNumber": OBJECT})
    return _with_images(frame, tables.get("Image"), keys, source=source), notes


def _prefixed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Measurements under the compartment's name; keys as they are."""
    keys = {"TableNumber", "ImageNumber", "ObjectNumber"}
    return table.rename(columns=_namer(name, keys))


def _namer(name: str, keys: set[str]) -> Callable[[str], str]:
    def rename(column: str) -> str:
        bare = column.removeprefix(f"{name}_")
        return bare if bare in keys else f"{name}_{bare}"

    return rename


def _image_keys(tables: Iterable[pd.DataFrame], *, source: str) -> list[str]:
    tables = list(tables)
    if any("ImageNumber" not in table or "ObjectNumber" not in table for table in tables):
        raise InputError(f"{source}: object tables need ImageNumber and ObjectNumber columns.")
    with_number = all("TableNumber" in table for table in tables)
    return ["TableNumber", "ImageNumber"] if with_number else ["ImageNumber"]


def _require_unique(table: pd.DataFrame, key: list[str], source: str) -> None:
    twice = table[table.duplicated(key, keep=False)]
    if len(twice):
        shown = ", ".join(f"{name} {twice[name].iloc[0]}" for name in key)
        raise InputError(
            f"{source}: {len(twice)} rows share a key ({shown}). Runs that were put together need "
            "a TableNumber each."
        )


def _attach(
    frame: pd.DataFrame, other: pd.DataFrame, keys: list[str], *, base: str, name: str
) -> tuple[pd.DataFrame, int]:
    """Columns of another compartment beside each object, and how many objects lack one."""
    ours, theirs = _link(frame, other, base=base, name=name)
    right = other[other[theirs] > 0].rename(columns={theirs: "_object"} if theirs != ours else {})
    left_key = [*keys, ours]
    right_key = [*keys, "_object" if theirs != ours else theirs]
    _require_unique(right, right_key, f"{name} (by {theirs})")
    clash = [c for c in right.columns if c in frame.columns and c not in right_key]
    joined = frame.merge(
        right.drop(columns=clash), how="left", left_on=left_key, right_on=right_key, indicator=True
    )
    alone = int((joined["_merge"] == "left_only").sum())
    return joined.drop(columns=["_merge", "_object"], errors="ignore"), alone


def _link(frame: pd.DataFrame, other: pd.DataFrame, *, base: str, name: str) -> tuple[str, str]:
    """Column of the objects so far, and of the other table, that name the same object."""
    if f"{name}_Parent_{base}" in other:
        return "ObjectNumber", f"{name}_Parent_{base}"
    for parent in (f"{base}_Parent_{name}", f"Cytoplasm_Parent_{name}"):
        if parent in frame:
            return parent, "ObjectNumber"
    return "ObjectNumber", "ObjectNumber"


def _with_images(
    frame: pd.DataFrame, image: pd.DataFrame | None, keys: list[str], *, source: str
) -> pd.DataFrame:
    if image is not None:
        kept = image[[c for c in image if IMAGE_KEPT.match(str(c))]]
        kept = kept.rename(columns=lambda c: str(c).removeprefix("Image_"))
        on = [key for key in keys if key in kept]
        _require_unique(kept, on, f"{source}: Image")
        frame = kept.merge(frame, how="right", on=on, suffixes=("_image", ""))
    return frame.rename(columns={key: normal_name(key) for key in keys})


def _sited(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with their image's numbers as site, where nothing else names it."""
    if _says(frame, SITE):
        return frame
    parts = [f"Metadata_{key}" for key in ("TableNumber", "ImageNumber")]
    texts = [frame[part].astype(str) for part in parts if part in frame]
    return frame.assign(**{SITE: texts[0] if len(texts) == 1 else texts[0] + "-" + texts[1]})


@register
class CellProfilerTables(TableFormat):
    """A database, a folder with object tables, or one of those tables: all are read together."""

    name = "cellprofiler"
    describes: ClassVar[str] = (
        "CellProfiler's own output: an SQLite database, or Image, Nuclei, Cells and Cytoplasm "
        "tables of a folder"
    )
    endings = DATABASES
    alone = False

    def recognises(self, path: Path) -> float | None:
        """By the names of its tables, or a database's ending."""
        return 0.9 if is_cellprofiler(path) else None

    def read(self, path: Path, **_: Any) -> TableRead:
        """One row a cell; see :func:`read_cellprofiler`."""
        return TableRead(*read_cellprofiler(path))
