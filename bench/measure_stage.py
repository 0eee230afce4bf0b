"""Reading, segmenting and measuring whole fields: CPU seconds, memory, and two processes.

    python bench/measure_stage.py [--rounds 3]

Every one of the six real fields, from its five TIFF files to the table of all default families.
Prints one line of JSON: CPU seconds per field (median over rounds, compiled before), per cell, peak
memory of the process, and how much faster two processes are than one (wall clock; needs two idle
cores to mean anything, so the load is given).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from measure_fields import CHANNELS, read_field, wells
from threadpoolctl import threadpool_limits

from phenolens.measure import measure_objects
from phenolens.segment import segment_field


def stage(well: str) -> tuple[int, dict[str, float]]:
    """Cells of one field, and the CPU seconds of each part."""
    marks = [time.process_time()]
    pixels = read_field(well)
    marks.append(time.process_time())
    labels = segment_field(pixels, CHANNELS)
    marks.append(time.process_time())
    table = measure_objects(pixels, CHANNELS, labels)
    marks.append(time.process_time())
    parts = np.diff(marks)
    return len(table), dict(zip(("read", "segment", "measure"), parts, strict=True))


def wall(jobs: int) -> float:
    """Wall seconds for all fields with so many processes, each compiled before."""
    with ProcessPoolExecutor(jobs, initializer=threadpool_limits, initargs=(1,)) as pool:
        list(pool.map(stage, wells()[:jobs] * 2))
        start = time.perf_counter()
        list(pool.map(stage, wells() * 2))
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    stage(wells()[0])
    runs = {well: [stage(well) for _ in range(options.rounds)] for well in wells()}
    fields = {}
    for well, found in runs.items():
        parts = {k: float(np.median([p[k] for _, p in found])) for k in found[0][1]}
        whole = {"cells": found[0][0], "cpu_s": round(sum(parts.values()), 3)}
        fields[well] = whole | {k: round(v, 3) for k, v in parts.items()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    load = os.getloadavg()[0]
    one, two = wall(1), wall(2)
    print(
        json.dumps(
            {
                "claim": "measure: CPU seconds a field, reading and segmenting included",
                "fields": fields,
                "median_cpu_s": round(float(np.median([f["cpu_s"] for f in fields.values()])), 3),
                "peak_memory_MiB": round(peak),
                "two_processes_speedup": round(one / two, 2),
                "load_before": round(load, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
