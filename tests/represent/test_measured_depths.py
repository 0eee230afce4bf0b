"""Cells measured of the same pixels in other containers, and of dim stains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.images import ImageSet
from phenolens.prepare import prepare
from phenolens.represent.measuring.cells import measure_cells
from phenolens.represent.measuring.labelling import Recipe
from phenolens.simulate.field import simulate_field

STAINS = ("DNA", "ER", "RNA", "AGP", "Mito")
FAMILIES = ("Intensity", "Texture", "Granularity", "Correlation", "RadialDistribution")


@pytest.fixture(scope="module")
def fields() -> list[np.ndarray]:
    """Two fields whose brightest pixels need all sixteen bits but one."""
    pixels = [simulate_field(seed, field_size=160).pixels.astype(np.int64) for seed in (1, 2)]
    most = max(field.max() for field in pixels)
    return [field * 32_000 // most for field in pixels]


def measured(folder: Path, fields: list[np.ndarray], *, keep: bool = False) -> pd.DataFrame:
    """One row a cell of all fields; files, store and units lie in the folder."""
    folder.mkdir()
    rows = []
    for number, field in enumerate(fields):
        row = {"Metadata_Plate": "P1", "Metadata_Well": f"A{number + 1:02d}", "Metadata_Site": "1"}
        for stain, plane in zip(STAINS, field, strict=True):
            path = folder / f"{number}-{stain}.tif"
            tifffile.imwrite(path, plane)
            row |= {f"Path_{stain}": str(path), f"Index_{stain}": ""}
        rows.append(row)
    prepared = prepare(ImageSet(pd.DataFrame(rows), STAINS), folder / "store", keep=keep)
    units = measure_cells(prepared, folder / "units", Recipe("DNA", {}, FAMILIES))
    cells = pd.concat([unit.read() for unit in units], ignore_index=True)
    assert len(cells) > 4
    return cells


@pytest.fixture(scope="module")
def usual(tmp_path_factory, fields) -> pd.DataFrame:
    folder = tmp_path_factory.mktemp("usual") / "a"
    return measured(folder, [field.astype(np.uint16) for field in fields])


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint32", "float32"])
def test_the_same_pixels_in_another_container_give_the_same_features(
    tmp_path, fields, usual, dtype
):
    cells = measured(tmp_path / "a", [field.astype(dtype) for field in fields])
    pd.testing.assert_frame_equal(cells, usual)


def test_floats_from_0_to_1_give_the_same_features(tmp_path, fields, usual):
    cells = measured(tmp_path / "a", [(field / 65_535).astype(np.float32) for field in fields])
    pd.testing.assert_frame_equal(cells, usual, rtol=1e-3)


def test_one_field_of_another_depth_that_is_kept_is_scaled_as_the_others(tmp_path, fields, usual):
    mixed = [fields[0].astype(np.uint16), fields[1].astype(np.uint32)]
    pd.testing.assert_frame_equal(measured(tmp_path / "a", mixed, keep=True), usual)


def test_texture_of_dim_stains_is_not_constant_and_intensity_stays_as_it_is(tmp_path, fields):
    dim = [(field // 64).astype(np.uint16) for field in fields]  # nine bits in sixteen
    cells = measured(tmp_path / "a", dim)
    texture = cells[[name for name in cells if "_Texture_" in name]]
    assert texture.notna().to_numpy().mean() > 0.99
    assert (texture.std() > 0).mean() > 0.99
    assert cells["Cells_Intensity_MaxIntensity_ER"].max() <= 512 / 65_535


def test_values_below_zero_count_as_zero(tmp_path, fields, usual):
    below = [(field - np.int64(field.min()) - 20).astype(np.int32) for field in fields]
    cells = measured(tmp_path / "a", below)
    assert len(cells) == len(usual)
    assert cells["Cells_Intensity_MinIntensity_DNA"].min() >= 0
