"""How much of what a new batch costs do networks win back from its controls alone?

Simulated cells: controls and five programmes. Encoders are fitted on three plates of one batch and
read a plate of another, which is blurred, of other contrast and with other staining. A logistic
regression on the cells of the three plates names those of the fourth: as that plate would have
been without the shift (the ceiling), with it, and with it as seen

* ``calibrated``: each plate's features centred and scaled on its controls' cells;
* ``adapted``: batch normalisation takes the mean and spread of its controls;
* ``both``.

``cnn, learned there`` was fitted, and its readout too, on the three plates as that batch would have
shown them: no shift costs it anything, and it stays below the ceiling where blur hides what cells
do.

``even`` has as many wells of each programme; ``skewed`` eight of one and one of each other.
Controls are ten wells in both. Scores are balanced accuracies over cells; the share of the loss
that is won back is of the mean scores over seeds. Runs in the file KEPT are not repeated.

    python bench/encoders_new_batch.py KEPT.jsonl [--seeds 0 1 2] [--epochs 10] [--seconds 340]
        [--screen 0] [--encoders cnn]
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from network_baseline import PLANTED, SIZE, STAINS, InMemory, crops_of
from scipy.ndimage import gaussian_filter
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from phenolens.images import ImageSet
from phenolens.represent.base import REPRESENTATIONS
from phenolens.represent.networks.network import Network
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.simulate.field import Effect
from phenolens.simulate.optics import Conditions
from phenolens.simulate.programmes import PROGRAMMES

CELLS = 12
EVEN = dict.fromkeys(PLANTED, 2)
SKEWED = {name: 8 if number == 0 else 1 for number, name in enumerate(PLANTED)}
ENCODERS = {
    "untrained": ("untrained", {}),
    "cnn": ("cnn", {}),
    "vae": ("vae", {}),
    "vae, told the plate": ("vae", {"condition": "plate"}),
    "simclr, treatments": ("simclr", {"positives": "treatment"}),
    "cnn, learned there": ("cnn", {}),
}


def plate_of(name: str, wells: dict[str, int], *, rng: np.random.Generator) -> tuple[list, list]:
    """Rows and crops of a plate: ten wells of controls, and those asked for."""
    known = {one.name: one.changes for one in PROGRAMMES}
    gain = rng.lognormal(0, 0.1, 5)
    rows, images = [], []
    content = ["control"] * 10 + [name for name, count in wells.items() for _ in range(count)]
    for number, treatment in enumerate(content):
        effect = Effect(known.get(treatment, {}), strength=1.0)
        own = Conditions(gain=tuple(gain * rng.lognormal(0, 0.05, 5)))
        found: list[np.ndarray] = []
        while len(found) < CELLS:
            found += crops_of(int(rng.integers(2**31)), effect, own)
        images += found[:CELLS]
        well = f"{'ABCDEFGH'[number // 12]}{number % 12 + 1:02d}"
        rows += [(name, well, treatment, treatment == "control")] * CELLS
    return rows, images


def shifted(image: np.ndarray) -> np.ndarray:
    """Another day's microscope: out of focus, of lower contrast, other stains and background."""
    blurred = gaussian_filter(image, (0, 1.3, 1.3))
    tone = 400.0 * (blurred / 400.0) ** 0.8
    gain = np.array([1.3, 0.7, 1.2, 0.8, 1.5])[:, None, None]
    return (gain * tone + 0.15 * np.roll(tone, 1, axis=0) + 60).astype(np.float32)


def screen(seed: int) -> InMemory:
    """Three plates to learn from, P, and as another batch shows them, S; then the new one without
    shift, and with it, twice."""
    rng, rows, images = np.random.default_rng(seed), [], []
    for number in range(3):
        own = plate_of(f"P{number}", EVEN, rng=rng)
        rows, images = rows + own[0], images + own[1]
        rows += [(f"S{number}", *row[1:]) for row in own[0]]
        images += [shifted(image) for image in own[1]]
    for name, wells in (("even", EVEN), ("skewed", SKEWED)):
        seen = plate_of(name, wells, rng=rng)
        rows += seen[0] + [(f"{name} shifted", *row[1:]) for row in seen[0]]
        images += seen[1] + [shifted(image) for image in seen[1]]
    return prepared_of(rows, images)


def prepared_of(rows: list, images: list) -> InMemory:
    """Crops in memory as a prepared store."""
    names = ["Metadata_Plate", "Metadata_Well", "Metadata_Treatment", "Metadata_Control"]
    table = pd.DataFrame(rows, columns=names)
    table["Metadata_Site"] = "1"
    table["Metadata_ObjectNumber"] = [str(number) for number in range(len(table))]
    for stain in STAINS:
        table[f"Path_{stain}"], table[f"Index_{stain}"] = "memory", ""
    prepared = InMemory(Path("memory"), ImageSet(table, STAINS, level="cell"), pd.DataFrame())
    object.__setattr__(prepared, "array", np.stack(images))
    return prepared


