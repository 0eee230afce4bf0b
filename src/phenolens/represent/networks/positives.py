"""Which two images are one thing for a network that learns what views of it share.

Two views of one cell, two cells of a well, or cells of two wells of one treatment.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from phenolens.errors import DesignError
from phenolens.profiles import PLATE, WELL
from phenolens.represent.networks.feed import Batch, Feed

Kinds = Literal["views", "well", "treatment"]


@dataclass(frozen=True)
class Positives:
    """Partners of images.

    Attributes
    ----------
    groups : ndarray of int64, shape (n,)
        Partners share it.
    apart : tuple of ndarray of int64, shape (n,)
        Parts of these groups. A partner comes from another part of the first of them where there is
        one, else from another part of the next. An image without any is its own partner: another
        view of itself.
    """

    groups: np.ndarray
    apart: tuple[np.ndarray, ...] = ()
    _order: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        order = np.lexsort((*reversed(self.apart), self.groups))
        object.__setattr__(self, "_order", order)

    def draw(self, chosen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A partner for each of these images; positions, as they are."""
        found = np.asarray(chosen).copy()
        alone = np.ones(len(found), dtype=bool)
        start, size = (part[found] for part in self._span(self.groups))
        for parts in self.apart:
            own, width = (part[found] for part in self._span(parts))
            place = start + np.floor(rng.random(len(found)) * (size - width)).astype(np.int64)
            place += np.where(place >= own, width, 0)
            now = alone & (size > width)
            found[now], alone = self._order[place[now]], alone & ~now
            if not alone.any():
                break
        return found

    def alone(self) -> float:
        """Share of the images that have no partner but themselves."""
        if not self.apart:
            return 1.0
        size, width = self._span(self.groups)[1], self._span(self.apart[-1])[1]
        return float(np.mean(size == width))

    def _span(self, parts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where in the order each image's part begins, and how many it has."""
        _, first, part, counts = np.unique(
            parts[self._order], return_index=True, return_inverse=True, return_counts=True
        )
        start, size = np.empty_like(self._order), np.empty_like(self._order)
        start[self._order], size[self._order] = first[part], counts[part]
        return start, size


def positives_of(kind: Kinds, metadata: pd.DataFrame, labels: np.ndarray | None) -> Positives:
    """Partners among images.

    Parameters
    ----------
    kind : {"views", "well", "treatment"}
        Another view of the image; another image of its well; an image of another plate, or else of
        another well, of its treatment.
    metadata : DataFrame
        Plate and well of the images.
    labels : ndarray of object, optional
        Their treatments.

    Raises
    ------
    DesignError
        If treatments are needed and are not there.
    """
    images = np.arange(len(metadata))
    if kind == "views":
        return Positives(images)
    wells = metadata.groupby([PLATE, WELL], sort=True).ngroup().to_numpy()
    if kind == "well":
        return Positives(wells, (images,))
    if labels is None or pd.isna(labels).any():
        raise DesignError(
            "Positives of the same treatment need the treatment of every training image, and some "
            "are missing. Take those wells out, or choose positives = 'well'."
        )
    known = pd.DataFrame({"treatment": np.asarray(labels).astype(str), "well": wells})
    known["plate"] = metadata[PLATE].astype(str).to_numpy()
    treatments, plates, within = (
        known.groupby(parts, sort=True).ngroup().to_numpy()
        for parts in (["treatment"], ["treatment", "plate"], ["treatment", "plate", "well"])
    )
    return Positives(treatments, (plates, within))


@dataclass(frozen=True)
class PairFeed(Feed):
    """A feed of pairs: a batch holds images, and after them the partner of each in that order.

    ``targets`` are the groups whose images are partners.
    """

    positives: Positives = field(default_factory=lambda: Positives(np.zeros(0, np.int64)))

    def training(self, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
        """An epoch of full batches; one square of each drawn image, augmented on its own."""
        batch = min(batch, len(self))
        order = self._draw(batch * self.steps(batch), rng)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            pairs = np.concatenate([chosen, self.positives.draw(chosen, rng)])
            yield self._augmented(pairs, rng)

    def ordered(self, batch: int) -> Iterator[Batch]:
        """Every image once beside a partner, augmented, the same at every call."""
        rng = np.random.default_rng(0)
        for start in range(0, len(self), batch):
            chosen = np.arange(start, min(start + batch, len(self)))
            pairs = np.concatenate([chosen, self.positives.draw(chosen, rng)])
            yield self._augmented(pairs, rng)
