"""Quality values move the right way, and flags mark what they should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from phenolens.measure import cell_quality, field_quality


def _get(scene, pixels, name):
    return field_quality(pixels, scene.channels, scene.labels)[f"Metadata_Quality_{name}"]


def test_blur_lowers_focus(scene):
    blurred = np.stack([ndimage.gaussian_filter(plane, 3) for plane in scene.pixels])
    for name in ("PowerLogLogSlope_DNA", "LaplacianVariance_DNA"):
        assert _get(scene, blurred, name) < _get(scene, scene.pixels, name)


def test_saturation_is_counted_and_flagged(scene):
    pixels = scene.pixels.copy()
    pixels[1][scene.labels["Cells"] == 3] = 65535
    share = (scene.labels["Cells"] == 3).mean()
    assert _get(scene, pixels, "SaturatedShare_ER") == pytest.approx(share)
    assert _get(scene, pixels, "Saturated")
    assert not _get(scene, scene.pixels, "Saturated")
    cells = cell_quality(pixels, scene.channels, scene.labels).set_index("Metadata_ObjectNumber")
    assert cells["Metadata_Quality_Saturated"].idxmax() == 3
    assert cells["Metadata_Quality_Saturated"].sum() == 1


def test_empty_field(scene):
    empty = {name: np.zeros_like(image) for name, image in scene.labels.items()}
    found = field_quality(np.zeros_like(scene.pixels), scene.channels, empty)
    assert found["Metadata_Quality_Empty"]
    assert found["Metadata_Quality_CellCount"] == 0
    assert np.isnan(found["Metadata_Quality_PowerLogLogSlope_DNA"])
    assert len(cell_quality(scene.pixels, scene.channels, empty)) == 0


def test_debris_outside_cells_is_seen(scene):
    pixels = scene.pixels.copy()
    outside = scene.labels["Cells"] == 0
    spots = outside & (np.random.default_rng(0).random(outside.shape) < 0.05)
    pixels[0][spots] = 60000
    more = _get(scene, pixels, "DebrisShare_DNA") - _get(scene, scene.pixels, "DebrisShare_DNA")
    assert more == pytest.approx(0.05, abs=0.02)


def test_cell_flags(scene):
    labels = {name: image.copy() for name, image in scene.labels.items()}
    labels["Nuclei"][labels["Nuclei"] == 6] = 0
    cells = cell_quality(scene.pixels, scene.channels, labels).set_index("Metadata_ObjectNumber")
    assert cells.index.tolist() == np.unique(labels["Cells"])[1:].tolist()
    assert cells["Metadata_Quality_Incomplete"].loc[6]
    assert not cells["Metadata_Quality_Incomplete"].loc[9]
    rim = np.unique(np.r_[labels["Cells"][0], labels["Cells"][-1]])
    sides = np.unique(np.r_[labels["Cells"][:, 0], labels["Cells"][:, -1]])
    expected = cells.index.isin(rim) | cells.index.isin(sides)
    np.testing.assert_array_equal(cells["Metadata_Quality_TouchesBorder"], expected)


def test_a_giant_among_cells_is_missegmented():
    labels = np.zeros((200, 200), int)
    for k in range(12):
        labels[10 + 12 * (k // 4) : 18 + 12 * (k // 4), 10 + 12 * (k % 4) : 18 + 12 * (k % 4)] = (
            k + 1
        )
    labels[80:190, 10:190] = 13
    pixels = np.full((1, 200, 200), 500, np.uint16)
    cells = cell_quality(pixels, ("A",), {"Cells": labels})
    assert cells["Metadata_Quality_Missegmented"].tolist() == [False] * 12 + [True]
