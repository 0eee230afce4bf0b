"""IN Cell Analyzer of GE and Cytiva: names, and the ``.xdce`` that lists every image.

Names were seen in issue 3725 of CellProfiler (``A - 01(fld 2 wv Blue - FITC).tif``, with ``z 3``
and ``time 2 - 2636ms``, without a wavelength, and ``A_01_f2_c1_xUV_mDAPI_z3_t2.tif`` of version
7.2), in Bio-Formats (``A - 1``) and in macros and readers of several laboratories: a plate's name
in front, columns of three digits, ``wix 4`` (the number of the wavelength), ``- time 01 - 0 ms``,
and spaces and brackets replaced by ``_``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import Instrument
from phenolens.io.instruments.acquisition import Acquisition, Place, plates_apart
from phenolens.io.instruments.plate_descriptions import PlateDescription, read_xdce

NAME = re.compile(
    r"^(?:(?P<plate>.+)_)?(?P<row>[a-z]{1,2})(?:[ _]?-[ _]?|_)0*(?P<column>\d{1,2})[(_ ]+"
    r"fld[ _](?P<site>\d+)(?:[ _]wv[ _](?P<wave>.+?))?(?:[ _]wix[ _](?P<number>\d+))?"
    r"(?:[ _]z[ _](?P<plane>\d+))?"
    r"(?:[ _]?-?[ _]?time[ _](?P<timepoint>\d+)(?:[ _]-[ _]\d+[ _]?ms)?)?\)?\.tiff?$",
    re.IGNORECASE,
)
NEWER = re.compile(
    r"^(?:(?P<plate>.+)_)?(?P<row>[a-z]{1,2})_(?P<column>\d{1,2})_f(?P<site>\d+)_c(?P<number>\d+)"
    r"_x(?P<excitation>.+)_m(?P<emission>.+)_z(?P<plane>\d+)_t(?P<timepoint>\d+)\.tiff?$",
    re.IGNORECASE,
)
MARK = " wix "


@lru_cache(maxsize=4096)
def description_file(folder: str) -> str:
    """The ``.xdce`` of a folder, empty where there is none or several."""
    try:
        found = [e.path for e in os.scandir(folder) if e.name.lower().endswith(".xdce")]
    except OSError:
        found = []
    return found[0] if len(found) == 1 else ""


@register
class INCell(Instrument):
    """``A - 01(fld 1 wv DAPI - DAPI).tif``: the wavelength as excitation and emission."""

    name = "incell"
    describes: ClassVar[str] = "images of an IN Cell Analyzer"
    example = "A - 01(fld 1 wv DAPI - DAPI).tif"
    beside = ("*.xdce", "*.xaqp", "*.xlog")
    rank = 42

    def place(self, path: Path) -> Place | None:
        """By the name; the plate is what stands before the well, or the folder's name."""
        match = NAME.match(path.name) or NEWER.match(path.name)
        if match is None:
            return None
        said = match.groupdict()
        well = well_or_blank(f"{said['row']}{said['column']}")
        if not well:
            return None
        wave = said.get("wave") or " - ".join(filter(None, (said.get("excitation"),
                                                            said.get("emission"))))  # fmt: skip
        found: Place = {
            "plate": said["plate"] or path.parent.name,
            "well": well,
            "site": str(int(said["site"])),
            "channel": (wave or "1") + (f"{MARK}{int(said['number'])}" if said["number"] else ""),
        }
        if said["plane"]:
            found["plane"] = int(said["plane"])
        if said["timepoint"]:
            found["timepoint"] = int(said["timepoint"])
        return found

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """By the names; images that the ``.xdce`` lists and that are not there are rows too."""
        acquired = super().acquisition(folder, files)
        if acquired.rows.empty:
            return acquired
        folders = [os.path.dirname(path) for path in acquired.rows["path"]]  # noqa: PTH120
        rows = acquired.rows.assign(folder=folders)
        notes: list[str] = []
        described = _described(rows["folder"].unique(), notes)
        for where, said in described.items():
            rows = _with_absent(rows, where, said, self)
        labels = {where: Path(where).name for where in rows["folder"].unique()}
        rows = rows.assign(plate=plates_apart(rows, labels))
        for name in ("plane", "timepoint"):
            if name in rows:
                rows[name] = rows[name].fillna(1).astype(int)
        rows = rows.assign(channel=_plain_waves(rows["channel"]))
        sizes = [said.pixel_size_um for said in described.values() if said.pixel_size_um]
        return replace(
            acquired,
            rows=rows.drop(columns="folder"),
            names=stain_names(rows["channel"].unique()),
            pixel_size_um=sizes[0] if sizes else None,
            notes=tuple(notes),
        )


def _described(folders: Sequence[str], notes: list[str]) -> dict[str, PlateDescription]:
    found = {}
    for folder in folders:
        file = description_file(folder)
        try:
            if file:
                found[folder] = read_xdce(Path(file))
        except InputError as error:
            notes.append(f"not used: {error}")
    return found


def _with_absent(
    rows: pd.DataFrame, folder: str, said: PlateDescription, instrument: Instrument
) -> pd.DataFrame:
    """Rows with those of the images that are listed and not there: the ledger names each."""
    there = {os.path.basename(path) for path in rows.loc[rows["folder"] == folder, "path"]}  # noqa: PTH119
    absent = [Path(folder, one.file) for one in said.images if one.file not in there]
    placed = [(path, place) for path in absent if (place := instrument.place(path)) is not None]
    more = [{**place, "path": str(path), "folder": folder} for path, place in placed]
    return pd.concat([rows, pd.DataFrame(more)], ignore_index=True) if more else rows


def _plain_waves(channels: pd.Series) -> pd.Series:
    """Wavelengths without their number, unless one was imaged twice (two cycles of a stain)."""
    plain = channels.str.rpartition(MARK)[0].where(channels.str.contains(MARK), channels)
    twice = channels.groupby(plain).nunique() > 1
    return channels.where(plain.map(twice), plain)


def stain_names(channels: Sequence[str]) -> dict[str, str]:
    """What the wavelengths are called: the emission, or the light that passes through the cells.

    Parameters
    ----------
    channels : sequence of str
        ``UV - DAPI``, ``TL-Brightfield - Cy3``.

    Returns
    -------
    dict of str to str
        The wavelengths as they are where two would have one name.
    """
    names = {}
    for channel in channels:
        excitation, _, emission = channel.rpartition(" - ")
        through = excitation.upper().startswith("TL")
        names[channel] = excitation if through else emission.partition(MARK)[0]
    held = list(names.values())
    return {c: name if held.count(name) == 1 else c for c, name in names.items() if c != "1"}
