"""Speed against cp_measure, family by family, one thread each, on one real field.

    python bench/measure_speed.py [--well D14] [--rounds 3]

Both measure the same label images (ours) on the same five stains in the same process, in turn.
Seconds are CPU seconds, medians over the rounds, BLAS held to one thread; compilation comes before
(its seconds are given). Costes and RWC run per object on both sides, as cp_measure does; Costes and
Pearson for both orders of a pair on its side, as its featurizer does. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from itertools import combinations, permutations

import numpy as np
from measure_fields import CHANNELS, read_field
from threadpoolctl import threadpool_limits

from phenolens.measure import measure_objects
from phenolens.measure.settings import like_cp_measure
from phenolens.segment import segment_field

SCALE = 65535
OURS = {
    "AreaShape": ("AreaShape", "Moments"),
    "Intensity": ("Intensity", "Location"),
    "Texture": ("Texture",),
    "Granularity": ("Granularity",),
    "RadialDistribution": ("RadialDistribution",),
    "RadialZernikes": ("RadialZernikes",),
    "Correlation": ("Correlation",),
    "Costes": ("Costes",),
    "Neighbors": ("Neighbors",),
}


def peer_families(pixels: np.ndarray, labels: dict[str, np.ndarray]) -> dict[str, Callable]:
    """One call per family that does with cp_measure what ours does."""
    from cp_measure.bulk import get_core_measurements, get_correlation_measurements
    from cp_measure.core.measurecolocalization import get_correlation_overlap
    from cp_measure.multimask.measureobjectneighbors import measureobjectneighbors

    planes = list(pixels / float(SCALE))
    core = get_core_measurements(legacy=True, sanitize=False)
    pairs = get_correlation_measurements(sanitize=False)
    within, adjacent = "Within a specified distance", "Adjacent"

    def each(name: str, **options: object) -> None:
        for image in labels.values():
            for plane in planes:
                core[name](image, plane, **options)

    def shape() -> None:
        for image in labels.values():
            core["sizeshape"](image, None)
            core["zernike"](image, None)
            core["feret"](image, None)

    def correlation() -> None:
        for image in labels.values():
            for a, b in permutations(planes, 2):
                pairs["pearson"](a, b, image)
            for a, b in combinations(planes, 2):
                pairs["manders_fold"](a, b, image)
                pairs["rwc"](a, b, image)
                get_correlation_overlap(a, b, image)

    def costes() -> None:
        for image in labels.values():
            for a, b in permutations(planes, 2):
                pairs["costes"](a, b, image, scale_max=SCALE)

    def texture() -> None:
        for scale in (3, 5, 10):
            each("texture", scale=scale)

    def neighbors() -> None:
        measureobjectneighbors(labels["Nuclei"], labels["Nuclei"], within, 1)
        measureobjectneighbors(labels["Cells"], labels["Cells"], within, 5)
        measureobjectneighbors(labels["Cells"], labels["Cells"], adjacent, 1)

    return {
        "AreaShape": shape,
        "Intensity": lambda: each("intensity"),
        "Texture": texture,
        "Granularity": lambda: each("granularity"),
        "RadialDistribution": lambda: each("radial_distribution"),
        "RadialZernikes": lambda: each("radial_zernikes"),
        "Correlation": correlation,
        "Costes": costes,
        "Neighbors": neighbors,
    }


def our_families(pixels: np.ndarray, labels: dict[str, np.ndarray]) -> dict[str, Callable]:
    """One call per family, and one for all together."""
    settings = like_cp_measure(tubeness_channel=None)

    def run(families: tuple[str, ...]) -> Callable:
        return lambda: measure_objects(
            pixels, CHANNELS, labels, families=families, settings=settings
        )

    together = tuple(name for names in OURS.values() for name in names)
    return {name: run(families) for name, families in OURS.items()} | {"together": run(together)}


def seconds(work: Callable) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--well", default="D14")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    pixels = read_field(options.well)
    labels = {k: v.astype(np.int64) for k, v in segment_field(pixels, CHANNELS).items()}
    ours, theirs = our_families(pixels, labels), peer_families(pixels, labels)
    compiling = sum(seconds(work) for work in ours.values())
    times: dict[str, dict[str, list[float]]] = {"ours": {}, "cp_measure": {}}
    with threadpool_limits(1):
        for _ in range(options.rounds):
            for name, work in ours.items():
                times["ours"].setdefault(name, []).append(seconds(work))
            for name, work in theirs.items():
                times["cp_measure"].setdefault(name, []).append(seconds(work))
    print(json.dumps(summary(times, labels, options, compiling=compiling)))


def summary(times: dict, labels: dict, options: argparse.Namespace, *, compiling: float) -> dict:
    middle = {side: {k: float(np.median(v)) for k, v in t.items()} for side, t in times.items()}
    total = sum(middle["cp_measure"].values())
    families = {
        name: {
            "ours_s": round(middle["ours"][name], 4),
            "cp_measure_s": round(middle["cp_measure"][name], 3),
            "ratio": round(middle["cp_measure"][name] / middle["ours"][name], 1),
        }
        for name in OURS
    }
    return {
        "claim": "measure: times faster than cp_measure 0.3.0, one thread, all shared families",
        "well": options.well,
        "cells": int(labels["Cells"].max()),
        "rounds": options.rounds,
        "first_call_with_compilation_s": round(compiling, 1),
        "families": families,
        "ours_together_s": round(middle["ours"]["together"], 3),
        "cp_measure_total_s": round(total, 2),
        "ratio": round(total / middle["ours"]["together"], 1),
    }


if __name__ == "__main__":
    main()
