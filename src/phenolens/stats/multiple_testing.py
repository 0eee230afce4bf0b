"""Many tests at once: false discovery rate, what a discrete p can reach, intervals of shares."""

from __future__ import annotations

import math

import numpy as np


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """q-values of Benjamini and Hochberg (1995); NaN stays NaN and does not count as a test."""
    p = np.asarray(p, dtype=np.float64)
    q = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    raised = p[order] * len(order) / np.arange(1, len(order) + 1)
    q[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return q


def needed_at_floor(floor: float, tests: int, *, alpha: float = 0.05) -> int:
    """How many of the tests must sit at the smallest attainable p before any can be rejected.

    More than ``tests`` means that Benjamini-Hochberg cannot reject at all.
    """
    return max(1, math.ceil(floor * tests / alpha - 1e-9))


def needed_before_one(floor: np.ndarray, *, alpha: float) -> int:
    """How many tests must reach their smallest p before Benjamini-Hochberg rejects one.

    Parameters
    ----------
    floor : ndarray of float64, shape (n_tests,)
        Smallest p of each.
    alpha : float

    Returns
    -------
    int
        1 where a single one suffices; 0 where no number does.
    """
    floor = np.sort(floor)
    enough = floor * len(floor) / np.arange(1, len(floor) + 1) <= alpha * (1 + 1e-9)
    return int(enough.argmax()) + 1 if enough.any() else 0


def share_interval(count: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share (1927)."""
    from scipy.stats import norm

    if n == 0:
        return (math.nan, math.nan)
    z = float(norm.ppf(0.5 + level / 2))
    share, spread = count / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = math.sqrt(share * (1 - share) * spread + spread * spread / 4) / (1 + spread)
    return (max(0.0, centre - half), min(1.0, centre + half))


def exact_interval(count: int, n: int, *, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a share (Clopper and Pearson, Biometrika 26:404, 1934)."""
    from scipy.stats import beta

    if n == 0:
        return (math.nan, math.nan)
    tail = (1 - level) / 2
    low = float(beta.ppf(tail, count, n - count + 1)) if count else 0.0
    high = float(beta.ppf(1 - tail, count + 1, n - count)) if count < n else 1.0
    return (low, high)
