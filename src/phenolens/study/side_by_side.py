"""Trainings of a study side by side, each in a process of its own.

Small networks gain little from a second thread, and lose much where threads wait for one another:
two processes of one thread each train two networks in less than the time of one in two threads.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import numpy as np

from phenolens.store import Store
from phenolens.workers import in_processes

if TYPE_CHECKING:
    from phenolens.study.networks import NetworkTrainings

_EVERY = 0.5
"""Seconds between two looks at what the processes have done."""


def make_side_by_side(work: NetworkTrainings, folds: Sequence[str], *, at_once: int) -> None:
    """Train these networks of a study and read all images with each; what is made is on the disk.

    Parameters
    ----------
    work : NetworkTrainings
        Its pixels are made: two processes would both write them.
    folds : sequence of str
        Trainings that are not made yet.
    at_once : int
        Processes.
    """
    about = f"Training {work.name}: {len(folds)} networks, {at_once} at once"
    costs = [work.images_shown(fold) for fold in folds]
    total = round(sum(map(sum, costs)))
    cluster, seen = work.session.cluster, None
    if cluster is not None:
        seen = work.session.store.root
    # What another process is not to have: the screen's bar, tables, and leave to empty the store.
    store = Store(work.session.store.root, verify=work.session.store.verify)
    with (
        work.session.progress.bar(about) as tick,
        _counted(len(folds), lambda done: tick(min(round(done), total), total), seen) as counts,
    ):
        sent = [
            replace(work, session=replace(
                work.session, store=store, progress=Counting(count, cost), taken={}, seconds={},
                cluster=None, remote=None,
            ))
            for count, cost in zip(counts, costs, strict=True)
        ]  # fmt: skip
        tasks = [partial(_make_one, one, fold) for one, fold in zip(sent, folds, strict=True)]
        for told in in_processes(tasks, jobs=at_once, at_once=1, cluster=cluster):
            for text in told:
                warnings.warn(text, stacklevel=2)
        tick(total, total)


def _make_one(work: NetworkTrainings, fold: str) -> list[str]:
    """Make one fold here; what was warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", category=UserWarning, module=r"phenolens(\.|$)")
        work.make_here([fold])
    return [str(one.message) for one in caught]


@dataclass(frozen=True)
class Count:
    """How much one of several processes has done: a number of a file that all of them see."""

    path: Path
    place: int

    def set(self, done: float) -> None:
        """Write it."""
        np.memmap(self.path, np.float64, "r+", 8 * self.place, 1)[0] = done


@dataclass
class Counting:
    """Progress of a process that has no screen: what its bars count is added to its count.

    Attributes
    ----------
    count : Count
    costs : tuple of float
        What each bar stands for, in their order.
    """

    count: Count
    costs: tuple[float, ...]
    _done: list[float] = field(default_factory=list)

    def say(self, text: str) -> None:
        """Say nothing."""

    @contextmanager
    def bar(self, text: str) -> Iterator[Callable[[int, int], None]]:
        """Count."""
        del text
        before, cost = sum(self._done), self.costs[min(len(self._done), len(self.costs) - 1)]
        yield lambda done, total: self.count.set(before + cost * done / max(total, 1))
        self._done.append(cost)
        self.count.set(before + cost)


@contextmanager
def _counted(
    n: int, tell: Callable[[float], None], seen: Path | None = None
) -> Iterator[list[Count]]:
    """Counts for so many processes, in a folder that all of them see.

    Their sum is told now and again while the block runs.
    """
    over = Event()

    def follow(path: Path) -> None:
        while not over.wait(_EVERY):
            tell(float(np.fromfile(path).sum()))

    with tempfile.TemporaryDirectory(prefix=".counts-", dir=seen) as folder:
        path = Path(folder) / "done"
        np.zeros(n).tofile(path)
        teller = Thread(target=follow, args=(path,), name="tells what is done", daemon=True)
        teller.start()
        try:
            yield [Count(path, place) for place in range(n)]
        finally:
            over.set()
            teller.join()
