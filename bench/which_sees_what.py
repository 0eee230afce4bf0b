"""Which encoder sees which change? Simulated cells whose treatment changes one thing only.

* ``texture``: chromatin is coarser, at the same brightness;
* ``compartment``: the Golgi leaves its place, at the same brightness;
* ``stain ratio``: more ER and less RNA, at the same texture;
* ``rare cells``: one cell in eight has condensed chromatin, the others nothing;
* ``spatial``: fewer neighbours, the cells themselves unchanged.

Four plates of four wells of controls and four treated. Encoders are fitted on two plates and read
all four, each plate's features in standard deviations of its controls' cells. A logistic
regression on the cells of the first two plates scores the cells of the others; the number is the
area under the curve over wells (means over their cells) of these: 0.5 is chance, 32 wells
say 1 only where all treated lie above all controls of their plate. Runs in KEPT are not repeated.

    python bench/which_sees_what.py KEPT.jsonl [--seeds 0 1] [--epochs 12] [--seconds 340]
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from encoders_new_batch import calibrated, fitted, prepared_of, readout
from network_baseline import SIZE, crops_of
from sklearn.metrics import roc_auc_score

from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.simulate.field import Effect
from phenolens.simulate.optics import Conditions

CELLS = 12
CHANGES = {
    "texture": Effect({"chromatin": 0.5}, 1.0),
    "compartment": Effect({"golgi_scatter": 1.0}, 1.0),
    "stain ratio": Effect({"er": 0.2, "rna": -0.2}, 1.0),
    "rare cells": Effect({"chromatin": 0.6, "dna": 0.3}, 1.0, penetrance=0.125),
    "spatial": Effect(),
}
ENCODERS = {
    "brightness": None,
    "untrained": ("untrained", {}),
    "cnn": ("cnn", {}),
    "vae": ("vae", {}),
    "simclr, views": ("simclr", {"positives": "views"}),
    "simclr, treatments": ("simclr", {"positives": "treatment"}),
    "vicreg, views": ("vicreg", {"positives": "views"}),
    "dino, views": ("dino", {"positives": "views"}),
}


def screen(change: str) -> PixelStore:
    """Four plates, half of their wells treated."""
    rng, rows, images = np.random.default_rng(1), [], []
    for plate in range(4):
        gain = rng.lognormal(0, 0.1, 5)
        for number in range(8):
            treated = number % 2 == 1
            own = Conditions(
                gain=tuple(gain * rng.lognormal(0, 0.04, 5)),
                density=0.5 if treated and change == "spatial" else 1.0,
            )
            effect, found = CHANGES[change] if treated else Effect(), []
            while len(found) < CELLS:
                found += crops_of(int(rng.integers(2**31)), effect, own)
            images += found[:CELLS]
            row = (f"P{plate}", f"A{number + 1:02d}", "treated" if treated else "control")
            rows += [(*row, not treated)] * CELLS
    return PixelStore(prepared_of(rows, images), PixelSettings(size=SIZE))


def features_of(encoder: str, store: PixelStore, *, seed: int, epochs: int) -> np.ndarray:
    """What an encoder fitted on two plates says of all cells."""
    rows = np.arange(len(store.prepared))
    named = ENCODERS[encoder]
    if named is None:
        flat = store.take(rows)[:, 0].reshape(len(rows), store.shape[2], -1) / 255.0
        return np.concatenate([flat.mean(2), flat.std(2)], axis=1)
    kind, own = named
    options = {"epochs": epochs, "width": 16, "views": 1, **own}
    plates = store.prepared.images.table["Metadata_Plate"]
    learned = np.flatnonzero(plates.isin(["P0", "P1"]))
    network = fitted(kind, options, store, learned, seed=seed)
    return network.extract(store.prepared, rows)


def area(features: np.ndarray, table: pd.DataFrame) -> float:
    """Over wells of the plates that were not learned from, the mean over plates."""
    learned = table["Metadata_Plate"].isin(["P0", "P1"]).to_numpy()
    treated = ~table["Metadata_Control"].to_numpy(dtype=bool)
    reader = readout().fit(features[learned], treated[learned])
    told = table[~learned].assign(
        score=reader.decision_function(features[~learned]), treated=treated[~learned]
    )
    wells = told.groupby(["Metadata_Plate", "Metadata_Well"])[["score", "treated"]].mean()
    return float(
        np.mean([roc_auc_score(own["treated"], own["score"]) for _, own in wells.groupby(level=0)])
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(2)))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=340)
    args = parser.parse_args()
    until = time.monotonic() + args.seconds
    torch.set_num_threads(1)
    lines = args.kept.read_text().splitlines() if args.kept.is_file() else []
    found = [json.loads(line) for line in lines]
    known = {(row["change"], row["encoder"], row["seed"], row["epochs"]) for row in found}
    for seed in args.seeds:
        for change in CHANGES:
            asked = [e for e in ENCODERS if (change, e, seed, args.epochs) not in known]
            if not asked or time.monotonic() > until:
                continue
            store = screen(change)
            table = store.prepared.images.table
            for encoder in asked:
                if time.monotonic() > until:
                    break
                features = features_of(encoder, store, seed=seed, epochs=args.epochs)
                row = {"change": change, "encoder": encoder, "seed": seed, "epochs": args.epochs}
                row["area"] = area(calibrated(features, table), table)
                found.append(row)
                with args.kept.open("a") as file:
                    file.write(json.dumps(row) + "\n")
    table = pd.DataFrame([row for row in found if row["epochs"] == args.epochs])
    means = table.pivot_table(index="encoder", columns="change", values="area", aggfunc="mean")
    ranges = table.groupby("encoder")["seed"].nunique()
    print(
        json.dumps({"area": means.round(2).to_dict("index"), "seeds": ranges.to_dict()}, indent=1)
    )


if __name__ == "__main__":
    main()
