"""What somebody declares about a study: images, training, split, scores; all of it optional.

The classes hold plain values, so that any reader can fill them; ``docs/audit.md`` lists the keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from phenolens.vehicles import NAMES

CONTROL_WORDS = NAMES
Share = Literal["all", "part", "none"]


class Strict:
    """Unknown keys are refused where a section is read from a file."""

    __pydantic_config__: ClassVar[dict] = {"extra": "forbid"}


@dataclass(frozen=True)
class About(Strict):
    """Section ``[study]``: the class column, names of controls, baselines shown beside scores."""

    name: str = ""
    label: str | None = None
    controls: tuple[str, ...] = CONTROL_WORDS
    baselines: tuple[str, ...] = ()


@dataclass(frozen=True)
class DeclaredImages(Strict):
    """Section ``[images]``: stains recorded, stains used, and the form the network saw."""

    stains: tuple[str, ...] = ()
    used: tuple[str, ...] | None = None
    input: Literal["stains", "rgb", "grey"] | None = None


@dataclass(frozen=True)
class Training(Strict):
    """Section ``[training]``: transforms of both subsets, and whether they share one dataset."""

    train_transforms: tuple[str, ...] | None = None
    test_transforms: tuple[str, ...] | None = None
    shared_dataset: bool | None = None


@dataclass(frozen=True)
class Split(Strict):
    """Section ``[split]``: what was dealt out to training and test."""

    unit: Literal["cell", "field", "well", "plate", "batch", "position", "treatment"] | None = None


@dataclass(frozen=True)
class Controls(Strict):
    """Section ``[controls]``: control wells that scaled the profiles, and those tested against."""

    scale_on: Share | None = None
    judge_against: Share | None = None


@dataclass(frozen=True)
class Attribution(Strict):
    """Section ``[attribution]``: how heatmaps became areas; sizes in pixels of the network."""

    threshold: Literal["relative", "quantile", "absolute"] | None = None
    value: float | None = None
    map_size: int | None = None
    image_size: int | None = None
    nucleus_diameter: float | None = None


@dataclass(frozen=True)
class DeclaredRepresentation(Strict):
    """One ``[[representations]]``: what it learned from, and how its rows got their labels."""

    name: str
    trained_on: Literal["all", "train", "none"] | tuple[str, ...] | None = None
    supervised: bool | None = None
    shuffled: bool | None = None
    labels_by: Literal["key", "order"] | None = None
    blocks: dict[str, int | str | tuple[str, ...]] = field(default_factory=dict)
    scaled: bool | None = None


@dataclass(frozen=True)
class Score(Strict):
    """One ``[[scores]]``: a number as reported, the rows it is of, and the labels it is against."""

    representation: str
    metric: str
    value: float
    on: Literal["test", "train", "all"] = "test"
    labels: Literal["treatment", "kmeans"] | None = None
    n: int | None = None
    k: int | None = None


@dataclass(frozen=True)
class HypothesisTest(Strict):
    """One ``[[tests]]``: a hypothesis test, and what it counted as one observation."""

    name: str
    unit: Literal["pixel", "cell", "field", "well", "plate", "treatment"]


@dataclass(frozen=True)
class Declaration(Strict):
    """What is declared of a study: all that ``design.toml`` may say."""

    study: About = About()
    images: DeclaredImages = DeclaredImages()
    training: Training = Training()
    split: Split = Split()
    controls: Controls = Controls()
    attribution: Attribution = Attribution()
    representations: tuple[DeclaredRepresentation, ...] = ()
    scores: tuple[Score, ...] = ()
    tests: tuple[HypothesisTest, ...] = ()

    def representation(self, name: str) -> DeclaredRepresentation:
        """What is declared of a representation; nothing but its name where nothing is."""
        known = {item.name: item for item in self.representations}
        return known.get(name, DeclaredRepresentation(name))

    def reported(self, *metrics: str, on: str | None = None) -> list[Score]:
        """Scores of these metrics (``-`` and ``_`` alike), of the rows in question."""
        return [
            score
            for score in self.scores
            if score.metric.lower().replace("-", "_") in metrics and on in (None, score.on)
        ]
