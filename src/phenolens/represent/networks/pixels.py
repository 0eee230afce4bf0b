"""Pixels in the form that networks read: scaled per stain, resized, cached as bytes.

Each image becomes ``tiles * tiles`` squares of ``size`` pixels and every stain one byte a pixel.
A plate's stains are scaled by percentiles of its *controls* (or each image by its own), so that
plates agree and no treated well speaks before the split. Bytes hold the square root of the scaled
intensity, which makes photon noise even over the range, with room for four times the controls'
upper percentile before anything saturates.
"""

from __future__ import annotations

import errno
import os
import time
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal
from warnings import warn

import numpy as np

from phenolens.errors import DamagedError, DesignError, InputError
from phenolens.files import atomic_path, digest, read_arrays
from phenolens.prepared import Prepared, Progress
from phenolens.profiles import CONTROL, PLATE
from phenolens.represent.base import evenly

HEADROOM = 4.0
_HIGH = {True: 95.0, False: 99.5}
_CALIBRATION_PIXELS = 2**23
_CALIBRATION_IMAGES = (48, 2000)
_PIXELS_AN_IMAGE = 2**16
_KEPT_EVERY = 60.0  # seconds of work that a killed run loses at most


@dataclass(frozen=True)
class PixelSettings:
    """How images become what a network reads.

    Attributes
    ----------
    size : int
        Side of a square in pixels after resizing.
    tiles : int
        An image is cut into ``tiles * tiles`` squares; its features are their mean.
    scaling : {"controls", "image"}
        Percentiles of the plate's controls, or of each image alone (intensity is then lost).
    low : float
        Percentile mapped to 0.
    high : float, optional
        Percentile mapped to 1; by default 95 for crops, which are mostly cell (higher ones hang on
        a few bright cells), and 99.5 for fields, which are mostly background.
    """

    size: int = 128
    tiles: int = 1
    scaling: Literal["controls", "image"] = "controls"
    low: float = 1.0
    high: float | None = None


