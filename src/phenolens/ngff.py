"""OME-NGFF: the attributes that make a folder of arrays an OME-Zarr plate, well or image.

What we write is version 0.5 (https://ngff.openmicroscopy.org/0.5); what we read is 0.4 and 0.5,
whose attributes differ in place only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phenolens.profiles import row_letters

VERSION = "0.5"
COLOURS = ("0000FF", "00FF00", "FFFF00", "FFA500", "FF0000", "FFFFFF", "00FFFF", "FF00FF")
MICROMETRES = {
    "angstrom": 1e-4, "picometer": 1e-6, "nanometer": 1e-3, "micrometer": 1.0, "millimeter": 1e3,
    "centimeter": 1e4, "meter": 1e6, "micron": 1.0, "um": 1.0, "µm": 1.0, "nm": 1e-3,
}  # fmt: skip


@dataclass(frozen=True)
class NgffImage:
    """What the attributes of an image say.

    Attributes
    ----------
    path : str
        The array of full resolution, below the image.
    axes : str
        T, C, Z, Y, X in the array's order.
    channels : tuple of str
        Labels of the stains, or empty.
    pixel_size_um : float or None
    """

    path: str
    axes: str
    channels: tuple[str, ...] = ()
    pixel_size_um: float | None = None


def read_image(attributes: Mapping[str, Any]) -> NgffImage | None:
    """An image from its attributes; None where they describe none.

    Axes without names are those of versions before 0.4 (t, c, z, y, x), the last ones of them.
    """
    multiscales = attributes.get("multiscales") or []
    if not multiscales or not multiscales[0].get("datasets"):
        return None
    first = multiscales[0]
    dataset = first["datasets"][0]
    named = first.get("axes") or list("tczyx")
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in named]
    labels = [c.get("label") or "" for c in (attributes.get("omero") or {}).get("channels") or []]
    own = all(labels) and len(set(labels)) == len(labels)
    return NgffImage(
        str(dataset["path"]),
        "".join(str(axis.get("name", "?"))[:1].upper() for axis in axes),
        tuple(map(str, labels)) if own else (),
        _pixel_size(axes, [dataset, first]),
    )


def read_plate(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Path of each well of a plate by its name, such as ``A01``; empty where there is no plate.

    A row or column is called what the plate calls it; rows with numbers for names have letters.
    Before 0.4 a well said its path only.
    """
    plate = attributes.get("plate") or {}
    return {_well(str(well["path"])): str(well["path"]) for well in plate.get("wells") or []}


def _well(path: str) -> str:
    row, _, column = path.strip("/").rpartition("/")
    row = row_letters(int(row) - 1) if row.isdecimal() and int(row) else row
    return f"{row.upper()}{int(column):02d}" if column.isdecimal() else f"{row}{column}"


def read_acquisitions(attributes: Mapping[str, Any]) -> dict[str, str]:
    """Name of each acquisition of a plate by its number, as text."""
    found = (attributes.get("plate") or {}).get("acquisitions") or []
    return {str(one.get("id")): str(one.get("name") or one.get("id")) for one in found}


