"""TIFF through tifffile: OME-TIFF, ImageJ hyperstacks, stacks of pages, pyramids (level 0).

A plane of a big file is read alone: from its place where the file is one block, else its page.
"""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phenolens.errors import InputError
from phenolens.readers import ome_xml
from phenolens.readers.index import PlaneIndex
from phenolens.readers.series import Series

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffFrame, TiffPage, TiffPageSeries

MISSING = -1
PLACED = re.compile(r"^[czt]:\d+/\d+|\.\w{2,5}(?:\s|$)")
MICROMETRES = {"micron": 1.0, "um": 1.0, "µm": 1.0, "μm": 1.0, "\\u00B5m": 1.0, "nm": 1e-3,
               "mm": 1e3, "cm": 1e4}  # fmt: skip


def describe(path: Path) -> tuple[Series, ...]:
    """The images of a file; of a set of OME-TIFF files all that the set holds.

    Raises
    ------
    InputError
        If the file's OME-XML lies in another file, or names images that are not there.
    """
    with _quiet():
        found = _opened(path, *_state(path))
    if found[0].kind == "ome":
        return _described_ome(path, found)
    if ".ome." in path.name.lower() and not _file_of(found[0]).ome_metadata:
        raise InputError("its name says OME-TIFF, and no OME-XML can be read in it")
    pixel_size = _imagej_pixel_size(found[0])
    several = len(found) > 1
    return tuple(
        Series(
            _letters(one.axes),
            tuple(one.shape),
            one.dtype.name,
            number=number if several else None,
            name=one.name,
            channels=_imagej_labels(one),
            pixel_size_um=pixel_size,
        )
        for number, one in enumerate(found)
    )


def read(path: Path, index: PlaneIndex) -> np.ndarray:
    """The pixels at the index, in the file's own type.

    Raises
    ------
    InputError
        If the file holds several images and the index names none, or a page is missing.
    IndexError
        If the index is outside the file.
    """
    with _quiet():
        if index.page is not None:
            return _page(path, index.page)
        series = _opened(path, *_state(path))
        if index.series is None and len(series) > 1:
            raise InputError(f"it holds {several_text(series)}; an index such as 's0:' says which")
        one = series[index.series or 0]
        if any(position < 0 for position in index.position):
            raise IndexError
        return _read_series(path, one, index.position)


def several_text(series: list[TiffPageSeries]) -> str:
    """``3 images (CYX 5x48x48, ...)``."""
    shown = [f"{one.axes} {'x'.join(map(str, one.shape))}" for one in series[:4]]
    more = ", ..." if len(series) > 4 else ""
    return f"{len(series)} images ({', '.join(shown)}{more})"


def _read_series(path: Path, series: TiffPageSeries, position: tuple[int, ...]) -> np.ndarray:
    shape, page_shape = tuple(series.shape), series.keyframe.shape
    outside = len(shape) - len(page_shape)
    if not position or len(position) < outside:
        with _reopened(_file_of(series)):
            if any(page is None for page in series.pages):
                raise InputError("pages of it are missing, or lie in a file that is not there")
            return series.asarray()[position]
    if any(at >= size for at, size in zip(position, shape, strict=False)):
        raise IndexError
    number = int(np.ravel_multi_index(position[:outside], shape[:outside])) if outside else 0
    if series.dataoffset is not None:
        order = f"{_file_of(series).byteorder}{series.dtype.char}"
        place = series.dataoffset + number * int(np.prod(page_shape)) * series.dtype.itemsize
        page = np.memmap(path, dtype=order, mode="r", offset=place, shape=page_shape)
        return np.array(page[position[outside:]], dtype=series.dtype)
    with _reopened(_file_of(series)):
        found = series[number]
        if found is None:
            raise InputError("the page is missing, or lies in a file that is not there")
        with _reopened(_file_of(found)):
            return found.asarray()[position[outside:]]


def _page(path: Path, number: int) -> np.ndarray:
    tiff = _tiff(path, *_state(path))
    with _reopened(tiff):
        return tiff.pages[number].asarray()


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


@lru_cache(maxsize=4)
def _tiff(path: Path, size: int, changed: int) -> TiffFile:
    """A file whose pages are found once; it is closed between reads."""
    import tifffile

    if path.name.lower().endswith(".companion.ome"):
        text = path.read_text(encoding="utf-8")
        first = _first_file(path, text)
        with tifffile.TiffFile(first, omexml=text, is_shaped=False, is_mmstack=False) as tiff:
            return tiff
    with tifffile.TiffFile(path, is_mmstack=False) as tiff:  # Micro-Manager writes OME-XML too
        text = tiff.ome_metadata or ""
    if "BinaryOnly" not in text:
        return tiff
    with tifffile.TiffFile(path, omexml=_companion(path, text)) as tiff:
        return tiff


def _first_file(companion: Path, text: str) -> Path:
    """A TIFF file of those that OME-XML names.

    Raises
    ------
    InputError
        If none of them is there.
    """
    named = [name for image in ome_xml.parse(text) for _, name in image.blocks if name]
    for name in dict.fromkeys(named):
        if companion.with_name(name).is_file():
            return companion.with_name(name)
    example = f", such as {named[0]}" if named else ""
    raise InputError(f"none of the {len(set(named))} files that it names is beside it{example}")


