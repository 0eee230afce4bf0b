"""Position is never taken for effect: which test answers, and what stands beside the answer."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens.errors import ConfigError, DesignError
from phenolens.words import noted

NOTHING = {"treatments": 24, "features": 60, "active": 0.0, "position_effect": 2.0}


def codes(result: pl.Result) -> set[str]:
    return {note.code for note in result.findings}


@pytest.fixture(scope="module")
def fixed() -> pd.DataFrame:
    """No treatment does anything; every one keeps its place, and places differ."""
    return pl.simulate_profiles(layout="fixed", controls=32, seed=5, **NOTHING)[0]


def test_a_repeated_layout_is_tested_by_control_positions(fixed):
    found = pl.activity(fixed)
    assert found.summary["test"] == "position-safe"
    assert found.summary["active"] <= 1
    (note,) = (note for note in found.findings if note.code == "position-safe")
    assert note.values["positions"] == 32
    assert "24 of 24 replicated treatments" in note.text
    assert set(found.table["space"]) == {"normalized, selected"}


def test_the_plain_test_takes_position_for_effect_and_says_so(fixed):
    found = pl.activity(fixed, position_safe="no", normalized=True)
    assert found.summary["active"] >= 12
    assert "position-ignored" in codes(found)
    assert found.table["note"].str.contains("position-could-explain").all()


def test_controls_called_stand_beside_treatments_called(fixed):
    summary = pl.activity(fixed).summary
    assert summary["controls_called"].endswith(" of 32")
    assert int(summary["controls_called_by_permuting_wells"].split()[0]) >= 16


def test_too_few_control_positions_are_counted_and_the_p_carries_the_mark():
    few, _ = pl.simulate_profiles(layout="fixed", controls=12, seed=5, **NOTHING)
    found = pl.activity(few, permutations=200)
    assert found.summary["test"] == "label-permutation"
    assert found.table["note"].str.contains("few-positions-to-compare").all()
    said = noted(found.table["note"].iloc[0], **found.table.iloc[0])
    assert "with 12 control positions (19 needed)" in said
    with pytest.raises(DesignError, match="12 control positions"):
        pl.activity(few, position_safe="yes")


def test_several_positions_repeated_on_all_plates_are_a_repeated_layout(fixed):
    twins = fixed.index.get_level_values("Metadata_Treatment").to_series().astype(object)
    twins = twins.str.replace(r"(\d+)$", lambda m: f"{(int(m[1]) + 1) // 2:03d}", regex=True)
    paired = fixed.reset_index().assign(Metadata_Treatment=twins.to_numpy())
    found = pl.activity(paired)
    assert found.summary["test"] == "position-safe"
    assert "12 of 12 replicated treatments" in " ".join(map(str, found.findings))


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


def test_what_was_not_tested_is_not_called_inactive():
    screen, _ = pl.simulate_profiles(
        plates=2, treatments=6, replicates=2, controls=16, features=10, seed=1
    )
    frame = screen.reset_index()
    names = frame.loc[~frame["Metadata_Control"].astype(bool), "Metadata_Treatment"]
    first = frame["Metadata_Treatment"].eq(names.iloc[0])
    frame = frame.drop(index=frame.index[first][1:])
    found = pl.activity(frame, same_by="Metadata_Treatment", permutations=99)
    (alone,) = found.table.loc[found.table["wells"] == 1].to_dict("records")
    assert pd.isna(alone["active"])
    assert found.table["active"].dtype == "boolean"
    assert alone["n"] == 0
    assert alone["note"] == "one-well-only"
    assert found.table["active"].isna().sum() == 1
    assert found.summary["tested"] == len(found.table) - 1


def test_a_treatment_whose_wells_were_all_left_out_keeps_its_row():
    screen, _ = pl.simulate_profiles(plates=2, treatments=12, features=10, seed=1)
    gone = screen.index.get_level_values("Metadata_Treatment") == "treatment-001"
    assert gone.sum() == 2
    frame = screen.reset_index()
    frame.loc[gone, screen.columns] = np.nan
    row = pl.activity(frame, permutations=99).table.set_index("Metadata_Treatment").iloc[0]
    assert (row.name, row["n"], row["wells"], row["active"]) == ("treatment-001", 0, 2, pd.NA)
    assert row["note"] == "wells-not-usable"
    assert noted(row["note"], **row) == "0 of its 2 wells could be used; two are needed"


def test_doses_that_are_the_only_replicates_are_offered_together():
    screen, _ = pl.simulate_profiles(
        plates=2, treatments=12, replicates=2, features=10, active=1.0, effect=4.0, seed=1
    )
    frame = screen.reset_index()
    treated = frame["Metadata_Treatment"].notna() & ~frame["Metadata_Control"].astype(bool)
    dose = frame.groupby("Metadata_Treatment").cumcount() + 1.0
    frame = frame.assign(
        Metadata_Compound=frame["Metadata_Treatment"].where(treated, "DMSO"),
        Metadata_Concentration=dose.where(treated),
    ).drop(columns="Metadata_Treatment")
    with pytest.raises(DesignError, match=r"without a replicate.* doses are tested together"):
        pl.activity(frame, permutations=99)
    together = pl.activity(frame, same_by="Metadata_Compound", permutations=99)
    assert together.summary["tested"] == 12
    frame.loc[treated.idxmax(), "Metadata_Concentration"] = 2.0
    (note,) = (n for n in pl.activity(frame, permutations=99).findings if n.code == "doses-only")
    assert note.values == {"compounds": 11}
    assert "same_by (--same-by) 'Metadata_Compound'" in note.text


def test_the_finding_that_could_explain_a_p_stands_beside_it(fixed):
    confounded = pl.activity(fixed, position_safe="no", normalized=True).table
    assert confounded["position"].str.contains("layout-confounded").all()
    answered = pl.activity(fixed).table
    assert not answered["position"].str.contains("layout-confounded").any()


def note_of(result: pl.Result, code: str) -> pl.Note:
    return next(note for note in result.findings if note.code == code)


def test_the_control_check_stands_in_summary_notes_and_tables(fixed):
    safe, plain = pl.activity(fixed), pl.activity(fixed, position_safe="no", normalized=True)
    told = safe.summary["control_check"]
    assert told["outcome"] == "calibrated" and told["test"] == "position-safe"
    assert safe.more["control_check"]["test"].tolist() == ["position-safe", "label-permutation"]
    assert safe.more["control_check"]["outcome"].tolist() == ["calibrated", "calls-controls"]
    assert note_of(safe, "control-check").severity == "info"
    warned = note_of(plain, "control-check")
    assert warned.severity == "warning" and "called than the 5 % that are due" in warned.text
    assert "groups of controls" in "\n".join(plain.lines())


def test_a_design_that_names_no_hit_says_why_and_how_many_are_active_at_least():
    screen, truth = pl.simulate_profiles(
        layout="fixed", controls=40, plates=3, treatments=120, features=60, active=0.3, seed=5
    )
    found = pl.activity(screen)
    assert found.summary["active"] == 0
    share = found.summary["share_active"]
    assert 0.1 < share["low"] <= truth["active"].mean()
    assert found.more["share_active"]["low"].tolist() == [share["low"]]
    text = note_of(found, "no-single-hit").text
    assert "cannot name single hits" in text and "To name hits" in text
    assert not any("fraction_retrieved" in name for name in found.summary)
    row = found.scores.set_index("metric").loc["fraction_active"]
    assert row["value"] == 0 and np.isnan(row["low"]) and np.isnan(row["high"])


def test_no_share_is_given_where_controls_stand_in_one_column():
    screen, _ = pl.simulate_profiles(
        layout="fixed", controls=40, plates=3, treatments=120, features=60, active=0.3, seed=5
    )
    frame = screen.reset_index()
    for plate, rows in frame.groupby("Metadata_Plate").groups.items():
        order = rows[np.argsort(~frame.loc[rows, "Metadata_Control"], kind="stable")]
        wells = [f"{chr(65 + k % 16)}{k // 16 + 1:02d}" for k in range(len(order))]
        frame.loc[order, "Metadata_Well"] = wells
        assert frame.loc[order[0], "Metadata_Plate"] == plate
    found = pl.activity(frame)
    share = found.summary["share_active"]
    assert share["withheld"] == "controls-not-among-treatments"
    assert share["low"] is None
    assert "no share of active treatments is given" in note_of(found, "no-single-hit").text
    assert not found.more["control_check"]["covered"].any()
    assert "They do not lie where the treatments lie" in note_of(found, "control-check").text
