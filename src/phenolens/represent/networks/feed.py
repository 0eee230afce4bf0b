"""Batches of images for a network: drawn, augmented and standardised on its device."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from phenolens.represent.networks.augment import Augment, turn
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

_SHARE_OF_DEVICE = 0.25
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


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
    paired : Tensor of float32, (B, C, S, S), or None
        Of a feed with :class:`Positives`: beside each image one that should look the same to the
        network, augmented on its own.
    """

    images: torch.Tensor
    rows: np.ndarray
    targets: torch.Tensor | None = None
    features: torch.Tensor | None = None
    paired: torch.Tensor | None = None

    def turned(self, code: int) -> Batch:
        """The same images in one of the eight symmetries of the square; 0 is as they are."""
        if not code:
            return self
        images = turn(self.images, code)
        return replace(self, images=images.contiguous(memory_format=require_torch().channels_last))


@dataclass(frozen=True)
class Positives:
    """Which image is shown beside each: itself once more, or another of the same group.

    Partners are drawn anew for every batch, each with the same chance. An image that has none is
    its own partner. Either way both views are augmented, each on its own.

    Attributes
    ----------
    groups : ndarray of int64, shape (n,), or None
        What each row of the feed belongs to (its well, its treatment), as codes. None shows
        the image itself.
    apart : ndarray of int64, shape (n,), or None
        Partners of a group must differ in this: with treatments as groups, wells here give a cell
        of another well, plates a cell of another plate. None is any other row of the group.

    Examples
    --------
    Other cells of the same well, and cells of other plates of the same treatment::

        Positives(groups=wells)
        Positives(groups=treatments, apart=plates)

    An objective that contrasts groups needs to know them: give them as ``targets`` of the feed too.
    """

    groups: np.ndarray | None = None
    apart: np.ndarray | None = None

    def partners(self, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A partner for each of these rows, int64 (len(chosen),)."""
        if self.groups is None:
            return chosen
        order, group, part = self._sorted
        start, end = (np.searchsorted(group, self.groups[chosen], side) for side in _SIDES)
        own = self._parts[chosen]
        first, last = (np.searchsorted(part, own, side) for side in _SIDES)
        others = (end - start) - (last - first)
        drawn = start + rng.integers(np.maximum(others, 1))
        drawn += np.where(drawn >= first, last - first, 0)
        return np.where(others > 0, order[np.minimum(drawn, len(order) - 1)], chosen)

    @cached_property
    def _parts(self) -> np.ndarray:
        """Codes of group and part together, rising with the group."""
        assert self.groups is not None
        apart = np.arange(len(self.groups)) if self.apart is None else self.apart
        both = np.stack([self.groups, apart], axis=1)
        return np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)

    @cached_property
    def _sorted(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows in order of group and part, and both of them in that order."""
        assert self.groups is not None
        order = np.argsort(self._parts, kind="stable")
        return order, self.groups[order], self._parts[order]


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
    augment : Augment or None
        What is changed at random in training batches.
    positives : Positives or None
        Give each batch a second view of every image, ``batch.paired``.
    """

    pixels: torch.Tensor
    rows: np.ndarray
    standard: Standard
    device: str = "cpu"
    targets: np.ndarray | None = None
    features: np.ndarray | None = None
    weights: np.ndarray | None = None
    augment: Augment | None = field(default_factory=Augment)
    positives: Positives | None = None

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
            chosen = order[start : start + batch]
            images = self._augmented(self._squares(chosen, rng), rng)
            paired = None
            if self.positives is not None:
                partners = self.positives.partners(chosen, rng)
                paired = self._augmented(self._squares(partners, rng), rng)
            yield self._batch(images, chosen, paired)

    def ordered(self, batch: int) -> Iterator[Batch]:
        """Every row in order, all its squares one after another, as they are.

        With positives, each square's partner (the same square of another row, or itself) is drawn
        and augmented with the same random numbers in every call.
        """
        squares = self.pixels.shape[1]
        step = max(1, batch // squares)
        rng = np.random.default_rng(0)
        for start in range(0, len(self), step):
            chosen = np.arange(start, min(start + step, len(self)))
            images = self.standard.apply(self._all_squares(chosen))
            paired = None
            if self.positives is not None:
                partners = self.positives.partners(chosen, rng)
                paired = self._augmented(self._all_squares(partners), rng)
            yield self._batch(images, chosen, paired)

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        if self.weights is not None:
            return _systematic(n, self.weights, rng)
        rounds = -(-n // len(self))
        return np.concatenate([rng.permutation(len(self)) for _ in range(rounds)])[:n]

    def _augmented(self, pixels: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Bytes (B, C, S, S) augmented and standardised."""
        if self.augment is None:
            return self.standard.apply(pixels)
        pixels = self.augment.place(pixels, rng)
        gain, offset = self.augment.staining((pixels.shape[0], pixels.shape[1]), rng)
        return self.augment.spoil(self.standard.apply(pixels, gain, offset), rng)

    def _squares(self, chosen: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
        """One square of each of these rows, at random."""
        torch = require_torch()
        square = torch.from_numpy(rng.integers(self.pixels.shape[1], size=len(chosen)))
        index = torch.from_numpy(self.rows[chosen])
        index, square = index.to(self.pixels.device), square.to(self.pixels.device)
        return self.pixels[index, square].to(self.device)

    def _all_squares(self, chosen: np.ndarray) -> torch.Tensor:
        index = require_torch().from_numpy(self.rows[chosen]).to(self.pixels.device)
        return self.pixels[index].flatten(0, 1).to(self.device)

    def _batch(
        self, images: torch.Tensor, chosen: np.ndarray, paired: torch.Tensor | None
    ) -> Batch:
        torch = require_torch()
        targets, features = (
            None if values is None else torch.from_numpy(values[chosen]).to(self.device)
            for values in (self.targets, self.features)
        )
        return Batch(images, chosen, targets, features, paired)


def _systematic(n: int, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows drawn `n` times by weight, each as often as expected but for less than one draw.

    Drawing with replacement would leave out a third of the images of an epoch.
    """
    order = rng.permutation(len(weights))
    ends = np.cumsum(weights[order])
    places = (np.arange(n) + rng.random()) * (ends[-1] / n)
    drawn = order[np.minimum(np.searchsorted(ends, places, side="right"), len(order) - 1)]
    return rng.permutation(drawn)


def as_tensor(array: np.ndarray, device: str) -> torch.Tensor:
    """The pixel array as a tensor, on the device if it fills at most a quarter of its memory."""
    torch = require_torch()
    tensor = torch.from_numpy(array)
    if not device.startswith("cuda"):
        return tensor
    free, _ = torch.cuda.mem_get_info(device)
    return tensor.to(device) if array.nbytes <= _SHARE_OF_DEVICE * free else tensor
