"""Position, ranks and whitening by the study's settings: calibrating controls alone inform them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.special import ndtri

import phenolens as pl
from phenolens import profiles
from phenolens.errors import InputError
from phenolens.evaluate.quality.batch_effect import batch_effect
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL
from phenolens.tools.files import write_profiles

SETTINGS = {
    "position removed": {"position": "remove"},
    "ranks": {"transform": "rank-gaussian"},
    "ranks alone": {"transform": "rank-gaussian", "whitening": "none"},
    "tvn": {"whitening": "tvn"},
    "cell count removed": {"cell_count": "remove"},
    "zca": {"whitening": "zca"},
    "pca": {"whitening": "pca"},
    "pca of correlations, shrunk": {"whitening": "pca-cor", "shrinkage": "ledoit-wolf"},
    "tvn, shrunk": {"whitening": "tvn", "shrinkage": "ledoit-wolf"},
    "all": {
        "position": "remove",
        "cell_count": "remove",
        "transform": "rank-gaussian",
        "whitening": "tvn",
    },
}


def screen(*, surface: float = 0.0, batches: bool = False, seed: int = 0) -> pd.DataFrame:
    """Four plates of 96 wells, scrambled: 32 of DMSO, 16 treatments of which six act."""
    rng = np.random.default_rng(seed)
    names = np.array(["DMSO"] * 32 + [f"t{k:02d}" for k in range(16)] * 4)
    row, column = np.divmod(np.arange(96), 12)
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    parts = []
    for plate in range(4):
        treatment = rng.permutation(names)
        values = rng.normal(size=(96, 12))
        if batches and plate > 1:
            values = (values * np.linspace(0.3, 3.0, 12)) @ turn
        for number in range(6):
            values[treatment == f"t{number:02d}", 2 * number : 2 * number + 2] += 4
        values += surface * (column / 11 - 0.5)[:, None] * np.linspace(-1, 1, 12)
        wells = [f"{'ABCDEFGH'[r]}{c + 1:02d}" for r, c in zip(row, column, strict=True)]
        frame = pd.DataFrame(values).add_prefix("emb_")
        frame = frame.assign(Metadata_Plate=f"P{plate}", Metadata_Well=wells)
        frame = frame.assign(Metadata_Compound=treatment, Metadata_Batch=f"B{plate // 2}")
        counts = np.random.default_rng([seed, plate]).integers(80, 240, 96)
        parts.append(frame.assign(Metadata_CellCount=counts))
    return pd.concat(parts, ignore_index=True)


def compared(frame: pd.DataFrame, **settings: object) -> pl.Profiles:
    return pl.read(frame, normalized=False).with_settings(**settings)


def calibrating(item: pl.Profiles) -> np.ndarray:
    return (item.design.role_of(item.wells) == "calibrate").to_numpy()


@pytest.mark.parametrize("name", SETTINGS)
def test_only_calibrating_controls_inform_what_is_compared(name):
    """Other wells, evaluation controls included, change and no value but their own does."""
    frame = screen(surface=2.0)
    item = compared(frame, **SETTINGS[name])
    quiet = calibrating(item)
    keys = profiles.metadata(item.wells)[[PLATE, WELL]]
    loud = keys[~quiet].iloc[::2]
    changed = frame.copy()
    rows = pd.MultiIndex.from_frame(changed[[PLATE, WELL]]).isin(pd.MultiIndex.from_frame(loud))
    emb = [column for column in frame if column.startswith("emb_")]
    changed.loc[rows, emb] = 30 * np.random.default_rng(1).normal(size=(rows.sum(), len(emb)))
    other = compared(changed, **SETTINGS[name])
    kept = ~pd.MultiIndex.from_frame(keys).isin(pd.MultiIndex.from_frame(loud))
    pd.testing.assert_frame_equal(item.wells[kept], other.wells[kept], check_exact=True)
    assert not np.allclose(item.wells[~kept], other.wells[~kept])


@pytest.mark.parametrize("name", SETTINGS)
def test_planted_effects_are_found_and_no_other(name):
    found = pl.activity(compared(screen(), **SETTINGS[name]), permutations=500).table
    active = found.set_index(TREATMENT)["active"]
    assert active[[f"t{k:02d}" for k in range(6)]].all()
    assert active.sum() <= 7


def explained_by_column(item: pl.Profiles) -> float:
    """Share of the variance of evaluation controls that their column explains, over features."""
    held_out = profiles.column(item.wells, CONTROL).astype(bool) & ~calibrating(item)
    part = item.wells[held_out]
    column = profiles.well_position(profiles.column(part, WELL))[:, 1]
    return float(np.mean([np.corrcoef(column, part[name])[0, 1] ** 2 for name in part]))


def test_position_is_removed_from_controls_that_did_not_show_it():
    frame = screen(surface=5.0)
    before = compared(frame, whitening="none")
    after = compared(frame, whitening="none", position="remove")
    assert explained_by_column(before) > 0.4
    assert explained_by_column(after) < 0.6 * explained_by_column(before)
    assert before.space == "normalized, selected"
    assert after.space == "normalized, position removed, selected"
    assert after.compared.notes["position"]["trust"] > 0


def test_controls_at_few_positions_remove_nothing_and_the_reason_is_kept():
    frame = screen()
    wells = frame["Metadata_Well"].isin([f"C{k:02d}" for k in range(1, 10)])
    frame["Metadata_Compound"] = frame["Metadata_Compound"].replace("DMSO", "t15")
    frame.loc[wells, "Metadata_Compound"] = "DMSO"
    item = compared(frame, position="remove")
    assert item.compared.notes["position"] == {"refused": "few-positions", "positions": 6}
    assert "position removed" not in item.space
    (found,) = [f for f in item.space_findings() if f.code.startswith("position-")]
    assert (found.code, found.values["needed"]) == ("position-not-removed", 8)


@pytest.mark.parametrize(("layout", "severity"), [("scrambled", "info"), ("fixed", "warning")])
def test_removing_position_is_said_and_doubted_where_treatments_share_positions(layout, severity):
    frame, _ = pl.simulate_profiles(layout=layout, position_effect=1.0, controls=32, seed=0)
    item = compared(frame, position="remove")
    (found,) = [f for f in item.space_findings() if f.code == "position-removed"]
    assert found.severity == severity
    assert ("cannot be told from an effect" in found.text) == (layout == "fixed")


def test_the_cell_count_is_removed_from_controls_that_did_not_show_it():
    frame = screen()
    logs = np.log2(frame["Metadata_CellCount"] + 1)
    emb = [f"emb_{k}" for k in range(12)]
    frame[emb] += 2 * (logs - logs.mean()).to_numpy()[:, None]
    followed = {}
    for name in ("none", "remove"):
        item = compared(frame, whitening="none", cell_count=name)
        held_out = profiles.column(item.wells, CONTROL).astype(bool) & ~calibrating(item)
        part = item.wells[held_out]
        counts = np.log2(profiles.column(part, "Metadata_CellCount").astype(float) + 1)
        followed[name] = np.mean([np.corrcoef(counts, part[f])[0, 1] ** 2 for f in part])
    assert followed["none"] > 0.3
    assert followed["remove"] < 0.1
    assert item.space == "normalized, cell count removed, selected"
    (found,) = [f for f in item.space_findings() if f.code == "cell-count-removed"]
    assert found.severity == "info"
    assert "calibrating controls show it" in found.text


@pytest.mark.parametrize("why", ["no-counts", "few-controls", "normalized-elsewhere"])
def test_why_no_cell_count_was_removed_is_said(why):
    frame = screen()
    if why == "no-counts":
        frame = frame.drop(columns="Metadata_CellCount")
    elif why == "few-controls":
        frame["Metadata_CellCount"] = frame["Metadata_CellCount"].astype(float)
        frame.loc[frame["Metadata_Compound"] == "DMSO", "Metadata_CellCount"] = np.nan
    item = pl.read(frame, normalized=why == "normalized-elsewhere")
    item = item.with_settings(cell_count="remove")
    (found,) = [f for f in item.space_findings() if f.code == "cell-count-not-removed"]
    assert (found.severity, found.values["why"]) == ("warning", why)
    assert found.text
    assert "cell count" not in item.space


def test_each_step_is_taken_down_from_the_table_that_was_given_to_the_one_compared():
    frame = screen(surface=3.0)
    frame["emb_12"], frame["emb_13"] = 7.0, np.nan
    item = compared(frame, **SETTINGS["all"])
    steps = pd.DataFrame(item.compared.notes["steps"])
    assert list(steps["step"]) == [
        "cleaned", "scaled", "position", "cell-count", "selected", "ranked", "whitened"
    ]  # fmt: skip
    for before, after in (("rows_before", "rows_after"), ("columns_before", "columns_after")):
        assert list(steps[before][1:]) == list(steps[after][:-1])
    assert (steps["rows_before"][0], steps["columns_before"][0]) == (len(frame), 14)
    assert steps["columns_after"].iloc[-1] == item.wells.shape[1]
    assert steps["held_out"].all()
    held_out = profiles.column(item.wells, CONTROL).astype(bool) & ~calibrating(item)
    last = steps.iloc[-1]
    assert last["controls"] == held_out.sum()
    assert last["magnitude_after"] == pytest.approx(np.median(np.abs(item.wells[held_out])))
    assert last["settings"] == "whitening = tvn, regularization = 0.1"


def test_plates_that_differ_are_seen_to_be_evened_out():
    frame = screen()
    emb = [f"emb_{k}" for k in range(12)]
    frame[emb] += 5 * pd.factorize(frame[PLATE])[0][:, None]
    steps = pd.DataFrame(compared(frame).compared.notes["steps"]).set_index("step")
    assert steps.loc["scaled", "plate_share_before"] > 0.8
    assert abs(steps.loc["scaled", "plate_share_after"]) < 0.1
    assert steps.loc["scaled", "magnitude_after"] == pytest.approx(0.67, abs=0.15)


def test_one_plate_has_no_share_of_plates_and_wells_without_controls_no_measure():
    one = screen()[lambda frame: frame[PLATE] == "P0"]
    steps = pd.DataFrame(compared(one).compared.notes["steps"])
    assert steps["plate_share_after"].isna().all()
    assert steps["magnitude_after"].notna().all()
    bare = one[one["Metadata_Compound"] != "DMSO"]
    steps = pd.DataFrame(compared(bare).compared.notes["steps"])
    assert not steps["controls"].any()
    assert steps["magnitude_after"].isna().all()


def test_batches_of_another_shape_are_aligned():
    """Every second batch is turned and stretched: its controls come out as the others'."""
    mixed = {}
    for name in ("sphering", "tvn"):
        item = compared(screen(batches=True), whitening=name)
        found = batch_effect(item.wells, name, seed=0, batch="Metadata_Batch")
        mixed[name] = found.set_index("metric")["value"]
    spread = {}
    for name in ("sphering", "tvn"):
        wells = compared(screen(batches=True), whitening=name).wells
        controls = profiles.column(wells, CONTROL).astype(bool)
        batch = profiles.column(wells, "Metadata_Batch")
        sizes = [
            np.linalg.norm(wells[controls & (batch == b)], axis=1).mean() for b in ("B0", "B1")
        ]
        spread[name] = abs(np.log(sizes[0] / sizes[1]))
    assert spread["tvn"] < 0.5 * spread["sphering"]
    assert mixed["tvn"]["lisi"] > mixed["sphering"]["lisi"]


