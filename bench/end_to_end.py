"""Seconds per stage of a whole study, and peak memory, as the number of fields grows.

One JSON line: for each number of fields the seconds of each step, the total, the peak resident
memory of the command and its largest worker (MiB), and how total and memory grow from the smallest
screen to the largest (1 is linear; 0 is flat). There is no peer: no other tool goes from images to
a report. ``python bench/end_to_end.py 100 400 1600``.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

from phenolens import study
from phenolens.simulate import ScreenDesign, write_screen

FIELDS_PER_PLATE = 100
JOBS = 2


def design(fields: int) -> ScreenDesign:
    """Plates of 50 wells and two sites: 25 treatments, 25 controls."""
    plates = max(1, round(fields / FIELDS_PER_PLATE))
    return ScreenDesign(
        plates=plates,
        batches=1,
        treatments=24,
        replicates=1,
        control_wells=26,
        sites=2,
        field_size=256,
        rows=8,
        columns=12,
    )


def measure(fields: int, folder: Path) -> dict:
    """Simulate a screen, study it in a process of its own, and read what it took."""
    wanted = design(fields)
    write_screen(wanted, folder / "screen", jobs=JOBS)
    study.init(folder / "screen", folder / "study.toml")
    command = [sys.executable, "-m", "phenolens", "run", str(folder / "study.toml")]
    command += ["--out", str(folder / "out"), "--jobs", str(JOBS)]
    code = (
        "import resource, subprocess as s\n"
        f"s.run({command!r}, check=True, stdout=s.DEVNULL, stderr=s.DEVNULL)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds = json.loads((folder / "out" / "timings.json").read_text())
    return {
        "fields": wanted.n_fields,
        "seconds": seconds,
        "total_s": round(sum(seconds.values()), 1),
        "peak_mib_largest_process": round(int(told.stdout) / 1024),
    }


def growth(rows: list[dict], key: str) -> float:
    """Exponent of growth with the number of fields between the smallest and largest screen."""
    first, last = rows[0], rows[-1]
    if first["fields"] == last["fields"]:
        return float("nan")
    return round(math.log(last[key] / first[key]) / math.log(last["fields"] / first["fields"]), 2)


def main(sizes: list[int]) -> None:
    rows = []
    for fields in sizes:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(fields, Path(folder)))
    told = {
        "bench": "end_to_end",
        "jobs": JOBS,
        "runs": rows,
        "time_growth": growth(rows, "total_s"),
        "memory_growth": growth(rows, "peak_mib_largest_process"),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 400, 1600])
