"""Convex hulls of objects, their areas as scikit-image draws them, and Feret diameters."""

from __future__ import annotations

import numba
import numpy as np

from phenolens.measure.regions import Regions


def convex_hulls(regions: Regions) -> tuple[np.ndarray, np.ndarray]:
    """Hull of the pixel centres of every object.

    Returns
    -------
    points : ndarray of int64, shape (K, 2)
        Row and column of the vertices, from the first pixel of the leftmost column upwards.
    starts : ndarray of int64, shape (n + 1,)
        Vertices of object k are ``points[starts[k]:starts[k + 1]]``.
    """
    return _hulls(regions.rows, regions.columns, regions.starts, regions.boxes)


def hull_areas(regions: Regions, *, closed: bool) -> np.ndarray:
    """Pixels inside the hull of every object's pixel edges, float64, shape (n,).

    Pixel centres on the lower border of the hull count if ``closed``; those on the upper always do.
    """
    arrays = (regions.rows, regions.columns, regions.starts, regions.boxes)
    return _filled_hulls(*arrays, closed)


def feret_diameters(points: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest distance between parallel tangents, pixels, each of shape (n,)."""
    return _ferets(points, starts)


@numba.njit(cache=True)
def _side(o, a, b):
    return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0])


@numba.njit(cache=True)
def _chain(points, count, hull, top, sign):
    """Append one half of the hull of points sorted by column, dropping collinear ones."""
    base = top
    for j in range(count):
        p = points[j]
        while top - base >= 2 and sign * _side(hull[top - 2], hull[top - 1], p) >= 0:
            top -= 1
        hull[top] = p
        top += 1
    return top


@numba.njit(cache=True)
def _extremes(rows, columns, box, span):
    """First and last row of the object in every column of its box."""
    span[: box[3] - box[1], 0] = box[2]
    span[: box[3] - box[1], 1] = -1
    for i in range(len(rows)):
        c = columns[i] - box[1]
        span[c, 0] = min(span[c, 0], rows[i])
        span[c, 1] = max(span[c, 1], rows[i])


@numba.njit(cache=True)
def _hull_of(rows, columns, box, work):
    """Vertices of one hull into ``work[2]``; returns their number."""
    span, points, hull = work
    _extremes(rows, columns, box, span)
    count = 0
    for c in range(box[3] - box[1]):
        if span[c, 1] >= 0:
            points[count, 0] = span[c, 0]
            points[count, 1] = c + box[1]
            count += 1
    top = _chain(points, count, hull, 0, 1)
    count = 0
    for c in range(box[3] - box[1] - 1, -1, -1):
        if span[c, 1] >= 0:
            points[count, 0] = span[c, 1]
            points[count, 1] = c + box[1]
            count += 1
    if points[0, 0] == hull[top - 1, 0] and points[0, 1] == hull[top - 1, 1]:
        top -= 1
    end = _chain(points, count, hull, top, 1)
    if end > 1 and hull[end - 1, 0] == hull[0, 0] and hull[end - 1, 1] == hull[0, 1]:
        end -= 1
    return end


@numba.njit(cache=True)
def _workspace(boxes):
    widest = 1
    for k in range(len(boxes)):
        widest = max(widest, boxes[k, 3] - boxes[k, 1])
    span = np.empty((widest, 2), np.int64)
    points = np.empty((widest + 1, 2), np.int64)
    hull = np.empty((2 * widest + 4, 2), np.int64)
    return span, points, hull


@numba.njit(cache=True)
def _hulls(rows, columns, starts, boxes):
    n = len(boxes)
    work = _workspace(boxes)
    hull_starts = np.zeros(n + 1, np.int64)
    room = 16 * n + 16
    out = np.empty((room, 2), np.int64)
    used = 0
    for k in range(n):
        part = slice(starts[k], starts[k + 1])
        count = _hull_of(rows[part], columns[part], boxes[k], work)
        if used + count > room:
            room = 2 * (used + count)
            grown = np.empty((room, 2), np.int64)
            grown[:used] = out[:used]
            out = grown
        out[used : used + count] = work[2][:count]
        used += count
        hull_starts[k + 1] = used
    return out[:used].copy(), hull_starts


@numba.njit(cache=True)
def _ferets(points, starts):
    n = len(starts) - 1
    least, most = np.zeros(n), np.zeros(n)
    for k in range(n):
        hull = points[starts[k] : starts[k + 1]]
        size = len(hull)
        widest = 0
        for i in range(size):
            for j in range(i):
                dy, dx = hull[i, 0] - hull[j, 0], hull[i, 1] - hull[j, 1]
                widest = max(widest, dy * dy + dx * dx)
        most[k] = np.sqrt(float(widest))
        if size < 3:
            continue
        narrow = np.inf
        for i in range(size):
            a, b = hull[i - 1], hull[i]
            length = np.sqrt(float((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2))
            depth = 0
            for j in range(size):
                depth = max(depth, abs(_side(a, b, hull[j])))
            narrow = min(narrow, depth / length)
        least[k] = narrow
    return least, most


@numba.njit(cache=True)
def _filled_hulls(rows, columns, starts, boxes, closed):
    """Pixel centres within the hull of all pixel-edge midpoints, counted in exact integers.

    Coordinates are doubled so that edge midpoints are integers: pixel (r, c) contributes
    (2r - 1, 2c), (2r + 1, 2c), (2r, 2c - 1) and (2r, 2c + 1).
    """
    n = len(boxes)
    out = np.empty(n)
    widest = 1
    for k in range(n):
        widest = max(widest, boxes[k, 3] - boxes[k, 1])
    span = np.empty((widest, 2), np.int64)
    low = np.empty((2 * widest + 1, 2), np.int64)
    hull = np.empty((2 * widest + 4, 2), np.int64)
    limit = np.empty((widest, 2), np.int64)
    for k in range(n):
        part = slice(starts[k], starts[k + 1])
        wide = boxes[k, 3] - boxes[k, 1]
        _extremes(rows[part], columns[part], boxes[k], span)
        for half in range(2):
            _doubled_half(span, wide, half, low)
            top = _chain(low, 2 * wide + 1, hull, 0, 1 if half == 0 else -1)
            _cut_columns(hull, top, half, (limit[:wide], closed))
        total = 0
        for c in range(wide):
            total += max(0, limit[c, 1] - limit[c, 0] + 1)
        out[k] = total
    return out


@numba.njit(cache=True)
def _doubled_half(span, wide, half, low):
    """The outermost doubled point in every doubled column, upper (0) or lower (1) half."""
    far = 4 * 1_000_000_000
    sign = 1 if half == 0 else -1
    for j in range(2 * wide + 1):
        low[j, 0] = sign * far
        low[j, 1] = j - 1
    for c in range(wide):
        if span[c, 1] < 0:
            continue
        r = 2 * span[c, half]
        j = 2 * c + 1
        low[j, 0] = r - sign
        for side in (j - 1, j + 1):
            low[side, 0] = min(low[side, 0], r) if half == 0 else max(low[side, 0], r)
    for j in range(2 * wide + 1):
        if abs(low[j, 0]) >= far:
            low[j] = low[j - 1]


@numba.njit(cache=True)
def _cut_columns(hull, top, half, result):
    """First (half 0) or last (half 1) pixel row inside the hull, for every column."""
    limit, closed = result
    edge = 0
    for c in range(len(limit)):
        x = 2 * c
        while edge < top - 2 and hull[edge + 1, 1] < x:
            edge += 1
        a, b = hull[edge], hull[edge + 1]
        run = b[1] - a[1]
        # the hull's row at this column is numerator / run, in doubled rows
        numerator = a[0] * run + (b[0] - a[0]) * (x - a[1])
        if half == 0:
            limit[c, 0] = -((-numerator) // (2 * run))
        else:
            limit[c, 1] = (numerator if closed else numerator - 1) // (2 * run)
