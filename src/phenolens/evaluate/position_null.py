"""Test of wells against control wells that share a position as they do.

Where one layout is repeated on all plates, replicates of a perturbation sit at one position, and
whatever the position does to cells they share. The exchangeable unit is then the position: a
perturbation is compared with groups of control wells that sit together at one position too.

Controls have roles that never overlap: those that *fit* (plate means, surface, metric) are not
among those that *form the null* and compete in the ranking. The roles rotate over folds of
positions, and a p counts how many control positions, each scored by a model that never saw it,
reach the perturbation under that same model.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from phenolens.errors import DesignError
from phenolens.evaluate import position_model
from phenolens.evaluate.average_precision import AveragePrecision, average_precision
from phenolens.evaluate.permutation import Pool
from phenolens.evaluate.wells import Wells

FOLDS = 4
# The positions are dealt into folds this often and the p averaged, so that it hangs less on luck.
DEALS = 3
VALUES = ("value", "change", "n_total")
# A mean average precision of 1 has no logit; lists are too short to tell more nines apart.
TOP = 0.999


@dataclass(frozen=True)
class Screen:
    """Wells by plate and position.

    Attributes
    ----------
    values : ndarray of float64, shape (n_wells, n_features)
    plate : ndarray of int64, shape (n_wells,)
    position : ndarray of int64, shape (n_wells, 2)
    spot : ndarray of int64, shape (n_wells,)
        Number of the position.
    shape : tuple of int
        Rows and columns of the plate.
    within : ndarray of int64, shape (n_wells,)
        References share this code with the query.
    """

    values: np.ndarray
    plate: np.ndarray
    position: np.ndarray
    spot: np.ndarray
    shape: tuple[int, int]
    within: np.ndarray

    @property
    def outer(self) -> np.ndarray:
        """1 for wells in the two outer rings, else 0."""
        return (position_model.ring(self.position, self.shape) < 2).astype(np.float64)


@dataclass(frozen=True)
class Verdict:
    """What the test says of each group of wells.

    Attributes
    ----------
    p, p_smooth : ndarray of float64, shape (n_groups,)
        From counting control positions, and from Student's t on the logit scale; NaN where no
        control position has wells on the group's plates.
    floor : ndarray of float64, shape (n_groups,)
        Smallest ``p`` that counting can give.
    scores : AveragePrecision
        Of each group's wells in turn, averaged over the folds.
    """

    p: np.ndarray
    p_smooth: np.ndarray
    floor: np.ndarray
    scores: AveragePrecision


def deal(screen: Screen, controls: np.ndarray, folds: int, *, seed: int) -> np.ndarray:
    """Fold of each control position, the rings of the plate shared out evenly.

    Parameters
    ----------
    screen : Screen
    controls : ndarray of int64
        Rows of control wells.
    folds : int
    seed : int

    Returns
    -------
    ndarray of int64, shape (len(controls),)
        Wells of one position are in one fold.
    """
    spots, first, code = np.unique(screen.spot[controls], return_index=True, return_inverse=True)
    rings = np.minimum(position_model.ring(screen.position[controls[first]], screen.shape), 3)
    luck = np.random.default_rng(seed).random(len(spots))
    fold = np.empty(len(spots), dtype=np.int64)
    fold[np.lexsort([luck, rings])] = np.arange(len(spots)) % folds
    return fold[code]


def examine(
    screen: Screen,
    groups: Sequence[np.ndarray],
    controls: np.ndarray,
    *,
    labellings: int = 1_000,
    folds: int = FOLDS,
    seed: int = 0,
) -> Verdict:
    """Test groups of wells against control positions that neither fitted nor belong to them.

    Parameters
    ----------
    screen : Screen
    groups : sequence of ndarray of int64
        Rows of each perturbation; none is a control of this call.
    controls : ndarray of int64
        Rows of the control wells that fit and form the null, in turn.
    labellings : int
        Labellings tried where a group sits at several positions.
    folds : int
    seed : int

    Returns
    -------
    Verdict

    Raises
    ------
    DesignError
        If there are too few control positions.
    """
    spots = len(np.unique(screen.spot[controls]))
    if spots < 2 * position_model.FEWEST:
        raise DesignError(
            f"{spots} control positions are too few for a position-safe test: some fit and "
            f"others form the null, at least {2 * position_model.FEWEST} in all."
        )
    folds = min(folds, spots // 4)
    dealt = [deal(screen, controls, folds, seed=seed + n) for n in range(DEALS)]
    verdicts = [_rotate(screen, groups, controls, fold, labellings, seed) for fold in dealt]
    p, smooth, floor = np.mean([verdict[0] for verdict in verdicts], axis=0)
    return Verdict(p, smooth, floor, _averaged([scores for _, scores in verdicts]))


def _rotate(
    screen: Screen,
    groups: Sequence[np.ndarray],
    controls: np.ndarray,
    fold: np.ndarray,
    labellings: int,
    seed: int,
) -> tuple[np.ndarray, AveragePrecision]:
    """One deal of the control positions: each fold forms the null once, the others fit."""
    rounds = [
        _round(screen, groups, controls[fold != k], controls[fold == k], labellings, seed)
        for k in range(fold.max() + 1)
    ]
    rows = [_decide(list(folds)) for folds in zip(*(found for found, _ in rounds), strict=True)]
    tests = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return tests, _averaged([scores for _, scores in rounds])


@dataclass(frozen=True)
class Scores:
    """One group in one fold: its score, those of the null, and how far out each sits."""

    own: float
    own_outer: float
    null: np.ndarray
    outer: np.ndarray
    spots: int


def compared(screen: Screen, fitting: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Unit vectors of wells, less the position model and in the metric of the fitting controls."""
    model = position_model.fit(
        screen.values[fitting],
        screen.plate[fitting],
        screen.position[fitting],
        shape=screen.shape,
    )
    left = model.residual(screen.values[rows], screen.plate[rows], screen.position[rows])
    values = position_model.metric(model.error).apply(left)
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-300)


