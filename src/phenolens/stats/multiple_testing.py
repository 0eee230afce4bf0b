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


def westfall_young(
    observed: np.ndarray, null: np.ndarray, *, enumerated: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Permutation p of several statistics, and their step-down maximum p (Westfall and Young).

    The chance of one false rejection among all tests stays below the level however the statistics
    depend on each other, for their labels are permuted together. Each is taken in standard
    deviations from the mean of its own null, so that none is tested at the cost of the others.

    Parameters
    ----------
    observed : ndarray of float64, shape (n_tests,)
        Larger is further from the null.
    null : ndarray of float64, shape (n_labellings, n_tests)
        The same under each labelling.
    enumerated : bool
        Whether these are all labellings, the observed one among them; it is added otherwise.

    Returns
    -------
    p, adjusted : ndarray of float64, shape (n_tests,)

    References
    ----------
    Westfall and Young, Resampling-based multiple testing (1993), algorithm 4.1; Ge, Dudoit and
    Speed, Test 12:1 (2003).
    """
    rows = np.asarray(null if enumerated else np.vstack([observed, null]), dtype=np.float64)
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    spread[spread == 0] = 1.0
    # Sums of the same terms in another order differ in the last bits.
    distance, own = (rows - centre) / spread, (observed - centre) / spread - 1e-6
    p = (distance >= own).mean(axis=0)
    order = np.argsort(-own, kind="stable")
    most = np.maximum.accumulate(distance[:, order[::-1]], axis=1)[:, ::-1]
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate((most >= own[order]).mean(axis=0))
    return p, adjusted


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
