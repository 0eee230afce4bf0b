"""The training loop: one epoch after another, kept so that a killed run ends the same.

Every epoch draws its random numbers from the seed and its own number, so what a checkpoint needs is
weights, the optimiser's state, the best weights so far and the curve.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol
from warnings import warn

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.prepared import Progress
from phenolens.represent.networks import checkpoint
from phenolens.represent.networks.devices import autocast, compiles, repeatable
from phenolens.represent.networks.feed import Batch, Feed
from phenolens.represent.networks.logs import Log
from phenolens.represent.networks.ranks import Ranks
from phenolens.represent.networks.stepping import Stepper
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

_CHECK_EVERY = 16
_FIRST_STEPS = 10
_ASTRAY = 100.0  # times the first step's loss
_FORWARD = 1 / 3  # of a training step, until a validation was timed


@dataclass(frozen=True)
class TrainSettings:
    """How long and how fast a network learns.

    Attributes
    ----------
    epochs : int
        At most; the learning rate falls along a cosine to zero over them.
    batch : int
        Images of one step, of all processes together.
    accumulate : int
        Parts that a batch is computed in, one after another, where memory is short.
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
        ``auto``, or a device's name; ``auto``, ``float32``, ``bf16`` or ``fp16``.
    compile : {"auto", "yes", "no"}
        Compile the network first; ``auto`` does so on GPUs where training is long enough.
    """

    epochs: int = 30
    batch: int = 64
    accumulate: int = 1
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: float = 0.05
    patience: int = 8
    clip: float = 5.0
    ema: float = 0.0
    validation: Literal["auto", "plate", "wells", "images", "none"] = "auto"
    validation_share: float = 0.15
    device: str = "auto"
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"
    compile: Literal["auto", "yes", "no"] = "auto"


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
    first_loss : float
        That of the first step, before anything was learned.
    parts : int
        Parts that a batch was computed in at last.
    """

    epochs: list[dict] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = float("inf")
    stopped: str = ""
    first_loss: float = float("inf")
    parts: int = 1

    def curves(self) -> pd.DataFrame:
        """One row an epoch: ``epoch``, ``train_loss``, then validation scores by name."""
        frame = pd.DataFrame(self.epochs)
        first = [name for name in ("epoch", "train_loss") if name in frame]
        return frame[[*first, *sorted(set(frame) - set(first))]]


