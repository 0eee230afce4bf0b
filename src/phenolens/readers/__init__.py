"""Pixels of image files: which planes a file holds, and one plane of it.

Each kind of file is one module with two functions: ``describe`` gives the images of a file from its
header, ``read`` one plane (or all of it). :func:`reader_of` picks the module by the file's ending.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from phenolens.readers.index import PlaneIndex
from phenolens.readers.series import Series

COMPANION = ".companion.ome"
"""Ending of OME-XML whose planes lie in TIFF files beside it."""
TIFF = (COMPANION, ".tif", ".tiff", ".btf", ".tf2", ".tf8")
NUMPY = (".npy",)
PICTURES = (".png", ".jpg", ".jpeg", ".bmp")
VENDOR = (".czi", ".nd2", ".lif")
ZARR = (".zarr",)
ENDINGS = (*TIFF, *NUMPY, *PICTURES, *VENDOR)


class Reader(Protocol):
    """One kind of image file."""

    def describe(self, path: Path) -> tuple[Series, ...]:
        """The images of a file, from its header alone."""

    def read(self, path: Path, index: PlaneIndex) -> np.ndarray:
        """The pixels at the index."""


def reader_of(path: Path) -> Reader:
    """The module that reads a file: by its ending; every folder is a Zarr store."""
    from phenolens.readers import numpy_file, picture, tiff, vendor, zarr_store

    name = path.name.lower()
    if name.endswith(TIFF):
        return tiff
    if name.endswith(NUMPY):
        return numpy_file
    if name.endswith(VENDOR):
        return vendor
    if path.is_dir():
        return zarr_store
    return picture
