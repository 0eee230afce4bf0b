"""A convolutional variational autoencoder on any number of stains.

Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from phenolens.represent.networks.feed import Batch

_FLOOR = 1e-4
_LARGEST_LOG_VARIANCE = 8.0


class StainVAE(nn.Module):
    """Encoder, latent Gaussian and decoder, each halving or doubling the side four times.

    Parameters
    ----------
    n_stains : int
    size : int
        Side of the images, a multiple of 16.
    latent : int
    width : int
        Filters of the first layer; they double with every halving.
    conditions : int
        Plates or batches that the decoder is told apart (Sohn et al. 2015), so that the code need
        not say which one it is; the encoder is never told.
    """

    def __init__(
        self,
        n_stains: int,
        size: int,
        *,
        latent: int = 64,
        width: int = 32,
        conditions: int = 0,
    ) -> None:
        super().__init__()
        self.conditions = conditions
        filters = [width * factor for factor in (1, 2, 4, 8)]
        self.side = size // 16
        self.deepest = filters[-1]
        self.encoder = nn.Sequential(
            *(_down(before, after) for before, after in pairwise([n_stains, *filters]))
        )
        self.heads = nn.Linear(self.deepest * self.side**2, 2 * latent)
        self.start = nn.Linear(latent + conditions, self.deepest * self.side**2)
        # No layer at full size but the last: one more would cost as much as all others together.
        self.decoder = nn.Sequential(
            *(_up(before, after) for before, after in pairwise(reversed(filters))),
            nn.ConvTranspose2d(width, n_stains, 4, stride=2, padding=1),
        )

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log variance of the latent code, each float32 (B, latent)."""
        mean, spread = self.heads(self.encoder(images).flatten(1)).float().chunk(2, dim=1)
        return mean, spread.clamp(-_LARGEST_LOG_VARIANCE, _LARGEST_LOG_VARIANCE)

    def decode(self, code: torch.Tensor, condition: torch.Tensor | None = None) -> torch.Tensor:
        """Standardised images, (B, C, S, S).

        Parameters
        ----------
        code : Tensor of float32, (B, latent)
        condition : Tensor of int64, (B,), optional
            Which plate or batch each is of; None, and -1, are the mean of all.
        """
        if self.conditions:
            code = torch.cat([code, self._told(len(code), condition).to(code)], dim=1)
        hidden = self.start(code).unflatten(1, (self.deepest, self.side, self.side))
        return self.decoder(hidden)

    def _told(self, n: int, condition: torch.Tensor | None) -> torch.Tensor:
        """One-hot rows, (n, conditions); even ones where nothing is known."""
        even = torch.full((n, self.conditions), 1 / self.conditions)
        if condition is None:
            return even
        known = functional.one_hot(condition.clamp(min=0), self.conditions).float()
        return torch.where((condition >= 0)[:, None], known, even.to(known))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Reconstruction from the mean code."""
        return self.decode(self.encode(images)[0])


def condition_of(batch: Batch) -> torch.Tensor | None:
    """Plate or batch of each square of a batch."""
    if batch.targets is None:
        return None
    return batch.targets.repeat_interleave(len(batch.images) // len(batch.targets))


def _down(before: int, after: int) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


def _up(before: int, after: int) -> nn.Sequential:
    convolution = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())


@dataclass(frozen=True)
class EvidenceBound:
    """Evidence lower bound, a pixel, with each stain's noise at its optimum.

    The noise variance of a stain is its mean squared error, which makes the reconstruction term
    ``0.5 * log(mse)`` a pixel (Rybkin et al. 2021) and the trade-off free of the images' units;
    ``beta`` weighs the divergence from the prior (Higgins et al. 2017).
    """

    beta: float = 1.0

    def loss(self, model: StainVAE, batch: Batch) -> torch.Tensor:
        """Negative bound from one random code an image."""
        mean, spread = model.encode(batch.images)
        code = mean + torch.randn_like(mean) * (0.5 * spread).exp()
        return self._bound(batch.images, model.decode(code, condition_of(batch)), mean, spread)

    def validate(self, model: StainVAE, batches: Iterable[Batch]) -> dict[str, float]:
        """Negative bound from the mean code, and the mean squared error (in variances)."""
        totals, n = torch.zeros(2, dtype=torch.float64), 0
        for batch in batches:
            mean, spread = model.encode(batch.images)
            out = model.decode(mean, condition_of(batch))
            bound = self._bound(batch.images, out, mean, spread)
            error = functional.mse_loss(out.float(), batch.images)
            totals += len(mean) * torch.stack([bound, error]).cpu().double()
            n += len(mean)
        bound, error = (totals / n).tolist()
        return {"validation_loss": bound, "validation_mse": error}

    def _bound(
        self, images: torch.Tensor, out: torch.Tensor, mean: torch.Tensor, spread: torch.Tensor
    ) -> torch.Tensor:
        error = (out.float() - images).square().mean(dim=(0, 2, 3))
        divergence = 0.5 * (mean.square() + spread.exp() - 1 - spread).sum(1).mean()
        pixels = images[0].numel()
        return 0.5 * (error + _FLOOR).log().mean() + self.beta * divergence / pixels
