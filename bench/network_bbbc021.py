"""Does a network tell treated cells from controls, and four doses, on a plate it never saw?

Real crops of BBBC021 (three stains), trained without one treated plate and scored on it, both ways;
beside it CellProfiler-type features and simple statistics of the same crops. Cells are the units
here: each dose is one well a plate, so no interval over wells is possible. Of the network, medians
and ranges over seeds, reading each crop once and in the eight symmetries of the square.

    python bench/network_bbbc021.py ../shared/data/bbbc021_cells [epochs] [width] [seeds] [high]
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from phenolens import profiles
from phenolens.images import ImageSet
from phenolens.learn.logistic import LogisticPath
from phenolens.learn.select import FeatureSelector
from phenolens.learn.whiten import Whitener
from phenolens.measure import FAMILIES, measure_objects
from phenolens.normalize.clean import clean_features
from phenolens.normalize.scale import calibrate, soften
from phenolens.prepare import prepare
from phenolens.prepared import Prepared
from phenolens.represent.cnn import CNN, CNNSettings
from phenolens.represent.measuring.cells import measure_cells
from phenolens.represent.measuring.labelling import Recipe
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.represent.networks.speed import settle
from phenolens.represent.networks.training import TrainSettings
from phenolens.segment import crop_labels

CHANNELS = ("DAPI", "Tubulin", "Actin")
TREATED = ("Week4_27801", "Week4_27861")
DOSE = "Metadata_Concentration_uM"
USUAL = tuple(name for name in FAMILIES if name not in ("Costes", "Moments"))
READOUTS = {
    "": lambda: make_pipeline(FeatureSelector(), StandardScaler(), PCA(0.95, random_state=0)),
    ", whitened": lambda: make_pipeline(
        FeatureSelector(max_correlation=None), Whitener(fit_on="controls", regularization=1.0)
    ),
}


def crops(folder: Path) -> ImageSet:
    """The crops as an image set; each is one element of its well's stack."""
    table = pd.read_csv(folder / "cells.csv")
    table["Metadata_ObjectNumber"] = table["index"].astype(str)
    table["Metadata_Control"] = table["Metadata_Compound"] == "DMSO"
    for number, channel in enumerate(CHANNELS):
        table[f"Path_{channel}"] = [str(folder / name) for name in table["file"]]
        table[f"Index_{channel}"] = [f"{index},{number}" for index in table["index"]]
    return ImageSet(table, CHANNELS, level="cell")


def statistics(store: PixelStore) -> np.ndarray:
    """Mean, spread and five percentiles of each stain."""
    rows = np.arange(len(store.prepared))
    pixels = store.take(rows)[:, 0].astype(np.float32).reshape(len(rows), len(CHANNELS), -1)
    parts = [pixels.mean(2), pixels.std(2)]
    parts += list(np.percentile(pixels, (5, 25, 50, 75, 95), axis=2))
    return np.concatenate(parts, axis=1)


def measured(prepared: Prepared, scratch: str) -> pd.DataFrame:
    """CellProfiler-type features of the cell in each crop, as a study measures them."""
    units = measure_cells(prepared, Path(scratch) / "cells", Recipe("DAPI", {}, USUAL))
    cells = pd.concat([unit.read() for unit in units], ignore_index=True)
    key = prepared.images.key
    cells = cells.astype(dict.fromkeys(key, str)).set_index(key)
    order = pd.MultiIndex.from_frame(prepared.images.table[key].astype(str))
    return cells.loc[order, [name for name in cells if not name.startswith("Metadata_")]]


def measured_whole(prepared: Prepared) -> pd.DataFrame:
    """The same of pixels rescaled by their plate's controls, and of the whole crop beside."""
    ranges = _ranges(prepared)
    found = []
    for row, plate in enumerate(prepared.images.table["Metadata_Plate"]):
        low, high = ranges[plate]
        pixels = prepared.pixels(row)
        labels = crop_labels(pixels, CHANNELS)
        scaled = np.clip((pixels - low) / (2 * (high - low)), 0, 1).astype(np.float32)
        whole = {name: np.ones_like(image) for name, image in labels.items()}
        whole["Nuclei"] = np.where(labels["Nuclei"].any(), labels["Nuclei"], 1).astype(np.int32)
        whole["Cytoplasm"] = whole["Cells"] - whole["Nuclei"]
        cell, crop = (
            measure_objects(scaled, CHANNELS, objects, families=USUAL).head(1)
            for objects in (labels, whole)
        )
        crop = crop[[name for name in crop if name.startswith("Cells_")]]
        found.append(pd.concat([cell, crop.add_prefix("Crop")], axis=1))
    table = pd.concat(found, ignore_index=True)
    return table[[name for name in table if not name.startswith("Metadata_")]]


def _ranges(prepared: Prepared) -> dict[str, np.ndarray]:
    """Two percentiles of each stain among a plate's controls, (2, C, 1, 1)."""
    table = prepared.images.table
    controls = table[table["Metadata_Control"]].groupby("Metadata_Plate").indices
    rows = {plate: np.flatnonzero(table["Metadata_Control"])[places]
            for plate, places in controls.items()}  # fmt: skip
    return {
        plate: np.percentile(
            np.stack([prepared.pixels(int(row)) for row in own]), (0.5, 99.9), axis=(0, 2, 3)
        )[..., None, None]
        for plate, own in rows.items()
    }


