"""Outlines back to labels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage.segmentation import find_boundaries

from phenolens.errors import InputError
from phenolens.images import read_file
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


def drawn(colour=(0, 128, 255), *, mode="thick"):
    """Two cells' outlines on a grey picture, as OverlayOutlines draws them, and the labels."""
    labels = np.zeros((60, 80), int)
    labels[8:28, 8:34], labels[34:54, 40:72] = 1, 2
    grey = np.random.default_rng(0).integers(1, 200, labels.shape).astype(np.uint8)
    picture = np.stack([grey] * 3, axis=2)
    picture[find_boundaries(labels, mode=mode)] = colour
    return picture, labels


@pytest.mark.parametrize("mode", ["inner", "thick"])
def test_lines_of_one_colour_are_told_from_the_picture_below_them(mode):
    picture, labels = drawn(mode=mode)
    found = labels_from_outlines(picture)
    assert found.max() == 2
    assert ((found > 0) == (labels > 0)).mean() > 0.96
    assert len(np.unique(found[12:24, 12:30])) == 1


def test_outlines_of_one_bit(tmp_path):
    labels = np.zeros((30, 30), int)
    labels[5:20, 5:20] = 1
    path = tmp_path / "outlines.png"
    Image.fromarray(find_boundaries(labels, mode="inner")).convert("1").save(path)
    np.testing.assert_array_equal(labels_from_outlines(read_file(path)) > 0, labels > 0)


def test_lines_that_cannot_be_told_are_named():
    picture, labels = drawn()
    picture[find_boundaries(labels == 1)] = (255, 255, 0)
    with pytest.raises(InputError, match="lines of 2 colours, so of several kinds of objects"):
        labels_from_outlines(picture)
    many = np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8)
    many[:10] = 90
    with pytest.raises(InputError, match="a colour picture"):
        labels_from_outlines(many)
    for filled in (drawn(mode="inner")[0][..., 0], (labels > 0).astype(np.uint8) * 255):
        with pytest.raises(InputError, match="filled areas and no outlines"):
            labels_from_outlines(filled)


def test_refuses_what_is_no_image():
    with pytest.raises(InputError, match="height"):
        labels_from_outlines(np.zeros((4, 5, 6, 7)))
