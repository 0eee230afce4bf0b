"""The ``[data.images]`` section for a folder that was surveyed, and the images that it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError, UndecidedError
from phenolens.findings import Finding
from phenolens.io.columns import key_text, place, well_text
from phenolens.io.discovery.layouts import require_one_layout, surest
from phenolens.io.discovery.proposal import DEFAULTS
from phenolens.io.discovery.survey import FoundTables, Surveyed, plates_of
from phenolens.io.discovery.tree import Tree, Unused
from phenolens.io.formats.base import ImageProposal, image_formats
from phenolens.io.images.files import find_files
from phenolens.io.images.image_set import locate
from phenolens.io.images.table import Located, is_image_name
from phenolens.io.instruments.acquisition import BATCH, image_files
from phenolens.io.paths import read_table
from phenolens.places import is_url
from phenolens.profiles import PLATE, SITE, WELL
from phenolens.remote import why_not


@dataclass(frozen=True)
class Seen:
    """The images that a section means.

    Attributes
    ----------
    keys : DataFrame
        ``Metadata_Plate`` and ``Metadata_Well`` of every field, ``Metadata_Batch`` where folders
        say it; no rows where they cannot be told.
    files : set of str
        Absolute paths of the images, illumination functions and labels that are there.
    findings : tuple of Finding
        What is not there.
    located : tuple of (Located, list of Path) or None
        What :func:`phenolens.io.images.image_set.locate` gave.
    """

    keys: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=[PLATE, WELL]))
    files: set[str] = field(default_factory=set)
    findings: tuple[Finding, ...] = ()
    located: tuple[Located, list[Path]] | None = None


def image_section(
    looked: Surveyed, tree: Tree, *, given: Mapping[str, Any]
) -> tuple[ImageProposal | None, list[Unused]]:
    """What a study file would say of the images, None where there are none; tables left out.

    A table that lists images comes before names that say what they are. `given` is what was
    decided of the section already.
    """
    layout, files, source = given.get("layout"), looked.images, tree.source
    formats = [one for one in image_formats() if layout in (None, one.name)]
    if "root" in given and not looked.images:
        files = image_files(Path(given["root"]))
    for one in formats:
        items = [item for item in looked.tables if one.listed and item.kind == one.name]
        if items:
            best, left = _with_other_plates(_best(items), _listing(looked), tree)
            return one.propose(best, source), left
    if layout is None:
        try:
            require_one_layout(files, source)
        except UndecidedError:
            return ImageProposal({"root": "."}), []  # asked about where the images are located
    found = surest(files, formats)
    if found is None and layout is not None and files:
        found = next((one for one in formats if not one.listed), None)
    return (None if found is None else found.decided(given).propose(files, source)), []


def _with_other_plates(
    best: FoundTables, listing: Sequence[FoundTables], tree: Tree
) -> tuple[FoundTables, list[Unused]]:
    """The table with those of other plates that are built alike, and why the rest is left out."""
    plates = {name for path in best.paths for name in plates_of(path)}
    kept, left = list(best.paths), list[Unused]()
    for item in (item for item in listing if item is not best):
        theirs = {name for path in item.paths for name in plates_of(path)}
        alike = (item.kind, *item.head.columns) == (best.kind, *best.head.columns)
        if theirs and not theirs & plates and alike:
            kept += item.paths
            plates |= theirs
            continue
        code = "unused-image-table"
        values: dict[str, Any] = {"kept": tree.relative(best.paths[0])}
        if theirs and plates and not theirs <= plates:
            code, more = "unused-other-stains", sorted(theirs - plates)
            ours = {str(name) for name in best.head.columns}
            other = tuple(str(name) for name in item.head.columns if str(name) not in ours)
            values |= {"plates": tuple(more), "columns": other}
        left += [Unused(tree.relative(path), code, values) for path in item.paths]
    return replace(best, paths=tuple(sorted(kept))), left


def _best(items: Sequence[FoundTables]) -> FoundTables:
    """The table that says most; with illumination functions before without."""
    return max(
        items, key=lambda item: (any("Illum" in str(c) for c in item.head), len(item.head.columns))
    )


def _listing(looked: Surveyed) -> list[FoundTables]:
    names = {one.name for one in image_formats() if one.listed}
    return [item for item in looked.tables if item.kind in names]


def elsewhere(item: FoundTables, tree: Tree) -> list[Unused]:
    """Tables that list images of which none is there: what they list, and where it was looked."""
    kind = next(one for one in image_formats() if one.listed and one.recorded(item.head))
    images = DEFAULTS["images"] | {"layout": kind.name}
    found = []
    for path in item.paths:
        try:
            located = kind.locate_listed(read_table(path), images, source=path.name)
            fields, stains = len(located.frame), len(located.paths)
        except InputError:
            fields, stains = len(item.head), 0
        looked = tuple(map(str, dict.fromkeys([tree.source, path.parent])))
        values = {
            "kind": kind.describes.split(":")[0], "fields": fields, "stains": str(stains or ""),
            "example": kind.recorded(item.head)[0], "looked": looked,
        }  # fmt: skip
        if is_url(values["example"]):
            values["fault"] = why_not(str(values["example"]))
        found.append(Unused(tree.relative(path), "unused-images-elsewhere", values))
    return found


def see(
    images: Mapping[str, Any],
    columns: Mapping[str, Any],
    tree: Tree,
    *,
    looked_at: Callable[[Sequence[str]], Located] | None = None,
) -> Seen:
    """Which plates and wells the images are of, which files they are, and what is not there.

    Parameters
    ----------
    images, columns : mapping
        Sections of the study file.
    tree : Tree
    looked_at : callable, optional
        Of the proposal that the section comes from.
    """
    section = DEFAULTS["images"] | dict(images)
    roles = DEFAULTS["columns"] | dict(columns)
    try:
        if looked_at is None or section["root"] != "." or section["labels"]:
            located, bases = locate(section, tree.source)
        else:
            located, bases = looked_at(section["channels"]), [tree.source]
    except InputError:  # a question or a fault, which is told apart from what is not used
        return Seen(files={str(path) for path in tree.files if is_image_name(path.name)})
    functions = {name: texts != "" for name, texts in located.illumination.items()}
    paths, missing = find_files(located, bases)
    keys = _keys(located, roles)
    named = {name: located.paths[name] != "" for name in paths}
    files = {p for name, found in paths.items() for p in found[~missing[name]]}
    beside = (*located.illumination.values(), *located.labels.values())
    files |= {path for found in beside for path in found if path}
    gone = {name: named & (located.illumination[name] == "") for name, named in functions.items()}
    found = [
        *_no_illumination(gone, functions),
        *_not_here(images, paths, {n: missing[n] & named[n] for n in paths}, bases),
        *_incomplete(keys, located, {n: missing[n] & ~named[n] for n in paths}),
    ]
    return Seen(keys, files, tuple(found), (located, bases))


def _keys(located: Located, columns: Mapping[str, Any]) -> pd.DataFrame:
    """Plate and well of each row, where both are told."""
    try:
        values = [place(located.frame, columns[n], r, source="") for n, r in ROLES]
    except InputError:
        return Seen().keys
    plate, well = values
    if plate is None or well is None:
        return Seen().keys
    keys = pd.DataFrame({PLATE: key_text(plate), WELL: well_text(well)})
    return keys.assign(**{BATCH: located.frame[BATCH]}) if BATCH in located.frame else keys


ROLES = (("plate", PLATE), ("well", WELL))


def _no_illumination(
    gone: Mapping[str, np.ndarray], named: Mapping[str, np.ndarray]
) -> list[Finding]:
    """Illumination functions that a table names and that are not there, counted by fields."""
    stains = [name for name, lost in gone.items() if lost.any()]
    if not stains:
        return []
    fields = int(np.logical_or.reduce(list(gone.values())).sum())
    values = {"fields": fields, "of": len(next(iter(named.values()))), "stains": tuple(stains)}
    return [Finding("illumination-not-here", "warning", {}, values)]


def _not_here(
    images: Mapping[str, Any],
    paths: Mapping[str, np.ndarray],
    missing: Mapping[str, np.ndarray],
    bases: Sequence[Path],
) -> list[Finding]:
    """Files that a table names and that are not there, counted."""
    absent = sum(int(lost.sum()) for lost in missing.values())
    total = sum(len(found) for found in paths.values())
    if not absent or absent == total:  # all: it is refused
        return []
    name = next(name for name, lost in missing.items() if lost.any())
    table = images.get("table", images["layout"])
    values = {
        "table": table if isinstance(table, str) else table[0], "absent": absent, "images": total,
        "example": str(paths[name][missing[name]][0]),
        "looked": tuple(dict.fromkeys(map(str, bases))),
    }  # fmt: skip
    return [Finding("images-not-here", "warning", {}, values)]


def _incomplete(
    keys: pd.DataFrame, located: Located, lacking: Mapping[str, np.ndarray]
) -> list[Finding]:
    """Fields of which a stain has no file, counted by stain."""
    stains = {name: int(lost.sum()) for name, lost in lacking.items() if lost.any()}
    if not stains:
        return []
    some = np.logical_or.reduce(list(lacking.values()))
    row = int(np.flatnonzero(some)[0])
    where = [*keys.iloc[row]] if len(keys) else []
    site = f"site {located.frame[SITE].iloc[row]}" if SITE in located.frame else ""
    values = {
        "fields": int(some.sum()), "of": len(some), "stains": stains,
        "example": " ".join([*map(str, where), site]).strip(),
    }  # fmt: skip
    return [Finding("fields-incomplete", "warning", {}, values)]
