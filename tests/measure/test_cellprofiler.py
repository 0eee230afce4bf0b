"""CellProfiler 4.0.6's own numbers on its ExampleHuman field, nuclei with exactly known masks."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.measure import measure_objects

# CellProfiler 4.0.6 gives radians; later versions, and we, give degrees.
# The brightest pixel is seldom unique in 8 bits, and CellProfiler's pick among equals is arbitrary.
EXCEPTIONS = ("AreaShape_Orientation", "Location_MaxIntensity")


@pytest.fixture(scope="module")
def tables(real_data) -> tuple[pd.DataFrame, pd.DataFrame]:
    tifffile = pytest.importorskip("tifffile")
    folder = real_data("examplehuman")
    planes = [tifffile.imread(folder / f"AS_09125_050116030001_D03f00d{i}.tif") for i in (0, 1)]
    labels = tifffile.imread(folder / "nuclei_labels_exact_subset.tif")
    ours = measure_objects(
        np.stack(planes),
        ("DNA", "PH3"),
        {"Nuclei": labels},
        families=("AreaShape", "Intensity", "Location"),
    ).set_index("Metadata_ObjectNumber")
    ours.columns = ours.columns.str.replace(r"^(Metadata_)?Nuclei_", "", regex=True)
    theirs = pd.read_csv(folder / "Nuclei.csv").set_index("ObjectNumber").loc[ours.index]
    return ours, theirs


def _shared(ours: pd.DataFrame, theirs: pd.DataFrame) -> list[str]:
    skipped = ("Children", "ImageNumber", *EXCEPTIONS)
    return [c for c in theirs if not c.startswith(skipped)]


def test_every_measured_column_is_known(tables):
    ours, theirs = tables
    assert set(_shared(ours, theirs)) <= set(ours.columns)
    assert len(_shared(ours, theirs)) > 90


def test_values_agree_with_cellprofiler(tables):
    ours, theirs = tables
    for name in _shared(ours, theirs):
        a, b = ours[name].to_numpy(), theirs[name].to_numpy(float)
        error = np.abs(a - b) / np.maximum(np.abs(b), 1e-9)
        error[np.abs(a - b) < 1e-9] = 0
        assert np.median(error) <= 1e-3, name
        if b.std() > 0:
            assert np.corrcoef(a, b)[0, 1] >= 0.999, name


def test_orientation_is_cellprofilers_in_degrees(tables):
    ours, theirs = tables
    expected = np.degrees(theirs["AreaShape_Orientation"])
    np.testing.assert_allclose(ours["AreaShape_Orientation"], expected, rtol=1e-6, atol=1e-6)
