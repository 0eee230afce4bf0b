"""The prepared store: every original read once, then chunked native-resolution OME-Zarr.

Fields lie in the layout of OME-NGFF 0.5 (``<plate>.zarr/<row>/<column>/<site>``, axes c, y, x),
label images beside them under ``labels/``; single-cell crops of one well and site lie in one
array with axes n, c, y, x, which OME-NGFF has no name for. Pixels are the originals', unchanged:
illumination correction is applied on reading. A field appears only when it is complete, so a
killed run resumes at the next one. Chunks carry checksums (crc32c), and a field lists its files:
what is missing, cut short or changed is an error and never zeros.
"""

from __future__ import annotations

import shutil
import string
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens import illumination, ngff
from phenolens.depths import Depth
from phenolens.errors import DamagedError, InputError
from phenolens.files import digest, file_digest, identity, read_arrays, read_sealed, write_sealed
from phenolens.images import ImageSet
from phenolens.profiles import PLATE, SITE, WELL

# Told how many of how many are done, by everything that takes long.
Progress = Callable[[int, int], None]
MARK = ".complete.json"
THUMBNAIL_FILE = "thumbnail.npz"  # a zip archive checks its members
LABELS_MARK = ".labels.json"


@dataclass(frozen=True)
class Content:
    """Digests of what was read for one field, or for the crops of one well and site.

    Attributes
    ----------
    pixels : str
        Of the pixels and of what could not be read.
    labels : str
        Of the files of its label images.
    """

    pixels: str = ""
    labels: str = ""


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
    contents : dict
        Digests of what was read, by the field's folder within the store.
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
    contents: dict[str, Content] = field(default_factory=dict, repr=False, kw_only=True)

    def __len__(self) -> int:
        return len(self.images)

    def only(self, rows: np.ndarray) -> Prepared:
        """These images and what reading them takes; nothing of the rest of the screen."""
        images = self.images.take(rows)
        plates = set(images.table[PLATE].astype(str))
        lights = {plate: light for plate, light in self.correction.items() if plate in plates}
        return replace(
            self,
            images=images,
            set_aside=self.set_aside.head(0),
            correction=lights,
            looks=self.looks.head(0),
            contents={},
        )

    @property
    def channels(self) -> tuple[str, ...]:
        """Stain names in the order of the first pixel axis."""
        return self.images.channels

    @property
    def cut(self) -> str:
        """Names how images are cut from what is stored; empty where they are read whole."""
        return ""

    def content(self, row: int) -> Content:
        """Digests of what was read for this image."""
        return self.contents.get(place(self.images, row)[0].as_posix(), Content())

    @cached_property
    def digest(self) -> str:
        """Names all that is read here: keys, stains, pixels, illumination, how crops are cut."""
        key = self.images.table[self.images.key].astype(str).to_numpy().tolist()
        fields = sorted((name, held.pixels) for name, held in self.contents.items())
        lights = {plate: self.light(plate) for plate in sorted(self.correction)}
        scale = [self.images.level, self.images.pixel_size_um, self.cut]
        depths = [asdict(depth) for depth in self.depths]
        return digest(self.channels, key, fields, lights, scale, depths)

    def light(self, plate: str) -> str:
        """Digest of the illumination functions of a plate; empty where there are none."""
        function = self.correction.get(plate)
        return "" if function is None else digest(function)

    def raw(self, row: int) -> np.ndarray:
        """Pixels as recorded, (C, H, W), in the originals' dtype.

        Raises
        ------
        DamagedError
            If what is stored is not what was written.
        """
        group, position = place(self.images, row)
        return _read_array(self.folder / group, MARK, "0", position=position)

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
        small = read_thumbnail(path.parent)
        function = self.correction.get(str(self.images.table[PLATE].iloc[row]))
        return (
            small if function is None else small / illumination.block_means(function, len(small[0]))
        )

    def labels(self, row: int) -> dict[str, np.ndarray]:
        """Label images by compartment, int32 (H, W); empty when none were saved."""
        folder = self.folder / place(self.images, row)[0] / "labels"
        names = sorted(path.parent.name for path in folder.glob("*/0"))
        position = place(self.images, row)[1]
        return {
            name: _read_array(folder, LABELS_MARK, f"{name}/0", position=position) for name in names
        }


def read_plane(entry: Path, stain: int, *, position: int | None = None) -> np.ndarray:
    """One stain of a field as recorded, (H, W), in the originals' dtype.

    Parameters
    ----------
    entry : Path
        The field's folder in the store.
    stain : int
        Its place among the stains.
    position : int, optional
        Of crops: the crop's place in the stack of its well and site.

    Raises
    ------
    DamagedError
        If what is stored is not what was written, or not there.
    """
    within = stain if position is None else (position, stain)
    return _read_array(entry, MARK, "0", position=within)


def read_labels(entry: Path, name: str) -> np.ndarray:
    """A label image of a field, int32 (H, W).

    Raises
    ------
    DamagedError
        If what is stored is not what was written, or not there.
    """
    return _read_array(entry / "labels", LABELS_MARK, f"{name}/0", position=None)


