"""What lies in a folder: every kind of table once, with its first rows, and image files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import ALIASES, has, is_blank, key_text, place
from phenolens.io.deepprofiler import read_npz
from phenolens.io.features import BARE, CELLPROFILER, HARMONY, find_families
from phenolens.io.harmony import is_harmony, read_harmony
from phenolens.io.imagetable import is_image_name, load_data, load_data_channels
from phenolens.io.paths import ImageFinder, read_table, stem
from phenolens.io.phenix import parse_name
from phenolens.profiles import PLATE, WELL, index_as_columns, text_dialect

TABLES = (
    ".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet", ".pq", ".h5ad", ".npz",
)  # fmt: skip
SKIPPED = frozenset({"truth", "node_modules", "__pycache__"})
CHECKED = frozenset({"audit.json", "ledger.json"})  # what `check` leaves in a study's folder
OBJECT_TABLES = frozenset({"cells", "nuclei", "cytoplasm", "image", "experiment", "object"})
HEAD = 400
FEWEST_MEASUREMENTS = 10


@dataclass(frozen=True)
class FoundTables:
    """Tables of one kind: files that belong together, and the first rows of the first.

    ``kind`` is ``load_data``, ``samplesheet``, ``images``, ``profiles``, ``barcodes``,
    ``cellprofiler`` or ``metadata``.
    """

    paths: tuple[Path, ...]
    head: pd.DataFrame
    kind: str


def survey(source: Path) -> tuple[list[FoundTables], list[Path]]:
    """Kinds of tables below a folder, and up to a thousand of its image files.

    Folders called ``truth``, hidden ones and what studies wrote are left alone.
    """
    files = list(_walk(source))
    tables = [path for path in files if path.name.lower().endswith(TABLES)]
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
    return FoundTables(tuple(paths), _with_wells(head) if kind == "profiles" else head, kind)


def _with_wells(head: pd.DataFrame) -> pd.DataFrame:
    """The table with well names where it numbers rows and columns instead."""
    wells = None if column_for(head, WELL) else place(head, None, WELL, source="")
    return head if wells is None else head.assign(**{WELL: wells})


def read_head(path: Path) -> pd.DataFrame:
    """The first rows of a table."""
    name = path.name.lower()
    if name.endswith(".h5ad"):
        from phenolens.io.anndata import read_h5ad
        from phenolens.profiles import to_frame

        return to_frame(read_h5ad(path)).head(HEAD)
    if name.endswith((".parquet", ".pq")):
        return _parquet_head(path)
    if name.endswith(".npz"):
        return read_npz(path)[0].head(HEAD)
    return _text_head(path)


def _parquet_head(path: Path) -> pd.DataFrame:
    import pyarrow.parquet as pq

    try:
        batches = pq.ParquetFile(path).iter_batches(batch_size=HEAD)
        first = next(batches, None)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from None
    return pd.DataFrame() if first is None else index_as_columns(first.to_pandas())


def plates_of(path: Path) -> set[str]:
    """Names of the plates in all rows of a table; empty where it names none."""
    name = path.name.lower()
    head = read_head(path)
    column = column_for(head, PLATE)
    if column is None:
        return set()
    if len(head) < HEAD or name.endswith((".h5ad", ".npz")):
        return set(key_text(head[column])) - {""}
    if name.endswith((".parquet", ".pq")):
        held = index_as_columns(pd.read_parquet(path, columns=[column]))
        return set(key_text(held[column])) - {""}
    return set(key_text(read_table(path)[column])) - {""}


def _text_head(path: Path) -> pd.DataFrame:
    if path.stat().st_size < 20_000_000:
        return read_table(path)
    if is_harmony(path):
        return read_harmony(path, rows=HEAD)
    return pd.read_csv(path, nrows=HEAD, **text_dialect(path))


def classify(head: pd.DataFrame, path: Path, source: Path) -> str:
    """The kind of a table, from its columns and, for images, whether the files are there."""
    if stem(path) == "Image" and _has_images(head, path, source):
        return "load_data"
    if stem(path).lower() in OBJECT_TABLES and has(head, "ImageNumber"):
        return "cellprofiler"
    if has(head, "ImageNumber") and has(head, "ObjectNumber") and path.suffix == ".csv":
        return "cellprofiler"
    if holds_profiles(head):
        return "profiles"
    if has(head, "channel") and has(head, "path") and has(head, "well"):
        return "samplesheet"
    if _has_images(head, path, source):
        return "load_data"
    if image_columns(head, path, source):
        return "images"
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


def _has_images(head: pd.DataFrame, path: Path, source: Path) -> bool:
    return bool(load_data_channels(head)) and _some_there(load_data_paths(head), path, source)


def load_data_paths(head: pd.DataFrame) -> list[str]:
    """The first image paths that LoadData columns name."""
    located = load_data(head.head(3), channels=[], source="")
    return [text for texts in located.paths.values() for text in texts]


def _some_there(texts: Iterable[str], path: Path, source: Path) -> bool:
    return image_root(texts, path, source) is not None


def image_root(texts: Iterable[str], path: Path, source: Path) -> Path | None:
    """The folder from which a table's image paths are found: its own, or one above it."""
    texts = list(texts)
    above = [folder for folder in path.parents if folder.is_relative_to(source)]
    for folder in above:
        finder = ImageFinder([folder])
        if any(finder.find(text)[1] for text in texts):
            return folder
    return None


def image_columns(head: pd.DataFrame, path: Path, source: Path) -> list[str]:
    """Columns that name image files which are there."""
    return [
        str(name)
        for name in head.columns
        if head[name].dtype == object
        and head[name].map(is_image_name).mean() > 0.9
        and _some_there(head[name].head(20), path, source)
    ]


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


def phenix_images(images: Sequence[Path]) -> bool:
    """Whether most image files have Opera Phenix names."""
    return bool(images) and np.mean([parse_name(path.name) is not None for path in images]) > 0.9


def column_for(frame: pd.DataFrame, role: str) -> str | None:
    """The frame's column for plate, well, site or object number, under a usual name."""
    return next((c for c in (has(frame, name) for name in (role, *ALIASES[role])) if c), None)


def well_like(values: pd.Series) -> bool:
    """Whether most values are well names."""
    text = [str(v) for v in values.head(50) if not is_blank(v)]
    return (
        bool(text) and np.mean([bool(re.match(r"^[A-Za-z]{1,2}\d{1,2}$", t)) for t in text]) > 0.9
    )
