"""What goes wrong from outside, counted: kills, replaced inputs, damage in the store, new settings.

One JSON line. For each kind: how many trials, how many ended with other bytes than a run from
nothing, how many with a traceback, how many without a word where one was due; and the upper limit
(95 %) of the rate of wrong bytes by the rule of three. ``python bench/faults.py`` takes about an
hour on two cores; ``--trials 3`` takes that many of each kind; ``--networks`` trains them too.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

from phenolens import study
from phenolens.files import file_digest
from phenolens.simulate import ScreenDesign, write_screen

QUICK = """
[measure]
families = ["AreaShape", "Intensity"]

[represent]
representations = {representations}
components = 4

[evaluate]
permutations = 100
bootstrap = 10
"""
NETWORKS = """
[networks]
size = 32
epochs = 2
width = 4
batch = 8
views = 1
device = "cpu"
precision = "float32"
"""
MARKS = ("Damaged", "damaged")


def left(out: Path) -> dict[str, str]:
    """Digest of every result."""
    files = {path.relative_to(out): path for path in sorted(out.rglob("*")) if path.is_file()}
    own = {n: path for n, path in files.items() if n.parts[0] != "store"}
    return {n.as_posix(): file_digest(p) for n, p in own.items() if n.name != "timings.json"}


def command(folder: Path, out: Path, *, jobs: int = 1) -> list[str]:
    run = [sys.executable, "-m", "phenolens", "run", str(folder / "study.toml")]
    return [*run, "--out", str(out), "--jobs", str(jobs)]


def take(folder: Path, out: Path) -> str:
    """Run to the end; what was said on standard error."""
    told = subprocess.run(command(folder, out), capture_output=True, text=True, check=False)
    return told.stderr if told.returncode == 0 else f"exit {told.returncode} {told.stderr}"


def screen(folder: Path, *, networks: bool) -> Path:
    design = ScreenDesign(
        plates=1, batches=1, treatments=8, replicates=1, control_wells=8, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=96,
    )  # fmt: skip
    write_screen(design, folder / "screen")
    study.init(folder / "screen", folder / "study.toml")
    names = ["cellprofiler", "pixel-pca"] + (["cnn", "vae"] if networks else [])
    with (folder / "study.toml").open("a") as stream:
        stream.write(QUICK.format(representations=json.dumps(names)))
        stream.write(NETWORKS if networks else "")
    return folder


def gone(path: Path) -> None:
    path.unlink()


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    if content:
        content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


def repaired(path: Path) -> None:
    tifffile.imwrite(path, np.flipud(tifffile.imread(path)) // 2)


def exchanged(path: Path) -> None:
    """Two values of a table change places."""
    sep = "," if path.suffix == ".csv" else "\t"
    table = pd.read_csv(path, sep=sep, dtype=str, keep_default_na=False)
    column = table.columns[random.randrange(len(table.columns))]
    table.loc[[0, 1], column] = table.loc[[1, 0], column].to_numpy()
    table.to_csv(path, sep=sep, index=False)


class Counts:
    """Trials of one kind and what became of them."""

    def __init__(self) -> None:
        self.trials = self.wrong_bytes = self.tracebacks = self.failed = 0
        self.examples: list[str] = []

    def enter(self, what: str, told: str, *, same: bool) -> None:
        self.trials += 1
        self.tracebacks += "Traceback" in told
        self.failed += told.startswith("exit")
        self.wrong_bytes += not same
        if not same or told.startswith("exit"):
            self.examples.append(f"{what}: {told[-200:]}")

    def summary(self) -> dict:
        counts = {name: value for name, value in vars(self).items() if name != "examples"}
        upper = 3 / self.trials if self.trials and not self.wrong_bytes else None
        return counts | {"upper_95": upper, "examples": self.examples[:5]}


def kills(folder: Path, base: dict, trials: int, seconds: float) -> Counts:
    """Killed at a random time, up to three times over, then run to the end."""
    counts = Counts()
    for number in range(trials):
        out = folder / "killed"
        shutil.rmtree(out, ignore_errors=True)
        for _ in range(1 + number % 3):
            process = subprocess.Popen(
                command(folder, out, jobs=1 + number % 2),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            time.sleep(random.uniform(0.05, 1.0) * seconds)
            process.send_signal(signal.SIGKILL)
            process.wait()
        counts.enter(f"kill {number}", take(folder, out), same=left(out) == base)
    return counts


def damages(folder: Path, base: dict, trials: int) -> Counts:
    """Every file of the store in turn, or a random share of them, each in three ways."""
    counts = Counts()
    files = sorted(path.relative_to(folder / "out") for path in (folder / "out/store").rglob("*"))
    files = [name for name in files if (folder / "out" / name).is_file()]
    random.shuffle(files)
    for name in files[:trials]:
        for damage in (gone, cut_short, flipped):
            out = folder / "damaged"
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(folder / "out", out)
            (out / "store" / "finished.json").unlink(missing_ok=True)
            if (out / name).is_file():
                damage(out / name)
            told = take(folder, out)
            counts.enter(f"{damage.__name__} {name}", told, same=left(out) == base)
    return counts


def replaced(folder: Path, trials: int) -> Counts:
    """An input is replaced in a finished study; a run from nothing tells what is right."""
    counts = Counts()
    tables = [*folder.rglob("load_data.csv"), *folder.rglob("platemap_*.txt")]
    tables += list(folder.rglob("external_metadata.tsv"))
    kinds: list[tuple[Callable[[Path], None], list[Path]]] = [
        (repaired, sorted((folder / "screen").rglob("*.tiff"))),
        (cut_short, sorted((folder / "screen").rglob("*.tiff"))),
        (exchanged, tables),
    ]
    for change, paths in kinds:
        for _ in range(trials):
            change(random.choice(paths))
            shutil.rmtree(folder / "anew", ignore_errors=True)
            told, expected = take(folder, folder / "out"), take(folder, folder / "anew")
            refused = told.startswith("exit 2") and expected.startswith("exit 2")
            same = refused or left(folder / "out") == left(folder / "anew")
            counts.enter(change.__name__, "" if refused else told, same=same)
    return counts


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--trials", type=int, default=70)
    asked.add_argument("--networks", action="store_true")
    asked.add_argument("--seed", type=int, default=0)
    options = asked.parse_args()
    random.seed(options.seed)
    with tempfile.TemporaryDirectory() as place:
        folder = screen(Path(place), networks=options.networks)
        started = time.monotonic()
        take(folder, folder / "out")
        seconds = time.monotonic() - started
        base = left(folder / "out")
        told = {
            "kills": kills(folder, base, options.trials, seconds).summary(),
            "damages": damages(folder, base, options.trials).summary(),
            "replaced": replaced(folder, max(1, options.trials // 10)).summary(),
        }
    print(json.dumps({"bench": "faults", "networks": options.networks} | told))


if __name__ == "__main__":
    main()
