"""A cluster does what processes here would: the same bytes, and one line where it cannot."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from phenolens import prepare as preparing
from phenolens import study
from phenolens.errors import ConfigError, PhenolensError
from phenolens.study import cluster as ours
from phenolens.study.cluster import Cluster, Footing, require_where, versions
from phenolens.study.lock import writing
from phenolens.study.session import Silent, open_study
from phenolens.workers import Reading

distributed = pytest.importorskip("distributed")
OTHER = "import distributed.versions as v; v._version_cached = lambda name: '0.0.1'"
APART = """
import time as t
t.own = t.time_ns
t.time_ns = lambda own=t.own: own() + {seconds} * 10**9
"""
TOGETHER = "import time as t; t.time_ns = getattr(t, 'own', t.time_ns)"
AGAIN = "import importlib, distributed.versions as v; importlib.reload(v)"
PRELOADED = [
    "distributed", "phenolens.prepare", "phenolens.study.cluster", "phenolens.study.networks",
    "phenolens.represent.networks.training", "torch._inductor.config",
    "transformers.models.resnet.modeling_resnet",
]  # fmt: skip
"""What workers import for these tests; the last two take seconds."""
NETWORK = """
[networks]
input = "images"
size = 32
epochs = 4
width = 4
batch = 4
precision = "float32"
"""


@pytest.fixture(scope="module")
def two():
    """Two workers, each a process that is started again when it is killed.

    They are forks of one that has imported what they need, so that a killed one is soon back.
    """
    import dask
    from distributed.utils import get_mp_context

    with dask.config.set(ours.HERE | {"distributed.worker.multiprocessing-method": "forkserver"}):
        get_mp_context().set_forkserver_preload(PRELOADED)
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50
        ) as started:
            yield started


@pytest.fixture
def here():
    """One worker, a thread of this process."""
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
    ) as started:
        yield started


@contextmanager
def joined(where: str, folder: Path):
    said: list[str] = []
    with writing(folder), Cluster(where, 1, folder, said.append) as found:
        yield found
    assert len(said) == 1 and "dashboard: " in said[0]


class Killing(Silent):
    """Progress that kills a worker once some of a step is done."""

    def __init__(self, address: str, after: int) -> None:
        self.address, self.after = address, after

    @contextmanager
    def bar(self, text):
        def tick(done: int, total: int) -> None:
            if done == self.after:
                with distributed.Client(self.address, set_as_default=False) as client:
                    worker, pid = next(iter(client.run(os.getpid).items()))
                assert worker and pid != os.getpid()
                os.kill(pid, signal.SIGKILL)

        yield tick


def left(out: Path) -> dict[str, bytes]:
    """All that a run left, but for its marks, which hold when files were written, and timings."""
    hidden = ("timings.json", ".complete.json", ".labels.json")
    paths = [path for path in out.rglob("*") if path.is_file() and path.name not in hidden]
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in paths}


def test_with_a_worker_killed_and_clocks_apart_bytes_are_those_of_one_process(screen, two):
    study.prepare(open_study(screen.study, out=screen.out, jobs=1))
    alone = left(screen.out)
    shutil.rmtree(screen.out)
    address = two.scheduler_address
    session = open_study(
        screen.study, out=screen.out, cluster=address, progress=Killing(address, 5)
    )
    with distributed.Client(address, set_as_default=False) as client:
        ahead, behind = client.nthreads()
        client.run(exec, APART.format(seconds=86400), workers=[ahead])
        client.run(exec, APART.format(seconds=-86400), workers=[behind])
        try:
            study.prepare(session)
        finally:
            client.run(exec, TOGETHER)
    assert left(screen.out) == alone
    assert any(name.endswith("thumbnail.npz") for name in alone)


class KillingATraining(Silent):
    """Progress that kills every worker that trains, once one has ended its first epoch."""

    def __init__(self, address: str, store: Path) -> None:
        self.address, self.store, self.killed = address, store, []

    @contextmanager
    def bar(self, text):
        def tick(done: int, total: int) -> None:
            if self.killed or not any(self.store.glob("network-cnn-*/log.csv")):
                return
            with distributed.Client(self.address, set_as_default=False) as client:
                busy = [worker for worker, keys in client.processing().items() if keys]
                self.killed += client.run(os.getpid, workers=busy).values()
            for pid in self.killed:
                os.kill(pid, signal.SIGKILL)

        yield tick


@pytest.mark.network
def test_networks_trained_by_workers_that_are_killed_are_those_of_one_process(
    screen, two, monkeypatch
):
    pytest.importorskip("torch")
    monkeypatch.setattr("phenolens.study.side_by_side._EVERY", 0.05)
    screen.settings("components = 8", 'components = 8\nrepresentations = ["cnn"]')
    screen.study.write_text(screen.study.read_text() + NETWORK)
    study.represent(open_study(screen.study, out=screen.out, jobs=1))
    alone = left(screen.out)
    weights = [name for name in alone if name.endswith("weights.safetensors")]
    assert len(weights) == 4
    for folder in screen.out.glob("store/network-*"):
        shutil.rmtree(folder)
    killing = KillingATraining(two.scheduler_address, screen.out / "store")
    where = {"jobs": 1, "cluster": two.scheduler_address, "progress": killing}
    study.represent(open_study(screen.study, out=screen.out, **where))
    assert killing.killed and os.getpid() not in killing.killed
    again = left(screen.out)
    assert [name for name in alone if again.get(name) != alone[name]] == []


def test_a_worker_of_another_version_is_refused_with_both(screen, command, two):
    with distributed.Client(two.scheduler_address, set_as_default=False) as client:
        client.run(exec, OTHER)
        try:
            told = command(
                "prepare", screen.study, "--out", screen.out, "--cluster", two.scheduler_address
            ).refused()
        finally:
            client.run(exec, AGAIN)
    assert "has phenolens 0.0.1 and this process has 0.1.0" in told
    assert not list(screen.out.glob("store/images-*/*.zarr"))


def test_tasks_come_in_order_and_no_more_than_some_are_under_way(here, tmp_path):
    taken = count()
    tasks = (partial(pow, next(taken), 2) for _ in range(500))
    with joined(here.scheduler_address, tmp_path) as cluster:
        results = cluster.results(tasks, at_once=3)
        assert next(results) == 0
        assert next(taken) <= 3 * ours.AHEAD
        assert list(results)[-1] == 500**2
        results = cluster.results(partial(pow, number, 2) for number in range(500))
        assert list(results) == [number**2 for number in range(500)]


def test_a_fault_of_a_task_is_its_own_and_comes_after_what_was_done(here, tmp_path):
    tasks = [partial(pow, 2, 3), Reading(os.getpid, (str(tmp_path / "none.tif"),))]
    with joined(here.scheduler_address, tmp_path) as cluster:
        results = cluster.results(tasks, at_once=2)
        assert next(results) == 8
        with pytest.raises(PhenolensError, match=r"cannot read .*none\.tif, which is readable"):
            next(results)


def test_a_cluster_that_goes_away_is_told_in_a_line(here, tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "LOOK", 0.1)
    tasks = [partial(pow, 2, 3)] * 90
    with joined(here.scheduler_address, tmp_path) as cluster:
        results = cluster.results(tasks, at_once=1)
        next(results)
        here.close()
        with pytest.raises(PhenolensError, match="went away while it worked"):
            list(results)


def test_a_cluster_without_a_worker_is_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "ALONE", 0.2)
    asked = {"n_workers": 0, "processes": False, "dashboard_address": "127.0.0.1:0"}
    with (
        distributed.LocalCluster(**asked) as started,
        writing(tmp_path),
        Cluster(started.scheduler_address, 1, tmp_path, print) as cluster,
        pytest.raises(PhenolensError, match=r"has had no worker for .*Start some"),
    ):
        list(cluster.results([os.getpid]))


def test_a_cluster_whose_workers_left_is_told_in_a_line(here, tmp_path, monkeypatch):
    monkeypatch.setattr(ours, "LOOK", 0.05)
    monkeypatch.setattr(ours, "ALONE", 0.2)
    with joined(here.scheduler_address, tmp_path) as cluster:
        results = cluster.results([partial(time.sleep, 0.01)] * 500, at_once=1)
        next(results)
        here.scale(0)
        with pytest.raises(PhenolensError, match=r"has had no worker for .*Start some"):
            list(results)


def test_a_task_that_ends_every_worker_is_told_in_a_line(two, tmp_path, monkeypatch):
    monkeypatch.setattr(two.scheduler, "allowed_failures", 0)
    with joined(two.scheduler_address, tmp_path) as cluster:
        told = r"A task \(exit\) ended every worker .*Give workers more memory"
        with pytest.raises(PhenolensError, match=told):
            list(cluster.results([partial(os._exit, 9)]))


def test_a_shared_disk_that_is_full_is_told_in_a_line_and_a_later_run_goes_on(
    screen, command, here, monkeypatch
):
    write, full = preparing._write_zarr, count()

    def writing_some(pixels, images, folder):
        if next(full) >= 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        write(pixels, images, folder)

    monkeypatch.setattr(preparing, "_write_zarr", writing_some)
    where = ("prepare", screen.study, "--out", screen.out, "--cluster", here.scheduler_address)
    told = command(*where).refused()
    assert re.search(r"\.partial-\S+ cannot be written: No space left .*was finished is kept", told)
    assert next(full) > 4 + ours.RETRIES
    kept = set(screen.out.glob("store/images-*/*/*/*/*/.complete.json"))
    assert len(kept) == 4
    monkeypatch.setattr(preparing, "_write_zarr", write)
    assert command(*where).code == 0
    assert kept < set(screen.out.glob("store/images-*/*/*/*/*/.complete.json"))


def test_workers_that_do_several_tasks_at_once_are_refused(tmp_path):
    asked = {"n_workers": 1, "threads_per_worker": 2, "processes": False}
    with (
        distributed.LocalCluster(dashboard_address="127.0.0.1:0", **asked) as started,
        writing(tmp_path),
        Cluster(started.scheduler_address, 1, tmp_path, print) as cluster,
        pytest.raises(PhenolensError, match=r"does 2 tasks at once .*--nthreads 1 --nworkers 2"),
    ):
        list(cluster.results([os.getpid]))


def test_a_cluster_is_made_from_a_file_or_found_through_one(here, tmp_path):
    found = tmp_path / "scheduler.json"
    found.write_text(f'{{"address": "{here.scheduler_address}"}}')
    with joined(require_where(found), tmp_path) as cluster:
        assert cluster.size == 1 and cluster.memory > 0
    made = tmp_path / "cluster.yaml"
    made.write_text(
        "module: distributed\nclass: LocalCluster\nkwargs: {n_workers: 1, threads_per_worker: 1, "
        "processes: false, dashboard_address: 127.0.0.1:0}\n"
    )
    with joined(require_where(made), tmp_path) as cluster:
        assert list(cluster.results([partial(pow, 2, 3)])) == [8]
    made.write_text("module: distributed\nclass: NoCluster\n")
    with (
        pytest.raises(ConfigError, match=r"cluster.yaml does not describe .*NoCluster"),
        joined(str(made), tmp_path) as cluster,
    ):
        list(cluster.results([os.getpid]))


@pytest.mark.usefixtures("two")  # whose way of starting processes is the quick one
def test_local_is_a_cluster_of_processes_here_that_ends_with_the_block(tmp_path):
    with joined("local", tmp_path) as cluster:
        (worker,) = cluster.results([os.getpid])
        assert worker != os.getpid() and cluster.size == 1
    with pytest.raises(ProcessLookupError):
        while True:
            os.kill(worker, 0)
            time.sleep(0.05)


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("slurm", r"must be 'local', the address of a dask scheduler .*; got 'slurm'\."),
        ("http://host:8786", "must be 'local'"),
        ("none.yaml", r"there is no file .*none\.yaml"),
    ],
)
def test_what_is_no_cluster_is_refused(wells, command, where, told):
    refused = command("run", wells.study, "--out", wells.out, "--cluster", where).refused()
    assert re.search(told, refused)


def test_a_scheduler_that_does_not_answer_is_told_in_a_line(screen, command, monkeypatch):
    monkeypatch.setattr(ours, "JOIN", 0.2)
    where = ("--out", screen.out, "--cluster", "dask+tcp://127.0.0.1:9")
    told = command("prepare", screen.study, *where).refused()
    assert "The cluster dask+tcp://127.0.0.1:9 cannot be joined" in told


def test_without_dask_it_says_what_to_install(screen, command, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    told = command("prepare", screen.study, "--out", screen.out, "--cluster", "local").refused()
    assert told.endswith("Install it with: pip install 'phenolens[cluster]'")


def test_a_worker_checks_that_it_is_in_the_same_folder_with_the_same_code(tmp_path):
    with writing(tmp_path / "out"):
        place = Footing.of(tmp_path / "out")
        place.require()
        with pytest.raises(PhenolensError, match="another folder of that name is there"):
            replace(place, token="of an earlier run").require()
        with pytest.raises(PhenolensError, match=r"does not see the folder .*No such file"):
            replace(place, folder=tmp_path / "elsewhere").require()
        with pytest.raises(PhenolensError, match=r"has code \w+ and this process has 0123\."):
            replace(place, versions=versions() | {"code": "0123"}).require()
