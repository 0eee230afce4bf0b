"""ObjectSkeleton: branches of the mitochondrial network that leave each nucleus.

As CellProfiler's MeasureObjectSkeleton on the JUMP pipeline's ``mito_skel`` image, except that the
ring around the seeds is thinned by Zhang & Suen's rule where CellProfiler breaks ties at random:
counts can differ by a branch here and there.
"""

from __future__ import annotations

import numba
import numpy as np

from phenolens.measure.regions import Regions

MEASUREMENTS = (
    "NumberBranchEnds",
    "NumberNonTrunkBranches",
    "NumberTrunks",
    "TotalObjectSkeletonLength",
)
_LARGEST_HOLE = 10


def tube_skeleton(tubes: np.ndarray) -> np.ndarray:
    """Skeleton of the tubes above Li's minimum cross-entropy threshold.

    Parameters
    ----------
    tubes : ndarray of float64, shape (H, W)
        From :func:`phenolens.measure.tubeness.tubeness`.

    Returns
    -------
    ndarray of bool, shape (H, W)
    """
    from scipy.ndimage import gaussian_filter
    from skimage.morphology import skeletonize

    smooth = gaussian_filter(tubes, 1.0)
    return skeletonize(smooth >= _cross_entropy_level(smooth)) if smooth.any() else smooth > 0


def _cross_entropy_level(image: np.ndarray) -> float:
    """Threshold at the logarithmic mean of the two classes' means (Li & Tam, 1998)."""
    values = np.sort(image.ravel())
    sums = np.concatenate([[0.0], np.cumsum(values)])
    level, last = values.mean(), -1.0
    while abs(level - last) > 1e-9 * values[-1]:
        last = level
        split = int(np.searchsorted(values, level, side="right"))
        if split in (0, len(values)):
            break
        low, high = sums[split] / split, (sums[-1] - sums[split]) / (len(values) - split)
        if low <= 0:
            break
        level = (high - low) / (np.log(high) - np.log(low))
    return float(level)


def measure_skeleton(regions: Regions, skeleton: np.ndarray) -> np.ndarray:
    """Branch counts and length of the network reached from each seed object.

    Parameters
    ----------
    regions : Regions
        Seed objects (nuclei), n of them.
    skeleton : ndarray of bool, shape (H, W)

    Returns
    -------
    ndarray of float64, shape (n, 4)
        In the order of ``MEASUREMENTS``; length in pixels.
    """
    grown = _dilate(regions.labels)
    core = _erode(grown)
    network = (skeleton | (grown > 0)) & (core == 0)
    network = thin(_fill_small_holes(network, core > 0))
    owner, distance = _reach(network, grown)
    network &= owner > 0
    outside = network & (grown == 0)
    return _count(network, outside, owner, distance, regions.count)


def _fill_small_holes(network: np.ndarray, core: np.ndarray) -> np.ndarray:
    from scipy.ndimage import label

    holes, _ = label(~network & ~core)
    areas = np.bincount(holes.ravel())
    areas[0] = _LARGEST_HOLE + 1
    return network | (areas <= _LARGEST_HOLE)[holes]


def thin(mask: np.ndarray) -> np.ndarray:
    """Thin a mask to lines one pixel wide (Zhang & Suen, Commun. ACM 27 (1984) 236)."""
    return _thin(np.pad(mask.astype(np.uint8), 1))[1:-1, 1:-1].astype(bool)


@numba.njit(cache=True)
def _ring(image, r, c):
    """The eight neighbours, clockwise from the top."""
    return (
        image[r - 1, c],
        image[r - 1, c + 1],
        image[r, c + 1],
        image[r + 1, c + 1],
        image[r + 1, c],
        image[r + 1, c - 1],
        image[r, c - 1],
        image[r - 1, c - 1],
    )


@numba.njit(cache=True)
def _removable(ring, half):
    filled, rises = 0, 0
    for i in range(8):
        filled += ring[i]
        if ring[i] == 0 and ring[(i + 1) % 8]:
            rises += 1
    if filled < 2 or filled > 6 or rises != 1:
        return False
    if half == 0:
        return ring[0] * ring[2] * ring[4] == 0 and ring[2] * ring[4] * ring[6] == 0
    return ring[0] * ring[2] * ring[6] == 0 and ring[0] * ring[4] * ring[6] == 0


