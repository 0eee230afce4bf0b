"""CellProfiler's own tables, as its modules ExportToSpreadsheet and ExportToDatabase write them.

Names of files follow the source of the first (CellProfiler/CellProfiler,
``exporttospreadsheet.py``): ``<prefix><object>.csv`` (``.txt`` where columns are parted by tabs),
with ``MyExpt_`` for prefix unless somebody changed it; two lines of header where objects share a
file. Those of tables in a database are as public scripts name them: ``<prefix>Per_<object>``, or
``<prefix>Per_Object`` for all. cytominer-database calls its tables ``Image``, ``Cells``,
``Cytoplasm`` and ``Nuclei``.
"""

from __future__ import annotations

import csv
import os
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from itertools import combinations, islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.files import UNREADABLE, real_path
from phenolens.io.columns import has, key_text
from phenolens.io.formats.base import TableFormat, TableRead, register, table_format
from phenolens.io.formats.delimited import Delimited
from phenolens.io.formats.parquet import Parquet
from phenolens.io.paths import stem
from phenolens.io.tables.objects import (
    COMPARTMENTS,
    RUN,
    ObjectTables,
    is_joined,
    join_objects,
    says,
    sited,
)
from phenolens.io.tables.text import opened
from phenolens.profiles import PLATE, SITE, WELL
from phenolens.remote import local

DATABASES = (".sqlite", ".sqlite3", ".db", ".db3")
POINTERS = (".properties",)
DUMPS = (".sql",)
PREFIX = "MyExpt_"
FOLDER = "Metadata_Folder"
SITE_FOLDER = re.compile(r"^(?P<plate>.+)-(?P<well>[A-Za-z]{1,2}\d{1,2})-(?P<site>\d+)$")
IMAGE_NAME = re.compile(r"images?$", re.IGNORECASE)
IMAGE_MARKS = ("Count_", "ExecutionTime_", "ModuleError_", "Group_", "Image_Count_", "Image_Group_")
NUMBERS = ("ObjectNumber", "_Number_Object_Number")
OBJECTS, IMAGE, TOGETHER = "objects", "image", "together"
LONGEST = 4_000_000
BATCH = 100_000_000
HEAD_ROWS = 5_000


@dataclass(frozen=True)
class ObjectTable:
    """A file, or a table of a database, that a run wrote.

    Attributes
    ----------
    name : str
        Without ending.
    kind : str
        ``objects`` (a table of one object), ``image``, or ``together`` (objects that share a file,
        with two lines of header).
    columns : tuple of str
    path : Path
        The file, or the database.
    """

    name: str
    kind: str
    columns: tuple[str, ...]
    path: Path


Placed = tuple[str, ObjectTable]
"""A table, and what its run is called."""


@dataclass
class Run:
    """The tables of one run of a pipeline: those of one folder or database with one prefix."""

    prefix: str
    where: Path
    image: ObjectTable | None = None
    objects: list[ObjectTable] = field(default_factory=list)

    def named(self, table: ObjectTable) -> str:
        """The object that a table is of."""
        name = table.name.removeprefix(self.prefix) or table.name
        usual = {one.lower(): one for one in COMPARTMENTS}
        return usual.get(name.lower(), name)

    def tables(self) -> list[ObjectTable]:
        """All of them."""
        return [*self.objects, *([] if self.image is None else [self.image])]


def is_cellprofiler(path: Path) -> bool:
    """Whether a path is CellProfiler output: a database, a folder with object tables, or one."""
    if path.is_dir():
        return next(runs_below(path), None) is not None
    if path.suffix.lower() in DATABASES:
        return True
    table = table_of_file(path)
    if table is None or table.kind != IMAGE:
        return table is not None
    return any(run.image == table for run in runs_of_folder(path.parent))


