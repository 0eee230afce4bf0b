"""Which features moved, and which pictures stand for a treatment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens import profiles
from phenolens.images import ImageSet
from phenolens.interpret.exemplars import choose_exemplars
from phenolens.interpret.features import changed_features
from phenolens.prepare import prepare

NAMES = [
    "Cells_AreaShape_Area",
    "Nuclei_Intensity_MeanIntensity_DNA",
    "Cytoplasm_Texture_Contrast_ER_3_00_256",
]


def wells(values: np.ndarray, **metadata: object) -> pd.DataFrame:
    n = len(values)
    frame = pd.DataFrame(values, columns=NAMES[: values.shape[1]])
    frame.insert(0, "Metadata_Plate", "P1")
    frame.insert(1, "Metadata_Well", [f"A{i + 1:02d}" for i in range(n)])
    return profiles.from_frame(frame.assign(**metadata), features=NAMES[: values.shape[1]])


def test_features_are_ranked_by_the_size_of_their_shift():
    values = np.array([[0, 5, -9], [0, 7, -9], [1, 0, 0]], float)
    table = wells(values, Metadata_Treatment=["a", "a", "b"])
    moved = changed_features(table)
    first = moved[moved["Metadata_Treatment"] == "a"]
    assert first["effect"].tolist() == [-9, 6, 0]
    assert first["rank"].tolist() == [1, 2, 3]
    assert first["channel"].tolist()[:2] == ["ER", "DNA"]


def test_wells_that_were_not_calibrated_have_no_effect():
    table = wells(np.ones((2, 3)), Metadata_Treatment="a", Metadata_Calibrated=[False, True])
    assert len(changed_features(table)) == 3
    none = wells(np.ones((2, 3)), Metadata_Treatment="a", Metadata_Calibrated=False)
    assert changed_features(none).empty


@pytest.fixture
def pictured(tmp_path: Path):
    rows = []
    for number, level in enumerate([1000, 1000, 3000, 3100]):
        path = tmp_path / f"{number}.tiff"
        noise = np.random.default_rng(number).integers(0, 50, (24, 24))
        tifffile.imwrite(path, (level + noise).astype(np.uint16))
        key = {"Metadata_Plate": "P1", "Metadata_Well": f"A{number + 1:02d}", "Metadata_Site": "1"}
        rows.append(key | {"Path_DNA": str(path), "Index_DNA": ""})
    prepared = prepare(ImageSet(pd.DataFrame(rows), ("DNA",)), tmp_path / "store")
    table = wells(
        np.array([[0.0], [0.1], [5.0], [5.1]]),
        Metadata_Treatment=["DMSO", "DMSO", "a", "a"],
        Metadata_Control=[True, True, False, False],
    )
    return prepared, table


def test_a_treatment_is_shown_beside_a_control_of_its_plate_in_one_contrast(pictured):
    prepared, table = pictured
    chosen = choose_exemplars(prepared, table, ["a"])
    assert chosen.table["role"].tolist() == ["treated", "control"]
    assert chosen.table["Metadata_Well"].str[:1].eq("A").all()
    treated, control = chosen.pixels[:, 0]
    assert treated.min() == 255  # brighter than any control, so it saturates their contrast
    assert 0 < control.mean() < 255


def test_small_pictures_share_the_contrast_that_was_found_and_know_their_scale(pictured):
    prepared, table = pictured
    known: dict = {}
    whole = choose_exemplars(prepared, table, ["a"], contrasts=known)
    assert list(known) == ["P1"]
    small = choose_exemplars(prepared, table, ["a"], side=12, contrasts=known)
    assert whole.pixels.shape[2:] == (24, 24) and small.pixels.shape[2:] == (12, 12)
    means = whole.pixels.reshape(2, 1, 12, 2, 12, 2).mean(axis=(3, 5))
    np.testing.assert_allclose(small.pixels, means, atol=1)
    assert small.table.equals(whole.table)


def test_a_treatment_without_wells_is_left_out(pictured):
    prepared, table = pictured
    chosen = choose_exemplars(prepared, table, ["nothing", "a"])
    assert set(chosen.table["Metadata_Treatment"]) == {"a"}
