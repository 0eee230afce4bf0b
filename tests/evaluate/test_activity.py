from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.activity.activity import activity
from phenolens.stats.summary import summarize

from .screens import IS_CONTROL, screen

ASK = {"same_by": profiles.TREATMENT, "controls": IS_CONTROL, "within": profiles.PLATE}


def test_planted_perturbations_are_found_and_the_others_not() -> None:
    found = activity(screen(active=3, shift=2.0), permutations=2000, **ASK)
    result = found.table
    assert list(result[profiles.TREATMENT]) == [f"drug{k:02d}" for k in range(6)]
    assert (result["q"][:3] < 0.05).all() and (result["q"][3:] > 0.05).all()
    assert (result["map"][:3] > 0.9).all()
    assert (result["low"] <= result["map"]).all() and (result["map"] <= result["high"]).all()
    assert found.summary["fraction_retrieved"] == 0.5
    assert found.more == {}


def test_p_is_uniform_in_noise() -> None:
    p = [
        activity(screen(perturbations=1, seed=seed), permutations=199, **ASK).table["p"][0]
        for seed in range(300)
    ]
    assert kstest(p, "uniform").pvalue > 0.01
    assert 0.02 < np.mean(np.array(p) <= 0.05) < 0.09


def test_rows_in_any_order_give_the_same_table() -> None:
    table = screen(active=1, shift=1.0)
    mixed = profiles.take(table, np.random.default_rng(0).permutation(len(table)))
    found, again = (activity(rows, permutations=500, **ASK) for rows in (table, mixed))
    pd.testing.assert_frame_equal(found.table, again.table)
    assert found.summary == again.summary


def test_a_p_does_not_depend_on_what_else_is_in_the_table() -> None:
    table = screen(active=2, shift=1.0)
    name = profiles.column(table, profiles.TREATMENT)
    part = profiles.take(table, pd.isna(name) | (name == "drug01"))
    whole = activity(table, permutations=500, **ASK).table.set_index(profiles.TREATMENT)
    alone = activity(part, permutations=500, **ASK).table
    assert alone["p"][0] == whole.loc["drug01", "p"]


def test_few_wells_are_enumerated_and_the_floor_is_stated() -> None:
    table = screen(perturbations=1, plates=2, controls=3, active=1, shift=50.0)
    found = activity(table, **ASK)
    result = found.table
    assert result["p_attainable"][0] == 1 / 16
    assert result["p"][0] >= 1 / 16
    assert found.summary["can_reject"] is False


def test_one_treatment_with_few_wells_does_not_say_that_none_can_be_named() -> None:
    p = np.r_[np.full(9, 0.001), 1 / 15]
    floor = np.r_[np.full(9, 0.001), 1 / 15]
    told = summarize(pd.DataFrame({"p": p, "q": p, "map": 1.0, "map_normalized": 1.0,
                                   "p_attainable": floor}))  # fmt: skip
    assert told["can_reject"] and told["tests_needed_at_floor"] == 1
    assert told["p_attainable"] == 0.001


@pytest.mark.parametrize("references", ["controls", "others"])
def test_both_kinds_of_references_find_the_planted(references: str) -> None:
    table = screen(perturbations=12, active=3, shift=3.0)
    result = activity(table, references=references, permutations=1000, **ASK).table
    assert (result["p"][:3] < 0.01).all()


def test_positives_of_another_plate_only() -> None:
    table = screen(active=1, shift=2.0)
    result = activity(table, diff_by=profiles.PLATE, permutations=500, **ASK).table
    assert result["map"][0] > 0.9


def test_compatibility_mode_is_copairs(tmp_path: Path) -> None:
    from copairs.map import average_precision, mean_average_precision

    table = screen(perturbations=10, active=5, shift=0.8)
    meta, values = profiles.metadata(table), table.to_numpy().astype(float)
    meta["role"] = meta[profiles.CONTROL].map({True: -1, False: 0})
    name, plate = profiles.TREATMENT, profiles.PLATE
    meta[name] = meta[name].fillna("dmso")
    ap = average_precision(meta, values, [name], [], [plate], ["role"], progress_bar=False)
    ap = ap[ap["role"] == 0]
    peer = mean_average_precision(
        ap, [name], 20_000, 0.05, 0, progress_bar=False, cache_dir=tmp_path
    )
    ours = activity(table, null="copairs", permutations=20_000, **ASK).table
    np.testing.assert_allclose(ours["map"], peer["mean_average_precision"], atol=1e-6)
    np.testing.assert_allclose(ours["p"], peer["p_value"], atol=0.015)


