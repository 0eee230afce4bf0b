"""Does fusing help on real profiles? Blocks of two public data sets through `pl.fuse`.

    python bench/fusion_real.py cpjump1|bbbc021

`cpjump1`: CellProfiler profiles and a learned block of the same wells, of plates 3 and 4, the only
ones on which the learned block agrees with nothing by construction. `bbbc021`: families of
CellProfiler's features as blocks. One line of JSON.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import pandas as pd
from mechanism_bbbc021 import load

import phenolens as pl
from phenolens import profiles
from phenolens.files import plain

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"
FAMILIES = ("AreaShape", "Intensity", "Texture")


def cpjump1() -> pl.Result:
    """Measured and learned profiles of plates 3 and 4; the target is matched."""
    folder = DATA / "cpjump1_profiles"
    measured = sorted(folder.glob("BR0011701[0-3]_*.csv.gz"))
    learned = [folder / f"MLP_profiles_plate{number}.csv" for number in (3, 4)]
    tables = {"cellprofiler": [str(one) for one in measured], "learned": [*map(str, learned)]}
    return pl.fuse(tables, label="Metadata_gene")


def bbbc021() -> pl.Result:
    """Families of features, as measured."""
    frame = profiles.to_frame(load(DATA / "bbbc021_wells"))
    described = [name for name in frame if str(name).startswith("Metadata_")]
    tables = {
        family.lower(): frame[described + [name for name in frame if f"_{family}_" in str(name)]]
        for family in FAMILIES
    }
    return pl.fuse(tables)


def main(which: str) -> dict:
    """What was fused, what else could have been, and whether it helped."""
    found = {"cpjump1": cpjump1, "bbbc021": bbbc021}[which]()
    compared = found.more["comparisons"]
    columns = [
        "task", "b", "n_clusters", "value_a", "value_b", "difference", "low", "high", "p_holm",
        "won", "lost",
    ]  # fmt: skip
    return {
        "bench": f"fusion_real {which}",
        "summary": found.summary,
        "blocks": found.more["blocks"].to_dict("records"),
        "candidates": found.more["candidates"].to_dict("records"),
        "comparisons": compared[columns].round(4).to_dict("records") if len(compared) else [],
        "shares": _shares(found.more["fusion"]),
        "not_asked": [str(one) for one in found.findings if one.code == "not-asked"],
    }


def _shares(table: pd.DataFrame) -> dict[str, str]:
    """What the fusion took in each question and part."""
    own = table[~table["representation"].str.contains("noise") & (table["share"] > 0)]
    return {
        f"{task} {part}": " + ".join(f"{row.block} {row.share:.2g}" for row in rows.itertuples())
        for (task, part), rows in own.groupby(["task", "part"])
    }


if __name__ == "__main__":
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        print(json.dumps(plain(main(sys.argv[1]))))
