"""The settings that decide a number, with one set of defaults for study, command and notebook."""

from __future__ import annotations

import operator
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any, Literal, TypeVar, get_args

from phenolens.errors import ConfigError, did_you_mean, either, named, shown

LeaveOut = Literal[
    "auto", "well", "plate", "batch", "source", "position", "compound", "scaffold", "target"
]
Scaling = Literal["mad", "standard", "none"]
Middle = Literal["median", "mean"]
Spread = Literal["auto", "plate", "screen"]
Position = Literal["none", "remove"]
Transform = Literal["none", "rank-gaussian"]
CellCountEffect = Literal["none", "remove"]
Whitening = Literal["sphering", "zca", "pca", "pca-cor", "tvn", "none"]
Shrinkage = Literal["fixed", "ledoit-wolf"]
LearnedMetric = Literal["none", "within-class", "discriminant"]
Projection = Literal["max", "mean", "middle", "best focus"] | int
PositionSafe = Literal["auto", "yes", "no"]

Word = TypeVar("Word", bound=str)
WORDS = {
    "leave_out": get_args(LeaveOut),
    "method": get_args(Scaling),
    "aggregate": get_args(Middle),
    "spread": get_args(Spread),
    "position": get_args(Position),
    "transform": get_args(Transform),
    "cell_count": get_args(CellCountEffect),
    "whitening": get_args(Whitening),
    "shrinkage": get_args(Shrinkage),
    "position_safe": get_args(PositionSafe),
    "learned_metric": get_args(LearnedMetric),
}
# Least and greatest whole numbers; scikit-learn takes seeds of 32 bits.
RANGES = {
    "seed": (0, 2**32 - 1),
    "max_folds": (2, None),
    "permutations": (1, None),
    "bootstrap": (1, None),
    "clusters": (2, None),
    "jobs": (1, None),
    "threads": (1, None),
    "plates": (1, None),
    "replicates": (1, None),
}
SHARES = ("alpha",)
POSITIVE = ("clip", "regularization")
SWITCHES = ("hub_correction", "quality_weights")


HARMONY_IS_FOR_MAPS = (
    "Harmony moves all wells together, treated ones too, and has no transform for wells that it "
    "has not seen, so nothing that it made can be scored. It can align maps: [evaluate] "
    "map_alignment = 'harmony', or phenolens.harmonize; to align what is scored, whitening = 'tvn'."
)


def one_of(setting: str, value: object, words: tuple[Word, ...]) -> Word:
    """The word, if it is one of those that a setting takes.

    Raises
    ------
    ConfigError
        Names the word that was probably meant, or all.
    """
    if isinstance(value, str) and value == "harmony" and value not in words:
        raise ConfigError(f"{named(setting)} has no 'harmony': {HARMONY_IS_FOR_MAPS}")
    for word in words if isinstance(value, str) else ():
        if word == value:
            return word
    meant = did_you_mean(value, words) if isinstance(value, str) else "."
    end = meant if meant != "." else f"; it takes {either(words)}."
    raise ConfigError(f"{named(setting)} has no {shown(value)}{end}")


def whole(setting: str, value: Any, *, least: int, most: int | None = None) -> int:
    """The whole number, NumPy's too, if it lies between the two.

    Raises
    ------
    ConfigError
    """
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None or number < least or (most is not None and number > most):
        limits = span(least, most)
        raise ConfigError(f"{named(setting)} must be a whole number, {limits}; got {shown(value)}.")
    return number


def in_range(setting: str, value: object) -> int:
    """The whole number, if it lies in the range of its setting; see :data:`RANGES`.

    Raises
    ------
    ConfigError
    """
    least, most = RANGES[setting]
    return whole(setting, value, least=least, most=most)


def span(least: int, most: int | None) -> str:
    """``1 or more``, ``0 to 9``."""
    return f"{least} or more" if most is None else f"{least} to {most}"


