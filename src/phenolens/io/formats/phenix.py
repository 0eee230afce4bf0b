"""Opera Phenix: fields from file names, or from the plate's ``Index.idx.xml``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypedDict
from xml.etree import ElementTree

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.formats.base import ImageFormat, ImageProposal, register
from phenolens.io.imagetable import Located
from phenolens.io.listing import nuclei
from phenolens.profiles import row_letters

NAME = re.compile(
    r"^r(?P<row>\d{2,})c(?P<column>\d{2,})f(?P<field>\d+)p(?P<plane>\d+)-ch(?P<channel>\d+)"
    r"(?:sk(?P<timepoint>\d+))?(?:fk(?P<flim>\d+))?(?:fl(?P<lamp>\d+))?\.tiff?$",
    re.IGNORECASE,
)


class Place(TypedDict):
    """What an Opera Phenix name says."""

    row: int
    column: int
    field: int
    plane: int
    channel: int
    timepoint: int
    well: str


def parse_name(name: str) -> Place | None:
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


def phenix_table(folder: Path, *, channels: Sequence[str]) -> Located:
    """All fields below a folder of Opera Phenix images.

    A plate is the folder that holds its images (``<plate>/Images/...``); the study file's plate
    column may say otherwise. ``channels`` names ``ch1``, ``ch2``, ... in order of number.

    Raises
    ------
    InputError
        If there are no such files, or the number of channels is not the number of names.
    """
    files = sorted(path for path in folder.rglob("r*c*f*p*-ch*.tif*") if parse_name(path.name))
    if not files:
        raise InputError(f"{folder} holds no Opera Phenix images (r01c01f01p01-ch1sk1fk1fl1.tiff).")
    frame = pd.DataFrame([_row(path) for path in files])
    numbers = sorted(frame["channel"].unique())
    names = list(channels) or index_channels(folder, numbers) or [f"ch{n}" for n in numbers]
    if len(names) != len(numbers):
        raise InputError(
            f"{folder}: images of {len(numbers)} channels ({', '.join(f'ch{n}' for n in numbers)}) "
            f"but {len(names)} names in [data.images] channels."
        )
    return _wide(frame, dict(zip(numbers, names, strict=True)))


def _row(path: Path) -> dict:
    place = path.parent.parent if path.parent.name.lower() == "images" else path.parent
    return {**(parse_name(path.name) or {}), "plate": place.name, "path": str(path)}


def _wide(frame: pd.DataFrame, names: dict[int, str]) -> Located:
    key = ["plate", "well", "row", "column", "field", "plane", "timepoint"]
    twice = frame[frame.duplicated([*key, "channel"], keep=False)]
    if len(twice):
        raise InputError(
            f"Two files for one field and channel: {' and '.join(twice['path'].iloc[:2])}. "
            "Two plates have folders of the same name?"
        )
    wide = frame.pivot(index=key, columns="channel", values="path").reset_index()
    paths = {name: wide[number].fillna("").to_numpy() for number, name in names.items()}
    rest = wide[key].rename(
        columns={"plate": "Metadata_Plate", "well": "Metadata_Well", "field": "Metadata_Site"}
    )
    if rest["timepoint"].nunique() == 1:
        rest = rest.drop(columns="timepoint")
    return Located(rest.rename_axis(columns=None), paths)


def index_channels(folder: Path, numbers: Sequence[int]) -> list[str]:
    """Channel names from the plate's ``Index.idx.xml``, or an empty list."""
    indexes = sorted(folder.rglob("Index*.xml"))
    named = read_index(indexes[0])[0] if indexes else {}
    return [named[n] for n in numbers] if all(n in named for n in numbers) else []


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
class Phenix(ImageFormat):
    """``r16c03f06p01-ch3sk1fk1fl1.tiff``; ``Index.idx.xml`` names the stains where it is there."""

    name = "phenix"
    describes: ClassVar[str] = "images of an Opera Phenix: r01c01f01p01-ch1sk1fk1fl1.tiff"
    listed = False
    rank = 40

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """By the names of most images."""
        known = [parse_name(path.name) is not None for path in files]
        return 0.9 if known and sum(known) > 0.9 * len(known) else None

    def propose(self, found: Sequence[Path], source: Path) -> ImageProposal:
        """The stains as the index names them, or a question."""
        parsed = [parse_name(path.name) for path in found]
        numbers = sorted({part["channel"] for part in parsed if part})
        names = index_channels(source, numbers)
        indexes = sorted(source.rglob("Index*.xml"))
        size = read_index(indexes[0])[1] if indexes else None
        channels = names or [f"channel{n}" for n in numbers]
        section: dict[str, Any] = {"layout": self.name, "root": ".", "channels": channels}
        section |= {"pixel_size_um": size} if size else {}
        text = (
            f"which stain is ch{numbers[0]}, ch{numbers[1]}, ...? The order differs between "
            "laboratories (docs/data-integration.md)"
            if len(numbers) > 1
            else "which stain is it?"
        )
        questions = [] if names else [("images.channels", text)]
        return ImageProposal(section | nuclei(channels), {}, questions)

    def locate_below(self, folder: Path, images: Mapping[str, Any]) -> Located:
        """See :func:`phenix_table`."""
        return phenix_table(folder, channels=images["channels"])
