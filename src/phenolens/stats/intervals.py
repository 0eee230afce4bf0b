"""Intervals: of shares, of means by bootstrap, and of a mean average precision by jackknife."""

from __future__ import annotations

import math

import numpy as np

from phenolens.stats.average_precision import AveragePrecision

# 0 and 1 have no logit.
EDGE = 0.002
LIMITS = (0.025, 0.975)


def wilson_interval(count: int, n: int) -> tuple[float, float]:
    """95 % score interval of a share (Wilson 1927); NaN where ``n`` is 0."""
    return _share_interval(count, n, "wilson")


def exact_interval(count: int, n: int) -> tuple[float, float]:
    """95 % exact interval of a share (Clopper and Pearson 1934); NaN where ``n`` is 0."""
    return _share_interval(count, n, "exact")


def _share_interval(count: int, n: int, method: str) -> tuple[float, float]:
    from scipy.stats import binomtest

    if n == 0:
        return (math.nan, math.nan)
    found = binomtest(int(count), int(n)).proportion_ci(method=method)
    return (float(found.low), float(found.high))


def percentile_interval(draws: np.ndarray) -> tuple[float, float]:
    """2.5 % and 97.5 % quantiles of bootstrap draws; NaN where none is finite."""
    draws = np.asarray(draws, dtype=np.float64)
    draws = draws[np.isfinite(draws)]
    if not draws.size:
        return (math.nan, math.nan)
    low, high = np.quantile(draws, LIMITS)
    return (float(low), float(high))


def bootstrap_mean(
    values: np.ndarray, *, cluster: np.ndarray | None = None, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % percentile bootstrap interval of a mean (Efron 1979).

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite.
    cluster : ndarray of int64, shape (n,), optional
        Numbers 0 ... k - 1 of the clusters that are drawn whole; every value alone by default.
    draws : int
    seed : int

    Returns
    -------
    low, high : float
    """
    cluster = np.arange(len(values)) if cluster is None else cluster
    total, size = np.bincount(cluster, weights=values), np.bincount(cluster)
    chosen = np.random.default_rng(seed).integers(len(total), size=(draws, len(total)))
    low, high = np.quantile(total[chosen].sum(axis=1) / size[chosen].sum(axis=1), LIMITS)
    return (float(low), float(high))


def bootstrap_weights(n: int, *, n_draws: int, seed: int) -> np.ndarray:
    """How often each of n units is drawn, shape (1 + n_draws, n).

    The first row is all ones: the data themselves. For statistics that are not a plain mean.
    """
    draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1.0 / max(n, 1)), size=n_draws)
    return np.vstack([np.ones(n), draws])


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
