"""Workers of a dask cluster: speed, what the scheduler costs, many tasks, workers killed.

    python bench/cluster.py speed [--fields 16]
    python bench/cluster.py plates [--plates 2300 --tasks 48 --at-once auto]
    python bench/cluster.py kills [--runs 50 --seconds 300 --lines kills.jsonl]

All on one machine, with `distributed.LocalCluster` as the cluster that a study joins by its
address. `speed` measures the same fields (five stains of 540 x 540 pixels, all families) with one
worker and with two, in turns, after both have compiled; what the scheduler costs is the part of the
workers' time in which they did no task. `plates` sends tasks without work, so many a plate,
together as short tasks are, or with `--at-once 1` each in a message, as fields are; `cpu_here` is
what client and scheduler computed, which share a process. `kills` prepares and measures a small
screen again and again, ends one worker at a random moment each time with SIGKILL, and compares
every byte with what one process left; a line a run is added to a file, and it goes on from what is
there. Prints lines of JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

import dask
from distributed import LocalCluster
from distributed.utils import get_mp_context

from phenolens import memory
from phenolens.images import ImageSet
from phenolens.prepare import prepare
from phenolens.prepared import Prepared
from phenolens.represent.measuring.cells import measure_cells
from phenolens.represent.measuring.labelling import Recipe
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.study import init, open_study
from phenolens.study.cluster import DASK, HERE, Cluster
from phenolens.study.lock import writing
from phenolens.study.recipe import recipe_of
from phenolens.study.step import take
from phenolens.workers import Spent

PRELOADED = [
    "distributed",
    "phenolens.prepare",
    "phenolens.study.cluster",
    "phenolens.represent.measuring.cells",
    "phenolens.measure.field",
]
"""What a worker imports, and so the process whose forks they are."""
MARKS = (".complete.json", ".labels.json")
"""Files of the store that say when others were written."""


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[LocalCluster, Cluster]]:
    """So many workers, joined by their address for a folder of results.

    Each is a fork of a process that has imported what it needs: one that was killed is soon back.
    """
    with (
        dask.config.set(
            DASK | HERE | {"distributed.worker.multiprocessing-method": "forkserver"}
        ),
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address="127.0.0.1:0",
            silence_logs=50,
        ) as started,
        writing(folder),
        Cluster(started.scheduler_address, workers, folder, lambda text: None) as joined,
    ):  # fmt: skip
        yield started, joined


def screen(folder: Path, *, fields: int, size: int, families: str = "") -> tuple[ImageSet, Recipe]:
    """A simulated screen of one plate: its images, and how they are measured."""
    design = ScreenDesign(
        plates=1, batches=1, treatments=fields - 8, replicates=1, control_wells=8, sites=1,
        mechanisms=2, inactive=1, toxic=1, field_size=size,
    )  # fmt: skip
    write_screen(design, folder / "screen")
    init(folder / "screen", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(families)
    session = open_study(folder / "study.toml", out=folder / "one")
    images = take(session, "headers").images
    return images, recipe_of(session, prepare(images, folder / "first"))


def speed(folder: Path, *, fields: int) -> None:
    images, recipe = screen(folder, fields=fields, size=540)
    prepared = prepare(images, folder / "first")
    spent: list[Spent] = []
    for workers in (1, 2, 1, 2):
        out = folder / "out"
        with cluster(out, workers) as (_, joined):
            few = prepared.only(range(2 * workers))
            measure_cells(few, out / "warm", recipe, cluster=joined)
            spent.clear()
            began = time.perf_counter()
            measure_cells(
                prepared, out / "cells", recipe, cluster=joined, foresee=lambda n: spent.append
            )
            wall = time.perf_counter() - began
        shutil.rmtree(out)
        busy = sum(one.seconds for one in spent)
        told = {"part": "speed", "workers": workers, "fields": len(spent)}
        told |= {"seconds": wall, "of_tasks": busy, "idle": 1 - busy / (workers * wall)}
        print(json.dumps(told | {"load": os.getloadavg()[0]}), flush=True)


def plates(folder: Path, *, plates: int, each: int, at_once: str) -> None:
    tasks = (partial(pow, number, 1) for number in range(plates * each))
    with cluster(folder, 2) as (_, joined):
        results = joined.results(tasks, at_once=at_once)
        next(results)
        began, spent = time.perf_counter(), time.process_time()
        step = each * max(plates // 10, 1)
        for number, _ in enumerate(results, start=2):
            if number % step == 0:
                told = {"part": "plates", "plates": number // each, "tasks": number}
                told |= {"at_once": at_once, "memory_mib": memory.held() >> 20}
                told |= {"seconds": time.perf_counter() - began}
                told |= {"cpu_here": time.process_time() - spent, "load": os.getloadavg()[0]}
                print(json.dumps(told), flush=True)


def kills(folder: Path, *, until: int, seconds: float, lines: Path) -> None:
    few = '\n[measure]\nfamilies = ["AreaShape", "Intensity"]\n'
    images, recipe = screen(folder, fields=12, size=96, families=few)
    alone = _left(folder / "alone", images, recipe)
    done = lines.read_text().splitlines() if lines.is_file() else []
    same, began = sum(json.loads(line)["same_bytes"] for line in done), time.perf_counter()
    with cluster(folder / "out", 2) as (started, joined):
        for number in range(len(done), until):
            chance, out = random.Random(number), folder / "out" / str(number)
            at, after = chance.randrange(1, 2 * len(images)), chance.uniform(0, 0.3)
            victim = list(started.workers.values())[number % 2].pid
            assert victim is not None
            if time.perf_counter() - began > seconds:
                break
            left = _left(out, images, recipe, cluster=joined, kill=(at, after, victim))
            told = {"run": number, "at": at, "after": round(after, 3), "files": len(alone)}
            told |= {"same_bytes": left == alone, "seconds": time.perf_counter() - began}
            same += left == alone
            shutil.rmtree(out)
            with lines.open("a") as stream:
                stream.write(json.dumps(told) + "\n")
            while len(started.scheduler.workers) < 2:
                time.sleep(0.05)
    runs = len(lines.read_text().splitlines())
    print(json.dumps({"part": "kills", "runs": runs, "same_bytes": same}), flush=True)


def _left(
    folder: Path,
    images: ImageSet,
    recipe: Recipe,
    *,
    cluster: Cluster | None = None,
    kill: tuple[int, float, int] | None = None,
) -> dict[str, bytes]:
    """Every byte of the store and of the measured cells of one run, but for its marks.

    In the middle a process is killed: once so many fields are done, and so many seconds after.
    """
    ticks, killing = 0, Timer(0, print)

    def tick(done: int, total: int) -> None:
        nonlocal ticks, killing
        ticks += 1
        if kill is not None and ticks == kill[0]:
            killing = Timer(kill[1], os.kill, (kill[2], signal.SIGKILL))
            killing.start()

    prepared: Prepared = prepare(images, folder / "images", cluster=cluster, progress=tick)
    measure_cells(prepared, folder / "cells", recipe, cluster=cluster, progress=tick)
    if killing.ident:
        killing.join()
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in MARKS]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["speed", "plates", "kills"])
    parser.add_argument("--fields", type=int, default=16)
    parser.add_argument("--plates", type=int, default=2300)
    parser.add_argument("--tasks", type=int, default=48)
    parser.add_argument("--at-once", default="auto")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--lines", type=Path, default=Path("kills.jsonl"))
    asked = parser.parse_args()
    with dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}):
        get_mp_context().set_forkserver_preload(PRELOADED)
    with TemporaryDirectory(prefix="phenolens-bench-") as name:
        if asked.part == "speed":
            speed(Path(name), fields=asked.fields)
        elif asked.part == "plates":
            plates(Path(name), plates=asked.plates, each=asked.tasks, at_once=asked.at_once)
        else:
            kills(Path(name), until=asked.runs, seconds=asked.seconds, lines=asked.lines)


if __name__ == "__main__":
    main()
