"""Yokogawa CellVoyager (CV7000, CV8000, CQ1): fields from names and from the measurement's list."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import register
from phenolens.io.formats.numbered_wells import UNKNOWN, NumberedWells
from phenolens.io.instruments.acquisition import Acquisition, Place
from phenolens.io.instruments.cellvoyager_index import (
    DETAIL,
    RECORDS,
    Detail,
    read_detail,
    read_records,
)
from phenolens.io.instruments.indexed import (
    SHOWN,
    Row,
    left_out,
    meet,
    name_channels,
    name_of,
    one_pixel_size,
)
from phenolens.profiles import row_letters

_ENDING = r"(?:\.ome)?\.(?:tiff?|png|jpe?g|bmp|npy)$"
NAME = re.compile(
    r"^(?:(?P<plate>.+)_)?(?P<well>[A-Z]{1,2}\d{1,2})_T(?P<time>\d+)F(?P<field>\d+)L\d+"
    r"(?:A\d+)?(?:Z(?P<plane>\d+))?C(?P<channel>\d+)" + _ENDING,
    re.IGNORECASE,
)
NUMBERED = re.compile(
    r"^W(?P<well>\d+)F(?P<field>\d+)T(?P<time>\d+)Z(?P<plane>\d+)C(?P<channel>\d+)" + _ENDING,
    re.IGNORECASE,
)
"""Names of a CQ1, which numbers the wells of a plate row by row."""
CORRECTION = re.compile(r"^(?:DC|SC)_", re.IGNORECASE)
INNER = frozenset({"image", "images", "projection", "tif", "tiff", "png"})
"""Folders inside that of a measurement, in lower case."""
PRODUCT = re.compile(r"^AssayPlate_.*#", re.IGNORECASE)
"""What the instrument calls a plate that nobody named: after its make."""
WHEN = re.compile(
    r"[-_ ]*(?:\d{6}|\d{8})(?:[-_T ]?\d{4,6})?|[-_ ]*(?:scan|meas)[a-z]*[-_ ]?\d+", re.I
)
"""What a folder's name adds to the plate's where that was measured again."""


@register
class Yokogawa(NumberedWells):
    """``Plate1_A01_T0001F001L01A01Z01C01.tif``; ``.mlf``, ``.mrf`` and ``.mes`` say the rest."""

    name = "yokogawa"
    describes: ClassVar[str] = "images of a Yokogawa CellVoyager"
    example = "Plate1_A01_T0001F001L01A01Z01C01.tif"
    numbered_by = DETAIL
    beside = ("*.mlf", "*.mrf", "*.mes", "*.wpi", "*.wpp", "*.ppf", "dc_*", "sc_*")

    def place(self, path: Path) -> Place | None:
        """By the name; the well of a CQ1 is ``#`` and its number."""
        place = parse_name(path.name)
        return None if place is None else {"plate": _folder(path).name, **place}

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """By the lists of the measurements, and by the names of images that none lists."""
        parents = {str(path): str(path).rpartition(os.sep)[0] for path in files}
        folders = {parent: _folder(Path(parent, "_")) for parent in set(parents.values())}
        measured: dict[Path, list[str]] = defaultdict(list)
        for text, parent in parents.items():
            measured[folders[parent]].append(text)
        details = {where: read_detail(where) for where in measured}
        parts = [_rows(where, there, details[where]) for where, there in sorted(measured.items())]
        rows = [row for part, _ in parts for row in part]
        notes = [note for _, part in parts for note in part]
        notes += [note for detail in details.values() for note in detail.notes]
        taken = {row["path"] for row in rows}
        others = [
            text for text in parents if text not in taken and parse_name(name_of(text)) is None
        ]
        notes += _corrections([text for text in others if CORRECTION.match(name_of(text))])
        notes += left_out([text for text in others if not CORRECTION.match(name_of(text))])
        if not rows:
            return Acquisition(
                pd.DataFrame(columns=["plate", "well", "channel"]), notes=tuple(notes)
            )
        frame = pd.DataFrame(rows)
        frame["folder"] = [
            where for where, (part, _) in zip(sorted(measured), parts, strict=True) for _ in part
        ]
        frame, more = _with_plates(frame, details)
        said = {
            where: {str(n): name for n, name in detail.names.items()}
            for where, detail in details.items()
            if detail.names
        }
        frame, names, questions = name_channels(frame, said, file=".mes")
        sizes = (size for detail in details.values() for size in detail.pixel_sizes)
        pixel_size, doubts = one_pixel_size(sizes, said_by=f"{DETAIL} gives")
        return Acquisition(
            frame.drop(columns="folder"),
            names=names,
            pixel_size_um=pixel_size,
            notes=(*notes, *more, *doubts, *_targets(details, names)),
            questions=questions,
        )


@lru_cache(maxsize=4096)
def _well(text: str) -> str:
    return well_or_blank(text)


@lru_cache(maxsize=2**17)
def parse_name(name: str) -> Place | None:
    """What a CellVoyager's name says, or None; not to be changed."""
    match = NAME.match(name) or NUMBERED.match(name)
    if match is None:
        return None
    well = f"{UNKNOWN}{int(match['well'])}" if match["well"].isdecimal() else _well(match["well"])
    if not well:
        return None
    place: Place = {
        "well": well,
        "site": str(int(match["field"])),
        "channel": str(int(match["channel"])),
        "plane": int(match["plane"] or 1),
        "timepoint": int(match["time"]),
    }
    plate = match.groupdict().get("plate")
    return {"plate": plate, **place} if plate else place


