"""Evaluation at JUMP's size: cells to wells, activity of all wells, and the other questions.

``python bench/jump_size.py cells --cells 1000000 --features 1000`` simulates plates of CellProfiler
features in Parquet and aggregates them by ``pl.aggregate``. ``activity`` and ``questions`` simulate
wells of plates of 384 and ask them of one Parquet file. Each measured command is a process of its
own; its peak is the most that it and its children held together, looked at twenty times a second.
One JSON line a measurement.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

WELLS = [f"{'ABCDEFGHIJKLMNOP'[row]}{column + 1:02d}" for row in range(16) for column in range(24)]
DIRECTIONS = 60
QUESTIONS = ("assay", "batch", "match", "cluster", "classify")


def feature_names(features: int) -> list[str]:
    """Names as CellProfiler's, of three compartments."""
    parts = ("Cells", "Cytoplasm", "Nuclei")
    return [f"{parts[k % 3]}_Texture_Simulated{k:04d}_DNA" for k in range(features)]


def write_cells(folder: Path, options: argparse.Namespace) -> tuple[int, int]:
    """Plates of cells, a file each; how many cells, and bytes on the disk.

    Values are multiples of 1/64, so that Parquet keeps them in a quarter of the room: 10 million
    cells of 1,000 features are 40 GB in memory. The features of a plate are one column of random
    values that begins elsewhere for each: a plate is written in seconds.
    """
    rng = np.random.default_rng(0)
    count, names = options.per_plate, feature_names(options.features)
    cells = size = 0
    for plate in range(max(1, round(options.cells / count))):
        path = folder / f"plate{plate:03d}.parquet"
        wells = np.sort(rng.integers(0, 384, count))
        keys = {
            "Metadata_Plate": [f"P{plate:03d}"] * count,
            "Metadata_Well": [WELLS[k] for k in wells],
            "Metadata_Site": rng.integers(1, 10, count),
            "Metadata_ImageNumber": np.arange(count) // 60 + 1,
            "Metadata_ObjectNumber": np.arange(count) % 60 + 1,
        }
        drawn = (rng.standard_normal(count + 4 * options.features) * 64).round() / 64
        drawn = drawn.astype(np.float32)
        columns = {n: drawn[4 * k : 4 * k + count] for k, n in enumerate(names)}
        pq.write_table(pa.table(keys | columns), path, row_group_size=50_000)
        cells, size = cells + count, size + path.stat().st_size
    return cells, size


def write_wells(path: Path, *, wells: int, features: int) -> None:
    """Wells as JUMP's: 64 controls a plate, treatments once on each of four plates, scattered.

    A quarter of the treatments has an effect along directions in which wells vary anyway.
    """
    rng = np.random.default_rng(0)
    names = feature_names(features)
    loads = rng.standard_normal((DIRECTIONS, features)).astype(np.float32) * np.float32(0.2)
    metadata = ("Metadata_Plate", "Metadata_Well", "Metadata_Compound", "Metadata_Target")
    schema = pa.schema([(n, pa.string()) for n in metadata] + [(n, pa.float32()) for n in names])
    with pq.ParquetWriter(path, schema) as writer:
        for plate in range(max(4, round(wells / 384))):
            group = plate // 4
            control = np.zeros(384, dtype=bool)
            control[rng.choice(384, 64, replace=False)] = True
            drug = np.full(384, -1)
            drug[~control] = rng.permutation(320)
            values = rng.standard_normal((384, features), dtype=np.float32)
            values += rng.standard_normal((384, DIRECTIONS), dtype=np.float32) @ loads
            for row in np.flatnonzero(drug >= 0):
                if drug[row] % 4 == 0:
                    own = np.random.default_rng([group, drug[row] // 8])  # pairs share an effect
                    values[row] += own.standard_normal(DIRECTIONS, dtype=np.float32) @ loads
            values += rng.standard_normal(features, dtype=np.float32) * np.float32(0.3)
            said = {
                "Metadata_Plate": [f"P{plate:04d}"] * 384,
                "Metadata_Well": WELLS,
                "Metadata_Compound": [f"C{group:03d}-{k:03d}" if k >= 0 else "DMSO" for k in drug],
                "Metadata_Target": [f"T{group:03d}-{k // 8:02d}" if k >= 0 else "" for k in drug],
            }
            table = said | {name: values[:, k] for k, name in enumerate(names)}
            writer.write_table(pa.table(table, schema=schema))


def measured(code: str, *arguments: object) -> dict[str, object]:
    """Seconds and peak (MiB) of a Python process and its children, and what it printed last."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    start, peak, done = time.perf_counter(), 0, threading.Event()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            try:
                here = psutil.Process(process.pid)
                family = [here, *here.children(recursive=True)]
                peak = max(peak, sum(one.memory_info().rss for one in family))
            except psutil.Error:
                continue

    sampler = threading.Thread(target=watch, daemon=True)
    sampler.start()
    said = process.communicate()[0].strip().splitlines()
    seconds = time.perf_counter() - start
    done.set()
    sampler.join()
    held = {"seconds": round(seconds, 1), "peak_mib": round(peak / 2**20), "rc": process.returncode}
    return held | {"said": said[-1][:400] if said else ""}


AGGREGATE = """
import sys, phenolens as pl
wells = pl.aggregate(sys.argv[1])
wells.to_parquet(sys.argv[2])
print(len(wells), "wells", wells["Metadata_Count"].sum(), "cells")
"""
ACTIVITY = """
import sys, phenolens as pl
found = pl.activity(sys.argv[1], within=sys.argv[2] or None, permutations=int(sys.argv[3]))
print({name: found.summary[name] for name in ("treatments", "tested", "active", "test")})
"""
QUESTION = """
import sys, phenolens as pl
try:
    found = getattr(pl, sys.argv[2])(sys.argv[1])
    print(len(found.table), "rows;", "; ".join(str(one) for one in found.findings[-3:]))
except pl.PhenolensError as error:
    print("refused:", error)
"""


def told(part: str, **values: object) -> None:
    """One JSON line."""
    cores = len(os.sched_getaffinity(0))
    print(json.dumps({"bench": "jump_size", "part": part, "cores": cores} | values), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=("cells", "activity", "questions"))
    parser.add_argument("--cells", type=int, default=1_000_000)
    parser.add_argument("--per-plate", type=int, default=200_000)
    parser.add_argument("--wells", type=int, default=15_360)
    parser.add_argument("--features", type=int, default=900)
    parser.add_argument("--permutations", type=int, default=10_000)
    parser.add_argument("--within", default="")
    parser.add_argument("--questions", nargs="*", default=QUESTIONS)
    parser.add_argument("--folder", type=Path, help="where the data are written; they are removed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        if options.part == "cells":
            cells, size = write_cells(folder, options)
            found = measured(AGGREGATE, folder / "plate*.parquet", folder / "wells.parquet")
            told("cells", cells=cells, features=options.features, gib=size / 2**30, **found)
            return
        wells = folder / "wells.parquet"
        write_wells(wells, wells=options.wells, features=options.features)
        size = {"wells": options.wells, "features": options.features}
        if options.part == "activity":
            asked = {"within": options.within, "permutations": options.permutations}
            told("activity", **size, **asked, **measured(ACTIVITY, wells, *asked.values()))
            return
        for question in options.questions:
            told("questions", question=question, **size, **measured(QUESTION, wells, question))


if __name__ == "__main__":
    main()
