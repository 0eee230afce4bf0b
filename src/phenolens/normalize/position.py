"""A model of where a well sits, fitted on control wells only: plate + row + column + smooth.

A feature's value at a position is the plate's mean plus a surface. The surface is predicted from
the control positions by a Gaussian process whose covariance is the sum of a row, a column, an
edge and a smooth part; how far it is trusted is chosen by predicting each control position from
the others, and it is not used at all where that does not help. What is left over at a position
that was left out is the error that a treated well suffers too: its covariance, with that of
replicate wells, is the metric in which wells are compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.profiles import PLATE, WELL

# Ratios of surface to noise variance tried; 0 is no surface.
TRUST = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0)
# Reach of the smooth part in wells, and of the edge part in rings: evaporation and thermal
# gradients fade over two or three wells (Lundholt et al., J. Biomol. Screen. 8:566, 2003).
REACH = 3.0
EDGE_REACH = 1.0
FEWEST = 8


@dataclass(frozen=True)
class PositionModel:
    """Plate means and the surface of each feature, from controls.

    Attributes
    ----------
    positions : ndarray of int64, shape (n_positions, 2)
        Row and column of the control positions that were fitted.
    shape : tuple of int
        Rows and columns of the plate.
    plate_mean : dict of int to ndarray of float64, shape (n_features,)
    weights : ndarray of float64, shape (n_positions, n_features)
        The surface at x is ``kernel(x, positions) @ weights``.
    level : ndarray of float64, shape (n_features,)
    trust : float
        The ratio chosen from :data:`TRUST`.
    error : ndarray of float64, shape (n_wells, n_features)
        What each fitted well differs from the prediction made without its position.
    """

    positions: np.ndarray
    shape: tuple[int, int]
    plate_mean: dict[int, np.ndarray]
    weights: np.ndarray
    level: np.ndarray
    trust: float
    error: np.ndarray

    def surface(self, position: np.ndarray) -> np.ndarray:
        """What a position adds to the plate, float64 of shape (n, n_features)."""
        return kernel(position, self.positions, shape=self.shape) @ self.weights

    def residual(self, values: np.ndarray, plate: np.ndarray, position: np.ndarray) -> np.ndarray:
        """Values less the plate's mean and the surface, float64 of shape (n, n_features)."""
        missing = sorted(set(plate.tolist()) - set(self.plate_mean))
        if missing:
            raise DesignError(f"{len(missing)} plate(s) have no control well that fits their mean.")
        centre = np.stack([self.plate_mean[code] for code in plate.tolist()])
        return values - centre - self.surface(position) - self.level


def kernel(one: np.ndarray, two: np.ndarray, *, shape: tuple[int, int]) -> np.ndarray:
    """Covariance of the surface between positions, float64 of shape (len(one), len(two))."""
    apart = one[:, None, :] - two[None, :, :]
    smooth = np.exp(-0.5 * (apart**2).sum(axis=2) / REACH**2)
    edge = np.outer(_edge(one, shape), _edge(two, shape))
    row, column = (apart == 0).transpose(2, 0, 1)
    return (row + column + smooth + edge) / 4


