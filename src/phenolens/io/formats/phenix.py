"""Opera Phenix: fields from file names, or from the plate's ``Index.idx.xml``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, TypedDict
from xml.etree import ElementTree

from phenolens.errors import InputError
from phenolens.io.acquisition import Acquisition, Place
from phenolens.io.formats.base import register
from phenolens.io.formats.instrument import Instrument
from phenolens.profiles import row_letters

NAME = re.compile(
    r"^r(?P<row>\d{2,})c(?P<column>\d{2,})f(?P<field>\d+)p(?P<plane>\d+)-ch(?P<channel>\d+)"
    r"(?:sk(?P<timepoint>\d+))?(?:fk(?P<flim>\d+))?(?:fl(?P<lamp>\d+))?\.tiff?$",
    re.IGNORECASE,
)


class NameParts(TypedDict):
    """What an Opera Phenix name says."""

    row: int
    column: int
    field: int
    plane: int
    channel: int
    timepoint: int
    well: str


def parse_name(name: str) -> NameParts | None:
    """Row, column, well, field, plane, channel, time point of an Opera Phenix name, or None.

    ``r16c03f06p01-ch3sk1fk1fl1.tiff`` is row 16 (P), column 3, field 6, plane 1, channel 3.
    """
    match = NAME.match(name)
    if match is None:
        return None
    row, column = int(match["row"]), int(match["column"])
    if not (1 <= row <= 32 and 1 <= column <= 48):
        return None
    return {
        "row": row,
        "column": column,
        "field": int(match["field"]),
        "plane": int(match["plane"]),
        "channel": int(match["channel"]),
        "timepoint": int(match["timepoint"] or 1),
        "well": f"{row_letters(row - 1)}{column:02d}",
    }


def read_index(path: Path) -> tuple[dict[int, str], float | None]:
    """Channel names by number, and micrometres a pixel, of an ``Index.idx.xml``.

    Raises
    ------
    InputError
        If the file is not such an index.
    """
    names: dict[int, str] = {}
    size = None
    try:
        for _, element in ElementTree.iterparse(path):
            if _tag(element) in {"Image", "Entry"}:
                _take_name(element, names)
                size = size or _resolution(element)
                element.clear()
    except ElementTree.ParseError as error:
        raise InputError(f"{path} is not a readable Index.idx.xml: {error}.") from None
    return names, size


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: ElementTree.Element, name: str) -> str | None:
    return next((child.text for child in element if _tag(child) == name), None)


def _take_name(element: ElementTree.Element, names: dict[int, str]) -> None:
    number = element.get("ChannelID") or _child(element, "ChannelID")
    name = _child(element, "ChannelName")
    if number and name:
        names.setdefault(int(number), name.strip())


def _resolution(element: ElementTree.Element) -> float | None:
    metres = _child(element, "ImageResolutionX")
    return None if metres is None else round(float(metres) * 1e6, 6)


@register
class Phenix(Instrument):
    """``r16c03f06p01-ch3sk1fk1fl1.tiff``; ``Index.idx.xml`` names the stains where it is there."""

    name = "phenix"
    describes: ClassVar[str] = "images of an Opera Phenix"
    example = "r01c01f01p01-ch1sk1fk1fl1.tiff"
    beside = ("index*.xml", "indexfile.txt")

    def place(self, path: Path) -> Place | None:
        """By the name; the plate is the folder that holds ``Images``."""
        parts = parse_name(path.name)
        if parts is None:
            return None
        folder = path.parent.parent if path.parent.name.lower() == "images" else path.parent
        return {
            "plate": folder.name,
            "well": parts["well"],
            "site": str(parts["field"]),
            "channel": str(parts["channel"]),
            "plane": parts["plane"],
            "timepoint": parts["timepoint"],
        }

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """By the names; stains and pixel size are the index's."""
        acquired = super().acquisition(folder, files)
        indexes = sorted(folder.rglob("Index*.xml"))
        if not indexes:
            return acquired
        names, size = read_index(indexes[0])
        return replace(
            acquired, names={str(n): name for n, name in names.items()}, pixel_size_um=size
        )