def read_well(attributes: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Path of each field of a well, and the number of its acquisition or ''."""
    images = (attributes.get("well") or {}).get("images") or []
    return [(str(one["path"]), str(one.get("acquisition", ""))) for one in images]


def _pixel_size(axes: list[dict], holders: list[dict]) -> float | None:
    """Along the last axis: the scales of level 0 and of all levels are multiplied."""
    unit = MICROMETRES.get(str(axes[-1].get("unit", "")).lower())
    scales = [
        transform["scale"][-1]
        for holder in holders
        for transform in holder.get("coordinateTransformations") or []
        if transform.get("type") == "scale" and transform.get("scale")
    ]
    if unit is None or not scales:
        return None
    size = unit
    for scale in scales:
        size *= float(scale)
    return round(size, 6) if 0 < size < float("inf") else None


@dataclass(frozen=True)
class Window:
    """What a viewer shows of a stain: black at `start`, white at `end`."""

    lowest: float
    highest: float
    start: float
    end: float


def window(plane: np.ndarray) -> Window:
    """The window of one stain of a field: all but a thousandth of its pixels at either end.

    Parameters
    ----------
    plane : array, (H, W)
        Whole numbers may lie anywhere in the range of their type, others in that of the plane.
    """
    finite = plane[np.isfinite(plane)]
    if not finite.size:
        return Window(0.0, 1.0, 0.0, 1.0)
    if np.issubdtype(plane.dtype, np.integer):
        limits = np.iinfo(plane.dtype)
        lowest, highest = float(limits.min), float(limits.max)
    else:
        lowest, highest = float(finite.min()), float(finite.max())
    start, end = (float(value) for value in np.percentile(finite, (0.1, 99.9)))
    return Window(lowest, highest, start, max(end, start + 1e-6))


def image(channels: Sequence[str], pixel_size_um: float | None, windows: Sequence[Window]) -> dict:
    """Attributes of one image with axes c, y, x; the scale is in micrometres when known."""
    shown = [
        {
            "label": name,
            "color": COLOURS[number % len(COLOURS)],
            "active": True,
            "window": {"min": w.lowest, "max": w.highest, "start": w.start, "end": w.end},
        }
        for number, (name, w) in enumerate(zip(channels, windows, strict=True))
    ]
    axes = [{"name": "c", "type": "channel"}, *_space(pixel_size_um)]
    return _multiscale(axes, [1.0, *_scale(pixel_size_um)], {"omero": {"channels": shown}})


def older_image(
    channels: Sequence[str],
    pixel_size_um: float | None,
    windows: Sequence[Window],
    levels: int,
) -> dict:
    """Attributes of one image of OME-NGFF 0.4, of several levels that each halve both sides."""
    told = image(channels, pixel_size_um, windows)["ome"]
    first = told["multiscales"][0]
    scale = first["datasets"][0]["coordinateTransformations"][0]["scale"]
    first["datasets"] = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": [scale[0], *(side * 2**level for side in scale[1:])]}
            ],
        }
        for level in range(levels)
    ]
    return {"multiscales": [first | {"version": "0.4"}], "omero": told["omero"]}


def label_image(pixel_size_um: float | None) -> dict:
    """Attributes of one label image with axes y, x."""
    return _multiscale(
        _space(pixel_size_um), _scale(pixel_size_um), {"image-label": {"version": VERSION}}
    )


def _space(pixel_size_um: float | None) -> list[dict]:
    unit = {"unit": "micrometer"} if pixel_size_um else {}
    return [{"name": name, "type": "space", **unit} for name in "yx"]


def _scale(pixel_size_um: float | None) -> list[float]:
    return [pixel_size_um or 1.0] * 2


def _multiscale(axes: list[dict], scale: list[float], extra: dict) -> dict:
    transform = {"type": "scale", "scale": scale}
    dataset = {"path": "0", "coordinateTransformations": [transform]}
    multiscale = {"axes": axes, "datasets": [dataset]}
    return {"ome": {"version": VERSION, "multiscales": [multiscale], **extra}}


def labels(names: Sequence[str]) -> dict:
    """Attributes of the folder that holds an image's label images."""
    return {"ome": {"version": VERSION, "labels": sorted(names)}}


def well(sites: Sequence[str]) -> dict:
    """Attributes of a well: the fields it holds."""
    return {
        "ome": {
            "version": VERSION,
            "well": {"images": [{"path": site} for site in sites], "version": VERSION},
        }
    }


def plate(name: str, wells: Sequence[tuple[str, str]], *, fields: int) -> dict:
    """Attributes of a plate from the (row letters, column number) of its wells.

    ``fields`` is the largest number of fields of a well.
    """
    rows = sorted({row for row, _ in wells}, key=lambda letters: (len(letters), letters))
    columns = sorted({column for _, column in wells}, key=int)
    entries = [
        {
            "path": f"{row}/{column}",
            "rowIndex": rows.index(row),
            "columnIndex": columns.index(column),
        }
        for row, column in wells
    ]
    described = {
        "name": name,
        "version": VERSION,
        "field_count": fields,
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": entries,
    }
    return {"ome": {"version": VERSION, "plate": described}}
