"""Shapes of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial import ConvexHull

from phenolens.measure import measure_objects
from phenolens.measure.circles import enclosing_circles
from phenolens.measure.hulls import convex_hulls, feret_diameters
from phenolens.measure.regions import build_regions


def _masks() -> st.SearchStrategy[np.ndarray]:
    def draw(values: tuple[int, float]) -> np.ndarray:
        seed, level = values
        noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(24, 28)), 1.5)
        mask = noise > level * noise.std()
        mask[12, 14] = True
        return mask.astype(int)

    return st.tuples(st.integers(0, 10_000), st.floats(-1, 1.5)).map(draw)


@settings(max_examples=40, deadline=None)
@given(_masks())
def test_distances_equal_scipys(mask):
    regions = build_regions("Cells", mask)
    padded = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    np.testing.assert_allclose(regions.inner_distance, padded[mask > 0])
    if (mask == 0).any():
        plain = ndimage.distance_transform_edt(mask)
        np.testing.assert_allclose(regions.edge_distance, plain[mask > 0])


@settings(max_examples=40, deadline=None)
@given(_masks())
def test_hull_and_circle_hold_every_pixel(mask):
    regions = build_regions("Cells", mask)
    points, starts = convex_hulls(regions)
    pixels = np.argwhere(mask)
    y, x, radius = enclosing_circles(points, starts)[0]
    far = np.hypot(pixels[:, 0] - y, pixels[:, 1] - x)
    assert far.max() == pytest.approx(radius, abs=1e-9)
    on_circle = pixels[far > radius - 1e-6]
    assert len(pixels) == 1 or len(on_circle) >= 2
    if len(pixels) > 3 and np.ptp(pixels, axis=0).min() > 0:
        expected = pixels[ConvexHull(pixels).vertices]
        assert {tuple(p) for p in points} == {tuple(p) for p in expected}


@settings(max_examples=25, deadline=None)
@given(_masks())
def test_feret_diameters_equal_projections(mask):
    regions = build_regions("Cells", mask)
    points, starts = convex_hulls(regions)
    least, most = feret_diameters(points, starts)
    pixels = np.argwhere(mask)
    angles = np.linspace(0, np.pi, 720, endpoint=False)
    widths = np.ptp(pixels @ np.stack([np.sin(angles), np.cos(angles)]), axis=0)
    assert most[0] == pytest.approx(widths.max(), rel=1e-4, abs=1e-9)
    assert least[0] <= widths.min() + 1e-9
    assert least[0] == pytest.approx(widths.min(), rel=0.02, abs=0.05)


def _shape(mask: np.ndarray) -> dict[str, float]:
    pixels = np.full((1, *mask.shape), 500, np.uint16)
    table = measure_objects(pixels, ("A",), {"Cells": mask.astype(int)}, families="AreaShape")
    row = table.iloc[0]
    return {name.removeprefix("Cells_AreaShape_"): row[name] for name in table}


def test_disk():
    y, x = np.mgrid[:81, :81]
    shape = _shape((y - 40) ** 2 + (x - 40) ** 2 <= 30**2)
    assert shape["Zernike_0_0"] == pytest.approx(1, abs=0.03)
    assert shape["Zernike_2_2"] == pytest.approx(0, abs=1e-3)
    assert shape["FormFactor"] == pytest.approx(0.906, abs=1e-3)  # as scikit-image counts a disk
    assert shape["MajorAxisLength"] == pytest.approx(60, abs=0.5)
    assert shape["MaxFeretDiameter"] == 60
    assert shape["Solidity"] == pytest.approx(1, abs=0.02)
    assert shape["Eccentricity"] == pytest.approx(0, abs=1e-6)


def test_ring_has_a_hole():
    y, x = np.mgrid[:61, :61]
    far = np.hypot(y - 30, x - 30)
    shape = _shape((far < 25) & (far > 12))
    assert shape["EulerNumber"] == 0
    assert shape["MaximumRadius"] < 8


def test_bar():
    mask = np.zeros((40, 70), bool)
    mask[10:14, 5:65] = True
    shape = _shape(mask)
    assert (shape["BoundingBoxMinimum_X"], shape["BoundingBoxMaximum_X"]) == (5, 65)
    assert shape["MinFeretDiameter"] == 3
    assert abs(shape["Orientation"]) == pytest.approx(90)
    assert shape["Extent"] == 1
    assert shape["Center_X"] == pytest.approx(34.5)


def test_quarter_turn_changes_only_what_it_must():
    rng = np.random.default_rng(3)
    mask = ndimage.gaussian_filter(rng.normal(size=(60, 60)), 4) > 0.02
    labels, _ = ndimage.label(mask)
    big = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    straight, turned = _shape(big), _shape(np.rot90(big))
    for name in (
        "Area",
        "Perimeter",
        "MaxFeretDiameter",
        "MeanRadius",
        "Zernike_4_2",
        "Zernike_9_7",
    ):
        assert straight[name] == pytest.approx(turned[name], rel=1e-9), name


def test_neighbours_of_a_row_of_squares():
    labels = np.zeros((30, 90), int)
    for k in range(4):
        labels[10:20, 5 + 20 * k : 15 + 20 * k] = 10 * (k + 1)
    labels[10:20, 65:76] = 40
    labels[10:20, 55:65] = 30
    pixels = np.full((1, 30, 90), 500, np.uint16)
    table = measure_objects(pixels, ("A",), {"Cells": labels}, families="Neighbors")
    table = table.set_index("Metadata_ObjectNumber")
    assert table["Cells_Neighbors_NumberOfNeighbors_Adjacent"].tolist() == [0, 0, 1, 1]
    assert table["Cells_Neighbors_NumberOfNeighbors_5"].tolist() == [0, 0, 1, 1]
    assert table.loc[10, "Metadata_Cells_Neighbors_FirstClosestObjectNumber_5"] == 20
    assert table.loc[10, "Cells_Neighbors_FirstClosestDistance_5"] == 20
    assert table.loc[20, "Cells_Neighbors_AngleBetweenNeighbors_5"] == pytest.approx(180)
    assert table.loc[30, "Cells_Neighbors_PercentTouching_Adjacent"] == pytest.approx(100 * 10 / 56)
