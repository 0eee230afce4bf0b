"""The ``[[data.profiles]]`` sections for a folder that was surveyed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from phenolens.io.features import CELLPROFILER, HARMONY, find_families
from phenolens.io.formats.cellprofiler import COMPARTMENTS
from phenolens.io.formats.deepprofiler import FALLBACK
from phenolens.io.names import measured_object
from phenolens.io.paths import stem
from phenolens.io.patterns import pattern
from phenolens.io.screen_of_table import level_of
from phenolens.io.survey import FoundTables, variant
from phenolens.io.tree import Tree, Unused

PREFERRED = ("", "_augmented", "_normalized", "_normalized_negcon")


def profile_sections(found: Sequence[FoundTables], tree: Tree) -> tuple[list[dict], list[Unused]]:
    """One block a kind of profile; of several stages of one plate, the rawest."""
    source = tree.source
    items = [item for item in found if item.kind == "profiles"]
    stages = [(stage, item) for item in items if (stage := _stage(item)) is not None]
    staged = [item for _, item in stages]
    chosen = min(stages, key=lambda pair: pair[0])[1] if stages else None
    kept = [item for item in items if item is chosen or item not in staged]
    blocks = _named([*_cellprofiler(found, source), *(_block(item, source) for item in kept)])
    kept_stage = {"kept": "" if chosen is None else tree.relative(chosen.paths[0])}
    left = [path for item in items if item not in kept for path in item.paths]
    return blocks, [Unused(tree.relative(path), "unused-stage", kept_stage) for path in left]


def _cellprofiler(found: Sequence[FoundTables], source: Path) -> list[dict]:
    """One block for CellProfiler's own tables, by the folder that holds them all."""
    paths = [path for item in found if item.kind == "cellprofiler" for path in item.paths]
    if not any(stem(path) in COMPARTMENTS for path in paths):
        return []
    folder = Path(os.path.commonpath([path.parent for path in paths]))
    return [_cells(folder.relative_to(source).as_posix())]


def _cells(files: str) -> dict:
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
