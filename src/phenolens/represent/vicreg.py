"""A network whose views agree, whose directions all live, and none of which repeats another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from phenolens.represent.base import Options, register
from phenolens.represent.networks.selfsupervised import PairOptions, PairSettings, SelfSupervised

if TYPE_CHECKING:
    import torch

    from phenolens.represent.networks.siamese import Agreement, Projected


@dataclass(frozen=True)
class VICRegSettings(PairSettings):
    """Settings of VICReg.

    Attributes
    ----------
    invariance, variance, covariance : float
        Weights of the three terms; see :func:`~phenolens.represent.networks.contrast.vicreg`.
    """

    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0


class VICRegOptions(PairOptions):
    """``invariance``, ``variance`` and ``covariance`` weigh the three terms of the loss."""

    invariance: Annotated[float, Field(gt=0)] = 25.0
    variance: Annotated[float, Field(gt=0)] = 25.0
    covariance: Annotated[float, Field(ge=0)] = 1.0


@register
@dataclass
class VICReg(SelfSupervised):
    """VICReg (Bardes et al. 2022); its features are the encoder's pooled embedding."""

    settings: VICRegSettings = field(default_factory=VICRegSettings)
    name: str = "vicreg"

    label: ClassVar[str] = "VICReg"
    methods: ClassVar[str] = (
        "VICReg [bardes2022] is a convolutional network ({architecture}) [he2016, liu2022], "
        "trained without a classifier so that pairs agree (positives: {positives}) and directions "
        "vary without repeating one another (weights {invariance:g}, {variance:g}, {covariance:g})."
    )
    Options: ClassVar[type[Options]] = VICRegOptions
    rank: ClassVar[int] = 43

    @classmethod
    def of(cls, options: VICRegOptions, *, level: str, seed: int) -> VICReg:
        """As the study file says."""
        del seed
        return cls(
            VICRegSettings(
                **cls.common(options, level),
                invariance=options.invariance,
                variance=options.variance,
                covariance=options.covariance,
            )
        )

    def build(self) -> Projected:
        """A new network of these settings; needs the number of stains."""
        from phenolens.represent.networks.siamese import Projected, projector

        encoder = self.encoder()
        embedded = encoder.n_embedding
        return Projected(encoder, projector(embedded, embedded, layers=3))

    def _objective(self, steps: int) -> Agreement:
        from phenolens.represent.networks.contrast import vicreg
        from phenolens.represent.networks.siamese import Agreement

        del steps
        settings = self.settings

        def loss(
            first: torch.Tensor, second: torch.Tensor, groups: torch.Tensor | None
        ) -> torch.Tensor:
            del groups
            return vicreg(
                first,
                second,
                invariance=settings.invariance,
                variance=settings.variance,
                covariance=settings.covariance,
            )

        return Agreement(loss, settings.window)
