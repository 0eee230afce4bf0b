"""Images in Zarr stores: OME-Zarr (OME-NGFF 0.4 in Zarr 2, 0.5 in Zarr 3), or one bare array.

Only the chunks of the plane that is asked for are read. Of a pyramid, level 0.
"""

from __future__ import annotations

import itertools
import json
import math
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
        If a chunk is cut short, or no chunk of the plane is stored: Zarr gives zeros for what was
        lost, and Blosc whatever lies behind the end of what was cut.
    """
    array = _array(path, path.stat().st_mtime_ns)
    position = index.position
    if len(position) > array.ndim:
        raise IndexError
    if any(not 0 <= at < size for at, size in zip(position, array.shape, strict=False)):
        raise IndexError
    _require_chunks(array, position)
    pixels = np.asarray(array[position] if position else array[...])
    return pixels.squeeze() if not position and math.prod(pixels.shape[:-2]) == 1 else pixels


def _require_chunks(array: Any, position: tuple[int, ...]) -> None:
    names, folder = _chunks(array, position)
    there = [name for name in names if (folder / name).is_file()]
    if names and not there:
        raise InputError(f"no chunk of the plane is there, such as {names[0]}")
    last = type(array.compressors[-1]).__name__.lower() if array.compressors else ""
    for name in there if "blosc" in last and array.shards is None else ():
        with (folder / name).open("rb") as stream:
            said = int.from_bytes(stream.read(16)[12:16], "little")
            held = stream.seek(0, 2)
        if held != said:
            raise InputError(f"chunk {name} is cut short ({held} of {said} bytes)")


def _chunks(array: Any, position: tuple[int, ...]) -> tuple[list[str], Path]:
    """The files (chunks, or shards) that hold what lies at a position, and their folder."""
    store = array.store_path
    sizes = array.shards or array.chunks
    ranges = [range(at // size, at // size + 1) for at, size in zip(position, sizes, strict=False)]
    rest = slice(len(position), None)
    ranges += [
        range(-(-length // size))
        for length, size in zip(array.shape[rest], sizes[rest], strict=True)
    ]
    names = [array.metadata.encode_chunk_key(at) for at in itertools.product(*ranges)]
    return names, Path(store.store.root) / store.path


def absent_chunks(path: Path, index: PlaneIndex) -> tuple[int, int]:
    """Chunks of what the index names that are not stored, and how many there should be.

    Zarr leaves out chunks that hold nothing but the fill value, and so they read as that; a chunk
    that was lost cannot be told from one that was left out.
    """
    names, folder = _chunks(_array(path, path.stat().st_mtime_ns), index.position)
    return sum(not (folder / name).is_file() for name in names), len(names)


@lru_cache(maxsize=32)
def _array(path: Path, changed: int) -> Any:
    import zarr

    image = ngff.read_image(attributes(path))
    where = path if image is None else path / image.path
    if not is_store(where):
        raise InputError(f"the array '{where.name}' of the image is not there")
    return zarr.open_array(where, mode="r")
