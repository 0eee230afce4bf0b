"""Plates that look like one measured twice are found; replicates, however alike, are not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens import profiles
from phenolens.normalize.copies import compared_plates, likely_copies, repeated_wells
from phenolens.profiles import PLATE, WELL
from phenolens.simulate import simulate_profiles


def imaged_again(table: pd.DataFrame, plate: str, *, noise: float, seed: int = 0) -> pd.DataFrame:
    """The table, and below it a plate with another gain and offset, and new noise."""
    rng = np.random.default_rng(seed)
    part = profiles.take(table, profiles.column(table, PLATE) == plate)
    values = part.to_numpy(np.float64)
    gain = np.exp(rng.normal(0, 0.3, values.shape[1]))
    seen = gain * (values + noise * rng.standard_normal(values.shape)) + rng.normal(size=len(gain))
    part = pd.DataFrame(seen.astype(np.float32), index=part.index, columns=part.columns)
    return profiles.stack([table, profiles.with_metadata(part, {PLATE: "again"})])


def pairs(table: pd.DataFrame) -> list[tuple[str, str]]:
    return [found.plates for found in likely_copies(table)]


@pytest.mark.parametrize("layout", ["fixed", "scrambled"])
@pytest.mark.parametrize("position_effect", [0.0, 0.5, 2.0])
def test_a_plate_imaged_again_is_found_and_its_replicates_are_not(layout, position_effect):
    table, _ = simulate_profiles(
        plates=3, layout=layout, position_effect=position_effect, controls=24, seed=4
    )
    assert pairs(table) == []
    assert pairs(imaged_again(table, "P02", noise=0.4)) == [("P02", "again")]


def test_two_plates_of_strong_treatments_at_fixed_positions_are_replicates():
    table, _ = simulate_profiles(
        plates=2, layout="fixed", treatments=60, active=1.0, mechanisms=30, effect=5.0,
        position_effect=1.0, controls=16, seed=2,
    )  # fmt: skip
    assert pairs(table) == []
    found = compared_plates(table, ("P01", "P02"))
    assert (found.basis, found.wells) == ("replicated", 16)
    assert found.agreement < 0.4


def test_a_plate_measured_three_times_is_three_pairs():
    table, _ = simulate_profiles(plates=2, controls=24, seed=5)
    thrice = imaged_again(table, "P01", noise=0.3)
    last = imaged_again(table, "P01", noise=0.3, seed=1)
    last = profiles.take(last, profiles.column(last, PLATE) == "again")
    thrice = profiles.stack([thrice, profiles.with_metadata(last, {PLATE: "third"})])
    assert pairs(thrice) == [("P01", "again"), ("P01", "third"), ("again", "third")]


def test_the_same_plate_with_another_plate_map_is_found_all_the_same():
    """Wells whose treatments differ have no treatment to share."""
    table, _ = simulate_profiles(plates=2, layout="scrambled", controls=8, seed=6)
    table = imaged_again(table, "P01", noise=0.3)
    names = profiles.metadata(table)
    again = (names[PLATE] == "again").to_numpy()
    names.loc[again, "Metadata_Treatment"] = np.roll(names.loc[again, "Metadata_Treatment"], 7)
    names.loc[again, "Metadata_Control"] = names.loc[again, "Metadata_Treatment"] == "DMSO"
    table = profiles.with_metadata(table, names.to_dict("series"))
    assert pairs(table) == [("P01", "again")]
    assert likely_copies(table)[0].basis == "elsewhere"


def test_a_plate_without_any_label_is_compared_as_a_whole():
    table, _ = simulate_profiles(plates=2, seed=7)
    bare = profiles.keep_metadata(imaged_again(table, "P01", noise=0.2), [PLATE, WELL])
    (found,) = likely_copies(bare)
    assert (found.plates, found.basis) == (("P01", "again"), "wells")


def test_where_nothing_can_tell_nothing_is_said():
    table, _ = simulate_profiles(plates=2, treatments=3, controls=2, layout="fixed", seed=1)
    assert compared_plates(table, ("P01", "P02")) is None
    assert pairs(imaged_again(table, "P01", noise=0.0)) == []
    few, _ = simulate_profiles(plates=2, features=6, seed=1)
    assert pairs(imaged_again(few, "P01", noise=0.1)) == []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["scale", "order", "both"]))
def test_neither_the_scale_of_features_nor_the_order_of_rows_matters(seed, what):
    table, _ = simulate_profiles(plates=2, treatments=20, controls=16, features=40, seed=seed)
    table = imaged_again(table, "P01", noise=0.4, seed=seed)
    rng = np.random.default_rng(seed)
    changed = table
    if what != "order":
        changed = changed * np.exp(rng.normal(0, 2, table.shape[1])).astype(np.float32)
    if what != "scale":
        changed = profiles.take(changed, rng.permutation(len(changed)))
    assert pairs(changed) == pairs(table) == [("P01", "again")]


def test_equal_wells_are_named_together_and_wells_without_content_are_not():
    table, _ = simulate_profiles(plates=2, seed=3)
    values = table.to_numpy().copy()
    values[5] = values[70]
    values[[10, 20, 30]] = 0.0
    table = pd.DataFrame(values, index=table.index, columns=table.columns)
    names = profiles.well_names(table)
    assert repeated_wells(table) == [(names[5], names[70])]
    assert pairs(table) == []


def test_a_plate_of_equal_values_is_one_pair_not_fifty_wells():
    table, _ = simulate_profiles(plates=2, seed=3)
    part = profiles.take(table, profiles.column(table, PLATE) == "P01")
    twice = profiles.stack([table, profiles.with_metadata(part, {PLATE: "P03"})])
    (found,) = likely_copies(twice)
    assert (found.plates, found.basis, found.wells) == (("P01", "P03"), "identical", len(part))


def test_replicates_of_real_plates_are_none_but_where_a_network_learned_on_two(real_data):
    folder = real_data("cpjump1_profiles")
    told = {}
    for kind in ("BR*_normalized_feature_select_negcon_batch.csv.gz", "MLP_profiles_plate*.csv"):
        frame = pd.concat([pd.read_csv(path) for path in sorted(folder.glob(kind))])
        keys = frame[[PLATE, WELL]].assign(
            Metadata_Treatment=frame["Metadata_broad_sample"].fillna("DMSO"),
            Metadata_Control=frame["Metadata_broad_sample"].isna(),
        )
        features = frame[[name for name in frame if not name.startswith("Metadata_")]]
        told[kind[:2]] = pairs(profiles.from_frame(pd.concat([keys, features], axis=1)))
    assert told == {"BR": [], "ML": [("BR00117010", "BR00117011")]}
