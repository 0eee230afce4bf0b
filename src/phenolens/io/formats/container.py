"""Files that hold whole fields: images, stains, planes and time points, and say which is which."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.discovery.contents import (
    contents,
    planes,
    require_fields,
    site_in,
    unlike,
    well_in,
)
from phenolens.io.formats.instrument import Instrument
from phenolens.io.instruments.acquisition import Acquisition
from phenolens.readers.series import Series

LOOKED_AT = 8
GUESSED = "read off the names ({example}); check it"


class Container(Instrument):
    """A format whose files describe themselves. A subclass says which files are its own."""

    def owns(self, path: Path) -> bool:
        """Whether a file is one of these, by its name."""
        raise NotImplementedError(f"'{self.name}' has no owns.")

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """By the share of the files that are its own, where the first says its well."""
        own = [path for path in files if self.owns(path)]
        if not own or len(own) < 0.1 * len(files):
            return None
        return 0.8 * len(own) / len(files) if self.tells_wells(own) else None

    def tells_wells(self, files: Sequence[Path]) -> bool:
        """Whether wells stand in the files, or in the names of files that hold whole fields.

        Files of one plane are images like any other, whose names say the stain too, unless the
        files themselves name several stains.
        """
        try:
            found = contents(files[0])
        except InputError:
            return bool(well_in(files[0].name))
        if any(one.place.get("well") or well_in(one.name) for one in found):
            return True
        several = len(found) > 1 or math.prod(found[0].shape[:-2]) > 1
        if not several:
            several = len({stain for path in files[:LOOKED_AT] for stain in _stains(path)}) > 1
        return several and bool(well_in(files[0].name))

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """Every plane of every image; a file of a set that another describes is read with it."""
        fields = Fields(folder)
        for path in (path for path in files if self.owns(path)):
            if str(path) not in fields.read:
                fields.take(path)
        return fields.acquisition()


def _stains(path: Path) -> tuple[str, ...]:
    try:
        return contents(path)[0].channels
    except InputError:
        return ()


PLACED = ["plate", "well", "site", "channel", "path", "index"]


class Fields:
    """Planes gathered from files; stains are numbered as the first file has them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read: set[str] = set()
        self.rows: list[dict[str, Any]] = []
        self.stains: dict[str, str] = {}
        self.sizes: set[float] = set()
        self.unread: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.guessed = ""
        self.counted: Counter[tuple[str, ...]] = Counter()

    def take(self, path: Path, said: Mapping[str, str] | None = None, *, name: str = "") -> None:
        """All images of a file; one that cannot be read stays a row, and is set aside later.

        Parameters
        ----------
        path : Path
        said : mapping, optional
            Plate, well, site and measurement, where they are known from elsewhere.
        name : str
            What the image is called, where it does not say so itself.
        """
        self.read.add(str(path))
        try:
            found = contents(path)
            for series in found:
                require_fields(series, path)
        except InputError as error:
            fault = str(error) if path.exists() else ""
            place = self.place(path, said or {}, name, alone=True)
            self.unread.append({**place, "path": str(path), "fault": fault})
            return
        if different := unlike(found, path):
            self.notes.append(different)
        for series in found:
            numbers = self.numbers(series)
            place = self.place(
                path,
                said or series.place,
                name or series.name,
                stains=numbers,
                alone=len(found) == 1,
            )
            if series.pixel_size_um is not None:
                self.sizes.add(series.pixel_size_um)
            for plane in planes(series, path):
                self.read.add(plane["path"])
                self.rows.append({**place, **plane, "channel": numbers[plane["channel"]]})

    def place(
        self,
        path: Path,
        said: Mapping[str, str],
        name: str,
        *,
        stains: Sequence[str] = (),
        alone: bool,
    ) -> dict[str, str]:
        """Plate, well and site of an image: as it is said, else from its name or the file's.

        Sites that nothing names are counted, images of other stains apart.
        """
        well, plate = said.get("well") or "", said.get("plate") or ""
        stem = path.name.partition(".")[0]
        if not well:
            in_name, in_stem = well_in(name), well_in(stem)
            well = in_name or in_stem
            self.guessed = self.guessed or (name if in_name else path.name)
            if in_name and in_name != in_stem:  # a file whose images are wells is a plate
                plate = plate or stem
        plate = plate or plate_of(path, self.folder)
        run = said.get("measurement", "")
        site = said.get("site") or (site_in(stem) if alone else "")
        if not site:
            key = (plate, well, run, *stains)
            self.counted[key] += 1
            site = str(self.counted[key])
        return {"plate": plate, "well": well, "site": site} | ({"measurement": run} if run else {})

    def numbers(self, series: Series) -> list[str]:
        """Identifiers of the image's stains: those of the first file, by name where it names."""
        count = series.count("C")
        if not series.channels:
            return [str(number + 1) for number in range(count)]
        by_name = {name: number for number, name in self.stains.items()}
        for name in series.channels:
            if name not in by_name:
                by_name[name] = str(len(by_name) + 1)
                self.stains[by_name[name]] = name
        return [by_name[name] for name in series.channels]

    def acquisition(self) -> Acquisition:
        """What was gathered."""
        known = sorted({row["channel"] for row in self.rows}) or ["1"]
        unread = [row | {"channel": one, "index": ""} for row in self.unread for one in known]
        held = [*self.rows, *unread]
        rows = pd.DataFrame(held, columns=None if held else PLACED)
        questions: list[tuple] = []
        if self.guessed:
            questions.append(("columns.well", GUESSED.format(example=self.guessed)))
        if len(self.sizes) > 1:
            shown = ", ".join(map(str, sorted(self.sizes)))
            self.notes.append(f"pixel sizes differ: {shown} micrometres")
        for name in ("plane", "timepoint"):
            if name in rows:
                rows[name] = rows[name].fillna(0).astype(int) + 1
        if "measurement" in rows:
            rows["measurement"] = rows["measurement"].fillna("")
        return Acquisition(
            rows,
            names=self.stains,
            pixel_size_um=min(self.sizes) if len(self.sizes) == 1 else None,
            notes=tuple(dict.fromkeys(self.notes)),
            questions=tuple(questions),
        )


def plate_of(path: Path, folder: Path) -> str:
    """The folder that holds a file; ``images`` and the like stand for the one above."""
    parent = path.parent
    plain = parent.name.lower() in {"images", "image", "tiff", "tiffs", "data"}
    return parent.parent.name if plain and parent != folder else parent.name