def _round(
    screen: Screen,
    groups: Sequence[np.ndarray],
    fitting: np.ndarray,
    null: np.ndarray,
    labellings: int,
    seed: int,
) -> tuple[list[Scores], AveragePrecision]:
    """One assignment of roles: the fitting controls, and those that form the null."""
    rows = np.concatenate([null, *groups])
    unit, n = compared(screen, fitting, rows), len(null)
    empty = np.empty((len(rows), 0), dtype=np.int64)
    pool = Pool.of(unit[:n] @ unit[:n].T, screen.within[null], empty[:n])
    edges = n + np.cumsum([0, *map(len, groups)])
    found = []
    for group, a, b in zip(groups, edges[:-1], edges[1:], strict=True):
        own = unit[a:b]
        joined = pool.joined(own @ unit[:n].T, own @ own.T, screen.within[group], empty[a:b])
        places = np.concatenate([null, group])
        found.append(_scores(screen, places, n, joined, labellings=labellings, seed=seed))
    code = np.repeat(np.arange(-1, len(groups)), [n, *map(len, groups)])
    wells = Wells(pd.DataFrame(index=rows), unit)
    scores = average_precision(wells, code, reference=code < 0, within=screen.within[rows])
    return found, scores


def _averaged(rounds: list[AveragePrecision]) -> AveragePrecision:
    means = {name: np.mean([getattr(r, name) for r in rounds], axis=0) for name in VALUES}
    return replace(rounds[0], **means)


def _scores(
    screen: Screen, rows: np.ndarray, n_null: int, pool: Pool, *, labellings: int, seed: int
) -> Scores:
    """Score the group, and every (or many a) choice of control positions in its place."""
    picks = _placements(screen.plate[rows], screen.spot[rows], n_null, labellings, seed)
    own = np.arange(n_null, len(rows))
    outer = screen.outer[rows]
    value = _logit(pool.mean_average_precision(np.concatenate([own[None], picks])))
    single = len(np.unique(screen.spot[rows[n_null:]])) == 1
    spots = len(picks) if single else len(np.unique(screen.spot[rows[:n_null]]))
    return Scores(value[0], outer[own].mean(), value[1:], outer[picks].mean(axis=1), spots)


def _logit(score: np.ndarray) -> np.ndarray:
    score = np.clip(score, 1 - TOP, TOP)
    return np.log(score / (1 - score))


def _placements(
    plate: np.ndarray, spot: np.ndarray, n_null: int, labellings: int, seed: int
) -> np.ndarray:
    """Rows that would carry the label if the group's positions were others.

    Each position of the group keeps its plates and is sent to another position that has wells
    on all of them; what is sent to the group's own positions counts as well, but not the group
    itself. All choices where they are few, otherwise a random sample.
    """
    at = {(s, p): row for row, (s, p) in enumerate(zip(spot.tolist(), plate.tolist(), strict=True))}
    own = list(dict.fromkeys(spot[n_null:].tolist()))
    plates = [plate[n_null:][spot[n_null:] == s].tolist() for s in own]
    others = list(dict.fromkeys(spot.tolist()))
    found = []
    for chosen in _choices(others, len(own), labellings, seed):
        rows = [at.get((s, p), -1) for s, ps in zip(chosen, plates, strict=True) for p in ps]
        if min(rows) >= 0 and min(rows) < n_null:
            found.append(rows)
    return np.array(found, dtype=np.int64).reshape(len(found), len(plate) - n_null)


def _choices(spots: list[int], count: int, labellings: int, seed: int):
    size = 1
    for k in range(count):
        size *= len(spots) - k
    if size <= labellings:
        return itertools.permutations(spots, count)
    rng = np.random.default_rng(seed)
    drawn = rng.random((labellings, len(spots))).argsort(axis=1)[:, :count]
    return np.asarray(spots)[drawn].tolist()


def _decide(folds: list[Scores]) -> tuple[float, float, float]:
    usable = [fold for fold in folds if len(fold.null) > 2]
    return _judge(_level_rings(usable)) if usable else (np.nan, np.nan, np.nan)


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


def _judge(folds: list[Scores]) -> tuple[float, float, float]:
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
