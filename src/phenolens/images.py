"""Image sets: which pixels belong to which field, tile or crop, and how to read them.

An :class:`ImageSet` is a table. One row is a field, a tile or a single-cell crop; ``Metadata_*``
columns say where it comes from, and for each channel ``Path_<channel>`` and ``Index_<channel>``
say which file holds it and which element of that file's leading axes it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.findings import Finding
from phenolens.profiles import OBJECT, PLATE, SITE, WELL

IMAGE_KEY = (PLATE, WELL, SITE, OBJECT)
LABELS = "Labels_"


@dataclass(frozen=True)
class ImageSet:
    """A table of images that belong together, nothing read yet.

    Attributes
    ----------
    table : DataFrame
        One row an image: ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Site`` (string),
        for crops ``Metadata_ObjectNumber``, further metadata, and per channel
        ``Path_<channel>`` (string) and ``Index_<channel>`` (string: ``""`` for a file that holds
        one plane, ``"3"`` or ``"3,1"`` for a position in the leading axes of a stack). A given
        illumination function is ``Illum_<channel>``; a given label image ``Labels_<compartment>``
        (``Labels_<compartment>Outlines`` for drawn outlines).
    channels : tuple of str
        Stain names, in the order of the pixels' first axis.
    level : str
        ``field``, ``tile`` or ``cell``.
    pixel_size_um : float or None
        Micrometres a pixel, when known.
    """

    table: pd.DataFrame
    channels: tuple[str, ...]
    level: str = "field"
    pixel_size_um: float | None = None

    def __post_init__(self) -> None:
        needed = [PLATE, WELL, SITE]
        needed += [f"{part}_{channel}" for channel in self.channels for part in ("Path", "Index")]
        absent = [name for name in needed if name not in self.table]
        if absent:
            raise InputError(f"The image table lacks the column(s) {', '.join(absent)}.")

    def __len__(self) -> int:
        return len(self.table)

    @property
    def key(self) -> list[str]:
        """Metadata columns that name one image."""
        return [name for name in IMAGE_KEY if name in self.table]

    @property
    def label_columns(self) -> list[str]:
        """Columns that hold paths of label images; none where images are to be segmented."""
        return [name for name in self.table if str(name).startswith(LABELS)]

    @property
    def metadata(self) -> pd.DataFrame:
        """The ``Metadata_*`` columns."""
        return self.table[[name for name in self.table if name.startswith("Metadata_")]]

    def take(self, rows: np.ndarray) -> ImageSet:
        """The images at these positions, or where this mask is true."""
        rows = np.asarray(rows)
        positions = np.flatnonzero(rows) if rows.dtype == bool else rows
        return replace(self, table=self.table.iloc[positions].reset_index(drop=True))

    def where(self, row: int, channel: str | None = None) -> str:
        """Plate, well, site (and channel, file) of an image, for messages."""
        values = self.table.iloc[row]
        place = ", ".join(f"{name[9:].lower()} {values[name]}" for name in self.key)
        return f"{place}, {channel} ({values[f'Path_{channel}']})" if channel else place


def read_pixels(images: ImageSet, row: int) -> np.ndarray:
    """Pixels of one image, (C, H, W), in the files' own dtype.

    Raises
    ------
    InputError
        If a file is missing, empty, truncated or not grey, or the stains differ in size or dtype;
        the message names plate, well, site, channel and file.
    """
    planes = [read_plane(images, row, channel) for channel in images.channels]
    shapes = {plane.shape for plane in planes}
    kinds = {plane.dtype.str for plane in planes}
    if len(shapes) > 1 or len(kinds) > 1:
        seen = ", ".join(
            f"{channel} {plane.shape[0]}x{plane.shape[1]} {plane.dtype}"
            for channel, plane in zip(images.channels, planes, strict=True)
        )
        fault = f"the stains differ in size or depth ({seen})."
        raise InputError(_not_read(images, row, fault))
    return np.stack(planes)


def read_plane(images: ImageSet, row: int, channel: str) -> np.ndarray:
    """One stain of one image, (H, W); see :func:`read_pixels` for the errors."""
    values = images.table.iloc[row]
    try:
        plane = read_file(values[f"Path_{channel}"], parse_index(values[f"Index_{channel}"]))
    except InputError as error:
        raise InputError(_not_read(images, row, str(error), channel=channel)) from None
    if plane.ndim != 2:
        got = f"expected one grey plane, got shape {plane.shape}"
        fault = f"{got}; name the plane with an index column."
        raise InputError(_not_read(images, row, fault, channel=channel))
    return plane


def _not_read(images: ImageSet, row: int, fault: str, *, channel: str = "") -> Finding:
    about = {"image": images.where(row, channel or None), "channel": channel}
    return Finding("image-not-read", "error", about, {"fault": fault})


def parse_index(text: str) -> tuple[int, ...]:
    """``""`` is the whole file, ``"3"`` and ``"3,1"`` positions in its leading axes."""
    return tuple(int(part) for part in str(text).split(",") if part.strip())


def read_file(path: str | Path, index: Sequence[int] = ()) -> np.ndarray:
    """An image file's array, or the element at ``index`` of its leading axes.

    TIFF goes through tifffile,
    ``.npy`` through numpy without pickle, PNG, JPEG and BMP through scikit-image.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged or the index is outside the stack.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("the file is missing")
    if path.stat().st_size == 0:
        raise InputError("the file is empty (0 bytes)")
    try:
        return _read_known(path, tuple(index))
    except IndexError:
        raise InputError(f"index {','.join(map(str, index))} is outside the stack") from None
    except Exception as error:  # codecs raise many kinds; each means the same to the user
        raise InputError(f"the file cannot be read ({type(error).__name__}: {error})") from None


def _read_known(path: Path, index: tuple[int, ...]) -> np.ndarray:
    suffix = path.suffix.lower()
    if suffix in {".tif", ".tiff"}:
        return _read_tiff(path, index)
    if suffix == ".npy":
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[index])
    from skimage.io import imread

    return np.asarray(imread(path))[index]


def _read_tiff(path: Path, index: tuple[int, ...]) -> np.ndarray:
    if not index:
        return _tiff_array(path)
    if any(position < 0 for position in index):
        raise IndexError
    return _tiff_stack(path, path.stat().st_mtime_ns)[index]


def _tiff_array(path: Path) -> np.ndarray:
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        return tiff.series[0].asarray()


@lru_cache(maxsize=2)
def _tiff_stack(path: Path, changed: int) -> np.ndarray:
    """A stack is read whole and kept while its crops are asked for one after another."""
    return _tiff_array(path)
