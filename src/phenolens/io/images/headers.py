"""What the header of an image file says: size, dtype, pixel size, colour; no pixel is read.

A screen has tens of thousands of files. Of TIFF files with one plain image the first directory is
read here; everything else goes through the libraries that read its pixels too.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from phenolens.errors import InputError, UnreachableError
from phenolens.io.discovery.contents import contents
from phenolens.readers.index import parse_index
from phenolens.readers.tiff import require_an_end
from phenolens.remote import Part, parts_of, placed

KNOWN = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".npy")

# Resolution tags say dots per inch of a print (72, 96, 300) or the pixels of a camera's chip
# (6.45 um in Opera Phenix files) at least as often as what a pixel shows of the sample.
_MOST_UM = 3.25
_MICROMETRES = {
    "": 1.0, "m": 1e6, "cm": 1e4, "mm": 1e3, "um": 1.0, "µm": 1.0, "μm": 1.0, "\\u00b5m": 1.0,
    "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0, "nm": 1e-3, "pm": 1e-6,
    "å": 1e-4, "inch": 25_400.0, "in": 25_400.0,
}  # fmt: skip


@dataclass(frozen=True)
class Header:
    """What one file says of its pixels, before they are read.

    Attributes
    ----------
    height, width : int
        Of one plane, pixels; 0 where ``fault`` says why nothing is known.
    dtype : str
        As NumPy names it, without byte order.
    bits : int or None
        Bits that the file says are used (OME ``SignificantBits``, ``MaxSampleValue``), where fewer
        than the dtype has.
    pixel_size_um : float or None
        Micrometres of the sample that a pixel shows.
    pages : int
        Planes in the file.
    colour : str
        ``""`` for grey, ``"RGB"``, ``"RGBA"``, ``"palette"``, ``"CMYK"``, ``"white is zero"``.
    lossy : bool
        Whether pixels were compressed with loss (JPEG).
    resolution : str
        What was said of the pixel size and cannot be one; empty where nothing is wrong with it.
    fault : str
        Why the file cannot be used: empty, truncated, no image.
    """

    height: int = 0
    width: int = 0
    dtype: str = ""
    bits: int | None = None
    pixel_size_um: float | None = None
    pages: int = 1
    colour: str = ""
    lossy: bool = False
    resolution: str = ""
    fault: str = ""


def read_header(path: str | Path, index: str = "") -> Header | None:
    """The header of an image file.

    Parameters
    ----------
    path : path or URL
        Of a TIFF file elsewhere only the parts that hold its header are fetched.
    index : str
        As ``Index_<channel>`` has it; only the number of a series counts here.

    Returns
    -------
    Header or None
        None for kinds of files whose headers are not looked at.
    """
    path = placed(path)
    ending = path.suffix.lower()
    if path.is_dir():
        return _zarr_header(path)
    if ending not in KNOWN:
        return None
    series = parse_index(index).series or 0
    try:
        if path.stat().st_size == 0:
            return Header(fault="the file is empty (0 bytes)")
        if ending in (".tif", ".tiff"):
            plain = _plain_tiff(path) if not series else None
            return plain or tiff_header(path, series=series)
        return _npy_header(path) if ending == ".npy" else _picture_header(path)
    except FileNotFoundError:
        return Header(fault="the file is missing")
    except UnreachableError:
        raise
    except Exception as error:  # codecs raise many kinds; each means the same to the user
        return Header(fault=f"its header cannot be read ({type(error).__name__}: {error})")


# TIFF

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_FORMS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I"}
_KINDS = {1: "uint", 2: "int", 3: "float"}
_WANTED = {256, 257, 258, 259, 262, 270, 273, 277, 279, 281, 282, 283, 284, 296, 324, 325, 339}
# SubIFDs, and the private tags of MetaMorph stacks, FluoView, LSM and NIH Image: the planes of
# these files are more than their directories
_OTHERS = {330, 33628, 33629, 33630, 33631, 34361, 34362, 34412, 43314}
_LOSSY = {6, 7, 33003, 33005, 34892}


def _plain_tiff(path: Path) -> Header | None:
    """The header of a TIFF file with one grey or RGB image; None where tifffile must look."""
    try:
        with parts_of(path) as part:
            tags = _first_directory(part, part(0, 4096))
        return None if tags is None else _plain_header(tags, path.stat().st_size)
    except (struct.error, KeyError, ValueError, IndexError):
        return None


def _first_directory(part: Part, start: bytes) -> dict[int, Any] | None:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(start[:4])
    if order is None:
        return None
    (offset,) = struct.unpack_from(order + "I", start, 4)
    directory = start[offset : offset + 2048]
    if len(directory) < 2048:
        directory = part(offset, 2048)
    (count,) = struct.unpack_from(order + "H", directory)
    if count > 160:
        return None
    if struct.unpack_from(order + "I", directory, 2 + 12 * count)[0]:
        return None
    tags: dict[int, Any] = {}
    for code, kind, items, value in struct.iter_unpack(
        order + "HHI4s", directory[2 : 2 + 12 * count]
    ):
        if code in _OTHERS:
            return None
        if code not in _WANTED:
            continue
        size = _SIZES[kind] * items
        if size > 4:
            (at,) = struct.unpack(order + "I", value)
            value = start[at : at + size] if at + size <= len(start) else part(at, size)
        tags[code] = _value(value[:size], kind, order)
    return tags


def _value(raw: bytes, kind: int, order: str) -> Any:
    if kind in (2, 7):
        return raw.split(b"\0", 1)[0].decode("utf-8", "replace")
    if kind in (5, 10):
        return struct.unpack(order + str(len(raw) // 4) + ("I" if kind == 5 else "i"), raw)
    return struct.unpack(order + str(len(raw) // _SIZES[kind]) + _FORMS[kind], raw)


def _plain_header(tags: Mapping[int, Any], length: int) -> Header | None:
    samples = tags.get(277, (1,))[0]
    bits, kinds = set(tags.get(258, (1,))), set(tags.get(339, (1,)))
    photometric, description = tags[262][0], tags.get(270, "")
    plain = len(bits) == len(kinds) == 1 and bits <= {8, 16, 32, 64} and kinds <= set(_KINDS)
    if not plain or not isinstance(description, str) or photometric > 2:
        return None
    if (photometric == 2) != (samples in (3, 4)) or samples not in (1, 3, 4):
        return None
    if _more_planes(description, samples):
        return None
    height, width, depth = tags[257][0], tags[256][0], bits.pop()
    said = _said_in_text(description)
    header = Header(
        height,
        width,
        f"{_KINDS[kinds.pop()]}{depth}",
        colour=_colour(photometric, samples),
        lossy=tags.get(259, (1,))[0] in _LOSSY and depth < 16,
        fault=_truncated(tags, length),
    )
    resolution = (tags.get(282), tags.get(283), tags.get(296, (2,))[0])
    return _with_sizes(header, said, resolution, tags.get(281, (0,))[0])


def _more_planes(description: str, samples: int) -> bool:
    """Whether the description speaks of planes that have no directory of their own."""
    if description.startswith("ImageJ="):
        images = re.search(r"^images=(\d+)", description, re.M)
        return images is not None and int(images[1]) > 1
    if description.startswith("{"):
        try:
            shape = json.loads(description).get("shape", [])
        except (ValueError, AttributeError):
            return True
        return math.prod(shape[: -3 if samples > 1 else -2]) > 1
    return False


def _truncated(tags: Mapping[int, Any], length: int) -> str:
    """What is wrong where the file ends before its pixels do."""
    starts, counts = tags.get(273) or tags.get(324), tags.get(279) or tags.get(325)
    if not starts or not counts or len(starts) != len(counts):
        return ""
    return _ends_early(starts, counts, length)


def _ends_early(starts: Sequence[int], counts: Sequence[int], length: int) -> str:
    end = max(map(sum, zip(starts, counts, strict=True)))
    if end <= length:
        return ""
    return f"the file is truncated: it has {length:,} bytes, its pixels end at {end:,}"


def tiff_header(path: str | Path, *, series: int = 0) -> Header:
    """The header of any TIFF file, as tifffile reads it.

    Parameters
    ----------
    path : path
    series : int
        Whose first page is looked at.
    """
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        if not len(tiff.pages):
            return Header(fault="the file holds no image")
        if series:
            require_an_end(tiff)
        page: Any = tiff.series[series].pages[0] if series else tiff.pages[0]
        page = page.aspage() if isinstance(page, tifffile.TiffFrame) else page
        tags = {tag.code: tag.value for tag in page.tags}
        photometric, samples = int(page.photometric or 0), page.samplesperpixel
        dtype = np.dtype(page.dtype or "V").newbyteorder("=").name
        fault = _ends_early(page.dataoffsets, page.databytecounts, tiff.filehandle.size)
        header = Header(
            page.imagelength,
            page.imagewidth,
            dtype,
            pages=len(tiff.pages),
            colour=_colour(photometric, samples),
            lossy=int(page.compression) in _LOSSY and page.bitspersample < 16,
            fault=fault if page.dataoffsets else "the file holds no pixels",
        )
        description = page.description if isinstance(page.description, str) else ""
        resolution = (tags.get(282), tags.get(283), int(tags.get(296, 2)))
    said = _said_in_text(description)
    most = tags.get(281, 0)
    return _with_sizes(header, said, resolution, most[0] if isinstance(most, tuple) else most)


def _colour(photometric: int, samples: int) -> str:
    if photometric in (2, 6, 8):
        return "RGBA" if samples == 4 else "RGB"
    return {0: "white is zero", 3: "palette", 5: "CMYK"}.get(photometric, "")


# What pixels mean


@dataclass(frozen=True)
class _Said:
    """What a description says of the pixel's size (as written, with its unit) and its bits."""

    size: tuple[str, str] | None = None
    unit: str = ""
    bits: int | None = None
    off: bool = False


