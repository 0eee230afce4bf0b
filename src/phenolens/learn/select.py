"""Choosing features, inside the fold, without looking at labels."""

from __future__ import annotations

from collections.abc import Sequence

import numba
import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.learn.base import TableTransformer


class FeatureSelector(TableTransformer):
    """Keep features that vary, are mostly measured, are not wild and do not repeat one another.

    The rules and defaults are the field's (pycytominer); the correlation rule keeps, in order of
    least total correlation, every feature that is not too correlated with one kept before, so each
    dropped feature has a kept one that stands for it. NaN that remain are filled with the training
    median. Labels are never read.

    Parameters
    ----------
    max_missing : float
        Largest share of NaN among training rows.
    min_variance : float
        Smallest variance among training rows.
    min_second_ratio : float
        Smallest ratio of the second most common value's count to the most common one's
        (frequency cut; catches near-constant features).
    min_unique : float
        Smallest number of distinct values over the number of rows (applied with the ratio).
    max_outlier : float or None
        Largest absolute value; meaningful after scaling on controls.
    max_correlation : float or None
        Largest absolute Pearson correlation between two kept features.
    blocklist : sequence of str
        Names never kept.

    Attributes
    ----------
    kept_ : ndarray of int64
        Positions of the kept features.
    medians_ : ndarray of float32 or float64, shape (n_kept,)
    reasons_ : dict
        Name of each dropped feature and the rule that dropped it first.
    """

    _allow_nan = True

    def __init__(
        self,
        *,
        max_missing: float = 0.05,
        min_variance: float = 1e-6,
        min_second_ratio: float = 0.05,
        min_unique: float = 0.01,
        max_outlier: float | None = 500.0,
        max_correlation: float | None = 0.9,
        blocklist: Sequence[str] = (),
    ) -> None:
        self.max_missing = max_missing
        self.min_variance = min_variance
        self.min_second_ratio = min_second_ratio
        self.min_unique = min_unique
        self.max_outlier = max_outlier
        self.max_correlation = max_correlation
        self.blocklist = blocklist

    def _fit(self, values: np.ndarray, index: pd.Index | None) -> None:
        reasons = np.full(values.shape[1], "", dtype=object)
        for rule in (_blocked, _missing, _constant, _repetitive, _wild):
            left = np.flatnonzero(reasons == "")
            bad = rule(self, values[:, left], self._input_names[left])
            reasons[left[bad]] = rule.__name__.strip("_")
        left = np.flatnonzero(reasons == "")
        if self.max_correlation is not None and left.size > 1:
            keep = uncorrelated(values[:, left], threshold=self.max_correlation)
            reasons[left[~keep]] = "correlated"
        self.kept_ = np.flatnonzero(reasons == "")
        if not self.kept_.size:
            raise InputError(f"Feature selection left none of the {values.shape[1]} features.")
        self.medians_ = np.nanmedian(values[:, self.kept_], axis=0)
        dropped = np.flatnonzero(reasons != "")
        self.reasons_ = {str(self._input_names[i]): reasons[i] for i in dropped}

    def _transform(self, values: np.ndarray) -> np.ndarray:
        part = values[:, self.kept_]  # a copy
        np.copyto(part, self.medians_.astype(part.dtype), where=np.isnan(part))
        return part

    def _names(self, names: np.ndarray) -> np.ndarray:
        return names[self.kept_]


def _blocked(rules: FeatureSelector, values: np.ndarray, names: np.ndarray) -> np.ndarray:
    return np.isin(names.astype(str), list(rules.blocklist))


def _missing(rules: FeatureSelector, values: np.ndarray, names: np.ndarray) -> np.ndarray:
    return np.isnan(values).mean(axis=0) > rules.max_missing


def _constant(rules: FeatureSelector, values: np.ndarray, names: np.ndarray) -> np.ndarray:
    return ~(np.nanvar(values.astype(np.float64), axis=0) >= rules.min_variance)


def _repetitive(rules: FeatureSelector, values: np.ndarray, names: np.ndarray) -> np.ndarray:
    if not values.size:
        return np.zeros(values.shape[1], dtype=bool)
    first, second, unique = _common_values(np.sort(values, axis=0).T.copy())
    return (second < rules.min_second_ratio * first) & (unique < rules.min_unique * len(values))


def _wild(rules: FeatureSelector, values: np.ndarray, names: np.ndarray) -> np.ndarray:
    if rules.max_outlier is None or not values.size:
        return np.zeros(values.shape[1], dtype=bool)
    return np.nanmax(np.abs(values), axis=0) > rules.max_outlier


@numba.njit(cache=True)
def _common_values(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Counts of the most and second most common value, and of distinct ones, per sorted row."""
    counts = np.zeros((3, columns.shape[0]), dtype=np.int64)
    for feature in range(columns.shape[0]):
        run, n = 0, columns.shape[1]
        for i in range(n):
            run += 1
            if i + 1 == n or columns[feature, i + 1] != columns[feature, i]:
                counts[2, feature] += 1
                if run > counts[0, feature]:
                    counts[1, feature] = counts[0, feature]
                    counts[0, feature] = run
                elif run > counts[1, feature]:
                    counts[1, feature] = run
                run = 0
    return counts[0], counts[1], counts[2]


def uncorrelated(values: np.ndarray, *, threshold: float) -> np.ndarray:
    """Which columns to keep so that no two of them correlate above the threshold in size.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_features)
        NaN counts as the column's mean.
    threshold : float

    Returns
    -------
    ndarray of bool, shape (n_features,)
    """
    standard = values - np.nanmean(values, axis=0, dtype=np.float64)
    np.nan_to_num(standard, copy=False)
    norms = np.sqrt(np.einsum("ij,ij->j", standard, standard))
    standard = (standard / np.where(norms > 0, norms, 1.0)).astype(np.float32)
    correlation = np.abs(standard.T @ standard)
    order = np.argsort(correlation.sum(axis=0, dtype=np.float64), kind="stable")
    return _greedy(correlation, order, threshold)


@numba.njit(cache=True)
def _greedy(correlation: np.ndarray, order: np.ndarray, threshold: float) -> np.ndarray:
    keep = np.zeros(order.size, dtype=np.bool_)
    represented = np.zeros(order.size, dtype=np.bool_)
    for feature in order:
        if not represented[feature]:
            keep[feature] = True
            for other in range(order.size):
                represented[other] |= correlation[feature, other] > threshold
    return keep
