"""Distance of wells from their plate's controls, in the scatter of controls."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.findings import Finding
from phenolens.stats.wells import prepare, select

CONTROL = f"{profiles.PREFIX}phenolens_control"
FEWEST = 8


def activity_distance(
    table: pd.DataFrame,
    *,
    controls: np.ndarray | str,
    plate: str = profiles.PLATE,
    components: int | None = None,
) -> pd.DataFrame:
    """Distance of each well from its plate's controls, in control standard deviations.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well.
    controls : ndarray of bool, or str
        Negative controls.
    plate : str
        Column within which wells are compared.
    components : int, optional
        Principal components of the controls; by default a quarter of the control wells.

    Returns
    -------
    DataFrame
        All metadata, then ``control`` (bool) and ``distance``: the length of the whitened
        difference from the plate's control mean, less the mean and over the standard deviation
        of what the controls show. A control is left out of its own mean and measured on axes
        that other controls gave, so that it is as far from them as an inactive well is.

    Raises
    ------
    DesignError
        If there are fewer than eight control wells, or a plate has fewer than two.
    """
    marked = profiles.with_metadata(table, {CONTROL: select(table, controls)})
    wells = prepare(marked)
    control = profiles.column(wells.table, CONTROL).astype(bool)
    codes = wells.codes(plate)
    _require_controls(codes, control)
    centred = _less_controls(wells.values(), codes, control)
    halves = _halves(codes, control)
    length = np.zeros(len(centred))
    for half in (0, 1):
        fitting = control & (halves == half)
        count = components or max(1, int(fitting.sum()) // 2)
        axes = _axes(centred[fitting], count)
        length += np.where(fitting, 0.0, np.linalg.norm(centred @ axes, axis=1))
    # A control is measured by the other half's axes only, a treated well by both.
    length /= np.where(control, 1, 2)
    base = length[control]
    result = profiles.metadata(wells.table).drop(columns=CONTROL)
    result["control"] = control
    result["distance"] = (length - base.mean()) / base.std(ddof=1)
    return result


def _require_controls(codes: np.ndarray, control: np.ndarray) -> None:
    fewest = np.bincount(codes, weights=control).min()
    if control.sum() < FEWEST or fewest < 2:
        counts = {"needed": FEWEST, "controls": int(control.sum()), "fewest": int(fewest)}
        raise DesignError(Finding("too-few-controls", "error", {}, counts))


def _less_controls(values: np.ndarray, codes: np.ndarray, control: np.ndarray) -> np.ndarray:
    """Values less the plate's control mean, a control left out of its own mean."""
    out = np.empty_like(values)
    for code in np.unique(codes):
        here = codes == code
        own = here & control
        out[here] = values[here] - values[own].mean(axis=0)
        out[own] *= own.sum() / (own.sum() - 1)
    return out


def _halves(codes: np.ndarray, control: np.ndarray) -> np.ndarray:
    """Half of each control, alternating within a plate; -1 for the others."""
    out = np.full(len(codes), -1)
    for code in np.unique(codes):
        rows = np.flatnonzero((codes == code) & control)
        out[rows] = np.arange(len(rows)) % 2
    return out


def _axes(controls: np.ndarray, count: int) -> np.ndarray:
    """Principal axes of controls over their standard deviation, shape (n_features, count)."""
    _, singular, right = np.linalg.svd(controls, full_matrices=False)
    rank = min(count, int((singular > singular[0] * 1e-6).sum()))
    return (right[:rank] / (singular[:rank] / np.sqrt(len(controls)))[:, None]).T
