"""ImageXpress of Molecular Devices: names of MetaXpress, with its ``.HTD``, ``.xdce`` or ``.jdce``.

Names were seen in the resources of fmi-faim/faim-ipa (``Plate_E07_s1_w2B14915F6-....tif``, time
points and planes as folders, thumbnails, one wavelength without ``_w``), in issue 505 of
CellProfiler (one site without ``_s``), in the Cell Painting Gallery (lower-case wells), in notes of
openreadout on plates of IDR (``[GUID]``, ``.HTD`` with Windows' line ends and bytes that are no
UTF-8), and in readers of IN Carta's exports (``t1_E03_s1_w1_z1.tif`` beside an ``.xdce``) and of
the ImageXpress HCS.ai (``experiment/timepoint0/Project_t0_A01_s0_w0_z0.tif`` and a ``.jdce``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, NamedTuple

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import Instrument
from phenolens.io.instruments.acquisition import Acquisition, Place, plates_apart
from phenolens.io.instruments.metaseries import in_tiff
from phenolens.io.instruments.plate_descriptions import READERS, PlateDescription

GUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
NAME = re.compile(
    r"^(?:(?P<plate>.+?)_)??(?:t(?P<timepoint>\d+)_(?=.*_z\d+\.))?(?P<well>[a-z]{1,2}\d{2})"
    r"(?:_s(?P<site>\d+?))?(?:_w(?P<channel>\d{1,2}?)(?:_z(?P<plane>\d+?))?)?(?P<thumb>_thumb)?"
    rf"(?:_?\[?(?P<guid>{GUID})\]?)?\.(?:tiff?|png|jpe?g)$",
    re.IGNORECASE,
)
STEP = re.compile(r"^(TimePoint|ZStep)_?(\d+)$", re.IGNORECASE)
DATE = re.compile(r"^\d{4}-\d{1,2}-\d{1,2}$")
MODES = frozenset({"experiment", "experiment_z_stack", "experiment_montage"})
SHOWN = 3


class Folders(NamedTuple):
    """What the folders of an image say: the plate's, and the steps below it."""

    plate: Path
    timepoint: int | None
    plane: int | None

    @property
    def measurement(self) -> str:
        """What tells acquisitions of one plate apart; empty where nothing does.

        The number of one that the database exports below a date, or the HCS.ai's folder of the
        images, of the planes, or of montages.
        """
        dated = DATE.match(self.plate.parent.name) is not None
        numbered = dated and self.plate.name.isdigit()
        return self.plate.name if numbered or self.plate.name.lower() in MODES else ""

    @property
    def label(self) -> str:
        """What the plate is called after."""
        return (self.plate.parent if self.plate.name.lower() in MODES else self.plate).name


@lru_cache(maxsize=65536)
def folders_of(parent: str) -> Folders:
    """The plate's folder, above ``TimePoint_1`` and ``ZStep_1``, and the numbers of these."""
    here, steps = Path(parent), dict[str, int]()
    while (step := STEP.match(here.name)) is not None:
        steps.setdefault(step[1].lower(), int(step[2]))
        here = here.parent
    return Folders(here, steps.get("timepoint"), steps.get("zstep"))


@lru_cache(maxsize=4096)
def description_files(folder: str) -> tuple[str, ...]:
    """Plate descriptions in a folder, and in its first time point."""
    found = []
    for place in (folder, os.path.join(folder, "TimePoint_1")):  # noqa: PTH118
        try:
            found += [e.path for e in os.scandir(place) if Path(e.name).suffix.lower() in READERS]
        except OSError:
            continue
    return tuple(sorted(found))


