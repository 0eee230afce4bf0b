"""Do intervals of cell classification draw what is independent?

Simulated screens in which the class of a cell means nothing: 3 plates of 8 wells of 12 cells, whose
features share an effect of their well as large as their own spread. Either every well holds both
classes at random, or one class alone. Plates are held out, and intervals draw wells. Counted is how
often the lower limit lies above chance (2.5 % would be right), beside what counting cells as
independent would say. Prints one JSON line.

    python bench/cell_labels.py [--screens 150]
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.evaluate.classification.cells import interval_of, predict_cells, score_cells
from phenolens.profiles import CELL_LABEL, WELL_KEY
from phenolens.splits.cells import make_cell_folds

PLATES, WELLS, CELLS, FEATURES = 3, 8, 12, 6


def null_screen(seed: int, *, mixed: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cells with labels that mean nothing, and their features."""
    rng = np.random.default_rng(seed)
    rows, values = [], []
    for plate in range(PLATES):
        for well in range(WELLS):
            effect = rng.normal(0, 1, FEATURES)
            for cell in range(CELLS):
                label = "ab"[rng.integers(2) if mixed else well % 2]
                rows.append((f"P{plate}", f"{'ABCDEFGH'[well]}{1 + plate:02d}", "1", cell, label))
                values.append(effect + rng.normal(0, 1, FEATURES))
    names = [*WELL_KEY, "Metadata_Site", "Metadata_ObjectNumber", CELL_LABEL]
    cells = pd.DataFrame(rows, columns=names)
    features = pd.DataFrame(values, columns=[f"f{n}" for n in range(FEATURES)])
    table = pd.concat([cells.drop(columns=CELL_LABEL), features], axis=1)
    return cells, profiles.from_frame(table)


def score(seed: int, *, mixed: bool) -> dict[str, float]:
    """Balanced accuracy, its limits, and the lower limit if cells were independent."""
    cells, table = null_screen(seed, mixed=mixed)
    wells = cells[list(WELL_KEY)].drop_duplicates()
    folds = make_cell_folds(cells, wells, seed=0, leave_out="plate")
    told = predict_cells("null", [table] * folds.n_folds, cells, folds, seed=0)
    scores = score_cells(told, folds, interval_of(told, folds), draws=300, seed=0)
    pooled = scores[(scores["metric"] == "balanced_accuracy") & (scores["fold"] == "all")]
    value, low, high = pooled[["value", "low", "high"]].iloc[0]
    naive = value - 1.96 * np.sqrt(0.25 / len(told))
    return {"value": value, "low": low, "high": high, "naive": naive}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screens", type=int, default=150)
    screens = parser.parse_args().screens
    found = {}
    for name, mixed in (("both classes a well", True), ("one class a well", False)):
        rows = pd.DataFrame([score(seed, mixed=mixed) for seed in range(screens)])
        found[name] = {
            "screens": screens,
            "mean": round(rows["value"].mean(), 3),
            "low_above_chance": round((rows["low"] > 0.5).mean(), 3),
            "high_below_chance": round((rows["high"] < 0.5).mean(), 3),
            "cells_as_units_above_chance": round((rows["naive"] > 0.5).mean(), 3),
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
