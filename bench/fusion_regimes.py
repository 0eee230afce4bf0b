"""Does a fusion ever cost more than it gives? Two blocks in regimes whose truth is known.

    python bench/fusion_regimes.py [REPEATS] [SEED] [FILE]

Each regime draws screens of 6 to 48 treatments; blocks are chosen on 2 to 4 training plates
(`ChosenFusion`) and scored on 12 fresh ones, by the study's two readouts (the mean of their
accuracies), against the block that did best alone on the training plates, and against blocks of
equal energy side by side, the usual way. One line of JSON. Screens that FILE holds already are not
done again, so that a run that was stopped goes on.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from phenolens.learn.choose_blocks import ChosenFusion
from phenolens.learn.components import Components
from phenolens.learn.fuse import BlockFusion
from phenolens.learn.logistic import LogisticPath
from phenolens.learn.nearest import NearestProfile
from phenolens.learn.select import FeatureSelector
from phenolens.profiles import PLATE

FRESH = 12
REGIMES = (
    "complementary",
    "partly complementary",
    "redundant",
    "noise",
    "bad scale",
    "few controls",
    "batch shift",
    "unequal widths",
    "overfitted",
)
STEPS = make_pipeline(FeatureSelector(), Components(n_components=0.95, standardize=True))


def screen(regime: str, rng: np.random.Generator) -> dict:
    """Wells of two blocks, their labels, which are for training; and by heart what overfits."""
    n, train_plates = int(rng.choice([6, 12, 24, 48])), int(rng.choice([2, 3, 4]))
    plates = train_plates + FRESH
    of, plate = np.tile(np.arange(n), plates), np.repeat(np.arange(plates), n)
    factors = int(rng.integers(4, 13))
    widths = rng.choice([30, 100, 400], 2)
    if regime == "unequal widths":
        widths = np.array([20, 1500])
    codes = treatments(regime, rng, n=n, factors=factors)
    blocks = []
    for code, width, strength in zip(codes, widths, rng.uniform(0.4, 1.2, 2), strict=True):
        values = strength * code[of] @ rng.normal(size=(factors, width)) / np.sqrt(factors)
        values += rng.normal(size=(plates, width))[plate] * (0.5 if "shift" in regime else 0.15)
        nuisance = rng.normal(size=(len(of), 10)) @ rng.normal(size=(10, width))
        values += 0.7 * nuisance / np.sqrt(10) + 0.7 * rng.normal(size=values.shape)
        if regime == "few controls":  # the plate's centre is as uncertain as four wells leave it
            values -= rng.normal(size=(plates, width))[plate] / 2
        blocks.append(values)
    if regime == "bad scale":
        blocks[1] *= 30
    train, labels = plate < train_plates, of.astype(str)
    told = {"labels": labels, "train": train, "inner": None}
    index = pd.MultiIndex.from_arrays([plate.astype(str)], names=[PLATE])
    if regime == "overfitted":
        blocks[1], held = by_heart(of, train, width=int(widths[1]), rng=rng)
        unseen = joined([blocks[0], held], index)[0][train]
        inner_plates = np.unique(plate[train])
        told["inner"] = []
        table = joined(blocks, index)[0][train]
        for one in inner_plates:
            rows = plate[train] == one
            mixed = table.copy()
            mixed[rows] = unseen[rows]
            told["inner"].append((mixed, labels[train], rows))
    told["table"], told["blocks"] = joined(blocks, index)
    return told


def treatments(
    regime: str, rng: np.random.Generator, *, n: int, factors: int
) -> tuple[np.ndarray, np.ndarray]:
    """What each treatment does in each block."""
    first, second, shared = rng.normal(size=(3, n, factors))
    if regime == "complementary":
        half = (np.arange(n) % 2)[:, None]
        return 1.5 * first * half, 1.5 * second * (1 - half)
    if regime == "redundant":
        return shared, shared
    first, second = 0.6 * shared + 0.8 * first, 0.6 * shared + 0.8 * second
    return first, np.zeros_like(second) if regime == "noise" else second


def by_heart(
    of: np.ndarray, train: np.ndarray, *, width: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A block that knows its training wells and little else; and what it gives for unseen ones."""
    centres = rng.normal(size=(of.max() + 1, width))
    unseen = 0.25 * centres[of] + rng.normal(size=(len(of), width))
    seen = np.where(train[:, None], 2.0 * centres[of] + 0.3 * unseen, unseen)
    return seen, unseen