@register
class ImageXpress(Instrument):
    """``PLATE_A01_s1_w1<GUID>.tif``, with its variants; thumbnails are left out."""

    name = "imagexpress"
    describes: ClassVar[str] = "images of an ImageXpress (MetaXpress)"
    example = "PLATE_A01_s1_w1.TIF"
    beside = ("*.htd", "*.xdce", "*.jdce", "*.mxprotocol", "image_metadata_*.csv")
    rank = 41

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """By the names of all but thumbnails."""
        return super().recognises_files([path for path in files if "_thumb" not in path.name])

    def place(self, path: Path) -> Place | None:
        """By the name, and the folders of time points and planes.

        A name with neither site nor wavelength is one of these only in such a folder, or beside
        an ``.HTD``.
        """
        match = NAME.match(path.name)
        if match is None or match["thumb"]:
            return None
        well = well_or_blank(match["well"])
        if not well:
            return None
        folders = folders_of(str(path.parent))
        said = match["site"] or match["channel"] or match["guid"] or folders.timepoint
        if not said and not description_files(str(folders.plate)):
            return None
        found: Place = {
            "plate": match["plate"] or folders.label,
            "well": well,
            "site": str(int(match["site"] or 1)),
            "channel": str(int(match["channel"] or 1)),
        }
        plane = folders.plane if match["plane"] is None else int(match["plane"])
        timepoint = folders.timepoint if match["timepoint"] is None else int(match["timepoint"])
        if plane is not None:
            found["plane"] = plane
        if timepoint is not None:
            found["timepoint"] = timepoint
        return found

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """By the names; wavelengths and pixel size by the plate's description, or the TIFF."""
        rows = super().acquisition(folder, files).rows
        if rows.empty:
            return Acquisition(rows)
        if "timepoint" in rows:
            rows = rows.assign(timepoint=rows["timepoint"].fillna(1).astype(int))
        rows = _with_plates(rows)
        rows, notes = _with_planes(rows)
        described = _described(rows, notes)
        names, questions = _names(rows, described, notes)
        sizes = [one.pixel_size_um for one in described.values() if one.pixel_size_um]
        notes += _unfinished(rows, described)
        if not names and not questions:
            names = _named_in_tiffs(rows)
        return Acquisition(
            rows.drop(columns="folder"),
            names=names,
            pixel_size_um=sizes[0] if sizes else in_tiff(Path(rows["path"].iloc[0])).pixel_size_um,
            notes=tuple(notes),
            questions=tuple(questions),
        )