@numba.njit(cache=True)
def _thin(image):
    width = image.shape[1]
    alive = np.flatnonzero(image)
    gone = np.empty(len(alive), np.int64)
    flat = image.ravel()
    changed = True
    while changed:
        changed = False
        for half in range(2):
            count = 0
            for p in alive:
                r = p // width
                if _removable(_ring(image, r, p - r * width), half):
                    gone[count] = p
                    count += 1
            for i in range(count):
                flat[gone[i]] = 0
            if count:
                changed = True
                alive = alive[flat[alive] > 0]
    return image


@numba.njit(cache=True)
def _dilate(labels):
    rows, width = labels.shape
    out = labels.copy()
    for r in range(rows):
        for c in range(width):
            for y in range(max(r - 1, 0), min(r + 2, rows)):
                for x in range(max(c - 1, 0), min(c + 2, width)):
                    out[r, c] = max(out[r, c], labels[y, x])
    return out


@numba.njit(cache=True)
def _erode(labels):
    rows, width = labels.shape
    out = labels.copy()
    for r in range(rows):
        for c in range(width):
            if labels[r, c] == 0:
                continue
            for y in range(max(r - 1, 0), min(r + 2, rows)):
                for x in range(max(c - 1, 0), min(c + 2, width)):
                    out[r, c] = min(out[r, c], labels[y, x])
    return out


@numba.njit(cache=True)
def _reach(network, seeds):
    """Nearest seed of every network pixel along the network, and the length of the way."""
    rows, width = network.shape
    owner = seeds.copy()
    distance = np.full((rows, width), np.inf)
    front = np.empty(rows * width, np.int64)
    count = 0
    for r in range(rows):
        for c in range(width):
            if seeds[r, c]:
                distance[r, c] = 0.0
                if network[r, c]:
                    front[count] = r * width + c
                    count += 1
    while count:
        fresh = np.empty(8 * count, np.int64)
        total = 0
        for i in range(count):
            r = front[i] // width
            c = front[i] - r * width
            for y in range(max(r - 1, 0), min(r + 2, rows)):
                for x in range(max(c - 1, 0), min(c + 2, width)):
                    if not network[y, x]:
                        continue
                    step = 1.0 if y == r or x == c else np.sqrt(2.0)
                    if distance[r, c] + step < distance[y, x] - 1e-9:
                        distance[y, x] = distance[r, c] + step
                        owner[y, x] = owner[r, c]
                        fresh[total] = y * width + x
                        total += 1
        front, count = fresh, total
    return owner, distance


@numba.njit(cache=True)
def _arms(image, r, c):
    """4-connected groups of the 3 x 3 neighbourhood without its middle, and its pixels."""
    rows, width = image.shape
    ring = np.zeros(8, np.bool_)
    around = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
    filled, groups = 0, 0
    for i in range(8):
        y, x = r + around[i][0], c + around[i][1]
        ring[i] = 0 <= y < rows and 0 <= x < width and image[y, x]
        filled += ring[i]
    for i in range(8):
        if ring[i] and not ring[i - 1]:
            groups += 1
    return (1 if filled == 8 else groups), filled, ring


@numba.njit(cache=True)
def _half_length(ring):
    """Half the length of the links of a pixel; diagonals count where no square link bridges."""
    length = 0.0
    for i in range(0, 8, 2):
        length += 0.5 * ring[i]
        j = i + 1
        if ring[j] and not ring[i] and not ring[(j + 1) % 8]:
            length += 0.5 * np.sqrt(2.0)
    return length


@numba.njit(cache=True)
def _count(network, outside, owner, distance, n):
    rows, width = network.shape
    out = np.zeros((n, 4))
    for r in range(rows):
        for c in range(width):
            if not network[r, c]:
                continue
            k = owner[r, c] - 1
            groups, filled, ring = _arms(network, r, c)
            if distance[r, c] > 1.5:
                # opposite pairs of free neighbours part the arms: a branch point has three
                out[k, 0] += groups <= 1 and filled <= 2
                out[k, 1] += groups >= 3
            else:
                touches = False
                for y in range(max(r - 1, 0), min(r + 2, rows)):
                    for x in range(max(c - 1, 0), min(c + 2, width)):
                        touches |= outside[y, x]
                if touches:
                    out[k, 2] += max(0, min(groups, 4) - 2)
            if outside[r, c]:
                for i in range(8):
                    y = r + (-1, -1, 0, 1, 1, 1, 0, -1)[i]
                    x = c + (0, 1, 1, 1, 0, -1, -1, -1)[i]
                    inside = 0 <= y < rows and 0 <= x < width and outside[y, x]
                    ring[i] = inside and owner[y, x] == k + 1
                out[k, 3] += _half_length(ring)
    return out
