"""Treatments, best first, with what to doubt of each as codes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import words
from phenolens.answers.treatments import OWN, common_doubts, doubts_of, treatments


def activity(**columns: object) -> pd.DataFrame:
    rows = pd.DataFrame(
        {
            "Metadata_Treatment": ["a", "b", "c"], "q": [0.04, 0.01, np.nan], "n": [4, 4, 0],
            "map_normalized": [0.5, 0.9, np.nan], "active": pd.array([True, True, None], "boolean"),
            "cell_count_ratio": [1.0, 0.3, 1.0], "note": ["", "", "one-well-only"], "wells": 4,
        }
    )  # fmt: skip
    return rows.assign(**columns)


def test_the_smallest_q_comes_first_and_what_was_not_tested_last():
    found = treatments(activity())
    assert [one.name for one in found] == ["b", "a", "c"]
    assert [one.active for one in found] == [True, True, False]
    assert [one.tested for one in found] == [True, True, False]


def test_ties_are_ordered_by_how_well_wells_find_one_another():
    found = treatments(activity(q=0.04, map_normalized=[0.5, 0.5, 0.8], map_plain=[0.1, 0.2, 0.0]))
    assert [one.name for one in found] == ["c", "b", "a"]


def test_neighbours_and_features_are_the_first_few_in_their_order():
    names = [f"t{k}" for k in range(6)]
    near = pd.DataFrame(
        {"Metadata_Treatment": "a", "neighbour": names, "rank": [6, 5, 4, 3, 2, 1], "cosine": 0.5}
    )
    moved = pd.DataFrame(
        {"Metadata_Treatment": "a", "feature": names, "rank": [1, 2, 3, 4, 5, 6], "effect": -2.0,
         "representation": "cellprofiler"}
    )  # fmt: skip
    others = moved.assign(representation="other", feature="never")
    found = {
        one.name: one
        for one in treatments(activity(), similarity=near, features=pd.concat([moved, others]))
    }
    assert [name for name, _ in found["a"].neighbours] == ["t5", "t4", "t3"]
    assert found["a"].features == tuple((name, -2.0) for name in names[:5])
    assert found["b"].neighbours == found["b"].features == ()


def test_doubts_are_codes_of_the_row():
    doubts = {one.name: one.doubts for one in treatments(activity(n=[2, 4, 0]))}
    assert doubts == {
        "a": ("few-wells-compared",), "b": ("few-cells-left",), "c": ("one-well-only",)
    }  # fmt: skip
    assert doubts_of({"note": "controls-reused pixels-seen", "active": False, "n": 4}) == []


def test_only_doubts_that_are_the_same_for_all_are_common():
    notes = ["position-not-separated one-well-only"] * 3
    found = treatments(activity(note=notes))
    assert common_doubts(found) == ["position-not-separated"]
    assert common_doubts(found[:1]) == []


@pytest.mark.parametrize("code", sorted(OWN))
def test_every_doubt_of_one_treatment_has_words(code):
    assert code in words.known()


def test_no_table_gives_no_treatment():
    assert treatments(None) == []
