"""Seconds until a notebook has an answer: import, the first question, the second; and --help.

One JSON line with medians over fresh processes. There is no peer: copairs and pycytominer answer
other questions; their import times stand beside ours. ``python bench/first_use.py [RUNS]``.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time

ASK = """
import time; start = time.perf_counter()
import phenolens as pl; imported = time.perf_counter()
screen, _ = pl.simulate_profiles(seed=3); made = time.perf_counter()
pl.activity(screen); first = time.perf_counter()
pl.activity(screen); second = time.perf_counter()
print(imported - start, first - made, second - first)
"""
PEER = "import time; s = time.perf_counter(); import {name}; print(time.perf_counter() - s)"


def ran(code: str) -> list[float]:
    """Numbers that a fresh process prints."""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [float(word) for word in told.stdout.split()]


def wall(*command: str) -> float:
    """Seconds a process takes as a whole."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], capture_output=True, check=True)
    return time.perf_counter() - start


def measure(runs: int) -> dict[str, float]:
    """Medians over runs, ours and the peers' in turn."""
    kept: dict[str, list[float]] = {}
    for _ in range(runs):
        names = ("import_s", "first_activity_s", "second_activity_s")
        told = dict(zip(names, ran(ASK), strict=True))
        told |= {f"import_{n}_s": ran(PEER.format(name=n))[0] for n in ("copairs", "pycytominer")}
        told["help_s"] = wall("phenolens", "--help")
        for name, value in told.items():
            kept.setdefault(name, []).append(value)
    return {name: round(statistics.median(values), 3) for name, values in kept.items()}


if __name__ == "__main__":
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(json.dumps({"bench": "first_use", "runs": runs} | measure(runs)))
