"""Activity against copairs in one run: average precision, and every permutation p of a screen."""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.evaluate.activity.activity import activity
from phenolens.stats.ranking import rank_against

NAME = profiles.TREATMENT


def simulated(plates: int, *, wells: int = 384, controls: int = 64, features: int = 512, seed=0):
    """Plates of one control group and perturbations that sit once on each of four plates."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"P{p:03d}", f"{'ABCDEFGHIJKLMNOP'[k // 24]}{k % 24 + 1:02d}",
         "dmso" if k < controls else f"{p // 4:03d}-{k:03d}")
        for p in range(plates) for k in range(wells)
    ]  # fmt: skip
    keys = pd.DataFrame(rows, columns=[profiles.PLATE, profiles.WELL, NAME])
    values = rng.standard_normal((len(keys), features), dtype=np.float32)
    return profiles.from_frame(pd.concat([keys, pd.DataFrame(values).add_prefix("f")], axis=1))


def ours(table: pd.DataFrame, references: str, null: str) -> pd.DataFrame:
    """Our table of activity."""
    return activity(
        table, same_by=NAME, controls=f"{NAME} == 'dmso'", within=profiles.PLATE,
        references=references, null=null, permutations=10_000,
    ).table  # fmt: skip


def ours_ap(table: pd.DataFrame, references: str, *, single: bool = False) -> pd.Series:
    """Our average precision of every treated well; ``single`` orders as copairs does."""
    ranking = rank_against(
        table, same_by=NAME, controls=f"{NAME} == 'dmso'", references=references,
        within=profiles.PLATE if references == "controls" else None, single=single,
    )  # fmt: skip
    scores = ranking.scores()
    keys = ranking.wells.table.index.droplevel(NAME)[scores.query]
    return pd.Series(scores.value, index=keys)


def peer_ap(table: pd.DataFrame, references: str) -> pd.Series:
    """The same by copairs."""
    from copairs.map import average_precision

    meta = profiles.metadata(table)
    meta["role"] = np.where(meta[NAME] == "dmso", -1, 0)
    if references == "controls":
        result = average_precision(
            meta, table.to_numpy(), [NAME], [], [profiles.PLATE], ["role"], progress_bar=False
        )
    else:
        treated = meta["role"] == 0
        meta, table = meta[treated.to_numpy()], table[treated.to_numpy()]
        result = average_precision(
            meta, table.to_numpy(), [NAME], [], [], [NAME], progress_bar=False
        )
    result = result[result["role"] == 0]
    return result.set_index([profiles.PLATE, profiles.WELL])["average_precision"]


def timed(function: Callable, *arguments: object) -> tuple[float, object]:
    """Seconds and result."""
    start = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - start, result


def compare(plates: int, references: str, repeats: int) -> dict[str, float]:
    """Median seconds of both, in turn, and the largest difference of the values."""
    table = simulated(plates)
    runs = [(timed(ours_ap, table, references), timed(peer_ap, table, references))
            for _ in range(repeats)]  # fmt: skip
    mine, theirs = (statistics.median(run[k][0] for run in runs) for k in (0, 1))
    # Values are compared on a table in double precision, as copairs computes in the type it is
    # given. It keeps similarities in float32, whose ties it breaks by the order of the input.
    peer = peer_ap(table.astype(np.float64), references)
    exact = (ours_ap(table, references) - peer).abs()
    return {
        "ours_s": mine,
        "copairs_s": theirs,
        "ratio": theirs / mine,
        "wells_off_by_1e-6": int((exact > 1e-6).sum()),
        "difference": float(exact.max()),
        "difference_in_float32_order": float(
            (ours_ap(table, references, single=True) - peer).abs().max()
        ),
    }


def whole(table: pd.DataFrame, null: str) -> dict[str, float]:
    """Seconds and peak memory (the table included) of one table of activity."""
    seconds, found = timed(ours, table, "controls", null)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    called = float((found["p"] < 0.05).mean())
    return {"wells": len(table), "perturbations": len(found), "seconds": seconds,
            "peak_gib": peak, "share_p_below_0.05": called}  # fmt: skip


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plates", type=int, nargs="+", default=[4])
    parser.add_argument("--references", nargs="*", default=["controls", "others"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--screen", action="store_true", help="20,000 wells, 10,000 permutations")
    parser.add_argument("--large", action="store_true", help="150,000 wells x 904, no p")
    options = parser.parse_args()
    ours_ap(simulated(4, features=8), "controls")
    result: dict[str, object] = {}
    for references in options.references:
        for plates in options.plates:
            result[f"{plates}x384_{references}"] = compare(plates, references, options.repeats)
    if options.screen:
        result["screen"] = whole(simulated(52), "label-permutation")
    if options.large:
        result["large"] = whole(simulated(391, features=904), "none")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