def fitted(kind: str, options: dict, store: PixelStore, rows: np.ndarray, *, seed: int) -> Network:
    """An encoder as a study file would set it, fitted on these rows."""
    made = REPRESENTATIONS.get(kind)
    network = made.of(made.Options(**options), level="cell", seed=seed)
    assert isinstance(network, Network)
    network = replace(network, pixels=store)
    labels = store.prepared.images.table["Metadata_Treatment"].to_numpy(dtype=object)[rows]
    network.fit(store.prepared, rows, labels=labels, seed=seed)
    return network


def calibrated(features: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """Each plate's features in standard deviations of its controls' cells, from their mean."""
    out = np.empty_like(features)
    controls = table["Metadata_Control"].to_numpy(dtype=bool)
    plates = table["Metadata_Plate"].to_numpy()
    for plate in np.unique(plates):
        own = features[(plates == plate) & controls]
        out[plates == plate] = (features[plates == plate] - own.mean(0)) / (own.std(0) + 1e-6)
    return out


def readout() -> Pipeline:
    """A linear readout that weighs classes alike."""
    return make_pipeline(
        StandardScaler(), LogisticRegression(C=0.1, max_iter=300, class_weight="balanced")
    )


def scores(features: np.ndarray, table: pd.DataFrame, *, learned_from: str) -> dict[str, float]:
    """Balanced accuracy on each new plate of a readout that learned from these three."""
    plates, labels = (
        table[f"Metadata_{name}"].to_numpy(dtype=str) for name in ("Plate", "Treatment")
    )
    learned = np.char.startswith(plates, learned_from)
    reader = readout().fit(features[learned], labels[learned])
    new = ~np.char.startswith(plates, "P") & ~np.char.startswith(plates, "S")
    return {
        plate: float(balanced_accuracy_score(labels[own], reader.predict(features[own])))
        for plate in np.unique(plates[new])
        for own in [plates == plate]
    }


def run(encoder: str, store: PixelStore, *, seed: int, epochs: int) -> dict:
    """Scores of one encoder and seed, by how it is read."""
    table, rows = store.prepared.images.table, np.arange(len(store.prepared))
    kind, own = ENCODERS[encoder]
    options = {"epochs": epochs, "width": 16, "views": 1, **own}
    learned_from = "S" if encoder.endswith("learned there") else "P"
    learned = np.flatnonzero(table["Metadata_Plate"].str.startswith(learned_from))
    network = fitted(kind, options, store, learned, seed=seed)
    adapted = replace(network, settings=replace(network.settings, adapt="controls"))
    plain, moved = (each.extract(store.prepared, rows) for each in (network, adapted))
    read = {
        "plain": plain,
        "calibrated": calibrated(plain, table),
        "adapted": moved,
        "both": calibrated(moved, table),
    }
    return {
        name: scores(features, table, learned_from=learned_from) for name, features in read.items()
    }


def told(found: list[dict]) -> dict:
    """Mean scores over seeds, and the share of the loss that each way of reading wins back."""
    result: dict = {}
    for encoder in dict.fromkeys(row["encoder"] for row in found):
        runs = [row["scores"] for row in found if row["encoder"] == encoder]
        for plate in ("even", "skewed"):
            means = {
                how: [float(np.mean([run[how][name] for run in runs]))
                      for name in (plate, f"{plate} shifted")]
                for how in runs[0]
            }  # fmt: skip
            best = max(whole for whole, _ in means.values())
            loss = means["plain"][0] - means["plain"][1]
            result[f"{encoder}, {plate}"] = {
                "seeds": len(runs),
                "ceiling_and_shifted": {k: [round(x, 3) for x in v] for k, v in means.items()},
                "best_ceiling": round(best, 3),
                "won_back": {
                    how: round((own[1] - means["plain"][1]) / loss, 2) if loss > 0.02 else None
                    for how, own in means.items()
                    if how != "plain"
                },
            }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kept", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(3)))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=340)
    parser.add_argument("--screen", type=int, default=0, help="seed of the cells; a file KEPT each")
    parser.add_argument("--encoders", nargs="+", default=list(ENCODERS), choices=list(ENCODERS))
    args = parser.parse_args()
    until = time.monotonic() + args.seconds
    torch.set_num_threads(1)
    store = PixelStore(screen(args.screen), PixelSettings(size=SIZE))
    lines = args.kept.read_text().splitlines() if args.kept.is_file() else []
    found = [json.loads(line) for line in lines]
    known = {(row["encoder"], row["seed"], row["epochs"]) for row in found}
    for seed in args.seeds:
        for encoder in args.encoders:
            if (encoder, seed, args.epochs) in known or time.monotonic() > until:
                continue
            started = time.monotonic()
            row = {"encoder": encoder, "seed": seed, "epochs": args.epochs}
            row["scores"] = run(encoder, store, seed=seed, epochs=args.epochs)
            row["seconds"] = round(time.monotonic() - started, 1)
            found.append(row)
            with args.kept.open("a") as file:
                file.write(json.dumps(row) + "\n")
    wanted = [row for row in found if row["epochs"] == args.epochs]
    print(json.dumps(told(wanted), indent=1))


if __name__ == "__main__":
    main()
