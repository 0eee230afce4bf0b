"""Comparisons: paired, clustered, corrected, and honest about what could be seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import permutation_test

from phenolens.errors import InputError
from phenolens.evaluate.compare import COLUMNS, compare_pairs, fusion_pairs, sign_flip
from phenolens.stats.multiple_testing import holm

KEY = ["Metadata_Treatment"]


def values(gain: float, *, n: int = 60, seed: int = 0, doses: int = 1) -> pd.DataFrame:
    """Two representations of the same treatments; the second is better by `gain` on average."""
    rng = np.random.default_rng(seed)
    compound = np.repeat(np.arange(n // doses), doses)
    shared = rng.normal(size=n)
    moved = gain + 0.3 * rng.normal(size=n // doses)[compound]
    frame = {"Metadata_Treatment": [f"t{i}" for i in range(n)], "compound": compound}
    parts = [
        pd.DataFrame(frame | {"representation": name, "value": v, "task": "activity"})
        for name, v in (("cp", shared), ("cnn", shared + moved))
    ]
    return pd.concat(parts, ignore_index=True)


def test_a_real_gain_is_found_and_its_interval_holds_it():
    row = compare_pairs(values(0.3), [("cnn", "cp")], key=KEY, seed=0).iloc[0]
    assert row["p"] < 0.001
    assert row["low"] < 0.3 < row["high"]
    assert row["difference"] == pytest.approx(row["value_a"] - row["value_b"])
    assert (row["n"], row["unit"], row["task"]) == (60, "treatment", "activity")
    assert list(row.index) == list(COLUMNS)


def test_no_gain_is_called_at_the_nominal_rate_even_with_clusters():
    called = [
        compare_pairs(
            values(0.0, seed=s, doses=6), [("cnn", "cp")],
            key=KEY, seed=s, cluster="compound", n_draws=499,
        )["p"].iloc[0] < 0.05
        for s in range(200)
    ]  # fmt: skip
    assert np.mean(called) < 0.10


def test_ignoring_clusters_would_call_too_often():
    called = [
        compare_pairs(values(0.0, seed=s, doses=6), [("cnn", "cp")], key=KEY, seed=s, n_draws=499)[
            "p"
        ].iloc[0]
        < 0.05
        for s in range(100)
    ]
    assert np.mean(called) > 0.2


def test_sign_flip_agrees_with_scipy_when_enumerated():
    sums = np.random.default_rng(0).normal(0.5, 1, size=10)
    ours, smallest = sign_flip(sums, seed=0)
    theirs = permutation_test((sums,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert ours == pytest.approx(theirs.pvalue)
    assert smallest == 2 / 1024


def test_nothing_differs_is_p_one():
    same = values(0.0)
    same["value"] = 1.0
    row = compare_pairs(same, [("cnn", "cp")], key=KEY, seed=0).iloc[0]
    assert (row["p"], row["difference"]) == (1.0, 0.0)


def test_detectable_shrinks_with_the_number_of_clusters():
    small, large = (
        compare_pairs(values(0.0, n=n), [("cnn", "cp")], key=KEY, seed=0)["detectable"].iloc[0]
        for n in (20, 320)
    )
    assert large < small / 2.5
    assert small == pytest.approx(2.8 * 0.3 / np.sqrt(20), rel=0.4)


def test_units_that_one_side_lacks_are_left_out():
    frame = values(0.2)
    frame = frame[~((frame["representation"] == "cp") & (frame["Metadata_Treatment"] == "t0"))]
    assert compare_pairs(frame, [("cnn", "cp")], key=KEY, seed=0)["n"].iloc[0] == 59


def test_holm_steps_down():
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03])), [0.03, 0.06, 0.06])


def test_fusion_meets_the_best_block_and_noise():
    frame = values(0.3)
    pairs = fusion_pairs(frame, "fused", blocks=["cp", "cnn"], noise="fused with noise")
    assert pairs == [("fused", "cnn"), ("fused", "fused with noise")]


def test_disjoint_units_and_repeated_units_are_refused():
    frame = values(0.0)
    frame.loc[frame["representation"] == "cp", "Metadata_Treatment"] += "x"
    with pytest.raises(InputError, match="share no unit"):
        compare_pairs(frame, [("cnn", "cp")], key=KEY, seed=0)
    with pytest.raises(InputError, match="several values"):
        compare_pairs(pd.concat([values(0.0)] * 2), [("cnn", "cp")], key=KEY, seed=0)