@dataclass
class Trainer:
    """Trains a network; see :meth:`run`.

    Under ``torchrun`` the processes train it together, each on its part of every batch; see
    :class:`~phenolens.represent.networks.ranks.Ranks`.

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
    log, tensorboard : path, optional
        Folders that get the curves while training runs; see :class:`Log`.
    until : int, optional
        The last epoch; the learning rate falls as if all were still to come.
    """

    model: torch.nn.Module
    objective: Objective
    feeds: tuple[Feed, Feed]
    settings: TrainSettings
    seed: int = 0
    checkpoint: Path | None = None
    identity: str = ""
    log: Path | None = None
    tensorboard: Path | None = None
    until: int | None = None
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self.ranks = Ranks.here(self.settings.device)
        self._steps = self.feeds[0].steps(self.settings.batch)
        self._best: dict[str, torch.Tensor] = {}
        self._average = deepcopy(self.model) if self.settings.ema else None
        self._last = self.until or self.settings.epochs
        self.work = Work(
            self._last,
            self._steps,
            _FORWARD * len(self.feeds[1]) / self.settings.batch,
        )

    def run(self, progress: Progress | None = None) -> History:
        """Train until the epochs are over, validation no longer improves, or the loss is lost.

        Parameters
        ----------
        progress : callable, optional
            Called with (done, total) in training steps; validation counts as the steps that it
            lasts, so that time left can be reckoned from it. ``total`` is of all epochs:
            training may stop earlier.

        Raises
        ------
        InputError
            If the loss is not a number before a single epoch is finished, or at best a hundred
            times what it was before anything was learned; the log cannot be written, or memory
            does not hold two images.
        """
        log = Log(self.log, tensorboard=self.tensorboard) if self.ranks.first else Log()
        self.stepper = Stepper(self.model, self.objective, self.settings, ranks=self.ranks)
        self._resume()
        total = self.settings.epochs * self._steps
        compiles(self.model, self.settings.compile, device=self.settings.device, steps=total)
        for epoch in range(len(self.history.epochs) + 1, self._last + 1):
            if self.history.stopped:
                break
            self._epoch(epoch, progress)
            log.tell(self.history.curves())
            self._save()
        self.history.stopped = self.history.stopped or "all epochs done"
        self._save()
        log.close()
        self._require_learned()
        self.ranks.take_over(self._best)
        self.model.load_state_dict(self._best)
        self.model.eval()
        if progress:
            progress(*self.work.all())
        return self.history

    def _epoch(self, epoch: int, progress: Progress | None) -> None:
        rng = np.random.default_rng([self.seed, epoch])
        with repeatable(int(rng.integers(2**62)) + self.ranks.rank):
            loss, fault = self._learn(epoch, rng, progress)
        if fault:
            self._lost(epoch, fault)
            return
        scores = self.ranks.told(self._validate() if self.ranks.first else None)
        deciding = scores.get("validation_loss", -float(epoch))
        self.history.epochs.append({"epoch": epoch, "train_loss": loss, **scores})
        self.history.parts = self.stepper.parts
        if deciding < self.history.best_loss:
            self.history.best_loss, self.history.best_epoch = deciding, epoch
            self._best = copied(self._learned.state_dict())
        elif epoch - self.history.best_epoch >= self.settings.patience:
            self.history.stopped = f"no better validation loss for {self.settings.patience} epochs"

    def _learn(
        self, epoch: int, rng: np.random.Generator, progress: Progress | None
    ) -> tuple[float, str]:
        torch = require_torch()
        self.model.train()
        losses = []
        started = time.monotonic()
        batches = self.feeds[0].training(self.settings.batch, rng, ranks=self.ranks)
        for step, batch in enumerate(batches, start=1):
            number = (epoch - 1) * self._steps + step
            loss, norm = self.stepper.step(batch, self._rate(number))
            self._follow(number)
            losses.append(loss)
            if progress:
                progress(*self.work.at(epoch, step))
            if step % _CHECK_EVERY == 0 or step == self._steps:
                recent = self.ranks.sum(torch.stack(losses[-_CHECK_EVERY:]))
                if fault := self._fault(recent, batch, norm):
                    return float("nan"), fault
        self.work.learned(time.monotonic() - started)
        if epoch == 1:
            self.history.first_loss = float(self.ranks.sum(losses[0].double()) / self.ranks.world)
        mean = self.ranks.sum(torch.stack(losses).double().mean()) / self.ranks.world
        return float(mean), ""

    @property
    def _learned(self) -> torch.nn.Module:
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

    def _fault(self, losses: torch.Tensor, batch: Batch, norm: torch.Tensor) -> str:
        """The likely cause of a loss that is not a number; empty when all are."""
        torch = require_torch()
        half = self.settings.precision == "fp16"  # there steps of infinite norm are left out
        if torch.isfinite(losses).all() and (half or torch.isfinite(norm)):
            return ""
        given = [batch.images, *([] if batch.features is None else [batch.features])]
        if not all(torch.isfinite(values).all() for values in given):
            return "pixels or features that are not finite numbers"
        if self.settings.precision in ("bf16", "fp16") and not self._hot:
            kind = {"bf16": "bfloat16", "fp16": "float16"}[self.settings.precision]
            return f"{kind} arithmetic or too high a learning rate: try precision = 'float32'"
        return cooler(self.settings)

    @property
    def _hot(self) -> bool:
        """Whether the learning rate is far above what is usual for AdamW."""
        return self.settings.learning_rate > 10 * TrainSettings.learning_rate

    def _require_learned(self) -> None:
        """Refuse weights that no epoch made better than chance by far: they grew, and saw nothing.

        Raises
        ------
        InputError
        """
        kept = self.history.epochs[self.history.best_epoch - 1] if self._best else {}
        loss = kept.get("validation_loss", kept.get("train_loss", float("nan")))
        if loss <= _ASTRAY * abs(self.history.first_loss):
            return
        raise InputError(
            f"Training went astray: the loss is {loss:.3g} at best, and was "
            f"{self.history.first_loss:.3g} before anything was learned; likely cause: "
            f"{cooler(self.settings)}. Nothing is kept."
        )

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
        self._learned.eval()
        torch = require_torch()
        started = time.monotonic()
        with torch.no_grad(), autocast(self.settings.device, self.settings.precision):
            batches = self.feeds[1].ordered(self.settings.batch)
            scores = self.objective.validate(self._learned, batches)
        self.work.validated(time.monotonic() - started)
        return scores

    def _save(self) -> None:
        if self.checkpoint is None or not self.ranks.first:
            return
        groups = {"model": self.model.state_dict(), "best": self._best}
        if self._average is not None:
            groups["average"] = self._average.state_dict()
        groups["optimiser"] = checkpoint.optimiser_tensors(self.stepper.optimiser)
        about = {"identity": self.identity, "history": vars(self.history)}
        about["scaler"] = self.stepper.scaler.state_dict()
        checkpoint.save_tensors(self.checkpoint, checkpoint.pack(groups), about)

    def _resume(self) -> None:
        found = self.ranks.told(self._left() if self.ranks.first else None)
        if found is None:
            return
        tensors, about = found
        self.history = History(**about["history"])
        if self.history.best_loss is None:
            self.history.best_loss = float("inf")
        self.model.load_state_dict(checkpoint.unpack(tensors, "model"))
        if self._average is not None:
            self._average.load_state_dict(checkpoint.unpack(tensors, "average"))
        stepper, state = self.stepper, checkpoint.unpack(tensors, "optimiser")
        checkpoint.restore_optimiser(stepper.optimiser, state)
        stepper.parts = max(stepper.parts, self.history.parts)
        stepper.scaler.load_state_dict(about["scaler"])
        self._best = copied(checkpoint.unpack(tensors, "best"))

    def _left(self) -> tuple[dict[str, torch.Tensor], dict] | None:
        """What a killed run of the same training left."""
        if self.checkpoint is None or not self.checkpoint.is_file():
            return None
        try:
            tensors, about = checkpoint.load_tensors(self.checkpoint)
        except InputError as error:
            warn(f"The training starts anew: {error}", stacklevel=3)
            return None
        return (tensors, about) if about.get("identity") == self.identity else None


