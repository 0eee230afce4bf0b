"""Weights by image quality: by control fields only, one side of each measure, a well's middle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from phenolens.errors import DesignError, InputError
from phenolens.normalize.quality import quality_columns, quality_weights, weighted_middle

FOCUS, SATURATED = "Metadata_Quality_PowerLogLogSlope_DNA", "Metadata_Quality_SaturatedShare_DNA"


def fields(*, plates: int = 2, wells: int = 12, sites: int = 3, seed: int = 0) -> pd.DataFrame:
    """Fields of two plates of other focus; half of the wells are controls."""
    rng = np.random.default_rng(seed)
    names = pd.MultiIndex.from_product(
        [[f"P{k}" for k in range(plates)], [f"A{k + 1:02d}" for k in range(wells)], range(sites)],
        names=["Metadata_Plate", "Metadata_Well", "Metadata_Site"],
    )
    frame = names.to_frame(index=False)
    frame["control"] = frame["Metadata_Well"] <= f"A{wells // 2:02d}"
    frame[FOCUS] = -2 - (frame["Metadata_Plate"] == "P1") + rng.normal(0, 0.05, len(frame))
    frame[SATURATED] = 0.0
    return frame.assign(Metadata_Quality_CellCount=rng.integers(10, 90, len(frame)))


def weights_of(frame: pd.DataFrame, **how: object) -> tuple[np.ndarray, dict]:
    return quality_weights(frame, frame["control"].to_numpy(), **how)


def test_a_blurred_field_counts_by_the_square_of_what_it_is_beyond():
    frame = fields()
    frame.loc[40, FOCUS] = -9.0
    found, report = weights_of(frame)
    own = frame[(frame["Metadata_Plate"] == "P1") & frame["control"]][FOCUS]
    middle = own.median()
    away = (middle - -9.0) / (1.4826 * (own - middle).abs().median())
    assert found[40] == pytest.approx((3 / away) ** 2)
    assert (np.delete(found, 40) > 0.5).all()
    assert report["weighed_down"] == (found < 1).sum()
    assert report["constant"] == []


def test_saturation_that_no_control_shows_is_told_from_none_at_one_pixel_in_a_thousand():
    frame = fields()
    frame.loc[[19, 20], SATURATED] = [0.002, 0.06]  # treated
    found, report = weights_of(frame.assign(Other=1.0), measures=[SATURATED, "Other"])
    assert (found[19], found[20]) == (1.0, pytest.approx((3 / 60) ** 2))
    assert report["constant"] == ["Other"]


def test_a_sharper_field_and_another_plates_focus_weigh_no_less():
    frame = fields()
    frame.loc[3, FOCUS] = 0.0
    found, _ = weights_of(frame)
    assert found[3] == 1.0
    assert np.median(found[frame["Metadata_Plate"] == "P1"]) == 1.0


def test_what_is_usual_controls_say_alone():
    frame = fields()
    treated = ~frame["control"]
    loud = frame.copy()
    loud.loc[treated, FOCUS] = -50.0
    left, right = weights_of(frame)[0], weights_of(loud)[0]
    np.testing.assert_array_equal(left[~treated], right[~treated])
    assert (right[treated] < 0.01).all()


def test_cells_weigh_as_their_field_however_many_there_are():
    frame = fields()
    frame.loc[40, FOCUS] = -9.0
    each = np.random.default_rng(1).integers(1, 30, len(frame))
    cells = frame.loc[np.repeat(frame.index, each)].reset_index(drop=True)
    shuffled = cells.sample(frac=1, random_state=0)
    np.testing.assert_array_equal(weights_of(cells)[0], np.repeat(weights_of(frame)[0], each))
    again = pd.Series(weights_of(shuffled)[0], shuffled.index).sort_index()
    np.testing.assert_array_equal(again, weights_of(cells)[0])


def test_a_plate_with_few_controls_is_judged_by_all():
    frame = fields()
    frame["control"] &= (frame["Metadata_Plate"] == "P0") | (frame["Metadata_Well"] == "A01")
    found, _ = weights_of(frame)
    assert np.median(found[frame["Metadata_Plate"] == "P1"]) < 0.5


def test_numbers_of_cells_are_no_quality_and_nothing_measured_weighs_fully():
    frame = fields()
    assert quality_columns(frame) == [FOCUS, SATURATED]
    frame.loc[[0, 50], [FOCUS, SATURATED]] = np.nan
    found, report = weights_of(frame)
    assert list(found[[0, 50]]) == [1.0, 1.0]
    assert report["unmeasured"] == 2
    two_sided, _ = weights_of(frame.assign(Sharp=frame[FOCUS].where(frame.index != 9, 7.0)),
                              measures=["Sharp"])  # fmt: skip
    assert two_sided[9] < 0.1


def test_without_measures_or_controls_it_is_refused():
    frame = fields()
    with pytest.raises(InputError, match="no column of quality"):
        weights_of(frame.drop(columns=[FOCUS, SATURATED]))
    with pytest.raises(DesignError, match="there are 3"):
        quality_weights(
            frame, (frame["Metadata_Well"] == "A01") & (frame["Metadata_Plate"] == "P0")
        )


@given(arrays(np.float32, st.tuples(st.integers(1, 9), st.integers(1, 3)),
              elements=st.floats(-100, 100, width=16)))  # fmt: skip
def test_equal_weights_give_the_plain_middle(values):
    for how, plain in (("median", np.median), ("mean", np.mean)):
        found = weighted_middle(values, np.full(len(values), 0.3), how=how)
        np.testing.assert_allclose(found, plain(values, axis=0), rtol=1e-5, atol=1e-5)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(1, 4)), min_size=1, max_size=8))
def test_whole_weights_are_rows_that_come_so_many_times(rows):
    values, times = np.array(rows, dtype=float).T
    for how, plain in (("median", np.median), ("mean", np.mean)):
        found = weighted_middle(values[:, None], times, how=how)
        assert found[0] == pytest.approx(plain(np.repeat(values, times.astype(int))))


def test_missing_values_and_rows_without_weight_say_nothing():
    values = np.array([[1.0, np.nan], [5.0, 2.0], [np.nan, 99.0]])
    for how in ("median", "mean"):
        found = weighted_middle(values, np.array([1.0, 1.0, 0.0]), how=how)
        np.testing.assert_allclose(found, [3.0, 2.0])
        assert np.isnan(weighted_middle(values, np.zeros(3), how=how)).all()
