"""Spellings of vehicles and of untreated wells."""

from __future__ import annotations

import pytest

from phenolens.vehicles import vehicle_name, vehicle_names


@pytest.mark.parametrize(
    ("known", "spellings"),
    [
        (
            "DMSO",
            "dmso|DMSO|Dmso |DMSO 0.1%|DMSO 0,1 %|0.1% DMSO|DMSO (0.5 %)|DMSO_0.1%|DMSO-control|"
            "Dimethyl sulfoxide|dimethylsulphoxide|vehicle (DMSO)|0.1% (v/v) DMSO",
        ),
        ("vehicle", "vehicle|Vehicle|Vehicle control"),
        ("mock", "mock|Mock|mock-treated|Mock control"),
        ("untreated", "untreated|Untreated|non-treated|no treatment|UNTREATED control"),
        ("negative control", "negcon|neg_control|Negative Control|NegCtrl"),
        ("non-targeting", "non-targeting|Nontargeting_3|NTC|siNTC|non-targeting sgRNA 2|scramble"),
        ("", "taxol|DMSO-d6|control|dmso and taxol|mockingbird|untreatable||nan|vehicle 7b"),
    ],
)
def test_every_spelling_has_one_name(known, spellings):
    assert {vehicle_name(name) for name in spellings.split("|")} == {known}


def test_what_is_no_text_is_no_vehicle():
    assert [vehicle_name(value) for value in (None, 3, float("nan"))] == ["", "", ""]


def test_one_share_of_dmso_is_the_vehicle_and_a_series_of_them_is_not():
    assert vehicle_names(["DMSO 0.1%", "dmso", "taxol"]) == {"DMSO 0.1%": "DMSO", "dmso": "DMSO"}
    assert vehicle_names(["DMSO 0.1%", "DMSO 5%", "dmso", "mock"]) == {
        "dmso": "DMSO",
        "mock": "mock",
    }
