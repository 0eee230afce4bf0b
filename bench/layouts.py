"""How often layouts that position could explain are found, and sound ones taken for such.

Layouts are made in blocks, each from a seed of its own, and what a block gave is one line of a file
(``--out``): a run that was stopped goes on where it was, and a longer one adds to it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np

from phenolens.evaluate.layout.examine import Layout, examine_layout
from phenolens.evaluate.layout.grid import grid_of, placed
from phenolens.evaluate.layout.replicates import by_place, replicate_pairs
from phenolens.evaluate.layout.statistics import WITHIN, of_owners
from phenolens.profiles import CONTROL, TREATMENT
from phenolens.simulate.arrangements import FAULTY, SOUND, Arrangement, arrange, possible

WHOLE, PARTLY, PLATE = "whole", "partly", "one plate of four"
COLUMNS = ("one column", "two columns")
BLOCK = {WHOLE: 50, PARTLY: 10, PLATE: 10}
REPLICATES = ((2, 2), (3, 3), (4, 4), (5, 8), (9, 12))
# The statistic by which each kind is judged treatment by treatment; an order concerns none alone.
OWN = {
    "same": "same", "several": "same", "near": "near", "neighbours": "near",
    "moved neighbours": "near", "rows": "row", "columns": "column", "quadrants": "quadrant",
    "edge": "edge",
}  # fmt: skip
ONE_PLATE = ("same", "moved neighbours", "rows", "columns", "quadrants", "edge")
P = np.geomspace(1e-6, 1, 241)


def drawn(kind: str, rng: np.random.Generator, **given: object) -> Arrangement:
    """A layout of a kind, of 1 to 8 plates of 96 or 384 wells and 2 to 12 replicates."""
    while True:
        plates, replicates = int(rng.integers(1, 9)), int(rng.integers(2, 13))
        chosen = {"plates": plates, "replicates": replicates, "wells": int(rng.choice([96, 384]))}
        chosen |= {"inner": bool(rng.random() < 0.25)} | given
        if possible(kind, plates=chosen["plates"], replicates=chosen["replicates"]):
            return Arrangement(kind=kind, seed=int(rng.integers(2**31)), **chosen)


def design(made: Arrangement) -> str:
    """Wells, plates and replicates in short."""
    inner = " inner" if made.inner else ""
    return f"{made.plates} x {made.wells}{inner}, {made.replicates} replicates"


def names(layout: Layout) -> set[str]:
    """Treatments that are named as sharing their location."""
    return {name for finding in layout.replicates for name in finding.about.get("treatment", ())}


def whole(kind: str, rng: np.random.Generator, *, controls: str) -> Counter:
    """Which of the three findings one layout gets, and what was mistaken."""
    made = drawn(kind, rng, controls=controls)
    found = examine_layout(arrange(made)[0])
    bound = found.elsewhere is not None and found.elsewhere.severity != "ok"
    apart = found.controls is not None and found.controls.severity != "ok"
    told = Counter(replicates=bool(found.replicates), bound=bound, controls=apart)
    if bool(found.replicates) != (kind != SOUND):
        told[f"mistaken: replicates, {design(made)}"] += 1
    if apart != (controls in COLUMNS):
        told[f"mistaken: controls, {design(made)}"] += 1
    return told


def partly(kind: str, rng: np.random.Generator, *, wells: int, low: int, high: int) -> Counter:
    """Treatments named where 10 to 50 % are laid out so, and how alike each one's wells lie."""
    while True:
        share, replicates = float(rng.uniform(0.1, 0.5)), int(rng.integers(low, high + 1))
        plates = int(rng.integers(1, 9))
        if possible(kind, plates=plates, replicates=replicates):
            break
    made = drawn(kind, rng, wells=wells, plates=plates, replicates=replicates, share=share,
                 inner=False)  # fmt: skip
    layout, concerned = arrange(made)
    found = examine_layout(layout)
    others = set(layout.loc[~layout[CONTROL], TREATMENT]) - concerned
    told = Counter(
        flagged=bool(found.replicates), concerned=len(concerned), others=len(others),
        named=len(names(found) & concerned), false=len(names(found) & others),
    )  # fmt: skip
    grid = grid_of(placed(layout, TREATMENT), TREATMENT)
    pairs = replicate_pairs(grid)
    if kind == "moved neighbours":
        pairs = by_place(grid, pairs)[WITHIN]
    own = of_owners(grid, pairs, OWN[kind])
    truth = np.isin(np.array(grid.labels)[own.owner], sorted(concerned))
    for who, p in (("concerned", own.p[truth]), ("others", own.p[~truth])):
        for step, count in Counter(np.searchsorted(P, p).tolist()).items():
            told[f"p of {who} {step}"] += count
    return told


def one_plate(kind: str, rng: np.random.Generator, *, wells: int) -> Counter:
    """Whether the one faulty plate of four, or both that share a layout, is flagged and named."""
    replicates = 4 if kind == "same" else int(rng.choice([8, 12]))
    made = drawn(kind, rng, plates=4, replicates=replicates, wells=wells, one_plate=True,
                 inner=False)  # fmt: skip
    found = examine_layout(arrange(made)[0]).replicates
    right = ("P03", "P04") if kind == "same" else ("P04",)
    return Counter(flagged=bool(found), alone=bool(found) and found[0].about.get("plate") == right)


