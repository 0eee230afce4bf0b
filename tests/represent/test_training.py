"""The training loop: parts and ranks make the same step, memory may run out, logs, time left."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.progress import Pace
from phenolens.represent.cnn import CNN, CNNSettings
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.represent.networks.training import History, TrainSettings, Work

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

SCRIPT = Path(__file__).with_name("two_ranks.py")
SMALL = runpy.run_path(str(SCRIPT))
TINY = CNNSettings(
    pixels=PixelSettings(size=32),
    training=TrainSettings(epochs=1, batch=16, device="cpu", precision="float32"),
    backbone=Architecture(width=8),
)


@pytest.fixture(scope="module")
def screen(planted_screen):
    return planted_screen(sites=3)


def weights(**settings) -> dict:
    made = SMALL["trainer"](**settings)
    made.run()
    return made.model.state_dict()


def assert_close(found: dict, expected: dict) -> None:
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("parts", [2, 3, 16])
def test_a_batch_in_parts_is_the_same_step(parts):
    assert_close(weights(augment=True, accumulate=parts), weights(augment=True))


def test_two_ranks_are_one_process_and_the_same_each_time_even_if_killed(tmp_path):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(SCRIPT), str(tmp_path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    from phenolens.represent.networks.checkpoint import load_tensors

    found = {path.stem: load_tensors(path) for path in tmp_path.glob("*-[01].safetensors")}
    assert {about["world"] for _, about in found.values()} == {2}
    assert_close(found["plain-0"][0], weights())
    for name in ("first-1", "resumed-0", "resumed-1"):
        for key, tensor in found["first-0"][0].items():
            assert torch.equal(found[name][0][key], tensor), (name, key)
    assert len(pd.read_csv(tmp_path / "plain" / "log.csv")) == 3


class Hungry(SMALL["Classify"]):
    """Runs out of memory above so many images."""

    def __init__(self, most: int) -> None:
        self.most, self.seen = most, []

    def loss(self, model, batch):
        if torch.is_grad_enabled():
            if len(batch) > self.most:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB")
            self.seen.append(len(batch))
        return super().loss(model, batch)


def test_where_memory_runs_out_batches_are_halved_and_stay_one_step(tmp_path):
    objective = Hungry(5)
    made = SMALL["trainer"](objective=objective)
    made.checkpoint = tmp_path / "last.safetensors"
    with pytest.warns(UserWarning) as said:
        made.run()
    assert [str(one.message).split(":")[0] for one in said] == [
        "Out of GPU memory with 16 images at once",
        "Out of GPU memory with 8 images at once",
    ]
    assert "batch of 16 is now computed in 4 parts and stays one step" in str(said[1].message)
    assert set(objective.seen) == {4}
    assert made.history.parts == 4
    assert_close(made.model.state_dict(), weights())


def test_memory_that_holds_no_two_images_is_one_line():
    made = SMALL["trainer"](objective=Hungry(0))
    with (
        pytest.warns(UserWarning, match="Out of GPU memory"),
        pytest.raises(InputError, match=r"with 2 images at once. Set a smaller size or width"),
    ):
        made.run()


def test_the_card_says_in_how_many_parts_a_batch_was_computed(screen, monkeypatch):
    import phenolens.represent.cnn as module

    objective = CNN._objective

    def hungry(self, *args):
        usual = objective(self, *args)
        loss = usual.loss

        def spoiled(model, batch):
            if len(batch) > 8:
                raise torch.OutOfMemoryError
            return loss(model, batch)

        object.__setattr__(usual, "loss", spoiled)
        return usual

    monkeypatch.setattr(module.CNN, "_objective", hungry)
    labels = screen.labels[screen.train]
    with pytest.warns(UserWarning, match="computed in 2 parts"):
        network = CNN(TINY).fit(screen.prepared, screen.train, labels=labels)
    assert network.card(screen.prepared).preprocessing["parts"] == 2
    usual = network.extract(screen.prepared, screen.test)
    embed = CNN._embed

    def little(self, batch):
        if len(batch) > 8:
            raise torch.OutOfMemoryError
        return embed(self, batch)

    monkeypatch.setattr(CNN, "_embed", little)
    with pytest.warns(UserWarning, match="images are read 8 at once"):
        found = network.extract(screen.prepared, screen.test)
    np.testing.assert_allclose(found, usual, atol=1e-4)


class Killed(Exception):
    pass


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_learns_and_resumes_to_the_same_weights(tmp_path, precision):
    def die(done, total):
        if done > 0.6 * total:
            raise Killed

    whole = SMALL["trainer"](precision=precision)
    whole.run()
    curves = whole.history.curves()["train_loss"]
    assert curves.iloc[-1] < curves.iloc[0]
    killed, resumed = (SMALL["trainer"](precision=precision) for _ in range(2))
    killed.checkpoint = resumed.checkpoint = tmp_path / "last.safetensors"
    with pytest.raises(Killed):
        killed.run(die)
    resumed.run()
    assert resumed.stepper.scaler.state_dict() == whole.stepper.scaler.state_dict()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


class TestLogs:
    """What is told while a network trains."""

    def test_a_line_an_epoch_is_there_while_it_trains(self, tmp_path):
        made, lines = SMALL["trainer"](), []
        made.log = tmp_path / "log"

        def look(done, total):
            file = tmp_path / "log" / "log.csv"
            lines.append(len(pd.read_csv(file)) if file.is_file() else 0)

        made.run(look)
        assert lines[0] == 0
        assert sorted(set(lines)) == [0, 1, 2, 3]
        found = pd.read_csv(tmp_path / "log" / "log.csv")
        pd.testing.assert_frame_equal(found, made.history.curves())

    def test_a_folder_that_cannot_be_written_stops_before_the_first_step(self, tmp_path):
        (tmp_path / "taken").write_text("a file")
        made, steps = SMALL["trainer"](), []
        made.log = tmp_path / "taken" / "log"
        with pytest.raises(InputError, match=r"log cannot be written to \S+taken"):
            made.run(lambda done, total: steps.append(done))
        assert not steps

    def test_tensorboard_that_is_not_there_is_one_line(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
        made = SMALL["trainer"]()
        made.tensorboard = tmp_path
        with pytest.raises(InputError, match=r"pip install phenolens\[tensorboard\]"):
            made.run()

    def test_tensorboard_gets_each_curve_once_an_epoch(self, tmp_path, monkeypatch):
        import types

        told = []

        class Writer:
            def __init__(self, folder):
                self.folder = folder

            def add_scalar(self, name, value, epoch):
                told.append((name, epoch, value))

            def flush(self): ...

            def close(self): ...

        library = types.SimpleNamespace(SummaryWriter=Writer)
        monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", library)
        made = SMALL["trainer"]()
        made.tensorboard = tmp_path / "board"
        history = made.run()
        curves = history.curves()
        for name in ("train_loss", "validation_loss"):
            found = [(epoch, value) for what, epoch, value in told if what == name]
            assert found == list(zip(curves["epoch"], curves[name], strict=True))
        assert len(told) == 6


def left_of_a_training(*, epochs: int, steps: int, validation: float, first: float) -> list[float]:
    """Time left as a bar shows it over what was left indeed, after a fifth of the steps.

    Steps take a tenth of a second, the first one `first` seconds, a validation so many seconds.
    """
    work, pace, now = Work(epochs, steps, steps * 0.15 / 3), Pace(0.0), 0.0
    told = []
    for epoch in range(1, epochs + 1):
        started = now
        for step in range(1, steps + 1):
            now += first if (epoch, step) == (1, 1) else 0.1
            told.append((now, pace.left(now, *work.at(epoch, step))))
        work.learned(now - started)
        work.validated(validation)
        now += validation
    later = told[len(told) // 5 :]
    shown = [left / (now - at) for at, left in later if at <= 0.9 * now]
    assert len(shown) > 10
    return shown


@pytest.mark.parametrize("epochs", [5, 12, 30])
@pytest.mark.parametrize(("validation", "first"), [(0.0, 0.1), (0.8, 0.1), (4.0, 0.1), (0.8, 30.0)])
def test_time_left_of_a_training_is_right_after_the_first_fifth(epochs, validation, first):
    shown = left_of_a_training(epochs=epochs, steps=100, validation=validation, first=first)
    assert min(shown) > 0.7
    assert max(shown) < 1.3


def test_all_work_is_done_at_the_end():
    work = Work(2, 10, 3.0)
    assert work.at(1, 1) == (1, 26)
    assert work.at(2, 10) == (23, 26)
    assert work.all() == (26, 26)
    work.learned(2.0)
    work.validated(1.0)
    assert work.all() == (30, 30)


def test_a_network_is_compiled_where_it_is_asked_for(monkeypatch):
    from phenolens.represent.networks.devices import compiles

    class Spied(torch.nn.Module):
        calls = 0

        def compile(self):
            self.calls += 1

    model = Spied()
    assert not compiles(model, "auto", device="cpu", steps=10**6)
    assert not compiles(model, "no", device="cuda", steps=10**6)
    assert model.calls == 0
    assert compiles(model, "yes", device="cpu", steps=1)
    assert model.calls == 1


def test_each_of_several_processes_has_a_gpu_of_its_own(monkeypatch):
    from phenolens.represent.networks.devices import pick_device

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert pick_device("auto") == pick_device("cuda") == "cuda:1"
    assert pick_device("cuda:0") == "cuda:0"
    assert pick_device("cpu") == "cpu"


def test_old_histories_are_read():
    assert History(epochs=[], best_epoch=0).parts == 1


class TestMemory:
    """The store lies on the disk and is read batch by batch."""

    SHAPE = (3000, 1, 3, 64, 64)  # 37 MB

    @pytest.fixture
    def feed(self, tmp_path):
        from phenolens.represent.networks.feed import Feed, Standard, as_tensor

        array = np.lib.format.open_memmap(
            tmp_path / "pixels.npy", mode="w+", dtype=np.uint8, shape=self.SHAPE
        )
        array[::7] = 9
        array.flush()
        rows = np.arange(len(array))
        return Feed(as_tensor(array, "cpu"), rows, Standard.of(array, rows))

    def test_feeding_holds_a_few_batches_and_never_the_screen(self, feed):
        def most(part):
            batches = [part.training(32, np.random.default_rng(0)), part.ordered(32)]
            return max(private_bytes() for _ in chain(*batches))

        usual = most(replace(feed, rows=feed.rows[:320]))  # with what threads and libraries keep
        assert most(feed) - usual < np.prod(self.SHAPE) / 3

    def test_making_the_store_holds_one_image_at_a_time(self, planted_screen, tmp_path):
        screen = planted_screen(sites=20)
        tracemalloc.start()
        store = PixelStore(screen.prepared, PixelSettings(size=128), folder=tmp_path)
        array = store.array(np.arange(len(screen.prepared)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert isinstance(array, np.memmap)
        assert peak < array.nbytes / 2


def private_bytes() -> int:
    """Memory of this process that no file backs."""
    status = Path("/proc/self/status")
    if not status.is_file():
        pytest.skip("needs /proc")
    lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(lines["RssAnon"].split()[0]) * 1024


def test_threads_that_read_ahead_change_nothing(screen, monkeypatch):
    from phenolens.represent.networks.feed import Feed, Standard

    rows = np.arange(len(screen.prepared))
    array = PixelStore(screen.prepared, TINY.pixels).array(rows)
    feed = Feed(torch.from_numpy(array), rows, Standard.of(array, rows))
    usual = [batch.images for batch in feed.training(7, np.random.default_rng(3))]
    for workers in (0, 3):
        monkeypatch.setattr(Feed, "_workers", workers)
        found = [batch.images for batch in feed.training(7, np.random.default_rng(3))]
        assert all(map(torch.equal, usual, found))


def test_a_failing_read_is_raised_where_the_batch_is_asked_for(screen, monkeypatch):
    from phenolens.represent.networks.feed import Feed, Standard

    def broken(self, *_):
        raise OSError("gone")

    feed = Feed(torch.zeros(9, 1, 3, 8, 8, dtype=torch.uint8), np.arange(9), Standard.fixed(3))
    monkeypatch.setattr(Feed, "_pixels", broken)
    with pytest.raises(OSError, match="gone"):
        next(feed.training(4, np.random.default_rng(0)))


def test_an_epoch_left_early_leaves_no_thread(screen):
    import threading

    from phenolens.represent.networks.feed import Feed, Standard

    feed = Feed(torch.zeros(90, 1, 3, 8, 8, dtype=torch.uint8), np.arange(90), Standard.fixed(3))
    before = threading.active_count()
    batches = feed.training(4, np.random.default_rng(0))
    next(batches)
    batches.close()
    assert threading.active_count() == before


def test_a_batch_is_cut_whole():
    from phenolens.represent.networks.feed import Batch

    images = torch.arange(10.0).reshape(5, 2)
    batch = Batch(images, np.arange(5), torch.arange(5), paired=-images)
    parts = batch.split(8)
    assert [len(part) for part in parts] == [1] * 5
    two = batch.split(2)
    assert [len(part) for part in two] == [2, 3]
    assert torch.equal(torch.cat([part.paired for part in two]), -images)
    assert two[1].features is None
    assert replace(two[0], rows=two[1].rows).rows.tolist() == [2, 3, 4]
