"""Where a well sits on its plate leaves a trace; controls alone may say how large it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL

RIDGES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, np.inf)


@dataclass(frozen=True)
class PositionModel:
    """Row, column and smooth position effects of each feature, as controls show them.

    Attributes
    ----------
    positions : ndarray of int64, shape (n_positions, 2)
        Plate positions with controls.
    weights : ndarray of float64, shape (n_positions, n_features)
        Kernel weights: the effect at a position is ``kernel(position, positions) @ weights``.
    ridges : ndarray of float64, shape (n_features,)
        The ridge of each feature; infinite where controls showed no position effect.
    explained : ndarray of float64, shape (n_features,)
        Share of the controls' variance between positions that the model predicts at positions it
        was not given (leave-one-position-out); 0 where no effect is removed.
    features : tuple of str
    reach : float
    """

    positions: np.ndarray
    weights: np.ndarray
    ridges: np.ndarray
    explained: np.ndarray
    features: tuple[str, ...]
    reach: float

    def effect(self, wells: Sequence[str]) -> np.ndarray:
        """Position effects, float32 of shape (n_wells, n_features)."""
        unique, where = np.unique(np.asarray(wells, dtype=str), return_inverse=True)
        here = profiles.well_position(unique)
        return (_kernel(here, self.positions, self.reach) @ self.weights).astype(np.float32)[where]


def fit_position(
    table: pd.DataFrame,
    calibrators: np.ndarray,
    *,
    by: Sequence[str] = (PLATE,),
    ridges: Sequence[float] = RIDGES,
    reach: float = 4.0,
) -> PositionModel:
    """Fit ``x = plate + row + column + smooth(row, column)`` to control wells only.

    Rows and columns are random effects, the smooth part a Gaussian process; all are shared by the
    plates and shrunk by one ridge per feature, the one that predicts left-out positions best. An
    infinite ridge, no effect, is among the choices, so that noise is not subtracted.

    Parameters
    ----------
    table : DataFrame
        Profile table, finite on the calibrating rows.
    calibrators : ndarray of bool, shape (n_rows,)
    by : sequence of str
        Columns of the group that has its own level (not its own position effects).
    ridges : sequence of float
        Noise variance of one well over the variance of position effects.
    reach : float
        Length scale of the smooth part, in wells.

    Raises
    ------
    DesignError
        If calibrators sit at fewer than six positions.
    """
    part = profiles.take(table, np.asarray(calibrators, dtype=bool))
    wells, where = np.unique(profiles.column(part, WELL).astype(str), return_inverse=True)
    if len(wells) < 6:
        raise DesignError(
            f"Calibrating controls sit at {len(wells)} position(s); a position model needs 6 or "
            "more. Skip it, or spread controls over the plate."
        )
    values = part.to_numpy(np.float64)
    if not np.isfinite(values).all():
        raise InputError("Calibrating controls hold NaN; fill them in before fitting positions.")
    here, counts = profiles.well_position(wells), np.bincount(where)
    means = _position_means(values, profiles.groups(part, by)[0], where)
    kernel = _kernel(here, here, reach)
    errors = np.array([_left_out_error(kernel, means, counts, ridge=r) for r in ridges])
    best = errors.argmin(axis=0)
    chosen = np.asarray(ridges, dtype=np.float64)[best]
    weights = _solve(kernel, means, counts, chosen=chosen)
    nothing = np.maximum(_left_out_error(kernel, means, counts, ridge=np.inf), 1e-30)
    explained = np.where(np.isinf(chosen), 0.0, 1.0 - errors.min(axis=0) / nothing)
    return PositionModel(here, weights, chosen, explained, tuple(map(str, table.columns)), reach)


def remove_position(
    table: pd.DataFrame, calibrators: np.ndarray, **how: object
) -> tuple[pd.DataFrame, dict]:
    """Subtract position effects that the calibrating controls show.

    Parameters
    ----------
    table : DataFrame
    calibrators : ndarray of bool, shape (n_rows,)
    **how
        Keywords of :func:`fit_position`.

    Returns
    -------
    table : DataFrame
        float32, same shape.
    report : dict
        ``n_positions``, ``n_calibrators``, ``n_features_corrected``, ``explained_median`` (over
        corrected features; see :class:`PositionModel`).
    """
    model = fit_position(table, calibrators, **how)
    values = table.to_numpy(np.float32) - model.effect(profiles.column(table, WELL))
    used = np.isfinite(model.ridges)
    report = {
        "n_positions": len(model.positions),
        "n_calibrators": int(np.sum(calibrators)),
        "n_features_corrected": int(used.sum()),
        "explained_median": float(np.median(model.explained[used])) if used.any() else 0.0,
    }
    return pd.DataFrame(values, index=table.index, columns=table.columns), report


def nested_in_position(table: pd.DataFrame, *, label: str = TREATMENT) -> float:
    """Share of treated positions that hold one and the same treatment on all their plates.

    NaN when no treated position occurs on two plates.
    """
    frame = profiles.metadata(table)
    frame = frame[~frame[CONTROL].eq(True)] if CONTROL in frame else frame
    frame = frame[[PLATE, WELL, label]].drop_duplicates()
    at = frame.groupby(WELL).agg(plates=(PLATE, "nunique"), labels=(label, "nunique"))
    repeated = at[at["plates"] > 1]
    return float((repeated["labels"] == 1).mean()) if len(repeated) else float("nan")


def refuse_position_means(table: pd.DataFrame, *, label: str = TREATMENT) -> None:
    """Raise :class:`DesignError` where subtracting position means would erase the treatments."""
    share = nested_in_position(table, label=label)
    if share > 0.1:
        raise DesignError(
            f"Subtracting the mean of each position over plates would erase the treatment: "
            f"{share:.0%} of the treated positions hold the same treatment on every plate. Use a "
            "position model fitted on controls, or replicate plates with another layout."
        )


def _kernel(left: np.ndarray, right: np.ndarray, reach: float) -> np.ndarray:
    """Covariance of position effects: rows, columns and a smooth surface, a third each."""
    rows, columns = (left[:, None, i] - right[None, :, i] for i in (0, 1))
    smooth = np.exp(-(rows**2 + columns**2) / (2 * reach**2))
    return (_line(rows, reach) + _line(columns, reach) + smooth) / 3.0


def _line(distance: np.ndarray, reach: float) -> np.ndarray:
    """A row's effect: half its own, half shared with its neighbours."""
    return 0.5 * (distance == 0) + 0.5 * np.exp(-(distance**2) / (2 * reach**2))


