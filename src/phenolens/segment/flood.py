"""Growing cells from nuclei: flooding that prefers bright and near pixels."""

from __future__ import annotations

import numba
import numpy as np

_LEVELS = 2048


def grow(
    seeds: np.ndarray, mask: np.ndarray, relief: np.ndarray, *, weight: float, reach: float
) -> np.ndarray:
    """Grow labels within a mask.

    A pixel's turn comes by the lowest relief that any path to it must climb plus ``weight`` times
    the length of that path: valleys of brightness part cells, and where there is none, distance
    does (Meyer's flooding with a length term).

    Parameters
    ----------
    seeds : ndarray of int32, shape (H, W)
    mask : ndarray of bool, shape (H, W)
    relief : ndarray of float32, shape (H, W)
        Low where cells are bright.
    weight : float
        Relief per pixel of path.
    reach : float
        Longest path, pixels.

    Returns
    -------
    ndarray of int32, shape (H, W)
    """
    inside = relief[mask] if mask.any() else np.zeros(1, np.float32)
    low, high = float(inside.min()), float(inside.max()) + weight * reach
    scale = (_LEVELS - 1) / max(high - low, 1e-9)
    return _grow(seeds, mask, relief, np.array([low, scale, weight, reach]))


@numba.njit(cache=True)
def _grow(seeds, mask, relief, numbers):
    low, scale, weight, reach = numbers
    rows, width = seeds.shape
    labels = seeds.copy()
    flat = labels.ravel()
    following = np.full(flat.size, -1, np.int32)
    head = np.full(2048, -1, np.int32)
    tail = np.full(2048, -1, np.int32)
    climbed = np.zeros(flat.size, np.float32)
    length = np.zeros(flat.size, np.float32)
    for p in range(flat.size):
        if flat[p]:
            climbed[p] = low
            if tail[0] >= 0:
                following[tail[0]] = p
            else:
                head[0] = p
            tail[0] = p
    level = 0
    while level < 2048:
        p = head[level]
        if p < 0:
            level += 1
            continue
        head[level] = following[p]
        if head[level] < 0:
            tail[level] = -1
        r = p // width
        c = p - r * width
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                y, x = r + dr, c + dc
                if y < 0 or x < 0 or y >= rows or x >= width:
                    continue
                q = y * width + x
                if flat[q] or not mask[y, x]:
                    continue
                far = length[p] + (1.0 if dr == 0 or dc == 0 else 1.41421356)
                if far > reach:
                    continue
                flat[q] = flat[p]
                length[q] = far
                climbed[q] = max(climbed[p], relief[y, x])
                turn = int((climbed[q] + weight * far - low) * scale)
                turn = min(max(turn, level), 2047)
                following[q] = -1
                if tail[turn] >= 0:
                    following[tail[turn]] = q
                else:
                    head[turn] = q
                tail[turn] = q
    return labels


def majority(labels: np.ndarray, radius: int) -> np.ndarray:
    """Most frequent label within a square window, for pixels on outlines; others are kept."""
    return _majority(labels, radius)


@numba.njit(cache=True)
def _majority(labels, radius):
    rows, width = labels.shape
    out = labels.copy()
    count = np.zeros(labels.max() + 1, np.int32)
    for r in range(rows):
        for c in range(width):
            top, bottom = max(r - 1, 0), min(r + 1, rows - 1)
            left, right = max(c - 1, 0), min(c + 1, width - 1)
            k = labels[r, c]
            if (
                labels[top, c] == k
                and labels[bottom, c] == k
                and labels[r, left] == k
                and labels[r, right] == k
            ):
                continue
            best = k
            for y in range(max(r - radius, 0), min(r + radius + 1, rows)):
                for x in range(max(c - radius, 0), min(c + radius + 1, width)):
                    count[labels[y, x]] += 1
            for y in range(max(r - radius, 0), min(r + radius + 1, rows)):
                for x in range(max(c - radius, 0), min(c + radius + 1, width)):
                    if count[labels[y, x]] > count[best]:
                        best = labels[y, x]
            for y in range(max(r - radius, 0), min(r + radius + 1, rows)):
                for x in range(max(c - radius, 0), min(c + radius + 1, width)):
                    count[labels[y, x]] = 0
            out[r, c] = best
    return out
