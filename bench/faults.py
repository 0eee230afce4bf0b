"""Kills, damage, full disks, two runs at once and bad inputs; what goes wrong is counted.

A screen of 16 wells is simulated and taken through all steps once with one process and once with
two, a tiny network among them; a copy is kept after each verb. A trial starts from such a copy, so
that it costs little more than the step that it is about:

- ``kill``: a verb is killed at a random moment of its own step (its workers with it, or left as
  orphans), up to five times, and gone on with; or ``run`` is killed again and again from the start;
- ``damage``: a file of the store, of each kind, is cut short, has a byte changed, or is gone:
  ``verify`` must say so, and the next run must leave the same bytes;
- ``replace``: an input is replaced by another; going on must leave the bytes of a run from nothing;
- ``full``: results lie on a small file system of their own that fills up during a step (needs the
  right to mount one); the run must say so in a line, and, with space again, leave the same bytes;
- ``pair``: two runs at once in one folder: one ends well, the other says in a line who is there;
- ``malformed``: an input is spoiled, see ``malformed.py``: it is refused in one line that names
  the place, or taken, and what cannot be taken stands in the ledger.

``python bench/faults.py [--seconds S] [--seed N] [--results FILE] [--only KIND] [--jobs 2]`` does
what the file of results does not hold yet, or holds with a fault, appends a line for each trial,
and prints their sum: each count with its upper 95 % limit (Clopper and Pearson, one-sided).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import fuzz
import malformed
import tifffile

from phenolens import cli, study
from phenolens.files import file_digest, read_json
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.study.lock import is_lock
from phenolens.study.run import _code
from phenolens.study.step import VERBS, steps, take

SETTINGS = """
[measure]
families = ["AreaShape", "Intensity", "Location"]

[represent]
representations = ["cellprofiler", "cnn"]
components = 4

[networks]
box = 32
size = 32
cells_per_well = 2
epochs = 2
width = 4
batch = 8
views = 1
device = "cpu"
precision = "float32"

[evaluate]
permutations = 50
bootstrap = 5

[report]
montages = 1
"""
DESIGN = ScreenDesign(
    plates=2, batches=1, treatments=4, replicates=1, control_wells=4, sites=1, mechanisms=2,
    inactive=1, toxic=1, field_size=80,
)  # fmt: skip
FORK = multiprocessing.get_context("fork")
LAW: ModuleType = fuzz.of_tests("laws/test_never_stale")
DAMAGE: ModuleType = fuzz.of_tests("study/test_damage")
STORED: dict[str, str] = DAMAGE.KINDS | DAMAGE.OF_NETWORKS | {
    "map": "umap-*.parquet", "seal of a map": "umap-*.parquet.sha256",
    "seal of weights": "network-*/weights.safetensors.sha256", "stamp": "finished.json",
}  # fmt: skip
KILLED = tuple(verb for verb in VERBS if verb != "check")
REPLACED = (*LAW.OF_IMAGES, *LAW.MADE_ELSEWHERE)
WAYS: tuple[Callable[[Path], None], ...] = DAMAGE.DAMAGES
FAULTS = ("wrong bytes", "traceback", "hang", "not one line", "silent loss", "without place",
          "refused after a fault", "two writers")  # fmt: skip
MOUNTED, MADE = "tmpfs", "made"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its code, and what it printed and said."""

    code: int | None
    said: str
    printed: str = ""

    def fault(self, *, well: Sequence[int] = (0, 2)) -> str | None:
        """What is wrong with that end, if anything."""
        lines = self.said.strip().splitlines()
        if self.code is None:
            return "hang"
        if "Traceback" in self.said or self.code not in well:
            return "traceback"
        if self.code == 2 and sum(line.startswith("phenolens: ") for line in lines) != 1:
            return "not one line"
        return None


