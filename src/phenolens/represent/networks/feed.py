"""Batches of images for a network: drawn, augmented and standardised on its device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from phenolens.represent.networks.augment import SYMMETRIES, jitter, turn, turn_each
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

_SHARE_OF_DEVICE = 0.25


@dataclass(frozen=True)
class Batch:
    """What a network sees at once.

    Attributes
    ----------
    images : Tensor, float32 (B, C, S, S)
        Standardised pixels, channels last in memory.
    rows : ndarray of int64
        Positions within the feed, one an image set row.
    targets : Tensor of int64 or None
    features : Tensor of float32, (B, F), or None
    """

    images: torch.Tensor
    rows: np.ndarray
    targets: torch.Tensor | None = None
    features: torch.Tensor | None = None

    def turned(self, code: int) -> Batch:
        """The same images in one of the eight symmetries of the square; 0 is as they are."""
        if not code:
            return self
        images = turn(self.images, code)
        return replace(self, images=images.contiguous(memory_format=require_torch().channels_last))


@dataclass(frozen=True)
class Standard:
    """Mean and standard deviation of each stain on the 0-1 scale of the bytes, float32 (C,)."""

    mean: np.ndarray
    sd: np.ndarray

    @classmethod
    def of(cls, array: np.ndarray, rows: np.ndarray, *, n: int = 512) -> Standard:
        """Measured on at most `n` of these rows of a pixel array (training rows only)."""
        some = rows[np.unique(np.linspace(0, len(rows) - 1, n).round().astype(int))]
        pixels = array[some].astype(np.float32) / 255.0
        mean, sd = pixels.mean(axis=(0, 1, 3, 4)), pixels.std(axis=(0, 1, 3, 4))
        return cls(mean.astype(np.float32), np.maximum(sd, 1e-3).astype(np.float32))

    @classmethod
    def fixed(cls, n_stains: int) -> Standard:
        """The same for every screen: for networks that learn nothing."""
        return cls(np.full(n_stains, 0.25, np.float32), np.full(n_stains, 0.25, np.float32))

    def apply(
        self,
        pixels: torch.Tensor,
        gain: np.ndarray | float = 1.0,
        offset: np.ndarray | float = 0.0,
    ) -> torch.Tensor:
        """Bytes (B, C, S, S) to standardised float32, channels last; gain and offset come first."""
        torch = require_torch()
        shape = pixels.shape[:2]
        scale = np.broadcast_to(gain / (255.0 * self.sd), shape)
        shift = np.broadcast_to((offset - self.mean) / self.sd, shape)
        scale, shift = (
            torch.from_numpy(np.array(each, dtype=np.float32)).to(pixels.device)[..., None, None]
            for each in (scale, shift)
        )
        images = pixels.to(torch.float32, memory_format=torch.channels_last)
        return images.mul_(scale).add_(shift)


@dataclass(frozen=True)
class Feed:
    """Rows of a pixel array with what is to be learned about them.

    Attributes
    ----------
    pixels : Tensor of uint8, (n_store, squares, C, S, S)
        The whole store; only ``rows`` of it are ever read.
    rows : ndarray of int64, shape (n,)
    standard : Standard
    device : str
    targets : ndarray of int64 or None, shape (n,)
    features : ndarray of float32 or None, shape (n, F)
    weights : ndarray of float64 or None, shape (n,)
        Chance of being drawn; None draws each row once an epoch.
    strength : float
        Intensity jitter of training batches.
    augment : bool
    """

    pixels: torch.Tensor
    rows: np.ndarray
    standard: Standard
    device: str = "cpu"
    targets: np.ndarray | None = None
    features: np.ndarray | None = None
    weights: np.ndarray | None = None
    strength: float = 0.1
    augment: bool = True

    def __len__(self) -> int:
        return len(self.rows)

    def steps(self, batch: int) -> int:
        """Training batches an epoch."""
        return -(-len(self) // min(batch, len(self)))

    def training(self, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """An epoch of full batches; one square of each drawn image, augmented."""
        batch = min(batch, len(self))
        order = self._draw(batch * self.steps(batch), rng)
        for start in range(0, len(order), batch):
            yield self._augmented(order[start : start + batch], rng)

    def ordered(self, batch: int) -> Iterator[Batch]:
        """Every row in order, all its squares one after another, as they are."""
        squares = self.pixels.shape[1]
        step = max(1, batch // squares)
        for start in range(0, len(self), step):
            chosen = np.arange(start, min(start + step, len(self)))
            pixels = self._get(self.rows[chosen]).flatten(0, 1)
            yield self._batch(self.standard.apply(pixels), chosen)

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        if self.weights is not None:
            return rng.choice(len(self), size=n, p=self.weights / self.weights.sum())
        rounds = -(-n // len(self))
        return np.concatenate([rng.permutation(len(self)) for _ in range(rounds)])[:n]

    def _augmented(self, chosen: np.ndarray, rng: np.random.Generator) -> Batch:
        square = rng.integers(self.pixels.shape[1], size=len(chosen))
        pixels = self._get(self.rows[chosen], square)
        if not self.augment:
            return self._batch(self.standard.apply(pixels), chosen)
        pixels = turn_each(pixels, rng.integers(SYMMETRIES, size=len(chosen)))
        shape = (pixels.shape[0], pixels.shape[1])
        gain, offset = jitter(shape, self.strength, rng=rng)
        return self._batch(self.standard.apply(pixels, gain, offset), chosen)

    def _get(self, rows: np.ndarray, square: np.ndarray | None = None) -> torch.Tensor:
        torch = require_torch()
        index = torch.from_numpy(rows).to(self.pixels.device)
        if square is None:
            return self.pixels[index].to(self.device)
        square = torch.from_numpy(square).to(self.pixels.device)
        return self.pixels[index, square].to(self.device)

    def _batch(self, images: torch.Tensor, chosen: np.ndarray) -> Batch:
        torch = require_torch()
        targets, features = (
            None if values is None else torch.from_numpy(values[chosen]).to(self.device)
            for values in (self.targets, self.features)
        )
        return Batch(images, chosen, targets, features)


def as_tensor(array: np.ndarray, device: str) -> torch.Tensor:
    """The pixel array as a tensor, on the device if it fills at most a quarter of its memory."""
    torch = require_torch()
    tensor = torch.from_numpy(array)
    if not device.startswith("cuda"):
        return tensor
    free, _ = torch.cuda.mem_get_info(device)
    return tensor.to(device) if array.nbytes <= _SHARE_OF_DEVICE * free else tensor