@dataclass
class Work:
    """How much of a training is done, in training steps.

    A validation counts as many steps as it lasts: what is reckoned from steps done and time spent
    is then right in the middle of an epoch as at its end.

    Attributes
    ----------
    epochs, steps : int
        Epochs at most, and training steps of each.
    validation : float
        Steps that a validation counts: a guess, until one was timed.
    """

    epochs: int
    steps: int
    validation: float = 0.0
    _learning: float = field(default=0.0, repr=False)

    def learned(self, seconds: float) -> None:
        """The training part of an epoch took so long."""
        self._learning = seconds

    def validated(self, seconds: float) -> None:
        """The validation after it took so long."""
        if self._learning > 0:
            self.validation = self.steps * seconds / self._learning

    def at(self, epoch: int, step: int) -> tuple[int, int]:
        """(done, total) after this step of this epoch, both counted from 1."""
        before = (epoch - 1) * (self.steps + self.validation)
        return min(round(before) + step, self._total), self._total

    def all(self) -> tuple[int, int]:
        """(done, total) when nothing is left."""
        return self._total, self._total

    @property
    def _total(self) -> int:
        return round(self.epochs * (self.steps + self.validation))


def cooler(settings: TrainSettings) -> str:
    """A learning rate as the likely cause of what went wrong, and one to try."""
    rate = settings.learning_rate
    lower = min(rate / 10, TrainSettings.learning_rate)
    return f"too high a learning rate ({rate:g}): try learning_rate = {lower:g}"


def copied(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights that training does not move."""
    return {name: tensor.detach().clone() for name, tensor in state.items()}
