"""Crops around cells: where they are cut, what lies beyond an edge, and how many of a well."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.crops import box_around, cell_crops, some_of_each_well
from phenolens.errors import InputError
from phenolens.images import ImageSet
from phenolens.prepared import Prepared

HEIGHT, WIDTH = 40, 60


class TwoFields(Prepared):
    """Pixels tell their own place: stain 0 holds rows, stain 1 columns, plus 1000 per field."""

    def pixels(self, row: int) -> np.ndarray:
        return (np.indices((HEIGHT, WIDTH)) + 1000 * row).astype(np.float32)

    def labels(self, row: int) -> dict[str, np.ndarray]:
        return {"Cells": np.ones((HEIGHT, WIDTH), np.int32)}


@pytest.fixture
def fields() -> Prepared:
    table = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"]})
    table["Metadata_Site"] = "s1"
    for channel in ("row", "column"):
        table[f"Path_{channel}"] = "x.tiff"
        table[f"Index_{channel}"] = ""
    return TwoFields(None, ImageSet(table, ("row", "column")), pd.DataFrame())


def centres(*places: tuple[str, int, float, float]) -> pd.DataFrame:
    names = ["Metadata_Well", "Metadata_ObjectNumber", "Center_X", "Center_Y"]
    return pd.DataFrame(places, columns=names).assign(Metadata_Plate="P1", Metadata_Site="s1")


def test_a_crop_is_centred_on_its_cell(fields):
    crops = cell_crops(fields, centres(("A02", 1, 30.2, 20.4)), box=8)
    pixels = crops.pixels(0)
    assert pixels.shape == (2, 8, 8)
    assert pixels[0, :, 0].tolist() == list(range(1016, 1024))
    assert pixels[1, 0].tolist() == list(range(1026, 1034))


def test_near_an_edge_the_crop_stays_within_the_field(fields):
    crops = cell_crops(fields, centres(("A01", 1, 1.0, 39.0)), box=8)
    assert crops.pixels(0)[1, 0].tolist() == list(range(8))
    assert crops.pixels(0)[0, :, 0].tolist() == list(range(32, 40))
    assert crops.labels(0)["Cells"].all()


def test_beyond_a_field_that_is_smaller_pixels_are_mirrored_and_labels_end(fields):
    crops = cell_crops(fields, centres(("A01", 1, 30.0, 20.0)), box=44)
    assert crops.pixels(0)[0, :4, 0].tolist() == [2, 1, 0, 1]
    assert crops.pixels(0)[0, -3:, 0].tolist() == [39, 38, 37]
    assert crops.labels(0)["Cells"].sum() == 40 * 44


@given(
    st.floats(0, WIDTH - 1, allow_nan=False),
    st.floats(0, HEIGHT - 1, allow_nan=False),
    st.sampled_from([16, 24, 64]),
)
def test_every_crop_has_its_size_and_shows_its_cell(x, y, box):
    table = pd.DataFrame({"Metadata_Plate": ["P1"], "Metadata_Well": "A01", "Metadata_Site": "s1"})
    table = table.assign(Path_a="x", Index_a="", Path_b="x", Index_b="")
    one = TwoFields(None, ImageSet(table, ("a", "b")), pd.DataFrame())
    pixels = cell_crops(one, centres(("A01", 1, x, y)), box=box).pixels(0)
    assert pixels.shape == (2, box, box)
    assert (pixels == np.array([round(y), round(x)])[:, None, None]).all(axis=0).any()


def test_rows_keep_their_field_and_number(fields):
    crops = cell_crops(fields, centres(("A02", 2, 9, 9), ("A02", 1, 8, 8), ("A01", 7, 5, 5)), box=4)
    table = crops.images.table
    assert crops.images.level == "cell"
    assert table["Metadata_Well"].tolist() == ["A01", "A02", "A02"]
    assert table["Metadata_ObjectNumber"].tolist() == [7, 1, 2]
    assert crops.pixels(0).min() < 1000 < crops.pixels(1).min()


def test_the_cut_names_box_and_centres(fields):
    cells = centres(("A01", 1, 5, 5))
    cuts = {
        cell_crops(fields, cells, box=4).cut,
        cell_crops(fields, cells, box=6).cut,
        cell_crops(fields, cells.assign(Center_X=6.0), box=4).cut,
    }
    assert len(cuts) == 3
    assert cell_crops(fields, cells, box=4).cut in cuts
    assert fields.cut == ""


def test_cells_of_no_field_are_refused(fields):
    with pytest.raises(InputError, match="None of 1 cells"):
        cell_crops(fields, centres(("B01", 1, 5, 5)), box=4)


def test_crops_are_not_cropped_again(fields):
    crops = cell_crops(fields, centres(("A01", 1, 5, 5)), box=4)
    with pytest.raises(InputError, match="crops already"):
        cell_crops(crops, centres(("A01", 1, 5, 5)), box=4)


def test_at_most_so_many_of_each_well():
    cells = pd.concat([centres(*[(w, n, 5, 5) for n in range(size)]) for w, size in
                       (("A01", 30), ("A02", 3))])  # fmt: skip
    some = some_of_each_well(cells, 10, seed=1)
    assert some["Metadata_Well"].value_counts().to_dict() == {"A01": 10, "A02": 3}
    assert some["Metadata_ObjectNumber"].tolist()[:10] != list(range(10))
    assert some.equals(some_of_each_well(cells, 10, seed=1))
    assert not some.equals(some_of_each_well(cells, 10, seed=2))


def test_the_box_follows_from_areas():
    assert box_around(np.array([np.pi * 28**2, np.nan, np.pi * 28**2])) == 72
    with pytest.raises(InputError, match=r"networks\.box"):
        box_around(np.array([np.nan]))
