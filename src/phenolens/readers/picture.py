"""PNG, JPEG and BMP, through scikit-image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from phenolens.readers.index import PlaneIndex
from phenolens.readers.series import Series


def describe(path: Path) -> tuple[Series, ...]:
    """Its one picture, grey or in colour."""
    pixels = _pixels(path)
    return (Series("YXS"[: pixels.ndim], pixels.shape, pixels.dtype.name),)


def read(path: Path, index: PlaneIndex) -> np.ndarray:
    """The picture."""
    return _pixels(path)[index.position]


def _pixels(path: Path) -> np.ndarray:
    from skimage.io import imread

    return np.asarray(imread(path))
