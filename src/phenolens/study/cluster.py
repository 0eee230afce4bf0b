"""Tasks of a study done by the workers of a dask cluster, here or on other machines.

Workers share nothing but the folder of results. A task is sent with the code it was made by and
with what shows that the folder is the same; a worker of another version, or one that does not see
the folder, does nothing. Results lie in entries of the store that appear whole, so that a task
begun twice, because its worker was ended, leaves what it would have left once.
"""

from __future__ import annotations

import logging
import re
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from phenolens.errors import ConfigError, InputError, PhenolensError, shown
from phenolens.files import read_json
from phenolens.findings import Finding
from phenolens.store import code_of
from phenolens.study.lock import SINCE
from phenolens.words.numbers import plural
from phenolens.workers import Spent, Watch, done, kind_of

if TYPE_CHECKING:
    from distributed import Client, Future

Result = TypeVar("Result")
ALIKE = ("phenolens", "numpy", "scipy", "pandas", "numba", "scikit-image")
"""Packages whose version decides numbers, or what a task looks like when it is sent."""
RETRIES = 2
"""How often a task is begun again that failed in a way which is no fault of the screen."""
TOGETHER, MOST, AHEAD = 0.25, 64, 4
"""Short tasks are sent together, as many as take so many seconds, but no more than these; and so
many such batches a worker are under way."""
JOIN, LOOK, ALONE = 10.0, 2.0, 120.0
"""Seconds to reach a scheduler, between two looks at the workers, and without any of them."""
DASK = {
    "distributed.admin.large-graph-warning-threshold": "1GB",
    "distributed.admin.low-level-log-length": 20,
}
"""Settings of dask. A task carries what it needs, such as a plate's illumination functions of some
megabytes; and each connection keeps its last messages, by default 1,000, with all that is in them.
"""
HERE = {"distributed.deploy.lost-worker-timeout": "10 minutes"}
"""Of a cluster of processes here: one that was ended is begun again, and not given up where that
takes longer than 15 seconds on a busy machine."""
_ADDRESS = re.compile(r"(?:dask\+)?((?:tcp|tls|ws|wss|ucx|ucxx|inproc)://.+)")
_FORMS = (
    "'local', the address of a dask scheduler (tcp://host:8786), its scheduler file (.json), or a "
    "file that describes a dask cluster (.yaml)"
)


@dataclass(frozen=True)
class Footing:
    """What must be so where a task of a run is done.

    Attributes
    ----------
    folder : Path
        Of the study's results.
    token : str
        Of this run's hold on it; written there.
    versions : dict of str to str
        Of what made the task.
    """

    folder: Path
    token: str
    versions: dict[str, str]

    @staticmethod
    def of(folder: Path) -> Footing:
        """The place of a run that holds this folder."""
        return Footing(folder, read_json(folder / SINCE)["token"], versions())

    def require(self) -> None:
        """Refuse to work with another version, or in another folder of the same name.

        Raises
        ------
        PhenolensError
        """
        host = socket.gethostname()
        require_alike(host, versions(), self.versions)
        try:
            token = read_json(self.folder / SINCE)["token"]
        except (OSError, ValueError, KeyError) as error:
            fault = getattr(error, "strerror", "") or type(error).__name__
        else:
            fault = "" if token == self.token else "another folder of that name is there"
        if fault:
            about = {"host": host, "folder": str(self.folder), "fault": fault}
            raise PhenolensError(Finding("cluster-folder-not-shared", "error", {}, about))


@cache
def versions() -> dict[str, str]:
    """Of Python, of packages that decide numbers, and of our own code, in this process."""
    from distributed.versions import get_package_info

    return _named(get_package_info(ALIKE)) | {"code": code_of("phenolens.study.run")[:12]}


def _named(packages: dict[str, str | None]) -> dict[str, str]:
    python = ".".join((packages["python"] or "").split(".")[:2])
    return {"python": python} | {name: packages[name] or "none" for name in ALIKE}


def require_alike(who: str, theirs: dict[str, str], ours: dict[str, str]) -> None:
    """Refuse a worker whose versions, of what both name, are not ours.

    Raises
    ------
    PhenolensError
    """
    other = [name for name in theirs if name in ours and theirs[name] != ours[name]]
    if other:
        about = {
            "worker": who,
            "theirs": {name: theirs[name] for name in other},
            "ours": {name: ours[name] for name in other},
        }
        raise PhenolensError(Finding("cluster-other-version", "error", {}, about))


