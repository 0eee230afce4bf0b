"""Intervals of a mean average precision over the wells of a perturbation."""

from __future__ import annotations

import numpy as np

from phenolens.evaluate.average_precision import AveragePrecision


def jackknife(
    scores: AveragePrecision, group: np.ndarray, *, level: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Interval of each group's mean average precision, leaving out one well at a time.

    A well is a query and a positive of the others, so the queries' values depend on each other
    and their plain standard error is too small; leaving a well out of both roles is not misled.

    Parameters
    ----------
    scores : AveragePrecision
    group : ndarray of int64, shape (n_queries,)
        Group numbers 0 ... n_groups - 1, each used.
    level : float

    Returns
    -------
    low, high : ndarray of float64, shape (n_groups,)
        ``mAP -+ t * se`` with Student's t of m - 1 degrees of freedom, kept in [0, 1]; NaN for
        fewer than three wells. The references count as fixed.

    References
    ----------
    Miller, The jackknife: a review, Biometrika 61:1-15 (1974).
    """
    from scipy.stats import t

    size = np.bincount(group)
    total = np.bincount(group, weights=np.nan_to_num(scores.value))
    valid = np.bincount(group, weights=np.isfinite(scores.value))
    left = valid[group] - 1 - scores.lost
    kept = total[group] - np.nan_to_num(scores.value) + scores.change
    replicate = np.where(left > 0, kept / np.where(left > 0, left, 1), np.nan)
    centre = np.bincount(group, weights=replicate) / size
    spread = np.bincount(group, weights=(replicate - centre[group]) ** 2)
    error = np.sqrt((size - 1) / size * spread)
    half = np.where(size > 2, t.ppf(0.5 + level / 2, np.maximum(size - 1, 1)), np.nan) * error
    mean = total / np.where(valid > 0, valid, np.nan)
    return np.clip(mean - half, 0, 1), np.clip(mean + half, 0, 1)