_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b[^>]*>")
_PROPERTY = re.compile(r"<prop id=[\"']([\w-]+)[\"'][^>]*?value=[\"']([^\"']*)[\"']")


def _said_in_text(description: str) -> _Said:
    """OME-XML, MetaMorph's XML (ImageXpress) or ImageJ's lines; descriptions may have megabytes."""
    if "<OME" in description[:2000] or ":OME" in description[:2000]:
        found = _PIXELS.search(description)
        named = dict(re.findall(r"\b(\w+)=[\"']([^\"']*)[\"']", found[0])) if found else {}
        x, y = named.get("PhysicalSizeX"), named.get("PhysicalSizeY")
        size = None if x is None and y is None else (x or y or "", y or x or "")
        unit, bits = named.get("PhysicalSizeXUnit", "µm"), named.get("SignificantBits", "")
        return _Said(size, unit, int(bits) if bits.isdecimal() else None)
    if description.startswith("<MetaData>"):
        named = dict(_PROPERTY.findall(description))
        x, y = named.get("spatial-calibration-x"), named.get("spatial-calibration-y")
        bits = named.get("bits-per-pixel", "")
        return _Said(
            None if x is None else (x, y or x),
            named.get("spatial-calibration-units", ""),
            int(bits) if bits.isdecimal() else None,
            off=named.get("spatial-calibration-state", "on").lower() != "on",
        )
    if description.startswith("ImageJ="):
        unit = re.search(r"^unit=(.*)$", description, re.M)
        return _Said(unit=unit[1].strip() if unit else "pixel")
    return _Said()


