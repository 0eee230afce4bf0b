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

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from phenolens.errors import DesignError
from phenolens.evaluate.activity.permuted_positions import permuted_positions
from phenolens.evaluate.activity.position_p import Scores, p_of_folds
from phenolens.findings import Finding
from phenolens.learn.nearest import unit_rows
from phenolens.normalize.position import FEWEST, fit_position, ring
from phenolens.stats.average_precision import AveragePrecision, average_precision
from phenolens.stats.metric import metric
from phenolens.stats.permutation import Pool
from phenolens.stats.wells import Wells

FOLDS = 4
# The positions are divided into folds this often and the p averaged: it depends less on one draw.
SHUFFLES = 3
VALUES = ("value", "change", "n_total")
# A mean average precision of 1 has no logit; lists are too short to tell more nines apart.
TOP = 0.999


@dataclass(frozen=True)
class PlacedWells:
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
        return (ring(self.position, self.shape) < 2).astype(np.float64)


@dataclass(frozen=True)
class PositionTest:
    """p of each group of wells, and the scores behind it.

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


def position_folds(
    screen: PlacedWells, controls: np.ndarray, folds: int, *, seed: int
) -> np.ndarray:
    """Fold of each control position, the rings of the plate shared out evenly.

    Parameters
    ----------
    screen : PlacedWells
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
    rings = np.minimum(ring(screen.position[controls[first]], screen.shape), 3)
    luck = np.random.default_rng(seed).random(len(spots))
    fold = np.empty(len(spots), dtype=np.int64)
    fold[np.lexsort([luck, rings])] = np.arange(len(spots)) % folds
    return fold[code]


def position_test(
    screen: PlacedWells,
    groups: Sequence[np.ndarray],
    controls: np.ndarray,
    *,
    labellings: int = 1_000,
    folds: int = FOLDS,
    seed: int = 0,
) -> PositionTest:
    """Test groups of wells against control positions that neither fitted nor belong to them.

    Parameters
    ----------
    screen : PlacedWells
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
    PositionTest

    Raises
    ------
    DesignError
        If there are too few control positions.
    """
    spots = len(np.unique(screen.spot[controls]))
    if spots < 2 * FEWEST:
        counts = {"control_positions": spots, "needed": 2 * FEWEST}
        raise DesignError(Finding("too-few-positions", "error", {}, counts))
    folds = min(folds, spots // 4)
    divided = [position_folds(screen, controls, folds, seed=seed + n) for n in range(SHUFFLES)]
    tests = [
        _rotate(screen, groups, controls, fold=fold, labellings=labellings, seed=seed)
        for fold in divided
    ]
    p, smooth, floor = np.mean([found[0] for found in tests], axis=0)
    return PositionTest(p, smooth, floor, _averaged([scores for _, scores in tests]))


def _rotate(
    screen: PlacedWells,
    groups: Sequence[np.ndarray],
    controls: np.ndarray,
    *,
    fold: np.ndarray,
    labellings: int,
    seed: int,
) -> tuple[np.ndarray, AveragePrecision]:
    """One division of the control positions: each fold forms the null once, the others fit."""
    rounds = [
        _round(
            screen,
            groups,
            controls[fold != k],
            null=controls[fold == k],
            labellings=labellings,
            seed=seed,
        )
        for k in range(fold.max() + 1)
    ]
    rows = [p_of_folds(list(folds)) for folds in zip(*(found for found, _ in rounds), strict=True)]
    tests = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return tests, _averaged([scores for _, scores in rounds])


def compared(screen: PlacedWells, fitting: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Unit vectors of wells, less the position model and in the metric of the fitting controls."""
    model = fit_position(
        screen.values[fitting],
        screen.plate[fitting],
        screen.position[fitting],
        shape=screen.shape,
    )
    left = model.residual(screen.values[rows], screen.plate[rows], screen.position[rows])
    return unit_rows(metric(model.error).apply(left))


def _round(
    screen: PlacedWells,
    groups: Sequence[np.ndarray],
    fitting: np.ndarray,
    *,
    null: np.ndarray,
    labellings: int,
    seed: int,
) -> tuple[list[Scores], AveragePrecision]:
    """One assignment of roles: the fitting controls, and those that form the null."""
    rows = np.concatenate([null, *groups])
    unit, n = compared(screen, fitting, rows), len(null)
    edges = n + np.cumsum([0, *map(len, groups)])
    found: dict[int, Scores] = {}
    parts: dict[int, AveragePrecision] = {}
    for plates, numbers in _by_plates(screen, groups).items():
        base = np.flatnonzero(np.isin(screen.plate[null], plates))
        pool = _pool(screen, rows[base], unit[base])
        for k in numbers:
            own = np.arange(edges[k], edges[k + 1])
            near = np.concatenate([base, own])
            joined = pool.joined(
                unit[own] @ unit[base].T,
                unit[own] @ unit[own].T,
                within=screen.within[rows[own]],
                differ=np.empty((len(own), 0), dtype=np.int64),
            )
            found[k] = _scores(
                screen, rows[near], joined, n_null=len(base), labellings=labellings, seed=seed
            )
            parts[k] = _precision(screen, rows[near], unit[near], n_null=len(base))
    order = range(len(groups))
    return [found[k] for k in order], _joined([parts[k] for k in order])


def _by_plates(
    screen: PlacedWells, groups: Sequence[np.ndarray]
) -> dict[tuple[int, ...], list[int]]:
    """Groups that sit on the same plates: only controls of those plates compete with them."""
    out: dict[tuple[int, ...], list[int]] = {}
    for number, rows in enumerate(groups):
        out.setdefault(tuple(np.unique(screen.plate[rows])), []).append(number)
    return out


def _pool(screen: PlacedWells, rows: np.ndarray, unit: np.ndarray) -> Pool:
    differ = np.empty((len(rows), 0), dtype=np.int64)
    return Pool.of(unit @ unit.T, screen.within[rows], differ)


def _precision(
    screen: PlacedWells, rows: np.ndarray, unit: np.ndarray, *, n_null: int
) -> AveragePrecision:
    group = np.where(np.arange(len(rows)) < n_null, -1, 0)
    wells = Wells.of_unit(unit)
    return average_precision(wells, group, reference=group < 0, within=screen.within[rows])


def _joined(parts: list[AveragePrecision]) -> AveragePrecision:
    columns = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in fields(AveragePrecision)
    }
    return AveragePrecision(**columns)


def _averaged(rounds: list[AveragePrecision]) -> AveragePrecision:
    means = {name: np.mean([getattr(r, name) for r in rounds], axis=0) for name in VALUES}
    return replace(rounds[0], **means)


def _scores(
    screen: PlacedWells, rows: np.ndarray, pool: Pool, *, n_null: int, labellings: int, seed: int
) -> Scores:
    """Score the group, and every (or many a) choice of control positions in its place."""
    picks = permuted_positions(
        screen.plate[rows], screen.spot[rows], n_null, labellings=labellings, seed=seed
    )
    own = np.arange(n_null, len(rows))
    outer = screen.outer[rows]
    value = _logit(pool.mean_average_precision(np.concatenate([own[None], picks])))
    single = len(np.unique(screen.spot[rows[n_null:]])) == 1
    spots = len(picks) if single else len(np.unique(screen.spot[rows[:n_null]]))
    return Scores(value[0], outer[own].mean(), value[1:], outer[picks].mean(axis=1), spots)


def _logit(score: np.ndarray) -> np.ndarray:
    score = np.clip(score, 1 - TOP, TOP)
    return np.log(score / (1 - score))
