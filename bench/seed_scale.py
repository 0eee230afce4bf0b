"""A screen of the seed study's size with networks in it, from images to report.

Four simulated plates, 359 wells each with two fields: 2,872 fields, 249 treatments and DMSO are 250
labels; three folds by plate. Networks read whole images at 128 pixels, or cells.

    python bench/seed_scale.py FOLDER [images|cells] [width] [epochs]

The folder is kept: a killed run goes on where it was.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from phenolens import study
from phenolens.profiles import read_frame
from phenolens.simulate import ScreenDesign, write_screen

JOBS = 2
DESIGN = ScreenDesign(
    plates=4, batches=2, treatments=249, replicates=1, control_wells=110, sites=2, mechanisms=12,
    inactive=100, toxic=9, dosed=4, rows=16, columns=24,
)  # fmt: skip
SETTINGS = """
[splits]
max_folds = 3

[represent]
representations = [
    "cellprofiler", "pixel-pca", "cnn", "vae", "untrained", "cnn+cellprofiler", "vae+cellprofiler",
]

[networks]
input = "{read}"
size = {size}
width = {width}
epochs = {epochs}
views = 1
learning_rate = 2e-3
"""


def main(folder: Path, read: str = "images", width: str = "32", epochs: str = "12") -> dict:
    """Simulate once, study once; what was asked, what it took and what came out."""
    if not (folder / "study.toml").is_file():
        write_screen(DESIGN, folder / "screen", jobs=JOBS)
        study.init(folder / "screen", folder / "study.toml")
        size = {"images": 128, "cells": 64}[read]
        text = SETTINGS.format(read=read, size=size, width=width, epochs=epochs)
        with (folder / "study.toml").open("a") as file:
            file.write(text)
    command = [sys.executable, "-m", "phenolens", "run", str(folder / "study.toml")]
    command += ["--out", str(folder / "out"), "--jobs", str(JOBS)]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    taken = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status):
        raise SystemExit("The study failed; its message stands above.")
    return {"bench": "seed_scale", "fields": DESIGN.n_fields, "labels": DESIGN.treatments + 1,
            "input": read, "width": int(width), "epochs": int(epochs),
            "minutes": round(taken / 60, 1), "peak_gib": round(used.ru_maxrss / 2**20, 2),
            "seconds": json.loads((folder / "out" / "timings.json").read_text()),
            "accuracy_treated": scores(folder / "out")}  # fmt: skip


def scores(out: Path) -> dict[str, float]:
    """Held-out accuracy on treated wells, every representation and baseline."""
    rows = read_frame(out / "results.parquet")
    rows = rows[rows["metric"].eq("accuracy_without_controls") & rows["task"].eq("classification")]
    rows = rows[rows["fold"].astype(str) == "all"]
    return dict(zip(rows["representation"], rows["value"].round(4), strict=True))


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *sys.argv[2:])))