def _with_sizes(header: Header, said: _Said, resolution: tuple, most: object) -> Header:
    """The header with what it says of its pixels' size and bits, where that can be."""
    bits = said.bits
    if bits is None and isinstance(most, int) and most > 0:
        bits = most.bit_length()
    held = 8 * np.dtype(header.dtype).itemsize if header.dtype else 0
    if bits is not None and not 0 < bits < held:
        bits = None
    size, wrong = _pixel_size(said, resolution)
    return replace(header, bits=bits, pixel_size_um=size, resolution=wrong)


def _pixel_size(said: _Said, resolution: tuple) -> tuple[float | None, str]:
    """Micrometres a pixel, or what was said that cannot be one."""
    if said.size is not None:
        if said.off:
            return None, ""
        factor = _MICROMETRES.get(said.unit.strip().lower())
        if factor is None:
            return None, "" if "pix" in said.unit.lower() else f"unit {said.unit!r}"
        return _square([_number(text) for text in said.size], said.size, factor)
    across, down, unit = resolution
    values = [_per_unit(across), _per_unit(down)]
    if across is None or values == [1.0, 1.0] or (values == [0.0, 0.0] and unit == 1):
        return None, ""  # nothing is said: what writers put who know nothing
    if said.unit:
        factor = _MICROMETRES.get(said.unit.lower())
    else:
        factor = {2: 25_400.0, 3: 10_000.0}.get(unit)
    if factor is None:
        return None, ""
    sizes = [1 / value if value and math.isfinite(value) else math.nan for value in values]
    size, wrong = _square(sizes, (_written(across), _written(down)), factor)
    if size is not None and not said.unit and size > _MOST_UM:
        return None, ""
    return size, wrong


