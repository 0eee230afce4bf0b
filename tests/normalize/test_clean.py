"""Values that are not numbers are counted, and only controls fill them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.normalize.clean import clean_features, fill_missing


def dirty():
    frame = pd.DataFrame({"a": [1.0, np.inf, 3.0, 4.0], "b": np.nan, "c": [1.0, np.nan, 5.0, 7.0]})
    frame["Metadata_Plate"] = ["P", "P", "P", "Q"]
    frame["Metadata_Well"] = ["A01", "A02", "A03", "A01"]
    return profiles.from_frame(frame)


def test_empty_features_go_and_infinities_become_missing():
    table, ledger = clean_features(dirty())
    assert list(table.columns) == ["a", "c"]
    assert ledger["dropped"] == ["b"]
    assert (ledger["n_infinite"], ledger["n_missing"], ledger["n_rows_missing"]) == (1, 2, 1)
    assert ledger["features_missing"] == {"a": 1, "c": 1}
    assert table.index.equals(dirty().index)


def test_missing_values_take_the_median_of_their_own_plates_controls():
    table, _ = clean_features(dirty())
    filled, n = fill_missing(table, np.array([True, False, True, True]))
    assert n == 2
    np.testing.assert_array_equal(filled.iloc[1], [2.0, 3.0])


def test_what_no_control_measured_stays_missing():
    table, _ = clean_features(dirty())
    filled, n = fill_missing(table, np.array([False, True, False, False]))
    assert n == 0
    assert filled.isna().to_numpy().sum() == 2
