"""Images, profiles and metadata tables of a screen become one set of keyed wells.

Order never joins anything: every table meets the wells by key, and the ledger says what happened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.findings import Finding
from phenolens.images import ImageSet
from phenolens.io.columns import FILE, clean, key_text, pick, same_name, spec_column
from phenolens.io.images.image_set import read_images
from phenolens.io.images.missing import plates_without_stain
from phenolens.io.join import CONFLICT, Source, collapse, combine, join_table, joined_before
from phenolens.io.labels import CANONICAL, label_wells, mark_controls, select_excluded
from phenolens.io.ledger import Ledger, SetAside
from phenolens.io.measurements import one_plate, require_plates
from phenolens.io.names import is_bookkeeping
from phenolens.io.paths import expand, read_tables
from phenolens.io.profile_blocks import read_keyed
from phenolens.marks import read_marks
from phenolens.normalize.recognise import is_normalized
from phenolens.places import below
from phenolens.profiles import (
    CELL_COUNT,
    CELL_LABEL,
    KEY,
    OBJECT,
    PLATE,
    PREFIX,
    SITE,
    TREATMENT,
    WELL,
    WELL_KEY,
    from_frame,
)
from phenolens.remote import local

IDENTITY = ("compound", "concentration")
DESCRIBED = ("mechanism", "target", "batch")
NAMES = {
    "compound": "Metadata_Compound",
    "concentration": "Metadata_Concentration",
    "mechanism": "Metadata_Mechanism",
    "target": "Metadata_Target",
    "batch": "Metadata_Batch",
}


@dataclass(frozen=True)
class ProfileBlock:
    """Profiles made elsewhere: the table (metadata in its row index), and what a row is."""

    table: pd.DataFrame
    level: str
    normalized: bool


@dataclass(frozen=True)
class Integrated:
    """A screen, joined.

    Attributes
    ----------
    images : ImageSet or None
    profiles : dict of str to ProfileBlock
    wells : DataFrame
        One row a well, sorted by plate and well: the canonical columns, then the rest.
    ledger : Ledger
        What came in, what matched, what was set aside.
    """

    images: ImageSet | None
    profiles: dict[str, ProfileBlock]
    wells: pd.DataFrame
    ledger: Ledger


def integrate(data: Mapping[str, Any], root: Path) -> Integrated:
    """Read and join everything the ``[data]`` section names.

    Parameters
    ----------
    data : mapping
        The section as plain values.
    root : Path
        Folder that relative paths start from (that of the study file).

    Returns
    -------
    Integrated

    Raises
    ------
    InputError
        If a file, column or query is missing or wrong, if keys are not unique, or nothing is left.
    """
    columns, ledger = data["columns"], Ledger()
    origin = _origin(columns, ledger)
    images = _images(data, root, origin)
    if images is not None and columns.get("cell_label") is not None:
        images = _with_cell_labels(images, str(columns["cell_label"]), ledger)
    given = {block["name"]: block for block in data["profiles"]}
    measurement = data.get("measurement")
    blocks = {
        n: read_keyed(block, columns, root, origin=origin, measurement=measurement)
        for n, block in given.items()
    }
    if lacking := plates_without_stain(images, ledger):
        ledger.counts["plates_without_a_stain"] = len(lacking)
    images, blocks = _one_plate(images, blocks, data, origin)
    wells = _gather(images, blocks, origin)
    _note_lost(wells, ledger)
    for table in data["tables"]:
        wells = _join(wells, table, root, origin=origin)
    wells = _labelled(wells, data, origin)
    crops = images is not None and images.level == "cell"
    reasons = _marked(wells, data, root, ledger) | _reasons(wells, data["exclude"])
    wells = _set_aside(wells, reasons, ledger, hint=_POOLED if crops else "")
    _count(wells, images, blocks, ledger=ledger)
    attached = {name: _attach_profiles(block, wells) for name, block in blocks.items()}
    for name, block in attached.items():
        if given[name]["normalized"] == "auto" and block.normalized:
            ledger.counts[f"profiles_taken_as_normalized_already_{name}"] = len(block.table)
    return Integrated(
        images=None if images is None else _attach_images(images, wells),
        profiles=attached,
        wells=wells,
        ledger=ledger,
    )


def _one_plate(
    images: ImageSet | None,
    blocks: Mapping[str, tuple],
    data: Mapping[str, Any],
    origin: Source,
) -> tuple[ImageSet | None, dict[str, tuple]]:
    """Images and profiles with the plates that are one, as a person said, made one."""
    groups, spelled = (
        data.get("same_plate") or [],
        data.get("same_plate_spelled", "same_plate"),
    )
    tables = [frame for frame, _, _ in blocks.values()] + ([images.table] if images else [])
    require_plates(groups, sorted(set().union(*(t[PLATE] for t in tables))), spelled=spelled)
    merged = {}
    for name, (frame, features, settings) in blocks.items():
        source, well = replace(origin, name=f"profiles {name}"), settings["level"] == "well"
        frame = one_plate(frame, features, groups, average=well, source=source)
        merged[name] = (frame, features, settings)
    if images is not None and groups:
        source = replace(origin, name="images")
        table = one_plate(images.table, [], groups, average=False, source=source)
        images = replace(images, table=table)
    return images, merged


def _origin(columns: Mapping[str, Any], ledger: Ledger) -> Source:
    return Source(
        name="",
        ledger=ledger,
        identity=_label_columns(columns, IDENTITY) | {NAMES[n] for n in IDENTITY},
        described=_label_columns(columns, DESCRIBED) | {NAMES[n] for n in DESCRIBED},
    )


def _label_columns(columns: Mapping[str, Any], names: Sequence[str]) -> frozenset[str]:
    """Normal names of the columns that the given roles read."""
    specs = (spec_column(columns.get(name)) for name in names)
    return frozenset(spec for spec in specs if spec is not None)


def _images(data: Mapping[str, Any], root: Path, origin: Source) -> ImageSet | None:
    if data["images"] is None:
        return None
    source = replace(origin, name="images")
    return read_images(
        data["images"], data["columns"], root, source=source, measurement=data.get("measurement")
    )


def _with_cell_labels(images: ImageSet, spec: str, ledger: Ledger) -> ImageSet:
    """The images with the class of each cell, null where the table says none; those are counted.

    A column that says different things of the cells of a well says nothing of the well: it is
    taken away.

    Raises
    ------
    InputError
        If there is no such column, or it names fewer than two classes.
    """
    named = pick(images.table, spec, source="images, [data.columns] cell_label")
    text = [None if value == "" else value for value in key_text(clean(named))]
    label = pd.Series(text, index=images.table.index, dtype=object)
    known = sorted(label.dropna().unique())
    if len(known) < 2:
        raise InputError(
            f"[data.columns] cell_label = {spec!r} names too few classes of cells "
            f"({', '.join(known) or 'all are blank'}): two are needed. Name another column, or "
            "take the line out."
        )
    ledger.counts["cells_without_label"] = int(label.isna().sum())
    column = spec_column(spec)
    own = [name for name in images.table if column and same_name(name) == same_name(column)]
    wells = pd.Series(_joined_key(images.table), index=images.table.index)
    if label.groupby(wells).nunique().max() < 2 or {*own} & {*KEY}:
        own = []
    return replace(images, table=images.table.drop(columns=own).assign(**{CELL_LABEL: label}))


def _of_wells(images: ImageSet) -> pd.DataFrame:
    """Metadata of the images that may be of their wells: not the classes of cells."""
    return images.metadata.drop(columns=CELL_LABEL, errors="ignore")


def _gather(images: ImageSet | None, blocks: Mapping[str, tuple], origin: Source) -> pd.DataFrame:
    """All wells of all sources with the metadata that is constant within each."""
    sources = {} if images is None else {"images": _of_wells(images)}
    for name, (frame, features, _) in blocks.items():
        sources[f"profiles {name}"] = frame.drop(columns=[*features, FILE], errors="ignore")
    keys = [_well_keys(frame) for frame in sources.values()]
    wells = pd.concat(keys).drop_duplicates().sort_values(list(WELL_KEY), ignore_index=True)
    for name, frame in sources.items():
        source = replace(origin, name=name)
        numbers = [n for n in frame if n in KEY or is_bookkeeping(str(n).removeprefix(PREFIX))]
        details = frame.drop(columns=numbers)
        one, _ = collapse(details, _joined_key(frame), source=source)
        aligned = one.reindex(_joined_key(wells)).set_axis(wells.index, axis=0)
        wells = combine(wells, aligned, source=source)
    return wells


def _note_lost(wells: pd.DataFrame, ledger: Ledger) -> None:
    """Name the wells that have no image and no profile left, because their files are missing."""
    named = {(item.plate, item.well) for item in ledger.set_aside if item.channel and item.well}
    lost = sorted(named - set(wells[list(WELL_KEY)].itertuples(index=False, name=None)))
    why = Finding("images-incomplete", "warning")
    ledger.set_aside += [SetAside(why, plate=plate, well=well) for plate, well in lost]
    if lost:
        ledger.counts["wells_without_image"] = len(lost)


def _well_keys(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[list(WELL_KEY)].drop_duplicates()


def _joined_key(frame: pd.DataFrame) -> np.ndarray:
    return (frame[PLATE] + "/" + frame[WELL]).to_numpy(dtype=object)


def _join(
    wells: pd.DataFrame, table: Mapping[str, Any], root: Path, *, origin: Source
) -> pd.DataFrame:
    paths = expand(table["file"], root)
    name = ", ".join(path.name for path in paths[:2]) + (", ..." if len(paths) > 2 else "")
    name += f", sheet {table['sheet']!r}" if table["sheet"] else ""
    frame, notes = read_tables(paths, sep=table["sep"], sheet=table["sheet"])
    source = replace(origin, name=name)
    return join_table(wells, frame, dict(table["on"]), source=source, notes=notes)


def _labelled(wells: pd.DataFrame, data: Mapping[str, Any], origin: Source) -> pd.DataFrame:
    columns = _present(data["columns"], wells, origin.ledger)
    source = replace(origin, name="labels")
    labelled = label_wells(wells, columns, modality=str(data["modality"]), source=source)
    return mark_controls(
        labelled,
        controls=data["controls"],
        positive_controls=data["positive_controls"],
        source=source,
        spelled=data.get("controls_spelled", "[data] controls"),
    )


def _present(columns: Mapping[str, Any], wells: pd.DataFrame, ledger: Ledger) -> Mapping[str, Any]:
    """A label column that every source's rows contradict within wells was left out: say so."""
    for role in (*IDENTITY, *DESCRIBED):
        name = spec_column(columns[role])
        if name is not None and same_name(name) not in {same_name(c) for c in wells}:
            known = ", ".join(c for c in wells if str(c).startswith(PREFIX))
            tables = joined_before(ledger)
            raise InputError(
                f"[data.columns] {role} = {columns[role]!r}: no joined column of that name"
                f"{f' (joined were {tables})' if tables else ''}; there are {known}."
            )
    return columns