def _square(
    sizes: Sequence[float], written: Sequence[str], factor: float
) -> tuple[float | None, str]:
    """One size for both axes; what was written, where it is no size."""
    for size, text in zip(sizes, written, strict=True):
        if not (math.isfinite(size) and size > 0):
            return None, text or "blank"
    if abs(sizes[0] - sizes[1]) > 0.01 * sizes[0]:
        return None, f"{written[0]} by {written[1]}"
    return round(sizes[0] * factor, 6), ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _per_unit(value: object) -> float:
    """Pixels a unit of a resolution tag: a fraction, a number, or not a number."""
    if isinstance(value, Fraction | int | float):
        return float(value)
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, int) for v in value):
        return value[0] / value[1] if value[1] else math.inf if value[0] else math.nan
    if isinstance(value, tuple) and len(value) == 1:
        return _per_unit(value[0])
    return _number(str(value)) if isinstance(value, str) else math.nan


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return "/".join(map(str, value))
    return repr(value) if isinstance(value, str) else str(value)


# Other files


def _zarr_header(path: Path) -> Header:
    try:
        (image,) = contents(path)
    except InputError as error:
        return Header(fault=str(error))
    height, width = image.shape[-2:]
    return Header(
        height,
        width,
        image.dtype,
        pixel_size_um=image.pixel_size_um,
        pages=math.prod(image.shape[:-2]),
    )


def _npy_header(path: Path) -> Header:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.ndim < 2:
        return Header(fault=f"it holds an array of shape {array.shape}, no image")
    height, width = array.shape[-2:]
    dtype = array.dtype.newbyteorder("=").name
    return Header(height, width, dtype, pages=math.prod(array.shape[:-2]))


_MODES = {
    "1": "uint8", "L": "uint8", "LA": "uint8", "P": "uint8", "RGB": "uint8", "RGBA": "uint8",
    "CMYK": "uint8", "YCbCr": "uint8", "I": "int32", "I;16": "uint16", "I;16B": "uint16",
    "I;16L": "uint16", "F": "float32",
}  # fmt: skip
_COLOURS = {"P": "palette", "RGB": "RGB", "YCbCr": "RGB", "RGBA": "RGBA", "CMYK": "CMYK"}


def _picture_header(path: Path) -> Header:
    from PIL import Image

    with Image.open(path) as picture:
        width, height = picture.size
        header = Header(
            height,
            width,
            _MODES.get(picture.mode, picture.mode),
            pages=getattr(picture, "n_frames", 1),
            colour=_COLOURS.get(picture.mode, ""),
            lossy=picture.format == "JPEG",
        )
        whole = picture.format != "PNG" or _ends_as_png(path)
    return header if whole else replace(header, fault="the file is truncated: it has no end")


def _ends_as_png(path: Path) -> bool:
    with path.open("rb") as stream:
        stream.seek(-12, os.SEEK_END)
        return b"IEND" in stream.read()