def test_what_lies_beyond_every_control_is_one_value():
    item = compared(screen(), transform="rank-gaussian", whitening="none")
    values, own = item.wells.to_numpy(), calibrating(item)
    most = values[own].max()
    assert np.abs(values[own].mean(axis=0)).max() < 0.05
    np.testing.assert_allclose(values[own].std(axis=0), 1, atol=0.05)
    assert (values > most).any()
    assert len(np.unique(values[values > most])) == 1
    assert item.space == "normalized, selected, ranked"


def test_names_of_features_are_kept_where_components_are_compared(tmp_path):
    item = compared(screen(), whitening="tvn")
    assert item.wells.columns[0] == "tvn0001"
    assert item.compared.notes["selected"] == [f"emb_{k}" for k in sorted(range(12), key=str)]


def test_what_a_study_wrote_keeps_its_settings(tmp_path):
    item = compared(screen(), whitening="tvn", regularization=0.3)
    write_profiles(item, tmp_path / "cells.parquet")
    again = pl.read(tmp_path / "cells.parquet")
    assert again.settings == item.settings
    np.testing.assert_allclose(again.wells, item.wells, rtol=1e-6)
    with pytest.raises(InputError, match="is normalized already"):
        again.with_settings(whitening="sphering")


def test_the_verb_takes_the_same_steps():
    frame = screen(surface=5.0)
    plain = pl.normalize(frame, spread="plate", clip=None)
    bent = pl.normalize(frame, spread="plate", clip=None, position="remove")
    controls = (frame["Metadata_Compound"] == "DMSO").to_numpy()
    column = profiles.well_position(frame["Metadata_Well"])[:, 1]
    slopes = [
        abs(np.corrcoef(column[~controls], t["emb_1"][~controls])[0, 1]) for t in (plain, bent)
    ]
    assert slopes[1] < 0.5 * slopes[0]
    ranked = pl.normalize(frame, transform="rank-gaussian")
    assert np.abs(ranked.filter(like="emb_")[controls].mean()).max() < 0.01
    assert ranked.filter(like="emb_").max().max() == pytest.approx(ndtri(128.125 / 128.25))


