"""Attributes of OME-NGFF 0.5: what makes a folder of arrays an OME-Zarr plate, well or image."""

from __future__ import annotations

from collections.abc import Sequence

VERSION = "0.5"


def image(channels: Sequence[str], pixel_size_um: float | None) -> dict:
    """Attributes of one image with axes c, y, x; the scale is in micrometres when known."""
    colours = [{"label": name, "color": "FFFFFF", "active": True} for name in channels]
    axes = [{"name": "c", "type": "channel"}, *_space(pixel_size_um)]
    return _multiscale(axes, [1.0, *_scale(pixel_size_um)], {"omero": {"channels": colours}})


def label_image(pixel_size_um: float | None) -> dict:
    """Attributes of one label image with axes y, x."""
    return _multiscale(_space(pixel_size_um), _scale(pixel_size_um), {"image-label": {}})


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
    return {"ome": {"version": VERSION, "well": {"images": [{"path": site} for site in sites]}}}


def plate(name: str, wells: Sequence[tuple[str, str]]) -> dict:
    """Attributes of a plate from the (row letters, column number) of its wells."""
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
        "rows": [{"name": row} for row in rows],
        "columns": [{"name": column} for column in columns],
        "wells": entries,
    }
    return {"ome": {"version": VERSION, "plate": described}}