@dataclass(frozen=True)
class Bundle:
    """Tasks that a worker does one after another."""

    tasks: tuple[Callable[[], Any], ...]
    place: Footing

    def __call__(self) -> tuple[list[tuple[Any, Spent]], PhenolensError | None]:
        """What they gave, and what ended them: a fault of the screen is not tried again."""
        from threadpoolctl import threadpool_limits

        found: list[tuple[Any, Spent]] = []
        try:
            self.place.require()
            with threadpool_limits(1, user_api="blas"):
                for task in self.tasks:
                    found.append(done(task))
        except PhenolensError as error:
            return found, error
        return found, None


@dataclass
class Cluster:
    """Workers of dask: joined when there is something to do, left when the last block ends.

    Attributes
    ----------
    where : str
        What was asked for; see :func:`require_where`.
    jobs : int
        Processes of a cluster that is started here.
    folder : Path
        Of the study's results, which all workers see under this path.
    say : callable
        Told what was joined.
    """

    where: str
    jobs: int
    folder: Path
    say: Callable[[str], None] = field(repr=False)
    _inside: int = field(default=0, repr=False)
    _held: ExitStack = field(default_factory=ExitStack, repr=False)
    _client: Client | None = field(default=None, repr=False)

    def __enter__(self) -> Cluster:
        self._inside += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._inside -= 1
        if not self._inside:
            self._client = None
            self._held.close()

    @property
    def size(self) -> int:
        """How many workers there are now."""
        return len(self._workers())

    @property
    def memory(self) -> int:
        """Bytes that the smallest worker may hold."""
        limits = [worker["memory_limit"] for worker in self._workers().values()]
        return min((limit for limit in limits if limit), default=2**60)

    def results(
        self,
        tasks: Iterable[Callable[[], Result]],
        *,
        at_once: int | str = "auto",
        watch: Watch | None = None,
    ) -> Iterator[Result]:
        """As :func:`phenolens.workers.in_processes`; what is under way is bounded.

        Raises
        ------
        PhenolensError
            If the cluster cannot be joined or goes away, its workers are not like this process or
            do not see what it sees, or a task ended all workers that it was given to.
        """
        client, place = self._joined(), Footing.of(self.folder)
        waiting, sent, size = iter(tasks), deque[Any](), 1 if at_once == "auto" else int(at_once)
        workers, looked = self.size, time.monotonic()
        run, number = uuid4().hex, count()
        try:
            while True:
                if time.monotonic() - looked > LOOK:
                    workers, looked = self.size, time.monotonic()
                while len(sent) < AHEAD * max(workers, 1):
                    together = tuple(islice(waiting, size))
                    if not together:
                        break
                    sent.append(_send(client, Bundle(together, place), (run, next(number))))
                if not sent:
                    return
                for found, error in self._first(client, sent):
                    for result, spent in found:
                        if watch is not None:
                            watch(spent)
                        yield result
                    if error is not None:
                        raise error
                    if at_once == "auto":
                        seconds = max(sum(spent.seconds for _, spent in found) / len(found), 1e-6)
                        size = max(1, min(MOST, round(TOGETHER / seconds)))
        finally:
            for future in sent:
                future.release()

    def _first(self, client: Client, sent: deque[Future]) -> list[Any]:
        """What those sent first gave, once the first is done, in one message."""
        from distributed import KilledWorker, TimeoutError, wait

        alone = time.monotonic()
        try:
            while True:
                try:
                    with client.as_current():
                        wait(sent[0], timeout=LOOK)
                    break
                except TimeoutError:
                    if self.size:
                        alone = time.monotonic()
                    elif time.monotonic() - alone > ALONE:
                        raise self._refused("cluster-without-workers", seconds=ALONE) from None
            ready = [sent[0]]
            for future in islice(sent, 1, None):
                if not future.done():
                    break
                ready.append(future)
            found: list[Any] = client.gather(ready)
        except KilledWorker as error:
            raise self._refused(
                "cluster-task-ended", task=str(error.task).strip("('").partition("-")[0]
            ) from None
        except (CancelledError, OSError, TimeoutError) as error:
            if isinstance(error, OSError) and client.status == "running":
                raise  # of the task's own: a disk that is full, a file server that is gone
            raise self._refused("cluster-gone") from None
        except ModuleNotFoundError as error:
            raise self._refused("cluster-lacks-module", module=error.name or str(error)) from None
        for _ in ready:
            sent.popleft()
        return found

    def _workers(self) -> dict[str, dict]:
        client = self._joined()
        try:
            found: dict[str, dict] = client.scheduler_info(n_workers=-1)["workers"]
        except OSError:
            raise self._refused("cluster-gone") from None
        return found

    def _joined(self) -> Client:
        if self._client is None:
            if not self._inside:
                raise RuntimeError("A cluster is joined within its block only.")
            self._client = self._join()
            self._require_fit(self._client)
            workers, link = len(self._workers()), self._client.dashboard_link
            self.say(f"Cluster: {plural(workers, 'worker')} of {self.where}; dashboard: {link}")
        return self._client

    def _join(self) -> Client:
        try:
            from distributed import Client
        except ImportError:
            raise self._refused("cluster-without-dask") from None
        import dask

        dask.config.set(DASK)
        try:
            address = self._started()
            client = Client(address, set_as_default=False, timeout=JOIN)
        except (OSError, ValueError, RuntimeError) as error:
            self._held.close()
            fault = str(error) or type(error).__name__
            raise self._refused("cluster-unreachable", fault=fault) from None
        self._held.callback(client.close)
        try:
            if not client.nthreads():
                self.say(f"Waiting for a worker of {self.where}")
                client.wait_for_workers(1, timeout=None if self._queued else ALONE)
        except TimeoutError:
            raise self._refused("cluster-without-workers", seconds=ALONE) from None
        return client

    @property
    def _queued(self) -> bool:
        """Whether workers may have to wait for a queue, as those of SLURM do."""
        return self.where.endswith((".yaml", ".yml"))

    def _started(self) -> Any:
        """What a client is connected to, started here where that was asked for."""
        if address := _ADDRESS.fullmatch(self.where):
            return address[1]
        if self.where == "local":
            import dask
            from distributed import LocalCluster

            dask.config.set(HERE)
            started: Any = LocalCluster(
                n_workers=self.jobs, threads_per_worker=1, dashboard_address="127.0.0.1:0",
                silence_logs=logging.ERROR,
            )  # fmt: skip
        elif self._queued:
            started = _of_file(Path(self.where))
        else:
            try:
                return read_json(self.where)["address"]
            except (KeyError, TypeError, ValueError):
                raise InputError(f"{self.where} is no scheduler file of dask.") from None
        self._held.callback(started.close)
        return started

    def _require_fit(self, client: Client) -> None:
        """Refuse workers that could not do as this process would, before anything is sent.

        Raises
        ------
        PhenolensError
        """
        ours = versions()
        said: Any = client.get_versions(packages=list(ALIKE))
        told = said["workers"]
        for name, worker in self._workers().items():
            who = f"{name} on {worker['host']}"
            if worker["nthreads"] > 1:
                raise self._refused("cluster-of-threads", worker=who, threads=worker["nthreads"])
            if name in told:
                require_alike(who, _named(told[name]["packages"]), ours)

    def _refused(self, code: str, **values: Any) -> PhenolensError:
        return PhenolensError(Finding(code, "error", {}, {"cluster": self.where, **values}))


