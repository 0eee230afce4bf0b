"""From the scores of a group and of the control positions, fold by fold, to a p."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scores:
    """One group in one fold: its score, those of the null, and how far out each sits."""

    own: float
    own_outer: float
    null: np.ndarray
    outer: np.ndarray
    spots: int


def p_of_folds(folds: list[Scores]) -> tuple[float, float, float]:
    """p by counting, p by Student's t, and the smallest p by counting; NaN without a null."""
    usable = [fold for fold in folds if len(fold.null) > 2]
    return _p_values(_level_rings(usable)) if usable else (np.nan, np.nan, np.nan)


def _level_rings(folds: list[Scores]) -> list[Scores]:
    """Take out of each fold's scores what the outer rings add, learned in the other folds.

    Controls are rarer near the edge than treated wells, and score higher there: without this a
    treated well near the edge would be compared with the interior.
    """
    slopes = [_slope([other for other in folds if other is not fold]) for fold in folds]
    return [
        Scores(
            fold.own - slope * fold.own_outer,
            fold.own_outer,
            fold.null - slope * fold.outer,
            fold.outer,
            fold.spots,
        )
        for fold, slope in zip(folds, slopes, strict=True)
    ]


def _slope(folds: list[Scores]) -> float:
    """Slope of the null scores on the share of outer wells, shrunk by its own uncertainty."""
    if not folds:
        return 0.0
    y = np.concatenate([fold.null - fold.null.mean() for fold in folds])
    x = np.concatenate([fold.outer - fold.outer.mean() for fold in folds])
    spots = sum(fold.spots for fold in folds)
    if (x**2).sum() < 1e-12 or spots < 3:
        return 0.0
    slope = (x @ y) / (x @ x)
    error = ((y - slope * x) ** 2).mean() / (spots - 2) / (x**2).mean()
    return slope * max(0.0, 1 - error / slope**2) if slope else 0.0


def _p_values(folds: list[Scores]) -> tuple[float, float, float]:
    """p by counting, p by Student's t, and the smallest p by counting."""
    reached = sum((fold.null >= fold.own - 1e-9).mean() * fold.spots for fold in folds)
    spots = sum(fold.spots for fold in folds)
    smooth = float(np.mean([_tail(fold) for fold in folds]))
    return (1 + reached) / (1 + spots), smooth, 1 / (1 + spots)


def _tail(fold: Scores) -> float:
    """Chance that one more control position exceeds the score, were logits normal."""
    from scipy.stats import t

    n = min(fold.spots, len(fold.null))
    spread = fold.null.std(ddof=1) * np.sqrt(1 + 1 / n)
    return float(t.sf((fold.own - fold.null.mean()) / max(spread, 1e-12), n - 1))
