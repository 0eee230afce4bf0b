"""Cells of a screen whose images are crops: each is shown by its own crop, or not at all."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.explore.opening import site_of
from phenolens.explore.site import NotThereError
from phenolens.images import ImageSet
from phenolens.prepare import prepare
from phenolens.profiles import OBJECT, PLATE, SITE, WELL

FIRST = 40
"""A crop's number in its file, which holds another site's before it: not its place in a stack."""


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Six crops of two stains in each of two wells; one of the second well was not measured."""
    folder = tmp_path_factory.mktemp("crops")
    rng = np.random.default_rng(4)
    pixels = {well: rng.integers(0, 255, (6, 2, 12, 12), dtype=np.uint8) for well in ("A01", "A02")}
    rows, measured = [], []
    for well, stack in pixels.items():
        tifffile.imwrite(folder / f"{well}.tiff", stack)
        for n in range(6):
            key = {PLATE: "P", WELL: well, SITE: "s2", OBJECT: FIRST + n}
            places = {f"Path_{c}": str(folder / f"{well}.tiff") for c in ("DNA", "ER")}
            where = {f"Index_{c}": f"{n},{i}" for i, c in enumerate(("DNA", "ER"))}
            rows.append(key | places | where)
            size = {f"Cells_AreaShape_{name}": rng.normal() for name in ("Area", "Perimeter")}
            if (well, n) != ("A02", 3):
                measured.append(key | size)
    prepare(
        ImageSet(pd.DataFrame(rows), ("DNA", "ER"), "cell"), folder / "out" / "store" / "images-0"
    )
    (folder / "out" / "cells").mkdir()
    pd.DataFrame(measured).sample(frac=1, random_state=1).to_parquet(
        folder / "out" / "cells" / "P.parquet"
    )
    return site_of(folder / "out"), pixels


def test_the_nearest_cells_are_shown_by_their_own_crops(crops):
    site, pixels = crops
    told = json.loads(site.answer("data/screen.json").body)
    assert (told["images"]["level"], told["nearest"]) == ("cell", "all")
    found = json.loads(site.answer("data/nearest/f0-2.json").body)
    assert [(one["well"], one["field"]) for one in found["cells"]] == [(0, 0)] * 6
    assert found["cells"][0]["object"] == 2
    shown = np.frombuffer(site.answer(found["path"]).body, "<u2").reshape(6, 2, 12, 12)
    for one, crop in zip(found["cells"], shown, strict=True):
        np.testing.assert_array_equal(crop, pixels["A01"][one["object"]])


def test_where_a_crop_has_no_cell_nobody_knows_whose_the_others_are(crops):
    site, _ = crops
    with pytest.raises(NotThereError, match="no such cell"):
        site.answer("data/nearest/f1-2.json")
