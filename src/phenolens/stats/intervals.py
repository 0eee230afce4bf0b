"""Intervals of a mean average precision over the wells of a perturbation."""

from __future__ import annotations

import numpy as np

from phenolens.stats.average_precision import AveragePrecision

# 0 and 1 have no logit.
EDGE = 0.002


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
        ``mAP -+ t * se`` on the logit scale, with Student's t of m - 1 degrees of freedom; NaN
        for fewer than three wells. The references count as fixed.

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
    value = _logit(replicate)
    centre = np.bincount(group, weights=value) / size
    spread = np.bincount(group, weights=(value - centre[group]) ** 2)
    error = np.sqrt((size - 1) / size * spread)
    half = np.where(size > 2, t.ppf(0.5 + level / 2, np.maximum(size - 1, 1)), np.nan) * error
    mean = total / np.where(valid > 0, valid, np.nan)
    low, high = (1 / (1 + np.exp(-(_logit(mean) + side * half))) for side in (-1, 1))
    return np.minimum(low, mean), np.maximum(high, mean)


def _logit(score: np.ndarray) -> np.ndarray:
    score = np.clip(score, EDGE, 1 - EDGE)
    return np.log(score / (1 - score))
