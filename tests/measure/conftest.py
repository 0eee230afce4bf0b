"""Fields to measure: drawn in the test, and real ones where they are on this machine."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

CHANNELS = ("DNA", "ER", "Mito")


@dataclass(frozen=True)
class Scene:
    """Pixels, stain names and label images of one field."""

    pixels: np.ndarray
    channels: tuple[str, ...]
    labels: dict[str, np.ndarray]


def draw_scene(seed: int = 0, shape: tuple[int, int] = (150, 170)) -> Scene:
    """Cells with lobed outlines, some touching each other or the border; ids have gaps."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    nuclei, cells = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for k, (row, column) in enumerate(_places(shape), start=1):
        angle = np.arctan2(y - row, x - column)
        lobes = 1 + 0.2 * np.sin(3 * angle + k) + 0.1 * np.cos(5 * angle)
        far = np.hypot(y - row, x - column) / lobes
        cells[(far < 17 + k % 5) & (cells == 0)] = 3 * k
        nuclei[(far < 7 + k % 3) & (nuclei == 0) & (cells == 3 * k)] = 3 * k
    labels = {"Nuclei": nuclei, "Cells": cells, "Cytoplasm": np.where(nuclei > 0, 0, cells)}
    return Scene(_stain(rng, labels), CHANNELS, labels)


def _places(shape: tuple[int, int]) -> list[tuple[int, int]]:
    return [(r, c) for r in range(12, shape[0], 34) for c in range(10, shape[1], 36)]


def _stain(rng: np.random.Generator, labels: dict[str, np.ndarray]) -> np.ndarray:
    planes = []
    for share in (0.9, 0.2, 0.05):
        noise = ndimage.gaussian_filter(rng.normal(size=labels["Cells"].shape), 1.5)
        grain = 1 + 0.8 * noise / noise.std()
        light = 40 + 900 * (labels["Cells"] > 0) + 9000 * share * (labels["Nuclei"] > 0)
        planes.append(rng.poisson(np.maximum(light * np.maximum(grain, 0.05), 0) + 120))
    return np.clip(planes, 0, 65535).astype(np.uint16)


@pytest.fixture(scope="session")
def scene() -> Scene:
    return draw_scene()


@pytest.fixture(scope="session")
def real_fields(real_data: Callable[[str], Path]) -> list[tuple[str, np.ndarray]]:
    """Wells and (5, 1080, 1080) pixels of the six CPJUMP1 fields."""
    tifffile = pytest.importorskip("tifffile")
    folder = real_data("cpjump1_fields")
    with (folder / "load_data.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    found = []
    for row in rows:
        names = [row[f"FileName_Orig{channel}"] for channel in FIVE]
        planes = [tifffile.imread(folder / "images" / name) for name in names]
        found.append((row["Metadata_Well"], np.stack(planes)))
    return found


FIVE = ("DNA", "ER", "RNA", "AGP", "Mito")


@pytest.fixture(scope="session")
def real_scene(real_fields: list[tuple[str, np.ndarray]]) -> Scene:
    """A corner of a real field with its own segmentation."""
    from phenolens.segment import segment_field

    pixels = dict(real_fields)["D14"][:, 480:780, 640:940]
    return Scene(pixels, FIVE, segment_field(pixels, FIVE))
