"""Look at a folder and say what a study of it would read, or what a person must add."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.errors import InputError, PhenolensError, UndecidedError
from phenolens.io.discover_images import image_section
from phenolens.io.discover_profiles import cellprofiler_places, profile_sections
from phenolens.io.discover_tables import Known, table_sections
from phenolens.io.discovery import Discovery, Question
from phenolens.io.formats.base import image_format, recognised
from phenolens.io.paths import expand
from phenolens.io.roles import named_roles
from phenolens.io.study_text import study_toml
from phenolens.io.survey import FoundTables, plates_of, survey
from phenolens.profiles import PLATE

READABLE = 300_000_000
CLOSED = (".npz", ".properties", ".sql", ".db", ".sqlite", ".sqlite3")

__all__ = ["Discovery", "Question", "discover", "study_toml"]


def discover(source: str | Path, *, taken: Collection[str] = ()) -> Discovery:
    """Say what a study of this folder would read.

    Parameters
    ----------
    source : path
        A folder of images, profiles and tables (or one of its files).
    taken : collection of str
        Names that representations made of images have: given profiles get others.

    Returns
    -------
    Discovery
        ``questions`` names what a person must fill in.

    Raises
    ------
    InputError
        If there is no such folder, or it holds neither images nor profiles.
    """
    source = _folder(Path(source))
    found, files = survey(source)
    proposal = image_section(found, files, source)
    images = None if proposal is None else proposal.section
    profiles, notes = profile_sections(found, source)
    if images is None and not profiles:
        _refuse_closed(source)
        raise InputError(_nothing(source, found, len(files)))
    if images is not None:
        given = [block["name"] + "-given" * (block["name"] in taken) for block in profiles]
        profiles = [b | {"name": name} for b, name in zip(profiles, given, strict=True)]
    known = _known(found, images, profiles, source=source)
    tables, more = table_sections(known, _metadata(found), source)
    discovery = Discovery(
        source=source,
        images=images,
        profiles=tuple(profiles),
        tables=tuple(tables),
        notes=(*(() if proposal is None else proposal.notes), *notes, *more),
    )
    columns, questions = (
        cellprofiler_places(found, source)
        if proposal is None
        else (proposal.columns, proposal.questions)
    )
    discovery = _with_roles(discovery, columns, known)
    asked = [Question(*question) for question in questions]
    return replace(discovery, questions=(*asked, *_try(discovery)))


def _folder(source: Path) -> Path:
    if not source.exists():
        raise InputError(f"There is no folder {source}.")
    return (source if source.is_dir() else source.parent).resolve()


def _nothing(source: Path, found: Sequence[FoundTables], images: int) -> str:
    if images:
        return (
            f"{source} holds {images} image files but no table that says which plate and well they "
            "come from. Add a CSV with a row an image: the file, Metadata_Plate, Metadata_Well."
        )
    tables = f"{sum(len(f.paths) for f in found)} tables that hold neither" if found else "neither"
    return f"{source} holds {tables} images nor profiles that we recognise."


def _refuse_closed(source: Path) -> None:
    """Say what to do with files that cannot be read as they are, where there is nothing else."""
    for ending in CLOSED:
        for path in sorted(source.rglob(f"*{ending}")):
            kind = recognised(path)
            if kind is not None:
                kind.read(path)


def _metadata(found: Sequence[FoundTables]) -> list[FoundTables]:
    return [item for item in found if item.kind in {"metadata", "barcodes"}]


def _known(
    found: Sequence[FoundTables], images: dict | None, profiles: Sequence[dict], *, source: Path
) -> Known:
    """The columns that images and profiles bring, with values to compare keys by."""
    heads = [item.head for item in found if item.kind in _sources(images, profiles)]
    known = Known()
    for head in heads:
        known.learn(head, names=None)
    if images is not None and not image_format(images["layout"]).listed:
        known.learn(pd.DataFrame({PLATE: [source.name]}), names=None)
    return known


def _sources(images: dict | None, profiles: Sequence[dict]) -> set[str]:
    kinds = {"profiles", "cellprofiler"} if profiles else set()
    if images is not None:
        kinds.add(images["layout"])
    return kinds


def _with_roles(discovery: Discovery, columns: dict[str, str], known: Known) -> Discovery:
    roles, modality = named_roles(known.values, known.texts(PLATE) | _plates(discovery))
    return replace(discovery, columns=columns | roles, modality=modality)


def _plates(discovery: Discovery) -> set[str]:
    """Plates of all rows of the profiles: a table's head may hold the first plate only."""
    found: set[str] = set()
    for block in discovery.profiles:
        if block["level"] == "well" and _size(discovery) <= READABLE:
            for path in expand(block["files"], discovery.source):
                found |= plates_of(path)
    return found


def _try(discovery: Discovery) -> list[Question]:
    """Join what was found, and ask about what the joined wells do not say."""
    from phenolens.io.copies import ask_about_copies, wells_of
    from phenolens.io.integrate import integrate

    if _size(discovery) > READABLE:
        return []
    section, asked = discovery.section(), []
    while True:
        try:
            joined = integrate(section, discovery.source)
        except UndecidedError as error:
            asked.append(Question(error.setting, str(error), choices=error.choices))
            if not _decided(section, error):
                return asked
        except PhenolensError as error:
            return [*asked, Question("data", str(error))]
        else:
            break
    asked += _about_labels(joined.wells)
    try:
        tables = {n: wells_of(block.table, block.level) for n, block in joined.profiles.items()}
        ask_about_copies(joined.wells, tables)
    except UndecidedError as error:
        asked.append(Question(error.setting, str(error), choices=error.choices))
    return asked


def _decided(section: dict[str, Any], error: UndecidedError) -> bool:
    """Take the first choice, so that what must be decided behind it shows too."""
    table, _, setting = error.setting.rpartition(".")
    held = section[table] if table else section
    if setting not in ("projection", "measurement") or held[setting] is not None:
        return False
    held |= tomllib.loads(error.choices[0])
    return True


def _size(discovery: Discovery) -> int:
    """Bytes of all profiles."""
    paths = [path for b in discovery.profiles for path in expand(b["files"], discovery.source)]
    files = [f for path in paths for f in (path.rglob("*") if path.is_dir() else [path])]
    return sum(file.stat().st_size for file in files)


def _about_labels(wells: pd.DataFrame) -> list[Question]:
    shown = [str(c) for c in wells if wells[c].notna().any() and wells[c].dtype != bool]
    if wells["Metadata_Compound"].isna().all():
        text = (
            "no column says what was done to a well. Add a plate map as [[data.tables]] and name "
            "its column here; until then the study shows features and pictures only"
        )
        return [Question("columns.compound", text, tuple(shown))]
    if not wells["Metadata_Control"].any():
        text = "no well is a negative control by convention. Say which wells are"
        return [Question("controls", text, _candidates(wells))]
    return []


def _candidates(wells: pd.DataFrame) -> tuple[str, ...]:
    """The compounds in most wells: a control is among them."""
    counts = (
        wells["Metadata_Compound"]
        .value_counts()
        .sort_index()
        .sort_values(ascending=False, kind="stable")
    )
    return tuple(f"{name} ({count} wells)" for name, count in counts.head(5).items())
