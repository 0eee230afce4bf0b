"""The training loop: one epoch after another, kept so that a killed run ends the same.

Every epoch draws its random numbers from the seed and its own number, so what a checkpoint needs is
weights, the optimiser's state, the best weights so far and the curve.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from warnings import warn

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.prepared import Progress
from phenolens.represent.networks import checkpoint
from phenolens.represent.networks.devices import autocast, repeatable
from phenolens.represent.networks.feed import Batch, Feed
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

_CHECK_EVERY = 16
_FIRST_STEPS = 10


@dataclass(frozen=True)
class TrainSettings:
    """How long and how fast a network learns.

    Attributes
    ----------
    epochs : int
        At most; the learning rate falls along a cosine to zero over them.
    batch : int
    learning_rate, weight_decay : float
        Of AdamW (Loshchilov & Hutter 2019).
    warmup : float
        Share of all steps over which the learning rate rises.
    patience : int
        Epochs without a better validation loss before stopping.
    clip : float
        Largest norm of the gradient.
    ema : float
        Decay a step of an exponential average of the weights, which is validated and kept in their
        place; it rises to this over the first steps. 0 averages nothing.
    validation : {"auto", "plate", "wells", "images", "none"}
    validation_share : float
    device, precision : str
        ``auto``, or a device's name; ``auto``, ``float32`` or ``bf16``.
    """

    epochs: int = 30
    batch: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: float = 0.05
    patience: int = 8
    clip: float = 5.0
    ema: float = 0.0
    validation: Literal["auto", "plate", "wells", "images", "none"] = "auto"
    validation_share: float = 0.15
    device: str = "auto"
    precision: Literal["auto", "float32", "bf16"] = "auto"


class Objective(Protocol):
    """What a network is trained for."""

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """A number to make smaller."""

    def validate(self, model: torch.nn.Module, batches: Iterable[Batch]) -> dict[str, float]:
        """Scores of held-back images; ``validation_loss`` decides when to stop."""


@dataclass
class History:
    """What happened during training.

    Attributes
    ----------
    epochs : list of dict
        One entry an epoch: ``epoch``, ``train_loss``, ``validation_loss``, ...
    best_epoch : int
        The epoch whose weights are kept; 0 before any.
    best_loss : float
    stopped : str
        Why training ended.
    """

    epochs: list[dict] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")
    stopped: str = ""

    def curves(self) -> pd.DataFrame:
        """One row an epoch: ``epoch``, ``train_loss``, then validation scores by name."""
        frame = pd.DataFrame(self.epochs)
        first = [name for name in ("epoch", "train_loss") if name in frame]
        return frame[[*first, *sorted(set(frame) - set(first))]]


@dataclass
class Trainer:
    """Trains a network; see :meth:`run`.

    Attributes
    ----------
    model : Module
        On its device; ends with the best weights.
    objective : Objective
    feeds : tuple of Feed
        Training and validation rows; the latter may be empty.
    settings : TrainSettings
        Device and precision resolved.
    seed : int
    checkpoint : path, optional
        A safetensors file, written after each epoch.
    identity : str
        What is being trained; a checkpoint of anything else is ignored.
    """

    model: torch.nn.Module
    objective: Objective
    feeds: tuple[Feed, Feed]
    settings: TrainSettings
    seed: int = 0
    checkpoint: Path | None = None
    identity: str = ""
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.optimiser = _adamw(self.model, self.settings)
        self._steps = self.feeds[0].steps(self.settings.batch)
        self._best: dict[str, torch.Tensor] = {}
        self._average = deepcopy(self.model) if self.settings.ema else None

    def run(self, progress: Progress | None = None) -> History:
        """Train until the epochs are over, validation no longer improves, or the loss is lost.

        Raises
        ------
        InputError
            If the loss is not a number before a single epoch is finished.
        """
        self._resume()
        total = self.settings.epochs * self._steps
        for epoch in range(len(self.history.epochs) + 1, self.settings.epochs + 1):
            if self.history.stopped:
                break
            before = (epoch - 1) * self._steps
            self._epoch(epoch, partial(_tell_of, progress, before, total))
            self._save()
        self.history.stopped = self.history.stopped or "all epochs done"
        self._save()
        self.model.load_state_dict(self._best)
        self.model.eval()
        _tell_of(progress, 0, total, total)
        return self.history

    def _epoch(self, epoch: int, tell: Callable[[int], None]) -> None:
        rng = np.random.default_rng([self.seed, epoch])
        with repeatable(int(rng.integers(2**62))):
            loss, fault = self._learn(epoch, rng, tell)
        if fault:
            self._lost(epoch, fault)
            return
        scores = self._validate()
        deciding = scores.get("validation_loss", -float(epoch))
        self.history.epochs.append({"epoch": epoch, "train_loss": loss, **scores})
        if deciding < self.history.best_loss:
            self.history.best_loss, self.history.best_epoch = deciding, epoch
            self._best = _copied(self._kept.state_dict())
        elif epoch - self.history.best_epoch >= self.settings.patience:
            self.history.stopped = f"no better validation loss for {self.settings.patience} epochs"

    def _learn(
        self, epoch: int, rng: np.random.Generator, tell: Callable[[int], None]
    ) -> tuple[float, str]:
        self.model.train()
        losses, fault = [], ""
        for step, batch in enumerate(self.feeds[0].training(self.settings.batch, rng), start=1):
            norm = self._step(batch, (epoch - 1) * self._steps + step)
            losses.append(norm[0])
            tell(step)
            if step % _CHECK_EVERY == 0 or step == self._steps:
                fault = self._fault(losses[-_CHECK_EVERY:], batch, norm[1])
                if fault:
                    break
        return float(sum(float(loss) for loss in losses) / len(losses)), fault

    def _step(self, batch: Batch, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        torch = require_torch()
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(number)
        with autocast(self.settings.device, self.settings.precision):
            loss = self.objective.loss(self.model, batch)
        self.optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimiser.step()
        self._follow(number)
        return loss.detach(), norm.detach()

    @property
    def _kept(self) -> torch.nn.Module:
        """What is validated and kept: the network, or the average of its weights."""
        return self.model if self._average is None else self._average

    def _follow(self, number: int) -> None:
        """Move the average of the weights (and of the statistics of batches) after a step."""
        if self._average is None:
            return
        decay = min(self.settings.ema, number / (number + _FIRST_STEPS))
        now = self.model.state_dict()
        for name, old in self._average.state_dict().items():
            if old.is_floating_point():
                old.lerp_(now[name], 1.0 - decay)
            else:
                old.copy_(now[name])

    def _rate(self, number: int) -> float:
        total = self.settings.epochs * self._steps
        rising = min(1.0, number / max(1.0, self.settings.warmup * total))
        return (
            self.settings.learning_rate * rising * 0.5 * (1 + np.cos(np.pi * (number - 1) / total))
        )

    def _fault(self, losses: list[torch.Tensor], batch: Batch, norm: torch.Tensor) -> str:
        """The likely cause of a loss that is not a number; empty when all are."""
        torch = require_torch()
        if torch.isfinite(torch.stack(losses)).all() and torch.isfinite(norm):
            return ""
        given = [batch.images, *([] if batch.features is None else [batch.features])]
        if not all(torch.isfinite(values).all() for values in given):
            return "pixels or features that are not finite numbers"
        if self.settings.precision == "bf16":
            return "bfloat16 arithmetic or too high a learning rate: try precision = 'float32'"
        rate = self.settings.learning_rate
        return f"too high a learning rate ({rate:g}): try {rate / 10:g}"

    def _lost(self, epoch: int, cause: str) -> None:
        message = f"the loss is not a number in epoch {epoch}; likely cause: {cause}"
        if not self._best:
            raise InputError(
                f"Training stopped: {message}. No epoch was finished, nothing is kept."
            )
        self.history.stopped = f"{message}; weights of epoch {self.history.best_epoch} kept"

    def _validate(self) -> dict[str, float]:
        if not len(self.feeds[1]):
            return {}
        self._kept.eval()
        torch = require_torch()
        with torch.no_grad(), autocast(self.settings.device, self.settings.precision):
            batches = self.feeds[1].ordered(self.settings.batch)
            return self.objective.validate(self._kept, batches)

    def _save(self) -> None:
        if self.checkpoint is None:
            return
        groups = {"model": self.model.state_dict(), "best": self._best}
        if self._average is not None:
            groups["average"] = self._average.state_dict()
        groups["optimiser"] = checkpoint.optimiser_tensors(self.optimiser)
        about = {"identity": self.identity, "history": vars(self.history)}
        checkpoint.save_tensors(self.checkpoint, checkpoint.pack(groups), about)

    def _resume(self) -> None:
        if self.checkpoint is None or not self.checkpoint.is_file():
            return
        try:
            tensors, about = checkpoint.load_tensors(self.checkpoint)
        except InputError as error:
            warn(f"The training starts anew: {error}", stacklevel=2)
            return
        if about.get("identity") != self.identity:
            return
        self.history = History(**about["history"])
        if self.history.best_loss is None:
            self.history.best_loss = float("inf")
        self.model.load_state_dict(checkpoint.unpack(tensors, "model"))
        if self._average is not None:
            self._average.load_state_dict(checkpoint.unpack(tensors, "average"))
        checkpoint.restore_optimiser(self.optimiser, checkpoint.unpack(tensors, "optimiser"))
        self._best = _copied(checkpoint.unpack(tensors, "best"))


def _adamw(model: torch.nn.Module, settings: TrainSettings) -> torch.optim.Optimizer:
    """AdamW that leaves biases and normalisation weights undecayed."""
    torch = require_torch()
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=settings.learning_rate)


def _copied(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: tensor.detach().clone() for name, tensor in state.items()}


def _tell_of(progress: Progress | None, before: int, total: int, done: int) -> None:
    if progress:
        progress(before + done, total)
