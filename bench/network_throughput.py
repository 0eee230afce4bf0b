"""Does the training loop keep the network busy, and do bfloat16 and channels_last pay?

Images a second of our loop (drawing, augmenting, standardising, clipping, checking the loss) beside
a bare step on one batch that never changes; and of the bare step in float32 as PyTorch lays it out
beside bfloat16 with channels last. Rounds alternate; medians. On a processor the process's own
time counts (with one thread that is the wall clock of an idle machine).

    python bench/network_throughput.py [size] [batch] [rounds] [threads]
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np
import torch

from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.backbones import StainNetwork, WeakLabels
from phenolens.represent.networks.devices import autocast, pick_device, training_speeds
from phenolens.represent.networks.feed import Feed, Standard, as_tensor
from phenolens.represent.networks.training import Trainer, TrainSettings

STAINS, CLASSES, STEPS = 5, 20, 4


@dataclass
class Work:
    """Random images and labels, enough for a few steps."""

    size: int
    batch: int
    device: str

    def __post_init__(self) -> None:
        rng = np.random.default_rng(0)
        n = self.batch * STEPS
        self.pixels = rng.integers(0, 255, (n, 1, STAINS, self.size, self.size), dtype=np.uint8)
        self.targets = rng.integers(0, CLASSES, n)
        self.objective = WeakLabels(torch.ones(CLASSES, device=self.device))

    def model(self) -> torch.nn.Module:
        architecture = Architecture().at(self.size)
        return StainNetwork(STAINS, CLASSES, architecture=architecture).to(self.device)

    def feed(self) -> Feed:
        rows = np.arange(len(self.pixels))
        standard = Standard.of(self.pixels, rows)
        tensor = as_tensor(self.pixels, self.device)
        return Feed(tensor, rows, standard, self.device, targets=self.targets)


def loop(work: Work, precision: str) -> float:
    """Images a second of one epoch of our training."""
    settings = TrainSettings(epochs=1, batch=work.batch, device=work.device, precision=precision)
    model = work.model().to(memory_format=torch.channels_last)
    nothing = Feed(torch.zeros(0, 1, STAINS, 1, 1), np.arange(0), Standard.fixed(STAINS))
    trainer = Trainer(model, work.objective, (work.feed(), nothing), settings)
    seconds = timed(trainer.run, work.device)
    return len(work.pixels) / seconds


def bare(work: Work, precision: str, *, last: bool) -> float:
    """Images a second of forward, backward and optimiser on one batch."""
    layout = torch.channels_last if last else torch.contiguous_format
    model = work.model().to(memory_format=layout).train()
    batch = next(work.feed().training(work.batch, np.random.default_rng(0)))
    object.__setattr__(batch, "images", batch.images.contiguous(memory_format=layout))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def steps() -> None:
        for _ in range(STEPS):
            with autocast(work.device, precision):
                loss = work.objective.loss(model, batch)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return len(work.pixels) / timed(steps, work.device)


def by_network(device: str) -> dict[str, float]:
    """How many times as fast networks on cells (64 px) learn in bfloat16."""
    from phenolens.represent.networks.autoencoder import StainVAE

    shape = (64, STAINS, 64, 64)
    built = {
        f"cnn-{stem}-{width}": partial(
            StainNetwork, STAINS, CLASSES, architecture=Architecture(stem=stem, width=width)
        )
        for stem in ("half", "classic")
        for width in (16, 32, 64)
    }
    built |= {f"vae-{w}": lambda w=w: StainVAE(STAINS, 64, width=w) for w in (8, 16, 32)}
    speeds = {name: training_speeds(build, shape, device=device) for name, build in built.items()}
    return {name: round(of["bf16"] / of["float32"], 2) for name, of in speeds.items()}


def timed(call, device: str) -> float:
    """Seconds a call takes; on a processor its own, so that neighbours do not count."""
    clock = time.process_time if device == "cpu" else time.perf_counter
    start = clock()
    call()
    if device.startswith("cuda"):
        torch.cuda.synchronize()
    return clock() - start


def main(size: int = 128, batch: int = 32, rounds: int = 5, threads: int = 1) -> None:
    torch.set_num_threads(threads)
    work = Work(size, batch, pick_device())
    kinds = {
        "loop_bf16": lambda: loop(work, "bf16"),
        "bare_bf16": lambda: bare(work, "bf16", last=True),
        "bare_float32": lambda: bare(work, "float32", last=False),
        "loop_float32": lambda: loop(work, "float32"),
        "bare_float32_last": lambda: bare(work, "float32", last=True),
    }
    speeds: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(rounds + 1):
        for name, call in kinds.items():
            speeds[name].append(call())
    found = {name: median(values[1:]) for name, values in speeds.items()}
    result = {name: round(value, 1) for name, value in found.items()}
    result |= {"device": work.device, "size": size, "batch": batch, "threads": threads}
    result["loop_over_bare_bf16"] = round(found["loop_bf16"] / found["bare_bf16"], 3)
    result["loop_over_bare_float32"] = round(found["loop_float32"] / found["bare_float32_last"], 3)
    result["bf16_last_over_float32"] = round(found["bare_bf16"] / found["bare_float32"], 3)
    result["bf16_over_float32_on_cells"] = by_network(work.device)
    print(json.dumps(result))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
