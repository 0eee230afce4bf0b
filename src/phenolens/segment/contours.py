"""Contours around the middle of a crop, level by level."""

from __future__ import annotations

import numba
import numpy as np


def steepest_middle(
    contrast: np.ndarray, slope: np.ndarray, levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How steep and round the contour around the middle is at every level.

    Parameters
    ----------
    contrast, slope : ndarray of float, shape (H, W)
    levels : ndarray of float, shape (L,)

    Returns
    -------
    scores, areas : ndarray of float, shape (L,)
        Mean slope along the contour times the square root of its roundness (1 for a circle), and
        the pixels enclosed; 0 where the middle lies below the level.
    """
    return _steepest(contrast, slope, levels)


@numba.njit(cache=True)
def _nearest(mask, reach):
    """Pixel of the mask nearest to the middle, flat; -1 if none is near."""
    rows, width = mask.shape
    best, found = reach * reach, -1
    for r in range(rows):
        for c in range(width):
            far = (r - rows // 2) ** 2 + (c - width // 2) ** 2
            if mask[r, c] and far < best:
                best, found = far, r * width + c
    return found


@numba.njit(cache=True)
def _spread(mask, start, stack, out):
    """Mark the 4-connected part of the mask that holds a pixel; returns its size."""
    rows, width = mask.shape
    stack[0] = start
    out[start // width, start % width] = True
    top, size = 1, 0
    while top:
        top -= 1
        p = stack[top]
        size += 1
        r = p // width
        c = p - r * width
        for direction in range(4):
            y = r + (direction == 0) - (direction == 1)
            x = c + (direction == 2) - (direction == 3)
            if 0 <= y < rows and 0 <= x < width and mask[y, x] and not out[y, x]:
                out[y, x] = True
                stack[top] = y * width + x
                top += 1
    return size


@numba.njit(cache=True)
def _without_holes(piece, stack):
    """Fill what cannot be reached from the border."""
    rows, width = piece.shape
    outside = np.zeros((rows, width), np.bool_)
    free = ~piece
    for r in range(rows):
        for c in range(width):
            rim = r == 0 or c == 0 or r == rows - 1 or c == width - 1
            if rim and free[r, c] and not outside[r, c]:
                _spread(free, r * width + c, stack, outside)
    return ~outside


@numba.njit(cache=True)
def _steepest(contrast, slope, levels):
    rows, width = contrast.shape
    scores, areas = np.zeros(len(levels)), np.zeros(len(levels))
    stack = np.empty(rows * width, np.int64)
    for k in range(len(levels)):
        mask = contrast > levels[k]
        start = _nearest(mask, min(rows, width) / 4)
        if start < 0:
            continue
        piece = np.zeros((rows, width), np.bool_)
        _spread(mask, start, stack, piece)
        piece = _without_holes(piece, stack)
        total, rim, area = 0.0, 0, 0
        for r in range(rows):
            for c in range(width):
                if not piece[r, c]:
                    continue
                area += 1
                inner = r > 0 and c > 0 and r < rows - 1 and c < width - 1
                if inner and not (
                    piece[r - 1, c] and piece[r + 1, c] and piece[r, c - 1] and piece[r, c + 1]
                ):
                    rim += 1
                    total += slope[r, c]
        areas[k] = area
        if rim:
            scores[k] = total / rim * np.sqrt(min(1.0, 4 * np.pi * area / (1.1 * rim) ** 2))
    return scores, areas
