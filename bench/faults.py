"""Kills, full disks, two runs at once and malformed inputs, on a small study; one JSON line.

A screen of eight wells is simulated and taken through ``normalize`` once: its bytes are what every
other run must leave. Then, each in processes of their own:

- runs are killed with all their workers at random moments (once, or twice in a row) and gone on
  with, with one process and with two;
- the disk is full from a random write on: files are put in their place by a call that fails with
  ``ENOSPC`` (no real file system is filled); the run must say so in one line, and the next, with
  space again, must leave the same bytes;
- two runs start at once in one folder: one waits, or says in one line who is there;
- inputs are damaged as in ``bench/fuzz.py`` and ``check`` is asked.

Counted: wrong bytes, tracebacks, hangs, refusals that are not one line or name no file, each with
its upper 95 % limit. ``python bench/faults.py [--kills 200] [--full 20] [--pairs 5]
[--malformed 250] [--seconds S]``; with ``--seconds`` it stops early and says how many it did.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fuzz
import hypothesis
from hypothesis import strategies as st

from phenolens import cli, study
from phenolens.files import file_digest
from phenolens.simulate import ScreenDesign, write_screen

SETTINGS = """
[measure]
families = ["AreaShape", "Intensity"]

[represent]
components = 4
"""
DESIGN = ScreenDesign(
    plates=1, batches=1, treatments=4, replicates=1, control_wells=4, sites=1, mechanisms=2,
    inactive=1, toxic=1, field_size=96,
)  # fmt: skip
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Ended:
    """How a command ended: its code, and what it said on standard error."""

    code: int | None
    said: str

    @property
    def fault(self) -> str | None:
        """What is wrong with that end, if anything."""
        lines = self.said.strip().splitlines()
        if self.code is None:
            return "hang"
        if "Traceback" in self.said or self.code not in (0, 2):
            return "traceback"
        if self.code == 2 and sum(line.startswith("phenolens: ") for line in lines) != 1:
            return "not one line"
        return None


def command(arguments: Sequence[str], said: Path, before: Callable[[], None] | None = None) -> Any:
    """Start a command in a process of its own, the leader of all its workers."""

    def work() -> None:
        os.setsid()
        with said.open("w") as stream:
            os.dup2(stream.fileno(), 2)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        if before is not None:
            before()
        try:
            code = cli._run(list(arguments))
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stderr.flush()
        os._exit(code)

    process = FORK.Process(target=work)
    process.start()
    return process


def stop(process: Any) -> None:
    """End a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.join()


def end(process: Any, said: Path, within: float) -> Ended:
    """Wait for a command; one that does not end counts as a hang."""
    process.join(within)
    code = process.exitcode
    stop(process)
    return Ended(code, said.read_text(errors="replace") if said.exists() else "")


def digests(out: Path) -> dict[str, str]:
    """Every file of a study but its store, its times and its locks."""
    found = {path.relative_to(out): path for path in out.rglob("*") if path.is_file()}
    return {
        name.as_posix(): file_digest(path)
        for name, path in found.items()
        if name.parts[0] != "store" and name.name != "timings.json" and name.name[0] != "."
    }


def full_after(writes: int) -> Callable[[], None]:
    """Let so many files be put in their place; then the disk is full. Counts into ``writes``."""

    def begin() -> None:
        held, put = [0], pathlib.Path.replace

        def replace(self: Path, target: Any) -> Path:
            held[0] += 1
            if held[0] > writes:
                raise OSError(errno.ENOSPC, "No space left on device", str(target))
            return put(self, target)

        pathlib.Path.replace = replace  # type: ignore[method-assign]

    return begin


