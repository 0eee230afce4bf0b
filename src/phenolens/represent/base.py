"""What a representation is: a card, something that may learn, and something that extracts.

A representation reads images of a :class:`~phenolens.prepared.Prepared` store and gives one row
of features an image. What is the same for everybody (``learns = "nothing"``) is made once, as fold
``all``; what learns is fitted once per fold, on that fold's training rows only.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Literal, Protocol

import numpy as np
import pandas as pd

from phenolens.errors import LeakError
from phenolens.prepared import Prepared, Progress
from phenolens.profiles import feature_names, from_frame

Learns = Literal["nothing", "pixels", "labels"]
ALL = "all"


@dataclass(frozen=True)
class Card:
    """How a block of features came to be, and which rows and labels it has seen.

    Attributes
    ----------
    name : str
        Name of the representation.
    level : str
        What one row is: ``cell``, ``tile``, ``field`` or ``well``.
    channels : tuple of str
    learns : {"nothing", "pixels", "labels"}
    fold : str
        The fold it was fitted for, or ``all``.
    preprocessing : dict
        Scaling, size and what else was done to the pixels.
    weights, weights_digest, licence : str
        Origin of pretrained weights, digest of the weights used, and their licence.
    trained_on : tuple of str
        ``plate/well`` of the wells whose pixels it learned from.
    labels_seen : tuple of str
        Treatments whose labels it learned from.
    """

    name: str
    level: str
    channels: tuple[str, ...]
    learns: Learns = "nothing"
    fold: str = ALL
    preprocessing: dict = field(default_factory=dict)
    weights: str = ""
    weights_digest: str = ""
    licence: str = ""
    trained_on: tuple[str, ...] = ()
    labels_seen: tuple[str, ...] = ()

    def as_dict(self) -> dict:
        """Plain values, for JSON."""
        return asdict(self)


class Representation(Protocol):
    """The contract of a representation; :func:`phenolens.testing.check_representation` tests it."""

    name: str
    learns: Learns

    def fit(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        labels: np.ndarray | None,
        seed: int,
        progress: Progress | None,
    ) -> Representation:
        """Learn from these rows of the store only; returns the fitted representation."""

    def extract(
        self, prepared: Prepared, rows: np.ndarray, *, progress: Progress | None
    ) -> np.ndarray:
        """Features of these rows, float32 (len(rows), n_features)."""

    def card(self, prepared: Prepared, *, fold: str) -> Card:
        """How the features came to be."""


def table(prepared: Prepared, rows: np.ndarray, features: np.ndarray, *, name: str) -> pd.DataFrame:
    """Profile table of extracted features: the images' metadata as row index."""
    metadata = prepared.images.metadata.iloc[rows].reset_index(drop=True)
    names = feature_names(name, features.shape[1])
    frame = pd.DataFrame(features.astype(np.float32), columns=names)
    return from_frame(pd.concat([metadata, frame], axis=1))


def refuse_overlap(card: Card, plates_and_wells: list[str], treatments: list[str]) -> None:
    """Raise :class:`LeakError` when rows under examination were learned from.

    Parameters
    ----------
    card : Card
    plates_and_wells : list of str
        ``plate/well`` of the rows to be scored.
    treatments : list of str
        Treatments to be scored without having been seen; empty where labels may be seen
        (classification of held-out wells).
    """
    wells = sorted(set(card.trained_on) & set(plates_and_wells))
    labels = sorted(set(card.labels_seen) & set(treatments))
    if wells or labels:
        what = f"{len(wells)} wells ({', '.join(wells[:3])})" if wells else f"labels {labels[:3]}"
        raise LeakError(
            f"Representation '{card.name}' (fold {card.fold}) learned from {what} that it was "
            "about to be scored on. Score it on the rows its fold held out."
        )
