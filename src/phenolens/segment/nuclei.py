"""Nuclei: thresholded at their steepest contour, then parted by shape and intensity."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from phenolens.segment.basins import part_hills
from phenolens.segment.contrast import log_contrast, nuclear_level, scaled_level
from phenolens.segment.settings import SegmentSettings

SMOOTHING = 1.0  # pixels
_HALO = 0.3  # pixels dimmer than this share of a nucleus's median are its halo
_CUT = 0.2  # a nucleus cut by the border of the image may be this much smaller than others
_LOBE = 0.35  # fragments below this share of the typical area are lobes of the nucleus they touch


def find_nuclei(
    plane: np.ndarray, settings: SegmentSettings, *, level: float | None = None
) -> tuple[np.ndarray, float]:
    """Label nuclei.

    Parameters
    ----------
    plane : ndarray, shape (H, W)
        The nuclear stain.
    settings : SegmentSettings
    level : float, optional
        Contrast at the nuclei's edges; found by default.

    Returns
    -------
    labels : ndarray of int32, shape (H, W)
    diameter : float
        Typical diameter, pixels; NaN where nothing was found and none was given.
    """
    contrast = log_contrast(plane, SMOOTHING)
    level = nuclear_level(contrast) if level is None else level
    if level is None:
        return np.zeros(plane.shape, np.int32), settings.nucleus_diameter or np.nan
    mask = contrast > scaled_level(level, settings.nuclei_threshold)
    mask = _fill_small(ndimage.binary_opening(mask, iterations=1), mask.size)
    depth = ndimage.distance_transform_edt(mask).astype(np.float32)
    diameter = settings.nucleus_diameter or _typical_diameter(mask, depth)
    labels = _part(depth, contrast, diameter=diameter, settings=settings)
    labels = _trim_halos(labels, np.expm1(contrast))
    return _keep_sized(labels, diameter, settings), diameter


def _fill_small(mask: np.ndarray, size: int) -> np.ndarray:
    """Fill holes that are not large enough to be ground between nuclei."""
    filled = ndimage.binary_fill_holes(mask)
    holes, count = ndimage.label(filled & ~mask)
    if not count:
        return mask
    areas = np.bincount(holes.ravel())
    areas[0] = 0
    return mask | ((holes > 0) & (areas < max(30, size // 1000))[holes])


def _typical_diameter(mask: np.ndarray, depth: np.ndarray) -> float:
    """Diameter of the nucleus in which a pixel of single nuclei lies, typically.

    A component counts as single if its area fits the largest disk inside it; weighting by pixels
    keeps debris out.
    """
    labels, count = ndimage.label(mask)
    if not count:
        return np.nan
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(float)
    radii = ndimage.maximum(depth, labels, np.arange(1, count + 1))
    single = areas < 2.2 * np.pi * (radii + 0.5) ** 2
    areas = np.sort(areas[single] if single.any() else areas)
    half = np.searchsorted(np.cumsum(areas), areas.sum() / 2)
    return float(2 * np.sqrt(areas[half] / np.pi))


def _part(
    depth: np.ndarray, contrast: np.ndarray, *, diameter: float, settings: SegmentSettings
) -> np.ndarray:
    smooth = ndimage.gaussian_filter(depth, max(0.04 * diameter, 0.5), truncate=3.0)
    light = np.expm1(ndimage.gaussian_filter(contrast, max(0.05 * diameter, 0.5), truncate=3.0))
    height = np.where(depth > 0, np.maximum(smooth, 1e-3), 0)
    labels = part_hills(height, light, neck=settings.neck, valley=settings.valley)
    return _join_lobes(labels, _LOBE * np.pi * diameter**2 / 4)


def _join_lobes(labels: np.ndarray, small: float) -> np.ndarray:
    """Give every small fragment to the neighbour with which it shares the longest border."""
    for _ in range(3):
        areas = np.bincount(labels.ravel())
        pairs, lengths = _borders(labels)
        table = np.arange(len(areas), dtype=np.int32)
        order = np.argsort(-lengths, kind="stable")
        for a, b in pairs[order]:
            minor, major = (a, b) if areas[a] < areas[b] else (b, a)
            if areas[minor] < small and table[minor] == minor and table[major] == major:
                table[minor] = major
        if (table == np.arange(len(areas))).all():
            break
        labels = table[labels]
    return labels


def _borders(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Touching pairs of labels and the length of their common border."""
    sides = [(labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])]
    found = []
    for a, b in sides:
        touch = (a != b) & (a > 0) & (b > 0)
        found.append(np.sort(np.column_stack([a[touch], b[touch]]), axis=1))
    pairs = np.vstack(found)
    if not len(pairs):
        return pairs.reshape(0, 2), np.zeros(0, int)
    return np.unique(pairs, axis=0, return_counts=True)


def _trim_halos(labels: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Cut the blurred rim of nuclei that are far brighter than the threshold."""
    inside = np.flatnonzero(labels)
    if not len(inside):
        return labels
    inside = inside[np.argsort(labels.ravel()[inside], kind="stable")]
    counts = np.bincount(labels.ravel()[inside])
    parts = np.split(light.ravel()[inside], np.cumsum(counts)[:-1])
    floor = np.array([_HALO * np.median(part) if len(part) else 0 for part in parts])
    return np.where(light >= floor[labels], labels, 0)


def _keep_sized(labels: np.ndarray, diameter: float, settings: SegmentSettings) -> np.ndarray:
    """Largest piece of every nucleus, holes filled; debris and giants left out; renumbered."""
    typical = np.pi * diameter**2 / 4
    out = np.zeros(labels.shape, np.int32)
    number = 0
    for k, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is None:
            continue
        nucleus = _largest_piece(labels[box] == k)
        area = nucleus.sum() / typical
        cut = any(side.start == 0 for side in box) or any(
            side.stop == size for side, size in zip(box, labels.shape, strict=True)
        )
        if settings.smallest * (_CUT if cut else 1) <= area <= settings.largest:
            number += 1
            out[box][nucleus & (out[box] == 0)] = number
    return out


def _largest_piece(mask: np.ndarray) -> np.ndarray:
    pieces, count = ndimage.label(mask)
    if count > 1:
        mask = pieces == 1 + np.argmax(np.bincount(pieces.ravel())[1:])
    return ndimage.binary_fill_holes(mask)
