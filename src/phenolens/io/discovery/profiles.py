"""The ``[[data.profiles]]`` sections for a folder that was surveyed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from phenolens.io.columns import place
from phenolens.io.discovery.listing import places
from phenolens.io.discovery.patterns import pattern
from phenolens.io.discovery.screen_of_table import level_of
from phenolens.io.discovery.survey import HEAD, FoundTables, variant
from phenolens.io.discovery.tree import Tree, Unused
from phenolens.io.features import CELLPROFILER, HARMONY, find_families
from phenolens.io.formats.cellprofiler import (
    DATABASES,
    FOLDER,
    POINTERS,
    SITE_FOLDER,
    images_of,
    is_cellprofiler,
    runs_at,
    runs_below,
    runs_of_database,
    same_images,
)
from phenolens.io.formats.deepprofiler import FALLBACK
from phenolens.io.images.table import load_data_channels
from phenolens.io.names import measured_object
from phenolens.io.paths import expand
from phenolens.profiles import PLATE, WELL

LAST_FOLDER = r"([^/\\]+)[/\\]*$"
PREFERRED = ("", "_augmented", "_normalized", "_normalized_negcon")


def profile_sections(found: Sequence[FoundTables], tree: Tree) -> tuple[list[dict], list[Unused]]:
    """One block a kind of profile; of several stages of one plate, the rawest."""
    source = tree.source
    items = [item for item in found if item.kind == "profiles"]
    stages = [(stage, item) for item in items if (stage := _stage(item)) is not None]
    staged = [item for _, item in stages]
    chosen = min(stages, key=lambda pair: pair[0])[1] if stages else None
    kept = [item for item in items if item is chosen or all(item is not one for one in staged)]
    cells, twice = _cellprofiler(found, tree)
    blocks = _named([*cells, *(_block(item, source) for item in kept)])
    kept_stage = {"kept": "" if chosen is None else tree.relative(chosen.paths[0])}
    dropped = [item for item in items if all(item is not one for one in kept)]
    left = [path for item in dropped for path in item.paths]
    stages_left = [Unused(tree.relative(path), "unused-stage", kept_stage) for path in left]
    return blocks, [*stages_left, *twice]


def _cellprofiler(found: Sequence[FoundTables], tree: Tree) -> tuple[list[dict], list[Unused]]:
    """CellProfiler's own tables: a block for the folder that holds them all, or for databases.

    Where runs of several pipelines are of the same images, each is a block.
    """
    source = tree.source
    if tree.only is not None:
        named = is_cellprofiler(tree.only) or tree.only.suffix.lower() in POINTERS
        return [_cells(tree.only.name)] if named else [], []
    paths = [path for item in found if item.kind == CELLPROFILER for path in item.paths]
    databases = [path for path in paths if path.suffix.lower() in DATABASES]
    files = [path for path in paths if path not in databases]
    if not files:
        return [_cells(pattern(databases, source))] if databases else [], []
    folder = Path(os.path.commonpath([path.parent for path in files]))
    runs, unused = list(runs_below(folder)), []
    if databases:
        stored = [run for path in databases for run in runs_of_database(path)]
        pairs = same_images([*runs, *stored])
        twice = {two.where for one, two in pairs if one not in stored}
        unused = [Unused(tree.relative(path), "unused-same-images") for path in sorted(twice)]
        databases = [path for path in databases if path not in twice]
    prefixes = list(dict.fromkeys(run.prefix for run in runs))
    if len(prefixes) > 1 and same_images(runs):
        firsts = {p: [r.objects[0].path for r in runs if r.prefix == p] for p in prefixes}
        blocks = [_cells(pattern(own, source)) | _called(p) for p, own in firsts.items()]
    else:
        blocks = [_cells(folder.relative_to(source).as_posix())]
    return blocks + ([_cells(pattern(databases, source))] if databases else []), unused


def _called(prefix: str) -> dict[str, str]:
    name = prefix.strip("_-. ").lower()
    return {"name": name} if name.isidentifier() else {}


def cellprofiler_places(blocks: Sequence[dict], source: Path) -> tuple[dict[str, str], list[tuple]]:
    """``[data.columns]`` of CellProfiler's cells, where their images do not name plate and well.

    Parameters
    ----------
    blocks : sequence of dict
        ``[[data.profiles]]``.
    source : Path
        Paths start there.

    Returns
    -------
    columns : dict
        Specifications by role, guessed from the names of files and folders.
    questions : list of tuple
        What a person must look at or fill in.
    """
    paths = [path for block in blocks for path in expand(block["files"], source)]
    path = next((p for p in paths if p.is_dir() or is_cellprofiler(p)), None)
    run = None if path is None else next(iter(runs_at(path)), None)
    if path is None or run is None or SITE_FOLDER.match(run.where.name):
        return {}, []
    head, described = images_of(path, HEAD)
    known = {role: place(head, None, role, source="") is not None for role in (PLATE, WELL)}
    if all(known.values()):
        return {}, []
    files = [*load_data_channels(head).values(), *(c for c in head if c.startswith("FileName_"))]
    if not files and known[WELL] and len({run.where for run in runs_at(path)}) > 1:
        return {"plate": FOLDER}, [("columns.plate", "taken from the names of folders; check it")]
    if not files:
        without = (
            "the table of images does not say"
            if described
            else "no table of images lies beside the object tables to say"
        )
        return {}, [("columns.well", f"{without} which plate and well an ImageNumber is of")]
    columns, questions = places(FoundTables((path,), head, CELLPROFILER), files[0], source)
    if not known[PLATE]:
        guess = _plate_of_folders(head, path)
        if guess is not None:
            columns["plate"] = guess
            questions = [q for q in questions if q[0] != "columns.plate"]
            questions.append(("columns.plate", "guessed from the names of folders; check it"))
    if known[WELL]:
        columns.pop("well", None)
        questions = [q for q in questions if q[0] != "columns.well"]
    return columns, questions


def plates_of_folders(blocks: Sequence[dict], source: Path) -> set[str]:
    """Names of the plates where each is a folder with a run of CellProfiler."""
    found = (path for block in blocks for path in expand(block["files"], source) if path.is_dir())
    folders = {run.where for path in found for run in runs_at(path)}
    if len(folders) < 2:
        return set()
    top = os.path.commonpath(folders)
    return {folder.relative_to(top).as_posix() for folder in folders}


def _plate_of_folders(head: pd.DataFrame, path: Path) -> str | None:
    """Plates by the last folder of the images' paths, or by the tables' own folders."""
    for name in head:
        if name.startswith("PathName_") and head[name].nunique() > 1:
            return f"{name} ~ {LAST_FOLDER}"
    return FOLDER if len({run.where for run in runs_at(path)}) > 1 else None


def _cells(files: str | list[str]) -> dict:
    return {"name": "cellprofiler", "files": files, "level": "cell", "normalized": False}


def _stage(item: FoundTables) -> tuple[int, str] | None:
    """How far a plate's profiles were processed, for files named after their plate."""
    if item.way:
        return None
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
        **item.way,
        **({"trained_on": "unknown"} if _look_learned(item) else {}),
    }


def _look_learned(item: FoundTables) -> bool:
    """Whether features are named as networks' are: ``efficientnet_0``, ``emb_3``, ``f0``."""
    if item.paths[0].suffix == ".npz" or "obsm" in item.way:
        return True
    families = find_families(item.head)
    return bool(families) and all(one.key not in (CELLPROFILER, HARMONY) for one in families)


def _name(item: FoundTables) -> str:
    """What the features are of, where that is one thing with a name; else the file's first word."""
    if item.way:
        return next(iter(item.way.values())).removeprefix("X_")
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
