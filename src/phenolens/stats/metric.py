"""The metric in which wells are compared: what controls leave over, evened out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Metric:
    """Scaling and rotation after which control wells vary alike in every direction.

    Attributes
    ----------
    scale : ndarray of float64, shape (n_features,)
    axes : ndarray of float64, shape (n_axes, n_features)
    stretch : ndarray of float64, shape (n_axes,)
        Factor along each axis, beside 1 across all of them.
    """

    scale: np.ndarray
    axes: np.ndarray
    stretch: np.ndarray

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Values in the metric, of the same shape."""
        scaled = values * self.scale
        return scaled + ((scaled @ self.axes.T) * (self.stretch - 1)) @ self.axes


def metric(error: np.ndarray) -> Metric:
    """Whitening from what a model leaves over at control wells, with a shrunken covariance.

    Parameters
    ----------
    error : ndarray, shape (n_wells, n_features)
        What a model leaves over at control wells (see
        :class:`phenolens.normalize.position.PositionModel`); a feature without any gets no weight.

    Returns
    -------
    Metric

    References
    ----------
    Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices,
    J. Multivar. Anal. 88:365-411 (2004).
    """
    spread = error.std(axis=0)
    scale = np.where(spread > 0, 1 / np.where(spread > 0, spread, 1), 0.0)
    scaled = (error - error.mean(axis=0)) * scale
    n, width = scaled.shape
    _, singular, axes = np.linalg.svd(scaled, full_matrices=False)
    variance = singular**2 / n
    average = variance.sum() / width
    shrinkage = _ledoit_wolf(scaled, variance, average)
    floor = shrinkage * average
    stretch = np.sqrt(floor / ((1 - shrinkage) * variance + floor))
    return Metric(scale, axes, stretch)


def _ledoit_wolf(centred: np.ndarray, variance: np.ndarray, average: float) -> float:
    """Share of the average variance to mix in; at least 1 % keeps the inverse bounded."""
    n, width = centred.shape
    distance = (variance**2).sum() - width * average**2
    noise = ((centred**2).sum(axis=1) ** 2).sum() / n**2 - (variance**2).sum() / n
    return float(np.clip(noise / distance, 0.01, 1.0)) if distance > 0 else 1.0