_POOLED = (
    " Where cells of a well are of several classes, as in a pooled screen, name the column that "
    "says which: [data.columns] cell_label."
)


def _set_aside(
    wells: pd.DataFrame, reasons: dict[int, Finding], ledger: Ledger, *, hint: str = ""
) -> pd.DataFrame:
    """The wells that stay, canonical columns first; the others are listed with the reason."""
    for row, why in sorted(reasons.items()):
        plate, well = wells[PLATE].iloc[row], wells[WELL].iloc[row]
        ledger.set_aside.append(SetAside(why, plate=plate, well=well))
    rest = [name for name in wells if name not in CANONICAL and name != CONFLICT]
    stays = ~np.isin(np.arange(len(wells)), list(reasons))
    kept = wells.loc[stays, [*CANONICAL, *rest]].reset_index(drop=True)
    if not len(kept):
        found = ", ".join(dict.fromkeys(why.text for why in reasons.values()))
        hint = hint if CONFLICT in wells else ""
        raise InputError(f"All {len(wells)} wells are set aside: {found}.{hint}")
    return kept


def _reasons(wells: pd.DataFrame, exclude: str | None) -> dict[int, Finding]:
    """Why wells take no part, by their row, in the order of rows."""
    reasons: dict[int, Finding] = {}
    if exclude:
        why = Finding("excluded", "info", {}, {"query": exclude})
        reasons |= dict.fromkeys(np.flatnonzero(select_excluded(wells, exclude)).tolist(), why)
    if CONFLICT in wells:
        for row in np.flatnonzero(wells[CONFLICT].notna()).tolist():
            about = {"column": wells[CONFLICT].iloc[row]}
            reasons[row] = Finding("identity-conflicts", "warning", about)
    return reasons


