"""Images in Zarr stores: OME-Zarr (OME-NGFF 0.4 in Zarr 2, 0.5 in Zarr 3), or one bare array.

Only the chunks of the plane that is asked for are read. Of a pyramid, level 0.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from phenolens import ngff
from phenolens.errors import InputError
from phenolens.readers.index import PlaneIndex
from phenolens.readers.series import Series

MARKS = frozenset({"zarr.json", ".zgroup", ".zarray"})
"""Files by which a folder is a group or an array of Zarr 3 or 2."""


def attributes(folder: Path) -> dict[str, Any]:
    """Attributes of a group or array, of Zarr 2 or 3; those of OME-NGFF 0.5 as 0.4 has them.

    Raises
    ------
    InputError
        If the folder is no part of a Zarr store, or its JSON is damaged.
    """
    for name in ("zarr.json", ".zattrs", ".zgroup", ".zarray"):
        path = folder / name
        if path.is_file():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except ValueError as error:
                raise InputError(f"{path} is damaged ({error})") from None
            if name == "zarr.json":
                found = found.get("attributes") or {}
            if name in {".zgroup", ".zarray"}:
                return {}
            return {**found, **found["ome"]} if isinstance(found.get("ome"), dict) else found
    raise InputError(f"{folder} holds neither .zattrs nor zarr.json")


def is_store(folder: Path) -> bool:
    """Whether a folder is a group or an array of Zarr."""
    return any((folder / name).is_file() for name in MARKS)


def describe(path: Path) -> tuple[Series, ...]:
    """The one image at a folder.

    Raises
    ------
    InputError
        If the folder holds no image, or its array is missing.
    """
    array = _array(path, (path).stat().st_mtime_ns)
    image = ngff.read_image(attributes(path))
    if image is None:
        return (Series("Q" * (array.ndim - 2) + "YX", array.shape, array.dtype.name),)
    if len(image.axes) != array.ndim:
        axes = ", ".join(image.axes.lower())
        raise InputError(f"{path}: its axes are {axes}, and its array has {array.ndim}")
    return (
        Series(
            image.axes,
            array.shape,
            array.dtype.name,
            channels=image.channels,
            pixel_size_um=image.pixel_size_um,
        ),
    )


def read(path: Path, index: PlaneIndex) -> np.ndarray:
    """The pixels at the index.

    Raises
    ------
    InputError
        If nothing of the plane is stored: Zarr gives zeros for a chunk that was lost.
    """
    array = _array(path, path.stat().st_mtime_ns)
    position = index.position
    if any(not 0 <= at < size for at, size in zip(position, array.shape, strict=False)):
        raise IndexError
    pixels = np.asarray(array[position] if position else array[...])
    blank = pixels.size and (pixels == (array.fill_value or 0)).all()
    if blank and not _stored(array, position):
        raise InputError("no chunk of the plane is in the store: its pixels are lost")
    return pixels


def _stored(array: Any, position: tuple[int, ...]) -> bool:
    """Whether the first chunk of a plane is there."""
    from zarr.core.sync import sync

    chunks = array.shards or array.chunks
    first = [at // size for at, size in zip(position, chunks, strict=False)]
    key = array.metadata.encode_chunk_key((*first, *[0] * (array.ndim - len(first))))
    return bool(sync((array.store_path / key).exists()))


@lru_cache(maxsize=32)
def _array(path: Path, changed: int) -> Any:
    import zarr

    image = ngff.read_image(attributes(path))
    where = path if image is None else path / image.path
    if not is_store(where):
        raise InputError(f"the array '{where.name}' of the image is not there")
    return zarr.open_array(where, mode="r")
