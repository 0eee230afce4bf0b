"""Many tests at once: false discovery rate, family-wise error, and what a discrete p can reach."""

from __future__ import annotations

import math

import numpy as np


def benjamini_hochberg(p: np.ndarray) -> np.ndarray:
    """q-values of Benjamini and Hochberg (1995); NaN stays NaN and does not count as a test."""
    from scipy.stats import false_discovery_control

    p = np.asarray(p, dtype=np.float64)
    q = np.full(p.shape, np.nan)
    tested = np.isfinite(p)
    q[tested] = false_discovery_control(p[tested], method="bh")
    return q


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's step-down adjusted p-values (Scand. J. Stat. 6, 65, 1979)."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    out = np.empty_like(p)
    out[order] = np.minimum(stepped, 1.0)
    return out


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