def _read_array(
    entry: Path, mark: str, name: str, *, position: int | tuple[int, int] | None
) -> np.ndarray:
    """An array of an entry of the store, or the element at a position of its first axes."""
    try:
        array = _open_array(str(entry), mark, name, (entry / mark).stat().st_mtime_ns)
        return np.asarray(array[position] if position is not None else array[...])
    except DamagedError:
        raise
    except Exception as error:  # codecs and zarr raise many kinds; each means the same
        raise DamagedError(entry, f"{name}: {type(error).__name__}: {error}") from None


@lru_cache(maxsize=64)
def _open_array(entry: str, mark: str, name: str, written: int):
    """Open an array whose files are all there as they were listed."""
    import zarr

    require_listed(Path(entry), mark)
    return zarr.open_array(str(Path(entry) / name), mode="r")


def listed(entry: Path, mark: str) -> dict[str, list]:
    """Sizes of the chunks, and digests of the other files of an entry: what its mark says."""
    paths = [path for path in sorted(entry.rglob("*")) if path.is_file() and path.name != mark]
    inside = [(path.relative_to(entry), path) for path in paths]
    return {
        name.as_posix(): [path.stat().st_size, "" if "c" in name.parts else file_digest(path)]
        for name, path in inside
    }


def require_listed(entry: Path, mark: str, *, thoroughly: bool = True) -> dict:
    """What the mark of an entry says, if its files are as they were written.

    Chunks check themselves when they are read; here they must be there in their size.

    Parameters
    ----------
    entry : Path
    mark : str
        Name of the file that lists the others.
    thoroughly : bool
        Compare digests of what is no chunk, too.

    Raises
    ------
    DamagedError
        If a file is missing or another.
    FileNotFoundError
        If the entry was never finished.
    """
    try:
        held = dict(read_sealed(entry / mark))
    except DamagedError as error:
        raise DamagedError(entry, error.fault) from None
    for name, (size, told) in held["files"].items():
        path = entry / name
        found = identity(path)[0] if path.is_file() else -1
        if found != size:
            fault = f"{name} is missing" if found < 0 else f"{name} has {found} bytes, not {size}"
            raise DamagedError(entry, fault)
        if thoroughly and told and file_digest(path) != told:
            raise DamagedError(entry, f"{name} has changed")
    return held


def require_chunks(entry: Path, mark: str) -> None:
    """Read every chunk of an entry's arrays, one after another.

    Raises
    ------
    DamagedError
        If one is not as it was written.
    """
    for path in sorted(entry.glob("0/zarr.json" if mark == MARK else "*/0/zarr.json")):
        name = path.parent.relative_to(entry).as_posix()
        try:
            array = _open_array(str(entry), mark, name, (entry / mark).stat().st_mtime_ns)
            for start in range(0, array.shape[0], array.chunks[0]):
                array[start : start + array.chunks[0]]
        except DamagedError:
            raise
        except Exception as error:  # codecs and zarr raise many kinds; each means the same
            raise DamagedError(entry, f"{name}: {type(error).__name__}: {error}") from None


def read_thumbnail(entry: Path) -> np.ndarray:
    """The small copy of a field, float32 (C, t, t), as :func:`phenolens.illumination.thumbnail`.

    Raises
    ------
    DamagedError
        If it is not what was written.
    """
    try:
        return read_arrays(entry / THUMBNAIL_FILE, ["thumbnail"])["thumbnail"]
    except DamagedError as error:
        raise DamagedError(entry, f"{THUMBNAIL_FILE}: {error.fault}") from None


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


def save_labels(
    prepared: Prepared, row: int, labels: dict[str, np.ndarray], *, made_of: str = ""
) -> None:
    """Write label images beside a field's pixels, as OME-NGFF ``labels``.

    Parameters
    ----------
    prepared : Prepared
    row : int
    labels : dict of str to ndarray of int32, shape (H, W)
    made_of : str
        Names what they were made of; see :func:`labels_made_of`.
    """
    import zarr
    from zarr.codecs import Crc32cCodec, ZstdCodec

    if prepared.images.level == "cell":
        raise InputError("Label images are saved for fields and tiles, not for crops.")
    folder = prepared.folder / place(prepared.images, row)[0] / "labels"
    shutil.rmtree(folder, ignore_errors=True)
    for name, image in labels.items():
        attributes = ngff.label_image(prepared.images.pixel_size_um)
        group = zarr.open_group(str(folder / name), mode="w", attributes=attributes)
        group.create_array(
            "0",
            data=image.astype(np.int32),
            chunks=image.shape,
            dimension_names=("y", "x"),
            compressors=[ZstdCodec(), Crc32cCodec()],
            config={"write_empty_chunks": True},
        )
    zarr.open_group(str(folder), mode="a", attributes=ngff.labels(list(labels)))
    write_sealed(folder / LABELS_MARK, {"made_of": made_of, "files": listed(folder, LABELS_MARK)})


def labels_made_of(prepared: Prepared, row: int) -> str | None:
    """What the saved label images of a field were made of; None where there are none."""
    folder = prepared.folder / place(prepared.images, row)[0] / "labels"
    try:
        return str(read_sealed(folder / LABELS_MARK)["made_of"])
    except (FileNotFoundError, DamagedError):
        return None
