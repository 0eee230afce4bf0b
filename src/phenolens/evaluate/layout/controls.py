"""Whether the controls lie where the treatments lie: positions, against as many drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens.evaluate.layout.grid import PERMUTATIONS, REACH_MM, Grid
from phenolens.evaluate.layout.statistics import CERTAIN
from phenolens.findings import Finding, Severity
from phenolens.profiles import CONTROL, WELL, well_position

FEWEST_CONTROLS = 2
FEWEST_POSITIONS = 12
FARTHER = 1.5  # mean distance to the nearest control, over that from positions drawn at random
COVERED = 0.4  # rows or columns that hold a control, over those that would
UNCOVERED = 0.1  # rows or columns with treatments beyond the reach of any that holds a control


def controls_elsewhere(wells: pd.DataFrame, grid: Grid) -> tuple[Finding | None, Finding | None]:
    """Whether treatments share their region with the controls; or else why that cannot be asked.

    Parameters
    ----------
    wells : DataFrame
        As :func:`phenolens.evaluate.layout.grid.placed` gives them.
    grid : Grid
        The treated wells among them.
    """
    controls = np.unique(well_position(wells.loc[wells[CONTROL], WELL]), axis=0)
    treated, where = np.unique(
        np.column_stack([grid.row, grid.column]), axis=0, return_inverse=True
    )
    if not len(controls) or not len(treated):
        return None, Finding("no-well-treated" if len(controls) else "no-well-a-control", "info")
    used = len(np.unique(np.concatenate([controls, treated]), axis=0))
    if len(controls) < FEWEST_CONTROLS or used < FEWEST_POSITIONS:
        counts = {"controls": len(controls), "used": used}
        needed = {"controls_needed": FEWEST_CONTROLS, "used_needed": FEWEST_POSITIONS}
        return None, Finding("few-control-positions", "info", {}, counts | needed)
    found = region(controls, treated, reach=grid.reach, seed=grid.seed)
    near = np.zeros(len(grid.labels), dtype=bool)
    near[grid.label[~found.far[where.ravel()]]] = True
    far = tuple(name for name, known in zip(grid.labels, near, strict=True) if not known)
    values = {"positions": len(controls), "p_limit": CERTAIN, "reach_mm": REACH_MM}
    values |= found.values | {"elsewhere": found.elsewhere}
    severity: Severity = "warning" if found.elsewhere else "ok"
    return Finding("controls-elsewhere", severity, {"treatment": far}, values), None


@dataclass(frozen=True)
class Region:
    """How the positions of controls cover those of treatments, over all plates.

    Attributes
    ----------
    far : ndarray of bool, shape (n_treated,)
        Treated positions that no control comes near.
    values : dict
        ``distance`` (mean, from a treated position to the nearest control, in wells) and
        ``distance_expected``; ``rows``, ``columns`` (holding a control) and their ``_expected``;
        the ``p`` of each; ``far`` (share of treated positions that no control comes near).
    elsewhere : bool
        Whether this is far from what as many controls anywhere would do, and certainly so.
    """

    far: np.ndarray
    values: dict[str, float]
    elsewhere: bool


def region(controls: np.ndarray, treated: np.ndarray, *, reach: float, seed: int) -> Region:
    """Compare the positions of controls with as many positions drawn among all that are used.

    Parameters
    ----------
    controls, treated : ndarray of int64, shape (n, 2)
        Distinct positions that hold a control, or a treatment, on any plate.
    reach : float
        Wells within which a control counts as near.
    seed : int
    """
    used = np.unique(np.concatenate([controls, treated]), axis=0)
    between = np.hypot(*(used[:, None] - used[None]).transpose(2, 0, 1)).astype(np.float32)
    is_control, is_treated = _among(used, controls), _among(used, treated)
    rng = np.random.default_rng(seed)
    drawn = rng.permuted(np.broadcast_to(np.arange(len(used)), (PERMUTATIONS, len(used))), axis=1)
    drawn = drawn[:, : len(controls)]
    nearest = between[is_control].min(axis=0)
    own = np.array([nearest[is_treated].mean(), *(len(np.unique(line)) for line in controls.T)])
    null = np.column_stack(
        [
            [_apart(between, chosen) for chosen in drawn],
            *(_distinct(line[drawn]) for line in used.T),
        ]
    )
    more = 1 + (null[:, 0] >= own[0] - 1e-6).sum()
    fewer = 1 + (null[:, 1:] <= own[1:]).sum(axis=0)
    p = np.array([more, *fewer]) / (1 + len(null))
    expected = null.mean(axis=0)
    far = nearest[is_treated] > reach
    beyond = [_beyond(used[is_treated, axis], used[is_control, axis], reach) for axis in (0, 1)]
    values = {"far": float(far.mean())}
    for name, value, mean, certain in zip(
        ("distance", "rows", "columns"), own, expected, p, strict=True
    ):
        values |= {name: float(value), f"{name}_expected": float(mean), f"{name}_p": float(certain)}
    elsewhere = p[0] <= CERTAIN and own[0] > FARTHER * expected[0]
    for axis in (0, 1):
        few = own[1 + axis] < COVERED * expected[1 + axis] and beyond[axis] >= UNCOVERED
        elsewhere |= bool(few and p[1 + axis] <= CERTAIN)
    return Region(far, values, bool(elsewhere))


def _among(used: np.ndarray, positions: np.ndarray) -> np.ndarray:
    own = {tuple(position) for position in positions.tolist()}
    return np.array([tuple(position) in own for position in used.tolist()])


def _apart(between: np.ndarray, chosen: np.ndarray) -> float:
    """Mean distance from the positions that were not chosen to the nearest that was."""
    nearest = between[chosen].min(axis=0)
    return float(nearest.sum() / max((nearest > 0).sum(), 1))


def _distinct(lines: np.ndarray) -> np.ndarray:
    """Number of distinct rows (columns) in each draw."""
    held = np.zeros((len(lines), lines.max() + 1), dtype=bool)
    np.put_along_axis(held, lines, True, axis=1)
    return held.sum(axis=1)


def _beyond(treated: np.ndarray, controls: np.ndarray, reach: float) -> float:
    """Share of the rows (columns) with treatments that no row (column) with a control is near."""
    lines = np.unique(treated)
    return float((np.abs(lines[:, None] - controls[None]).min(axis=1) > reach).mean())
