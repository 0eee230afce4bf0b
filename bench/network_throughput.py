"""What networks cost here, and whether the loop, reading and the store keep them busy.

One JSON line. Ours and a bare peer take turns, medians of the rounds:

* the training loop (drawing, augmenting, standardising, clipping, checking the loss) beside a bare
  step on one batch that never changes;
* ``extract`` (eight views, standardising, collecting) beside bare inference on one batch;
* feeding alone (an epoch of batches that nobody trains on) beside training;
* an epoch of reading from the pixel store beside decoding, scaling and resizing TIFF files;
* bfloat16 with channels last beside float32 as PyTorch lays it out.

On a processor the process's own time counts, summed over its threads, so that neighbours do not:
with one thread it is the wall clock of an idle machine. On a GPU an epoch of few steps is mostly
its beginning and end.

    python bench/network_throughput.py [--size 64] [--batch 64] [--rounds 5] [--threads 1] \
        [--steps 8] [--compiled] [--family resnet-18] [--stem auto] [--width 0]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import tifffile
import torch

from phenolens.images import ImageSet
from phenolens.prepared import Prepared
from phenolens.represent.cnn import CNN, CNNSettings
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.backbones import WeakLabels
from phenolens.represent.networks.devices import autocast, compiles, pick_device, pick_precision
from phenolens.represent.networks.feed import Feed, Standard, as_tensor
from phenolens.represent.networks.pixels import PixelSettings, PixelStore, cut, to_bytes
from phenolens.represent.networks.training import Trainer, TrainSettings

STAINS, CLASSES, READ = 5, 20, 2
FIELDS, SIDE = 12, 1080


class Fields(Prepared):
    """Fields as TIFF files, a stain a file, decoded whenever they are asked for."""

    def pixels(self, row: int) -> np.ndarray:
        files = [self.folder / f"{row}-{stain}.tif" for stain in range(STAINS)]
        return np.stack([tifffile.imread(file) for file in files]).astype(np.float32)


@dataclass
class Work:
    """Random images and labels, enough for a few steps, and a network for them."""

    size: int
    batch: int
    backbone: Architecture
    device: str
    steps: int

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        n = self.batch * self.steps
        self.pixels = rng.integers(0, 255, (n, 1, STAINS, self.size, self.size), dtype=np.uint8)
        self.targets = rng.integers(0, CLASSES, n)
        self.objective = WeakLabels(torch.ones(CLASSES, device=self.device))

    def network(self, precision: str) -> CNN:
        """A network that counts as fitted."""
        training = TrainSettings(1, self.batch, device=self.device, precision=precision)
        pixels = PixelSettings(size=self.size)
        network = CNN(CNNSettings(pixels, training, backbone=self.backbone))
        network.state = {"n_stains": STAINS, "classes": list(range(CLASSES))}
        network.state["made"] = {"device": self.device, "precision": precision}
        network.state["standard"] = vars(Standard.fixed(STAINS))
        network.model = network.build().to(self.device)
        return network

    def feed(self) -> Feed:
        rows = np.arange(len(self.pixels))
        tensor = as_tensor(self.pixels, self.device)
        return Feed(tensor, rows, Standard.of(self.pixels, rows), self.device, targets=self.targets)


@dataclass
class Peers:
    """What is timed: each gives images a second."""

    work: Work

    def loop(self, precision: str) -> float:
        """One epoch of our training."""
        network = self.work.network(precision)
        model = network.model.to(memory_format=torch.channels_last)
        nothing = Feed(torch.zeros(0, 1, STAINS, 1, 1), np.arange(0), Standard.fixed(STAINS))
        feeds = (self.work.feed(), nothing)
        trainer = Trainer(model, self.work.objective, feeds, network.settings.training)
        return self._speed(trainer.run)

    def bare(self, precision: str, *, layout: torch.memory_format, compiled: bool = False) -> float:
        """Forward, backward and optimiser on one batch; compiled before the clock starts."""
        model = self.work.network(precision).model.to(memory_format=layout).train()
        batch = self._one(layout)
        optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

        def steps() -> None:
            for _ in range(self.work.steps):
                with autocast(self.work.device, precision):
                    loss = self.work.objective.loss(model, batch)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

        if compiled:
            compiles(model, "yes", device=self.work.device, steps=self.work.steps)
            steps()
        return self._speed(steps)

    def extract(self, precision: str) -> float:
        """Our reading, all views."""
        network, feed = self.work.network(precision), self._some()
        network.model.to(memory_format=torch.channels_last)
        what = network._over_views(network._embed)
        return len(feed) / timed(lambda: network._collect(feed, what=what), self.work.device)

    def inference(self, precision: str) -> float:
        """The network alone, as often as there are views."""
        network, batch = self.work.network(precision), self._one(torch.channels_last)
        model = network.model.to(memory_format=torch.channels_last).eval()

        def read() -> None:
            with torch.no_grad(), autocast(self.work.device, precision):
                for _ in range(READ * network.settings.views):
                    model.embed(batch.images)

        return len(self._some()) / timed(read, self.work.device)

    def feeding(self) -> float:
        """An epoch of batches."""
        feed, rng = self.work.feed(), np.random.default_rng(0)
        return self._speed(lambda: [None for _ in feed.training(self.work.batch, rng)])

    def _some(self) -> Feed:
        feed = self.work.feed()
        return replace(feed, rows=feed.rows[: READ * self.work.batch], targets=None)

    def _one(self, layout: torch.memory_format):
        batch = next(self.work.feed().training(self.work.batch, np.random.default_rng(0)))
        return replace(batch, images=batch.images.contiguous(memory_format=layout))

    def _speed(self, call: Callable[[], object]) -> float:
        return len(self.work.pixels) / timed(call, self.work.device)


@dataclass
class Reading:
    """Whole fields from TIFF files, and from the store that was made of them."""

    folder: Path
    size: int

    @cached_property
    def fields(self) -> Fields:
        rng = np.random.default_rng(0)
        for row in range(FIELDS):
            for stain in range(STAINS):
                noise = rng.poisson(300, (SIDE, SIDE)).astype(np.uint16)
                tifffile.imwrite(self.folder / f"{row}-{stain}.tif", noise, compression="lzw")
        rows = [("P", "A01", str(row), True) for row in range(FIELDS)]
        names = ["Metadata_Plate", "Metadata_Well", "Metadata_Site", "Metadata_Control"]
        table = pd.DataFrame(rows, columns=names)
        stains = tuple(f"S{number}" for number in range(STAINS))
        for stain in stains:
            table[f"Path_{stain}"], table[f"Index_{stain}"] = "memory", ""
        return Fields(self.folder, ImageSet(table, stains), pd.DataFrame())

    def tiffs(self) -> float:
        """Fields a second, decoded and resized each time."""

        def read() -> None:
            for row in range(FIELDS):
                to_bytes(cut(self.fields.pixels(row) / 1000.0, tiles=1, size=self.size))

        return FIELDS / timed(read, "cpu")

    def store(self) -> float:
        """Fields a second in an epoch after the first, from a store on the disk."""
        rows, settings = np.arange(FIELDS), PixelSettings(size=self.size)
        PixelStore(self.fields, settings, folder=self.folder).array(rows)

        def read() -> None:
            array = PixelStore(self.fields, settings, folder=self.folder).array(rows)
            feed = Feed(as_tensor(array, "cpu"), rows, Standard.fixed(STAINS))
            for _ in feed.training(FIELDS, np.random.default_rng(0)):
                pass

        return FIELDS / timed(read, "cpu")


def timed(call: Callable[[], object], device: str) -> float:
    """Seconds a call takes; on a processor its own, so that neighbours do not count."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    call()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return clock() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=8, help="of an epoch; 64 or more on a GPU")
    parser.add_argument("--compiled", action="store_true", help="time the compiled step too")
    parser.add_argument("--family", default="resnet-18")
    parser.add_argument("--stem", default="auto")
    parser.add_argument("--width", type=int, default=0)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    backbone = Architecture(asked.family, asked.stem, asked.width).at(asked.size)
    work = Work(asked.size, asked.batch, backbone, pick_device(), asked.steps)
    peers, precision = Peers(work), pick_precision(work.device)
    last, first = torch.channels_last, torch.contiguous_format
    with tempfile.TemporaryDirectory() as folder:
        reading = Reading(Path(folder), 128)
        kinds = {
            "loop": lambda: peers.loop(precision),
            "bare": lambda: peers.bare(precision, layout=last),
            "bare_float32": lambda: peers.bare("float32", layout=first),
            "extract": lambda: peers.extract(precision),
            "inference": lambda: peers.inference(precision),
            "feeding": peers.feeding,
            "tiffs": reading.tiffs,
            "store": reading.store,
        }
        if asked.compiled:
            kinds["compiled"] = lambda: peers.bare(precision, layout=last, compiled=True)
        speeds: dict[str, list[float]] = {name: [] for name in kinds}
        for _ in range(asked.rounds + 1):
            for name, call in kinds.items():
                speeds[name].append(call())
    found = {name: median(values[1:]) for name, values in speeds.items()}
    result: dict[str, object] = {name: round(value, 1) for name, value in found.items()}
    result |= {"device": work.device, "precision": precision, **vars(asked), **asdict(backbone)}
    pairs = [("loop", "bare"), ("extract", "inference"), ("feeding", "loop"), ("store", "tiffs"),
             ("bare", "bare_float32"), ("compiled", "bare")]  # fmt: skip
    for ours, peer in pairs:
        if ours in found:
            result[f"{ours}_over_{peer}"] = round(found[ours] / found[peer], 3)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
