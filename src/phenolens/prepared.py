"""The prepared store: every original read once, then chunked native-resolution OME-Zarr.

Fields lie in the layout of OME-NGFF 0.5 (``<plate>.zarr/<row>/<column>/<site>``, axes c, y, x),
label images beside them under ``labels/``; single-cell crops of one well and site lie in one
array with axes n, c, y, x, which OME-NGFF has no name for. Pixels are the originals', unchanged:
illumination correction is applied on reading. A field appears only when it is complete, so a
killed run resumes at the next one.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import illumination, ngff
from phenolens.depths import Depth
from phenolens.errors import InputError
from phenolens.images import ImageSet
from phenolens.profiles import PLATE, SITE, WELL

# Told how many of how many are done, by everything that takes long.
Progress = Callable[[int, int], None]
MARK = ".complete.json"
THUMBNAIL_FILE = "thumbnail.npy"


@dataclass(frozen=True)
class Prepared:
    """Images that could be read, in order of their key, and where their pixels lie.

    Attributes
    ----------
    folder : Path
    images : ImageSet
        The rows that were prepared, sorted by key.
    set_aside : DataFrame
        Rows that were not: ``plate, well, site, channel, file, reason``, and ``why`` as a finding.
    correction : dict
        Plate to illumination functions, float32 (C, t, t); plates without one are not corrected.
    depths : tuple of Depth
        How each stain is scaled, the same in all images.
    looks : DataFrame
        One row an image (or the crops of a well and site) and stain: ``plate, well, site, channel,
        file`` and what its pixels show, see :class:`~phenolens.depths.Look`.
    """

    folder: Path
    images: ImageSet
    set_aside: pd.DataFrame
    correction: dict[str, np.ndarray] = field(default_factory=dict)
    depths: tuple[Depth, ...] = field(default=(), kw_only=True)
    looks: pd.DataFrame = field(default_factory=pd.DataFrame, kw_only=True)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def channels(self) -> tuple[str, ...]:
        """Stain names in the order of the first pixel axis."""
        return self.images.channels

    @property
    def cut(self) -> str:
        """Names how images are cut from what is stored; empty where they are read whole."""
        return ""

    def changed(self, row: int) -> int:
        """When the image was prepared, in nanoseconds since 1970."""
        return (self.folder / place(self.images, row)[0] / MARK).stat().st_mtime_ns

    def raw(self, row: int) -> np.ndarray:
        """Pixels as recorded, (C, H, W), in the originals' dtype."""
        group, position = place(self.images, row)
        array = _open_array(str(self.folder / group / "0"))
        return np.asarray(array[position] if position is not None else array[...])

    def pixels(self, row: int) -> np.ndarray:
        """Pixels corrected for illumination, float32 (C, H, W), in the originals' units."""
        raw = self.raw(row)
        function = self.correction.get(str(self.images.table[PLATE].iloc[row]))
        if function is None:
            return raw.astype(np.float32)
        return raw / illumination.enlarge(function, raw.shape[-2:])

    def small(self, row: int) -> np.ndarray:
        """A small copy corrected for illumination, float32 (C, t, t) with t at most 64."""
        path = self.folder / place(self.images, row)[0] / THUMBNAIL_FILE
        if not path.is_file():
            return illumination.thumbnail(self.pixels(row))
        small = np.load(path, allow_pickle=False)
        function = self.correction.get(str(self.images.table[PLATE].iloc[row]))
        return (
            small if function is None else small / illumination.block_means(function, len(small[0]))
        )

    def labels(self, row: int) -> dict[str, np.ndarray]:
        """Label images by compartment, int32 (H, W); empty when none were saved."""
        folder = self.folder / place(self.images, row)[0] / "labels"
        names = sorted(path.parent.name for path in folder.glob("*/0"))
        position = place(self.images, row)[1]
        arrays = {name: _open_array(str(folder / name / "0")) for name in names}
        return {
            name: np.asarray(array[position] if position is not None else array[...])
            for name, array in arrays.items()
        }


@lru_cache(maxsize=64)
def _open_array(path: str):
    import zarr

    return zarr.open_array(path, mode="r")


def place(images: ImageSet, row: int) -> tuple[Path, int | None]:
    """Folder of an image within the store, and its position in the stack of its well's crops."""
    values = images.table.iloc[row]
    group = group_path(values[PLATE], values[WELL], values[SITE])
    return group, int(values["Position"]) if images.level == "cell" else None


def group_path(plate: str, well: str, site: str) -> Path:
    """Where a field lies in the store: ``<plate>.zarr/<row>/<column>/<site>``."""
    letters = well.rstrip("0123456789")
    return (
        Path(f"{safe_name(plate)}.zarr")
        / letters
        / str(int(well[len(letters) :]))
        / site_name(site)
    )


def safe_name(text: object) -> str:
    """The text as a folder name; characters that some file system refuses are escaped."""
    return "".join(c if c.isalnum() or c in "-_." else f"%{ord(c):02x}" for c in str(text))


def site_name(site: object) -> str:
    """A site as a folder name; OME-NGFF allows letters and numbers only, others are escaped."""
    plain = string.ascii_letters.replace("x", "") + string.digits
    return "".join(c if c in plain else f"x{ord(c):02x}" for c in str(site))


def save_labels(prepared: Prepared, row: int, labels: dict[str, np.ndarray]) -> None:
    """Write label images (int32, (H, W)) beside a field's pixels, as OME-NGFF ``labels``."""
    import zarr

    if prepared.images.level == "cell":
        raise InputError("Label images are saved for fields and tiles, not for crops.")
    folder = prepared.folder / place(prepared.images, row)[0] / "labels"
    for name, image in labels.items():
        attributes = ngff.label_image(prepared.images.pixel_size_um)
        group = zarr.open_group(str(folder / name), mode="w", attributes=attributes)
        group.create_array(
            "0", data=image.astype(np.int32), chunks=image.shape, dimension_names=("y", "x")
        )
    zarr.open_group(str(folder), mode="a", attributes=ngff.labels(list(labels)))