@lru_cache(maxsize=4)
def _opened(path: Path, size: int, changed: int) -> list[TiffPageSeries]:
    tiff = _tiff(path, size, changed)
    with _reopened(tiff):
        require_an_end(tiff)
        series = tiff.series
    if not series:
        raise InputError("it holds no image")
    return series


def require_an_end(tiff: TiffFile) -> None:
    """Raise where a directory leads back to an earlier one: tifffile would read on for ever.

    Raises
    ------
    InputError
    """
    form, file = tiff.tiff, tiff.filehandle
    file.seek(8 if form.offsetsize == 8 else 4)
    seen: set[int] = set()
    with suppress(struct.error):  # cut short: what is there is read
        while offset := struct.unpack(form.offsetformat, file.read(form.offsetsize))[0]:
            if offset in seen:
                raise InputError("its directories lead in a circle: the file is damaged")
            seen.add(offset)
            file.seek(offset)
            (tags,) = struct.unpack(form.tagnoformat, file.read(form.tagnosize))
            file.seek(offset + form.tagnosize + tags * form.tagsize)


def _companion(path: Path, text: str) -> str:
    """The OME-XML of a set whose TIFF files hold none but its name.

    Raises
    ------
    InputError
        If that file is not there.
    """
    import tifffile

    name = ome_xml.metadata_file(text)
    companion = path.with_name(name)
    if not companion.is_file():
        raise InputError(f"its OME-XML lies in {name}, which is not beside it")
    if companion.name.lower().endswith((".tif", ".tiff")):
        with tifffile.TiffFile(companion) as other:
            return other.ome_metadata or ""
    return companion.read_text(encoding="utf-8")


def _file_of(part: TiffPageSeries | TiffPage | TiffFrame) -> TiffFile:
    assert part.parent is not None
    return part.parent


@contextmanager
def _reopened(tiff: TiffFile) -> Iterator[None]:
    handle = tiff.filehandle
    closed = handle.closed
    if closed:
        handle.open()
    try:
        yield
    finally:
        if closed:
            handle.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """What tifffile logs of a file (missing data are zeroed) is an error of ours, or none."""
    logger = logging.getLogger("tifffile")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _letters(axes: str) -> str:
    return "".join(letter if letter in "TCZYXS" else "Q" for letter in axes)


def _imagej_labels(series: TiffPageSeries) -> tuple[str, ...]:
    """ImageJ's slice labels, where there is one for each stain and nothing else.

    Bio-Formats writes the place and the file into them (``c:1/5 - A01.nd2``): no name of a stain.
    """
    labels = [str(one) for one in (_file_of(series).imagej_metadata or {}).get("Labels") or []]
    named = series.axes == "CYX" and len(set(labels)) == len(labels) == series.shape[0]
    return tuple(labels) if named and not any(PLACED.search(one) for one in labels) else ()


def _imagej_pixel_size(series: TiffPageSeries) -> float | None:
    """Micrometres a pixel of an ImageJ file: its resolution counts pixels a unit that it names."""
    metadata = _file_of(series).imagej_metadata or {}
    unit = MICROMETRES.get(str(metadata.get("unit", "")).strip())
    tag = series.keyframe.tags.get("XResolution")
    if unit is None or tag is None or not tag.value[0]:
        return None
    return round(unit * tag.value[1] / tag.value[0], 6)


def _described_ome(path: Path, series: list[TiffPageSeries]) -> tuple[Series, ...]:
    images = ome_xml.parse(_file_of(series[0]).ome_metadata or "")
    held = [image for image in images if image.planes_there(path.parent)]
    if len(held) != len(series):
        raise InputError(
            f"{path}: its OME-XML names {len(images)} images, of which {len(series)} can be read; "
            "write the file anew with Bio-Formats (bfconvert)."
        )
    aligned = dict(zip((image.number for image in held), series, strict=True))
    several = len(images) > 1
    return tuple(
        _ome_series(path, image, aligned.get(image.number), several=several) for image in images
    )


def _ome_series(
    path: Path, image: ome_xml.OmeImage, series: TiffPageSeries | None, *, several: bool
) -> Series:
    axes, shape = image.axes, image.shape
    if series is None:
        planes = {at: (path.parent / image.file_of(at), MISSING) for at in image.positions()}
    else:
        axes, shape = series.get_axes(squeeze=False), tuple(series.get_shape(squeeze=False))
        if axes.endswith("S") and shape[-1] == 1:
            axes, shape = axes[:-1], shape[:-1]
        planes = {} if "S" in axes else _pages(path, image, series, shape[:-2])
    return Series(
        _letters(axes),
        shape,
        image.dtype if series is None else series.dtype.name,
        number=image.number if several else None,
        name=image.name,
        channels=image.channels,
        pixel_size_um=image.pixel_size_um,
        bits=image.bits,
        place=image.place,
        planes=planes,
    )


def _pages(
    path: Path, image: ome_xml.OmeImage, series: TiffPageSeries, leading: tuple[int, ...]
) -> dict[tuple[int, ...], tuple[Path, int]]:
    """File and page of each plane; a page that is missing has the file where it should be."""
    found = {}
    for number, at in enumerate(np.ndindex(*leading)):
        page = series[number]
        name = image.file_of(at) or path.name
        if page is not None and _file_of(page) is not _file_of(series):
            name = image.file_of(at) or _file_of(page).filehandle.name
        found[at] = (path.parent / name, MISSING if page is None else page.index)
    return found
