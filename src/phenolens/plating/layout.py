"""A proposed layout: every well of every plate, with what goes into it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phenolens.plating.controls import Spread
from phenolens.plating.plan import Plan
from phenolens.plating.scramble import scramble

CONTROL_WELLS = -1


@dataclass(frozen=True)
class Proposal:
    """Wells in use, by plate and position.

    Attributes
    ----------
    group, plate, row, column : ndarray of int64, shape (n_wells,)
        Set of replicate plates, plate (counted over all sets), and zero-based position.
    content : ndarray of int64, shape (n_wells,)
        Number of the treatment; -1, -2, ... for the first, second, ... control.
    """

    group: np.ndarray
    plate: np.ndarray
    row: np.ndarray
    column: np.ndarray
    content: np.ndarray


def propose(plan: Plan, *, seed: int = 0, attempt: int = 0) -> Proposal:
    """Lay a plan out on plates.

    Parameters
    ----------
    plan : Plan
    seed : int
    attempt : int
        Another number gives another layout of the same seed.

    Returns
    -------
    Proposal
        Sorted by plate, row and column.
    """
    rng = np.random.default_rng([seed, attempt])
    assigned = plan.assign_plates(rng)
    spreads = [Spread(plan.shape) for _ in plan.controls]
    compounds = np.asarray(plan.compounds)
    parts = []
    for number in range(plan.sets):
        own = np.flatnonzero(assigned == number)
        copies = plan.copies(len(own))
        label = [np.repeat(np.arange(len(own)), copies[:, k]) for k in range(plan.plates_a_set)]
        free, held = [], []
        for wells in label:
            left, taken = usable_spots(plan, len(wells), rng), []
            for spread, count in zip(spreads, plan.controls, strict=True):
                taken.append(spread.place(count, left, rng))
                left = np.setdiff1d(left, taken[-1])
            empty = Spread(plan.shape).place(len(left) - len(wells), left, rng)
            free.append(np.setdiff1d(left, empty))
            held.append(taken)
        spots = scramble(label, free, compound=_codes(compounds[own]), shape=plan.shape, rng=rng)
        for k, (wells, taken) in enumerate(zip(spots, held, strict=True)):
            of_controls = [np.full(len(at), CONTROL_WELLS - c) for c, at in enumerate(taken)]
            spot = np.concatenate([*taken, wells])
            content = np.concatenate([*of_controls, own[label[k]]])
            order = np.argsort(spot)
            plate = number * plan.plates_a_set + k
            parts.append(np.stack([np.full(len(spot), number), np.full(len(spot), plate),
                                   spot, content])[:, order])  # fmt: skip
    group, plate, spot, content = np.concatenate(parts, axis=1)
    row, column = np.divmod(spot, plan.shape[1])
    return Proposal(group, plate, row, column, content)


def usable_spots(plan: Plan, treated: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of a plate that may be used, sorted: wells to spare are left empty at the edge.

    Corners are left first, then others of the outermost ring, evenly around it; never one farther
    in, so that few wells still spread over the whole plate.
    """
    rows, columns = plan.shape
    row, column = np.divmod(np.arange(rows * columns), columns)
    down = (row == 0) | (row == rows - 1)
    along = (column == 0) | (column == columns - 1)
    inner = np.flatnonzero(~(down | along))
    needed = treated + sum(plan.controls) - len(inner)
    if plan.empty_edge or needed <= 0:
        return inner
    corners = np.flatnonzero(down & along)
    sides = np.flatnonzero(down ^ along)
    angle = np.arctan2(row - (rows - 1) / 2, column - (columns - 1) / 2)
    around = sides[np.argsort(angle[sides])]
    some = min(needed, len(around))
    even = around[((np.arange(some) + rng.random()) * len(around) / some).astype(np.int64)]
    return np.union1d(inner, np.r_[even, rng.permutation(corners)[: needed - some]])


def _codes(compounds: np.ndarray) -> np.ndarray:
    return np.unique(compounds, return_inverse=True)[1]
