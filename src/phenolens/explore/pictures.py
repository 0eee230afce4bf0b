"""Pixels of the prepared store as tiles, outlines and crops; never more than a few in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import ngff
from phenolens.answers.tables import Tables
from phenolens.depths import PlaneLook, depths
from phenolens.errors import DamagedError, InputError
from phenolens.explore.once import Once
from phenolens.files import read_sealed
from phenolens.prepared import MARK, group_path, read_labels, read_plane
from phenolens.profiles import PLATE, SITE, WELL

TILE = 256
LOW, HIGH = 1.0, 99.7
"""Percentiles of control fields between which a stain is shown, as in the report's montages."""
_KEPT_BYTES = 192 * 2**20
_DEEPEST = 65_535
_CONTRAST_FIELDS = 12
_LOOKED_AT = 48


class GoneError(InputError):
    """Pixels that were looked for and are not there; the text says where."""


@dataclass(frozen=True)
class Pictures:
    """Fields of the prepared images of a study, each by its number.

    Attributes
    ----------
    tables : Tables
        Of the study.
    bring : callable, optional
        Of results at a URL: called with the path of a field in the store before it is read.
    """

    tables: Tables
    bring: Callable[[str], None] | None = None
    _planes: Once = field(
        default_factory=lambda: Once(_KEPT_BYTES, size=lambda plane: plane.nbytes), repr=False
    )
    _small: Once = field(default_factory=Once, repr=False)

    @cached_property
    def store(self) -> Path | None:
        """The folder of the prepared images: of the run that finished, else the newest."""
        root = self.tables.folder / "store"
        found = sorted(root.glob("images-*"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        found = [path for path in found if path.is_dir()]
        try:
            used = set(read_sealed(root / "finished.json")["entries"])
        except (OSError, DamagedError, KeyError):
            used = set()
        return next((path for path in found if path.name in used), found[-1] if found else None)

    @property
    def words(self) -> str:
        """Why there are no pixels, and where they were looked for; empty where there are."""
        if self.store is not None and len(self.fields):
            return ""
        if not self.tables.folder.is_dir():
            return "Profiles alone have no images."
        looked = self.tables.folder / "store" / "images-*"
        if len(self.fields) or (self.tables.wells is not None and "n_images" in self.tables.wells):
            return (
                f"The prepared images are gone. They were looked for in {looked}; "
                "'phenolens run' prepares them again from the originals."
            )
        return f"There are no images of this screen (none in {looked})."

    @cached_property
    def fields(self) -> pd.DataFrame:
        """One row a field: ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Site``, text.

        Those that were measured; where none were, those that lie in the store.
        """
        measured = self.tables.table("fields")
        if measured is not None:
            return measured.reset_index(drop=True)
        rows = list(_fields_in(self.store)) if self.store is not None else []
        return pd.DataFrame(rows, columns=[PLATE, WELL, SITE], dtype=object)

    @cached_property
    def _sample(self) -> list[Path]:
        """Folders of some fields, evenly drawn, that are there."""
        n = len(self.fields)
        if self.store is None or not n:
            return []
        some = np.unique(np.linspace(0, n - 1, min(n, _LOOKED_AT)).astype(int))
        found = [self.entry(int(number)) for number in some]
        return [path for path in found if (path / MARK).is_file()]

    @cached_property
    def _image(self) -> ngff.NgffImage | None:
        for entry in self._sample:
            try:
                held = json.loads((entry / "zarr.json").read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            attributes = held.get("attributes", {}).get("ome", {})
            if (found := ngff.read_image(attributes)) is not None:
                return found
        return None

    @cached_property
    def level(self) -> str:
        """``field``, or ``cell`` where the screen's images are crops; empty without images."""
        if not self._sample:
            return ""
        return "field" if self._image is not None else "cell"

    @cached_property
    def stains(self) -> list[str]:
        """Names of the stains in the order of the pixels."""
        if self._image is not None and self._image.channels:
            return list(self._image.channels)
        wells = self.tables.wells
        named = [] if wells is None else [c for c in wells if c.startswith("intensity_")]
        if not named and self.level == "cell":  # a stack of crops has no place for names
            return [f"stain {n}" for n in range(1, _array_shape(self._sample[0])[1] + 1)]
        return [name.removeprefix("intensity_") for name in named]

    @property
    def pixel_size_um(self) -> float | None:
        """Micrometres a pixel, where known."""
        return None if self._image is None else self._image.pixel_size_um

    @cached_property
    def _factors(self) -> list[float]:
        """What each stain is multiplied by to lie in 0 to 65,535: 1 for 8 and 16 bits."""
        looks = []
        for entry in self._sample:
            try:
                looks.append([PlaneLook(**one) for one in read_sealed(entry / MARK)["looks"]])
            except (OSError, DamagedError, KeyError, TypeError):
                continue
        found = depths([one for one in looks if len(one) == len(self.stains)]) if looks else ()
        scales = [1.0 if d.scale in (255.0, _DEEPEST) else _DEEPEST / d.scale for d in found]
        return scales or [1.0] * len(self.stains)

    def entry(self, number: int) -> Path:
        """The folder of a field in the store.

        Raises
        ------
        GoneError
            If there is no store any more.
        """
        if self.store is None:
            raise GoneError(self.words)
        row = self.fields.iloc[number]
        place = self.store / group_path(str(row[PLATE]), str(row[WELL]), str(row[SITE]))
        if self.bring is not None:
            self.bring(place.relative_to(self.store.parent).as_posix())
        return place

    def shape(self, number: int) -> tuple[int, int]:
        """Height and width of a field.

        Raises
        ------
        GoneError
            If it is not there.
        """
        entry = self.entry(number)
        try:
            height, width = _array_shape(entry)[-2:]
        except (OSError, ValueError, KeyError):
            raise GoneError(f"This field was looked for in {entry}, and is not there.") from None
        return height, width

    def objects(self, number: int) -> list[str]:
        """Names of the label images of a field."""
        try:
            return sorted(path.parent.name for path in (self.entry(number) / "labels").glob("*/0"))
        except GoneError:
            return []

    def plane(self, number: int, stain: int, *, level: int = 0) -> np.ndarray:
        """One stain of a field, uint16 (h, w), both sides halved `level` times by block means.

        Raises
        ------
        GoneError
            If it is not there, or not as it was written.
        """

        def make() -> np.ndarray:
            if level:
                return halved(self.plane(number, stain, level=level - 1))
            return self._read(number, stain)

        return self._planes.get(("plane", number, stain, level), make)

    def _read(self, number: int, stain: int, position: int | None = None) -> np.ndarray:
        entry = self.entry(number)
        try:
            raw = read_plane(entry, stain, position=position)
        except DamagedError as error:
            gone = not (entry / MARK).is_file()
            what = "is not there" if gone else f"is damaged ({error.fault})"
            raise GoneError(f"This field was looked for in {entry}, and {what}.") from None
        factor = self._factors[stain]
        if factor == 1.0 and raw.dtype in (np.uint8, np.uint16):
            return raw.astype(np.uint16)
        return np.clip(np.nan_to_num(raw.astype(np.float64)) * factor, 0, _DEEPEST).astype(
            np.uint16
        )

    def outlines(self, number: int, name: str, *, level: int = 0) -> np.ndarray:
        """Outlines of objects, uint8 (h, w) of 0 and 1; a thin line stays when made smaller.

        Raises
        ------
        GoneError
            If there are none.
        """

        def make() -> np.ndarray:
            if level:
                return _any_of_four(self.outlines(number, name, level=level - 1))
            from skimage.segmentation import find_boundaries

            return find_boundaries(self.labels(number, name), mode="inner").astype(np.uint8)

        return self._planes.get(("outlines", number, name, level), make)

    def labels(self, number: int, name: str) -> np.ndarray:
        """Objects of a field as labels, whole numbers (h, w).

        Raises
        ------
        GoneError
            If they are not there, or not as they were written.
        """
        entry = self.entry(number)
        try:
            return read_labels(entry, name)
        except DamagedError as error:
            raise GoneError(f"{name} of {entry} cannot be read: {error.fault}.") from None

    def contrast(self, numbers: Sequence[int]) -> list[tuple[float, float]]:
        """Where each stain is black and where it is white, in the values of tiles.

        Parameters
        ----------
        numbers : sequence of int
            Fields of control wells of one plate; a few, evenly drawn, are read.
        """
        some = np.unique(
            np.linspace(0, len(numbers) - 1, min(len(numbers), _CONTRAST_FIELDS)).astype(int)
        )
        found = []
        for stain in range(len(self.stains)):
            parts = []
            for place in some:
                try:
                    plane = (
                        self._read(numbers[place], stain, 0)
                        if self.level == "cell"
                        else self._read(numbers[place], stain)
                    )
                except GoneError:
                    continue
                parts.append(plane[::2, ::2].ravel())
            limits = np.percentile(np.concatenate(parts), [LOW, HIGH]) if parts else (0.0, _DEEPEST)
            low, high = map(float, limits)
            found.append((low, max(high, low + 1)))
        return found

    def crop(self, number: int, centre: tuple[float, float], size: int) -> np.ndarray:
        """The square around a point (x, y) of a field, uint16 (stains, size, size); 0 outside."""
        out = np.zeros((len(self.stains), size, size), np.uint16)
        left, top = (round(value) - size // 2 for value in centre)
        for stain in range(len(out)):
            plane = self.plane(number, stain)
            height, width = plane.shape
            rows = slice(max(top, 0), min(top + size, height))
            columns = slice(max(left, 0), min(left + size, width))
            part = plane[rows, columns]
            y, x = rows.start - top, columns.start - left
            out[stain, y : y + part.shape[0], x : x + part.shape[1]] = part
        return out

    @cached_property
    def crop_side(self) -> int:
        """Side of the squares that crops of a screen of crops are shown in."""
        return max(max(_array_shape(entry)[-2:]) for entry in self._sample)

    def crop_of_stack(self, number: int, position: int) -> np.ndarray:
        """A crop of a screen of crops, uint16 (stains, side, side); 0 around a smaller one."""
        side = self.crop_side
        out = np.zeros((len(self.stains), side, side), np.uint16)
        for stain in range(len(out)):
            plane = self._read(number, stain, position)[:side, :side]
            out[stain, : plane.shape[0], : plane.shape[1]] = plane
        return out

    def stacked(self, number: int) -> int:
        """How many crops lie in the stack of a well and site; none where it is gone."""
        entry = self.entry(number)
        return _array_shape(entry)[0] if (entry / MARK).is_file() else 0


def _array_shape(entry: Path) -> list[int]:
    held = json.loads((entry / "0" / "zarr.json").read_text(encoding="utf-8"))
    return [int(side) for side in held["shape"]]


def levels_of(shape: tuple[int, int]) -> int:
    """How many levels of tiles a field has: the last one is a single tile."""
    count = 1
    while max(shape) > TILE:
        shape = (-(-shape[0] // 2), -(-shape[1] // 2))
        count += 1
    return count


def tiles_of(shape: tuple[int, int]) -> Iterator[tuple[int, int, int]]:
    """Level, row and column of every tile of a field."""
    for level in range(levels_of(shape)):
        height, width = (-(-side // 2**level) for side in shape)
        for row in range(-(-height // TILE)):
            for column in range(-(-width // TILE)):
                yield level, row, column


def tile(plane: np.ndarray, row: int, column: int) -> np.ndarray:
    """A tile of a plane; at the edges what there is.

    Raises
    ------
    GoneError
        If there is none.
    """
    found = plane[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]
    if not found.size:
        raise GoneError("There is no such tile.")
    return found


def halved(plane: np.ndarray) -> np.ndarray:
    """Both sides halved by the means of blocks; a last odd row or column counts alone."""
    odd = [(0, side % 2) for side in plane.shape]
    even = np.pad(plane, odd, mode="edge").astype(np.uint32)
    sums = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
    return ((sums + 2) // 4).astype(plane.dtype)


def _any_of_four(plane: np.ndarray) -> np.ndarray:
    even = np.pad(plane, [(0, side % 2) for side in plane.shape])
    return even[::2, ::2] | even[1::2, ::2] | even[::2, 1::2] | even[1::2, 1::2]


def _fields_in(store: Path) -> Iterator[tuple[str, str, str]]:
    """Plate, well and site of the fields that lie in a store, in order."""
    for mark in sorted(store.glob(f"*.zarr/*/*/*/{MARK}")):
        site, column, letters, plate = (path.name for path in list(mark.parents)[:4])
        if site.startswith("."):
            continue
        yield _plain(plate.removesuffix(".zarr"), "%"), f"{letters}{int(column):02d}", _site(site)


def _plain(name: str, mark: str) -> str:
    """The text of which :func:`phenolens.prepared.safe_name` made a folder's name."""
    return re.sub(f"{mark}([0-9a-f]{{2,4}})", lambda found: chr(int(found[1], 16)), name)


def _site(name: str) -> str:
    return re.sub("x([0-9a-f]{2})", lambda found: chr(int(found[1], 16)), name)
