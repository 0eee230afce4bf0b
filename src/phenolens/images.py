"""Image sets: which pixels belong to which field, tile or crop, and how to read them.

An :class:`ImageSet` is a table. One row is a field, a tile or a single-cell crop; ``Metadata_*``
columns say where it comes from, and for each channel ``Path_<channel>`` and ``Index_<channel>``
say which file holds it and which element of that file's leading axes it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import laplace

from phenolens.errors import InputError, PhenolensError
from phenolens.files import is_endless
from phenolens.findings import Finding
from phenolens.profiles import OBJECT, PLATE, SITE, WELL
from phenolens.readers import reader_of, zarr_store
from phenolens.readers.index import WHOLE, PlaneIndex, parse_index
from phenolens.remote import local, placed

IMAGE_KEY = (PLATE, WELL, SITE, OBJECT)
LABELS = "Labels_"
PLANES = "Planes_"


@dataclass(frozen=True)
class ImageSet:
    """A table of images that belong together, nothing read yet.

    Attributes
    ----------
    table : DataFrame
        One row an image: ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Site`` (string),
        for crops ``Metadata_ObjectNumber``, further metadata, and per channel
        ``Path_<channel>`` (string) and ``Index_<channel>`` (string: ``""`` for a file that holds
        one plane, ``"3"`` or ``"3,1"`` for a position in the leading axes of a stack, and what else
        :func:`phenolens.readers.index.parse_index` reads). A given
        illumination function is ``Illum_<channel>``; a given label image ``Labels_<compartment>``
        (``Labels_<compartment>Outlines`` for drawn outlines). Where one image is made of several
        planes, ``Planes_<channel>`` says how and of which, as JSON
        (``{"max": [[path, index], ...]}``), and ``Path_`` and ``Index_`` name the middle one.
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

    def reads(self) -> list[list[str]]:
        """What is read for each image, as text: stain, path and place in the file, planes."""
        parts = [
            part for c in self.channels for part in (f"Path_{c}", f"Index_{c}", f"{PLANES}{c}")
        ]
        return self.table.reindex(columns=parts, fill_value="").astype(str).to_numpy().tolist()

    def where(self, row: int, channel: str | None = None, path: str | None = None) -> str:
        """Plate, well, site (and channel, file) of an image, for messages."""
        values = self.table.iloc[row]
        place = ", ".join(f"{name[9:].lower()} {values[name]}" for name in self.key)
        return f"{place}, {channel} ({path or values[f'Path_{channel}']})" if channel else place


def read_pixels(images: ImageSet, row: int) -> np.ndarray:
    """Pixels of one image, (C, H, W), in a dtype that holds all stains; see :func:`read_stains`."""
    return np.stack(read_stains(images, row))


def read_stains(images: ImageSet, row: int) -> list[np.ndarray]:
    """The stains of one image, (H, W) each, in their files' own dtypes.

    Of a field of several planes: their projection, see :func:`project`. A colour picture whose
    colours say the same is the grey picture that it shows.

    Raises
    ------
    InputError
        If a file is missing, empty, truncated or not grey, the stains differ in size, or the planes
        of a stain in size or dtype; the message names plate, well, site, channel and file.
    """
    values = images.table.iloc[row]
    planes = {c: _planes(values, c) for c in images.channels if values.get(f"{PLANES}{c}")}
    if not planes:
        stains = [read_plane(images, row, c) for c in images.channels]
        return _of_one_size(images, row, stains)
    how = next(iter(planes.values()))[0]
    stacks = [
        np.stack(_same(images, row, [_read(images, row, c, *place) for place in planes[c][1]], c))
        for c in images.channels
    ]
    pairs = zip(project(np.stack(_of_one_size(images, row, stacks)), how), stacks, strict=True)
    return [plane.astype(stack.dtype) for plane, stack in pairs]


def absent_chunks(images: ImageSet, row: int, channel: str) -> tuple[int, int]:
    """Chunks of one stain of one image that are not stored, and how many there should be.

    Only Zarr has chunks. Those that are not stored read as the fill value: they were left out
    because they hold nothing else, or they were lost.
    """
    values = images.table.iloc[row]
    places = [(values[f"Path_{channel}"], values[f"Index_{channel}"])]
    if values.get(f"{PLANES}{channel}"):
        places = _planes(values, channel)[1]
    counts = [
        zarr_store.absent_chunks(placed(path), parse_index(index))
        for path, index in places
        if placed(path).is_dir()
    ]
    return sum(absent for absent, _ in counts), sum(chunks for _, chunks in counts)


def _planes(values: pd.Series, channel: str) -> tuple[str, list[tuple[str, str]]]:
    """How the planes of a stain are made one, and path and index of each."""
    ((how, places),) = json.loads(values[f"{PLANES}{channel}"]).items()
    return how, [(path, index) for path, index in places]


