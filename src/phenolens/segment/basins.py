"""Parting touching nuclei: hills of the distance transform, joined where the pass is high."""

from __future__ import annotations

import numba
import numpy as np


def part_hills(
    height: np.ndarray, brightness: np.ndarray, *, neck: float, valley: float
) -> np.ndarray:
    """Label the hills of a landscape, joining neighbours that are hardly separate.

    Pixels are taken from the top down. Where two hills first meet is their pass; they stay apart
    if the pass is lower than ``neck`` times the lower summit, or if it is lower at all and the
    brightness there is below ``valley`` times that of the dimmer summit.

    Parameters
    ----------
    height : ndarray of float, shape (H, W)
        Distance to the edge; 0 is background.
    brightness : ndarray of float, shape (H, W)
        Smoothed intensity above background.
    neck, valley : float

    Returns
    -------
    ndarray of int32, shape (H, W)
        Labels 1..n; 0 is background.
    """
    where = np.flatnonzero(height > 0)
    order = where[np.argsort(-height.ravel()[where], kind="stable")]
    return _part(height, brightness, order, (neck, valley))


@numba.njit(cache=True)
def _root(parent, k):
    while parent[k] != k:
        parent[k] = parent[parent[k]]
        k = parent[k]
    return k


@numba.njit(cache=True)
def _part(height, brightness, order, limits):
    rows, width = height.shape
    neck, valley = limits
    labels = np.zeros((rows, width), np.int32)
    parent = np.zeros(len(order) + 1, np.int32)
    summit = np.zeros(len(order) + 1)
    glow = np.zeros(len(order) + 1)
    hills = 0
    for p in order:
        r = p // width
        c = p - r * width
        h, light = height[r, c], brightness[r, c]
        best = 0
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                y, x = r + dr, c + dc
                if y < 0 or x < 0 or y >= rows or x >= width or labels[y, x] == 0:
                    continue
                k = _root(parent, labels[y, x])
                if best == 0 or k == best:
                    best = k
                    continue
                lower = min(summit[k], summit[best])
                apart = h < neck * lower
                if not apart and h < 0.9 * lower:
                    apart = light < valley * min(glow[k], glow[best])
                if apart:
                    if summit[k] > summit[best]:
                        best = k
                    continue
                if summit[k] > summit[best]:
                    best, k = k, best
                parent[k] = best
                glow[best] = max(glow[best], glow[k])
        if best == 0:
            hills += 1
            best = hills
            parent[best] = best
            summit[best] = h
        glow[best] = max(glow[best], light)
        labels[r, c] = best
    number = np.zeros(hills + 1, np.int32)
    count = 0
    for r in range(rows):
        for c in range(width):
            if labels[r, c]:
                k = _root(parent, labels[r, c])
                if number[k] == 0:
                    count += 1
                    number[k] = count
                labels[r, c] = number[k]
    return labels