def _position_means(values: np.ndarray, plates: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean of each position after plate levels are taken off; alternating least squares."""
    effect = np.zeros((where.max() + 1, values.shape[1]))
    for _ in range(10):
        level = _means(values - effect[where], plates)
        effect = _means(values - level[plates], where)
    return effect - effect.mean(axis=0)


def _means(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    member = (codes[None, :] == np.arange(codes.max() + 1)[:, None]).astype(np.float64)
    return member @ values / np.maximum(member.sum(axis=1, keepdims=True), 1.0)


def _left_out_error(
    kernel: np.ndarray, means: np.ndarray, counts: np.ndarray, *, ridge: float
) -> np.ndarray:
    """Weighted mean squared error at each position predicted from the others, per feature."""
    if np.isinf(ridge):
        return np.average(means**2, axis=0, weights=counts)
    inverse = np.linalg.inv(kernel + np.diag(ridge / counts))
    missed = (inverse @ means) / np.diag(inverse)[:, None]
    return np.average(missed**2, axis=0, weights=counts)


def _solve(
    kernel: np.ndarray, means: np.ndarray, counts: np.ndarray, *, chosen: np.ndarray
) -> np.ndarray:
    weights = np.zeros_like(means)
    for ridge in np.unique(chosen[np.isfinite(chosen)]):
        own = chosen == ridge
        weights[:, own] = np.linalg.solve(kernel + np.diag(ridge / counts), means[:, own])
    return weights
