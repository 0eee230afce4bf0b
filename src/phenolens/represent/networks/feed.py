"""Batches of images for a network: drawn, augmented and standardised on its device."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from phenolens.represent.base import evenly
from phenolens.represent.networks.augment import Augment, turn
from phenolens.represent.networks.ranks import ALONE, Ranks
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

_SHARE_OF_DEVICE = 0.25
_WORKERS_FOR_A_GPU = 4
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

    def __len__(self) -> int:
        return len(self.rows)

    def split(self, parts: int) -> list[Batch]:
        """The same images in so many batches of about the same size, none of them empty."""
        edges = np.unique(np.arange(parts + 1) * len(self) // parts)
        return [self._cut(slice(*ends)) for ends in pairwise(edges.tolist())]

    def _cut(self, part: slice) -> Batch:
        held: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        return replace(self, **{name: of[part] for name, of in held.items() if of is not None})

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
        some = evenly(rows, n)
        sums = np.zeros((2, array.shape[2]), dtype=np.int64)
        for row in some:  # one image at a time: with tiles all of them are gigabytes
            pixels = array[row].astype(np.int64)
            sums += np.stack([(pixels**power).sum(axis=(0, 2, 3)) for power in (1, 2)])
        mean, square = sums / (len(some) * array[0, :, 0].size)
        sd = np.sqrt(np.maximum(square - mean**2, 0.0))
        return cls((mean / 255).astype(np.float32), np.maximum(sd / 255, 1e-3).astype(np.float32))

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

    def part(self, places: np.ndarray) -> Feed:
        """A feed of some of its rows, in this order, without chances or partners."""
        targets, features = (
            None if values is None else values[places] for values in (self.targets, self.features)
        )
        return replace(
            self,
            rows=self.rows[places],
            targets=targets,
            features=features,
            weights=None,
            positives=None,
        )

    def steps(self, batch: int) -> int:
        """Training batches an epoch."""
        return -(-len(self) // min(batch, len(self)))

    def training(
        self, batch: int, rng: np.random.Generator, *, ranks: Ranks = ALONE
    ) -> Iterator[Batch]:
        """An epoch of full batches; one square of each drawn image, augmented.

        Threads read the next ones from the store meanwhile (and pin them, for a GPU). The numbers
        that an image is augmented with hang on seed and batch alone, not on who was ready first.

        Parameters
        ----------
        batch : int
            Images of all ranks together.
        rng : Generator
            The same on every rank.
        ranks : Ranks
            Give this rank's part of every batch only.
        """
        batch = min(batch, len(self))
        order = self._draw(batch * self.steps(batch), rng)
        drawn = (
            self._drawn(order[start : start + batch], rng, ranks)
            for start in range(0, len(order), batch)
        )
        with closing(self._ahead(drawn)) as ready:  # threads end with whoever stops early
            for one, held in ready:
                yield self._batch(one, self._moved(held), augment=True)

    def ordered(self, batch: int, *, start: int = 0) -> Iterator[Batch]:
        """Every row in order, all its squares one after another, as they are.

        With positives, each square's partner (the same square of another row, or itself) is drawn
        and augmented with the same random numbers in every call.

        Parameters
        ----------
        batch : int
            Squares at once, at most; at least one row.
        start : int
            Leave out the rows before.
        """
        step = max(1, batch // self.pixels.shape[1])
        drawn = (
            self._in_order(np.arange(first, min(first + step, len(self))))
            for first in range(start, len(self), step)
        )
        with closing(self._ahead(drawn)) as ready:
            for one, held in ready:
                yield self._batch(one, self._moved(held), augment=False)

    def _drawn(self, rows: np.ndarray, rng: np.random.Generator, ranks: Ranks) -> _Drawn:
        """This rank's part of a batch of rows, with a square of each."""
        squares, mine = self.pixels.shape[1], ranks.mine(len(rows))
        partners = None if self.positives is None else self.positives.partners(rows, rng)
        square = rng.integers(squares, size=(2, len(rows)))[:, mine]
        own = rng.spawn(ranks.world)[ranks.rank]
        return _Drawn(rows[mine], own, square, None if partners is None else partners[mine])

    def _in_order(self, rows: np.ndarray) -> _Drawn:
        rng = np.random.default_rng([0, int(rows[0])])
        partners = None if self.positives is None else self.positives.partners(rows, rng)
        return _Drawn(rows, rng, None, partners)

    def _ahead(self, drawn: Iterable[_Drawn]) -> Generator[tuple[_Drawn, list[Any]], None, None]:
        """What was drawn with what it needs of the store, read by threads a little ahead."""
        workers = self._workers
        if not workers:
            yield from ((one, self._read(one)) for one in drawn)
            return
        pool, waiting = ThreadPoolExecutor(workers), deque[tuple[_Drawn, Any]]()
        try:
            for one in drawn:
                waiting.append((one, pool.submit(self._read, one)))
                if len(waiting) > 2 * workers:
                    ready, held = waiting.popleft()
                    yield ready, held.result()
            while waiting:
                ready, held = waiting.popleft()
                yield ready, held.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    @property
    def _workers(self) -> int:
        """Threads that read ahead: none where the store lies on the device that computes."""
        if self.device.startswith("cuda"):
            return 0 if self.pixels.is_cuda else _WORKERS_FOR_A_GPU
        return 1

    def _read(self, one: _Drawn) -> list[Any]:
        """Pixels, partner's pixels, targets and features of what was drawn."""
        torch = require_torch()
        square = (None, None) if one.square is None else one.square
        pairs = zip((one.rows, one.partners), square, strict=True)
        held = [None if rows is None else self._pixels(rows, of) for rows, of in pairs]
        for values in (self.targets, self.features):
            held.append(None if values is None else torch.from_numpy(values[one.rows]))
        if not self.device.startswith("cuda"):
            return held
        return [of if of is None or of.is_cuda else of.pin_memory() for of in held]

    def _pixels(self, rows: np.ndarray, square: np.ndarray | None) -> torch.Tensor:
        """Bytes of these rows, (B, C, S, S): one square of each, or all one after another."""
        torch = require_torch()
        index = torch.from_numpy(self.rows[rows]).to(self.pixels.device)
        if square is None:
            return self.pixels[index].flatten(0, 1)
        return self.pixels[index, torch.from_numpy(square).to(self.pixels.device)]

    def _moved(self, held: list[Any]) -> list[Any]:
        pinned = self.device.startswith("cuda")
        return [None if of is None else of.to(self.device, non_blocking=pinned) for of in held]

    def _batch(self, one: _Drawn, held: list[Any], *, augment: bool) -> Batch:
        pixels, other, targets, features = held
        images = self.augmented(pixels, one.rng) if augment else self.standard.apply(pixels)
        paired = None if other is None else self.augmented(other, one.rng)
        return Batch(images, one.rows, targets, features, paired)

    def _draw(self, n: int, rng: np.random.Generator) -> np.ndarray:
        if self.weights is not None:
            return _systematic(n, self.weights, rng)
        rounds = -(-n // len(self))
        return np.concatenate([rng.permutation(len(self)) for _ in range(rounds)])[:n]

    def augmented(self, pixels: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Bytes (B, C, S, S) augmented and standardised."""
        if self.augment is None:
            return self.standard.apply(pixels)
        pixels = self.augment.place(pixels, rng)
        gain, offset = self.augment.staining((pixels.shape[0], pixels.shape[1]), rng)
        return self.augment.spoil(self.standard.apply(pixels, gain, offset), rng)


@dataclass(frozen=True)
class _Drawn:
    """Rows of a batch: which square of each and of its partner (all where None), and what
    random numbers augment them."""

    rows: np.ndarray
    rng: np.random.Generator
    square: np.ndarray | None
    partners: np.ndarray | None


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
