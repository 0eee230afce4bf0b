"""Type-I error and power of label permutation, beside copairs' null, on independent screens."""

from __future__ import annotations

import argparse
import json
import sys
import time

import numpy as np

from phenolens.stats.copairs_null import random_average_precision
from phenolens.stats.permutation import Pool, StratifiedLabels, labellings, p_value, smallest_p

FEATURES = 50
# 10 % of the features shifted by one standard deviation.
SHIFTED, SHIFT = 0.1, 1.0
EQUAL = tuple((m, n) for m in (2, 3, 4, 6, 8) for n in (16, 32, 64, 128, 256))
# One plate with all treated wells on it, and four plates of which each has its controls.
UNEQUAL = ((3, 48, (24, 16, 8)), (5, 64, (32, 16, 16)))


def screen(m: int, n: int, *, shift: float, rng: np.random.Generator) -> np.ndarray:
    """Unit profiles of n controls, then m treated wells."""
    values = rng.standard_normal((n + m, FEATURES))
    values[n:, : int(SHIFTED * FEATURES)] += shift
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def strata(m: int, n: int, sizes: tuple[int, ...]) -> np.ndarray:
    """Plate of each control and treated well; treated wells are dealt to plates in turn."""
    return np.concatenate([np.repeat(np.arange(len(sizes)), sizes), np.arange(m) % len(sizes)])


def run(m: int, n: int, *, sizes=None, shift=0.0, screens=1000, permutations=999, seed=0):
    """Share of screens whose one tested group is called at 5 %, by both nulls."""
    plate = strata(m, n, sizes or (n,))
    counts = np.bincount(plate)
    own = np.bincount(plate[n:], minlength=len(counts))
    design = StratifiedLabels(tuple(counts[own > 0]), tuple(own[own > 0]))
    rows = [np.flatnonzero(plate == code) for code in np.flatnonzero(own)]
    edges = np.cumsum((0, *design.labelled))
    peer = np.sort(random_average_precision(m - 1, m - 1 + n, size=100_000, seed=1))
    rng = np.random.default_rng(seed)
    called = np.zeros(2)
    distinct, differ = 0, np.empty((n + m, 0), np.int64)
    for number in range(screens):
        unit = screen(m, n, shift=shift, rng=rng)
        pool = Pool.of(unit @ unit.T, np.zeros(n + m, np.int64), differ)
        places, enumerated = labellings(design, permutations, seed=seed + number)
        picks = np.concatenate(
            [row[places[:, a:b]] for row, a, b in zip(rows, edges[:-1], edges[1:], strict=True)],
            axis=1,
        )
        observed = pool.mean_average_precision(np.arange(n, n + m)[None])[0]
        null = pool.mean_average_precision(picks)
        distinct = max(distinct, len(np.unique(null.round(12)))) if number < 5 else distinct
        ours = p_value(observed, null, enumerated=enumerated)
        theirs = (1 + len(peer) - np.searchsorted(peer, observed, side="right")) / (len(peer) + 1)
        called += ours <= 0.05, theirs <= 0.05
    label, copairs = (called / screens).round(4).tolist()
    floor = smallest_p(design, permutations)
    cell = {"m": m, "n": n, "plates": list(sizes or (n,)), "label": label, "copairs": copairs,
            "distinct": distinct, "attainable": floor}  # fmt: skip
    print(json.dumps(cell), file=sys.stderr, flush=True)
    return cell


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screens", type=int, default=300)
    parser.add_argument("--permutations", type=int, default=999)
    parser.add_argument("--cells", choices=("few", "all"), default="few")
    options = parser.parse_args()
    work = {"screens": options.screens, "permutations": options.permutations}
    equal = EQUAL if options.cells == "all" else ((2, 32), (4, 64), (8, 64), (4, 256))
    start = time.perf_counter()
    type_1 = [run(m, n, **work) for m, n in equal]
    type_1 += [run(m, n, sizes=sizes, **work) for m, n, sizes in UNEQUAL]
    power = [run(m, n, shift=SHIFT, **work) for m, n in ((4, 64), (4, 256))]
    for cell in power:
        cell["ratio"] = round(cell["label"] / max(cell["copairs"], 1e-9), 3)
    seconds = time.perf_counter() - start
    print(json.dumps(work | {"seconds": seconds, "type_1": type_1, "power": power}))


if __name__ == "__main__":
    main()
