"""Workers of a dask cluster: speed, what the scheduler costs, many tasks, workers killed.

    python bench/cluster.py speed [--fields 16]
    python bench/cluster.py plates [--plates 2300 --tasks 48 --at-once auto]
    python bench/cluster.py kills [--seconds 300]

All on one machine, with `distributed.LocalCluster` as the cluster that a study joins by its
address. `speed` measures the same fields (five stains of 540 x 540 pixels, all families) with one
worker and with two, in turns, after both have compiled; what the scheduler costs is the part of the
workers' time in which they did no task. `plates` sends tasks without work, so many a plate,
together as short tasks are, or with `--at-once 1` each in a message, as fields are; `cpu_here` is
what client and scheduler computed, which share a process. `kills` prepares and measures a small
screen again and again, ends one worker at a random field each time with SIGKILL, and compares every
byte with what one process left. Prints lines of JSON.
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

import dask
from distributed import LocalCluster

from phenolens import memory
from phenolens.images import ImageSet
from phenolens.prepare import prepare
from phenolens.prepared import Prepared
from phenolens.represent.measuring.cells import measure_cells
from phenolens.represent.measuring.labelling import Recipe
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.study import init, open_study
from phenolens.study.cluster import DASK, Cluster
from phenolens.study.lock import writing
from phenolens.study.recipe import recipe_of
from phenolens.study.step import take
from phenolens.workers import Spent


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[LocalCluster, Cluster]]:
    """So many workers, joined by their address for a folder of results."""
    with (
        dask.config.set(DASK),
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


def kills(folder: Path, *, seconds: float, seed: int) -> None:
    few = '\n[measure]\nfamilies = ["AreaShape", "Intensity"]\n'
    images, recipe = screen(folder, fields=20, size=128, families=few)
    alone = _left(folder / "alone", images, recipe)
    chance, began = random.Random(seed), time.perf_counter()
    with cluster(folder / "out", 2) as (started, joined):
        number, same = 0, 0
        while time.perf_counter() - began < seconds:
            at = chance.randrange(1, 2 * len(images))
            victim = chance.choice(list(started.workers.values())).pid
            number += 1
            left = _left(
                folder / "out" / str(number), images, recipe, cluster=joined, kill=(at, victim)
            )
            same += left == alone
            shutil.rmtree(folder / "out" / str(number))
            told = {"part": "kills", "seed": seed, "runs": number, "same_bytes": same, "at": at}
            print(json.dumps(told | {"seconds": time.perf_counter() - began}), flush=True)


def _left(
    folder: Path,
    images: ImageSet,
    recipe: Recipe,
    *,
    cluster: Cluster | None = None,
    kill: tuple[int, int | None] = (0, None),
) -> dict[str, bytes]:
    """Every byte of the store and of the measured cells of one run."""
    ticks = 0

    def tick(done: int, total: int) -> None:
        nonlocal ticks
        ticks += 1
        if ticks == kill[0] and kill[1] is not None:
            os.kill(kill[1], signal.SIGKILL)

    prepared: Prepared = prepare(images, folder / "images", cluster=cluster, progress=tick)
    measure_cells(prepared, folder / "cells", recipe, cluster=cluster, progress=tick)
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["speed", "plates", "kills"])
    parser.add_argument("--fields", type=int, default=16)
    parser.add_argument("--plates", type=int, default=2300)
    parser.add_argument("--tasks", type=int, default=48)
    parser.add_argument("--at-once", default="auto")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="phenolens-bench-") as name:
        if asked.part == "speed":
            speed(Path(name), fields=asked.fields)
        elif asked.part == "plates":
            plates(Path(name), plates=asked.plates, each=asked.tasks, at_once=asked.at_once)
        else:
            kills(Path(name), seconds=asked.seconds, seed=asked.seed)


if __name__ == "__main__":
    main()
