"""What image files hold: their images as fields, and for each plane its place in the file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from phenolens.errors import InputError
from phenolens.readers import reader_of
from phenolens.readers.index import PlaneIndex
from phenolens.readers.series import Series
from phenolens.readers.tiff import MISSING

WELL_IN_TEXT = re.compile(
    r"(?:^|[^A-Za-z0-9])(?:well[ _-]?)?(A[A-F]|[A-P])[ /_-]?(\d{1,2})(?=$|[^A-Za-z0-9]|f\d|s\d)",
    re.IGNORECASE,
)
SITE_IN_TEXT = re.compile(
    r"(?:(?<=[_\-. ])|(?<=[A-P]\d\d))(?:site|field|fov|s|f)[ _-]?(\d{1,4})(?=$|[^A-Za-z0-9])",
    re.IGNORECASE,
)


def contents(path: Path) -> tuple[Series, ...]:
    """The images of a file or of a Zarr group, from headers alone.

    Raises
    ------
    InputError
        If the file is empty, damaged, no image we read, or its reader is not installed; names it.
    """
    try:
        status = path.stat()
    except OSError:
        raise InputError(f"{path} is not there.") from None
    if path.is_file() and not status.st_size:
        raise InputError(f"{path} is empty (0 bytes).")
    return _described(path, status.st_mtime_ns)


@lru_cache(maxsize=16_384)
def _described(path: Path, changed: int) -> tuple[Series, ...]:
    """`init` looks at a folder several times."""
    try:
        return reader_of(path).describe(path)
    except InputError as error:
        text = str(error)
        raise InputError(text if str(path) in text else f"{path}: {text}.") from None
    except Exception as error:  # codecs raise many kinds; each means the same to the user
        raise InputError(f"{path} cannot be read ({type(error).__name__}: {error}).") from None


def planes(series: Series, path: Path) -> Iterator[dict]:
    """Each plane of an image: channel, plane and time point from 0, its file and place in it.

    A plane that the file names but does not hold has the file that should hold it, or none.

    Parameters
    ----------
    series : Series
        All of its axes are named.
    path : Path
    """
    axes = series.leading
    for at in np.ndindex(*series.shape[: len(axes)]):
        where = dict(zip(axes, at, strict=True))
        file, index = path, PlaneIndex(at, series.number)
        if series.planes is not None:
            file, page = series.planes[at]
            index = PlaneIndex(page=max(page, 0))
            if page == MISSING and file.is_file():
                file = Path()
        yield {
            "channel": where.get("C", 0),
            "plane": where.get("Z", 0),
            "timepoint": where.get("T", 0),
            "path": "" if file == Path() else str(file),
            "index": str(index),
        }


def unlike(found: Sequence[Series], path: Path) -> str:
    """Which sizes the images of a file have, where they differ: one may be an overview."""
    sizes = dict.fromkeys(f"{one.shape[-2]} x {one.shape[-1]}" for one in found)
    return f"images of {path.name} differ in size: {', '.join(sizes)}" if len(sizes) > 1 else ""


def well_in(text: str) -> str:
    """The well that a file's or an image's name names; '' where it names none, or several.

    Of several, two digits (``P1_A01``) come before one, and other rows before P (``P1_A1``).
    """
    found = {
        (row.upper(), column)
        for row, column in WELL_IN_TEXT.findall(text)
        if 1 <= int(column) <= 48 and row not in {"f", "s"}  # f1 and s1 are fields
    }
    for better in (lambda place: len(place[1]) == 2, lambda place: place[0] != "P"):
        kept = {place for place in found if better(place)}
        found = kept if kept and len(found) > 1 else found
    if len({(row, int(column)) for row, column in found}) != 1:
        return ""
    row, column = found.pop()
    return f"{row}{int(column):02d}"


def site_in(text: str) -> str:
    """The site that a file's name numbers (``A01_s3``, ``B02f04``, ``field-2``), or ''."""
    found = {match.lstrip("0") or "0" for match in SITE_IN_TEXT.findall(text)}
    return found.pop() if len(found) == 1 else ""


def require_fields(series: Series, path: Path) -> None:
    """Refuse an image whose planes nobody can tell apart.

    Raises
    ------
    InputError
        Says the axes, and what to do.
    """
    if "S" in series.axes:
        raise InputError(
            f"{path}: colour picture ({series.text()}); give grey images, one plane a stain."
        )
    if not series.said:
        pages = math.prod(series.shape[:-2])
        raise InputError(
            f"{path} holds {pages} pages and does not say what its axes are ({series.text()}); "
            f"list the files in a table: with {pages} [data.images] channels if pages are stains, "
            "else a row a page with an 'index' column; or write them as OME-TIFF with their axes."
        )