def calibrated(features: pd.DataFrame, prepared: Prepared, **how: object) -> pd.DataFrame:
    """Scaled on the plate's DMSO cells; those, every second one by the others."""
    metadata = prepared.images.metadata.reset_index(drop=True)
    table = profiles.from_frame(
        pd.concat([metadata, features.reset_index(drop=True)], axis=1), features=list(features)
    )
    control = metadata["Metadata_Control"].to_numpy()
    odd = metadata.groupby(["Metadata_Plate", "Metadata_Control"]).cumcount().to_numpy() % 2
    roles = np.where(control, np.where(odd, "swap-b", "swap-a"), "")
    return soften(calibrate(clean_features(table)[0], roles, clip=50.0, **how)[0])


def score(truth: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> dict:
    """Balanced accuracy, and rank correlation of the expected class with the true one."""
    order = np.argsort(np.argsort([float(name) for name in classes]))
    guessed = np.array(classes)[probabilities.argmax(1)]
    correlation = spearmanr(truth.astype(float), probabilities @ order).statistic
    return {
        "balanced_accuracy": round(float(balanced_accuracy_score(truth, guessed)), 4),
        "order_correlation": round(float(correlation), 4),
    }


def by_features(table: pd.DataFrame, labels: np.ndarray, held: np.ndarray, readout: str) -> dict:
    """Selection, readout and classifier fitted on the other plates, scored on this one."""
    shares, head = predicted(table, labels, held, readout)
    found = score(labels[held], shares, list(head.classes_))
    return found | {"inner_loss": round(float(head.inner_losses_.min()), 4)}


def predicted(
    table: pd.DataFrame, labels: np.ndarray, held: np.ndarray, readout: str
) -> tuple[np.ndarray, LogisticPath]:
    """Class probabilities of the plate that was held out, and what gave them.

    The penalty is tuned on cells of the training plates: a plate's controls, and as large a part of
    the treated cells, are left out in turn.
    """
    seen = profiles.take(table, ~held)
    control, plates = profiles.is_control(seen), profiles.column(seen, "Metadata_Plate")
    dealt = np.unique(plates)[np.arange(len(seen)) % len(np.unique(plates))]
    seen = profiles.with_metadata(seen, {"Metadata_Inner": np.where(control, plates, dealt)})
    steps = READOUTS[readout]().fit(seen)
    head = LogisticPath(unit="Metadata_Inner", balanced=True)
    head.fit(pd.DataFrame(np.asarray(steps.transform(seen)), index=seen.index), labels[~held])
    return head.predict_proba(np.asarray(steps.transform(profiles.take(table, held)))), head


def by_network(network: CNN, labels: np.ndarray, held: np.ndarray, seeds: int) -> dict:
    """Medians and ranges over seeds, with one view and with eight; all seeds together."""
    prepared, train, test = network.pixels.prepared, np.flatnonzero(~held), np.flatnonzero(held)
    found: dict = {1: [], 8: []}
    for seed in range(seeds):
        cnn = CNN(network.settings, pixels=network.pixels)
        cnn.fit(prepared, train, labels=labels[train], seed=seed)
        for views in found:
            cnn.settings = replace(network.settings, views=views)
            found[views].append(cnn.predict_proba(prepared, test))
    told = {f"views_{n}": _over([score(labels[test], p, cnn.classes) for p in shares])
            for n, shares in found.items()}  # fmt: skip
    return told | {"all_seeds": score(labels[test], np.mean(found[8], axis=0), cnn.classes)}


def _over(scores: list[dict]) -> dict:
    """Median, smallest and largest of each score."""
    return {
        name: [round(float(f([one[name] for one in scores])), 4) for f in (np.median, min, max)]
        for name in scores[0]
    }


def main(
    folder: Path, epochs: int = 12, width: int = 32, seeds: int = 3, *, high: float | None = None
) -> None:
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(crops(folder), scratch, correct="none")
        store = PixelStore(prepared, PixelSettings(size=64, high=high))
        training = TrainSettings(epochs=epochs, batch=32, validation="none")
        settings = CNNSettings(
            pixels=store.settings, training=training, backbone=Architecture(width=width)
        )
        network, _ = settle(CNN(settings, pixels=store), len(CHANNELS))
        simple = pd.DataFrame(statistics(store)).add_prefix("Crop_Intensity_")
        tables = {
            "statistics": calibrated(simple, prepared),
            "cellprofiler": calibrated(measured(prepared, scratch), prepared),
            "cellprofiler+crop": calibrated(measured_whole(prepared), prepared, spread_by=()),
        }
        result = {"epochs": epochs, "width": width, "seeds": seeds, "high": high}
        doses = prepared.images.table[DOSE].astype(float).astype(str).to_numpy()
        tasks = {"treated": np.where(doses == "0.0", "0", "1"), "doses": doses}
        for task, labels in tasks.items():
            for plate in TREATED:
                held = (prepared.images.table["Metadata_Plate"] == plate).to_numpy()
                told = {"network": by_network(network, labels, held, seeds)} if seeds else {}
                for name, table in tables.items():
                    for readout in READOUTS:
                        told[name + readout] = by_features(table, labels, held, readout)
                result[f"{task}, {plate}"] = told
        result["seconds"] = round(time.perf_counter() - start, 1)
        print(json.dumps(result))


if __name__ == "__main__":
    percentile = float(sys.argv[5]) if len(sys.argv) > 5 else None
    main(Path(sys.argv[1]), *map(int, sys.argv[2:5]), high=percentile)