def project(stacks: np.ndarray, how: str) -> np.ndarray:
    """One image of several planes.

    Parameters
    ----------
    stacks : array, (C, Z, H, W)
    how : {"max", "mean", "best focus"}
        ``best focus`` is the one plane, the same for all stains, whose Laplacian varies most: the
        variances of each stain are divided by their largest and added over the stains (variance of
        the Laplacian: Pech-Pacheco et al., ICPR 2000).

    Returns
    -------
    array, (C, H, W)
        Of the same dtype; the mean of integers is rounded to the nearest.
    """
    if how == "max":
        return stacks.max(axis=1)
    if how == "mean":
        mean = stacks.mean(axis=1, dtype=np.float64)
        whole = np.issubdtype(stacks.dtype, np.integer)
        return (np.rint(mean) if whole else mean).astype(stacks.dtype)
    sharpness = np.array([[laplace(p.astype(np.float64)).var() for p in s] for s in stacks])
    largest = np.maximum(sharpness.max(axis=1, keepdims=True), np.finfo(float).tiny)
    return stacks[:, int(np.argmax((sharpness / largest).sum(axis=0)))]


def _of_one_size(images: ImageSet, row: int, planes: list[np.ndarray]) -> list[np.ndarray]:
    """The stains, where all are of one size."""
    if len({plane.shape for plane in planes}) > 1:
        files = [Path(str(images.table[f"Path_{c}"].iloc[row])).name for c in images.channels]
        three = zip(images.channels, planes, files, strict=True)
        seen = ", ".join(f"{c} {_described(plane)} ({file})" for c, plane, file in three)
        fault = f"the stains differ in size: {seen}."
        raise InputError(_not_read(images, row, fault))
    return planes


def _same(images: ImageSet, row: int, planes: list[np.ndarray], channel: str) -> list[np.ndarray]:
    if len({(plane.shape, plane.dtype.str) for plane in planes}) > 1:
        seen = ", ".join(dict.fromkeys(map(_described, planes)))
        fault = f"the planes differ in size or depth ({seen})."
        raise InputError(_not_read(images, row, fault, channel=channel))
    return planes


def _described(plane: np.ndarray) -> str:
    *count, height, width = plane.shape
    return "x".join(map(str, [*count, height, width])) + f" {plane.dtype}"


def read_plane(images: ImageSet, row: int, channel: str) -> np.ndarray:
    """One stain of one image, (H, W); see :func:`read_pixels` for the errors."""
    values = images.table.iloc[row]
    return _read(images, row, channel, values[f"Path_{channel}"], values[f"Index_{channel}"])


def _read(images: ImageSet, row: int, channel: str, path: str, index: str) -> np.ndarray:
    try:
        plane = read_file(path, parse_index(index))
    except InputError as error:
        raise InputError(_not_read(images, row, str(error), channel=channel, path=path)) from None
    if plane.ndim == 3 and plane.shape[-1] in (2, 3, 4):
        grey = _grey(plane)
        if grey is None:
            fault = f"it is a colour picture of shape {plane.shape}; give its grey original."
            raise InputError(_not_read(images, row, fault, channel=channel, path=path))
        return grey
    if plane.ndim != 2:
        got = f"expected one grey plane, got shape {plane.shape}"
        fault = f"{got}; name the plane with an index column."
        raise InputError(_not_read(images, row, fault, channel=channel, path=path))
    return plane


def _grey(picture: np.ndarray) -> np.ndarray | None:
    """The one plane that a picture with colours or transparency shows; None for real colour.

    That is any of its colours where all are the same (but for what JPEG changes), or the only one
    that is not black.
    """
    colours = picture[..., :1] if picture.shape[-1] == 2 else picture[..., :3]
    used = [number for number in range(colours.shape[-1]) if colours[..., number].any()]
    if len(used) < 2:
        return np.ascontiguousarray(colours[..., used[0] if used else 0])
    spread = np.ptp(colours, axis=-1).max()
    return np.ascontiguousarray(colours[..., 1]) if spread <= (picture.dtype == np.uint8) else None


def _not_read(
    images: ImageSet, row: int, fault: str, *, channel: str = "", path: str = ""
) -> Finding:
    about = {"image": images.where(row, channel or None, path), "channel": channel, "file": path}
    return Finding("image-not-read", "error", about, {"fault": fault})


def read_file(path: str | Path, index: PlaneIndex = WHOLE) -> np.ndarray:
    """An image file's array, or what the index names of it; see :mod:`phenolens.readers`.

    Parameters
    ----------
    path : path
        A file, or the folder of an image in a Zarr store; or the URL of one.
    index : PlaneIndex
        See :func:`phenolens.readers.index.parse_index`.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged, holds several images of which none is named, or the
        index is outside the stack.
    """
    path = local(path)
    if not path.exists():
        raise InputError("the file is missing")
    if is_endless(path):
        raise InputError("it is a pipe or a device, and no file")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError("the file is empty (0 bytes)")
    try:
        return reader_of(path).read(path, index)
    except IndexError:
        raise InputError(f"index {index} is outside the stack") from None
    except PhenolensError:
        raise
    except Exception as error:  # codecs raise many kinds; each means the same to the user
        raise InputError(f"the file cannot be read ({type(error).__name__}: {error})") from None
