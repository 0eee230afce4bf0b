"""One step of the optimiser: gradients of a batch, all at once or in parts, and an update."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol
from warnings import warn

from phenolens.errors import InputError
from phenolens.represent.networks.devices import autocast
from phenolens.represent.networks.feed import Batch
from phenolens.represent.networks.ranks import Ranks
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

_FEWEST_IN_A_PART = 2  # batch normalisation has no spread of one image


class Loss(Protocol):
    """A number to make smaller; objectives have one."""

    def loss(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Of a batch."""


class Stepper:
    """Steps AdamW along the gradient of one batch after another.

    A batch is computed in ``parts``, one after another, whose gradients add up to that of the whole
    batch where the loss is a mean over images and no layer looks at the batch (batch
    normalisation does: its statistics are then those of a part).

    Parameters
    ----------
    model : Module
    objective : Loss
    settings : TrainSettings
        Device and precision resolved.
    ranks : Ranks
    """

    def __init__(
        self, model: torch.nn.Module, objective: Loss, settings: Any, *, ranks: Ranks
    ) -> None:
        torch = require_torch()
        self.model, self.settings, self.ranks = model, settings, ranks
        self.optimiser = _adamw(model, settings)
        kind = settings.device.split(":")[0]
        self.scaler = torch.amp.GradScaler(kind, enabled=settings.precision == "fp16")
        self.parts = settings.accumulate
        self._loss = ranks.wrap(_as_module(model, objective))

    def step(self, batch: Batch, rate: float) -> tuple[torch.Tensor, torch.Tensor]:
        """One update with this learning rate.

        Where a GPU has not enough memory, parts are halved until they fit, and a warning says so.

        Parameters
        ----------
        batch : Batch
            This rank's part of it, all ranks' parts being of about the same size.
        rate : float

        Returns
        -------
        loss, norm : Tensor of float32
            Mean loss of the batch and norm of its gradient (of all ranks) before clipping.

        Raises
        ------
        InputError
            If two images do not fit.
        """
        torch = require_torch()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        while (loss := self._gradients(batch)) is None:
            self._halve(len(batch))
        self.scaler.unscale_(self.optimiser)
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return loss, norm.detach()

    def _gradients(self, batch: Batch) -> torch.Tensor | None:
        """Leave the gradient of the batch in the parameters; None where memory runs out."""
        torch = require_torch()
        self.optimiser.zero_grad()
        parts, total = batch.split(self.parts), torch.zeros((), device=self.settings.device)
        try:
            for number, part in enumerate(parts, start=1):
                with self._together(last=number == len(parts)):
                    with autocast(self.settings.device, self.settings.precision):
                        loss = self._loss(part) * (len(part) / len(batch))
                    self.scaler.scale(loss).backward()
                total += loss.detach()
        except torch.OutOfMemoryError:
            if self.ranks.world > 1:  # the others wait for this rank's gradient
                raise InputError(
                    f"Out of GPU memory with {len(batch)} images a process: set a smaller batch, "
                    "or accumulate = 2."
                ) from None
            return None
        return total

    def _together(self, *, last: bool) -> AbstractContextManager:
        """Ranks exchange gradients after the last part only."""
        if self.ranks.world == 1 or last:
            return nullcontext()
        loss: Any = self._loss
        return loss.no_sync()

    def _halve(self, n: int) -> None:
        torch = require_torch()
        self.optimiser.zero_grad()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if n < 2 * _FEWEST_IN_A_PART * self.parts:
            raise InputError(
                f"Out of GPU memory with {-(-n // self.parts)} images at once. Set a smaller size "
                "or width, or device = 'cpu'."
            )
        self.parts *= 2
        warn(
            f"Out of GPU memory with {-(-2 * n // self.parts)} images at once: each batch of {n} "
            f"is now computed in {self.parts} parts and stays one step.",
            stacklevel=4,
        )


def _as_module(model: torch.nn.Module, objective: Loss) -> Any:
    """The objective as a module: distributed training hooks into the call of a module."""
    torch = require_torch()

    class LossOf(torch.nn.Module):  # type: ignore[name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, batch: Batch) -> Any:
            return objective.loss(self.model, batch)

    return LossOf()


def _adamw(model: torch.nn.Module, settings: Any) -> torch.optim.Optimizer:
    """AdamW that leaves biases and normalisation weights undecayed."""
    torch = require_torch()
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    fused = settings.device.split(":")[0] in ("cpu", "cuda")  # one pass over the weights, not ten
    return torch.optim.AdamW(groups, lr=settings.learning_rate, fused=fused)