@dataclass
class Running:
    """A command in a process of its own, the leader of all its workers."""

    process: Any
    folder: Path

    @classmethod
    def of(cls, arguments: Sequence[object], folder: Path) -> Running:
        """Start ``phenolens`` with these arguments; notes go to a new folder."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)

        def work() -> None:
            os.setsid()
            for number, name in ((1, "printed"), (2, "said")):
                with (folder / name).open("w") as stream:
                    os.dup2(stream.fileno(), number)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
            _note_steps(folder / "steps")
            try:
                code = cli._run([str(one) for one in arguments])
            except BaseException:
                traceback.print_exc()
                code = 1
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

        process = FORK.Process(target=work)
        process.start()
        return cls(process, folder)

    def begun(self) -> list[str]:
        """Steps that have begun."""
        path = self.folder / "steps"
        return path.read_text().split() if path.is_file() else []

    def kill(self, *, orphans: bool = False) -> None:
        """End it with all that it started, or alone."""
        with contextlib.suppress(ProcessLookupError):
            (os.kill if orphans else os.killpg)(self.process.pid, signal.SIGKILL)
        self.process.join()

    def end(self, within: float) -> Ended:
        """Wait for it; one that does not end counts as a hang."""
        self.process.join(within)
        code = self.process.exitcode
        self.kill()
        said, printed = (
            (self.folder / name).read_text(errors="replace") for name in ("said", "printed")
        )
        return Ended(code, said, printed)


def _note_steps(log: Path) -> None:
    """Append the name of each step to a file when it begins."""
    for item in steps().values():

        def noted(
            session: Any, *, _take: Any = item.take, _name: str = item.name, **had: Any
        ) -> Any:
            with log.open("a") as stream:
                stream.write(f"{_name}\n")
            return _take(session, **had)

        object.__setattr__(item, "take", noted)


def digests(out: Path) -> dict[str, str]:
    """Every file of a study but its store, its times and its lock."""
    found = {path.relative_to(out): path for path in out.rglob("*") if path.is_file()}
    return {
        name.as_posix(): file_digest(path)
        for name, path in found.items()
        if name.parts[0] != "store" and name.name != "timings.json" and name.name[0] != "."
    }


def copy_of(folder: Path, to: Path) -> Path:
    """A copy with times; a copy of nothing is an empty place."""
    shutil.rmtree(to, ignore_errors=True)
    return shutil.copytree(folder, to, symlinks=True) if folder.is_dir() else to


# -- what every trial starts from ---------------------------------------------------------------


@dataclass(frozen=True)
class Base:
    """A study, what it left after each verb with one and two processes, and how long they took.

    Attributes
    ----------
    folder : Path
        ``study/`` and ``given/``: screens with their study files; ``after/JOBS/VERB``: results.
    """

    folder: Path

    def toml(self, name: str = "study") -> Path:
        """A study file."""
        return self.folder / name / "study.toml"

    def after(self, verb: str, jobs: int) -> Path:
        """Results after a verb; of nothing for the first."""
        return self.folder / "after" / str(jobs) / verb

    def before(self, verb: str, jobs: int) -> Path:
        """Results before a verb."""
        earlier = [name for name in KILLED if VERBS.index(name) < VERBS.index(verb)]
        return self.after(earlier[-1] if earlier else "nothing", jobs)

    @cached_property
    def seconds(self) -> dict[int, dict[str, float]]:
        """How long the steps of each verb took, by the number of processes."""
        found: dict[int, dict[str, float]] = {}
        for jobs, last in ((1, "report"), (2, "interpret")):
            took = read_json(self.after(last, jobs) / "timings.json")
            found[jobs] = dict.fromkeys(KILLED, 0.0)
            for name, item in steps().items():
                if item.verb in KILLED:
                    found[jobs][item.verb] += took.get(name, 0.0)
        return found

    def make(self) -> None:
        """Simulate, run, copy."""
        screen = self.folder / "study"
        write_screen(DESIGN, screen / "screen", truth_images=True)
        of_stains = f"data.images.channels={list(LAW.STAINS)}"
        with contextlib.redirect_stdout(io.StringIO()):
            study.init(screen / "screen", screen / "study.toml", changes=[of_stains])
        for path in LAW.images_of(screen):  # of one size, whatever they show
            tifffile.imwrite(path, tifffile.imread(path))
        with (screen / "study.toml").open("a") as stream:
            stream.write(SETTINGS)
        LAW.give_what_was_made_elsewhere(shutil.copytree(screen, self.folder / "given"))
        self._make_weights(self.folder / "given" / "weights.safetensors")
        text = self.toml("given").read_text()
        text = text.replace("[networks]", '[networks]\nweights = "weights.safetensors"')
        self.toml("given").write_text(text)
        for jobs in (1, 2):
            self._take_all(jobs)
        given = study.open_study(self.toml("given"), out=self.folder / "given" / "out", jobs=1)
        take(given, "represent")
        (self.folder / MADE).touch()

    def _make_weights(self, path: Path) -> None:
        import torch
        from safetensors.torch import save_file

        from phenolens.represent.networks.architecture import Architecture
        from phenolens.represent.networks.backbones import StainNetwork

        torch.manual_seed(0)
        narrow = Architecture(stem="classic", width=4)
        network = StainNetwork(len(LAW.STAINS), 2, architecture=narrow)
        state = network.backbone.state_dict()
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)

    def _take_all(self, jobs: int) -> None:
        out = self.folder / f"whole-{jobs}"
        session = study.open_study(self.toml(), out=out, jobs=jobs)
        for verb in KILLED if jobs == 1 else KILLED[:-1]:  # drawing has no processes
            take(session, verb)
            copy_of(out, self.after(verb, jobs))
        if jobs == 1:
            study.run(session)
            copy_of(out, self.after("run", jobs))


# -- trials ------------------------------------------------------------------------------------


@dataclass
class Trial:
    """One trial: what it did, and what was wrong.

    Attributes
    ----------
    kind, number : str, int
        Of the trial; with the seed they decide all that it does.
    about : str
        What was done.
    faults : list of str
        Each fault, with what was said.
    counts : dict of str to int
        What else is summed, such as kills.
    """

    kind: str
    number: int
    about: str = ""
    faults: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def note(self, fault: str, said: str = "") -> None:
        """Enter a fault."""
        self.faults.append(f"{fault}: {said[-1500:]}")

    def count(self, what: str, number: int = 1) -> None:
        """Count something that is no fault."""
        self.counts[what] = self.counts.get(what, 0) + number

    def judge(self, ended: Ended, what: str, *, well: Sequence[int] = (0, 2)) -> bool:
        """Enter the fault of an end; whether there was none."""
        fault = ended.fault(well=well)
        if fault is not None:
            self.note(fault, f"{what}: exit {ended.code}: {ended.said}")
        return fault is None


@dataclass(frozen=True)
class Bench:
    """A place to work in, and what trials start from."""

    base: Base
    place: Path
    seed: int

    def do(self, kind: str, number: int) -> Trial:
        """One trial."""
        trial = Trial(kind, number)
        dice = random.Random(f"{self.seed}-{kind}-{number}")
        self.place.mkdir(parents=True, exist_ok=True)
        try:
            getattr(self, kind)(trial, dice)
        except Exception:  # of the bench itself
            trial.note("bench", traceback.format_exc())
        with contextlib.suppress(OSError):
            shutil.rmtree(self.place)
        return trial

    def within(self, verb: str, jobs: int) -> float:
        """When a run counts as a hang: a machine that others use is slow."""
        took = self.base.seconds[jobs]
        return 60 + 20 * (took.get(verb) or sum(took.values()))

    def start(self, verb: str, out: Path, *, jobs: int = 1, toml: Path | None = None) -> Running:
        """Begin a verb."""
        line = [verb, toml or self.base.toml(), "--out", out, "--jobs", jobs, "-q"]
        return Running.of(line, self.place / f"notes-{time.monotonic_ns()}")

    def finish(self, trial: Trial, verb: str, out: Path, *, jobs: int) -> None:
        """Go on to the end and compare every byte."""
        ended = self.start(verb, out, jobs=jobs).end(self.within("", jobs))
        sound = trial.judge(ended, f"going on with {verb}")
        if sound and ended.code == 2:
            trial.note("refused after a fault", ended.said)
        if ended.code == 0:
            self.compare(trial, digests(out), digests(self.base.after(verb, jobs)))

    def compare(self, trial: Trial, found: dict[str, str], right: dict[str, str]) -> None:
        """Enter which files have other bytes."""
        names = sorted(n for n in found.keys() | right.keys() if found.get(n) != right.get(n))
        if names:
            trial.note("wrong bytes", ", ".join(names[:8]))

    def kill(self, trial: Trial, dice: random.Random) -> None:
        """Kill a verb in its own step and go on; every tenth trial: kill ``run`` many times."""
        turn = trial.number // 2
        if turn % 20 == 19:
            self._kill_many(trial, dice)
            return
        # drawing takes longest, and workers seconds to start: less often
        verb = KILLED[turn // 4 % 8] if turn % 4 == 0 else KILLED[turn % 7]
        jobs = 2 if turn % 5 == 2 and verb != "report" else 1
        own = {item.name for item in steps().values() if item.verb == verb}
        out = copy_of(self.base.before(verb, jobs), self.place / "out")
        orphans, took = jobs > 1 and dice.random() < 0.5, self.base.seconds[jobs][verb]
        left = []
        trial.about = f"{verb}, {jobs} process(es){', orphans left' if orphans else ''}"
        for _ in range(dice.choice([1, 2, 3, 4, 5])):
            running = self.start(verb, out, jobs=jobs)
            limit = time.monotonic() + self.within("", jobs)
            while running.process.exitcode is None and not own & set(running.begun()):
                if time.monotonic() > limit:
                    break
                time.sleep(0.002)
            running.process.join(dice.uniform(0, 0.8) * took)  # what is kept shortens the next
            self._killed(trial, running, orphans=orphans)
            left.append(running)
        self.finish(trial, verb, out, jobs=jobs)
        for running in left:
            running.kill()

    def _kill_many(self, trial: Trial, dice: random.Random) -> None:
        out = self.place / "out"
        trial.about = "run, again and again"
        for _ in range(12):
            running = self.start("run", out)
            running.process.join(dice.uniform(0.1, 1) * sum(self.base.seconds[1].values()))
            if running.process.exitcode is not None:
                running.end(1)
                break
            self._killed(trial, running)
        self.finish(trial, "run", out, jobs=1)

    def _killed(self, trial: Trial, running: Running, *, orphans: bool = False) -> None:
        if running.process.exitcode is None:
            begun = running.begun()
            verb = steps()[begun[-1]].verb if begun else "before any step"
            trial.count("kills")
            trial.count(f"kills in {verb}")
        running.kill(orphans=orphans)

    def damage(self, trial: Trial, dice: random.Random) -> None:
        """Damage a file of the store; ``verify`` must say so, and a run mend it."""
        kind, way = list(STORED)[trial.number // len(WAYS)], WAYS[trial.number % len(WAYS)]
        trial.about = f"{kind} {way.__name__.strip('_')}"
        out = copy_of(self.base.after("run", 1), self.place / "out")
        found = sorted((out / "store").glob(STORED[kind]))
        if not found:
            trial.note("bench", f"no {STORED[kind]}")
            return
        path = dice.choice(found)
        way(path)
        verified = Running.of(["verify", out], self.place / "verify").end(60)
        trial.judge(verified, "verify", well=(0, 1, 2))
        if verified.code == 0:
            trial.note("silent loss", f"verify says nothing of {path.relative_to(out)}")
        if verified.code == 1 and out.name not in verified.printed:
            trial.note("without place", verified.printed)
        verb = "evaluate" if "map" in kind else "normalize"
        ended = self.start(verb, out).end(self.within("", 1))
        trial.judge(ended, "after damage", well=(0,))
        self.compare(trial, digests(out), digests(self.base.after("run", 1)))

    def replace(self, trial: Trial, dice: random.Random) -> None:
        """Replace an input in a folder that has results, go on, and compare with a fresh run."""
        jobs = 1 + trial.number % 2
        change = [*REPLACED, _other_weights][trial.number // 2]
        given = change in LAW.MADE_ELSEWHERE or change is _other_weights
        verb = "represent" if change is _other_weights else "normalize"
        trial.about = f"{LAW.named(change)}, {jobs} process(es)"
        folder = copy_of(self.base.folder / ("given" if given else "study"), self.place / "screen")
        toml, before, anew = folder / "study.toml", folder / "out", folder / "anew"
        if not given:
            copy_of(self.base.after(verb, jobs), before)
        _point_to(folder, self.base.folder / ("given" if given else "study"))
        time.sleep(2.1)  # what changed a moment ago is read again in any case
        self.start("prepare", before, jobs=jobs, toml=toml).end(self.within("", jobs))
        change(folder)
        ends = [
            self.start(verb, out, jobs=jobs, toml=toml).end(self.within("", jobs))
            for out in (before, anew)
        ]
        for ended in ends:
            trial.judge(ended, "after a replaced input", well=(0,))
        self.compare(trial, digests(before), digests(anew))
        cards = [{p.read_bytes() for p in out.glob("store/network-*/card.json")} for out in
                 (before, anew)]  # fmt: skip
        if not cards[1] <= cards[0]:
            trial.note("wrong bytes", "a training of the fresh run is not in the other")

    def full(self, trial: Trial, dice: random.Random) -> None:
        """Let a verb run out of space in its own step, then go on with space."""
        jobs = 2 if trial.number % 4 == 3 else 1
        verb = KILLED[trial.number % len(KILLED)]
        jobs = 1 if verb == "report" else jobs
        before, after = self.base.before(verb, jobs), self.base.after(verb, jobs)
        needed = _size(after) - _size(before)
        room = int(dice.uniform(0, 0.9) * needed)
        trial.about = f"{verb}, {jobs} process(es), {room} of {needed} bytes left"
        disk = self.place / "disk"
        disk.mkdir()
        _mount(disk, 2**30)
        try:
            out = copy_of(before, disk / "out")
            _mount(disk, shutil.disk_usage(disk).used + room, again=True)
            ended = self.start(verb, out, jobs=jobs).end(self.within("", jobs))
            trial.judge(ended, "full disk")
            trial.count("disks that were full", ended.code == 2)
            if ended.code == 0:
                self.compare(trial, digests(out), digests(after))
            elif ended.code == 2 and "space" not in ended.said.lower():
                trial.note("without place", ended.said)
            _mount(disk, 2**30, again=True)
            self.finish(trial, verb, out, jobs=jobs)
        finally:
            subprocess.run(["umount", "--lazy", disk], check=False, capture_output=True)

    def pair(self, trial: Trial, dice: random.Random) -> None:
        """Two runs at once: one ends well, the other too, or says in one line who is there."""
        jobs, verb = 1 + trial.number % 2, ("normalize", "represent")[trial.number // 2 % 2]
        out = self.place / "out"
        copy_of(self.base.after("splits", jobs), out)
        first = self.start(verb, out, jobs=jobs)
        while first.process.is_alive() and not any(is_lock(path.name) for path in out.iterdir()):
            time.sleep(0.01)
        first.process.join(dice.uniform(0, 1))
        beside = first.process.is_alive()
        trial.count("pairs beside each other" if beside else "pairs after each other")
        second = self.start(verb, out, jobs=jobs)
        trial.about = f"two {verb}, {jobs} process(es)"
        ends = [running.end(self.within("", jobs)) for running in (first, second)]
        for ended in ends:
            trial.judge(ended, "two at once")
        codes = sorted(str(ended.code) for ended in ends)
        trial.count(f"pairs that ended with {' and '.join(codes)}")
        if codes == ["0", "0"] and beside:
            trial.note("two writers", "nobody was told of the other")
        if codes == ["2", "2"]:
            trial.note("refused after a fault", "; ".join(ended.said for ended in ends))
        self.finish(trial, verb, out, jobs=jobs)

    def malformed(self, trial: Trial, dice: random.Random) -> None:
        """Spoil an input; ask the first verb that reads it."""
        case = malformed.CASES[trial.number]
        trial.about = case.name
        folder = copy_of(self.base.folder / "given", self.place / "screen")
        _point_to(folder, self.base.folder / "given")
        places = case.spoil(folder)
        toml, out = folder / "study.toml", folder / "out"
        ended = self.start(case.verb, out, toml=toml).end(60)
        trial.judge(ended, case.name)
        trial.count("refused" if ended.code == 2 else "taken")
        if ended.code == 2 and not any(place in ended.said for place in places):
            trial.note("without place", ended.said)
        if ended.code == 0 and case.unusable:
            told = ended.said + "".join(
                (out / name).read_text() for name in ("ledger.json", "audit.json")
                if (out / name).is_file()
            )  # fmt: skip
            if not any(place in told for place in places):
                trial.note("silent loss", f"{case.name} was taken, and nothing says so")


def _other_weights(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    path = folder / "weights.safetensors"
    save_file({name: values * 0.5 for name, values in load_file(path).items()}, path)


def _point_to(folder: Path, origin: Path) -> None:
    """Let absolute paths in the tables of a copied study point into the copy."""
    for path in (*folder.glob("screen/**/*.csv"), folder / "study.toml"):
        text = path.read_text()
        if str(origin) in text:
            path.write_text(text.replace(str(origin), str(folder)))


def _size(folder: Path) -> int:
    """Bytes of a folder's files on a file system of pages of 4 KiB."""
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return sum(-(-size // 4096) * 4096 for size in sizes)


def _mount(folder: Path, size: int, *, again: bool = False) -> None:
    how = f"{'remount,' if again else ''}size={size}"
    subprocess.run(
        ["mount", "-t", MOUNTED, "-o", how, MOUNTED, folder], check=True, capture_output=True
    )


def may_mount() -> bool:
    """Whether this process may have a file system of its own."""
    with tempfile.TemporaryDirectory() as name:
        try:
            _mount(Path(name), 2**16)
        except (OSError, subprocess.CalledProcessError):
            return False
        subprocess.run(["umount", name], check=True)
        return True


# -- turns -------------------------------------------------------------------------------------


HOW_MANY = {
    "pair": 12, "full": 24, "replace": 2 * (len(REPLACED) + 1),
    "damage": len(STORED) * len(WAYS), "kill": 240, "malformed": len(malformed.CASES),
}  # fmt: skip


def waiting(done: dict[tuple[str, int], dict], only: str) -> Iterator[tuple[str, int]]:
    """Trials that were not done, or went wrong: kinds take turns, even numbers come first."""
    order = sorted(
        (number % 2, number / many, kind, number)
        for kind, many in HOW_MANY.items()
        for number in range(many)
        if only in ("", kind) and ((kind, number) not in done or done[kind, number]["faults"])
    )
    yield from ((kind, number) for *_, kind, number in order)


def known(path: Path) -> dict[tuple[str, int], dict]:
    """The last of each trial in a file of results."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return {(one["kind"], one["number"]): one for one in map(json.loads, lines)}


def told(done: dict[tuple[str, int], dict]) -> dict[str, Any]:
    """The sum of trials."""
    kinds = Counter(kind for kind, _ in done)
    faults = Counter(fault.split(":")[0] for one in done.values() for fault in one["faults"])
    counts: Counter[str] = Counter()
    for one in done.values():
        counts.update({f"{one['kind']}: {what}": n for what, n in one["counts"].items()})
    tries = sum(kinds.values())
    summed: dict[str, Any] = {"bench": "faults", "trials": tries, **dict(sorted(kinds.items()))}
    for fault in FAULTS:
        key, number = fault.replace(" ", "_"), faults.pop(fault, 0)
        summed |= {key: number, f"{key}_upper_95": round(fuzz.upper(number, max(tries, 1)), 5)}
    return summed | {"also": dict(sorted((counts + faults).items()))}


def main() -> None:
    """Do what is not done, for so long; print the sum."""
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=float, default=float("inf"))
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--results", type=Path, default=Path("faults.jsonl"))
    options.add_argument("--folder", type=Path, help="keeps what trials start from between turns")
    options.add_argument("--only", default="", choices=["", *HOW_MANY])
    options.add_argument("--number", type=int, help="only this trial of --only")
    options.add_argument("--jobs", type=int, default=2, help="trials at once")
    given = options.parse_args()
    limit = time.monotonic() + given.seconds
    os.environ["OMP_NUM_THREADS"] = "1"  # what is summed in another order has other last digits
    with contextlib.ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        base = Base(folder.absolute() / f"base-{_code()}")
        if not (base.folder / MADE).is_file():
            shutil.rmtree(base.folder, ignore_errors=True)
            making = FORK.Process(target=base.make)  # or this process could not fork any more
            making.start()
            making.join()
            if making.exitcode:
                sys.exit("The study does not run as it is.")
        import torch  # noqa: F401  once for all children

        done = known(given.results)
        trials = waiting(done, given.only)
        if given.number is not None:
            trials = iter([(given.only, given.number)])
        if not may_mount():
            trials = (one for one in trials if one[0] != "full")
        pool = stack.enter_context(ProcessPoolExecutor(given.jobs, mp_context=FORK))
        for trial in _done(pool, trials, base, given.seed, given.jobs, limit):
            done[trial.kind, trial.number] = asdict(trial)
            with given.results.open("a") as stream:
                stream.write(json.dumps(asdict(trial)) + "\n")
            for fault in trial.faults:
                print(f"{trial.kind} {trial.number} | {trial.about} | {fault}",
                      file=sys.stderr, flush=True)  # fmt: skip
    print(json.dumps(told(done)))


def _done(
    pool: ProcessPoolExecutor,
    trials: Iterator[tuple[str, int]],
    base: Base,
    seed: int,
    at_once: int,
    limit: float,
) -> Iterator[Trial]:
    """Trials as they end, until all are done or the time is over."""
    running: set[Future[Trial]] = set()
    while True:
        while len(running) < at_once and time.monotonic() < limit:
            kind, number = next(trials, ("", 0))
            if not kind:
                break
            bench = Bench(base, base.folder.parent / f"{kind}-{number}", seed)
            running.add(pool.submit(bench.do, kind, number))
        if not running:
            return
        ended, running = wait(running, return_when=FIRST_COMPLETED)
        yield from (one.result() for one in ended)


if __name__ == "__main__":
    main()