def test_a_consensus_is_the_median_of_treated_wells_and_joins_what_differs():
    item = compared(screen())
    made = item.consensus(keep=[PLATE])
    assert list(profiles.column(made, TREATMENT)) == [f"t{k:02d}" for k in range(16)]
    own = profiles.column(item.wells, TREATMENT) == "t03"
    np.testing.assert_allclose(made.iloc[3], item.wells[own].median(), rtol=1e-5)
    assert profiles.column(made, PLATE)[3] == "P0|P1|P2|P3"
    assert profiles.column(made, "Metadata_Batch")[3] == "B0|B1"


def test_controls_that_the_naming_column_leaves_empty_are_controls_and_no_treatment():
    frame = screen()
    control = frame["Metadata_Compound"] == "DMSO"
    frame["Metadata_Kind"] = np.where(control, "negcon", "trt")
    frame["Metadata_Compound"] = frame["Metadata_Compound"].mask(control)
    item = pl.read(frame, same_by="Metadata_Compound", controls="Metadata_Kind == 'negcon'")
    wells = profiles.metadata(item.wells)
    assert set(wells.loc[wells[CONTROL].astype(bool), TREATMENT]) == {"control"}
    assert set(wells.loc[~wells[CONTROL].astype(bool), TREATMENT]) == {
        f"t{k:02d}" for k in range(16)
    }