def tasks() -> Iterator[tuple[str, str, str, dict]]:
    """Part, what is measured, kind of layout, and settings."""
    for kind in FAULTY:
        yield WHOLE, kind, kind, {"controls": "scattered"}
    for controls in ("scattered", "scattered per plate", *COLUMNS):
        yield WHOLE, f"{SOUND}, controls {controls}", SOUND, {"controls": controls}
    for wells in (96, 384):
        for low, high in REPLICATES:
            several = "" if low == high else f" to {high}"
            for kind in OWN:
                sizes = product(range(1, 9), range(low, high + 1))
                if any(possible(kind, plates=k, replicates=n) for k, n in sizes):
                    name = f"{wells} wells, {low}{several} replicates: {kind}"
                    yield PARTLY, name, kind, {"wells": wells, "low": low, "high": high}
    for kind in ONE_PLATE:
        for wells in (96, 384):
            yield PLATE, f"{kind}, {wells} wells", kind, {"wells": wells}


def measure(out: Path, wanted: dict[str, int], *, seed: int, minutes: float) -> None:
    """Add blocks to the file, all tasks in turn, until there are enough or time is up."""
    lines = out.read_text(encoding="utf-8").splitlines() if out.is_file() else []
    known = {tuple(json.loads(line)["block"]) for line in lines}
    ask = {WHOLE: whole, PARTLY: partly, PLATE: one_plate}
    began = time.process_time()
    blocks = {part: -(-count // BLOCK[part]) for part, count in wanted.items()}
    for block in range(max(blocks.values())):
        for number, (part, name, kind, given) in enumerate(tasks()):
            if block >= blocks[part] or (seed, name, block) in known:
                continue
            if time.process_time() - began > 60 * minutes:
                return
            rng = np.random.default_rng([seed, number, block])
            before, told = time.process_time(), Counter()
            for _ in range(BLOCK[part]):
                told.update(ask[part](kind, rng, **given))
            line = {"block": [seed, name, block], "part": part, "layouts": BLOCK[part]}
            line |= {"seconds": round(time.process_time() - before, 2), "told": told}
            with out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def summary(out: Path) -> dict:
    """Rates over all blocks of the file."""
    layouts, seconds, parts = Counter(), 0.0, {}
    told: dict[str, Counter] = defaultdict(Counter)
    for line in map(json.loads, out.read_text(encoding="utf-8").splitlines()):
        name = line["block"][1]
        parts[name] = line["part"]
        layouts[name] += line["layouts"]
        told[name].update(line["told"])
        seconds += line["seconds"]
    rates = {WHOLE: {}, PARTLY: {}, PLATE: {}}
    for _, name, _, _ in tasks():
        if name in told:
            count, own = layouts[name], told[name]
            how = _named if parts[name] == PARTLY else _flagged
            rates[parts[name]][name] = {"layouts": count} | how(own, count)
    hardest = min(
        (kind for kind in FAULTY if kind in rates[WHOLE]),
        key=lambda kind: rates[WHOLE][kind]["replicates"],
        default="",
    )
    mean = round(1000 * seconds / max(sum(layouts.values()), 1), 1)
    return {"layouts": sum(layouts.values()), "milliseconds": mean, "hardest": hardest} | rates


def _flagged(told: Counter, count: int) -> dict:
    rates = ("replicates", "bound", "controls", "flagged", "alone")
    shares = {name: round(told[name] / count, 4) for name in rates if name in told}
    mistaken = [name for name, _ in told.most_common() if name.startswith("mistaken")]
    mistaken = {name.removeprefix("mistaken: "): told[name] for name in mistaken[:6]}
    return shares | ({"mistaken": mistaken} if mistaken else {})


def _named(told: Counter, count: int) -> dict:
    """Rates, and the limit: others named by one who knows the kind, and names 95 % of the rest."""
    p = {
        who: np.array([told[f"p of {who} {step}"] for step in range(len(P))])
        for who in ("concerned", "others")
    }
    at = int(np.argmax(p["concerned"].cumsum() >= 0.95 * p["concerned"].sum()))
    return {
        "flagged": round(told["flagged"] / count, 4),
        "named": round(told["named"] / told["concerned"], 4),
        "others named": round(told["false"] / max(told["others"], 1), 4),
        "limit": round(float(p["others"][: at + 1].sum() / max(p["others"].sum(), 1)), 4),
    }


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layouts", type=int, default=1000, help="of each kind")
    parser.add_argument("--partly", type=int, default=100, help="of each kind and size")
    parser.add_argument("--out", type=Path, default=Path("layouts.jsonl"))
    parser.add_argument("--minutes", type=float, default=35, help="of processor time, at most")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wanted = {WHOLE: options.layouts, PARTLY: options.partly, PLATE: options.partly}
    measure(options.out, wanted, seed=options.seed, minutes=options.minutes)
    print(json.dumps(summary(options.out)))


if __name__ == "__main__":
    main()
