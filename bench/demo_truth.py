"""What the demo found, held against what was planted.

    phenolens demo --out phenolens-demo && python bench/demo_truth.py phenolens-demo

Active treatments found and others called, by representation; for how many active treatments the
CNN names more held-out wells than each of its baselines; and whether its maps lie on the nucleus
where the planted change does.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
from scipy.stats import mannwhitneyu

from phenolens.files import read_json
from phenolens.profiles import TREATMENT, read_frame

NETWORK = "cnn"
BASELINES = [
    "baseline:majority",
    "baseline:cell-count",
    "baseline:intensity",
    "baseline:position",
    f"baseline:shuffled-labels:{NETWORK}",
    "untrained",
]


def main(demo: Path) -> dict:
    """All of it as plain values."""
    truth = planted(demo)
    return {
        "bench": "demo_truth",
        "active": int(truth["active"].sum()),
        "others": int((~truth["active"]).sum()),
        "found": found(read_frame(demo / "activity.parquet"), truth),
        "better_than_baselines": better(read_frame(demo / "predictions.parquet"), truth),
        "maps": maps(demo, truth),
        "seconds": read_json(demo / "timings.json"),
    }


def planted(demo: Path) -> pd.DataFrame:
    """Truth by the names treatments have in the study."""
    path = demo / "screen" / "truth" / "truth.parquet"
    truth = read_frame(path).query("not control").set_index("broad_sample")
    wells = read_frame(demo / "wells.parquet")
    names = wells.dropna(subset=[TREATMENT]).drop_duplicates(TREATMENT)
    keys = pd.DataFrame(
        {
            "treatment": names[TREATMENT],
            "pert_iname": names["Metadata_Compound"],
            "dose": names["Metadata_Concentration"].astype(float),
        }
    )
    joined = truth.reset_index().merge(
        keys, left_on=["pert_iname", "concentration_um"], right_on=["pert_iname", "dose"]
    )
    return joined.set_index("treatment")


def found(activity: pd.DataFrame, truth: pd.DataFrame) -> dict[str, list[int]]:
    """Active treatments found, and others called, at q < 0.05."""
    called = activity[activity["active"].astype(bool)]
    return {
        name: [int(truth["active"].reindex(own[TREATMENT]).sum()),
               int((~truth["active"]).reindex(own[TREATMENT]).sum())]
        for name, own in called.groupby("representation")
    }  # fmt: skip


def better(predictions: pd.DataFrame, truth: pd.DataFrame) -> dict[str, dict]:
    """Active treatments of which the network names more wells than its best baseline."""
    active = truth.index[truth["active"]]
    told = {}
    for task, part in predictions.groupby("task"):
        share = part.pivot_table(
            index="label", columns="representation", values="correct", aggfunc="mean"
        )
        share = share.reindex(active).astype(float)
        known = [name for name in BASELINES if name in share]
        wins = share[NETWORK] > share[known].max(axis=1)
        told[task] = {
            "wins": int(wins.sum()),
            "losses": int((share[NETWORK] < share[known].max(axis=1)).sum()),
            "accuracy": {name: round(share[name].mean(), 3) for name in [NETWORK, *known]},
        }
    return told


def maps(demo: Path, truth: pd.DataFrame) -> dict:
    """Mass of the maps on nuclei over their area, by where the change was planted."""
    told = read_json(demo / "activation.json")
    if told.get("withheld_because"):
        return {"withheld_because": told["withheld_because"]}
    table = read_frame(demo / "activation.parquet")
    right = table[table["correct"].astype(bool) & table[TREATMENT].isin(truth.index)]
    right = right.assign(place=truth["compartment"].reindex(right[TREATMENT]).to_numpy())
    wells = right.groupby(["place", TREATMENT])[["enrichment_nucleus", "enrichment_cytoplasm"]]
    means = wells.mean()
    ratio = means["enrichment_nucleus"] / means["enrichment_cytoplasm"]
    inside, outside = (
        ratio[ratio.index.get_level_values(0) == at] for at in ("Nuclei", "Cytoplasm")
    )
    test = mannwhitneyu(inside, outside, alternative="greater")
    return {
        "cells_named_right": len(right),
        "nucleus_over_cytoplasm": {
            str(at): round(float(part.median()), 2) for at, part in ratio.groupby(level=0)
        },
        "nuclear_against_cytoplasmic": {"n": [len(inside), len(outside)], "p": float(test.pvalue)},
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
