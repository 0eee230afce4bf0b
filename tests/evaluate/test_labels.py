"""What parts the values of a label."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.evaluate.matching.labels import find_separator, in_common, indicator_of, parted


@pytest.mark.parametrize(
    ("values", "mark"),
    [
        (["ABL1|KIT", "KIT", None], "|"),
        (["EGFR; ERBB2", "EGFR", "KIT"], ";"),
        (["EGFR;ERBB2", "TUBA;TUBB", "KIT"], ";"),
        (["a|b", "c; d", "c"], "|"),
        (["EGFR, ERBB2", "EGFR", "ERBB2", "KIT"], ","),
        (["EGFR,ERBB2", "ERBB2,KIT", "KIT, EGFR"], ","),
        (["EGFR/ERBB2", "EGFR", "ERBB2/KIT", "KIT"], "/"),
        (["EGFR and ERBB2", "EGFR", "ERBB2 and KIT", "KIT"], " and "),
        (["EGFR\nERBB2", "EGFR", "ERBB2", "KIT"], "\n"),
        (["PI3K/mTOR inhibitor", "mTOR inhibitor", "PI3K inhibitor"], ""),
        (["EGFR", "KIT", np.nan], ""),
        (["protein kinase C, alpha", "tubulin", "kinase, type 2"], ""),
        (["1,4-diazepane", "1,4-dioxane", "KIT"], ""),
        (["PI3K inhibitor, selective", "mTOR inhibitor"], ""),
        (["a note; it goes on for far longer than the name of any gene would", "KIT"], ""),
        (["only one; of them", "KIT"], ""),
        ([], ""),
    ],
)
def test_the_column_decides(values, mark):
    assert find_separator(values) == mark


def test_labels_are_parted_once_and_gaps_stay():
    found = parted(["EGFR; ERBB2", None, "EGFR", "a; b|a"], separator=";")
    assert found == ["EGFR|ERBB2", None, "EGFR", "a|b"]
    held, names = indicator_of(found)
    assert names == ["EGFR", "ERBB2", "a", "b"]
    assert held.sum(axis=1).tolist() == [2, 0, 1, 2]


def test_a_comma_between_digits_parts_nothing():
    assert parted(["1,4-diazepane, KIT"], separator=",") == ["1,4-diazepane|KIT"]


def test_labels_may_stay_whole():
    whole = parted(["a|b", "a"], separator="")
    assert indicator_of(whole)[1] == ["a", "a¦b"]


def test_rows_have_something_in_common_where_one_value_is_shared():
    labels = ["Aurora|VEGFR", "VEGFR|KIT", "HSP", np.nan]
    pairs = (np.array([0, 0, 0, 3]), np.array([1, 2, 3, 3]))
    assert in_common(labels, pairs).tolist() == [True, False, pd.NA, pd.NA]