class PixelStore:
    """Scaled and resized images of a prepared store, made when first asked for and kept.

    Parameters
    ----------
    prepared : Prepared
    settings : PixelSettings
    calibrating : ndarray of bool, shape (len(prepared),), optional
        Images whose pixels set the scale of their plate; by default every control.
    folder : path, optional
        Keep the bytes in a memory-mapped file there (a later run finds them); else in memory.
    """

    def __init__(
        self,
        prepared: Prepared,
        settings: PixelSettings = PixelSettings(),
        *,
        calibrating: np.ndarray | None = None,
        folder: str | Path | None = None,
    ) -> None:
        self.prepared = prepared
        self.settings = settings
        self._high = settings.high or _HIGH[prepared.images.level == "cell"]
        self._plates = prepared.images.table[PLATE].astype(str).to_numpy()
        self.calibrating = _calibrating(prepared, calibrating)
        self._ranges: dict[str, np.ndarray] = {}
        self.folder = None if folder is None else Path(folder)
        self._filled = np.zeros(len(prepared), dtype=bool)  # in memory, or checked on the disk

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """(images, squares an image, stains, size, size)."""
        size = self.settings.size
        squares = self.settings.tiles**2
        return (len(self.prepared), squares, len(self.prepared.channels), size, size)

    def array(self, rows: np.ndarray, *, progress: Progress | None = None) -> np.ndarray:
        """The whole array, uint8 of :attr:`shape`, in which these rows (only) are sure to be made.

        Raises
        ------
        DesignError
            If a plate has no calibrating image.
        InputError
            If a stain is constant over a plate's calibrating images, or the disk is full.
        """
        missing = self._missing(np.unique(np.asarray(rows)[~self._filled[rows]]))
        kept = time.monotonic()
        for done, row in enumerate(missing, start=1):
            self._array[row] = self._make(int(row))
            self._filled[row], self._sums[row] = True, _sum(self._array[row])
            if progress:
                progress(done, len(missing))
            if self.folder is not None and time.monotonic() - kept > _KEPT_EVERY:
                self._flush()
                kept = time.monotonic()
        if len(missing) and self.folder is not None:
            self._flush()
        return self._array

    def _missing(self, rows: np.ndarray) -> np.ndarray:
        """Those of these rows that no earlier run made, or that are not as it made them."""
        made = rows[self._sums[rows] > 0]
        sound = np.array([_sum(self._array[row]) == self._sums[row] for row in made], dtype=bool)
        self._filled[made[sound]] = True
        if not sound.all():
            warn(
                f"{self._path('pixels')}: {np.sum(~sound)} of {len(made)} images are damaged; "
                "they are made anew.",
                stacklevel=3,
            )
        return np.setdiff1d(rows, made[sound])

    def scaled(self, row: int) -> np.ndarray:
        """Pixels of one image, float32 (C, H, W), on the scale of its plate; nothing is kept.

        0 and 1 are the calibrating percentiles, and what lies beyond them stays beyond.

        Raises
        ------
        DesignError, InputError
            As :meth:`array`.
        """
        pixels = self.prepared.pixels(row)
        low, high = self._range(row, pixels)
        return (pixels - low[:, None, None]) / (high - low)[:, None, None]

    def take(self, rows: np.ndarray) -> np.ndarray:
        """A copy of these rows, uint8 (len(rows), squares, stains, size, size)."""
        return self.array(rows)[rows]

    def digest(self) -> str:
        """Names the content: settings, images as they are read, calibrating images."""
        return digest(asdict(self.settings), self._high, self.prepared.digest, self.calibrating)

    def _make(self, row: int) -> np.ndarray:
        squares = cut(self.scaled(row), tiles=self.settings.tiles, size=self.settings.size)
        return to_bytes(squares)

    def _range(self, row: int, pixels: np.ndarray) -> np.ndarray:
        """Lower and upper end of each stain, float32 (2, C)."""
        if self.settings.scaling == "image":
            low, high = self._percentiles([pixels])
            return np.stack([low, np.maximum(high, low + 1e-6 + 1e-6 * np.abs(low))])
        plate = self._plates[row]
        if plate not in self._ranges:
            self._ranges[plate] = self._plate_range(plate)
        return self._ranges[plate]

    def _plate_range(self, plate: str) -> np.ndarray:
        rows = np.flatnonzero(self.calibrating & (self._plates == plate))
        if not len(rows):
            raise DesignError(
                f"Plate '{plate}' has no control image to scale its pixels by. Mark its controls, "
                "leave the plate out, or scale each image by itself (scaling = 'image')."
            )
        ends = self._percentiles(self.prepared.pixels(int(row)) for row in self._spread(rows))
        flat = np.flatnonzero(ends[1] <= ends[0])
        if len(flat):
            raise InputError(
                f"Plate '{plate}', {self.prepared.channels[flat[0]]}: the controls' pixels are all "
                f"{ends[0][flat[0]]:g}, so the stain cannot be scaled. Leave stain or plate out."
            )
        return ends

    def _spread(self, rows: np.ndarray) -> np.ndarray:
        """Enough of these rows, evenly spaced: few fields, or many small crops."""
        fewest, most = _CALIBRATION_IMAGES
        area = self.prepared.pixels(int(rows[0]))[0].size
        n = int(np.clip(_CALIBRATION_PIXELS // area, fewest, most))
        return evenly(rows, n)

    def _percentiles(self, images: Iterable[np.ndarray]) -> np.ndarray:
        flat = (image.reshape(len(image), -1) for image in images)
        # Copies: a view would keep its field in memory, and 48 of them a gigabyte.
        thin = [pixels[:, :: max(1, pixels.shape[1] // _PIXELS_AN_IMAGE)].copy() for pixels in flat]
        wanted = (self.settings.low, self._high)
        return np.percentile(np.concatenate(thin, axis=1), wanted, axis=1).astype(np.float32)

    @property
    def _array(self) -> np.ndarray:
        return self._opened[0]

    @property
    def _sums(self) -> np.ndarray:
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[np.ndarray, np.ndarray]:
        """Opened when bytes are first asked for: what reads `scaled` alone needs no room."""
        return self._open()

    def _open(self) -> tuple[np.ndarray, np.ndarray]:
        """The array, and the checksum of each image in it; 0 where none was made."""
        sums = np.zeros(len(self.prepared), dtype=np.int64)
        if self.folder is None:
            return np.zeros(self.shape, dtype=np.uint8), sums
        path = self._path("pixels")
        try:
            kept = np.lib.format.open_memmap(path, mode="r+")
            if (kept.shape, kept.dtype) == (self.shape, np.uint8):
                return kept, read_arrays(self._path("made").with_suffix(".npz"), ["sums"])["sums"]
        except FileNotFoundError:
            pass
        except (ValueError, OSError, DamagedError) as error:
            if not isinstance(error, DamagedError) or Path(error.path).is_file():
                warn(f"{path} is damaged ({error}); it is made anew.", stacklevel=4)
        _allocate(path, self.shape)
        return np.lib.format.open_memmap(path, mode="r+"), sums

    def _flush(self) -> None:
        if isinstance(self._array, np.memmap):
            self._array.flush()
        made = self._path("made").with_suffix(".npz")
        with atomic_path(made) as partial, partial.open("wb") as file:
            np.savez(file, sums=self._sums)

    def _path(self, what: str) -> Path:
        assert self.folder is not None  # in memory nothing has a path
        return self.folder / f"{what}-{self.digest()}.npy"


def require_pixels(made: Path) -> None:
    """Read all images of a kept array, and compare each with its checksum.

    Parameters
    ----------
    made : Path
        The file of checksums; the array lies beside it.

    Raises
    ------
    DamagedError
        If one is not as it was made.
    """
    sums = read_arrays(made, ["sums"])["sums"]
    path = made.with_name(made.name.replace("made-", "pixels-", 1)).with_suffix(".npy")
    try:
        images = np.lib.format.open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise DamagedError(path, str(error)) from None
    if len(images) != len(sums) or images.dtype != np.uint8:
        raise DamagedError(path, f"it holds {len(images)} images, where {len(sums)} were made")
    wrong = [row for row in np.flatnonzero(sums) if _sum(images[row]) != sums[row]]
    if wrong:
        raise DamagedError(path, f"{len(wrong)} of {np.count_nonzero(sums)} images have changed")


def _sum(image: np.ndarray) -> int:
    """Checksum of an image's bytes, 1 or more."""
    return zlib.crc32(np.ascontiguousarray(image).data) + 1


def _calibrating(prepared: Prepared, given: np.ndarray | None) -> np.ndarray:
    if given is not None:
        return np.asarray(given, dtype=bool)
    if CONTROL not in prepared.images.table:
        return np.zeros(len(prepared), dtype=bool)
    marked = prepared.images.table[CONTROL].astype("boolean")
    return marked.fillna(value=False).to_numpy(dtype=bool)


def _allocate(path: Path, shape: tuple[int, ...]) -> None:
    """Reserve the file whole: a memory map that grows on a full disk would kill the process."""
    with atomic_path(path) as partial:
        try:
            array = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint8, shape=shape)
            del array
            _reserve(partial)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise InputError(
                f"The disk is full: the pixels of {shape[0]} images need "
                f"{np.prod(shape) / 2**30:.1f} GiB in {path.parent}. Free space, lower the size, "
                "or choose another output folder."
            ) from None


def _reserve(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
            return
        block = bytes(2**24)
        file.seek(128)
        while file.tell() < size:
            file.write(block[: size - file.tell()])


def to_bytes(scaled: np.ndarray) -> np.ndarray:
    """Scaled intensity (0 and 1 are the calibrating percentiles) as bytes of its square root."""
    root = np.sqrt(np.clip(scaled, 0.0, HEADROOM) / HEADROOM)
    return np.rint(root * 255.0).astype(np.uint8)


def cut(image: np.ndarray, *, tiles: int, size: int) -> np.ndarray:
    """The central square of an image as ``tiles * tiles`` squares, (tiles², C, size, size)."""
    return np.stack([resize(square, size) for square in squares_of(image, tiles)])


def squares_of(image: np.ndarray, tiles: int) -> list[np.ndarray]:
    """The central square of (C, H, W) cut into ``tiles * tiles`` squares, row by row."""
    image = central_square(image)
    side = image.shape[-1] // tiles
    return [
        image[:, i * side : (i + 1) * side, j * side : (j + 1) * side]
        for i in range(tiles)
        for j in range(tiles)
    ]


def central_square(image: np.ndarray) -> np.ndarray:
    """The largest centred square of (..., H, W)."""
    height, width = image.shape[-2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return image[..., top : top + side, left : left + side]


def resize(planes: np.ndarray, size: int) -> np.ndarray:
    """Square planes (C, S, S) to (C, size, size): area means downwards, linear upwards."""
    side = planes.shape[-1]
    if side == size:
        return planes.astype(np.float32)
    matrix = _resampler(side, size)
    return np.stack([(matrix @ (matrix @ plane).T).T for plane in planes.astype(np.float32)])


@lru_cache(maxsize=16)
def _resampler(before: int, after: int):
    """Sparse matrix (after, before) whose rows sum to one."""
    from scipy.sparse import csr_array

    if after < before:
        edges = np.linspace(0, before, after + 1)
        upper = np.minimum(edges[1:, None], np.arange(1, before + 1))
        lower = np.maximum(edges[:-1, None], np.arange(before))
        weights = np.clip(upper - lower, 0, None)
        return csr_array((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))
    centres = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    distance = np.abs(centres[:, None] - np.arange(before))
    return csr_array(np.clip(1.0 - distance, 0, None).astype(np.float32))
