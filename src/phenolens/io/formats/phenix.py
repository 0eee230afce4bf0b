"""Opera Phenix, Operetta and Columbus: fields from file names and from the plate's index."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import FEWEST, Instrument
from phenolens.io.instruments.acquisition import Acquisition, Place
from phenolens.io.instruments.indexed import (
    Row,
    left_out,
    meet,
    name_channels,
    name_of,
    one_pixel_size,
)
from phenolens.io.instruments.phenix_index import INDEX_NAMES, ROOT, PlateIndex, read_index
from phenolens.io.instruments.xml_files import root_name
from phenolens.profiles import row_letters

_ENDING = r"(?:\.ome)?\.(?:tiff?|png|jpe?g|bmp|npy)$"
NAMES = tuple(
    re.compile(text + _ENDING, re.IGNORECASE)
    for text in (
        # Harmony: r16c03f06p01-ch3sk1fk1fl1, older r02c05f01p01rc1-ch1..., flex_r01c01f87p01-ch2t01
        r"^(?:(?P<prefix>.*?)[_\- ])?r(?P<row>\d{2,})c(?P<column>\d{2,})f(?P<field>\d+)"
        r"p(?P<plane>\d+)(?:rc\d+)?-ch(?P<channel>\d+)"
        r"(?:sk(?P<timepoint>\d+)|t(?P<time>\d+))?(?:fk\d+)?(?:fl\d+)?",
        # the index's identifiers: row and column, K time, F field, P plane, R channel
        r"^(?P<prefix>)(?P<row>\d\d)(?P<column>\d\d)K(?P<timepoint>\d+)F(?P<field>\d+)"
        r"P(?P<plane>\d+)R(?P<channel>\d+)(?P<time>)",
        # Columbus: row and column - field - time, plane, channel
        r"^(?P<prefix>)(?P<row>\d{3})(?P<column>\d{3})-(?P<field>\d+)-(?P<timepoint>\d{3})"
        r"(?P<plane>\d{3})(?P<channel>\d{3})(?P<time>)",
    )
)
INNER = frozenset({"images", "flex"})
"""Folders inside that of a plate, in lower case."""
DERIVED = frozenset({"flex", "max", "avg", "sum", "min", "med", "std"})
"""Words before a name that name no plate: the folder's, and those of ImageJ's projections."""
MEASURED = re.compile(
    r"^(?:(?!\d{4}-\d\d-\d\d[\dT_.: -]*Measurement)(?P<plate>.+?)(?:__|[-_ ]*(?=Measurement)))?"
    r"(?P<when>\d{4}-\d\d-\d\d[\dT_.:-]*?)?"
    r"[-_ ]*(?P<which>Measurement[ _]?\d+(?:[-_ ]*Evaluation[ _]?\d+)?)?$",
    re.IGNORECASE,
)
"""The folder of a measurement: plate, date and time, ``Measurement 1``; the plate may be above."""


@lru_cache(maxsize=2**17)
def parse_name(name: str) -> Place | None:
    """What a name of Harmony or Columbus says, or None; not to be changed.

    ``r16c03f06p01-ch3sk1fk1fl1.tiff`` is row 16 (P), column 3, field 6, plane 1, channel 3. A word
    before it is the plate, unless it says what was done to the image (``flex_``, ``MAX_``).
    """
    match = next((found for form in NAMES if (found := form.match(name))), None)
    if match is None:
        return None
    row, column = int(match["row"]), int(match["column"])
    if not (1 <= row <= 32 and 1 <= column <= 48):
        return None
    place: Place = {
        "well": f"{row_letters(row - 1)}{column:02d}",
        "site": str(int(match["field"])),
        "channel": str(int(match["channel"])),
        "plane": int(match["plane"]),
        "timepoint": int(match["timepoint"] or match["time"] or 1),
    }
    prefix = match["prefix"] or ""
    return place if prefix.lower() in DERIVED | {""} else place | {"plate": prefix}


@dataclass(frozen=True)
class PlateFolder:
    """The folder of one measurement of one plate.

    Attributes
    ----------
    path : Path
    plate : str
        Its name up to the date, as ``BR1`` of ``BR1__2020-11-05T19_51_35-Measurement 1``.
    when, which : str
        Date and ``Measurement 1``, where the name says them.
    """

    path: Path
    plate: str
    when: str = ""
    which: str = ""


@lru_cache(maxsize=4096)
def plate_folder(folder: Path) -> PlateFolder:
    """The plate whose images lie in a folder."""
    while folder.name.lower() in INNER and folder.parent != folder:
        folder = folder.parent
    match = MEASURED.match(folder.name)
    if match is None or not (match["when"] or match["which"]):
        return PlateFolder(folder, folder.name)
    which = (match["which"] or "").replace("_", " ")
    plate = match["plate"] or folder.parent.name
    return PlateFolder(folder, plate, match["when"] or "", which)


@register
class Phenix(Instrument):
    """``r16c03f06p01-ch3sk1fk1fl1.tiff``; ``Index.idx.xml`` says the rest where it is there."""

    name = "phenix"
    describes: ClassVar[str] = "images of an Opera Phenix or Operetta"
    example = "r01c01f01p01-ch1sk1fk1fl1.tiff"
    beside = (
        "index*.xml", "*.columbusidx.xml", "*.columbusidx.csv", "indexfile.txt", "*.kw.txt",
        "ffc_profile*.xml", "assaylayout*.xml",
    )  # fmt: skip

    def place(self, path: Path) -> Place | None:
        """By the name; the plate is the folder that holds ``Images``."""
        place = parse_name(path.name)
        return None if place is None else {"plate": plate_folder(path.parent).plate, **place}

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """By the names, or by an index beside files of other names."""
        unnamed = {path.parent for path in files if parse_name(path.name) is None}
        indexes = {folder: index_of(folder) for folder in unnamed}
        listed = {f for f, path in indexes.items() if path is not None and root_name(path) == ROOT}
        known = sum(path.parent in listed or parse_name(path.name) is not None for path in files)
        share = known / max(1, len(files))
        return 0.9 * share if share >= FEWEST else None

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """By the indexes, and by the names of images that none lists."""
        texts = [str(path) for path in files]
        parsed = ((text, parse_name(name_of(text))) for text in texts)
        named = {text: place for text, place in parsed if place is not None}
        parents = {text: text.rpartition(os.sep)[0] for text in texts}
        indexes = {parent: index_of(Path(parent)) for parent in set(parents.values())}
        beside: dict[Path, list[str]] = defaultdict(list)
        for text, parent in parents.items():
            if (index_path := indexes[parent]) is not None:
                beside[index_path].append(text)
        rows: list[Row] = []
        read: dict[Path, PlateIndex] = {}
        notes: list[str] = []
        for index_path, there in sorted(beside.items()):
            try:
                index = _read(index_path, *_version(index_path))
            except InputError as error:
                notes.append(f"not used: {error}")
                continue
            read[plate_folder(index_path.parent).path] = index
            notes += index.notes
            if len(index.images):
                met = meet(index_path, index.images, there, named)
                rows += met.rows
                notes += met.notes
        listed = {row["path"] for row in rows}
        rows += [
            {**place, "path": text, "index": ""}
            for text, place in named.items()
            if text not in listed
        ]
        notes += left_out([text for text in texts if text not in named and text not in listed])
        if not rows:
            return Acquisition(pd.DataFrame(columns=["plate", "channel"]), notes=tuple(notes))
        frame = pd.DataFrame(rows)
        parent = frame["path"].str.rpartition(os.sep)[0]
        folders = {text: plate_folder(Path(text)) for text in parent.unique()}
        frame["folder"] = parent.map({text: one.path for text, one in folders.items()})
        plates, more = _plates(set(folders.values()), read)
        frame["plate"] = frame.get("plate", pd.Series(index=frame.index)).fillna(
            frame["folder"].map(plates)
        )
        measured = _measurements(set(folders.values()), plates)
        if measured:
            frame["measurement"] = frame["folder"].map(measured)
        said = {f: {str(n): name for n, name in i.names.items()} for f, i in read.items()}
        frame, names, questions = name_channels(frame, said, file="Index.idx.xml")
        sizes = (size for index in read.values() for size in index.pixel_sizes)
        pixel_size, doubts = one_pixel_size(sizes, said_by="indexes give")
        return Acquisition(
            frame.drop(columns="folder"),
            names=names,
            pixel_size_um=pixel_size,
            notes=(*notes, *more, *doubts),
            questions=questions,
        )


def index_of(folder: Path) -> Path | None:
    """The index of the images in a folder: in it, or above where it is a plate's inner folder."""
    while True:
        try:
            there = {path.name.lower(): path for path in folder.iterdir() if path.suffix == ".xml"}
        except OSError:
            return None
        found = next((there[name] for name in INDEX_NAMES if name in there), None)
        if found is not None or folder.name.lower() not in INNER:
            return found
        folder = folder.parent


