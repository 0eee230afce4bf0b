"""What a table that lists images says: where the files lie, and which plate, well and site."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from phenolens.errors import UnreachableError
from phenolens.io.columns import normal_name, wells_of_rows
from phenolens.io.discovery.survey import FoundTables, column_for, well_like
from phenolens.io.discovery.tree import walk
from phenolens.io.images.table import is_image_name
from phenolens.io.paths import ImageFinder
from phenolens.places import is_url
from phenolens.profiles import PLATE, SITE, WELL
from phenolens.remote import why_not

NUCLEAR = ("dna", "dapi", "hoechst", "nuclei", "nucleus", "h33342", "draq5")
WORDS = re.compile(r"(file_?names?|file|path|image|img|orig|url|channel|stain)", re.IGNORECASE)
IN_NAMES = {
    WELL: (r"(?:^|[_-])([A-P]\d{2})(?=[_f.-])", r"(?:^|[_-])([A-P]\d{1,2})(?=[_f.-])"),
    SITE: (r"[_-]s(\d{1,3})(?=[_.w-])", r"[A-P]\d{2}f(\d{2,3})"),
}
OUTSIDE = 5
"""Folders above the source in which images are looked for: a gallery's tables lie so deep."""
Questions = list[tuple]


def some_there(texts: Iterable[str], path: Path, source: Path) -> bool:
    """Whether an image of these is there."""
    return image_root(texts, path, source) is not None


def image_root(texts: Iterable[str], path: Path, source: Path) -> Path | None:
    """The folder from which a table's image paths are found: its own, or one above it.

    Outside of the source, where a part of a gallery's tree was handed in, a recorded folder must
    be there too: a file's name alone may be anybody's. Names without a folder are looked for in the
    whole source, and must all lie in one. URLs that can be read need no folder.
    """
    texts = list(texts)
    folders = [*path.parents]
    inside = [folder for folder in folders if folder.is_relative_to(source)]
    outside = [folder for folder in source.parents if folder in folders][:OUTSIDE]
    for folder in dict.fromkeys([*inside, source]):
        if _some_below(texts, folder):
            return folder
    above = next((one for one in outside if _some_outside(texts, one)), None)
    if above is None and (urls := [text for text in texts if is_url(text)]):
        return None if why_not(urls[0]) else path.parent
    return above or _one_folder_of(texts, source)


def _some_outside(texts: Sequence[str], folder: Path) -> bool:
    try:
        return _some_below(texts, folder, named=True)
    except UnreachableError:  # who may read a source may not always list what is above it
        return False


def _one_folder_of(texts: Sequence[str], source: Path) -> Path | None:
    """The one folder in which files lie that a table names without saying where."""
    if not texts or any(mark in text for text in texts for mark in "/\\"):
        return None
    wanted = set(texts)
    folders = {path.parent for path in walk(source) if path.name in wanted}
    return folders.pop() if len(folders) == 1 else None


def _some_below(texts: Sequence[str], folder: Path, *, named: bool = False) -> bool:
    finder = ImageFinder([folder])
    looked = (finder.find(text, look_elsewhere=False) for text in texts)
    found = (Path(path) for path, there in looked if there)
    return any(not named or path.parent != folder for path in found)


def image_columns(head: pd.DataFrame, path: Path, source: Path) -> list[str]:
    """Columns that name image files which are there."""
    return [
        str(name)
        for name in head.columns
        if head[name].dtype == object
        and head[name].map(is_image_name).mean() > 0.9
        and some_there(head[name].head(20), path, source)
    ]


def root_of(texts: Sequence[str], item: FoundTables, source: Path) -> dict[str, str]:
    """``root``, where the images' paths do not start from the table's own folder."""
    folder = image_root(texts, item.paths[0], source)
    if folder is None or folder == item.paths[0].parent:
        return {}
    return {"root": Path(os.path.relpath(folder, source)).as_posix()}


def stain_of(column: str) -> str:
    """Stain of an image column: ``dna_path`` and ``FileName_DNA`` are about DNA."""
    name = WORDS.sub("", normal_name(column).removeprefix("Metadata_")).strip("_- ")
    return name or column


def nuclei(channels: Sequence[str]) -> dict[str, str]:
    """``nuclei``, where a stain is known to show them."""
    found = [c for c in channels if any(word in c.lower() for word in NUCLEAR)]
    return {"nuclei": found[0]} if found else {}


def places(item: FoundTables, file_column: str, source: Path) -> tuple[dict[str, str], Questions]:
    """Specifications of plate, well and site, from columns or, failing that, file names."""
    columns: dict[str, str] = {}
    questions: Questions = []
    for role in (PLATE, WELL, SITE):
        name = column_for(item.head, role)
        key = role[9:].lower()
        if name is not None and (role != WELL or well_like(item.head[name])):
            columns |= {} if name in {PLATE, WELL, SITE} else {key: name}
            continue
        if role == WELL and name is None and wells_of_rows(item.head) is not None:
            continue
        guess = _from_names(item.head[file_column], role)
        if guess:
            columns[key] = f"{file_column} ~ {guess}"
            questions.append((f"columns.{key}", "guessed from the file names; check it"))
        elif role == PLATE:
            columns["plate"] = f"= {source.name}"
            questions.append(("columns.plate", "no column names the plate; one plate is assumed"))
        elif role == WELL:
            questions.append(("columns.well", "no column names the well", _names(item.head)))
    return columns, questions


def _names(head: pd.DataFrame) -> tuple[str, ...]:
    return tuple(map(str, head.columns))


def _from_names(values: pd.Series, role: str) -> str | None:
    """A pattern that finds the role in every file name."""
    names = [str(v).replace("\\", "/").rpartition("/")[2] for v in values.dropna().head(200)]
    for guess in IN_NAMES.get(role, ()):
        if names and all(re.search(guess, name) for name in names):
            return guess
    return None
