"""A small training that ``torchrun`` starts in two processes; see test_training.py.

python two_ranks.py FOLDER
"""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from phenolens.represent.networks.checkpoint import save_tensors
from phenolens.represent.networks.feed import Feed, Standard
from phenolens.represent.networks.training import Trainer, TrainSettings


class Classify:
    """Mean cross-entropy."""

    def loss(self, model, batch):
        return nn.functional.cross_entropy(model(batch.images), batch.targets)

    def validate(self, model, batches):
        found = [self.loss(model, batch).item() for batch in batches]
        return {"validation_loss": float(np.mean(found))}


def network() -> nn.Module:
    """A convolution and a classifier; nothing in it looks at the batch."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2),
        nn.ReLU(),
        nn.AvgPool2d(3),
        nn.Flatten(),
        nn.Linear(16, 3),
    )


def trainer(*, augment: bool = False, objective=None, **settings) -> Trainer:
    """Three classes of 48 images with a brighter corner."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (60, 1, 2, 16, 16), dtype=np.uint8)
    targets = np.arange(60) % 3
    for image, target in zip(pixels, targets, strict=True):
        image[:, :, : 5 * target] += 50
    whole = Feed(torch.from_numpy(pixels), np.arange(60), Standard.fixed(2), targets=targets)
    feed, watched = whole.part(np.arange(48)), whole.part(np.arange(48, 60))
    feed = feed if augment else replace(feed, augment=None)
    usual = {"epochs": 3, "batch": 16, "learning_rate": 0.01, "device": "cpu"}
    usual["precision"] = "float32"
    made = TrainSettings(**(usual | settings))
    return Trainer(network(), objective or Classify(), (feed, watched), made, seed=1)


class Killed(Exception):
    """In the second epoch of three."""


def dying(after: int):
    """Progress that stops a training after so many steps, the same ones on every rank."""
    steps = iter(range(1, after))

    def tell(done: int, total: int) -> None:
        if next(steps, None) is None:
            raise Killed

    return tell


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    for name, augment in {"plain": False, "first": True, "resumed": True}.items():
        made = trainer(augment=augment)
        made.log = folder / name
        if name == "resumed":
            killed = trainer(augment=augment)
            killed.checkpoint = made.checkpoint = folder / "last.safetensors"
            with suppress(Killed):
                killed.run(dying(after=5))
        made.run()
        path = folder / f"{name}-{made.ranks.rank}.safetensors"
        save_tensors(path, made.model.state_dict(), {"world": made.ranks.world})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
