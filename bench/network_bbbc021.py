"""Does the network tell treated cells from controls, and four doses, on a plate it never saw?

Real crops of BBBC021 (three stains), trained without one treated plate and scored on it, both ways.
Cells are the units here: each dose is one well a plate, so no interval over wells is possible.

    python bench/network_bbbc021.py ../shared/data/bbbc021_cells [epochs] [width] [seed]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phenolens.images import ImageSet
from phenolens.prepare import prepare
from phenolens.represent.networks import (
    CNN,
    CNNSettings,
    PixelSettings,
    PixelStore,
    TrainSettings,
    settle,
)

CHANNELS = ("DAPI", "Tubulin", "Actin")
TREATED = ("Week4_27801", "Week4_27861")
DOSE = "Metadata_Concentration_uM"


def crops(folder: Path) -> ImageSet:
    """The crops as an image set; each is one element of its well's stack."""
    table = pd.read_csv(folder / "cells.csv")
    table["Metadata_ObjectNumber"] = table["index"].astype(str)
    table["Metadata_Control"] = table["Metadata_Compound"] == "DMSO"
    for number, channel in enumerate(CHANNELS):
        table[f"Path_{channel}"] = [str(folder / name) for name in table["file"]]
        table[f"Index_{channel}"] = [f"{index},{number}" for index in table["index"]]
    return ImageSet(table, CHANNELS, level="cell")


def statistics(store: PixelStore, rows: np.ndarray) -> np.ndarray:
    """Mean, spread and five percentiles of each stain."""
    pixels = store.take(rows)[:, 0].astype(np.float32).reshape(len(rows), len(CHANNELS), -1)
    parts = [pixels.mean(2), pixels.std(2)]
    parts += list(np.percentile(pixels, (5, 25, 50, 75, 95), axis=2))
    return np.concatenate(parts, axis=1)


def score(truth: np.ndarray, probabilities: np.ndarray, classes: list[str]) -> dict[str, float]:
    """Balanced accuracy, and rank correlation of the expected class with the true one."""
    numbers = np.array([float(name) for name in classes])
    order = np.argsort(np.argsort(numbers))
    expected = probabilities @ order
    guessed = np.array(classes)[probabilities.argmax(1)]
    return {
        "balanced_accuracy": round(balanced_accuracy_score(truth, guessed), 4),
        "order_correlation": round(spearmanr(truth.astype(float), expected).statistic, 4),
    }


def main(folder: Path, epochs: int = 12, width: int = 64, seed: int = 0) -> None:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(crops(folder), scratch, correct="none")
        store = PixelStore(prepared, PixelSettings(size=64))
        training = TrainSettings(epochs=epochs, batch=32, validation="none")
        settings = CNNSettings(pixels=store.settings, training=training, width=width)
        network, speeds = settle(CNN(settings, pixels=store), len(CHANNELS))
        result = {
            "epochs": epochs,
            "width": width,
            "seed": seed,
            "precision": network.settings.training.precision,
        }
        result["images_per_second"] = {name: round(speed, 1) for name, speed in speeds.items()}
        doses = prepared.images.table[DOSE].astype(float).astype(str).to_numpy()
        tasks = {"treated": np.where(doses == "0.0", "0", "1"), "doses": doses}
        for task, labels in tasks.items():
            for plate in TREATED:
                result[f"{task}, {plate}"] = fold(network, labels, plate, seed=seed)
        result["seconds"] = round(time.perf_counter() - start, 1)
        print(json.dumps(result))


def fold(network: CNN, labels: np.ndarray, plate: str, *, seed: int) -> dict:
    """Both models, trained without one plate and scored on it."""
    store = network.pixels
    held = (store.prepared.images.table["Metadata_Plate"] == plate).to_numpy()
    train, test = np.flatnonzero(~held), np.flatnonzero(held)
    start = time.perf_counter()
    cnn = CNN(network.settings, pixels=store)
    cnn.fit(store.prepared, train, labels=labels[train], seed=seed)
    found = cnn.predict_proba(store.prepared, test)
    simple = make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=3000, class_weight="balanced")
    ).fit(statistics(store, train), labels[train])
    guessed = simple.predict_proba(statistics(store, test))
    return {
        "cnn": score(labels[test], found, cnn.classes),
        "statistics": score(labels[test], guessed, list(simple.classes_)),
        "epochs": len(cnn.curves()),
        "best_epoch": cnn.history.best_epoch,
        "n": len(test),
        "seconds": round(time.perf_counter() - start, 1),
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
