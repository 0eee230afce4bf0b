"""Moments: CellProfiler's "advanced" AreaShape features.

Hu, IRE Trans. Inf. Theory 8 (1962) 179.
"""

from __future__ import annotations

import numba
import numpy as np

from phenolens.measure.regions import Regions

_ORDERS = tuple((p, q) for p in range(4) for q in range(4))
MEASUREMENTS = (
    *(f"SpatialMoment_{p}_{q}" for p, q in _ORDERS if p < 3),
    *(f"CentralMoment_{p}_{q}" for p, q in _ORDERS if p < 3),
    *(f"NormalizedMoment_{p}_{q}" for p, q in _ORDERS),
    *(f"HuMoment_{k}" for k in range(7)),
    *(f"InertiaTensor_{i}_{j}" for i in range(2) for j in range(2)),
    *(f"InertiaTensorEigenvalues_{k}" for k in range(2)),
)


def measure_moments(regions: Regions) -> np.ndarray:
    """Moments of every object, first index rows, second columns, within its bounding box.

    Parameters
    ----------
    regions : Regions
        n objects.

    Returns
    -------
    ndarray of float64, shape (n, 53)
        In the order of ``MEASUREMENTS``. Normalized moments below second order are NaN.
    """
    arrays = (regions.rows, regions.columns, regions.starts, regions.boxes)
    raw, central = _moments(*arrays)
    normalized = _normalize(central)
    parts = [raw[:, :3], central[:, :3], normalized, _hu(normalized), _inertia(central)]
    return np.hstack([part.reshape(len(raw), -1) for part in parts])


def _normalize(central: np.ndarray) -> np.ndarray:
    order = np.add.outer(np.arange(4), np.arange(4))
    area = central[:, :1, :1]
    return np.where(order >= 2, central / area ** (order / 2 + 1), np.nan)


def _hu(nu: np.ndarray) -> np.ndarray:
    """Seven combinations that do not change when the object is turned."""
    spread, skew = nu[:, 2, 0] - nu[:, 0, 2], nu[:, 1, 1]
    a, b = nu[:, 3, 0] + nu[:, 1, 2], nu[:, 2, 1] + nu[:, 0, 3]
    c, d = nu[:, 3, 0] - 3 * nu[:, 1, 2], 3 * nu[:, 2, 1] - nu[:, 0, 3]
    rows = [
        nu[:, 2, 0] + nu[:, 0, 2],
        spread**2 + 4 * skew**2,
        c**2 + d**2,
        a**2 + b**2,
        c * a * (a**2 - 3 * b**2) + d * b * (3 * a**2 - b**2),
        spread * (a**2 - b**2) + 4 * skew * a * b,
        d * a * (a**2 - 3 * b**2) - c * b * (3 * a**2 - b**2),
    ]
    return np.column_stack(rows)


def _inertia(central: np.ndarray) -> np.ndarray:
    """The tensor of inertia over area, and its eigenvalues, the larger first."""
    yy, xy, xx = (central[:, p, q] / central[:, 0, 0] for p, q in ((2, 0), (1, 1), (0, 2)))
    middle, spread = (yy + xx) / 2, np.hypot((xx - yy) / 2, xy)
    least = np.clip(middle - spread, 0, None)
    return np.column_stack([xx, -xy, -xy, yy, middle + spread, least])


@numba.njit(cache=True)
def _sum_powers(y, x, out):
    power = 1.0
    for p in range(4):
        term = power
        for q in range(4):
            out[p, q] += term
            term *= x
        power *= y


@numba.njit(cache=True)
def _moments(rows, columns, starts, boxes):
    n = len(boxes)
    raw, central = np.zeros((n, 4, 4)), np.zeros((n, 4, 4))
    for k in range(n):
        for i in range(starts[k], starts[k + 1]):
            y, x = rows[i] - boxes[k, 0], columns[i] - boxes[k, 1]
            _sum_powers(float(y), float(x), raw[k])
        middle_y, middle_x = raw[k, 1, 0] / raw[k, 0, 0], raw[k, 0, 1] / raw[k, 0, 0]
        for i in range(starts[k], starts[k + 1]):
            y, x = rows[i] - boxes[k, 0] - middle_y, columns[i] - boxes[k, 1] - middle_x
            _sum_powers(y, x, central[k])
    return raw, central
