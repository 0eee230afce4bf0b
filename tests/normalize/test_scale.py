"""Calibration on controls: values, refusals, reports, and agreement with the field's tool."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.normalize.scale import CALIBRATED, calibrate, rescale, robust_scale, soften
from phenolens.splits import control_roles


def plates(n_plates: int = 3, n_wells: int = 24, n_controls: int = 8, *, seed: int = 0):
    """A table with plate-specific offsets and scales, and its controls."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_plates, n_wells, 5))
    values = values * rng.uniform(0.5, 3, size=(n_plates, 1, 5)) + rng.normal(size=(n_plates, 1, 5))
    frame = pd.DataFrame(values.reshape(-1, 5), columns=[f"f{i}" for i in range(5)])
    frame["Metadata_Plate"] = np.repeat([f"P{i}" for i in range(n_plates)], n_wells)
    wells = [f"{'ABCD'[i // 12]}{i % 12 + 1:02d}" for i in range(n_wells)]
    frame["Metadata_Well"] = wells * n_plates
    frame["Metadata_Control"] = np.tile(np.arange(n_wells) < n_controls, n_plates)
    table = profiles.from_frame(frame)
    return table, profiles.column(table, "Metadata_Control").astype(bool)


def test_controls_come_out_with_median_zero_and_mad_one():
    table, controls = plates()
    scaled, report = robust_scale(table, controls)
    for plate in ("P0", "P1", "P2"):
        part = scaled[(profiles.column(table, "Metadata_Plate") == plate) & controls]
        np.testing.assert_allclose(part.median(), 0, atol=1e-5)
        np.testing.assert_allclose((part - part.median()).abs().median() * 1.4826, 1, rtol=1e-5)
    assert [row["n_calibrators"] for row in report["groups"]] == [8, 8, 8]
    assert report["uncalibrated"] == []


def test_standard_method_gives_mean_zero_and_deviation_one():
    table, controls = plates()
    scaled, _ = robust_scale(table, controls, method="standard")
    part = scaled[(profiles.column(table, "Metadata_Plate") == "P1") & controls]
    np.testing.assert_allclose(part.mean(), 0, atol=1e-5)
    np.testing.assert_allclose(part.std(), 1, rtol=1e-5)


def test_agrees_with_pycytominer():
    pycytominer = pytest.importorskip("pycytominer.normalize")
    table, controls = plates(n_plates=1)
    frame = profiles.to_frame(table)
    theirs = pycytominer.normalize(
        frame,
        features=list(table.columns),
        meta_features=["Metadata_Plate", "Metadata_Well", "Metadata_Control"],
        samples="Metadata_Control == True",
        method="mad_robustize",
        mad_robustize_epsilon=0,
    )
    ours, _ = robust_scale(table, controls)
    np.testing.assert_allclose(ours, theirs[table.columns], rtol=2e-5, atol=2e-5)


def test_a_plate_without_controls_is_left_alone_marked_and_reported():
    table, controls = plates()
    controls &= profiles.column(table, "Metadata_Plate") != "P1"
    scaled, report = robust_scale(table, controls)
    mine = profiles.column(table, "Metadata_Plate") == "P1"
    assert report["uncalibrated"] == [{"Metadata_Plate": "P1"}]
    np.testing.assert_array_equal(profiles.column(scaled, CALIBRATED).astype(bool), ~mine)
    np.testing.assert_array_equal(scaled[mine].to_numpy(), table[mine].to_numpy())


def test_a_feature_constant_in_controls_becomes_zero_and_is_counted():
    table, controls = plates()
    table.loc[controls, "f2"] = 0.1
    scaled, report = robust_scale(table, controls)
    assert (scaled["f2"] == 0).all()
    assert report["constant_everywhere"] == ["f2"]
    assert np.isfinite(scaled.to_numpy()).all()


def test_a_feature_with_mad_zero_falls_back_on_the_standard_deviation():
    table, controls = plates(n_plates=1)
    table.loc[controls, "f0"] = [0, 0, 0, 0, 0, 0, 0, 1]
    scaled, report = robust_scale(table, controls)
    assert report["constant_everywhere"] == []
    assert scaled["f0"].to_numpy()[7] == pytest.approx(1 / np.std([0] * 7 + [1]), rel=1e-5)


def test_missing_values_stay_missing_and_do_not_speak():
    table, controls = plates(n_plates=1)
    table.iloc[[0, 20], 1] = np.nan
    scaled, _ = robust_scale(table, controls)
    assert scaled.isna().to_numpy().sum() == 2
    part = table.iloc[1:8, 1]
    mad = 1.4826 * (part - part.median()).abs().median()
    assert scaled.iloc[10, 1] == pytest.approx((table.iloc[10, 1] - part.median()) / mad, rel=1e-5)