def joined(
    blocks: list[np.ndarray], index: pd.MultiIndex
) -> tuple[pd.DataFrame, dict[str, list[str]]]:
    """One table and the features of each block."""
    parts = [
        pd.DataFrame(values.astype(np.float32), index=index).add_prefix(f"b{number}__")
        for number, values in enumerate(blocks)
    ]
    return pd.concat(parts, axis=1), {f"b{i}": list(part) for i, part in enumerate(parts)}


def accuracy(fusion: BlockFusion | ChosenFusion, one: dict) -> float:
    """On fresh plates, the mean of the two readouts."""
    table, labels, train = one["table"], one["labels"], one["train"]
    seen = fusion.fit(table[train], labels[train]).transform(table[train])
    fresh = fusion.transform(table[~train])
    readouts = (LogisticPath(unit=PLATE, balanced=True), NearestProfile())
    right = [readout.fit(seen, labels[train]).predict(fresh) for readout in readouts]
    return float(np.mean([(said == labels[~train]).mean() for said in right]))


def compared(one: dict) -> dict[str, float]:
    """The chosen fusion and the usual one, each less the block chosen on training plates."""
    chosen = ChosenFusion(one["blocks"], steps=STEPS, unit=PLATE, inner=one["inner"])
    fused = accuracy(chosen, one)
    best = chosen.choice_.best
    alone = accuracy(BlockFusion({best: one["blocks"][best]}, steps=STEPS), one)
    usual = accuracy(BlockFusion(one["blocks"], steps=STEPS), one)
    return {
        "chosen": fused - alone,
        "usual": usual - alone,
        "fell_back": float(chosen.choice_.fell_back),
        "errors": chosen.choice_.gain[1],
    }


def screens(repeats: int, seed: int, file: Path | None) -> pd.DataFrame:
    """One row a screen, those that the file holds among them."""
    done: dict[tuple[int, int, int], dict] = {}
    if file is not None and file.is_file():
        for line in file.read_text().splitlines():
            row = json.loads(line)
            done[row["seed"], row["number"], row["repeat"]] = row
    for repeat in range(repeats):
        for number, regime in enumerate(REGIMES):
            if (seed, number, repeat) in done:
                continue
            rng = np.random.default_rng([seed, number, repeat])
            row = {"seed": seed, "number": number, "repeat": repeat, "regime": regime}
            row |= compared(screen(regime, rng))
            done[seed, number, repeat] = row
            if file is not None:
                with file.open("a") as out:
                    out.write(json.dumps(row) + "\n")
    wanted = [done[seed, n, r] for n in range(len(REGIMES)) for r in range(repeats)]
    return pd.DataFrame(wanted).drop(columns=["seed", "number", "repeat"])


def main(repeats: int, seed: int, *, file: Path | None) -> dict:
    """Mean gains by regime, and how often a fusion costs more than half a point."""
    table = screens(repeats, seed, file)
    table["costs"] = table["chosen"] < -0.005
    table["usual_costs"] = table["usual"] < -0.005
    by_regime = table.groupby("regime", sort=False).mean()
    error = table.groupby("regime", sort=False)["chosen"].sem()
    return {
        "bench": "fusion_regimes",
        "screens": len(table),
        "costs_more_than_half_a_point": round(float(table["costs"].mean()), 4),
        "usual_costs_more_than_half_a_point": round(float(table["usual_costs"].mean()), 4),
        "standard_error_of_the_mean_gain": round(float(table["chosen"].sem()), 4),
        "by_regime": {
            name: {key: round(float(value), 4) for key, value in row.items()}
            | {"standard_error": round(float(error[name]), 4)}
            for name, row in by_regime.iterrows()
        },
    }


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:3]]
    kept = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps(main(*(given + [23, 1][len(given) :]), file=kept)))
