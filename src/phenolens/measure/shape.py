"""AreaShape: size and outline of each object, with Zernike shape moments."""

from __future__ import annotations

import numba
import numpy as np

from phenolens.measure.circles import enclosing_circles
from phenolens.measure.hulls import convex_hulls, feret_diameters, hull_areas
from phenolens.measure.regions import Regions
from phenolens.measure.zernike import shape_zernikes, zernike_orders

BASIC = (
    "Area",
    "BoundingBoxArea",
    "BoundingBoxMaximum_X",
    "BoundingBoxMaximum_Y",
    "BoundingBoxMinimum_X",
    "BoundingBoxMinimum_Y",
    "Center_X",
    "Center_Y",
    "Compactness",
    "ConvexArea",
    "Eccentricity",
    "EquivalentDiameter",
    "EulerNumber",
    "Extent",
    "FormFactor",
    "MajorAxisLength",
    "MaxFeretDiameter",
    "MaximumRadius",
    "MeanRadius",
    "MedianRadius",
    "MinFeretDiameter",
    "MinorAxisLength",
    "Orientation",
    "Perimeter",
    "Solidity",
)


def shape_names(degree: int) -> list[str]:
    """Feature names of this family, without the compartment."""
    zernikes = [f"AreaShape_Zernike_{n}_{m}" for n, m in zernike_orders(degree)]
    return [f"AreaShape_{name}" for name in BASIC] + zernikes


def measure_shape(regions: Regions, degree: int, *, closed_hull: bool = False) -> np.ndarray:
    """Shape features of every object.

    Parameters
    ----------
    regions : Regions
        n objects.
    degree : int
        Highest Zernike degree.
    closed_hull : bool
        Whether pixels on the lower border of the convex hull count; see ``MeasureSettings``.

    Returns
    -------
    ndarray of float64, shape (n, 25 + number of Zernikes)
        In the order of :func:`shape_names`.
    """
    hulls, hull_starts = convex_hulls(regions)
    columns = _outline(regions) | _axes(regions)
    columns["ConvexArea"] = hull_areas(regions, closed=closed_hull)
    columns["Solidity"] = columns["Area"] / columns["ConvexArea"]
    columns["MinFeretDiameter"], columns["MaxFeretDiameter"] = feret_diameters(hulls, hull_starts)
    columns |= _radii(regions)
    circles = enclosing_circles(hulls, hull_starts)
    zernikes = shape_zernikes(regions, circles, degree)
    return np.column_stack([*(columns[name] for name in BASIC), zernikes])


def _outline(regions: Regions) -> dict[str, np.ndarray]:
    area = regions.areas.astype(float)
    boxes = regions.boxes.astype(float)
    perimeter = _perimeters(regions.labels, regions.pixels, regions.starts, regions.borders)
    box_area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    squared = np.where(perimeter > 0, perimeter**2, np.nan)  # single pixels have no outline
    return {
        "Area": area,
        "BoundingBoxArea": box_area,
        "BoundingBoxMaximum_X": boxes[:, 3],
        "BoundingBoxMaximum_Y": boxes[:, 2],
        "BoundingBoxMinimum_X": boxes[:, 1],
        "BoundingBoxMinimum_Y": boxes[:, 0],
        "Compactness": perimeter**2 / (4.0 * np.pi * area),
        "EquivalentDiameter": np.sqrt(4.0 * area / np.pi),
        "EulerNumber": _euler_numbers(regions.labels, regions.boxes),
        "Extent": area / box_area,
        "FormFactor": 4.0 * np.pi * area / squared,
        "Perimeter": perimeter,
    }


def _axes(regions: Regions) -> dict[str, np.ndarray]:
    """Axes of the ellipse with the same second moments (as scikit-image's regionprops)."""
    center_y, center_x, yy, xy, xx = _second_moments(
        regions.rows, regions.columns, regions.starts
    ).T
    middle, spread = (yy + xx) / 2, np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    major, minor = np.clip(middle + spread, 0, None), np.clip(middle - spread, 0, None)
    with np.errstate(invalid="ignore", divide="ignore"):
        eccentricity = np.where(major == 0, 0.0, np.sqrt(1 - minor / major))
    tie = np.where(xy > 0, np.pi / 4, -np.pi / 4)
    orientation = np.where(xx == yy, tie, 0.5 * np.arctan2(2 * xy, yy - xx))
    return {
        "Center_X": center_x,
        "Center_Y": center_y,
        "MajorAxisLength": 4 * np.sqrt(major),
        "MinorAxisLength": 4 * np.sqrt(minor),
        "Eccentricity": eccentricity,
        "Orientation": orientation * 180 / np.pi,
    }


