"""Every compiled kernel under bounds checks, on fields from 1 x 1 pixel up and small tables.

numba compiles array access without a look at the bounds; an overrun then writes into whatever lies
behind the array. Here the same kernels are compiled with a look, into a cache of their own: one
that is warm with kernels compiled without it would be taken, and an overrun would pass unseen.

    python bench/bounds.py [--seconds 60] [--seed 0] [--unoptimized]

prints one line of JSON and ends with 1 where a kernel overran or one was never called.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

SIDES = ((1, 1), (1, 2), (2, 1), (1, 9), (2, 2), (2, 3), (3, 2), (3, 3), (4, 5), (6, 6), (9, 2))
LARGEST = 30
CHANNELS = ("DNA", "ER", "Mito")
ROOMS = ("evaluate", "learn", "measure", "normalize", "plating", "segment", "simulate", "stats")


def main() -> int:
    parser = argparse.ArgumentParser(description="Every compiled kernel under bounds checks.")
    parser.add_argument("--seconds", type=float, default=60, help="after compiling")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unoptimized", action="store_true", help="compiles in half the time")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ |= {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": cache}
        if asked.unoptimized:
            os.environ["NUMBA_OPT"] = "0"
        found = search(asked.seconds, asked.seed)
    sys.stdout.write(json.dumps(found) + "\n")
    return 1 if found["faults"] or found["never_called"] or not found["overrun_raises"] else 0


def search(seconds: float, seed: int) -> dict:
    """Drive all kernels on all small fields once, then on random ones while time lasts."""
    import numpy as np
    from numba.core.errors import NumbaWarning

    warnings.simplefilter("ignore", NumbaWarning)  # code with a look at bounds is not cached
    rng = np.random.default_rng(seed)
    start = time.perf_counter()
    raises = overrun_raises()
    faults: list[str] = []
    for drive in DRIVES:
        _try(drive, rng, faults)
    compiled = time.perf_counter()
    rounds = len(DRIVES)
    for shape in SIDES:
        _try(lambda rng, shape=shape: measure(rng, shape), rng, faults)
        _try(lambda rng, shape=shape: segment(rng, shape), rng, faults)
        rounds += 2
    while time.perf_counter() < compiled + seconds:
        _try(DRIVES[rng.integers(len(DRIVES))], rng, faults)
        rounds += 1
    kernels = dispatchers()
    return {
        "kernels": len(kernels),
        "never_called": sorted(name for name, one in kernels.items() if not one.signatures),
        "overrun_raises": raises,
        "rounds": rounds,
        "seconds": round(time.perf_counter() - start, 1),
        "seconds_compiling": round(compiled - start, 1),
        "faults": faults,
    }


def _try(drive: Callable, rng, faults: list[str]) -> None:
    before = rng.bit_generator.state["state"]["state"]
    try:
        drive(rng)
    except (IndexError, AssertionError):
        lines = traceback.format_exc().strip().splitlines()
        where = [line.strip() for line in lines if "phenolens" in line]
        faults.append(f"state {before}: {lines[-1]} {where[-1] if where else ''}")


def overrun_raises() -> bool:
    """Whether a kernel that reads behind its array is caught: else nothing here means anything."""
    import numba
    import numpy as np

    @numba.njit
    def behind(values, place):
        values[place] += 1.0
        return values[0]

    try:
        behind(np.zeros(8)[:4], 4)  # four that nobody misses lie behind
    except IndexError:
        return True
    return False


def dispatchers() -> dict:
    """Compiled functions of the package by name; what is inlined has no code of its own."""
    from numba.core.dispatcher import Dispatcher

    import phenolens

    root = Path(phenolens.__file__).parent
    found = {}
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            if "njit" in path.read_text():
                name = ".".join(path.relative_to(root.parent).with_suffix("").parts)
                for key, value in vars(import_module(name)).items():
                    own = isinstance(value, Dispatcher) and value.__module__ == name
                    if own and value.targetoptions.get("inline", "never") == "never":
                        found[f"{name}.{key}"] = value
    return found


def draw_shape(rng) -> tuple[int, int]:
    if rng.random() < 0.5:
        return SIDES[rng.integers(len(SIDES))]
    return int(rng.integers(1, LARGEST)), int(rng.integers(1, LARGEST))


def draw_labels(rng, shape: tuple[int, int]) -> dict:
    """Objects of any form, of one pixel, in pieces, at the border; ids with gaps; empty parts."""
    import numpy as np
    from scipy import ndimage

    form = rng.integers(6)
    if form == 0:
        cells = np.zeros(shape, np.int64)
    elif form == 1:
        cells = np.ones(shape, np.int64)
    elif form == 2:
        cells = np.arange(1, shape[0] * shape[1] + 1).reshape(shape)
    elif form == 3:
        cells = rng.integers(0, 4, shape)
    else:
        noise = ndimage.gaussian_filter(rng.normal(size=shape), 1.5)
        cells = ndimage.label(noise > np.quantile(noise, rng.random()))[0]
    top = int(cells.max())
    ids = np.sort(rng.choice(np.arange(1, 50 * top + 2), top, replace=False))
    ids = ids * 10 ** int(rng.choice([0, 0, 9]))
    cells = np.concatenate([[0], ids])[cells].astype(rng.choice([np.int64, np.uint64]))
    nuclei = np.where(rng.random(shape) < rng.random(), cells, 0)
    return {"Nuclei": nuclei, "Cells": cells, "Cytoplasm": np.where(nuclei > 0, 0, cells)}


def draw_pixels(rng, shape: tuple[int, int]):
    import numpy as np

    pixels = rng.integers(
        0, rng.choice([1, 2, 300, 65536]), (len(CHANNELS), *shape), endpoint=False
    )
    kind = rng.integers(4)
    if kind == 0:
        return (pixels % 256).astype(np.uint8)
    if kind == 1:
        return pixels.astype(np.uint16)
    return (pixels / 65535).astype((np.float32, np.float64)[kind - 2])


def measure(rng, shape: tuple[int, int] | None = None) -> None:
    import numpy as np

    from phenolens.measure import FAMILIES, MeasureSettings, cell_quality, measure_objects

    shape = shape or draw_shape(rng)
    pixels, labels = draw_pixels(rng, shape), draw_labels(rng, shape)
    scope = ["field", "object"]
    settings = MeasureSettings(
        texture_levels=int(rng.choice([2, 8, 256])),
        texture_scales=tuple(int(k) for k in rng.choice([1, 2, 3, 10], 2, replace=False)),
        granularity_subsample=float(rng.choice([0.25, 0.5, 0.77, 1.0])),
        granularity_background=float(rng.choice([0.25, 0.5, 0.9, 1.0])),
        granularity_radius=int(rng.choice([1, 3, 10])),
        radial_bins=int(rng.integers(1, 6)),
        closed_hull=bool(rng.integers(2)),
        zernike_degree=int(rng.choice([1, 9])),
        rwc_ranks=scope[rng.integers(2)],
        costes_threshold=scope[rng.integers(2)],
        tubeness_radius=float(rng.choice([1.0, 200.0])),
    )
    table = measure_objects(pixels, CHANNELS, labels, families=FAMILIES, settings=settings)
    infinite = table.columns[np.isinf(table.to_numpy(float)).any(axis=0)]
    assert not len(infinite), f"infinite: {', '.join(infinite[:5])}"
    cell_quality(pixels, CHANNELS, labels)


def segment(rng, shape: tuple[int, int] | None = None) -> None:
    import numpy as np
    from scipy import ndimage

    from phenolens.segment import SegmentSettings, segment_field
    from phenolens.segment.crop import crop_labels

    shape = shape or draw_shape(rng)
    if rng.random() < 0.5:
        shape = (shape[0] + 20, shape[1] + 20)
    pixels = draw_pixels(rng, shape).astype(float)
    bumps = ndimage.gaussian_filter((rng.random(shape) < 0.02) * 1.0, 3)
    pixels += 5 * bumps / max(bumps.max(), 1e-9)
    y, x = np.mgrid[: shape[0], : shape[1]]
    if rng.random() < 0.5:
        pixels += 9.0 * (np.hypot(y - shape[0] // 2, x - shape[1] // 2) < min(shape) / 5)
    settings = SegmentSettings(nucleus_diameter=[None, 2.0, 12.0][rng.integers(3)])
    segment_field(pixels, CHANNELS, settings=settings)
    crop_labels(pixels, CHANNELS, settings=settings)


def flood(rng) -> None:
    import numpy as np

    from phenolens.segment.basins import part_hills
    from phenolens.segment.contours import steepest_middle
    from phenolens.segment.contrast import gradient
    from phenolens.segment.flood import grow, majority

    shape = draw_shape(rng)
    seeds = (rng.integers(0, 5, shape) * (rng.random(shape) < 0.2)).astype(np.int32)
    relief = rng.normal(size=shape).astype(np.float32)
    mask = rng.random(shape) < rng.random()
    labels = grow(seeds, mask, relief, weight=float(rng.random()), reach=float(rng.integers(0, 99)))
    majority(labels, int(rng.integers(0, 5)))
    part_hills(np.maximum(relief, 0), rng.random(shape), neck=0.8, valley=0.5)
    steepest_middle(relief, gradient(relief), np.linspace(-1, 1, 5))


def simulate(rng) -> None:
    from phenolens.simulate.field import simulate_field

    size = int(rng.integers(8, 60))
    simulate_field(
        int(rng.integers(1 << 30)),
        field_size=size,
        cell_diameter=float(rng.integers(6, size + 1)),
        with_mask=bool(rng.integers(2)),
    )


def plates(rng) -> None:
    import numpy as np

    from phenolens.plating.controls import Spread
    from phenolens.plating.scramble import scramble

    shape = int(rng.integers(1, 9)), int(rng.integers(2, 13))
    places = np.arange(shape[0] * shape[1])
    spread = Spread(shape)
    for _ in range(2):
        free = np.sort(rng.choice(places, int(rng.integers(1, len(places) + 1)), replace=False))
        spread.place(int(rng.integers(0, len(free) + 1)), free, rng)
    free = [
        np.sort(rng.permutation(places)[: int(rng.integers(1, len(places) + 1))]) for _ in range(2)
    ]
    kinds = int(rng.integers(1, 9))
    label = [rng.integers(0, kinds, len(spots)) for spots in free]
    compound = rng.integers(0, 3, kinds)
    scramble(label, free, compound=compound, shape=shape, rng=rng)


def tables(rng) -> None:
    import numpy as np

    from phenolens.evaluate.structure.silhouette import silhouette_values
    from phenolens.learn.select import _common_values, uncorrelated
    from phenolens.normalize.scale import _shift_and_stretch, group_statistics

    rows, columns = int(rng.integers(1, 12)), int(rng.integers(1, 9))
    values = rng.integers(0, 4, (rows, columns)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    codes = rng.integers(-1, 3, rows)
    for method in ("mad", "standard"):
        center, scale = group_statistics(values, codes, n_groups=3, method=method)
    _shift_and_stretch(values, np.maximum(codes, 0), center, scale)
    filled = np.nan_to_num(values)
    _common_values(np.sort(filled, axis=0).T.copy())
    uncorrelated(filled, threshold=0.9)
    kinds = np.unique(rng.integers(0, 4, rows), return_inverse=True)[1]
    silhouette_values(np.abs(filled[:, :1] - filled[:, 0]), kinds)


def ranks(rng) -> None:
    import numpy as np
    import pandas as pd

    from phenolens.stats.average_precision import average_precision
    from phenolens.stats.permutation import Pool
    from phenolens.stats.wells import Wells

    n = int(rng.integers(2, 14))
    unit = rng.normal(size=(n, int(rng.integers(1, 4))))
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    group = rng.integers(-1, 3, n)
    group[0] = 0
    differ = rng.integers(0, 3, (n, int(rng.integers(0, 3))))
    wells = Wells(
        pd.DataFrame(),
        unit,
        np.ones(n),
        absolute=bool(rng.integers(2)),
        single=bool(rng.integers(2)),
    )
    average_precision(
        wells, group, reference=rng.random(n) < 0.6, within=rng.integers(0, 2, n), differ=differ,
        apart=rng.integers(0, 4, n),
    )  # fmt: skip
    similarity, within = unit @ unit.T, rng.integers(0, 2, n)
    half = n // 2
    outside = np.sort(rng.normal(size=(n, int(rng.integers(0, 5)))), axis=1)
    pool = Pool.of(
        similarity[:half, :half], within[:half], differ[:half], outside=outside[:half]
    )  # fmt: skip
    pool = pool.joined(
        similarity[half:, :half],
        similarity[half:, half:],
        within=within[half:],
        differ=differ[half:],
        outside=outside[half:],
    )
    picks = np.stack([rng.permutation(n)[: int(n // 2) or 1] for _ in range(3)])
    pool.mean_average_precision(picks)


DRIVES = (measure, segment, flood, simulate, plates, tables, ranks)

if __name__ == "__main__":
    sys.exit(main())