def ring(position: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Distance to the plate's edge in wells; the outermost ring is 0."""
    far = np.asarray(shape) - 1 - position
    return np.minimum(position, far).min(axis=1)


def _edge(position: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return np.exp(-ring(position, shape) / EDGE_REACH)


def fit_position(
    values: np.ndarray,
    plate: np.ndarray,
    position: np.ndarray,
    *,
    shape: tuple[int, int] = (16, 24),
) -> PositionModel:
    """Fit plate means and surfaces on control wells.

    Parameters
    ----------
    values : ndarray, shape (n_wells, n_features)
        Control wells only.
    plate : ndarray of int64, shape (n_wells,)
    position : ndarray of int64, shape (n_wells, 2)
        Zero-based row and column.
    shape : tuple of int
        Rows and columns of the plate.

    Returns
    -------
    PositionModel

    Raises
    ------
    DesignError
        If there are fewer than eight control positions.
    """
    cells, code = np.unique(position, axis=0, return_inverse=True)
    if len(cells) < FEWEST:
        raise DesignError(
            f"A position model needs {FEWEST} control positions; there are {len(cells)}."
        )
    means = {int(p): values[plate == p].mean(axis=0) for p in np.unique(plate)}
    centred = values - np.stack([means[p] for p in plate.tolist()])
    observed = _mean_by(centred, code.ravel())
    level = observed.mean(axis=0)
    weights, trust, error = _surface(kernel(cells, cells, shape=shape), observed - level)
    scatter = centred - observed[code.ravel()]
    return PositionModel(cells, shape, means, weights, level, trust, scatter + error[code.ravel()])


def _mean_by(values: np.ndarray, code: np.ndarray) -> np.ndarray:
    total = np.zeros((code.max() + 1, values.shape[1]))
    np.add.at(total, code, values)
    return total / np.bincount(code)[:, None]


def _surface(covariance: np.ndarray, observed: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """Weights at the trust that predicts left-out positions best, averaged over the features.

    One trust for all features: chosen feature by feature, noise is fitted in the many features
    that have no surface.
    """
    value, vector = np.linalg.eigh(covariance)
    rotated = vector.T @ observed
    errors = {t: _left_out(vector, value, rotated, observed=observed, trust=t) for t in TRUST}
    plain = np.maximum((errors[0.0] ** 2).sum(axis=0), np.finfo(float).tiny)
    loss = {t: float(((error**2).sum(axis=0) / plain).mean()) for t, error in errors.items()}
    trust = min(loss, key=loss.__getitem__)
    weights = vector @ (rotated * (trust / (trust * value + 1))[:, None])
    return weights, trust, errors[trust]


def _left_out(
    vector: np.ndarray,
    value: np.ndarray,
    rotated: np.ndarray,
    *,
    observed: np.ndarray,
    trust: float,
) -> np.ndarray:
    """Each position less its prediction by the other ones (the level counts as one parameter)."""
    shrink = trust * value / (trust * value + 1)
    leverage = (vector**2) @ shrink + (1 - (vector**2) @ shrink) / len(observed)
    fitted = vector @ (rotated * shrink[:, None])
    return (observed - fitted) / (1 - leverage)[:, None]


def remove_position(
    table: pd.DataFrame, calibrators: np.ndarray
) -> tuple[pd.DataFrame, dict[str, float | int]]:
    """Subtract from every well the surface that the calibrating controls show.

    Treatments take no part, so that none is erased, whatever the layout; how much position still
    weighs where no control sits is an extrapolation that nothing here can check.

    Parameters
    ----------
    table : DataFrame
        Profile table with ``Metadata_Plate`` and ``Metadata_Well``. A missing value of a
        calibrating row counts as the mean of the others of its plate.
    calibrators : ndarray of bool, shape (n_rows,)

    Returns
    -------
    table : DataFrame
        float32, same shape.
    report : dict
        ``n_positions`` and ``n_calibrators`` of the fit; ``trust`` (see :class:`PositionModel`; 0
        where controls show no surface that predicts the positions left out); ``share``, the part
        of the calibrating controls' variance within plates that was removed; ``farthest``, the
        distance in wells from a well to the nearest of those positions.

    Raises
    ------
    DesignError
        If calibrating controls sit at fewer than eight positions.
    """
    calibrators = np.asarray(calibrators, dtype=bool)
    position = profiles.well_position(map(profiles.well_name, profiles.column(table, WELL)))
    plate, _ = profiles.groups(table, [PLATE])
    values = table.to_numpy(np.float64)
    own, on = values[calibrators], plate[calibrators]
    for number in np.unique(on):
        here = own[on == number]
        known = np.isfinite(here)
        middle = np.where(known, here, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        own[on == number] = np.where(known, here, middle)
    model = fit_position(own, on, position[calibrators], shape=profiles.plate_shape(position))
    surface = model.surface(position)
    own = own - np.stack([model.plate_mean[p] for p in on.tolist()])
    after = own - surface[calibrators]
    apart = np.abs(position[:, None] - model.positions[None]).max(axis=2).min(axis=1)
    report = {
        "n_positions": len(model.positions),
        "n_calibrators": int(calibrators.sum()),
        "trust": model.trust,
        "share": float(1 - after.var() / max(own.var(), np.finfo(float).tiny)),
        "farthest": int(apart.max()),
    }
    left = (values - surface).astype(np.float32)
    return pd.DataFrame(left, index=table.index, columns=table.columns), report