def _with_plates(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the plate's folder, and the plate by the name unless several plates share it.

    Screens that write one name for all plates (``IXMtest_A01_...``, ``HTS_A01_...``) keep them in
    folders; acquisitions of one plate are measurements.
    """
    parents = [os.path.dirname(path) for path in rows["path"]]  # noqa: PTH120
    places = [folders_of(parent) for parent in parents]
    rows = rows.assign(
        folder=[str(place.plate) for place in places],
        measurement=[place.measurement for place in places],
    )
    labels = {folder: _without_wave(folder, rows) for folder in rows["folder"].unique()}
    rows = rows.assign(plate=plates_apart(rows, labels))
    numbers = rows.groupby("plate")["measurement"].nunique()
    return rows if (numbers > 1).any() else rows.drop(columns="measurement")


def _without_wave(folder: str, rows: pd.DataFrame) -> str:
    """The folder's name, without ``w1`` at its end where it holds this wavelength only."""
    name = folders_of(folder).label
    waves = set(rows.loc[rows["folder"] == folder, "channel"])
    end = re.search(r"[_-]?w(\d+)$", name)
    return name[: end.start()] if end and waves == {end[1]} and end.start() else name


def _with_planes(rows: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Rows whose planes are those of ``ZStep_`` folders; what lies above them is one image a field.

    Beside planes of its own wavelength that is MetaXpress' projection, and left out; else it stands
    for each plane of the others.
    """
    if "plane" not in rows or rows["plane"].notna().all():
        return rows, []
    notes = []
    field = [n for n in ("plate", "well", "site", "timepoint", "measurement") if n in rows]
    alone = rows["plane"].isna()
    stacked = rows[~alone].groupby([*field, "channel"]).ngroups
    with_planes = rows[~alone].set_index([*field, "channel"]).index
    made = alone & rows.set_index([*field, "channel"]).index.isin(with_planes)
    if made.any():
        notes.append(
            f"{int(made.sum())} projections of MetaXpress, beside {stacked} stacks of planes, were "
            f"left out, such as {Path(rows.loc[made, 'path'].iloc[0]).name}: [data.images] "
            "projection makes one of the planes"
        )
    single, planes = rows[alone & ~made], rows[~alone]
    if single.empty:
        return planes.astype({"plane": int}), notes
    waves = ", ".join(f"w{n}" for n in sorted(single["channel"].unique()))
    notes.append(f"{waves}: one image a field stands for all planes of the other wavelengths")
    single = single.assign(plane=planes["plane"].min())
    return pd.concat([planes, single], ignore_index=True).astype({"plane": int}), notes


def _described(rows: pd.DataFrame, notes: list[str]) -> dict[str, PlateDescription]:
    """Descriptions by plate; those that cannot be read, or are another plate's, are noted."""
    found: dict[str, PlateDescription] = {}
    for plate, folder in rows[["plate", "folder"]].drop_duplicates().itertuples(index=False):
        for file in description_files(folder):
            path = Path(file)
            try:
                said = READERS[path.suffix.lower()](path)
            except InputError as error:
                notes.append(f"not used: {error}")
                continue
            if plate not in found or said.plate == plate:
                found[plate] = said
    return found


def _waves(said: PlateDescription, of_instrument: Instrument) -> dict[str, str]:
    """Names of wavelengths by the number in file names."""
    if said.channels:
        return dict(said.channels)
    placed = ((of_instrument.place(Path(one.file)), one.channel) for one in said.images)
    return {place["channel"]: name for place, name in placed if place is not None and name}


def _names(
    rows: pd.DataFrame, described: dict[str, PlateDescription], notes: list[str]
) -> tuple[dict[str, str], list[tuple]]:
    """Wavelengths by number, where all plates that are described agree; else a question."""
    instrument = ImageXpress()
    said = {plate: _waves(one, instrument) for plate, one in described.items()}
    said = {plate: waves for plate, waves in said.items() if waves}
    numbers = sorted(rows["channel"].unique(), key=int)
    names: dict[str, str] = {}
    for number in numbers:
        by_name: dict[str, list[str]] = {}
        for plate, waves in said.items():
            if number in waves:
                by_name.setdefault(waves[number], []).append(plate)
        if len(by_name) > 1:
            told = " but ".join(f"{name} in {plates[0]}" for name, plates in by_name.items())
            text = (
                f"w{number} is {told}: plates whose wavelengths differ cannot be one study as they "
                "are. Put them into studies of their own, or name each wavelength here if they "
                "show the same stain"
            )
            return {}, [("images.channels", text)]
        if by_name:
            names[number] = next(iter(by_name))
    undescribed = sorted(set(rows["plate"]) - set(said))
    if names and undescribed:
        notes.append(
            f"{len(undescribed)} plates without a description, such as {undescribed[0]}: their "
            "wavelengths are taken to be those of the others"
        )
    return _unique(names), []


def _unique(names: dict[str, str]) -> dict[str, str]:
    """Names of which each stands once: a filter that was used twice gets its number."""
    held = list(names.values())
    return {n: f"{name} w{n}" if held.count(name) > 1 else name for n, name in names.items()}


def _named_in_tiffs(rows: pd.DataFrame) -> dict[str, str]:
    first = rows.drop_duplicates("channel")[["channel", "path"]].itertuples(index=False)
    names = {number: in_tiff(Path(path)).channel for number, path in first}
    return _unique(names) if names and all(names.values()) else {}


def _unfinished(rows: pd.DataFrame, described: dict[str, PlateDescription]) -> Iterable[str]:
    """Wells, wavelengths and sites that a description announces and of which there is no image."""
    instrument = ImageXpress()
    for plate, said in described.items():
        of_plate = rows[rows["plate"] == plate]
        waves = {n: name for n, name in _waves(said, instrument).items() if n.isdecimal()}
        absent = sorted(set(waves) - set(of_plate["channel"]), key=int)
        if absent:
            yield (
                f"{said.path.name} announces {len(waves)} wavelengths of {plate}; without an "
                f"image: {', '.join(f'{waves[n]} (w{n})' for n in absent)}"
            )
        there = set(of_plate["well"])
        missing = [well for well in said.wells if well not in there]
        if missing:
            more = ", ..." if len(missing) > SHOWN else ""
            yield (
                f"{said.path.name} announces {len(said.wells)} wells of {plate}; without an image: "
                f"{len(missing)} ({', '.join(missing[:SHOWN])}{more}). Was it stopped?"
            )
        sites = of_plate.groupby("well")["site"].nunique()
        fewer = sites[sites < said.sites]
        if len(fewer):
            yield (
                f"{said.path.name} announces {said.sites} sites a well of {plate}; wells with "
                f"fewer: {len(fewer)}, such as {fewer.index[0]} with {fewer.iloc[0]}"
            )