@lru_cache(maxsize=256)
def _read(path: Path, _changed: int, _size: int) -> PlateIndex:
    """As :func:`read_index`; `init` and what follows read each index once."""
    return read_index(path)


def _version(path: Path) -> tuple[int, int]:
    try:
        about = path.stat()
    except OSError as error:  # a link that leads nowhere
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    return about.st_mtime_ns, about.st_size


def _plates(
    folders: Collection[PlateFolder], read: Mapping[Path, PlateIndex]
) -> tuple[dict[Path, str], list[str]]:
    """Each folder's plate, and where an index calls it otherwise.

    Harmony's own folders are called after the plate. Of others the index says it, unless one index
    was copied to several.
    """
    said = {f.path: i.plate for f in folders if (i := read.get(f.path)) is not None and i.plate}
    others = [f for f in folders if not f.when and not f.which]
    plates = {f.path: said.get(f.path, f.plate) for f in others}
    if len(set(plates.values())) < len(plates):
        plates = {f.path: f.plate for f in others}
    plates |= {f.path: f.plate for f in folders if f.path not in plates}
    notes = [
        f"the index of {f.path.name} calls the plate {said[f.path]}; read as {plates[f.path]}"
        for f in sorted(folders, key=lambda f: f.path)
        if said.get(f.path, f.plate) != f.plate
    ]
    return plates, notes


def _measurements(folders: Collection[PlateFolder], plates: Mapping[Path, str]) -> dict[Path, str]:
    """What tells the measurements of a plate apart: blank for one that was measured once."""
    of_plate: dict[str, list[PlateFolder]] = defaultdict(list)
    for one in folders:
        of_plate[plates[one.path]].append(one)
    if all(len(several) == 1 for several in of_plate.values()):
        return {}
    labels: dict[Path, str] = {}
    for several in of_plate.values():
        which = {one.path: one.which or one.when for one in several}
        if len(set(which.values())) < len(several):
            which = {one.path: f"{one.when} {one.which}".strip() for one in several}
        labels |= which if len(several) > 1 else dict.fromkeys(which, "")
    return labels
