"""The files that lie beside the images of a plate and say what was imaged.

``.HTD`` of MetaXpress, ``.xdce`` of IN Cell and IN Carta, ``.jdce`` of ImageXpress HCS.ai and
``experiment_descriptor.xml`` of ScanR. Where they are silent or wrong, nothing is taken from them.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phenolens.errors import InputError
from phenolens.io.instruments.xml_files import stream_xml
from phenolens.profiles import row_letters

LARGEST_PIXEL_UM = 100.0


@dataclass(frozen=True)
class ListedImage:
    """An image that a description lists: its file, and what it says of it, as text."""

    file: str
    well: str
    site: str
    channel: str
    plane: str
    timepoint: str


@dataclass(frozen=True)
class PlateDescription:
    """What a description says; empty where it does not.

    Attributes
    ----------
    path : Path
    plate : str
    shape : tuple of int or None
        Rows and columns of the plate.
    channels : dict of str to str
        Name by the number that file names give.
    pixel_size_um : float or None
    wells : tuple of str
        Wells that were to be imaged.
    sites : int
        Sites a well; 0 where it is not said.
    images : tuple of ListedImage
        Every image by name, where the description lists them.
    numbered : dict of str to str
        Well by its number, where file names number wells.
    """

    path: Path
    plate: str = ""
    shape: tuple[int, int] | None = None
    channels: dict[str, str] = field(default_factory=dict)
    pixel_size_um: float | None = None
    wells: tuple[str, ...] = ()
    sites: int = 0
    images: tuple[ListedImage, ...] = ()
    numbered: dict[str, str] = field(default_factory=dict)


def pixel_size(value: object) -> float | None:
    """Micrometres a pixel; None of what is no size: text, zero, negative, infinite, millimetres."""
    try:
        size = float(str(value).replace(",", "."))
    except ValueError:
        return None
    return round(size, 6) if math.isfinite(size) and 0 < size < LARGEST_PIXEL_UM else None


def _whole(value: object) -> int:
    """A whole number, or 0."""
    try:
        return int(float(str(value)))
    except (ValueError, OverflowError):
        return 0


def _shape(rows: object, columns: object) -> tuple[int, int] | None:
    found = _whole(rows), _whole(columns)
    return found if 1 <= found[0] <= 32 and 1 <= found[1] <= 48 else None


def read_htd(path: Path) -> PlateDescription:
    """The ``.HTD`` of MetaXpress: a quoted key and its values a line.

    Parameters
    ----------
    path : Path
        In UTF-8 or UTF-16 with a byte-order mark, else in Windows' code page 1252.

    Returns
    -------
    PlateDescription
        Wavelengths that were not collected have no name.

    Raises
    ------
    InputError
        If it is no such file.
    """
    held = _htd_values(path)
    collected = {
        str(number): held[f"wavename{number}"][0]
        for number in range(1, _whole(_first(held, "nwavelengths")) + 1)
        if held.get(f"wavename{number}", [""])[0]
        and _first(held, f"wavecollect{number}", "1") != "0"
    }
    selected = _selected(held, "siteselection")
    everywhere = _whole(_first(held, "xsites")) * _whole(_first(held, "ysites"))
    several = _first(held, "sites", "TRUE").upper() == "TRUE"
    return PlateDescription(
        path=path,
        plate=path.stem,
        shape=_shape(_first(held, "ywells"), _first(held, "xwells")),
        channels=collected,
        wells=tuple(
            f"{row_letters(row)}{column + 1:02d}"
            for row, column in _selected(held, "wellsselection")
        ),
        sites=(len(selected) or everywhere) if several else 1,
    )


def _htd_values(path: Path) -> dict[str, list[str]]:
    """Values by key, in lower case."""
    try:
        text = _decoded(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    rows = csv.reader(text.splitlines(), skipinitialspace=True)
    held = {row[0].strip().lower(): [value.strip() for value in row[1:]] for row in rows if row}
    if not {"htsinfofile", "nwavelengths", "xwells"} & set(held):
        raise InputError(f"{path} is no plate description of MetaXpress (no line 'HTSInfoFile').")
    return held


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def _first(held: dict[str, list[str]], key: str, default: str = "") -> str:
    return (held.get(key) or [default])[0]


def _selected(held: dict[str, list[str]], key: str) -> list[tuple[int, int]]:
    """Row and column of each TRUE of the lines ``<key>1``, ``<key>2``, ..., counted from 0."""
    return [
        (row, column)
        for row in range(32)
        for column, value in enumerate(held.get(f"{key}{row + 1}", []))
        if value.upper() == "TRUE" and column < 48
    ]


def read_xdce(path: Path) -> PlateDescription:
    """The ``.xdce`` (or ``.xml``) of an IN Cell Analyzer or an IN Carta export.

    Its indices are counted from 0, file names from 1; what it lists is told by file name.

    Raises
    ------
    InputError
        If the file is damaged, or another XML.
    """
    held: dict[str, Any] = {"root": "", "image": None}
    images: list[ListedImage] = []

    def start(name: str, values: dict[str, str]) -> None:
        held["root"] = held["root"] or name
        image = held["image"]
        if name == "Image":
            held["image"] = {"file": values.get("filename", "")}
        elif image is not None:
            _take_image(image, name, values)
        elif name == "Plate":
            held["plate"] = _shape(values.get("rows"), values.get("columns"))
        elif name == "ObjectiveCalibration":
            held["pixel"] = pixel_size(values.get("pixel_width"))

    def end(name: str, _: str) -> None:
        if name == "Image" and held["image"] is not None:
            images.append(_listed(held["image"]))
            held["image"] = None

    stream_xml(path, start=start, end=end)
    if held["root"] != "ImageStack":
        raise InputError(
            f"{path} is no plate description of an IN Cell (its root is no ImageStack)."
        )
    return PlateDescription(
        path=path,
        plate=path.stem,
        shape=held.get("plate"),
        pixel_size_um=held.get("pixel"),
        images=tuple(images),
    )


def _take_image(image: dict[str, str], name: str, values: dict[str, str]) -> None:
    if name == "Row":
        image["row"] = values.get("number", "")
    elif name == "Column":
        image["column"] = values.get("number", "")
    elif name == "EmissionFilter":
        image["emission"] = values.get("name", "")
    elif name == "Identifier":
        image |= {key: values.get(f"{key}_index", "") for key in ("field", "wave", "z", "time")}


def _listed(image: dict[str, str]) -> ListedImage:
    row, column = _whole(image.get("row")), _whole(image.get("column"))
    known = 1 <= row <= 32 and 1 <= column <= 48
    return ListedImage(
        file=image["file"].replace("\\", "/").rpartition("/")[2],
        well=f"{row_letters(row - 1)}{column:02d}" if known else "",
        site=_from_one(image.get("field", "")),
        channel=image.get("emission", ""),
        plane=_from_one(image.get("z", "")),
        timepoint=_from_one(image.get("time", "")),
    )


def _from_one(index: str) -> str:
    return str(int(index) + 1) if index.isdecimal() else ""


def read_jdce(path: Path) -> PlateDescription:
    """The ``.jdce`` of an ImageXpress HCS.ai: JSON, whose wavelengths are counted as in the names.

    Raises
    ------
    InputError
        If it is no such file.
    """
    try:
        stack = json.loads(path.read_text(encoding="utf-8-sig"))["ImageStack"]
        protocol = stack.get("AutoLeadAcquisitionProtocol") or {}
        waves = {
            str(wave.get("Index", number)): str((wave.get("EmissionFilter") or {}).get("Name", ""))
            for number, wave in enumerate(protocol.get("Wavelengths") or [])
        }
        plate = protocol.get("Plate") or {}
        return PlateDescription(
            path=path,
            plate=str(stack.get("PlateId") or path.stem),
            shape=_shape(plate.get("Rows"), plate.get("Columns")),
            channels={number: name for number, name in waves.items() if name},
            pixel_size_um=pixel_size(
                (protocol.get("ObjectiveCalibration") or {}).get("PixelWidth")
            ),
        )
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path} is no plate description of an ImageXpress: {error!r}.") from None


def read_scanr(path: Path) -> PlateDescription:
    """The ``experiment_descriptor.xml`` of ScanR: LabVIEW's names and values.

    Older ones are in Latin-1 without saying so.

    Raises
    ------
    InputError
        If the file is damaged, or another XML.
    """
    try:
        held = _labview(path, encoding=None)
    except InputError:
        held = _labview(path, encoding="iso-8859-1")
    if not held:
        raise InputError(f"{path} is no experiment descriptor of ScanR (no named values).")
    values = {key: texts[0] for key, texts in held.items()}
    return PlateDescription(
        path=path,
        plate=values.get("plate name", ""),
        shape=_shape(values.get("Rows"), values.get("Columns")),
        pixel_size_um=pixel_size(values.get("conversion factor um/pixel")),
        numbered=_numbered(held.get("well selection table + cDNA", [])),
    )


def _labview(path: Path, *, encoding: str | None) -> dict[str, list[str]]:
    """Values by the name that stands before them; rows and columns only of the plate's format."""
    held: dict[str, list[str]] = {}
    key, in_format = "", False

    def end(name: str, text: str) -> None:
        nonlocal key, in_format
        text = text.strip()
        if name == "Name" and text:
            key = text
            in_format = in_format or text == "format typedef"
        elif name == "Val" and text and (key not in {"Rows", "Columns"} or in_format):
            held.setdefault(key, []).append(text)

    stream_xml(path, start=lambda *_: None, end=end, encoding=encoding)
    return held


def _numbered(table: Iterable[str]) -> dict[str, str]:
    """Wells by number: each number is followed by its well's name."""
    found: dict[str, str] = {}
    number = ""
    for text in table:
        if text.isdecimal():
            number = str(int(text))
        elif number:
            found.setdefault(number, text)
    return found


READERS: dict[str, Callable[[Path], PlateDescription]] = {
    ".htd": read_htd, ".xdce": read_xdce, ".jdce": read_jdce,
}  # fmt: skip
"""Readers by the ending of the file; ScanR's is known by its whole name."""