def share(setting: str, value: object) -> float:
    """The number, if it lies between 0 and 1, both left out.

    Raises
    ------
    ConfigError
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < 1:
        raise ConfigError(f"{named(setting)} must be a number between 0 and 1; got {shown(value)}.")
    return float(value)


def positive(setting: str, value: object) -> float:
    """The number, if it is above 0.

    Raises
    ------
    ConfigError
    """
    if isinstance(value, bool) or not isinstance(value, Real) or not float(value) > 0:
        raise ConfigError(f"{named(setting)} must be a number above 0; got {shown(value)}.")
    return float(value)


def yes_or_no(setting: str, value: object) -> bool:
    """The truth value, NumPy's too; text such as ``"no"`` would be true.

    Raises
    ------
    ConfigError
    """
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise ConfigError(f"{named(setting)} must be True or False; got {shown(value)}.")


@dataclass(frozen=True)
class Settings:
    """What decides a number once the wells are given.

    The sections `splits`, `normalize` and `evaluate` of a study file hold the same settings with
    the same defaults; they travel with the profiles that a study writes.

    Attributes
    ----------
    seed : int
        All randomness derives from it.
    leave_out : str
        What classification holds out: ``auto``, ``well``, ``plate``, ``batch``, ``source``,
        ``position``, ``compound``, ``scaffold`` or ``target``.
    max_folds : int
        Largest number of folds.
    method : {"mad", "standard", "none"}
        How a plate's calibrating controls scale its wells.
    aggregate : {"median", "mean"}
        How cells and fields become wells.
    quality_weights : bool
        Whether cells of fields that are out of focus, saturated or full of debris, beside the
        calibrating control fields of their plate, count for less in their well.
    clip : float
        Largest absolute value after scaling.
    spread : {"auto", "plate", "screen"}
        Whose controls give the spread: the plate's, or all plates' (``auto``: all plates' where a
        plate has fewer than 16 calibrating controls).
    position : {"none", "remove"}
        Whether the surface over the plate that calibrating controls show is subtracted before
        wells are compared. It erases no treatment, but where no control sits it is extrapolated.
    cell_count : {"none", "remove"}
        Whether what features follow the cell count by among calibrating controls is subtracted.
        A treatment that changes the number of cells then has to show more than that.
    transform : {"none", "rank-gaussian"}
        Whether features become normal quantiles of their rank among calibrating controls. What
        lies beyond every control gets one and the same value, however far it lies.
    whitening : {"sphering", "zca", "pca", "pca-cor", "tvn", "none"}
        How calibrating controls even out the directions in which they vary anyway: ZCA of their
        correlations (``sphering``), ZCA of covariances, principal components of either, or typical
        variation normalization, which aligns batches too.
    regularization : float
        Of whitening: in units of a feature's variance among calibrating controls; for ``tvn`` the
        share of the identity in each covariance, 1 at most.
    shrinkage : {"fixed", "ledoit-wolf"}
        Whether `regularization` says how far whitening is held back, or calibrating controls do.
    permutations : int
        Labellings drawn for a p-value.
    bootstrap : int
        Draws behind an interval of classification.
    alpha : float
        Level of the false discovery rate.
    clusters : int
        Number of k-means clusters.
    position_safe : {"auto", "yes", "no"}
        Whether activity compares control positions instead of wells; ``auto`` where treatments
        keep their position on all plates.
    hub_correction : bool
        Whether matching lowers the similarity to treatments that are near to everything.
    learned_metric : {"none", "within-class", "discriminant"}
        Whether classification learns, on each fold's training wells, how wells of one treatment
        differ, and lets such differences count for less; ``discriminant`` keeps the directions
        between treatments only. Where no wells are held out, nothing is learned.

    Raises
    ------
    ConfigError
        If a value is none that its setting takes.
    """

    seed: int = 0
    leave_out: LeaveOut = "auto"
    max_folds: int = 5
    method: Scaling = "mad"
    aggregate: Middle = "median"
    quality_weights: bool = False
    clip: float = 50.0
    spread: Spread = "auto"
    position: Position = "none"
    cell_count: CellCountEffect = "none"
    transform: Transform = "none"
    whitening: Whitening = "sphering"
    regularization: float = 0.1
    shrinkage: Shrinkage = "fixed"
    permutations: int = 10_000
    bootstrap: int = 1_000
    alpha: float = 0.05
    clusters: int = 10
    position_safe: PositionSafe = "auto"
    hub_correction: bool = False
    learned_metric: LearnedMetric = "none"

    def __post_init__(self) -> None:
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if name in WORDS:
                value = one_of(name, value, WORDS[name])
            elif name in RANGES:
                value = in_range(name, value)
            elif name in SHARES:
                value = share(name, value)
            elif name in POSITIVE:
                value = positive(name, value)
            elif name in SWITCHES:
                value = yes_or_no(name, value)
            object.__setattr__(self, name, value)


DEFAULTS = Settings()
LAYOUT = 4
"""Version of the files that a study leaves; folders of another one are not mixed with."""
