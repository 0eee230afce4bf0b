"""AnnData files out and in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.io.anndata import read_h5ad, write_h5ad


@pytest.fixture
def table() -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "Metadata_Plate": ["P1", "P1", "P2"],
            "Metadata_Well": ["A01", "A02", "A01"],
            "Metadata_Compound": ["DMSO", None, "taxol"],
            "Metadata_Concentration": [0.0, np.nan, 3.0],
            "Metadata_Control": [True, False, False],
            "Cells_Correlation_RWC_AGP_DNA": [1.0, 2.0, np.nan],
            "Nuclei_Texture_Contrast_ER_3_00_256": [4.0, 5.0, 6.0],
            "cnn__all__0001": [0.0, 0.5, 1.0],
        }
    )
    return profiles.from_frame(frame)


def test_values_and_metadata_come_back(table, tmp_path):
    write_h5ad(table, tmp_path / "p.h5ad")
    back = read_h5ad(tmp_path / "p.h5ad")
    pd.testing.assert_frame_equal(
        back.reset_index(drop=True), table.reset_index(drop=True), check_names=False
    )
    ours, theirs = profiles.metadata(table), profiles.metadata(back)
    assert list(theirs.columns) == list(ours.columns)
    assert theirs["Metadata_Compound"].isna().tolist() == [False, True, False]
    assert theirs["Metadata_Control"].tolist() == [True, False, False]
    assert theirs["Metadata_Concentration"].tolist()[2] == 3.0


def test_features_are_described(table, tmp_path):
    import anndata

    write_h5ad(table, tmp_path / "p.h5ad")
    var = anndata.read_h5ad(tmp_path / "p.h5ad").var
    assert list(var.columns) == ["compartment", "family", "channel", "channel_2", "n_channels"]
    assert var.loc["Cells_Correlation_RWC_AGP_DNA"].tolist() == [
        "Cells", "Correlation", "AGP", "DNA", 2,
    ]  # fmt: skip
    assert var.loc["cnn__all__0001", "family"] == "cnn"


def test_the_same_table_gives_the_same_bytes(table, tmp_path):
    for name in ("a", "b"):
        write_h5ad(table, tmp_path / f"{name}.h5ad")
    assert (tmp_path / "a.h5ad").read_bytes() == (tmp_path / "b.h5ad").read_bytes()


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "x.h5ad").write_bytes(b"no HDF5")
    with pytest.raises(InputError, match=r"x\.h5ad cannot be read"):
        read_h5ad(tmp_path / "x.h5ad")
