"""``Index.idx.xml``: what Harmony (Opera Phenix, Operetta) and Columbus write beside the images.

What was found in public exports, and is read here:

- Harmony 4 and 5 say everything in each ``Images/Image``. Harmony 6 and 7 write ``Index.xml`` and
  keep what is common to a channel once, in ``Maps/Map/Entry[@ChannelID]``.
- ``TimepointID`` begins at 0, 1 or 2, by version; file names count from 1, and so do we.
- Columbus packs several images into one file; ``BufferNo`` of the ``URL`` is the page.
- An image that was not taken has an empty ``URL``, or names a file that is not there.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.instruments.xml_files import stream_xml, whole_number

INDEX_NAMES = ("index.idx.xml", "index.xml", "index.ref.xml", "imageindex.columbusidx.xml")
"""Names of an index, in lower case; of several in a folder the first counts."""
ROOT = "EvaluationInputData"
UNITS = {"m": 1e6, "mm": 1e3, "um": 1.0, "µm": 1.0, "μm": 1.0, "nm": 1e-3}
ROWS, COLUMNS = range(1, 33), range(1, 49)
SMALLEST, LARGEST = 0.005, 100.0
"""Micrometres a pixel that a light microscope can have."""
_NUMBERS = ("Row", "Col", "FieldID", "PlaneID", "TimepointID", "ChannelID")
_KEPT = frozenset(
    {*_NUMBERS, "URL", "ChannelName", "ImageResolutionX", "PlateID", "Name", "MeasurementID"}
)
_RECORDS = frozenset({"Image", "Entry", "Plate"})


@dataclass(frozen=True)
class PlateIndex:
    """One index.

    Attributes
    ----------
    path : Path
    plate, measurement : str
        As the index calls the plate, and the identifier of the measurement; may be empty.
    images : DataFrame
        One row an image: ``file`` (relative to the index, empty where none was taken), ``page``
        (empty, or its number in a file of several), and as whole numbers from 1 ``row``,
        ``column``, ``field``, ``plane``, ``timepoint``, ``channel``.
    names : dict of int to str
        What it calls the channels.
    pixel_sizes : tuple of float
        Micrometres a pixel; several where channels differ.
    notes : list of str
        What was left out.
    """

    path: Path
    plate: str
    measurement: str
    images: pd.DataFrame
    names: dict[int, str]
    pixel_sizes: tuple[float, ...]
    notes: list[str]


def read_index(path: Path) -> PlateIndex:
    """All that an index says of its plate.

    Raises
    ------
    InputError
        If the file is damaged, is not such an index, or says nothing.
    """
    seen = _Seen(path)
    stream_xml(path, start=seen.start, end=seen.end, only=_KEPT | _RECORDS)
    if not seen.images and not seen.names and not seen.resolutions:
        raise InputError(f"{path} lists no images (no Images/Image).")
    notes = [] if seen.images else [f"{path.name} lists no images: it names stains or a size only"]
    if seen.incomplete:
        what = "an image of it lacks" if seen.incomplete == 1 else "images of it lack"
        notes.append(f"{path.name}: {seen.incomplete} {what} a row, column, field or channel")
    sizes = []
    for (text, unit), count in seen.resolutions.items():
        size = pixel_size_um(text, unit)
        if size is None:
            notes.append(
                f"{path.name}: ImageResolutionX = {text!r} {unit} of {count} entries is no pixel "
                "size, and was not used"
            )
        else:
            sizes.append(size)
    columns = ["file", "page", "row", "column", "field", "plane", "timepoint", "channel"]
    images = pd.DataFrame(seen.images, columns=columns)
    if seen.images:
        images["timepoint"] += 1 - images["timepoint"].min()
    if (pages := images["page"] != "").any() and not images["file"][pages].duplicated().any():
        images["page"] = ""  # one image a file: the page says nothing
    named = distinct_names({n: counts.most_common(1)[0][0] for n, counts in seen.names.items()})
    plate = seen.plate.get("PlateID") or seen.plate.get("Name") or ""
    return PlateIndex(
        path=path,
        plate=plate,
        measurement=seen.plate.get("MeasurementID", ""),
        images=images,
        names=named,
        pixel_sizes=tuple(sorted(set(sizes))),
        notes=notes,
    )


def pixel_size_um(text: str, unit: str) -> float | None:
    """Micrometres of a length as an instrument writes it; None where it is no pixel size.

    Examples
    --------
    >>> pixel_size_um("5.9E-07", "m")
    0.59
    >>> pixel_size_um("-5.9E-07", "m") is None
    True
    """
    try:
        size = float(text) * UNITS[unit.strip() or "m"]
    except (ValueError, KeyError):
        return None
    return round(size, 6) if math.isfinite(size) and SMALLEST <= size <= LARGEST else None


class _Seen:
    """Collects an index while it streams by."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = ""
        self.record: dict[str, str] = {}
        self.plate: dict[str, str] = {}
        self.images: list[tuple] = []
        self.names: dict[int, Counter[str]] = {}
        self.resolutions: Counter[tuple[str, str]] = Counter()
        self.incomplete = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if not self.root:
            self._open(name)
        if name in _RECORDS:
            self.record = attributes
        elif attributes and name == "ImageResolutionX":
            self.record["unit"] = attributes.get("Unit", "")
        elif attributes and name == "URL":
            self.record["page"] = attributes.get("BufferNo", "")

    def end(self, name: str, text: str) -> None:
        if name in _KEPT:
            self.record[name] = text.strip()
        elif name == "Image":
            if "URL" in self.record:  # else a well's reference to one, or a part of an index
                self._image()
            self._channel()
        elif name == "Entry":
            self._channel()
        elif name == "Plate":
            self.plate = self.plate or self.record

    def _open(self, name: str) -> None:
        self.root = name
        if name != ROOT:
            raise InputError(
                f"{self.path} is no index of Harmony or Columbus: it begins with <{name}> instead "
                f"of <{ROOT}>. If another instrument wrote it, leave it out of this folder."
            )

    def _image(self) -> None:
        record = self.record
        numbers = [whole_number(record.get(key) or _DEFAULT.get(key)) for key in _NUMBERS]
        row, column, *rest = numbers
        if row not in ROWS or column not in COLUMNS or None in rest:
            self.incomplete += 1
            return
        self.images.append((_relative(record["URL"]), record.get("page", ""), *numbers))

    def _channel(self) -> None:
        record = self.record
        number, name = whole_number(record.get("ChannelID")), record.get("ChannelName", "")
        if number is not None and name:
            self.names.setdefault(number, Counter())[name] += 1
        if "ImageResolutionX" in record:
            self.resolutions[record["ImageResolutionX"], record.get("unit", "") or "m"] += 1


_DEFAULT = {"PlaneID": "1", "TimepointID": "1"}


def _relative(url: str) -> str:
    """The file below the index; of a path or address on another machine, its last part."""
    plain = url.replace("\\", "/")
    if "://" in plain or plain.startswith("/") or ":" in plain[:3]:
        return plain.rpartition("/")[2]
    return plain.removeprefix("./")


def distinct_names(names: dict[int, str]) -> dict[int, str]:
    """Names by channel; those that several share with the channel's number behind them."""
    counts = Counter(names.values())
    return {n: f"{name} ch{n}" if counts[name] > 1 else name for n, name in sorted(names.items())}
