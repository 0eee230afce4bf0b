"""What does a frozen pretrained network see of real cells, beside the same network untrained?

Crops of BBBC021 (three stains), scored on the treated plate that was left out: treated or not, and
four doses, by logistic regression on features scaled by each plate's DMSO cells. EfficientNet-Lite0
with its published weights and with weights drawn at random, its stains read in three ways, at 112
pixels (crops have 68; it was trained at 224, which costs four times as much); beside it our
untrained ResNet-18, our VAE trained on the other plates, statistics of the crops, and
CellProfiler-type features. Intervals: 95 % over 1,000 draws of cells within their wells; each dose
is one well a plate, so they say nothing of other wells.

    phenolens convert-weights efficientnet-lite0-57934424.pth lite0.safetensors
    python bench/pretrained_bbbc021.py ../shared/data/bbbc021_cells lite0.safetensors CACHE 220 NAME

Features are kept in the folder CACHE; at most 220 cells of each well are read (there are no more);
NAMEs choose among representations.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from network_bbbc021 import CHANNELS, DOSE, TREATED, calibrated, crops, measured, predicted
from network_bbbc021 import statistics as statistics_of
from sklearn.metrics import balanced_accuracy_score

from phenolens.prepare import prepare
from phenolens.prepared import Prepared
from phenolens.represent.networks.checkpoint import save_tensors
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.represent.networks.training import TrainSettings
from phenolens.represent.pretrained import Pretrained, PretrainedOptions
from phenolens.represent.untrained import Untrained, UntrainedSettings
from phenolens.represent.vae import VAE, VAESettings

DRAWS = 1000
INPUT = 112


def frozen(prepared: Prepared, weights: Path, **options: object) -> np.ndarray:
    """Features of every cell by EfficientNet-Lite0 with these weights."""
    chosen = {"encoder": "efficientnet-lite0", "weights": str(weights), "input": INPUT} | options
    made = Pretrained.of(PretrainedOptions.model_validate(chosen), level="cell", seed=0)
    rows = np.arange(len(prepared))
    return made.fit(prepared, rows).extract(prepared, rows)


def random_weights(folder: Path) -> Path:
    """EfficientNet-Lite0 as PyTorch draws it, normalised as if it had seen such images.

    Batch normalisation of a network that was never trained knows no means: it is given those of
    noise, so that activations neither vanish nor grow.
    """
    import torch

    from phenolens.represent.pretrained.efficientnet_lite import EfficientNetLite0

    torch.manual_seed(0)
    model = EfficientNetLite0().train()
    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = None  # the mean over what follows
    with torch.no_grad():
        for _ in range(4):
            model(torch.randn(8, 3, 224, 224))
    save_tensors(folder / "random.safetensors", model.state_dict(), {})
    return folder / "random.safetensors"


def representations(
    prepared: Prepared, weights: Path, scratch: str, plates: np.ndarray
) -> dict[str, Callable[[str], np.ndarray]]:
    """How each gives features of every cell, for a plate that is held out."""
    store = PixelStore(prepared, PixelSettings(size=64))
    rows = np.arange(len(prepared))
    untrained = Untrained(UntrainedSettings(PixelSettings(size=64)), pixels=store)
    random = random_weights(Path(scratch))

    def vae(held: str) -> np.ndarray:
        training = TrainSettings(epochs=12, batch=32, validation="none")
        made = VAE(VAESettings(PixelSettings(size=64), training, width=16), pixels=store)
        return made.fit(prepared, rows[plates != held], seed=0).extract(prepared, rows)

    return {
        "statistics": lambda _: statistics_of(store),
        "cellprofiler": lambda _: measured(prepared, scratch).to_numpy(),
        "untrained resnet-18": lambda _: untrained.fit(prepared, rows).extract(prepared, rows),
        "vae": vae,
        "lite0, bag": lambda _: frozen(prepared, weights),
        "lite0, average": lambda _: frozen(prepared, weights, stains="average"),
        "lite0, three": lambda _: frozen(prepared, weights, stains="three"),
        "lite0, three, 224 px": lambda _: frozen(prepared, weights, stains="three", input=224),
        "lite0, bag, each image normalised": lambda _: frozen(
            prepared, weights, normalise="image", intensity="linear"
        ),
        "lite0 untrained, bag": lambda _: frozen(prepared, random),
        "lite0 untrained, three": lambda _: frozen(prepared, random, stains="three"),
    }


def interval(truth: np.ndarray, guessed: np.ndarray, wells: np.ndarray) -> list[float]:
    """Balanced accuracy with its limits, cells drawn within their wells."""
    rng = np.random.default_rng(0)
    places = [np.flatnonzero(wells == well) for well in np.unique(wells)]
    drawn = []
    for _ in range(DRAWS):
        rows = np.concatenate([rng.choice(own, len(own)) for own in places])
        drawn.append(balanced_accuracy_score(truth[rows], guessed[rows]))
    found = [balanced_accuracy_score(truth, guessed), *np.percentile(drawn, (2.5, 97.5))]
    return [round(float(value), 3) for value in found]


def main(folder: Path, weights: Path, cache: Path, *, cells: int, chosen: list[str]) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    images = crops(folder)
    some = images.table[images.table["index"].astype(int) < cells].reset_index(drop=True)
    with tempfile.TemporaryDirectory() as scratch:
        prepared = prepare(replace(images, table=some), scratch, correct="none")
        table = prepared.images.table
        plates, wells = (table[f"Metadata_{n}"].astype(str).to_numpy() for n in ("Plate", "Well"))
        doses = table[DOSE].astype(float).astype(str).to_numpy()
        tasks = {"treated": np.where(doses == "0.0", "0", "1"), "doses": doses}
        for name, of in representations(prepared, weights, scratch, plates).items():
            if chosen and name not in chosen:
                continue
            told: dict[str, object] = {"representation": name, "cells": len(prepared)}
            start = time.perf_counter()
            for plate in TREATED:
                kept = cache / f"{name}-{plate if name == 'vae' else ''}-{cells}.npy"
                if not kept.is_file():
                    np.save(kept, of(plate))
                    told["seconds"] = round(time.perf_counter() - start, 1)
                frame = pd.DataFrame(np.load(kept)).add_prefix("Crop_Intensity_")
                features, held = calibrated(frame, prepared), plates == plate
                for task, labels in tasks.items():
                    shares, head = predicted(features, labels, held, "")
                    guessed = np.array(head.classes_)[shares.argmax(1)]
                    told[f"{task}, {plate}"] = interval(labels[held], guessed, wells[held])
            told["features"] = frame.shape[1]
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    assert len(CHANNELS) == 3
    paths = (Path(argument) for argument in sys.argv[1:4])
    main(*paths, cells=int(sys.argv[4]), chosen=sys.argv[5:])
