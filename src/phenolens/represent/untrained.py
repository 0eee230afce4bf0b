"""The CNN with random weights: the baseline that has learned nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from phenolens.prepared import Prepared
from phenolens.represent.base import Kind, Learns, Options, Progress, register
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.devices import pick_device, repeatable
from phenolens.represent.networks.feed import Standard
from phenolens.represent.networks.network import BackboneOptions, Network, NetworkSettings
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    from phenolens.represent.networks.backbones import StainNetwork


@dataclass(frozen=True)
class UntrainedSettings(NetworkSettings):
    """Settings of the untrained network: its backbone and the seed of its weights."""

    backbone: Architecture = field(default_factory=Architecture)
    seed: int = 0


@register
@dataclass
class Untrained(Network):
    """The CNN with random weights: the baseline that has learned nothing."""

    settings: UntrainedSettings = field(default_factory=UntrainedSettings)
    name: str = "untrained"

    label: ClassVar[str] = "Untrained network"
    kind: ClassVar[Kind] = "baseline"
    methods: ClassVar[str] = (
        "The untrained network is one like the CNN's ({architecture}) [he2016, liu2022], "
        "with random weights."
    )
    learns: ClassVar[Learns] = "nothing"
    Options: ClassVar[type[Options]] = BackboneOptions
    rank: ClassVar[int] = 90

    @classmethod
    def of(cls, options: BackboneOptions, *, level: str, seed: int) -> Untrained:
        """As the study file says; its weights are drawn with the study's seed."""
        return cls(
            UntrainedSettings(
                options.pixels(level),
                options.training(),
                views=options.views,
                backbone=options.backbone(level),
                adapt=options.adapt,
                seed=seed,
            )
        )

    def fit(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Untrained:
        """Draw the weights; rows and labels are not looked at."""
        standard = Standard.fixed(len(prepared.channels))
        device = pick_device(self.settings.training.device)
        self.state = {"n_stains": len(prepared.channels), "trained_on": [], "labels_seen": []}
        self.state["standard"] = {"mean": standard.mean.tolist(), "sd": standard.sd.tolist()}
        self.state["made"] = {"device": device, "precision": "float32", "seed": self.settings.seed}
        with repeatable(self.settings.seed):
            self.model = self.build()
        self.model = self.model.to(device).to(memory_format=require_torch().channels_last)
        return self

    def build(self) -> StainNetwork:
        """A new network of these settings; needs the number of stains."""
        from phenolens.represent.networks.backbones import StainNetwork

        architecture = self.settings.backbone.at(self.settings.pixels.size)
        return StainNetwork(self.state["n_stains"], 1, architecture=architecture)
