"""A small screen in memory with a planted signal, for the networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.images import ImageSet
from phenolens.prepared import Prepared

CHANNELS = ("DNA", "ER", "AGP")
WELLS = {"A01": "DMSO", "A02": "A", "A03": "B", "B01": "DMSO", "B02": "A", "B03": "B"}


class MemoryPrepared(Prepared):
    """A prepared store whose pixels are an array; reading a forbidden row is an error."""

    def pixels(self, row: int) -> np.ndarray:
        assert not self.forbidden[row], f"row {row} is forbidden"
        return self.array[row]


@dataclass(frozen=True)
class PlantedScreen:
    prepared: Prepared
    labels: np.ndarray
    train: np.ndarray
    test: np.ndarray


def _images(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise, with a bright square in one stain where the treatment is not the control."""
    pixels = rng.normal(500, 60, (len(labels), len(CHANNELS), 32, 32))
    for image, label in zip(pixels, labels, strict=True):
        top, left = rng.integers(2, 20, 2)
        stain = {"A": 1, "B": 2}.get(label, 0)
        image[stain, top : top + 10, left : left + 10] += 500
    return pixels.astype(np.float32)


@pytest.fixture(scope="session")
def planted_screen():
    """Build the screen; ``forbid`` names a plate whose pixels must not be read."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)

    def build(*, forbid: str | None = None, sites: int = 8, seed: int = 0) -> PlantedScreen:
        rows = [
            (plate, well, f"s{site}", label, label == "DMSO")
            for plate in ("P1", "P2", "P3")
            for well, label in WELLS.items()
            for site in range(sites)
        ]
        names = ["Metadata_Plate", "Metadata_Well", "Metadata_Site"]
        table = pd.DataFrame(rows, columns=[*names, "Metadata_Treatment", "Metadata_Control"])
        for channel in CHANNELS:
            table[f"Path_{channel}"], table[f"Index_{channel}"] = "memory", ""
        prepared = MemoryPrepared(Path("memory"), ImageSet(table, CHANNELS), pd.DataFrame())
        labels = table["Metadata_Treatment"].to_numpy()
        held = (table["Metadata_Plate"] == "P3").to_numpy()
        forbidden = (table["Metadata_Plate"] == forbid).to_numpy()
        object.__setattr__(prepared, "forbidden", forbidden)
        object.__setattr__(prepared, "array", _images(labels, np.random.default_rng(seed)))
        return PlantedScreen(prepared, labels, np.flatnonzero(~held), np.flatnonzero(held))

    return build
