"""Label images from the outlines that CellProfiler saves beside its tables."""

from __future__ import annotations

from collections import deque

import numpy as np
from scipy import ndimage

from phenolens.errors import InputError

THICKEST = 0.25
"""Share of the pixels of lines that may lie inside: lines are one or two pixels wide."""
MOST_COLOURS = 8
"""Kinds of objects that may be drawn on one picture."""


def labels_from_outlines(outlines: np.ndarray) -> np.ndarray:
    """Number the objects of an outline image.

    Outlines are taken as drawn inside the objects, one pixel wide ("Inner"): where two objects
    touch the line is two pixels wide, where an object meets the background it is one. Crossing a
    line of one pixel therefore leads from background to object and back, which tells holes between
    cells from cells. The region with most neighbours is background.

    Parameters
    ----------
    outlines : ndarray, shape (H, W) or (H, W, 3 or 4)
        Nonzero on outlines; of a colour image on black any colour counts, transparency does not.
        Lines of one colour on a grey image, as CellProfiler's OverlayOutlines draws them, are told
        from it by their colour.

    Returns
    -------
    ndarray of int32, shape (H, W)
        Numbered from 1 in raster order; an object without a pixel inside its outline is lost.

    Raises
    ------
    InputError
        If the shape is no image's, or lines cannot be told from what they are drawn on.
    """
    lines = _lines(np.asarray(outlines))
    inner = ndimage.binary_erosion(lines, np.ones((3, 3)))
    if inner.sum() > THICKEST * lines.sum():
        raise InputError(
            "it shows filled areas and no outlines: a mask, or lines on a picture of their own "
            "grey; draw outlines on a blank image (OverlayOutlines), or save objects as whole "
            "numbers (ConvertObjectsToImage, uint16)"
        )
    regions, count = ndimage.label(~lines)
    if count < 2:
        return np.zeros(lines.shape, np.int32)
    objects = _objects(regions, lines, count)
    numbers = np.where(objects, np.cumsum(objects), 0).astype(np.int32)
    inside = numbers[regions] * ~lines
    distance, nearest = ndimage.distance_transform_edt(inside == 0, return_indices=True)
    return np.where(lines & (distance < 2), inside[tuple(nearest)], inside).astype(np.int32)


def _lines(image: np.ndarray) -> np.ndarray:
    if image.ndim == 3 and image.shape[2] in (3, 4):
        return _coloured(image[..., :3])
    if image.ndim != 2:
        raise InputError(f"Outlines of shape {image.shape}: an image (height, width) is needed.")
    return image > 0


def _coloured(image: np.ndarray) -> np.ndarray:
    """Lines of a colour image: all that is not black, or what has colour on a grey image."""
    shown = image.max(axis=2) > 0
    colour = image.max(axis=2) != image.min(axis=2)
    if not colour.any() or not (shown & ~colour).any():
        return shown
    colours = np.unique(image[colour], axis=0)
    if len(colours) > 1:
        what = (
            f"lines of {len(colours)} colours, so of several kinds of objects"
            if len(colours) <= MOST_COLOURS
            else "a colour picture, from which lines cannot be told"
        )
        raise InputError(
            f"it shows {what}; draw the outlines of each kind on a blank image (OverlayOutlines)"
        )
    return colour


def _objects(regions: np.ndarray, lines: np.ndarray, count: int) -> np.ndarray:
    """Which regions are objects: an odd number of thin lines away from the background."""
    neighbours: dict[int, set[int]] = {k: set() for k in range(count + 1)}
    for a, b in _across_thin_lines(regions, lines):
        neighbours[a].add(b)
        neighbours[b].add(a)
    areas = np.bincount(regions.ravel(), minlength=count + 1)
    start = max(range(1, count + 1), key=lambda k: (len(neighbours[k]), areas[k]))
    depth = {start: 0}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        for other in sorted(neighbours[here] - depth.keys()):
            depth[other] = depth[here] + 1
            queue.append(other)
    return np.array([k > 0 and depth.get(k, 1) % 2 == 1 for k in range(count + 1)])


def _across_thin_lines(regions: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Pairs of regions on opposite sides of a line pixel."""
    pairs = []
    for first, middle, last in (
        (regions[:-2], lines[1:-1], regions[2:]),
        (regions[:, :-2], lines[:, 1:-1], regions[:, 2:]),
    ):
        thin = middle & (first > 0) & (last > 0) & (first != last)
        pairs.append(np.column_stack([first[thin], last[thin]]))
    return np.unique(np.vstack(pairs), axis=0)
