"""The ``[[data.profiles]]`` sections for a folder that was surveyed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from phenolens.io.columns import has, place
from phenolens.io.features import CELLPROFILER, HARMONY, find_families
from phenolens.io.formats.cellprofiler import (
    DATABASES,
    FOLDER,
    IMAGE,
    SITE_FOLDER,
    runs_below,
    runs_of_database,
    same_images,
    table_of_file,
)
from phenolens.io.formats.deepprofiler import FALLBACK
from phenolens.io.imagetable import load_data_channels
from phenolens.io.listing import places
from phenolens.io.names import measured_object
from phenolens.io.patterns import pattern
from phenolens.io.screen_of_table import level_of
from phenolens.io.survey import FoundTables, variant
from phenolens.profiles import PLATE, WELL

LAST_FOLDER = r"([^/\\]+)[/\\]*$"
PREFERRED = ("", "_augmented", "_normalized", "_normalized_negcon")


def profile_sections(found: Sequence[FoundTables], source: Path) -> tuple[list[dict], list[str]]:
    """One block a kind of profile; of several stages of one plate, the rawest."""
    items = [item for item in found if item.kind == "profiles"]
    stages = [(stage, item) for item in items if (stage := _stage(item)) is not None]
    staged = [item for _, item in stages]
    chosen = min(stages, key=lambda pair: pair[0])[1] if stages else None
    kept = [item for item in items if item is chosen or item not in staged]
    cells, notes = _cellprofiler(found, source)
    blocks = _named([*cells, *(_block(item, source) for item in kept)])
    notes += [f"left out: {pattern(item.paths, source)}" for item in items if item not in kept]
    return blocks, notes


def _cellprofiler(found: Sequence[FoundTables], source: Path) -> tuple[list[dict], list[str]]:
    """CellProfiler's own tables: a block for the folder that holds them all, or for databases.

    Where runs of several pipelines are of the same images, each is a block.
    """
    paths = [path for item in found if item.kind == CELLPROFILER for path in item.paths]
    databases = [path for path in paths if path.suffix.lower() in DATABASES]
    files = [path for path in paths if path not in databases]
    if not files:
        return [_cells(pattern(databases, source))] if databases else [], []
    folder = Path(os.path.commonpath([path.parent for path in files]))
    runs, notes = list(runs_below(folder)), []
    if databases:
        stored = [run for path in databases for run in runs_of_database(path)]
        twice = {two.where for one, two in same_images([*runs, *stored]) if one not in stored}
        notes = [f"left out: {pattern([p], source)}: its images are in the tables beside it"
                 for p in databases if p in twice]  # fmt: skip
        databases = [path for path in databases if path not in twice]
    prefixes = list(dict.fromkeys(run.prefix for run in runs))
    if len(prefixes) > 1 and same_images(runs):
        firsts = {p: [r.objects[0].path for r in runs if r.prefix == p] for p in prefixes}
        blocks = [_cells(pattern(own, source)) | _called(p) for p, own in firsts.items()]
    else:
        blocks = [_cells(folder.relative_to(source).as_posix())]
    return blocks + ([_cells(pattern(databases, source))] if databases else []), notes


def _called(prefix: str) -> dict[str, str]:
    name = prefix.strip("_-. ").lower()
    return {"name": name} if name.isidentifier() else {}


def cellprofiler_places(
    found: Sequence[FoundTables], source: Path
) -> tuple[dict[str, str], list[tuple]]:
    """``[data.columns]`` of CellProfiler's cells, where their images do not name plate and well.

    Returns
    -------
    columns : dict
        Specifications by role, guessed from the names of files and folders.
    questions : list of tuple
        What a person must look at or fill in.
    """
    items = [item for item in found if item.kind == CELLPROFILER]
    of_images = [item for item in items if has(item.head, "ImageNumber") and _of_images(item)]
    best = next(iter(of_images or items), None)
    if best is None or SITE_FOLDER.match(best.paths[0].parent.name):
        return {}, []
    head = best.head.rename(columns=lambda name: str(name).removeprefix("Image_"))
    known = {role: place(head, None, role, source="") is not None for role in (PLATE, WELL)}
    if all(known.values()):
        return {}, []
    files = [*load_data_channels(head).values(), *(c for c in head if c.startswith("FileName_"))]
    if not files:
        text = (
            "no table of images lies beside the object tables to say which plate and well an "
            "ImageNumber is of"
            if not of_images
            else "the table of images names neither plate and well nor files"
        )
        return {}, [("columns.well", text)]
    columns, questions = places(replace(best, head=head), files[0], source)
    if not known[PLATE]:
        guess = _plate_of_folders(head, items)
        if guess is not None:
            columns["plate"] = guess
            questions = [q for q in questions if q[0] != "columns.plate"]
            questions.append(("columns.plate", "guessed from the names of folders; check it"))
    if known[WELL]:
        columns.pop("well", None)
        questions = [q for q in questions if q[0] != "columns.well"]
    return columns, questions


def _of_images(item: FoundTables) -> bool:
    first = item.paths[0]
    if first.suffix.lower() in DATABASES:
        return True
    table = table_of_file(first)
    return table is not None and table.kind == IMAGE


def _plate_of_folders(head: pd.DataFrame, items: Sequence[FoundTables]) -> str | None:
    """Plates by the last folder of the images' paths, or by the tables' own folders."""
    for name in head:
        if name.startswith("PathName_") and head[name].nunique() > 1:
            return f"{name} ~ {LAST_FOLDER}"
    folders = {path.parent for item in items for path in item.paths}
    return FOLDER if len(folders) > 1 else None


def _cells(files: str | list[str]) -> dict:
    return {"name": "cellprofiler", "files": files, "level": "cell", "normalized": False}


def _stage(item: FoundTables) -> tuple[int, str] | None:
    """How far a plate's profiles were processed, for files named after their plate."""
    name = variant(item.paths[0], item.head)
    if name and not name.startswith("_"):
        return None
    rank = PREFERRED.index(name) if name in PREFERRED else len(PREFERRED)
    return rank, name


def _block(item: FoundTables, source: Path) -> dict:
    return {
        "name": _name(item),
        "files": pattern(item.paths, source),
        "level": level_of(item.head),
        "normalized": "auto",
    }


def _name(item: FoundTables) -> str:
    """What the features are of, where that is one thing with a name; else the file's first word."""
    if item.paths[0].suffix == ".npz":
        return FALLBACK
    families = find_families(item.head)
    first = families[0] if len(families) == 1 else None
    if first and first.key == CELLPROFILER and any(map(measured_object, first.columns)):
        return CELLPROFILER
    return HARMONY if first and first.key == HARMONY else _short_name(item.paths[0])


def _short_name(path: Path) -> str:
    word = path.name.split("_")[0].split(".")[0].split("-")[0].lower()
    return word if word.isidentifier() else "learned"


def _named(blocks: list[dict]) -> list[dict]:
    """Names made unique by a number."""
    seen: dict[str, int] = {}
    for block in blocks:
        seen[block["name"]] = seen.get(block["name"], 0) + 1
        if seen[block["name"]] > 1:
            block["name"] += f"-{seen[block['name']]}"
    return blocks