def test_the_spread_may_be_pooled_over_the_screen():
    table, controls = plates()
    scaled, _ = robust_scale(table, controls, spread_by=())
    centred, _ = robust_scale(table, controls, method="center")
    part = centred[controls]
    mad = 1.4826 * (part - part.median()).abs().median()
    np.testing.assert_allclose(scaled, centred / mad, rtol=1e-5, atol=1e-6)


def test_swapped_halves_never_calibrate_themselves():
    table, _ = plates(n_controls=4)
    roles = control_roles(profiles.metadata(table), seed=0).to_numpy()
    scaled, report = calibrate(table, roles)
    assert report["swapped"] == len(table)
    a, b = roles == "swap-a", roles == "swap-b"
    from_a, from_b = robust_scale(table, a)[0], robust_scale(table, b)[0]
    np.testing.assert_allclose(scaled[b], from_a[b], rtol=1e-6)
    np.testing.assert_allclose(scaled[a], from_b[a], rtol=1e-6)
    treated = ~(a | b)
    mean = (from_a[treated].to_numpy() + from_b[treated].to_numpy()) / 2
    np.testing.assert_allclose(scaled[treated], mean, rtol=1e-5, atol=1e-6)


def test_of_three_controls_two_scale_the_third_and_the_treated_wells():
    """One control scales nothing: what it left as it was is not averaged with scaled values."""
    table, _ = plates(n_controls=3)
    table = table * 50 + 1000
    roles = control_roles(profiles.metadata(table), seed=0).to_numpy()
    scaled, _ = calibrate(table, roles)
    pair, alone = roles == "swap-a", roles == "swap-b"
    assert pair.sum() == 2 * alone.sum()
    by_pair = robust_scale(table, pair)[0]
    np.testing.assert_array_equal(scaled[~pair], by_pair[~pair])
    np.testing.assert_array_equal(profiles.column(scaled, CALIBRATED).astype(bool), ~pair)


def test_two_controls_scale_nothing():
    table, _ = plates(n_controls=2)
    scaled, _ = calibrate(table, control_roles(profiles.metadata(table), seed=0).to_numpy())
    np.testing.assert_array_equal(scaled, table)
    assert not profiles.column(scaled, CALIBRATED).any()


def test_clipping_leaves_uncalibrated_plates_alone():
    table, controls = plates()
    controls &= profiles.column(table, "Metadata_Plate") != "P1"
    scaled, _ = robust_scale(table * 100, controls, clip=2.0)
    mine = profiles.column(table, "Metadata_Plate") == "P1"
    assert np.abs(scaled[~mine].to_numpy()).max() <= 2
    assert np.abs(scaled[mine].to_numpy()).max() > 2


def test_softening_keeps_small_values_and_bounds_large_ones():
    table, _ = plates()
    soft = soften(table * 100, 10.0).to_numpy()
    assert np.abs(soft).max() <= 10
    np.testing.assert_allclose(soften(table * 0.01, 10.0), table * 0.01, rtol=1e-4)


@pytest.mark.parametrize("bad", [np.array([0, 1]), np.array([True])])
def test_calibrators_of_the_wrong_shape_are_refused(bad):
    with pytest.raises(InputError, match="one true or false per row"):
        robust_scale(plates()[0], bad)


def test_an_unknown_method_is_refused():
    table, controls = plates()
    with pytest.raises(InputError, match="Unknown scaling"):
        robust_scale(table, controls, method="magic")


def spread_out(scale: float | np.ndarray, n: int = 300, features: int = 12) -> pd.DataFrame:
    """Noise of these scales."""
    values = np.random.default_rng(3).normal(size=(n, features)) * scale
    frame = pd.DataFrame(values, columns=[f"f{i}" for i in range(features)])
    return profiles.from_frame(frame.assign(Metadata_Plate="P1"))


@pytest.mark.parametrize("scale", [1e4, 1e-6, 30.0, 1e12])
def test_a_table_of_another_scale_is_divided_as_a_whole(scale):
    table, report = rescale(spread_out(scale))
    same = spread_out(1.0)
    assert report["own"] == {}
    assert report["all_by"] == pytest.approx(scale, rel=0.2)
    ratio = table.to_numpy() / same.to_numpy()
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)


@pytest.mark.parametrize("scale", [1.0, 0.2, 8.0])
def test_a_table_of_a_usual_scale_stays_as_it_is(scale):
    given = spread_out(scale)
    table, report = rescale(given)
    assert report == {}
    assert table is given


def test_single_features_far_off_are_divided_by_their_own_spread():
    scale = np.ones(12)
    scale[[2, 5]] = 1e6, 1e-5
    table, report = rescale(spread_out(scale))
    assert report["all_by"] == 1.0
    assert list(report["own"]) == ["f2", "f5"]
    assert report["own"]["f2"] == pytest.approx(1e6, rel=0.2)
    np.testing.assert_allclose(table.std(), 1, rtol=0.2)


def test_what_does_not_vary_is_left():
    table, report = rescale(spread_out(np.zeros(12)))
    assert report == {}
    assert not table.to_numpy().any()
