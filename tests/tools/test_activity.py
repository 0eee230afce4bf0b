"""Position is never taken for effect: which test answers, and what stands beside the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens.errors import ConfigError, DesignError

NOTHING = {"treatments": 24, "features": 60, "active": 0.0, "position_effect": 2.0}


def codes(result: pl.Result) -> set[str]:
    return {note.code for note in result.notes}


@pytest.fixture(scope="module")
def fixed() -> pd.DataFrame:
    """No treatment does anything; every one keeps its place, and places differ."""
    return pl.simulate_profiles(layout="fixed", controls=32, seed=5, **NOTHING)[0]


def test_a_repeated_layout_is_tested_by_control_positions(fixed):
    found = pl.activity(fixed)
    assert found.summary["test"] == "position-safe"
    assert found.summary["active"] <= 1
    (note,) = (note for note in found.notes if note.code == "position-safe")
    assert note.values["positions"] == 32
    assert "24 of 24 replicated treatments" in note.text
    assert set(found.table["space"]) == {"normalized, selected"}


def test_the_plain_test_takes_position_for_effect_and_says_so(fixed):
    found = pl.activity(fixed, position_safe="no", normalized=True)
    assert found.summary["active"] >= 12
    assert "position-ignored" in codes(found)
    assert found.table["note"].str.contains("position could explain").all()


def test_controls_called_stand_beside_treatments_called(fixed):
    summary = pl.activity(fixed).summary
    assert summary["controls_called"].endswith(" of 32")
    assert int(summary["controls_called_by_permuting_wells"].split()[0]) >= 16


def test_too_few_control_positions_are_counted_and_the_p_carries_the_mark():
    few, _ = pl.simulate_profiles(layout="fixed", controls=12, seed=5, **NOTHING)
    found = pl.activity(few, permutations=200)
    assert found.summary["test"] == "label-permutation"
    assert found.table["note"].str.contains("12 control positions").all()
    with pytest.raises(DesignError, match="12 control positions"):
        pl.activity(few, position_safe="yes")


def test_several_positions_repeated_on_all_plates_are_a_repeated_layout(fixed):
    twins = fixed.index.get_level_values("Metadata_Treatment").to_series().astype(object)
    twins = twins.str.replace(r"(\d+)$", lambda m: f"{(int(m[1]) + 1) // 2:03d}", regex=True)
    paired = fixed.reset_index().assign(Metadata_Treatment=twins.to_numpy())
    found = pl.activity(paired)
    assert found.summary["test"] == "position-safe"
    assert "12 of 12 replicated treatments" in str(found.notes)


def test_a_scrambled_layout_is_asked_plainly_and_nothing_is_said_of_position():
    scrambled, truth = pl.simulate_profiles(seed=5, treatments=24, features=60)
    found = pl.activity(scrambled, permutations=500)
    assert found.summary["test"] == "label-permutation"
    assert not any("position" in code for code in codes(found))
    active = set(truth.loc[truth["active"], "treatment"])
    called = set(found.table.loc[found.table["active"], "Metadata_Treatment"])
    assert len(called & active) >= 0.8 * len(active)
    assert len(called - active) <= 1


def test_the_position_safe_test_takes_no_other_null(fixed):
    with pytest.raises(ConfigError, match="has a null"):
        pl.activity(fixed, position_safe="yes", null="copairs")


def test_permuted_treatments_are_not_active():
    table, _ = pl.simulate_profiles(seed=6, treatments=24, features=60)
    frame = table.reset_index()
    treated = ~frame["Metadata_Control"]
    names = frame.loc[treated, "Metadata_Treatment"].to_numpy()
    frame.loc[treated, "Metadata_Treatment"] = np.random.default_rng(0).permutation(names)
    assert pl.activity(frame, permutations=500).summary["active"] <= 1


def test_the_answer_keeps_the_columns_that_name_a_treatment_and_joins_back_by_them():
    table, _ = pl.simulate_profiles(seed=3, treatments=12, features=40)
    frame = table.reset_index().rename(columns={"Metadata_Treatment": "Metadata_broad_sample"})
    obs = frame[[name for name in frame if name.startswith("Metadata_")]]
    names = [name for name in frame if not name.startswith("Metadata_")]
    import anndata

    adata = anndata.AnnData(
        frame[names].to_numpy(copy=True),
        obs=obs.set_axis([str(n) for n in range(len(obs))], axis=0),
        var=pd.DataFrame(index=names),
    )
    found = pl.activity(adata, same_by="Metadata_broad_sample", permutations=100)
    assert set(found.table["Metadata_broad_sample"]) == set(found.table["Metadata_Treatment"])
    joined = found.join(adata)
    treated = joined.obs["Metadata_broad_sample"] != "DMSO"
    assert joined.obs.loc[treated, "activity_q"].notna().all()