def _radii(regions: Regions) -> dict[str, np.ndarray]:
    values = _radius_statistics(regions.inner_distance, regions.starts)
    return dict(zip(("MaximumRadius", "MeanRadius", "MedianRadius"), values.T, strict=True))


@numba.njit(cache=True)
def _second_moments(rows, columns, starts):
    """Centre and central second moments over area: y, x, yy, xy, xx."""
    n = len(starts) - 1
    out = np.empty((n, 5))
    for k in range(n):
        area = float(starts[k + 1] - starts[k])
        sum_y, sum_x = 0.0, 0.0
        for i in range(starts[k], starts[k + 1]):
            sum_y += rows[i]
            sum_x += columns[i]
        y, x = sum_y / area, sum_x / area
        yy, xy, xx = 0.0, 0.0, 0.0
        for i in range(starts[k], starts[k + 1]):
            dy, dx = rows[i] - y, columns[i] - x
            yy += dy * dy
            xy += dy * dx
            xx += dx * dx
        out[k] = y, x, yy / area, xy / area, xx / area
    return out


@numba.njit(cache=True)
def _radius_statistics(distance, starts):
    """Largest, mean and median distance; squared distances are whole, so they can be counted."""
    n = len(starts) - 1
    out = np.empty((n, 3))
    for k in range(n):
        part = distance[starts[k] : starts[k + 1]]
        size = len(part)
        out[k, 0], out[k, 1] = part.max(), part.mean()
        counts = np.zeros(int(np.rint(out[k, 0] ** 2)) + 1, np.int64)
        for d in part:
            counts[int(d * d + 0.5)] += 1
        below, square = 0, -1
        while below <= (size - 1) // 2:
            square += 1
            below += counts[square]
        upper = square
        while below <= size // 2:
            upper += 1
            below += counts[upper]
        out[k, 2] = 0.5 * (np.sqrt(float(square)) + np.sqrt(float(upper)))
    return out


@numba.njit(cache=True)
def _perimeters(labels, pixels, starts, borders):
    """Perimeter through the centres of border pixels, corners weighted (Benkrid & Crookes)."""
    height, width = labels.shape
    straight, diagonal = 1.0, np.sqrt(2.0)
    weight = np.zeros(50)
    for code in (5, 7, 15, 17, 25, 27):
        weight[code] = straight
    for code in (21, 33):
        weight[code] = diagonal
    for code in (13, 23):
        weight[code] = (straight + diagonal) / 2
    rim = np.zeros((height + 2, width + 2), np.int32)
    for i in range(len(pixels)):
        if borders[i] & 2:
            r = pixels[i] // width
            c = pixels[i] - r * width
            rim[r + 1, c + 1] = labels[r, c]
    n = len(starts) - 1
    out = np.zeros(n)
    for k in range(n):
        histogram = np.zeros(50, np.int64)
        for i in range(starts[k], starts[k + 1]):
            if not borders[i] & 2:
                continue
            r = pixels[i] // width + 1
            c = pixels[i] % width + 1
            code = 1
            for dr in range(-1, 2):
                for dc in range(-1, 2):
                    if (dr != 0 or dc != 0) and rim[r + dr, c + dc] == k + 1:
                        code += 2 if dr == 0 or dc == 0 else 10
            histogram[code] += 1
        for code in range(50):
            out[k] += histogram[code] * weight[code]
    return out


@numba.njit(cache=True)
def _euler_numbers(labels, boxes):
    """Parts minus holes, 8-connected, from counts of 2 x 2 patterns (Gray, 1971)."""
    height, width = labels.shape
    n = len(boxes)
    out = np.empty(n)
    for k in range(n):
        ones, threes, diagonals = 0, 0, 0
        for r in range(boxes[k, 0], boxes[k, 2] + 1):
            left_up, left_down = False, False
            for c in range(boxes[k, 1], boxes[k, 3] + 1):
                inside = c < width
                up = inside and r > 0 and labels[r - 1, c] == k + 1
                down = inside and r < height and labels[r, c] == k + 1
                filled = int(left_up) + int(left_down) + int(up) + int(down)
                if filled == 1:
                    ones += 1
                elif filled == 3:
                    threes += 1
                elif filled == 2 and left_up == down:
                    diagonals += 1
                left_up, left_down = up, down
        out[k] = (ones - threes - 2 * diagonals) / 4
    return out
