"""What treatments changed, asked of given profiles."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens.errors import DesignError, InputError
from phenolens.findings import Finding
from phenolens.tools.describe import changed_groups

FEATURES = [
    "Nuclei_AreaShape_Area", "Nuclei_AreaShape_Perimeter", "Cells_Intensity_MeanIntensity_Mito",
    "Cells_Texture_Contrast_Mito_3_00_256", "Cells_Correlation_RWC_DNA_Mito",
]  # fmt: skip
LARGE = {"Nuclei_AreaShape_Area": 6.0, "Nuclei_AreaShape_Perimeter": 6.0}
DIM = {"Cells_Intensity_MeanIntensity_Mito": -8.0}


def wells(names: list[str] | None = None, *, controls: int = 16) -> pd.DataFrame:
    names = names or FEATURES
    rng = np.random.default_rng(1)
    rows = []
    for plate in ("P1", "P2"):
        kinds = ["DMSO"] * controls + ["large"] * 3 + ["dim"] * 3
        for number, kind in enumerate(kinds):
            values = dict(zip(names, rng.normal(50, 1, len(names)), strict=True))
            for feature, shift in {"large": LARGE, "dim": DIM}.get(kind, {}).items():
                values[feature] = values.get(feature, 0.0) + shift
            place = {
                "Metadata_Plate": plate,
                "Metadata_Well": f"{'ABCD'[number // 6]}{number % 6 + 1}",
            }
            rows.append(place | {"Metadata_Compound": kind} | {n: values[n] for n in names})
    return pd.DataFrame(rows)


def said(found: pl.Result) -> list[str]:
    return [str(f) for f in found.findings if f.code == "features-changed"]


def test_treatments_are_told_in_words_from_data():
    found = pl.describe(wells())
    assert said(found) == ["large: nuclei larger.", "dim: mitochondria dimmer (cells)."]
    assert found.summary["changed"] == found.summary["treatments"] == 2
    assert set(found.table["space"]) == {"normalized"}
    assert not {"dimmer", "larger"} & set(found.table.astype(str).to_numpy().ravel())


def test_controls_that_scaled_a_plate_are_not_compared_with():
    found = pl.describe(wells())
    assert found.table["n_references"].max() < 32


def test_treatments_with_one_value_are_told_together():
    frame = wells().assign(Metadata_Mechanism=lambda f: f["Metadata_Compound"].str.upper())
    pools = pl.describe(frame, pool_by="Mechanism").more["pools"]
    assert sorted(set(pools["pool"])) == ["DIM", "LARGE"]
    assert set(pools["n"]) == {1}
    few = pl.describe(wells())
    assert len(few.more["pools"]) == 0
    assert [f.values["question"] for f in few.findings if f.code == "not-asked"] == ["clusters"]


def test_names_that_are_none_are_set_aside_and_counted():
    frame = wells().assign(Nuclei_Number_Object_Number=1.0, Cells_AreaShape_Center_X=range(44))
    found = pl.describe(frame, features=[*FEATURES, "Cells_AreaShape_Center_X"])
    told = {f.values["why"]: f.values["features"] for f in found.findings
            if f.code == "features-aside"}  # fmt: skip
    assert told == {"position": 1}


def test_a_stain_that_nobody_knows_keeps_its_name():
    frame = wells().rename(columns=lambda name: name.replace("Mito", "CellMask"))
    assert said(pl.describe(frame))[1] == "dim: CellMask dimmer (cells)."


def test_a_missing_value_costs_its_feature_only_where_it_is_missing():
    frame = wells()
    frame.loc[frame["Metadata_Compound"].eq("large").idxmax(), "Nuclei_AreaShape_Area"] = np.nan
    found = pl.describe(frame)
    size = found.table[found.table["property"] == "size"].set_index("Metadata_Treatment")
    assert size["features"].to_dict() == {"dim": 2, "large": 1}
    assert [f.values for f in found.findings if f.code == "features-unmeasured"] == [
        {"features": 1}
    ]


def test_what_cannot_be_said_is_refused_with_the_reason():
    learned = wells().rename(columns={n: f"cnn__all__000{i}" for i, n in enumerate(FEATURES)})
    with pytest.raises(InputError, match=r"None of the 5 features .* Nuclei_AreaShape_Area"):
        pl.describe(learned)
    treated = wells().query("Metadata_Compound != 'DMSO'")
    with pytest.raises(DesignError, match="control"):
        pl.describe(treated)


def test_groups_without_a_direction_are_told_last():
    rows = pd.DataFrame(
        {
            "compartment": "Cells", "stain": "ER", "rank": [1, 2, 3],
            "property": ["pattern", "brightness", "texture"],
            "direction": ["changed", "more", ""],
        }
    )  # fmt: skip
    found = changed_groups("x", rows)
    assert isinstance(found, Finding)
    assert str(found) == "x: ER brighter (cells), pattern changed (cells)."


def test_a_design_that_can_call_nothing_says_so():
    frame = wells(controls=4).query("Metadata_Plate == 'P1'").drop(index=[5, 6, 8, 9])
    found = pl.describe(frame)
    told = [f for f in found.findings if f.code == "groups-untestable"]
    assert [f.values["treatments"] for f in told] == [2]
    assert "give no p below" in str(told[0])
    assert not (found.table["direction"] != "").any()
