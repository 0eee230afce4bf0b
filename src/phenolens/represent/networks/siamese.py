"""Networks that learn by what views of one thing share, and their objectives.

Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from phenolens.represent.networks.contrast import cross_views
from phenolens.represent.networks.feed import Batch

_GRID = 8


class Projected(nn.Module):
    """An encoder, and a head whose output is thrown away once it has been learned by.

    Parameters
    ----------
    encoder : Module
        Its ``embed`` gives (B, D).
    head : Module
        From D numbers to those that are compared.
    """

    encoder: Any  # PyTorch's types do not know embed

    def __init__(self, encoder: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """The encoder's embedding, (B, D)."""
        return self.encoder.embed(images)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """What is compared."""
        return self.head(self.embed(images))


class Distilled(nn.Module):
    """A student and its teacher, whose weights are a running mean of the student's.

    Parameters
    ----------
    student : Module
    scores : int
        Numbers that it gives.
    """

    centre: torch.Tensor
    steps: torch.Tensor

    def __init__(self, student: Projected, scores: int) -> None:
        super().__init__()
        self.student = student
        self.teacher = copy.deepcopy(student)
        self.teacher.requires_grad_(False)
        self.register_buffer("centre", torch.zeros(scores))
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """The teacher's embedding, (B, D)."""
        return self.teacher.embed(images)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The student's scores."""
        return self.student(images)


class Prototypes(nn.Module):
    """Cosines of a projection with learned directions, as in Caron et al., ICCV 2021."""

    def __init__(self, before: int, hidden: int, scores: int) -> None:
        super().__init__()
        self.project = nn.Sequential(
            nn.Linear(before, 4 * hidden), nn.GELU(), nn.Linear(4 * hidden, hidden)
        )
        self.directions = nn.Parameter(torch.randn(scores, hidden) / math.sqrt(hidden))

    def forward(self, embedding: torch.Tensor) -> torch.Tensor:
        """Scores between -1 and 1, (B, scores)."""
        found = functional.normalize(self.project(embedding).float(), dim=1)
        return functional.linear(found, functional.normalize(self.directions, dim=1))


def projector(before: int, after: int, *, layers: int) -> nn.Sequential:
    """A perceptron with batch norm between its layers, all but the last as wide as its input."""
    parts: list[nn.Module] = []
    for _ in range(layers - 1):
        parts += [nn.Linear(before, before, bias=False), nn.BatchNorm1d(before), nn.ReLU()]
    return nn.Sequential(*parts, nn.Linear(before, after))


def windows(images: torch.Tensor, smallest: float, largest: float = 1.0) -> torch.Tensor:
    """A window of each image, each elsewhere, all of one random share of the side.

    They are not resized: a cell keeps its size, which may be what a treatment changes. Sides are
    multiples of 8.

    Parameters
    ----------
    images : Tensor, (B, C, S, S)
    smallest, largest : float
        Shares of the side.
    """
    side = images.shape[-1]
    low, high = (max(1, round(side * share / _GRID)) for share in (smallest, largest))
    size = min(side, _GRID * int(torch.randint(low, max(low, high) + 1, ())))
    if size == side:
        return images
    corner = torch.randint(side - size + 1, (2, len(images), 1, 1)).to(images.device)
    steps = torch.arange(size, device=images.device)
    number = torch.arange(len(images), device=images.device)[:, None, None]
    cut = images.movedim(1, -1)[number, corner[0] + steps[:, None], corner[1] + steps]
    return cut.movedim(-1, 1)


def pair(batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Both views of a batch."""
    assert batch.paired is not None  # the feed has positives
    return batch.images, batch.paired


def _groups(batch: Batch) -> torch.Tensor | None:
    """Group of each square, where images are cut into several."""
    if batch.targets is None:
        return None
    return batch.targets.repeat_interleave(len(batch.images) // len(batch.targets))


@dataclass(frozen=True)
class Agreement:
    """Two views agree, by a loss of their projections.

    Attributes
    ----------
    loss_of : callable
        Of two projections and the groups of the things projected.
    window : float
        Least share of the side that a view shows.
    """

    loss_of: Callable[[torch.Tensor, torch.Tensor, torch.Tensor | None], torch.Tensor]
    window: float = 1.0

    def loss(self, model: Projected, batch: Batch) -> torch.Tensor:
        """Of a batch of pairs."""
        first, second = (model(windows(view, self.window)) for view in pair(batch))
        return self.loss_of(first, second, batch.targets)

    def validate(self, model: Projected, batches: Iterable[Batch]) -> dict[str, float]:
        """The same of held-back pairs, whole; the last, smaller batch weighs as much less."""
        total, n = 0.0, 0
        for batch in batches:
            if len(batch.images) < 2:
                continue
            first, second = (model(view) for view in pair(batch))
            total += len(first) * float(self.loss_of(first, second, _groups(batch)))
            n += len(first)
        return {"validation_loss": total / n} if n else {}


@dataclass(frozen=True)
class Distillation:
    """A student says of each view what its teacher says of another view of the same thing.

    Attributes
    ----------
    total : int
        Steps of the whole training; over them the teacher's momentum goes from `momentum` to 1.
    parts : int
        Small windows of each image that the student sees beside the two views.
    window, local : float
        Least share of the side that a view shows; the share of a small window.
    momentum, centring : float
        How much of the teacher's weights, and of the centre of its scores, stays at a step.
    cold, warm : float
        Temperatures of teacher and student.
    """

    total: int
    parts: int = 2
    window: float = 0.75
    local: float = 0.5
    momentum: float = 0.99
    centring: float = 0.9
    cold: float = 0.04
    warm: float = 0.1

    def loss(self, model: Distilled, batch: Batch) -> torch.Tensor:
        """Of a batch of pairs; before it the teacher follows the student."""
        self.follow(model)
        first, second = pair(batch)
        views = [windows(view, self.window) for view in (first, second)]
        with torch.no_grad():
            teacher = torch.stack([model.teacher(view) for view in views]).float()
        seen = [model.student(view) for view in views]
        for number in range(self.parts):
            part = windows((first, second)[number % 2], self.local, self.local)
            seen.append(model.student(part))
        loss = cross_views(torch.stack(seen), teacher, model.centre, cold=self.cold, warm=self.warm)
        with torch.no_grad():
            model.centre.lerp_(teacher.mean((0, 1)), 1 - self.centring)
        return loss

    @torch.no_grad()
    def follow(self, model: Distilled) -> None:
        """Move the teacher a little towards the student."""
        done = min(1.0, float(model.steps) / max(1, self.total))
        stays = 1 - (1 - self.momentum) * 0.5 * (1 + math.cos(math.pi * done))
        for own, other in zip(model.teacher.parameters(), model.student.parameters(), strict=True):
            own.lerp_(other, 1 - stays)
        model.steps += 1

    def validate(self, model: Distilled, batches: Iterable[Batch]) -> dict[str, float]:
        """Nothing to stop by: the loss follows the teacher, and falls too where all collapses."""
        del model, batches
        return {}
