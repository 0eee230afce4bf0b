"""A test that takes position for effect calls controls; one that does not, does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.evaluate.activity.activity import activity
from phenolens.evaluate.activity.control_check import FEWEST_GROUPS, check_by_null
from phenolens.simulate import simulate_profiles
from phenolens.simulate.arrangements import Arrangement, arrange
from phenolens.stats.ranking import rank_against
from phenolens.words import say

NOTHING = {"treatments": 24, "features": 40, "active": 0.0}
ASK = {"same_by": profiles.TREATMENT, "permutations": 499}


def checked(table: pd.DataFrame, **options: object) -> dict:
    """Control check of label permutation."""
    control = profiles.is_control(table)
    found = activity(table, controls=control, check=True, **ASK | options)
    return found.summary["control_check"]


def test_position_is_called_on_controls_where_treatments_keep_theirs():
    fixed = {"layout": "fixed", "controls": 32, "seed": 5}
    told = checked(simulate_profiles(position_effect=2.0, **fixed, **NOTHING)[0])
    assert (told["shape"], told["wells"], told["groups"]) == ("same-position", 4, 32)
    assert told["called"] >= 16
    assert told["outcome"] == "calls-controls"
    still = checked(simulate_profiles(position_effect=0.0, **fixed, **NOTHING)[0])
    assert still["called"] <= 4
    assert still["outcome"] == "calibrated"


def test_position_is_not_called_where_treatments_are_scrambled():
    table, _ = simulate_profiles(position_effect=2.0, controls=32, seed=5, **NOTHING)
    told = checked(table)
    assert (told["shape"], told["groups"]) == ("scattered", 32)
    assert told["outcome"] == "calibrated"


def plate_of_neighbours(size: float) -> pd.DataFrame:
    """One plate whose treatments, and 64 controls in two columns, lie side by side in threes."""
    wells, _ = arrange(
        Arrangement(kind="neighbours", plates=1, replicates=3, controls="two columns", seed=1)
    )
    place = profiles.well_position(wells[profiles.WELL])
    rng = np.random.default_rng(0)
    values = rng.normal(size=(len(wells), 30))
    apart = ((place[:, None] - place[None]) ** 2).sum(axis=2)
    field = np.linalg.cholesky(np.exp(-apart / 12) + 1e-6 * np.eye(len(place)))
    values += size * field @ rng.normal(size=values.shape)
    frame = pd.concat([wells, pd.DataFrame(values).add_prefix("Cells_F_")], axis=1)
    return profiles.from_frame(frame)


def test_blocks_of_neighbouring_controls_are_called_where_neighbours_are_alike():
    told = checked(plate_of_neighbours(2.0))
    assert (told["shape"], told["groups"]) == ("neighbours", 10)
    assert told["called"] >= 5
    assert told["outcome"] == "calls-controls"
    assert "10 groups cannot certify 5 %" in say("control-check", **told).what
    still = checked(plate_of_neighbours(0.0))
    assert still["outcome"] == "too-few-groups"
    assert (told["columns"], told["columns_used"]) == (2, 24)


def test_fewer_than_nineteen_groups_certify_nothing():
    for controls, outcome in ((FEWEST_GROUPS - 1, "too-few-groups"), (FEWEST_GROUPS, "calibrated")):
        table, _ = simulate_profiles(controls=controls, seed=2, **NOTHING)
        told = checked(table)
        assert (told["groups"], told["outcome"]) == (controls, outcome)
        assert ("cannot certify" in say("control-check", **told).what) == (
            outcome == "too-few-groups"
        )


def test_what_cannot_be_grouped_or_called_is_not_possible_and_says_why():
    table, _ = simulate_profiles(controls=3, layout="fixed", seed=1, plates=2, **NOTHING)
    few = checked(table)
    assert few["outcome"] == "not-possible"
    assert few["why"] == "groups-p-too-large"
    names = [*table.index.names]
    names.remove(profiles.WELL)
    nowhere = checked(profiles.keep_metadata(table, names))
    assert nowhere["outcome"] == "not-possible" and nowhere["why"] == "no-positions-known"
    scattered, _ = simulate_profiles(controls=1, seed=1, **NOTHING)
    one = profiles.take(
        scattered,
        ~profiles.is_control(scattered) | (profiles.column(scattered, profiles.PLATE) == "P01"),
    )
    told = checked(one)
    assert told["outcome"] == "not-possible"
    assert (
        "no 4 controls lie as the wells of most treatments do" in say("control-check", **told).what
    )
    assert told["groups"] == 0 and told["share"] is None


def test_a_group_is_tested_as_a_treatment_with_its_wells_would_be():
    table, _ = simulate_profiles(controls=24, seed=4, **NOTHING)
    control = profiles.is_control(table)
    found = activity(table, controls=control, check=True, **ASK)
    names = profiles.well_names(table)
    for _, group in found.more["control_groups"].iloc[:3].iterrows():
        own = np.isin(names, group["wells"].split())
        treatment = profiles.column(table, profiles.TREATMENT).astype(object)
        treatment[own] = "a group"
        renamed = profiles.with_metadata(table, {profiles.TREATMENT: treatment})
        alone = activity(renamed, controls=control & ~own, **ASK).table
        p = alone.set_index(profiles.TREATMENT).loc["a group", "p"]
        assert p == pytest.approx(group["p"], abs=0.05)


def test_the_check_hangs_on_neither_the_order_of_rows_nor_treated_values():
    table, _ = simulate_profiles(controls=24, seed=4, **NOTHING)
    order = np.random.default_rng(0).permutation(len(table))
    moved = profiles.take(table, order)
    louder = table + 5 * (~profiles.is_control(table))[:, None]
    kept = ("shape", "groups", "called", "p_attainable", "outcome")
    told = [checked(t) for t in (table, moved, louder)]
    assert all({n: t[n] for n in kept} == {n: told[0][n] for n in kept} for t in told)


@pytest.mark.parametrize("null", ["copairs", "copairs-wells"])
def test_groups_are_tested_by_the_null_that_was_asked_for(null):
    table, _ = simulate_profiles(controls=24, seed=4, **NOTHING)
    told = checked(table, null=null, permutations=999)
    assert told["test"] == null and told["groups"] == 24


def test_positions_in_pairs_are_judged_in_pairs():
    table, _ = simulate_profiles(
        layout="fixed", controls=48, position_effect=1.5, seed=5, plates=3, **NOTHING
    )
    names = profiles.column(table, profiles.TREATMENT).astype(object)
    number = pd.Series(names).str.extract(r"(\d+)$")[0].astype(float)
    paired = np.where(number.isna(), names, "pair-" + ((number - 1) // 2).astype(str))
    table = profiles.with_metadata(table, {profiles.TREATMENT: paired})
    found = activity(table, controls=profiles.is_control(table), position_safe=True, **ASK)
    told, plain = found.summary["control_check"], found.summary["control_check_plain"]
    assert (told["wells"], told["groups"], told["test"]) == (6, 24, "position-safe")
    assert told["called"] <= 4 and told["outcome"] == "calibrated"
    assert plain["called"] >= 12 and plain["outcome"] == "calls-controls"


def test_on_noise_about_one_group_in_twenty_is_called():
    called = groups = 0
    for seed in range(60):
        table, _ = simulate_profiles(controls=20, seed=seed, plates=3, **NOTHING)
        ranking = rank_against(
            table, same_by=profiles.TREATMENT, controls=profiles.is_control(table)
        )  # fmt: skip
        told = check_by_null(
            ranking, np.empty(0), null="label-permutation", permutations=199, seed=seed
        ).summary
        called, groups = called + told["called"], groups + told["groups"]
    assert groups == 1200
    assert 0.035 <= called / groups <= 0.062


def test_a_screen_without_treatments_of_two_wells_is_not_asked():
    table, _ = simulate_profiles(controls=20, seed=1, plates=2, **NOTHING)
    ranking = rank_against(table, same_by=profiles.TREATMENT, controls=profiles.is_control(table))
    alone = replace(ranking, group=np.where(ranking.group >= 0, np.arange(len(ranking.group)), -1))
    told = check_by_null(alone, np.empty(0), null="label-permutation", permutations=99).summary
    assert (told["outcome"], told["shape"], told["wells"]) == ("not-possible", "", 0)
    assert say("control-check", **told).what.endswith("no treatment has two wells.")
