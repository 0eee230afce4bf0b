"""Outlines back to labels."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.segmentation import find_boundaries

from phenolens.errors import InputError
from phenolens.segment import labels_from_outlines


def _round_trip(labels: np.ndarray) -> np.ndarray:
    return labels_from_outlines(find_boundaries(labels, mode="inner").astype(np.uint8) * 255)


def _agree(labels: np.ndarray, found: np.ndarray) -> float:
    hits = sum(
        np.bincount(found[labels == k]).argmax() == np.bincount(found[labels == k])[1:].argmax() + 1
        for k in np.unique(labels)[1:]
    )
    return hits / (len(np.unique(labels)) - 1)


def test_touching_cells_border_cells_and_a_hole_between_cells():
    labels = np.zeros((60, 90), int)
    labels[5:25, 5:30], labels[5:25, 30:60] = 1, 2
    labels[40:60, 60:90] = 3
    labels[30:50, 10:40] = 4
    labels[35:42, 18:28] = 0
    found = _round_trip(labels)
    assert found.max() == 4
    np.testing.assert_array_equal(found > 0, labels > 0)
    for k in range(1, 5):
        assert len(np.unique(found[labels == k])) == 1


def test_simulated_cells():
    simulate = pytest.importorskip("phenolens.simulate")
    field = simulate.simulate_field(1, field_size=400, cell_diameter=84.0)
    for labels in (field.nuclei, field.cells):
        found = _round_trip(labels)
        assert ((found > 0) == (labels > 0)).mean() > 0.99
        assert _agree(labels, found) > 0.9


def test_colour_outlines_and_none():
    labels = np.zeros((30, 30), int)
    labels[5:20, 5:20] = 1
    lines = find_boundaries(labels, mode="inner")
    colour = np.zeros((30, 30, 4), np.uint8)
    colour[..., 3] = 255
    colour[lines, 1] = 200
    assert labels_from_outlines(colour).max() == 1
    assert not labels_from_outlines(np.zeros((20, 20))).any()


def test_refuses_what_is_no_image():
    with pytest.raises(InputError, match="height"):
        labels_from_outlines(np.zeros((4, 5, 6, 7)))
