"""Label images made elsewhere: what is refused, and how compartments come to share numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest

from phenolens.errors import InputError
from phenolens.segment import SegmentSettings, as_labels, complete_labels
from phenolens.segment.given import numbered_as_nuclei
from phenolens.simulate import simulate_field

FIVE = ("DNA", "ER", "RNA", "AGP", "Mito")


@pytest.fixture(scope="module")
def field():
    return simulate_field(1, field_size=300, cell_diameter=84.0)


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (np.full((4, 5), 0.5), "float64 values"),
        (np.full((4, 5), np.nan), "float64 values"),
        (np.ones((4, 5), bool), "bool values"),
        (np.ones((5, 4), np.uint16), r"shape is \(5, 4\), that of the field \(4, 5\)"),
        (np.ones((4, 5, 3), np.uint8), "colour picture"),
        (np.tile(np.array([255, 0, 255, 0, 255], np.uint8), (4, 1)), "mask: 3 separate parts"),
        (np.full((4, 5), -1), "from -1 to"),
        (np.full((4, 5), 2**40), "1099511627776"),
    ],
)
def test_what_is_no_label_image_is_refused(image, said):
    with pytest.raises(InputError, match=said):
        as_labels(image, (4, 5))


@pytest.mark.parametrize("kind", ["U3", "M8[s]", "c8", "O"])
def test_outlines_of_what_is_no_number_are_refused(kind):
    image = np.ones((4, 5), int).astype(kind)
    with pytest.raises(InputError, match=f"it holds {re.escape(str(image.dtype))} values"):
        as_labels(image, (4, 5), outlines=True)


def test_labels_of_any_integer_type_keep_their_numbers():
    image = np.array([[0, 7], [300, 7]], ">u2")
    labels = as_labels(image, (2, 2))
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, image)


def test_numbers_of_a_float_image_and_one_object_in_two_parts_are_labels():
    np.testing.assert_array_equal(as_labels(np.array([[0.0, 3.0]], "f4"), (1, 2)), [[0, 3]])
    np.testing.assert_array_equal(as_labels(np.array([[1, 0, 1]], "u2"), (1, 3)), [[1, 0, 1]])


def test_compartments_of_one_numbering_are_kept(field):
    given = {"Nuclei": field.nuclei.astype(np.int32), "Cells": field.cells.astype(np.int32)}
    labels = complete_labels(given, field.pixels, FIVE)
    np.testing.assert_array_equal(labels["Nuclei"], field.nuclei)
    np.testing.assert_array_equal(labels["Cells"], field.cells)
    np.testing.assert_array_equal(labels["Cytoplasm"], np.where(field.nuclei > 0, 0, field.cells))


def test_cells_of_another_numbering_take_that_of_their_nuclei(field):
    order = np.random.default_rng(0).permutation(int(field.cells.max()))
    shuffled = np.concatenate([[0], order + 1000])[field.cells].astype(np.int32)
    related = numbered_as_nuclei(field.nuclei, shuffled)
    with_nucleus = np.isin(field.cells, np.unique(field.nuclei)) & (field.cells > 0)
    np.testing.assert_array_equal(related[with_nucleus], field.cells[with_nucleus])
    orphans = (field.cells > 0) & ~with_nucleus
    assert (related[orphans] > field.nuclei.max()).all()
    np.testing.assert_array_equal(related > 0, field.cells > 0)


def test_two_nuclei_in_one_cell_and_a_cell_without_nucleus():
    nuclei, cells = np.zeros((2, 6, 12), np.int32)
    cells[:, :6], cells[:, 7:] = 1, 2
    nuclei[1:4, 1:4], nuclei[5, 5] = 5, 6
    related = numbered_as_nuclei(nuclei, cells)
    assert set(related[:, :6].ravel()) == {5}
    assert set(related[:, 7:].ravel()) == {7}


def test_cells_are_grown_from_nuclei_with_large_numbers(field):
    grown = complete_labels({"Nuclei": field.nuclei.astype(np.int32)}, field.pixels, FIVE)
    far = np.where(field.nuclei > 0, field.nuclei.astype(np.int32) + 2_000_000_000, 0)
    labels = complete_labels({"Nuclei": far}, field.pixels, FIVE)
    np.testing.assert_array_equal(labels["Cells"] > 0, grown["Cells"] > 0)
    inside = far > 0
    np.testing.assert_array_equal(labels["Cells"][inside], far[inside])
    true = field.cells > 0
    dice = 2 * (true & (labels["Cells"] > 0)).sum() / (true.sum() + (labels["Cells"] > 0).sum())
    assert dice > 0.85


def test_a_given_cytoplasm_has_the_numbers_of_its_cells():
    nuclei, cells, cytoplasm = np.zeros((3, 5, 5), np.int32)
    cells[1:4, 1:4], nuclei[2, 2], cytoplasm[1, 1:4] = 9, 4, 3
    labels = complete_labels(
        {"Nuclei": nuclei, "Cells": cells, "Cytoplasm": cytoplasm},
        np.zeros((1, 5, 5)),
        ("DNA",),
        settings=SegmentSettings(),
    )
    np.testing.assert_array_equal(labels["Cytoplasm"], np.where(cytoplasm > 0, 4, 0))


def test_no_nuclei_at_all():
    empty = np.zeros((40, 40), np.int32)
    labels = complete_labels({"Nuclei": empty}, np.ones((2, 40, 40)), ("DNA", "ER"))
    assert not any(image.any() for image in labels.values())
