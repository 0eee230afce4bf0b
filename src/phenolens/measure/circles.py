"""Smallest circle around each object."""

from __future__ import annotations

import numba
import numpy as np


def enclosing_circles(points: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Smallest circle around the hull of every object (Chrystal, 1884).

    A side of the hull is replaced by the vertex that sees it under the smallest angle until that
    angle is obtuse (the side is a diameter) or the triangle is acute (its circumcircle is meant).

    Parameters
    ----------
    points, starts : ndarray
        Hulls, from :func:`phenolens.measure.hulls.convex_hulls`.

    Returns
    -------
    ndarray of float64, shape (n, 3)
        Row and column of the centre, and the radius; 0 for a single pixel.
    """
    return _circles(points.astype(np.float64), starts)


@numba.njit(cache=True)
def _angle(at, a, b):
    """Angle at the first point between the two others."""
    ay, ax, by, bx = a[0] - at[0], a[1] - at[1], b[0] - at[0], b[1] - at[1]
    cosine = (ay * by + ax * bx) / np.sqrt((ay * ay + ax * ax) * (by * by + bx * bx))
    return np.arccos(min(1.0, max(-1.0, cosine)))


@numba.njit(cache=True)
def _sharpest(hull, first, second):
    """The vertex that sees the side under the smallest angle, and that angle."""
    best, found = np.inf, -1
    for v in range(len(hull)):
        if v in (first, second):
            continue
        at_first = _angle(hull[first], hull[second], hull[v])
        at_second = _angle(hull[second], hull[first], hull[v])
        angle = np.pi - at_first - at_second
        if angle < best:
            best, found = angle, v
    return found, best


@numba.njit(cache=True)
def _across(a, b):
    y, x = (a[0] + b[0]) / 2, (a[1] + b[1]) / 2
    return y, x, np.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / 2


@numba.njit(cache=True)
def _circumscribed(a, b, v):
    d = 2 * (a[1] * (b[0] - v[0]) + b[1] * (v[0] - a[0]) + v[1] * (a[0] - b[0]))
    aa = a[0] * a[0] + a[1] * a[1]
    bb = b[0] * b[0] + b[1] * b[1]
    vv = v[0] * v[0] + v[1] * v[1]
    x = (aa * (b[0] - v[0]) + bb * (v[0] - a[0]) + vv * (a[0] - b[0])) / d
    y = (aa * (v[1] - b[1]) + bb * (a[1] - v[1]) + vv * (b[1] - a[1])) / d
    return y, x, np.sqrt((a[0] - y) ** 2 + (a[1] - x) ** 2)


@numba.njit(cache=True)
def _circle(hull):
    if len(hull) == 1:
        return hull[0, 0], hull[0, 1], 0.0
    first, second = 0, 1
    right = np.pi / 2
    for _ in range(4 * len(hull) + 4):
        v, angle = _sharpest(hull, first, second)
        if v < 0 or angle >= right:
            break
        at_first = _angle(hull[first], hull[second], hull[v])
        at_second = _angle(hull[second], hull[first], hull[v])
        if at_first <= right and at_second <= right:
            return _circumscribed(hull[first], hull[second], hull[v])
        if at_first > right:
            first = v
        else:
            second = v
    return _across(hull[first], hull[second])


@numba.njit(cache=True)
def _circles(points, starts):
    n = len(starts) - 1
    out = np.empty((n, 3))
    for k in range(n):
        out[k] = _circle(points[starts[k] : starts[k + 1]])
    return out
