"""What networks share that learn by agreement: pairs, weights to start from, and collapse."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from warnings import warn

import numpy as np
from pydantic import Field

from phenolens.errors import DesignError
from phenolens.prepared import Prepared
from phenolens.represent.base import ALL, Card, Kind, Learns, Options, Progress, evenly
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.augment import Augment
from phenolens.represent.networks.feed import Feed, Positives
from phenolens.represent.networks.network import (
    BackboneOptions,
    Network,
    NetworkSettings,
    keys_of,
)
from phenolens.represent.networks.positives import Kinds, alone, positives_of
from phenolens.represent.networks.torches import require_torch
from phenolens.represent.networks.weights import find_weights, load_pretrained

if TYPE_CHECKING:
    from phenolens.represent.networks.backbones import StainNetwork

_APART = Augment(gain=0.2, offset=0.04)
_COLLAPSED = 1.5
_LOOKED_AT = 512


@dataclass(frozen=True)
class PairSettings(NetworkSettings):
    """Settings of a network that learns what views of one thing share.

    Attributes
    ----------
    positives : {"views", "well", "treatment"}
        What is one thing: a cell; the cells of a well; the cells of a treatment, each seen beside
        one of another plate (or else of another well). Only the last sees labels.
    backbone : Architecture
    weights : str
        ``""`` from scratch, ``imagenet`` from the hub, or a safetensors file.
    window : float
        A view is a window of this share of the side or more, not resized.
    """

    augment: Augment = field(default_factory=lambda: _APART)
    positives: Kinds = "views"
    backbone: Architecture = field(default_factory=Architecture)
    weights: str = ""
    window: float = 0.7


class PairOptions(BackboneOptions):
    """``positives``: views of one cell, or other cells of its ``well`` or its ``treatment``.

    Where they are of a treatment, labels are learned from, and the study holds back those that it
    asks about. ``window`` is the least share of an image's side that a view shows. Views differ in
    gain by 20 % and in offset by 0.04 or more, whatever `augment` says.
    """

    positives: Kinds = "views"
    window: Annotated[float, Field(gt=0.3, le=1)] = 0.7


@dataclass
class SelfSupervised(Network):
    """A network that learns by agreement of pairs; subclasses say by which objective."""

    settings: PairSettings = field(default_factory=PairSettings)

    kind: ClassVar[Kind] = "unsupervised"
    learns: ClassVar[Learns] = "pixels"
    Options: ClassVar[type[Options]] = PairOptions

    @classmethod
    def learns_with(cls, options: Any) -> Learns:
        """Labels, where positives are of one treatment; else pixels."""
        return "labels" if options.positives == "treatment" else "pixels"

    @classmethod
    def common(cls, options: PairOptions, level: str) -> dict[str, Any]:
        """The settings that all have, as the study file says."""
        return {
            "pixels": options.pixels(level),
            "training": options.training(),
            "views": options.views,
            "adapt": options.adapt,
            "positives": options.positives,
            "augment": replace(
                options.augment,
                gain=max(_APART.gain, options.augment.gain),
                offset=max(_APART.offset, options.augment.offset),
            ),
            "backbone": options.backbone(level),
            "weights": options.weights,
            "window": options.window,
        }

    def fit(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> SelfSupervised:
        """Learn what pairs of these rows share; labels are looked at only to pair by treatment.

        Raises
        ------
        DesignError
            If no row has a partner of the kind that is asked for.
        InputError
            If weights cannot be used, or the loss is lost at once.
        """
        rows = np.asarray(rows)
        labels = labels if self._labelled else None
        self.state = {"labels_seen": [] if labels is None else sorted(set(map(str, labels)))}
        self._prepare_training(prepared, rows, seed)
        self._pretrain()
        held = self._held_back(prepared, rows, labels, seed)
        feeds = (
            self._pairs(prepared, rows[~held], None if labels is None else labels[~held]),
            self._pairs(prepared, rows[held], None if labels is None else labels[held]),
        )
        if held.sum() < 2:
            feeds = (feeds[0], replace(feeds[1], rows=rows[:0]))
        without = alone(feeds[0].positives or Positives())
        if without == 1 and self.settings.positives != "views":
            raise DesignError(
                f"'{self.name}': no training image has another of its {self.settings.positives}; "
                "choose positives = 'views'."
            )
        self.state["made"]["without_partner"] = without
        identity = [keys_of(prepared, rows), self.store(prepared).digest()]
        identity += [] if labels is None else [list(map(str, labels))]
        steps = feeds[0].steps(self.settings.training.batch) * self.settings.training.epochs
        self._train(self._objective(steps), feeds, identity=identity, progress=progress)
        self._look_for_collapse(prepared, rows)
        return self

    def card(self, prepared: Prepared, *, fold: str = ALL) -> Card:
        """How the features came to be; positives of a treatment are labels seen."""
        card = super().card(prepared, fold=fold)
        return replace(card, learns="labels", kind="supervised") if self._labelled else card

    @property
    def _labelled(self) -> bool:
        return self.settings.positives == "treatment"

    def _pairs(self, prepared: Prepared, rows: np.ndarray, labels: np.ndarray | None) -> Feed:
        metadata = prepared.images.metadata.iloc[rows].reset_index(drop=True)
        positives = positives_of(self.settings.positives, metadata, labels)
        return self.inputs(prepared, rows, targets=positives.groups, positives=positives)

    def _objective(self, steps: int) -> Any:
        """What it is trained for, in so many steps."""
        raise NotImplementedError

    def encoder(self) -> StainNetwork:
        """A new encoder of these settings."""
        from phenolens.represent.networks.backbones import StainNetwork

        settings = self.settings
        pretrained = bool(settings.weights)
        architecture = settings.backbone.at(settings.pixels.size, pretrained=pretrained)
        return StainNetwork(self.state["n_stains"], 1, architecture=architecture)

    def _pretrain(self) -> None:
        if self.settings.weights:
            path, origin, licence = find_weights(
                self.settings.weights, self.settings.backbone.family
            )
            for encoder in self._encoders():
                load_pretrained(encoder, path)
            self.state |= {"weights": origin, "licence": licence}

    def _encoders(self) -> list[StainNetwork]:
        return [self.model.encoder]

    def _look_for_collapse(self, prepared: Prepared, rows: np.ndarray) -> None:
        """Say on the card how many dimensions are used, and warn where all images look alike."""
        from phenolens.represent.networks.contrast import effective_dimensions

        some = evenly(rows, _LOOKED_AT)
        features = self._collect(self.inputs(prepared, some), what=self._embed)
        used = effective_dimensions(require_torch().from_numpy(features))
        self.state["made"]["effective_dimensions"] = round(used, 2)
        if used < _COLLAPSED:
            warn(
                f"'{self.name}' has collapsed: its features of {len(some)} training images fill "
                f"{used:.1f} dimensions. Train longer, with more images or larger batches.",
                stacklevel=3,
            )