def _marked(
    wells: pd.DataFrame, data: Mapping[str, Any], root: Path, ledger: Ledger
) -> dict[int, Finding]:
    """Wells that a person marked with a word that the study leaves out, by their row.

    Raises
    ------
    InputError
        If no well is: the marks are of another screen, or of another name of it.
    """
    words = data.get("exclude_marks") or []
    if not words:
        return {}
    path = local(below(root, str(data["marks"])))
    if not path.is_file():
        raise InputError(f"There is no file {path}, which [data] marks names.")
    wanted = [mark for mark in read_marks(path) if mark.mark in words]
    reasons: dict[int, Finding] = {}
    lost = 0
    plates, names = wells[PLATE].astype(str), wells[WELL].astype(str)
    for mark in wanted:
        if mark.kind == "well":
            rows = np.flatnonzero((plates == mark.plate) & (names == mark.well))
        else:
            rows = np.flatnonzero(wells[TREATMENT].astype(str) == mark.treatment)
        lost += not len(rows)
        values = {"mark": mark.mark, "note": mark.note, "of": mark.kind}
        why = Finding("excluded-by-mark", "info", {}, values)
        reasons |= dict.fromkeys(rows.tolist(), why)
    if wanted and not reasons:
        raise InputError(
            f"None of the {len(wanted)} marks in {path} that [data] exclude_marks leaves out is of "
            "a well of this screen."
        )
    if lost:
        ledger.counts["marks_of_no_well"] = lost
    return reasons