@dataclass
class Faults:
    """A study whose right bytes are known, and what went wrong with it."""

    folder: Path
    right: dict[str, str]
    seconds: float
    counts: Counter[str]
    limit: float

    def take(self, out: Path, *, jobs: int = 1, before: Callable[[], None] | None = None) -> Any:
        """Start a run."""
        said = out.with_suffix(".said")
        line = ["normalize", str(self.folder / "study.toml"), "--out", str(out)]
        return command([*line, "--jobs", str(jobs), "-q"], said, before), said

    def finish(self, out: Path, what: str, *, jobs: int = 1) -> None:
        """Go on to the end and compare every byte."""
        ended = end(*self.take(out, jobs=jobs), within=60 + 20 * self.seconds)
        self.judge(ended, what)
        if ended.code == 0 and digests(out) != self.right:
            self.note("wrong bytes", f"{what}: {_differing(digests(out), self.right)}")
        elif ended.code == 2:
            self.note("refused after a fault", f"{what}: {ended.said}")
        shutil.rmtree(out, ignore_errors=True)

    def judge(self, ended: Ended, what: str) -> None:
        """Count the fault of an end."""
        if ended.fault is not None:
            self.note(ended.fault, f"{what}: {ended.said[-1500:]}")

    def note(self, fault: str, what: str) -> None:
        """Count a fault and say it."""
        self.counts[fault] += 1
        print(f"{fault} | {what}", file=sys.stderr, flush=True)

    def kill(self, out: Path, dice: random.Random) -> None:
        """Kill a run once or twice at random moments, then go on."""
        jobs = dice.choice([1, 2])
        for _ in range(dice.choice([1, 1, 2])):
            process, _ = self.take(out, jobs=jobs)
            process.join(dice.uniform(0.02, 1.0) * self.seconds)
            self.counts["kills"] += process.exitcode is None
            stop(process)
        self.finish(out, "after kills", jobs=jobs)

    def fill(self, out: Path, dice: random.Random) -> None:
        """Let the disk be full from a random write on, then go on."""
        before = full_after(dice.randint(0, 40))
        ended = end(*self.take(out, before=before), within=60 + 20 * self.seconds)
        self.judge(ended, "full disk")
        if ended.code == 0 and digests(out) == self.right:
            self.counts["finished before the disk was full"] += 1
        elif ended.code == 0:
            self.note("silent loss", f"full disk: {_differing(digests(out), self.right)}")
        elif "space" not in ended.said:
            self.note("without place", f"full disk: {ended.said[-600:]}")
        self.finish(out, "after a full disk")

    def pair(self, out: Path, dice: random.Random) -> None:
        """Two runs at once, the second a moment later."""
        first = self.take(out)
        time.sleep(dice.uniform(0, 0.5) * self.seconds)
        said = out.with_suffix(".said-2")
        line = ["normalize", str(self.folder / "study.toml"), "--out", str(out), "-q"]
        second = command(line, said), said
        for process, text in (first, second):
            self.judge(end(process, text, within=60 + 20 * self.seconds), "two at once")
        self.finish(out, "after two at once")

    def spoil(self, folder: Path, dice: random.Random) -> None:
        """Damage a copy of the study's inputs and ask ``check``."""
        number = dice.getrandbits(32)
        found: list[list[str]] = []

        @hypothesis.seed(number)
        @hypothesis.settings(
            max_examples=3, phases=[hypothesis.Phase.generate], database=None, deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
        )  # fmt: skip
        @hypothesis.given(st.data())
        def damaged(draw: st.DataObject) -> None:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self.folder, folder)
            found.append(fuzz.damage(draw, folder))

        damaged()  # the first that hypothesis draws is always the simplest; the last counts
        said = folder.with_suffix(".said")
        line = ["check", str(folder / "study.toml"), "--out", str(folder / "out"), "-q"]
        ended = end(command(line, said), said, within=60)
        what = f"malformed {number} ({'; '.join(found[-1])})"
        self.judge(ended, what)
        self.counts["malformed refused" if ended.code == 2 else "malformed taken"] += 1
        names = {path.name for path in folder.rglob("*")} | {"[data.", "study.toml"}
        names |= {name.split(" ", 1)[-1] for name in found[-1]}
        if ended.code == 2 and not any(name in ended.said for name in names):
            self.note("without place", f"{what}: {ended.said[-600:]}")

    def repeat(self, times: int, one: Callable[[Path, Any], None], *, seed: int) -> int:
        """Do one thing so many times, or until the time is over; how often it was done."""
        for number in range(times):
            if time.monotonic() > self.limit:
                return number
            one(self.folder.with_name(f"out-{one.__name__}"), random.Random(f"{seed}-{number}"))
        return times


def _differing(found: dict[str, str], right: dict[str, str]) -> str:
    names = found.keys() | right.keys()
    return ", ".join(sorted(name for name in names if found.get(name) != right.get(name))[:5])


def main() -> None:
    """Do what was asked and print what was counted."""
    options = argparse.ArgumentParser()
    for name, number in (("kills", 200), ("full", 20), ("pairs", 5), ("malformed", 250)):
        options.add_argument(f"--{name}", type=int, default=number)
    options.add_argument("--seconds", type=float, default=float("inf"))
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        folder = Path(name) / "study"
        write_screen(DESIGN, folder / "screen")
        study.init(folder / "screen", folder / "study.toml")
        with (folder / "study.toml").open("a") as stream:
            stream.write(SETTINGS)
        with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
            cli._run(["check", str(folder / "study.toml"), "-q"])  # imports, once for all children
        limit = time.monotonic() + given.seconds
        faults = Faults(folder, {}, 60.0, Counter(), limit)
        for _ in range(2):  # kernels are compiled in the first
            out, start = Path(name) / "right", time.monotonic()
            shutil.rmtree(out, ignore_errors=True)
            ended = end(*faults.take(out), within=900)
            faults.seconds = time.monotonic() - start
            if ended.code != 0:
                sys.exit(f"The study does not run as it is: {ended.said}")
            if faults.right and faults.right != digests(out):
                sys.exit(f"Two whole runs differ: {_differing(faults.right, digests(out))}")
            faults.right = digests(out)
        done = {
            "full": faults.repeat(given.full, faults.fill, seed=given.seed),
            "pairs": faults.repeat(given.pairs, faults.pair, seed=given.seed),
            "killed_runs": faults.repeat(given.kills, faults.kill, seed=given.seed),
            "malformed": faults.repeat(given.malformed, faults.spoil, seed=given.seed),
        }
    told: dict[str, Any] = {"bench": "faults", "run_s": round(faults.seconds, 1)} | done
    tries = max(sum(done.values()), 1)
    for fault in ("wrong bytes", "traceback", "hang", "not one line", "silent loss",
                  "without place", "refused after a fault"):  # fmt: skip
        number = faults.counts.pop(fault, 0)
        key = fault.replace(" ", "_")
        told |= {key: number, f"{key}_upper_95": round(fuzz.upper(number, tries), 5)}
    print(json.dumps(told | {"also": dict(faults.counts)}))


if __name__ == "__main__":
    main()
