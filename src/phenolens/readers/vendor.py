"""CZI, ND2 and LIF, delegated to bioio, whose readers are installed beside it.

Several of those readers are under the GPL; none is a dependency of this package.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from phenolens.errors import InputError
from phenolens.readers.index import PlaneIndex
from phenolens.readers.series import Series
from phenolens.remote import local

AXES = "TCZYX"


def describe(path: Path) -> tuple[Series, ...]:
    """The scenes of a file.

    Raises
    ------
    InputError
        If bioio or its reader of such files is not installed; says what to install.
    """
    image = _opened(local(path), path.stat().st_mtime_ns)
    return tuple(_scene(image, number) for number in range(len(image.scenes)))


def _scene(image: Any, number: int) -> Series:
    image.set_scene(number)
    size = getattr(image.physical_pixel_sizes, "X", None)
    order = image.dims.order
    names = tuple(map(str, image.channel_names or ()))
    return Series(
        order if set(order) <= {*AXES, "S"} else "".join(a if a in AXES else "Q" for a in order),
        tuple(image.shape),
        np.dtype(image.dtype).name,
        number=number if len(image.scenes) > 1 else None,
        name=str(image.scenes[number]),
        channels=names if len(set(names)) == len(names) else (),
        pixel_size_um=float(size) if size and 0 < size < float("inf") else None,
    )


def read(path: Path, index: PlaneIndex) -> np.ndarray:
    """One plane of a scene; bioio reads no more than it must.

    Raises
    ------
    InputError
        If the file holds several scenes and the index names none.
    """
    image = _opened(local(path), path.stat().st_mtime_ns)
    if index.series is None and len(image.scenes) > 1:
        raise InputError(f"it holds {len(image.scenes)} scenes; an index such as 's0:' says which")
    if (index.series or 0) >= len(image.scenes):
        raise IndexError
    image.set_scene(index.series or 0)
    order, shape = image.dims.order, image.shape
    if any(not 0 <= at < size for at, size in zip(index.position, shape, strict=False)):
        raise IndexError
    fixed = dict(zip(order, index.position, strict=False))
    rest = "".join(axis for axis in order if axis not in fixed)
    return np.asarray(image.get_image_dask_data(rest, **fixed).compute(scheduler="synchronous"))


def not_installed(path: Path) -> str:
    """What must be installed before a file can be read; empty where it is."""
    ending = path.suffix.lower()
    plugin = f"bioio-{ending[1:]}"
    if find_spec("bioio") is None:
        return f"{path}: {ending} files are read with bioio. Run: pip install bioio {plugin}"
    if not any(find_spec(name) for name in (plugin.replace("-", "_"), "bioio_bioformats")):
        return f"{path}: bioio has no reader of {ending} files here. Run: pip install {plugin}"
    return ""


@lru_cache(maxsize=2)
def _opened(path: Path, changed: int) -> Any:
    missing = not_installed(path)
    if missing:
        raise InputError(missing)
    from bioio import BioImage

    return BioImage(path)