def _attach_images(images: ImageSet, wells: pd.DataFrame) -> ImageSet:
    table = _attach(images.table, wells)
    return replace(images, table=table.drop(columns=CONFLICT, errors="ignore"))


def _attach_profiles(block: tuple, wells: pd.DataFrame) -> ProfileBlock:
    frame, features, settings = block
    metadata = _attach(frame.drop(columns=[FILE], errors="ignore"), wells)
    table = from_frame(metadata, features=features)
    normalized = settings["normalized"]
    if normalized == "auto":
        normalized = settings["level"] == "well" and is_normalized(table)
    return ProfileBlock(table=table, level=str(settings["level"]), normalized=bool(normalized))


def _attach(frame: pd.DataFrame, wells: pd.DataFrame) -> pd.DataFrame:
    """Rows of the wells that stay, with the wells' canonical columns instead of their own."""
    labels = [name for name in (*CANONICAL, CELL_COUNT) if name in wells and name not in WELL_KEY]
    rows = pd.Index(_joined_key(wells)).get_indexer(_joined_key(frame))
    kept = np.flatnonzero(rows >= 0)
    own = frame.drop(columns=[n for n in frame if n in labels or str(n).startswith("_")])
    own = own.iloc[kept].reset_index(drop=True)
    theirs = wells[labels].iloc[rows[kept]].reset_index(drop=True)
    keys = [name for name in (PLATE, WELL, SITE, OBJECT) if name in own]
    return pd.concat([own[keys], theirs, own.drop(columns=keys)], axis=1)


def _count(
    wells: pd.DataFrame, images: ImageSet | None, blocks: Mapping[str, tuple], *, ledger: Ledger
) -> None:
    ledger.counts |= {
        "plates": int(wells[PLATE].nunique()),
        "wells": len(wells),
        "images": 0 if images is None else len(images),
        "treatments": int(wells["Metadata_Treatment"].nunique()),
        "wells_without_label": int(wells["Metadata_Compound"].isna().sum()),
    }
    for name, (frame, _, _) in blocks.items():
        held = set(_joined_key(frame)) & set(_joined_key(wells))
        ledger.counts[f"wells_without_profile_in_{name}"] = len(wells) - len(held)
