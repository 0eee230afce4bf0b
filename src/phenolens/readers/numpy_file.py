"""``.npy``: mapped into memory, without pickle."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from phenolens.readers.index import PlaneIndex
from phenolens.readers.series import Series


def describe(path: Path) -> tuple[Series, ...]:
    """Its one array, whose leading axes nothing names."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    return (Series("Q" * (array.ndim - 2) + "YX", array.shape, array.dtype.name),)


def read(path: Path, index: PlaneIndex) -> np.ndarray:
    """The element at the position; nothing else is read."""
    return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[index.position])