def _folder(path: Path) -> Path:
    """The folder of an image's measurement: where its list lies, or outside of inner folders."""
    for above in list(path.parents)[:3]:
        if (above / RECORDS).is_file() or (above / DETAIL).is_file():
            return above
    return next(above for above in path.parents if above.name.lower() not in INNER)


def _rows(where: Path, files: Sequence[str], detail: Detail) -> tuple[list[Row], list[str]]:
    """The images of one measurement, without the plate where names do not say it."""
    parsed = ((path, parse_name(name_of(path))) for path in files)
    named = {path: place for path, place in parsed if place is not None}
    if detail.columns:
        for path, place in named.items():
            if place["well"].startswith(UNKNOWN):
                row, column = divmod(int(place["well"].removeprefix(UNKNOWN)) - 1, detail.columns)
                named[path] = {**place, "well": f"{row_letters(row)}{column + 1:02d}"}
    rows, notes = _listed(where, files, named, detail)
    taken = {row["path"] for row in rows}
    rows += [
        {**place, "path": path, "index": ""} for path, place in named.items() if path not in taken
    ]
    planes = {row["channel"] for row in rows if row["plane"] > 0}
    made = [row for row in rows if row["plane"] == 0 and row["channel"] in planes]
    if made:
        notes.append(_projections(where, len(made)))
        rows = [row for row in rows if row["plane"] > 0 or row["channel"] not in planes]
    return rows, notes


def _listed(
    where: Path, files: Sequence[str], named: dict[str, Place], detail: Detail
) -> tuple[list[Row], list[str]]:
    """What ``MeasurementData.mlf`` lists, where there is one that can be read.

    Projections that repeat planes are taken out of `named`.
    """
    path = where / RECORDS
    if not path.is_file():
        return [], []
    try:
        records = read_records(path)
    except InputError as error:
        return [], [f"not used: {error}"]
    notes = []
    if records.errors:
        shown = "; ".join(records.errors[:SHOWN]) + ("; ..." * (len(records.errors) > SHOWN))
        notes.append(f"{where.name}: {len(records.errors)} errors of the instrument ({shown})")
    if records.incomplete:
        lacking = "records of it lack a row, column, field, channel or file"
        notes.append(f"{RECORDS} of {where.name}: {records.incomplete} {lacking}")
    images = records.images
    if images.empty:
        return [], [*notes, f"{RECORDS} of {where.name} lists no image; names were read"]
    made = images["projection"] != ""
    stain = images["channel"].map(lambda n: detail.targets.get(n, n))
    repeated = made & stain.isin(set(stain[~made]))
    if repeated.any():
        notes.append(_projections(where, int(repeated.sum())))
    left = {file.rpartition("/")[2] for file in images.loc[repeated, "file"]}
    for file in [file for file in named if name_of(file) in left]:
        named.pop(file)
    kept = [file for file in files if name_of(file) not in left]
    told = {file: place for file, place in named.items() if not place["well"].startswith(UNKNOWN)}
    met = meet(path, images[~repeated].assign(page=""), kept, told)
    return met.rows, [*notes, *met.notes]


def _projections(where: Path, count: int) -> str:
    return (
        f"{where.name}: {count} projections of the instrument were left out; their planes are there"
    )


def _corrections(files: Sequence[str]) -> list[str]:
    if not files:
        return []
    return [f"{len(files)} correction images (DC_, SC_) were left out, such as {name_of(files[0])}"]


def _with_plates(
    frame: pd.DataFrame, details: Mapping[Path, Detail]
) -> tuple[pd.DataFrame, list[str]]:
    """Plate, and measurement where a plate has several; and where files and names disagree.

    The instrument's files say what the plate is called, or the names; not where that is the
    plate's make, or what several folders share.
    """
    if "plate" not in frame:
        frame["plate"] = None
    names = {
        where: sorted(set(part.dropna()))
        for where, part in frame.groupby("folder", sort=False)["plate"]
    }
    notes = [
        f"{DETAIL} of {where.name} calls the plate {details[where].plate}, names {prefixes[0]}"
        for where, prefixes in names.items()
        if prefixes and details[where].plate and prefixes != [details[where].plate]
    ]
    several = {where for where, prefixes in names.items() if len(prefixes) > 1}
    called = {
        where: details[where].plate or (prefixes[0] if prefixes else "")
        for where, prefixes in names.items()
        if where not in several
    }
    plates: dict[Path, str] = {}
    measured: dict[Path, str] = {}
    of_name: dict[str, list[Path]] = defaultdict(list)
    for where, name in called.items():
        of_name[name].append(where)
    for name, folders in of_name.items():
        if not name or PRODUCT.match(name):
            plates |= {where: where.name for where in folders}
        elif len(folders) == 1:
            plates[folders[0]] = name
        elif all(_again(where, name) for where in folders):
            plates |= dict.fromkeys(folders, name)
            measured |= {where: where.name for where in folders}
        else:
            plates |= {where: where.name for where in folders}
    frame["plate"] = frame["folder"].map(plates).fillna(frame["plate"])
    if measured:
        frame["measurement"] = frame["folder"].map(measured).fillna("")
    return frame, notes


def _again(where: Path, plate: str) -> bool:
    """Whether a folder's name, or that of the folder above it, says that it is of this plate."""
    rest = where.name.removeprefix(plate)
    return where.parent.name == plate or (rest != where.name and bool(WHEN.fullmatch(rest)))


def _targets(details: Mapping[Path, Detail], names: Mapping[str, str]) -> list[str]:
    """What the instrument says of channels whose stain it does not name."""
    known = {str(n): text for d in details.values() for n, text in d.targets.items() if text}
    said = [f"{n} is {text}" for n, text in sorted(known.items()) if n not in names]
    return [f"channels by the instrument: {', '.join(said)}"] if said else []
