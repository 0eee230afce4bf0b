"""Work in several processes, none of which outlives the one that started them."""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from socket import gethostname
from tempfile import gettempdir
from typing import Generic, Protocol, TypeVar

from phenolens import memory
from phenolens.errors import PhenolensError
from phenolens.findings import Finding
from phenolens.remote import environment, watch_in_worker

Result = TypeVar("Result")
_DONE: set[str] = set()
_EVERY = 0.5
"""Seconds between two looks at whether the parent is there."""


@dataclass(frozen=True)
class Spent:
    """What one task took.

    Attributes
    ----------
    seconds : float
    memory : int
        Most bytes that its process held meanwhile.
    first : bool
        Whether it was the first of its kind in its process, and loaded and compiled what it needs.
    """

    seconds: float
    memory: int
    first: bool


Watch = Callable[[Spent], None]


@dataclass(frozen=True)
class Reading(Generic[Result]):
    """A task for another machine, and files that it must be able to read there as we are here.

    A file that is only out of a worker's sight is no fault of the screen.
    """

    func: Callable[[], Result]
    files: tuple[str, ...]

    def __call__(self) -> Result:
        """Do the task.

        Raises
        ------
        PhenolensError
            If a file cannot be read.
        """
        for file in self.files:
            if not os.access(file, os.R_OK):
                about = {"host": gethostname(), "file": file}
                raise PhenolensError(Finding("file-not-on-worker", "error", {}, about))
        return self.func()


class Elsewhere(Protocol):
    """Workers that are no processes of ours, such as those of a cluster."""

    def results(
        self,
        tasks: Iterable[Callable[[], Result]],
        *,
        at_once: int | str = "auto",
        watch: Watch | None = None,
    ) -> Iterator[Result]:
        """As :func:`in_processes`."""


def in_processes(
    tasks: Iterable[Callable[[], Result]],
    *,
    jobs: int,
    at_once: int | str = "auto",
    watch: Watch | None = None,
    cluster: Elsewhere | None = None,
) -> Iterator[Result]:
    """What the tasks give, in their order, each as soon as it and those before it are done.

    Processes are kept for the next call, have one BLAS thread each, and end within seconds when
    this one does, also when it is killed.

    Parameters
    ----------
    tasks : iterable of callable
        Taken from one by one; they, and what they give, can be pickled.
    jobs : int
        Processes; with 1 all is done here.
    at_once : int, optional
        Tasks sent to a process together; by default as many as take a fraction of a second.
    watch : callable, optional
        Called with what each task took, before its result is given.
    cluster : Elsewhere, optional
        Who does the tasks in the place of processes here; `jobs` is its own then.

    Raises
    ------
    PhenolensError
        If a process was ended from outside, as a system does that runs out of memory.
    """
    if cluster is not None:
        yield from cluster.results(tasks, at_once=at_once, watch=watch)
        return
    from joblib import Parallel, delayed, parallel_config

    # Joblib's own thread warns when it replaces a worker that grew (it looks where psutil is
    # installed). Where warnings are errors that thread ends there, and nothing ever comes back.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    parent, stores = os.getpid(), environment()
    calls = (delayed(_Call(task, parent, stores))() for task in tasks)
    with parallel_config("loky", inner_max_num_threads=1):
        results = Parallel(n_jobs=jobs, return_as="generator", batch_size=at_once)(calls)
    try:
        for result, spent in results:
            if watch is not None:
                watch(spent)
            yield result
    except BaseException as error:
        with warnings.catch_warnings(action="ignore"):  # that what is under way is given up
            results.close()
        if not isinstance(error, BrokenProcessPool):
            raise
        raise PhenolensError(Finding("worker-ended", "error", {}, {"jobs": jobs})) from None


@dataclass(frozen=True)
class _Call(Generic[Result]):
    work: Callable[[], Result]
    parent: int
    stores: dict[str, str]

    def __call__(self) -> tuple[Result, Spent]:
        if self.parent != os.getpid():
            end_with(self.parent)
            _stand_somewhere()
            watch_in_worker(self.stores)
        return done(self.work)


def done(work: Callable[[], Result]) -> tuple[Result, Spent]:
    """Do a task; what it gives, and what it took."""
    memory.forget_peak()
    kind = kind_of(work)
    first, start = kind not in _DONE, time.monotonic()
    result = work()
    _DONE.add(kind)
    return result, Spent(time.monotonic() - start, memory.peak(), first)


def kind_of(work: Callable[[], object]) -> str:
    """What a task is called: the name of its function."""
    function = work
    while hasattr(function, "func"):
        function = function.func
    return getattr(function, "__qualname__", type(function).__qualname__)


def _stand_somewhere() -> None:
    """Leave a folder that is gone, where this process has stood since an earlier call.

    Python looks into the current folder when it imports, and fails where there is none. Tasks name
    files by full paths.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir(gettempdir())


@cache
def end_with(parent: int) -> None:
    """End this process soon after its parent; called again it does no more.

    A thread asks who the parent is. The alternatives fail where it matters: a pipe's end is also
    held open by the other workers, and the kernel's own signal (``PR_SET_PDEATHSIG``) comes when
    the thread ends that forked, which in a pool may be a helper.

    Parameters
    ----------
    parent : int
        Its number, as it was when this process was asked to work.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(_EVERY)
        os._exit(1)

    threading.Thread(target=watch, name="ends with its parent", daemon=True).start()
