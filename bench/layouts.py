"""How often layouts that position could explain are found, and sound ones taken for such."""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict

import numpy as np

from phenolens.evaluate.layout import Layout, examine_layout
from phenolens.profiles import CONTROL, TREATMENT
from phenolens.simulate.arrangements import FAULTY, SOUND, Arrangement, arrange, possible

PARTLY = tuple(kind for kind in FAULTY if kind != "serpentine")
ONE_PLATE = ("same", "moved neighbours", "rows", "columns", "quadrants", "edge")
BOUND = ("same", "near", "neighbours", "rows", "columns")  # no well at another location
COLUMNS = ("one column", "two columns")


def drawn(kind: str, rng: np.random.Generator, **given: object) -> Arrangement:
    """A layout of a kind, of 1 to 8 plates of 96 or 384 wells and 2 to 12 replicates."""
    while True:
        plates, replicates = int(rng.integers(1, 9)), int(rng.integers(2, 13))
        chosen = {"plates": plates, "replicates": replicates, "wells": int(rng.choice([96, 384]))}
        chosen |= {"inner": bool(rng.random() < 0.25)} | given
        if possible(kind, plates=chosen["plates"], replicates=chosen["replicates"]):
            return Arrangement(kind=kind, seed=int(rng.integers(2**31)), **chosen)


def names(layout: Layout) -> set[str]:
    """Treatments that are named as sharing their location."""
    return {name for finding in layout.replicates for name in finding.treatments}


def design(arrangement: Arrangement) -> str:
    """Wells, plates and replicates in short."""
    inner = " inner" if arrangement.inner else ""
    return f"{arrangement.plates} x {arrangement.wells}{inner}, {arrangement.replicates} replicates"


def whole(layouts: int, seed: int) -> dict:
    """Shares flagged by each finding, by kind of layout; the designs that were mistaken."""
    told = {}
    kinds = [(kind, "scattered") for kind in FAULTY]
    kinds += [(SOUND, c) for c in ("scattered", "scattered per plate", *COLUMNS)]
    for number, (kind, controls) in enumerate(kinds):
        rng = np.random.default_rng([seed, number])
        flagged = np.zeros(3)
        wrong: dict[str, int] = defaultdict(int)
        for _ in range(layouts):
            made = drawn(kind, rng, controls=controls)
            found = examine_layout(arrange(made)[0])
            bound = found.elsewhere is not None and found.elsewhere.severity != "ok"
            apart = found.controls is not None and found.controls.severity != "ok"
            flagged += bool(found.replicates), bound, apart
            if bool(found.replicates) != (kind != SOUND):
                wrong[f"replicates: {design(made)}"] += 1
            if apart != (controls in COLUMNS):
                wrong[f"controls: {design(made)}"] += 1
        name = kind if kind != SOUND else f"{SOUND}, controls {controls}"
        shares = dict(zip(("replicates", "bound", "controls"), flagged / layouts, strict=True))
        told[name] = {key: round(float(value), 4) for key, value in shares.items()}
        if wrong:
            told[name]["mistaken"] = dict(sorted(wrong.items(), key=lambda item: -item[1])[:6])
    return told


def partly(layouts: int, seed: int) -> dict:
    """Treatments named where 10 to 50 % are concerned, by format, replicates and kind."""
    told: dict[str, dict] = {}
    for wells in (96, 384):
        for low, high in ((2, 2), (3, 3), (4, 4), (5, 8), (9, 12)):
            by_kind: dict[str, dict] = {}
            for number, kind in enumerate(PARTLY):
                rng = np.random.default_rng([seed, wells, low, number])
                rows = []
                for _ in range(layouts):
                    made = _partly(kind, rng, wells=wells, low=low, high=high)
                    if made is None:
                        break
                    rows.append(_named(made))
                if rows:
                    by_kind[kind] = _summed(rows)
            several = "" if low == high else f" to {high}"
            told[f"{wells} wells, {low}{several} replicates"] = by_kind
    return told


def _partly(kind: str, rng: np.random.Generator, *, wells: int, low: int, high: int):
    for _ in range(200):
        share, replicates = float(rng.uniform(0.1, 0.5)), int(rng.integers(low, high + 1))
        plates = int(rng.integers(1, 9))
        if possible(kind, plates=plates, replicates=replicates):
            given = {"wells": wells, "plates": plates, "replicates": replicates, "share": share}
            return drawn(kind, rng, **given, inner=False)
    return None


def _named(made: Arrangement) -> tuple[bool, int, int, int, int]:
    wells, concerned = arrange(made)
    found = examine_layout(wells)
    others = set(wells.loc[~wells[CONTROL], TREATMENT]) - concerned
    named = names(found)
    return (
        bool(found.replicates), len(named & concerned), len(concerned),
        len(named & others), len(others),
    )  # fmt: skip


def _summed(rows: list[tuple]) -> dict:
    flagged, found, concerned, false, others = np.array(rows, dtype=float).T
    return {
        "flagged": round(float(flagged.mean()), 4),
        "named": round(float(found.sum() / concerned.sum()), 4),
        "others named": round(float(false.sum() / max(others.sum(), 1)), 4),
    }


def one_plate(layouts: int, seed: int) -> dict:
    """One plate of four: how often flagged, and that plate (or it and its twin) alone named."""
    told = {}
    for number, kind in enumerate(ONE_PLATE):
        for wells in (96, 384):
            rng = np.random.default_rng([seed, wells, number])
            flagged, alone = 0, 0
            for _ in range(layouts):
                replicates = 4 if kind == "same" else int(rng.choice([8, 12]))
                made = drawn(kind, rng, plates=4, replicates=replicates, wells=wells,
                             one_plate=True, inner=False)  # fmt: skip
                found = examine_layout(arrange(made)[0]).replicates
                flagged += bool(found)
                right = ("P03", "P04") if kind == "same" else ("P04",)
                alone += bool(found) and found[0].plates == right
            told[f"{kind}, {wells} wells"] = {
                "flagged": flagged / layouts, "plate named": alone / layouts,
            }  # fmt: skip
    return told


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layouts", type=int, default=200, help="of each kind")
    parser.add_argument("--partly", type=int, default=40, help="of each kind and size")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    began = time.perf_counter()
    kinds = whole(options.layouts, options.seed)
    seconds = time.perf_counter() - began
    print(
        json.dumps(
            {
                "layouts": options.layouts,
                "milliseconds": round(1000 * seconds / options.layouts / len(kinds), 1),
                "whole": kinds,
                "hardest": min(FAULTY, key=lambda kind: kinds[kind]["replicates"]),
                "partly": partly(options.partly, options.seed),
                "one plate of four": one_plate(options.partly, options.seed),
            }
        )
    )


if __name__ == "__main__":
    main()
