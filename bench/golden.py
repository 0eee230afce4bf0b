"""Every score of a finished study as text, six digits: what changes shows in a diff.

    python bench/golden.py STUDY-OUT > tests/golden/NAME.csv

The files under tests/golden are those of the demo without networks (`phenolens demo
--no-networks`), and of `phenolens init` and `phenolens run` on the four CPJUMP1 plates and on
BBBC021's well profiles.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pandas as pd

KEY = ["representation", "task", "metric", "split", "unit", "fold"]
VALUES = ["value", "low", "high", "n"]


def scores(out: Path) -> pd.DataFrame:
    """The rows of ``results.parquet``, then mAP, p and q of every treatment, as text."""
    results = pd.read_parquet(out / "results.parquet")[[*KEY, *VALUES]]
    activity = pd.read_parquet(out / "activity.parquet")
    told = [
        activity[["representation", "n"]].assign(
            task="activity of a treatment",
            metric=metric,
            split="none",
            unit="treatment",
            fold=activity["Metadata_Treatment"],
            value=activity[metric],
            low=activity["low"] if metric == "map" else float("nan"),
            high=activity["high"] if metric == "map" else float("nan"),
        )
        for metric in ("map", "p", "q")
    ]
    table = pd.concat([results, *told], ignore_index=True)[[*KEY, *VALUES]]
    for name in ("value", "low", "high"):
        table[name] = [f"{value:.6g}" for value in table[name].astype(float)]
    return table.astype(str).sort_values(KEY, ignore_index=True)


if __name__ == "__main__":
    scores(Path(sys.argv[1])).to_csv(sys.stdout, index=False, lineterminator="\n")
