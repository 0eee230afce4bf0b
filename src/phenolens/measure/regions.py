"""The pixels of one compartment, grouped by object: what every family of features starts from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numba
import numpy as np


@dataclass(frozen=True)
class Regions:
    """Objects of one compartment in compressed form.

    Attributes
    ----------
    name : str
        Compartment, e.g. ``"Nuclei"``.
    labels : ndarray of int32, shape (H, W)
        Label image renumbered to 1..n in ascending order of the ids given.
    ids : ndarray of int64, shape (n,)
        The ids as given.
    starts : ndarray of int64, shape (n + 1,)
        Object k (0-based) owns ``pixels[starts[k]:starts[k + 1]]``.
    pixels : ndarray of int32, shape (P,)
        Flat pixel indices, in raster order within an object.
    boxes : ndarray of int64, shape (n, 4)
        First row, first column, last row + 1, last column + 1.
    """

    name: str
    labels: np.ndarray
    ids: np.ndarray
    starts: np.ndarray
    pixels: np.ndarray
    boxes: np.ndarray

    @property
    def count(self) -> int:
        """Number of objects."""
        return len(self.ids)

    @property
    def areas(self) -> np.ndarray:
        """Pixels per object, int64, shape (n,)."""
        return np.diff(self.starts)

    @cached_property
    def rows(self) -> np.ndarray:
        """Row of each pixel, int32, shape (P,)."""
        return self.pixels // np.int32(self.labels.shape[1])

    @cached_property
    def columns(self) -> np.ndarray:
        """Column of each pixel, int32, shape (P,)."""
        return self.pixels - self.rows * np.int32(self.labels.shape[1])

    @cached_property
    def slots(self) -> np.ndarray:
        """Position in ``pixels`` of each pixel of the flat image, int32; -1 outside objects."""
        slots = np.full(self.labels.size, -1, np.int32)
        slots[self.pixels] = np.arange(len(self.pixels), dtype=np.int32)
        return slots

    @cached_property
    def borders(self) -> np.ndarray:
        """Border flags of each pixel, uint8, shape (P,); see :func:`_border_flags`."""
        return _border_flags(self.labels, self.pixels)

    @cached_property
    def edge_distance(self) -> np.ndarray:
        """Euclidean distance of each pixel to the nearest one outside its object, shape (P,).

        The outside of the image does not count as outside (CellProfiler's radial features).
        """
        open_border = _distance(self, closed=False)
        return np.where(np.isfinite(open_border), open_border, self.inner_distance)

    @cached_property
    def inner_distance(self) -> np.ndarray:
        """As ``edge_distance``, but the outside of the image counts as outside, shape (P,)."""
        return _distance(self, closed=True)


def build_regions(name: str, labels: np.ndarray) -> Regions:
    """Group the pixels of a label image by object.

    Parameters
    ----------
    name : str
        Compartment name.
    labels : ndarray of int, shape (H, W)
        0 is background; ids may have gaps.

    Returns
    -------
    Regions
    """
    ids, dense = _renumber(np.ascontiguousarray(labels))
    starts, pixels, boxes = _group(dense, len(ids))
    return Regions(name, dense, ids, starts, pixels, boxes)


def _renumber(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    top = int(labels.max(initial=0))
    if top <= 4 * labels.size:
        ids = np.flatnonzero(_present(labels, top))
        table = np.zeros(top + 1, np.int32)
        table[ids] = np.arange(1, len(ids) + 1, dtype=np.int32)
        return ids.astype(np.int64), table[labels]
    ids = np.unique(labels)
    dense = np.searchsorted(ids, labels).astype(np.int32) + np.int32(ids[0] != 0)
    return ids[ids > 0].astype(np.int64), dense


@numba.njit(cache=True)
def _present(labels, top):
    seen = np.zeros(top + 1, np.bool_)
    for value in labels.flat:
        seen[value] = True
    seen[0] = False
    return seen


@numba.njit(cache=True)
def _group(labels, n):
    height, width = labels.shape
    starts = np.zeros(n + 1, np.int64)
    boxes = np.zeros((n, 4), np.int64)
    boxes[:, 0] = height
    boxes[:, 1] = width
    for r in range(height):
        for c in range(width):
            k = labels[r, c]
            if k:
                starts[k] += 1
                box = boxes[k - 1]
                box[0] = min(box[0], r)
                box[1] = min(box[1], c)
                box[2] = max(box[2], r + 1)
                box[3] = max(box[3], c + 1)
    for k in range(n):
        starts[k + 1] += starts[k]
    cursor = starts[:n].copy()
    pixels = np.empty(starts[n], np.int32)
    for r in range(height):
        for c in range(width):
            k = labels[r, c] - 1
            if k >= 0:
                pixels[cursor[k]] = r * width + c
                cursor[k] += 1
    return starts, pixels, boxes


EDGE4 = 1  # a 4-neighbour inside the image belongs to something else
EDGE4_CLOSED = 2  # the same, or the pixel lies on the image border
EDGE8_CLOSED = 4  # an 8-neighbour belongs to something else, or the pixel lies on the image border


@numba.njit(cache=True)
def _border_flags(labels, pixels):
    """Flags of each object pixel: EDGE4 | EDGE4_CLOSED | EDGE8_CLOSED."""
    height, width = labels.shape
    flags = np.zeros(len(pixels), np.uint8)
    for i in range(len(pixels)):
        r = pixels[i] // width
        c = pixels[i] - r * width
        k = labels[r, c]
        near = False
        diagonal = False
        rim = r == 0 or c == 0 or r == height - 1 or c == width - 1
        for dr in range(-1, 2):
            for dc in range(-1, 2):
                y, x = r + dr, c + dc
                if 0 <= y < height and 0 <= x < width and labels[y, x] != k:
                    if dr == 0 or dc == 0:
                        near = True
                    else:
                        diagonal = True
        if near:
            flags[i] |= 1
        if near or rim:
            flags[i] |= 2
        if near or diagonal or rim:
            flags[i] |= 4
    return flags


def _distance(regions: Regions, *, closed: bool) -> np.ndarray:
    squared = _squared_distance(regions.labels, regions.slots, len(regions.pixels), closed)
    return np.sqrt(squared)


@numba.njit(cache=True)
def _vertical_gap(labels, closed):
    """Rows to the nearest differently labelled pixel of the same column, up or down."""
    height, width = labels.shape
    far = height + width + 10
    gap = np.empty((height, width), np.int32)
    for c in range(width):
        gap[0, c] = 1 if closed else far
    for r in range(1, height):
        for c in range(width):
            same = labels[r, c] == labels[r - 1, c]
            gap[r, c] = gap[r - 1, c] + 1 if same else 1
    for c in range(width):
        if closed:
            gap[height - 1, c] = 1
    for r in range(height - 2, -1, -1):
        for c in range(width):
            below = gap[r + 1, c] + 1 if labels[r, c] == labels[r + 1, c] else 1
            gap[r, c] = min(gap[r, c], below)
    return gap


@numba.njit(cache=True)
def _squared_distance(labels, slots, count, closed):
    """Squared distance to the nearest other label, exact.

    Lower envelope of parabolas (Felzenszwalb & Huttenlocher, 2012) within each horizontal run of
    one label: beyond the ends of the run nothing can be nearer than the end itself.
    """
    height, width = labels.shape
    gap = _vertical_gap(labels, closed)
    far = height + width + 10
    out = np.empty(count, np.float64)
    site = np.empty(width + 2, np.int64)
    lift = np.empty(width + 2, np.float64)
    reach = np.empty(width + 3, np.float64)
    for r in range(height):
        c = 0
        while c < width:
            k = labels[r, c]
            first = c
            while c < width and labels[r, c] == k:
                c += 1
            if k == 0:
                continue
            top = -1
            for x in range(first - 1, c + 1):
                if x == first - 1 or x == c:
                    if (x < 0 or x >= width) and not closed:
                        continue
                    height2 = 0.0
                else:
                    if gap[r, x] >= far:
                        continue
                    height2 = float(gap[r, x]) * gap[r, x]
                meet = -np.inf
                while top >= 0:
                    a = site[top]
                    meet = (height2 + x * x - lift[top] - a * a) / (2.0 * (x - a))
                    if meet > reach[top]:
                        break
                    top -= 1
                    meet = -np.inf
                top += 1
                site[top] = x
                lift[top] = height2
                reach[top] = meet
            if top < 0:
                for x in range(first, c):
                    out[slots[r * width + x]] = np.inf
                continue
            j = 0
            for x in range(first, c):
                while j < top and reach[j + 1] < x:
                    j += 1
                d = x - site[j]
                out[slots[r * width + x]] = d * d + lift[j]
    return out
