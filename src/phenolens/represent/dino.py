"""A network that learns to say of one view what a running mean of itself says of another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from phenolens.represent.base import Options, register
from phenolens.represent.networks.selfsupervised import PairOptions, PairSettings, SelfSupervised

if TYPE_CHECKING:
    from phenolens.represent.networks.siamese import Distillation, Distilled

_HIDDEN = 64


@dataclass(frozen=True)
class DINOSettings(PairSettings):
    """Settings of DINO.

    Attributes
    ----------
    scores : int
        Numbers that student and teacher agree on.
    parts : int
        Small windows, of half the side, that the student sees beside the two views.
    cold, warm : float
        Temperatures of teacher and student.
    momentum : float
        How much of the teacher's weights stays at a step, at first; 1 at the end.
    centring : float
        How much of the centre of the teacher's scores stays at a step.
    """

    scores: int = 256
    parts: int = 2
    cold: float = 0.04
    warm: float = 0.1
    momentum: float = 0.99
    centring: float = 0.9


class DINOOptions(PairOptions):
    """``scores`` are agreed on; ``parts`` small windows are seen beside the two views.

    ``cold`` and ``warm`` are the temperatures of teacher and student, ``momentum`` and ``centring``
    what stays at a step of the teacher's weights and of the centre of its scores.
    """

    scores: Annotated[int, Field(ge=2)] = 256
    parts: Annotated[int, Field(ge=0, le=8)] = 2
    cold: Annotated[float, Field(gt=0)] = 0.04
    warm: Annotated[float, Field(gt=0)] = 0.1
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.99
    centring: Annotated[float, Field(ge=0, lt=1)] = 0.9


@register
@dataclass
class DINO(SelfSupervised):
    """DINO (Caron et al. 2021); its features are the teacher's pooled embedding.

    Nothing is held back to stop by: its loss follows the teacher and does not say how good it is.
    """

    settings: DINOSettings = field(default_factory=DINOSettings)
    name: str = "dino"

    label: ClassVar[str] = "DINO"
    methods: ClassVar[str] = (
        "DINO [caron2021] is a convolutional network ({architecture}) [he2016, liu2022], trained "
        "to say of one view what a running mean of itself says of another (positives: {positives}; "
        "{scores} scores, {parts} small windows)."
    )
    Options: ClassVar[type[Options]] = DINOOptions
    rank: ClassVar[int] = 44

    @classmethod
    def of(cls, options: DINOOptions, *, level: str, seed: int) -> DINO:
        """As the study file says, but that nothing is held back."""
        del seed
        common: dict[str, Any] = cls.common(options, level)
        common["training"] = replace(common["training"], validation="none")
        own = ("scores", "parts", "cold", "warm", "momentum", "centring")
        return cls(DINOSettings(**common, **{name: getattr(options, name) for name in own}))

    def build(self) -> Distilled:
        """A new network of these settings; needs the number of stains."""
        from phenolens.represent.networks.siamese import Distilled, Projected, Prototypes

        scores = self.settings.scores
        encoder = self.encoder()
        head = Prototypes(encoder.n_embedding, _HIDDEN, scores)
        return Distilled(Projected(encoder, head), scores)

    def _encoders(self) -> list:
        return [self.model.student.encoder, self.model.teacher.encoder]

    def _objective(self, steps: int) -> Distillation:
        from phenolens.represent.networks.siamese import Distillation

        settings = self.settings
        return Distillation(
            steps,
            parts=settings.parts,
            window=settings.window,
            momentum=settings.momentum,
            centring=settings.centring,
            cold=settings.cold,
            warm=settings.warm,
        )
