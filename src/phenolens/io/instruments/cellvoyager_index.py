"""What a Yokogawa CellVoyager (CV7000, CV8000, CQ1, CQ3000) writes beside its images.

``MeasurementData.mlf`` has a record an image, ``MeasurementDetail.mrf`` the plate, the pixel size,
and names of the other files, among them the ``.mes`` with the channels' names. All are XML in one
namespace. What was found in public measurements, and is read here:

- A record of ``Type`` ``ERR`` is no image: its text says what failed, such as
  ``AF Error at C14 No. 0``, and it has neither field nor channel.
- ``TimePoint`` counts time lines, and may differ from the ``T`` of the file's name.
- ``ZImageProcessing`` (``Maximum``, ``Minimum``, ``Sum``) marks a projection of the instrument's.
- The ``.mrf`` names a ``.mes``, ``.wpi`` and ``.wpp`` that are often not there.
- Files may have been converted since: the record says ``.tif``, and ``.png`` is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.instruments.phenix_index import COLUMNS, ROWS, distinct_names, pixel_size_um
from phenolens.io.instruments.xml_files import read_xml, stream_xml, whole_number

RECORDS, DETAIL = "MeasurementData.mlf", "MeasurementDetail.mrf"
NO_PLATE = frozenset({"", "noplateid", "plate"})
"""What the instrument calls a plate that nobody named."""
NO_STAIN = re.compile(r"^\d+ ?(nm)?$|/", re.IGNORECASE)
"""A ``Target`` that is a wavelength, or names a light source or filter."""
_NUMBERS = ("Row", "Column", "FieldIndex", "ZIndex", "TimePoint", "Ch")
_DEFAULT = {"ZIndex": "1", "TimePoint": "1"}


@dataclass(frozen=True)
class Records:
    """What ``MeasurementData.mlf`` lists.

    Attributes
    ----------
    images : DataFrame
        One row an image: ``file`` (relative to the ``.mlf``), ``projection`` (empty, or how the
        instrument projected the planes), ``tile`` and ``action`` as text, and as whole numbers
        from 1 ``row``, ``column``, ``field``, ``plane``, ``timepoint``, ``channel``.
    errors : list of str
        What the instrument says of images that it could not take.
    incomplete : int
        Records without a row, column, field or channel.
    """

    images: pd.DataFrame
    errors: list[str]
    incomplete: int


@dataclass(frozen=True)
class Detail:
    """What ``MeasurementDetail.mrf`` and the files it names say of a measurement.

    Attributes
    ----------
    plate : str
        Its name; empty where nobody gave one.
    columns : int
        Columns of the plate; 0 where that is not said.
    names : dict of int to str
        The stains, where the ``Target`` of a channel names one and not a wavelength or filter.
    targets : dict of int to str
        ``Target`` and filter of every channel, as a person may know it by.
    pixel_sizes : tuple of float
        Micrometres a pixel; several where channels differ.
    notes : list of str
        What was not read or not used.
    """

    plate: str = ""
    columns: int = 0
    names: dict[int, str] = field(default_factory=dict)
    targets: dict[int, str] = field(default_factory=dict)
    pixel_sizes: tuple[float, ...] = ()
    notes: list[str] = field(default_factory=list)


def read_records(path: Path) -> Records:
    """The records of a ``MeasurementData.mlf``; there may be none.

    Raises
    ------
    InputError
        If the file is damaged, or is no such file.
    """
    images: list[tuple] = []
    errors: list[str] = []
    incomplete = 0
    root, record = "", {}

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal root, record
        root = root or _required_root(path, name, "MeasurementData")
        record = attributes

    def end(name: str, text: str) -> None:
        nonlocal incomplete
        if name != "MeasurementRecord":
            return
        if record.get("Type", "IMG") != "IMG":
            errors.append(text.strip() or f"{record.get('Type')} without a text")
            return
        numbers = [whole_number(record.get(key) or _DEFAULT.get(key)) for key in _NUMBERS]
        if numbers[0] not in ROWS or numbers[1] not in COLUMNS or None in numbers:
            incomplete += 1
            return
        marks = (record.get(k, "") for k in ("ZImageProcessing", "PartialTileIndex", "ActionIndex"))
        file = text.strip().replace("\\", "/").removeprefix("./")
        images.append((file, *marks, *numbers))

    stream_xml(path, start=start, end=end, only=frozenset({"MeasurementRecord"}))
    numbers = ["row", "column", "field", "plane", "timepoint", "channel"]
    frame = pd.DataFrame(images, columns=["file", "projection", "tile", "action", *numbers])
    good = frame["file"] != ""
    incomplete += int((~good).sum())
    frame = frame[good].reset_index(drop=True)
    if len(frame):
        frame["timepoint"] += 1 - frame["timepoint"].min()
    return Records(frame, errors, incomplete)


def read_detail(folder: Path) -> Detail:
    """Plate, channels and pixel size of a measurement's folder; empty where no file says so.

    A file that is damaged is noted and left out: the images can be read without it.
    """
    notes: list[str] = []
    detail = _tree(folder / DETAIL, "MeasurementDetail", notes)
    plate = "" if detail is None else _attribute(detail, "MeasurementSamplePlate", "Name")
    columns = None if detail is None else whole_number(detail.get("ColumnCount"))
    if columns not in COLUMNS:
        columns = next((c for f in _plate_files(folder) if (c := _columns(f, notes)) in COLUMNS), 0)
    sizes = []
    for channel in [] if detail is None else detail.iter("MeasurementChannel"):
        text = channel.get("HorizontalPixelDimension", "")
        size = pixel_size_um(text, "um")
        sizes += [] if size is None else [size]
        if size is None:
            notes.append(
                f"{DETAIL}: HorizontalPixelDimension = {text!r} of channel {channel.get('Ch')} is "
                "no pixel size, and was not used"
            )
    channels = _channels(folder, detail, notes)
    targets = {n: channel.get("Target", "").strip() for n, channel in channels.items()}
    filters = {n: channel.get("Acquisition", "").strip() for n, channel in channels.items()}
    return Detail(
        plate="" if plate.lower() in NO_PLATE else plate,
        columns=columns or 0,
        names=distinct_names({n: t for n, t in targets.items() if t and not NO_STAIN.search(t)}),
        targets={n: " ".join(filter(None, (t, filters[n]))) for n, t in targets.items()},
        pixel_sizes=tuple(sorted(set(sizes))),
        notes=notes,
    )


def _channels(folder: Path, detail: Element | None, notes: list[str]) -> dict[int, Element]:
    """Channels by number, of the ``.mes`` that the ``.mrf`` names, or of the only one there is."""
    said = "" if detail is None else detail.get("MeasurementSettingFileName", "")
    path = folder / (said.replace("\\", "/").rpartition("/")[2] or "?")
    there = sorted(folder.glob("*.mes"))
    if not path.is_file():
        if len(there) != 1:
            return {}
        path = there[0]
    setting = _tree(path, "MeasurementSetting", notes)
    channels = [] if setting is None else list(setting.iter("Channel"))
    return {n: c for c in channels if (n := whole_number(c.get("Ch"))) is not None}


def _plate_files(folder: Path) -> list[Path]:
    return [*sorted(folder.glob("*.wpi")), *sorted(folder.glob("*.wpp"))]


def _columns(path: Path, notes: list[str]) -> int | None:
    tree = _tree(path, "WellPlate" if path.suffix == ".wpi" else "WellPlateProduct", notes)
    return None if tree is None else whole_number(tree.get("Columns"))


def _attribute(tree: Element, element: str, name: str) -> str:
    found = tree.find(element)
    return "" if found is None else found.get(name, "").strip()


def _tree(path: Path, root: str, notes: list[str]) -> Element | None:
    if not path.is_file():
        return None
    try:
        tree = read_xml(path)
        _required_root(path, tree.tag, root)
    except InputError as error:
        notes.append(f"not used: {error}")
        return None
    return tree


def _required_root(path: Path, name: str, root: str) -> str:
    if name != root:
        raise InputError(
            f"{path} is not what a Yokogawa CellVoyager writes under this name: it begins with "
            f"<{name}> instead of <{root}>. Copy it from the instrument again, or leave it out."
        )
    return name
