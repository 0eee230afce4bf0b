"""A network that learns to find, in a batch, the partner of each view."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from phenolens.represent.base import Options, register
from phenolens.represent.networks.selfsupervised import PairOptions, PairSettings, SelfSupervised

if TYPE_CHECKING:
    import torch

    from phenolens.represent.networks.siamese import Agreement, Projected

_PROJECTED = 64


@dataclass(frozen=True)
class SimCLRSettings(PairSettings):
    """Settings of SimCLR.

    Attributes
    ----------
    temperature : float
        Lower ones make the nearest negatives count more.
    """

    temperature: float = 0.2


class SimCLROptions(PairOptions):
    """``temperature`` of the cross-entropy; lower ones make the nearest negatives count more."""

    temperature: Annotated[float, Field(gt=0)] = 0.2


@register
@dataclass
class SimCLR(SelfSupervised):
    """SimCLR (Chen et al. 2020); its features are the encoder's pooled embedding."""

    settings: SimCLRSettings = field(default_factory=SimCLRSettings)
    name: str = "simclr"

    label: ClassVar[str] = "SimCLR"
    methods: ClassVar[str] = (
        "SimCLR [chen2020] is a convolutional network ({architecture}) [he2016, liu2022], trained "
        "without a classifier to tell pairs from other images of a batch (positives: {positives}; "
        "temperature {temperature})."
    )
    Options: ClassVar[type[Options]] = SimCLROptions
    rank: ClassVar[int] = 42

    @classmethod
    def of(cls, options: SimCLROptions, *, level: str, seed: int) -> SimCLR:
        """As the study file says."""
        del seed
        return cls(SimCLRSettings(**cls.common(options, level), temperature=options.temperature))

    def build(self) -> Projected:
        """A new network of these settings; needs the number of stains."""
        from phenolens.represent.networks.siamese import Projected, projector

        encoder = self.encoder()
        return Projected(encoder, projector(encoder.n_embedding, _PROJECTED, layers=2))

    def _objective(self, steps: int) -> Agreement:
        from phenolens.represent.networks.contrast import nt_xent
        from phenolens.represent.networks.siamese import Agreement

        del steps

        def loss(
            first: torch.Tensor, second: torch.Tensor, groups: torch.Tensor | None
        ) -> torch.Tensor:
            return nt_xent(first, second, temperature=self.settings.temperature, groups=groups)

        return Agreement(loss, self.settings.window)