def _with(table: pd.DataFrame, value: float, *, row: int = 0) -> pd.DataFrame:
    changed = table.copy()
    changed.iloc[row, 0] = value
    return changed


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_well_that_misses_a_value_is_left_out_and_counted(value: float) -> None:
    found = activity(_with(screen(), value), permutations=100, **ASK)
    assert found.table["n"][0] == 3
    assert found.summary["excluded"] == {"wells with a missing or infinite feature": 1}


def test_useless_features_and_zero_vectors_are_left_out_and_counted() -> None:
    table = screen().assign(Cells_Flat=1.0, Cells_Gone=np.nan)
    table.iloc[7, :-2] = 0.0
    found = activity(table, permutations=100, **ASK)
    assert found.summary["excluded"] == {
        "features missing in more than 5% of wells": 1,
        "constant features": 1,
        "wells with a zero vector": 1,
    }


def test_one_well_and_no_controls_on_a_plate_are_counted() -> None:
    table = screen()
    name, plate = profiles.column(table, profiles.TREATMENT), profiles.column(table, profiles.PLATE)
    single = (name == "drug00") & (plate != "P0")
    bare = (plate == "P3") & pd.isna(name)
    found = activity(profiles.take(table, ~(single | bare)), permutations=100, **ASK)
    assert "drug00" not in set(found.table[profiles.TREATMENT])
    assert set(found.table["n"]) == {3}
    left_out = found.summary["excluded"]
    assert left_out["wells without a reference to compare with"] == 5
    assert left_out["wells without a replicate"] == 1


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"controls": "Metadata_Control == 'x'"}, InputError, "match none"),
        ({"controls": "nonsense =="}, InputError, "cannot be evaluated"),
        ({"controls": np.ones(3, bool)}, InputError, "booleans"),
        ({"same_by": "Metadata_Nothing"}, InputError, "Metadata_Nothing"),
        ({"same_by": []}, InputError, "same_by"),
        ({"same_by": profiles.WELL_KEY}, DesignError, "No perturbation"),
        ({"null": "guess"}, InputError, "guess"),
        ({"references": "some"}, InputError, "some"),
        ({"similarity": "l7"}, InputError, "l7"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line(change, error, words) -> None:
    with pytest.raises(error, match=words) as raised:
        activity(screen(), **(ASK | change))
    assert "\n" not in str(raised.value)


def test_rows_that_repeat_a_well_are_refused() -> None:
    table = screen()
    with pytest.raises(InputError, match="repeat a well"):
        activity(profiles.take(table, np.r_[np.arange(len(table)), 0]), **ASK)


def test_strings_among_features_are_refused() -> None:
    table = screen()
    table["Cells_Text"] = "a"
    with pytest.raises(InputError, match="Cells_Text"):
        activity(table, **ASK)


def test_copies_of_a_profile_are_counted() -> None:
    table = screen()
    assert activity(table, null="none", **ASK).summary["repeated_profiles"] == 0
    table.iloc[3] = table.iloc[9]
    assert activity(table, null="none", **ASK).summary["repeated_profiles"] == 1


def test_a_treatment_on_too_many_plates_is_left_out_and_the_others_are_tested(monkeypatch) -> None:
    table = screen(plates=8)
    names = profiles.column(table, profiles.TREATMENT)
    plate = profiles.column(table, profiles.PLATE)
    few = np.isin(plate, ["P0", "P1"]) | (names == "drug05") | pd.isna(names)
    table = profiles.take(table, few)  # drug05 on all plates, the others on two
    ask = ASK | {"within": None, "strata": profiles.PLATE, "permutations": 50}
    whole = activity(table, **ask).table
    monkeypatch.setattr("phenolens.stats.label_permutation.POOL_LIMIT", 60)
    found = activity(table, **ask).table
    assert np.isnan(found["p"].iloc[5]) and found["map"].notna().all()
    pd.testing.assert_frame_equal(found.iloc[:5, :-1], whole.iloc[:5, :-1])
    monkeypatch.setattr("phenolens.stats.label_permutation.POOL_LIMIT", 10)
    with pytest.raises(DesignError, match="96 references compete at once, more than 10"):
        activity(table, **ask)
