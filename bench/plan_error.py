"""What `phenolens plan` foretells against what the run then takes, for screens of several sizes.

    python bench/plan_error.py [--fields 24 96] [--size 360] [--jobs 2] [--networks]

Plans and runs a simulated screen of two replicate plates, a field a well, five stains, all families
of features, and with `--networks` a small network; both on this machine, one after the other.
Prints a line of JSON a screen: seconds foretold and taken by step, and bytes of storage.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from phenolens.files import read_json
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.study import init, open_study, run
from phenolens.study.planning import plan

NETWORK = """
[represent]
representations = ["cellprofiler", "pixel-pca", "cnn"]

[networks]
size = 48
epochs = 3
width = 8
cells_per_well = 20
validation = "none"
"""


def compare(folder: Path, *, fields: int, size: int, jobs: int, more: str) -> dict:
    """Seconds by step and bytes, foretold and taken."""
    controls = fields // 4
    design = ScreenDesign(
        plates=2, batches=1, treatments=(fields - controls) // 2, replicates=1,
        control_wells=controls // 2, sites=1, mechanisms=2, inactive=1, toxic=1, field_size=size,
    )  # fmt: skip
    write_screen(design, folder / "screen", jobs=jobs)
    init(folder / "screen", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(more)
    load = os.getloadavg()[0]
    found = plan(open_study(folder / "study.toml", out=folder / "plan", jobs=jobs))
    foretold = {one.step: round(one.seconds, 1) for one in found.steps}
    run(open_study(folder / "study.toml", out=folder / "out", jobs=jobs))
    seconds = read_json(folder / "out" / "timings.json")
    made = [step for step in foretold if step.startswith(("train ", "fit "))]
    foretold["represent"] = round(sum(foretold.pop(step) for step in made), 1)
    taken = {step: seconds[step] for step in ("prepare", "measure", "represent")}
    taken["evaluate and report"] = round(sum(seconds.values()) - sum(taken.values()), 1)
    stored = sum(path.stat().st_size for path in (folder / "out").rglob("*") if path.is_file())
    return {
        "fields": fields,
        "size": size,
        "jobs": jobs,
        "foretold": foretold,
        "taken": taken,
        "together": [sum(foretold.values()), sum(taken.values())],
        "storage_mib": [found.together.storage / 2**20, stored / 2**20],
        "load": [load, os.getloadavg()[0]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, nargs="+", default=[24, 96])
    parser.add_argument("--size", type=int, default=360)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--networks", action="store_true")
    asked = parser.parse_args()
    for fields in asked.fields:
        with TemporaryDirectory(prefix="phenolens-bench-") as name:
            more = NETWORK if asked.networks else ""
            told = compare(Path(name), fields=fields, size=asked.size, jobs=asked.jobs, more=more)
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
