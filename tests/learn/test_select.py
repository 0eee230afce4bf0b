"""Feature selection: each rule, and that what is dropped has a kept stand-in."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.learn.select import FeatureSelector, uncorrelated


def features(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"good": rng.normal(size=n), "other": rng.normal(size=n)})
    frame["twin"] = frame["good"] + 0.05 * rng.normal(size=n)
    frame["mirror"] = -frame["good"] + 0.05 * rng.normal(size=n)
    frame["flat"] = 3.0
    frame["rare"] = np.where(np.arange(n) == 5, 1.0, 0.0)
    frame["holes"] = np.where(np.arange(n) < 40, np.nan, rng.normal(size=n))
    frame["wild"] = np.where(np.arange(n) == 7, 501.0, rng.normal(size=n))
    frame["banned"] = rng.normal(size=n)
    frame["few_holes"] = np.where(np.arange(n) < 4, np.nan, rng.normal(size=n))
    return frame


def test_each_rule_drops_its_own_and_says_so():
    selector = FeatureSelector(blocklist=["banned"]).fit(features())
    reasons = selector.reasons_
    correlated = {name for name, why in reasons.items() if why == "correlated"}
    assert len(correlated) == 2 and correlated < {"good", "twin", "mirror"}
    del reasons["wild"]
    expected = {"flat": "constant", "rare": "repetitive", "holes": "missing", "banned": "blocked"}
    assert {k: v for k, v in reasons.items() if v != "correlated"} == expected


def test_wild_values_are_dropped_only_when_asked():
    assert FeatureSelector().fit(features()).reasons_["wild"] == "wild"
    assert "wild" not in FeatureSelector(max_outlier=None).fit(features()).reasons_


def test_missing_values_that_remain_take_the_training_median():
    frame = features()
    out = FeatureSelector().fit(frame).transform(frame)
    assert out["few_holes"].iloc[0] == pytest.approx(frame["few_holes"].median())
    assert not out.isna().any().any()


def test_no_two_kept_features_correlate_and_each_dropped_one_has_a_stand_in():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(300, 10)) @ rng.normal(size=(10, 80)) + rng.normal(size=(300, 80))
    keep = uncorrelated(values, threshold=0.6)
    size = np.abs(np.corrcoef(values.T))
    np.fill_diagonal(size, 0)
    assert size[np.ix_(keep, keep)].max() <= 0.6 + 1e-4
    assert (size[np.ix_(~keep, keep)].max(axis=1) > 0.6 - 1e-4).all()


def test_nothing_left_is_an_error():
    with pytest.raises(InputError, match="left none"):
        FeatureSelector().fit(features()[["flat"]])