def _send(client: Client, bundle: Bundle, key: tuple[str, int]) -> Future:
    """Send tasks under their function's name, by which the dashboard colours them.

    All of a call are one group: of each group the scheduler keeps some kilobytes.
    """
    named = re.sub(r"\W", "", kind_of(bundle.tasks[0])).strip("_")
    return client.submit(bundle, key=(f"{named}-{key[0]}", key[1]), pure=False, retries=RETRIES)


def require_where(where: str | Path) -> str:
    """What ``--cluster`` may say: ``local``, a scheduler's address, or the path of a file.

    Raises
    ------
    ConfigError
        If it is none of these, or there is no such file.
    """
    text = str(where)
    if text == "local" or _ADDRESS.fullmatch(text):
        return text
    path = Path(text).absolute()
    if path.suffix not in (".json", ".yaml", ".yml"):
        raise ConfigError(f"cluster (--cluster) must be {_FORMS}; got {shown(text)}.")
    if not path.is_file():
        raise ConfigError(f"cluster (--cluster): there is no file {path}.")
    return str(path)


def _of_file(path: Path) -> Any:
    """The cluster that a file describes as dask-ctl's do: module, class, args, kwargs.

    Raises
    ------
    ConfigError
        If the file does not, or its class cannot be made.
    """
    import yaml

    try:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))
        kind = getattr(import_module(spec["module"]), spec["class"])
        return kind(*spec.get("args", ()), **spec.get("kwargs", {}))
    except (OSError, KeyError, TypeError, ValueError, ImportError, AttributeError) as error:
        raise ConfigError(
            f"{path} does not describe a dask cluster (module, class, args, kwargs): "
            f"{type(error).__name__}: {error}."
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is no YAML: {error}.") from None