def read_cellprofiler(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Cells of CellProfiler runs with their images' metadata.

    Parameters
    ----------
    path : Path
        An SQLite database; the ``.properties`` file of CellProfiler Analyst that names one; a
        folder that holds tables of objects (in itself or below); or one of those tables, for the
        run that it belongs to.

    Returns
    -------
    frame : DataFrame
        Image metadata, ``Metadata_TableNumber``, ``Metadata_ImageNumber``,
        ``Metadata_ObjectNumber``, then ``Cells_...``, ``Nuclei_...``, or whatever the objects are
        called. ``Metadata_Folder`` where tables of several folders do not name their plate.
    notes : list of str
        For the ledger.

    Raises
    ------
    InputError
        If there are no objects, a key occurs twice in one table, or several runs are of the same
        images.
    """
    runs = list(runs_at(path))
    if not runs:
        what = "belongs to" if path.is_file() else "holds"
        raise InputError(
            f"{path} {what} no CellProfiler tables of objects (Cells.csv, MyExpt_Nuclei.csv, ...), "
            "which have columns ImageNumber and ObjectNumber."
        )
    frame, notes = read_runs(runs, source=str(path))
    return frame, [*notes, *(_of_no_bytes(path) if path.is_dir() else [])]


def runs_below(path: Path) -> Iterator[Run]:
    """The runs of the folder and of those below it, prefix by prefix."""
    for folder, inner, _ in os.walk(path):
        inner.sort()
        yield from runs_of_folder(Path(folder))


def _of_no_bytes(path: Path) -> list[str]:
    """A note on tables without a byte, as a run that broke off leaves them."""
    ends = (*Parquet.endings, *Delimited.endings)
    files = [p for p in sorted(path.rglob("*")) if p.name.lower().endswith(ends) and p.is_file()]
    names = [p.relative_to(path).as_posix() for p in files if p.stat().st_size == 0]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    return [f"{len(names)} tables without a byte left out: {shown}"] if names else []


def runs_of_folder(folder: Path) -> list[Run]:
    """Runs whose object tables lie in a folder itself, by prefix."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file()]
    return _by_prefix([table for path in files if (table := table_of_file(path))], folder)


def table_of_file(path: Path) -> ObjectTable | None:
    """What a file is, by its header; None where it is no table of CellProfiler's."""
    if not path.name.lower().endswith((*Parquet.endings, *Delimited.endings)):
        return None
    try:
        about = path.stat()
    except OSError:
        return None
    return _table_of_file(path, about.st_mtime_ns, about.st_size) if about.st_size else None


@lru_cache(maxsize=200_000)
def _table_of_file(path: Path, _changed: int, _bytes: int) -> ObjectTable | None:
    """As it was when it was written last: trees of a folder a field are asked for several times."""
    if path.name.lower().endswith(Parquet.endings):
        columns, below = _schema(path), ""
    else:
        columns, below = _header(path)
    if "Image" in columns and below == "ImageNumber":
        return ObjectTable(stem(path), TOGETHER, columns, path)
    kind = kind_of(columns, stem(path))
    return None if kind is None else ObjectTable(stem(path), kind, columns, path)


@lru_cache(maxsize=1024)
def kind_of(columns: tuple[str, ...], name: str) -> str | None:
    """``objects``, ``image``, or None for a table that is neither.

    A table that names plates and wells and the objects of its measurements stands for itself, and
    is none of these.
    """
    if "ImageNumber" not in columns and "Metadata_ImageNumber" not in columns:
        return None
    if any(column.endswith(NUMBERS) for column in columns):
        head = pd.DataFrame(columns=list(columns))
        whole = says(head, PLATE) and says(head, WELL) and is_joined(columns, name)
        return None if whole else OBJECTS
    marked = IMAGE_NAME.search(name) or any(column.startswith(IMAGE_MARKS) for column in columns)
    return IMAGE if marked and "ImageNumber" in columns else None


def is_image_table(columns: Sequence[str], name: str) -> bool:
    """Whether it is a table of images as CellProfiler exports them, by its name and columns."""
    return bool(IMAGE_NAME.search(name)) and kind_of(tuple(columns), name) == IMAGE


def _schema(path: Path) -> tuple[str, ...]:
    import pyarrow.parquet as pq

    try:
        return tuple(map(str, pq.read_schema(local(path)).names))
    except (OSError, ValueError):  # whoever reads it says what is wrong
        return ()


def _header(path: Path) -> tuple[tuple[str, ...], str]:
    """The names in a text table's first line, and the first value below."""
    try:
        with opened(path) as stream:
            first = stream.readline(LONGEST).decode("utf-8-sig", "replace")
            below = stream.readline(LONGEST)
    except UNREADABLE:
        return (), ""
    if "Image" not in first:
        return (), ""
    return _split(first), _split(below.decode("utf-8", "replace"))[0]


@lru_cache(maxsize=64)
def _split(line: str) -> tuple[str, ...]:
    """The values of a line, parted by what occurs in it most; equal headers are kept once."""
    mark = max(",\t;", key=line.count)
    return tuple(next(csv.reader([line.rstrip("\r\n")], delimiter=mark), [])) or ("",)


def _by_prefix(tables: Sequence[ObjectTable], where: Path) -> list[Run]:
    """Tables put together by what their names begin with; runs without objects are none."""
    images = [table for table in tables if table.kind == IMAGE]
    known = {IMAGE_NAME.sub("", table.name): table for table in images}
    objects = [table for table in tables if table.kind != IMAGE]
    free = [table.name for table in objects if not _longest(table.name, known)]
    usual = _common_prefix(free)
    runs: dict[str, Run] = {}
    for table in objects:
        prefix = _longest(table.name, known) or ("" if "" in known else usual)
        image = known.get(prefix) or (images[0] if len(images) == 1 else None)
        runs.setdefault(prefix, Run(prefix, where, image)).objects.append(table)
    return list(runs.values())


def _longest(name: str, prefixes: Iterable[str]) -> str:
    return max((p for p in prefixes if name.startswith(p) and name != p), key=len, default="")


def _common_prefix(names: Sequence[str]) -> str:
    """What comes before the objects' names where no table of images shows it."""
    stored = {match[0] for name in names if (match := re.match(r".*?Per_", name))}
    if len(stored) == 1 and all(name.startswith(tuple(stored)) for name in names):
        return stored.pop()
    for name in names:
        for compartment in COMPARTMENTS:
            if name.endswith(compartment):
                return name.removesuffix(compartment)
    return PREFIX if names and all(name.startswith(PREFIX) for name in names) else ""


def read_runs(
    runs: Sequence[Run], *, source: str, rows: int | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Cells of runs, joined by one rule for all; see :func:`read_cellprofiler`.

    Of tables of a database the first `rows` only, where that is said.
    """
    _refuse_same_images(runs, source=source)
    labels = _labels(runs)
    objects: dict[str, list[Placed]] = {}
    whole: list[Placed] = []
    for run, label in zip(runs, labels, strict=True):
        held = {run.named(table): table for table in run.objects}
        joined = [name for name, table in held.items() if is_joined(table.columns, name)]
        alone = [name for name in held if name not in joined] or joined[:1]
        for name in alone:
            (whole if name in joined else objects.setdefault(name, [])).append((label, held[name]))
    of_images = [(label, run.image) for run, label in zip(runs, labels, strict=True) if run.image]
    image = _below_one_another(of_images, None).get("")
    found = {name: _below_one_another(placed, rows) for name, placed in objects.items()}
    kept = {own or name: frame for name, frames in found.items() for own, frame in frames.items()}
    parts = [ObjectTables(source, kept, None, image)] if kept else []
    parts += [ObjectTables(source, {}, f, image) for f in _below_one_another(whole, rows).values()]
    if not parts:
        raise InputError(f"{source} has no object in any of its tables.")
    cells = [join_objects(part) for part in parts]
    frame = pd.concat([frame for frame, _ in cells], ignore_index=True)
    notes = list(dict.fromkeys(note for _, notes in cells for note in notes))
    if empty := [label for label in labels if label not in set(frame[RUN])]:
        shown = ", ".join(empty[:3]) + (", ..." if len(empty) > 3 else "")
        notes.append(f"{len(empty)} of {len(runs)} runs have no object: {shown}")
    folders = dict(zip(labels, (run.where for run in runs), strict=True))
    return sited(_placed(frame, folders)).drop(columns=RUN), notes


def _below_one_another(placed: Sequence[Placed], rows: int | None) -> dict[str, pd.DataFrame]:
    """Rows of tables, by the object that they are of ('': of one), with the run of each."""
    parts: dict[str, list[pd.DataFrame]] = {}
    for batch in _batches(placed):
        as_one = _parsed_as_one(batch) if len(batch) > 1 else None
        if as_one is not None:
            parts.setdefault("", []).append(as_one)
            continue
        for label, table in batch:
            for own, frame in _read(table, rows).items():
                # copied: pandas warns of a column more where thousands lie apart in memory
                parts.setdefault(own, []).append(frame.copy().assign(**{RUN: label}))
    full = {own: [frame for frame in frames if len(frame)] for own, frames in parts.items()}
    return {own: pd.concat(f, ignore_index=True) for own, f in full.items() if f}


def _batches(placed: Sequence[Placed]) -> Iterator[list[Placed]]:
    """Text tables of one header together, up to some size; every other table for itself."""
    batch: list[Placed] = []
    size = 0
    for label, table in placed:
        plain = table.kind != TOGETHER and table.path.suffix.lower() in (".csv", ".txt", ".tsv")
        same = bool(batch) and plain and batch[0][1].columns == table.columns
        if batch and (not same or size > BATCH):
            yield batch
            batch, size = [], 0
        batch.append((label, table))
        size += table.path.stat().st_size if plain else BATCH
    if batch:
        yield batch


def _parsed_as_one(batch: Sequence[Placed]) -> pd.DataFrame | None:
    """Many small files parsed at once, as reading each takes longer than what it holds.

    None where they differ in more than their rows, or a row is not a line.
    """
    contents = [table.path.read_bytes().rstrip(b"\r\n") for _, table in batch]
    heads = {content.partition(b"\n")[0] for content in contents}
    head = heads.pop()
    mark = max(b",", b"\t", b";", key=head.count)
    if heads or mark == b";":
        return None
    bodies = [content.partition(b"\n")[2] for content in contents]
    lines = [body.count(b"\n") + 1 if body else 0 for body in bodies]
    text = b"\n".join([head, *filter(None, bodies)])
    try:
        frame = pd.read_csv(BytesIO(text), sep=mark.decode(), low_memory=False)
    except ValueError:  # whoever reads the files one by one names the one that is damaged
        return None
    labels = np.repeat(np.array([label for label, _ in batch], dtype=object), lines)
    return frame.assign(**{RUN: labels}) if len(frame) == len(labels) else None


def _labels(runs: Sequence[Run]) -> list[str]:
    """What tells runs apart: their folder below the one they share, and prefix; '' for one."""
    if len(runs) == 1:
        return [""]
    top = os.path.commonpath([run.where for run in runs])
    return [(run.where.relative_to(top) / run.prefix).as_posix() for run in runs]


def _placed(frame: pd.DataFrame, folders: Mapping[str, Path]) -> pd.DataFrame:
    """Plate, well and site from ``<plate>-<well>-<site>``, where the table of images has none.

    Folders of other names are handed on, where there are several and no column names plates.
    """
    matches = {label: SITE_FOLDER.match(folder.name) for label, folder in folders.items()}
    for part, role in (("plate", PLATE), ("well", WELL), ("site", SITE)):
        said = frame[RUN].map({k: m[part] for k, m in matches.items() if m})
        if said.notna().any() and not says(frame, role):
            frame = frame.assign(**{role: said})
    if len(set(folders.values())) > 1 and not says(frame, PLATE):
        top = os.path.commonpath(folders.values())
        below = {label: path.relative_to(top).as_posix() for label, path in folders.items()}
        frame = frame.assign(**{FOLDER: frame[RUN].map(below)})
    return frame


def _read(table: ObjectTable, rows: int | None = None) -> dict[str, pd.DataFrame]:
    """Rows by the object that they are of: '' where the table's name says so."""
    in_database = table.path.suffix.lower() in DATABASES
    return _of_database(table, limit=rows) if in_database else _of_file(table)


def _of_file(table: ObjectTable) -> dict[str, pd.DataFrame]:
    """A file's rows, by the object they are of: '' where its name says so."""
    if table.kind == TOGETHER:
        return _taken_apart(table.path)
    kind = table_format(table.path, alone=True)
    return {"": kind.read(table.path).frame}


def _taken_apart(path: Path) -> dict[str, pd.DataFrame]:
    """The objects that share a file: row ``n`` of an image holds number ``n`` of each."""
    mark = "\t" if "\t" in _first_line(path) else ","
    both = pd.read_csv(path, header=[0, 1], sep=mark, low_memory=False)
    image, number = both["Image"], both.xs("ObjectNumber", axis=1, level=1).iloc[:, 0]
    out = {}
    for name in dict.fromkeys(both.columns.get_level_values(0)):
        if name != "Image":
            own = both[name].drop(columns="ObjectNumber", errors="ignore")
            there = own.notna().any(axis=1)
            whole = pd.concat([image, number.rename("ObjectNumber"), own], axis=1)
            out[str(name)] = whole[there].reset_index(drop=True)
    return out


def _first_line(path: Path) -> str:
    with opened(path) as stream:
        return stream.readline().decode("utf-8-sig", "replace")


def _refuse_same_images(runs: Sequence[Run], *, source: str) -> None:
    """Raise where two runs of one folder or database are of the same images."""
    for first, second in same_images(runs):
        names = [run.prefix or run.objects[0].name for run in (first, second)]
        how = (
            "hand in the .properties file that names the tables of one, or drop the others"
            if first.where.is_file()
            else f"name a table of the one that counts, such as {first.objects[0].path.name}"
        )
        raise InputError(
            f"{source} holds two runs of the same images, {names[0]} and {names[1]}, whose cells "
            f"are the same cells: {how}."
        )


def same_images(runs: Sequence[Run]) -> list[tuple[Run, Run]]:
    """Pairs of runs of one folder, or of a database and anything else, whose images are the same.

    Of a tree of one run a folder nothing is read for this.
    """
    places = Counter(run.where for run in runs)
    stored = {where for where in places if where.suffix.lower() in DATABASES}
    several = [r for r in runs if len(runs) > 1 and (stored or places[r.where] > 1)]
    files = [(run, _files(_read(run.image)[""])) for run in several if run.image is not None]
    return [
        (one, other)
        for (one, a), (other, b) in combinations(files, 2)
        if (one.where == other.where or stored & {one.where, other.where}) and a & b
    ]


def _files(frame: pd.DataFrame) -> set[tuple]:
    """What tells the images of a table apart: file, folder, plate, well and site."""
    files = [str(c) for c in frame if re.match(r"(Image_)?(FileName|PathName)_", str(c))]
    if not any("FileName_" in name for name in files):
        return set()
    files += [name for name in (has(frame, role) for role in (PLATE, WELL, SITE)) if name]
    return set(zip(*(key_text(frame[name]) for name in sorted(files)), strict=True))


def runs_of_database(path: Path) -> list[Run]:
    """The runs whose tables a database holds.

    Raises
    ------
    InputError
        If it is no SQLite database, or holds no object tables.
    """
    with _opened(path) as database:
        listed = database.execute(
            "select name from sqlite_master where type in ('table', 'view') order by type, name"
        )
        names = [str(row[0]) for row in listed]
        tables = [table for name in names if (table := _table_of(database, name, path))]
    runs = _by_prefix(tables, path)
    if not runs:
        held = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
        raise InputError(
            f"{path} has no object tables of CellProfiler, such as Per_Object, MyExpt_Per_Cells or "
            f"Nuclei; it has {held or 'no tables'}."
        )
    return runs


def _table_of(database: sqlite3.Connection, name: str, path: Path) -> ObjectTable | None:
    about = database.execute(f"pragma table_info({_quoted(name)})")
    columns = tuple(str(row[1]) for row in about)
    kind = kind_of(columns, name)
    return None if kind is None else ObjectTable(name, kind, columns, path)


def _of_database(table: ObjectTable, *, limit: int | None = None) -> dict[str, pd.DataFrame]:
    """A table's rows; thumbnails, which an Image table may hold, are left there."""
    kept = [c for c in table.columns if not c.startswith(("Image_Thumbnail_", "Thumbnail_"))]
    what = ", ".join(map(_quoted, kept))
    end = "" if limit is None else f" limit {limit}"
    with _opened(table.path) as database:
        frame = pd.read_sql_query(f"select {what} from {_quoted(table.name)}{end}", database)
    return {"": frame}


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A database opened for reading; its errors are told as ours."""
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        with closing(
            sqlite3.connect(f"{real_path(local(path)).as_uri()}?mode=ro", uri=True)
        ) as database:
            yield database
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        raise InputError(f"{path} cannot be read as an SQLite database: {error}.") from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def images_of(path: Path, rows: int) -> tuple[pd.DataFrame, bool]:
    """What is said of the first images of the first run that is read where this path is named.

    Returns
    -------
    head : DataFrame
        Columns as in :func:`read_cellprofiler`: those of the table of images, else of the first
        object table.
    described : bool
        Whether there is a table of images.
    """
    run = next(iter(runs_at(path)), None)
    if run is None:
        return pd.DataFrame(), False
    table = run.image or run.objects[0]
    if path.suffix.lower() in DATABASES:
        head = _of_database(table, limit=rows)[""]
    else:
        head = table_format(table.path, alone=True).head(table.path, rows)
    columns = {c: c.removeprefix("Image_") for c in map(str, head.columns)}
    return head.rename(columns=columns), run.image is not None


def runs_at(path: Path) -> Iterable[Run]:
    """The runs of a database, those below a folder, or the one that a table belongs to."""
    if path.suffix.lower() in DATABASES:
        return runs_of_database(path)
    if path.is_dir():
        return runs_below(path)
    return [r for r in runs_of_folder(path.parent) if path in {t.path for t in r.tables()}]


def _database_of(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The run that CellProfiler Analyst's ``.properties`` file names.

    Raises
    ------
    InputError
        If its database is a server, or is not there.
    """
    said = dict(_settings(path))
    file = said.get("db_sqlite_file", "")
    if said.get("db_type", "").lower() != "sqlite" or not file:
        what = said.get("db_type") or "no"
        raise InputError(
            f"{path} names a {what} database{_on_host(said)}, which is not read: write its tables "
            f"({said.get('image_table', 'Per_Image')}, {said.get('object_table', 'Per_Object')}) "
            "into files with a header, called Image.csv and Object.csv, or run ExportToDatabase "
            "with SQLite, or ExportToSpreadsheet."
        )
    name = file.replace("\\", "/").rpartition("/")[2]
    found = [one for one in (Path(file), path.parent / file, path.parent / name) if one.is_file()]
    if not found:
        raise InputError(f"{path} names the database {file}, which is neither there nor beside it.")
    wanted = {said.get("image_table"), said.get("object_table")}
    runs = [
        run
        for run in runs_of_database(found[0])
        if not wanted.isdisjoint({table.name for table in run.tables()})
    ]
    if not runs:
        tables = " and ".join(sorted(filter(None, wanted)))
        raise InputError(f"{path} names the tables {tables}, which {found[0]} does not hold.")
    return read_runs(runs, source=str(found[0]))


def _settings(path: Path) -> Iterator[tuple[str, str]]:
    """``key = value`` lines; # begins a comment."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        key, mark, value = line.partition("=")
        if mark and not key.lstrip().startswith("#"):
            yield key.strip(), value.strip()


def _on_host(said: dict[str, str]) -> str:
    return f" ({said['db_name']} on {said['db_host']})" if said.get("db_host") else ""


@register
class CellProfilerTables(TableFormat):
    """A folder with object tables, or one of those tables: all of a run are read together."""

    name = "cellprofiler"
    describes: ClassVar[str] = (
        "CellProfiler's spreadsheets: Image, Nuclei, Cells and Cytoplasm tables of a folder, with "
        "any prefix and any objects"
    )
    alone = False

    def recognises(self, path: Path) -> float | None:
        """By the columns of its tables."""
        return 0.9 if path.suffix.lower() not in DATABASES and is_cellprofiler(path) else None

    def read(self, path: Path, **_: Any) -> TableRead:
        """One row a cell; see :func:`read_cellprofiler`."""
        return TableRead(*read_cellprofiler(path))

    def read_with(self, path: Path) -> set[Path]:
        """All tables of its run, or of the folder."""
        return {table.path for run in runs_at(path) for table in run.tables()}


@register
class CellProfilerDatabase(TableFormat):
    """An SQLite database that ExportToDatabase or cytominer-database wrote."""

    name = "cellprofiler_database"
    describes: ClassVar[str] = "an SQLite database of CellProfiler's: Per_Image and Per_Object"
    endings = DATABASES

    def read(self, path: Path, **_: Any) -> TableRead:
        """One row a cell; see :func:`read_cellprofiler`."""
        return TableRead(*read_cellprofiler(path))

    def head(self, path: Path, rows: int) -> pd.DataFrame:
        """Some cells of the first images."""
        runs = runs_of_database(path)
        return read_runs(runs, source=str(path), rows=max(rows, HEAD_ROWS))[0].head(rows)


@register
class CellProfilerAnalyst(TableFormat):
    """What points at a database elsewhere: a ``.properties`` file, or a dump for a server."""

    name = "cellprofiler_analyst"
    describes: ClassVar[str] = "CellProfiler Analyst's .properties file, which names a database"
    endings = (*POINTERS, *DUMPS)
    alone = False

    def recognises(self, path: Path) -> float | None:
        """By its ending, where it speaks of CellProfiler's tables."""
        if path.suffix.lower() not in self.endings or not path.is_file():
            return None
        with path.open(encoding="utf-8", errors="replace") as stream:
            text = "".join(islice(stream, 2000))
        return 1.0 if re.search(r"image_table|Per_(?:Image|Object)|ImageNumber", text) else None

    def read(self, path: Path, **_: Any) -> TableRead:
        """The cells of the SQLite database that it names; a dump is refused with a way out."""
        if path.suffix.lower() in DUMPS:
            raise InputError(
                f"{path} is a dump of a database server, which is not read: write its tables into "
                "files with a header, called Image.csv and Object.csv, or run ExportToDatabase "
                "with SQLite, or ExportToSpreadsheet."
            )
        return TableRead(*_database_of(path))
