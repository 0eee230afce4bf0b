"""A small screen whose truth is known: where the treatment shows, and in which stain."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.images import ImageSet
from phenolens.prepared import Prepared

CHANNELS = ("DNA", "ER", "AGP")
SIZE, PATCH = 64, 14
WELLS = {"A01": "DMSO", "A02": "A", "A03": "B", "B01": "DMSO", "B02": "A", "B03": "B"}


class MemoryPrepared(Prepared):
    def pixels(self, row: int) -> np.ndarray:
        return self.array[row]

    def labels(self, row: int) -> dict[str, np.ndarray]:
        return self.masks.get(row, {})


@dataclass(frozen=True)
class TruthScreen:
    prepared: Prepared
    labels: np.ndarray
    truth: np.ndarray
    train: np.ndarray
    test: np.ndarray


def _images(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Noise and a bright DNA square that tells nothing; treatments add one in their own stain."""
    pixels = rng.normal(500, 60, (len(labels), len(CHANNELS), SIZE, SIZE))
    truth = np.zeros((len(labels), SIZE, SIZE), dtype=bool)
    for image, mask, label in zip(pixels, truth, labels, strict=True):
        left, right = rng.integers(2, SIZE // 2 - PATCH, 2)
        near, far = (left, SIZE // 2 + right)[:: rng.choice([1, -1])]
        top, other = rng.integers(2, SIZE - PATCH, 2)
        image[0, top : top + PATCH, near : near + PATCH] += 500
        if label != "DMSO":
            mask[other : other + PATCH, far : far + PATCH] = True
            image[1 if label == "A" else 2, mask] += 500
    return pixels.astype(np.float32), truth


@pytest.fixture(scope="session")
def truth_screen() -> TruthScreen:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    rows = [
        (plate, well, f"s{site}", label, label == "DMSO")
        for plate in ("P1", "P2", "P3")
        for well, label in WELLS.items()
        for site in range(16)
    ]
    names = ["Metadata_Plate", "Metadata_Well", "Metadata_Site"]
    table = pd.DataFrame(rows, columns=[*names, "Metadata_Treatment", "Metadata_Control"])
    for channel in CHANNELS:
        table[f"Path_{channel}"], table[f"Index_{channel}"] = "memory", ""
    prepared = MemoryPrepared(Path("memory"), ImageSet(table, CHANNELS), pd.DataFrame())
    labels = table["Metadata_Treatment"].to_numpy()
    pixels, truth = _images(labels, np.random.default_rng(0))
    masks = {
        row: {"Nuclei": mask.astype(np.int32), "Cells": np.pad(mask[3:, 3:], (0, 3)) | mask}
        for row, mask in enumerate(truth)
        if mask.any()
    }
    object.__setattr__(prepared, "array", pixels)
    object.__setattr__(prepared, "masks", masks)
    held = (table["Metadata_Plate"] == "P3").to_numpy()
    return TruthScreen(prepared, labels, truth, np.flatnonzero(~held), np.flatnonzero(held))


@pytest.fixture(scope="session")
def trained(truth_screen):
    """A small network that tells the three treatments apart."""
    from phenolens.represent.cnn import CNN, CNNSettings
    from phenolens.represent.networks.architecture import Architecture
    from phenolens.represent.networks.pixels import PixelSettings
    from phenolens.represent.networks.training import TrainSettings

    training = TrainSettings(
        epochs=16, batch=16, learning_rate=3e-3, patience=16, device="cpu", precision="float32"
    )
    settings = CNNSettings(
        pixels=PixelSettings(size=SIZE),
        training=training,
        backbone=Architecture(stem="classic", width=8),
    )
    screen = truth_screen
    return CNN(settings).fit(screen.prepared, screen.train, labels=screen.labels[screen.train])
