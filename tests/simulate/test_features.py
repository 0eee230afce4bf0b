"""Simulated profiles: planted shifts, nuisances that can be found, and layouts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import DesignError
from phenolens.profiles import column, metadata
from phenolens.simulate import simulate_profiles
from phenolens.simulate.features import ProfileDesign


def quiet(**settings):
    """Profiles without any nuisance."""
    return simulate_profiles(
        ProfileDesign(**{"plate_effect": 0.0, "batch_effect": 0.0, "correlation": 0.0} | settings)
    )


def group_mean(table: pd.DataFrame, mask: np.ndarray) -> np.ndarray:
    return table.to_numpy()[mask].mean(axis=0)


def test_shape_keys_and_dtype():
    table, truth = simulate_profiles(plates=3, treatments=10, controls=6, features=40, seed=1)
    assert table.shape == (48, 40)
    assert (table.dtypes == np.float32).all()
    keys = metadata(table)
    assert not keys.duplicated(["Metadata_Plate", "Metadata_Well"]).any()
    assert keys["Metadata_Control"].dtype == bool
    assert (keys.loc[keys["Metadata_Control"], "Metadata_Treatment"] == "DMSO").all()
    assert set(keys.loc[~keys["Metadata_Control"], "Metadata_Treatment"]) == set(truth["treatment"])


def test_same_seed_same_table():
    one, two = simulate_profiles(seed=4)[0], simulate_profiles(seed=4)[0]
    pd.testing.assert_frame_equal(one, two)
    assert not np.array_equal(one, simulate_profiles(seed=5)[0])


def test_active_treatments_move_by_the_planted_length_and_others_do_not():
    table, truth = quiet(plates=60, treatments=12, features=100, effect=2.0)
    names = column(table, "Metadata_Treatment")
    control = group_mean(table, names == "DMSO")
    for row in truth.itertuples():
        moved = np.linalg.norm(group_mean(table, names == row.treatment) - control)
        assert moved == pytest.approx(row.effect, abs=2.2)
        assert row.active == (row.effect > 0)


def test_treatments_of_one_mechanism_share_their_direction():
    table, truth = quiet(plates=30, treatments=8, active=1.0, mechanisms=2, effect=2.0)
    names = column(table, "Metadata_Treatment")
    means = np.stack([group_mean(table, names == name) for name in truth["treatment"]])
    alike = np.corrcoef(means)
    same = truth["mechanism"].to_numpy()[:, None] == truth["mechanism"].to_numpy()[None, :]
    assert alike[same].min() > alike[~same].max()


def test_share_of_shifted_features():
    _, truth = quiet(features=2000, shifted=0.25, active=1.0)
    assert truth["n_shifted"].mean() / 2000 == pytest.approx(0.25, abs=0.03)


def test_toxic_wells_lose_half_their_cells():
    table, truth = quiet(plates=20, toxic=0.5, treatments=10)
    toxic = np.isin(column(table, "Metadata_Treatment"), truth.loc[truth["toxic"], "treatment"])
    count = column(table, "Metadata_CellCount")
    ratio = np.median(count[toxic]) / np.median(count[column(table, "Metadata_Control")])
    assert ratio == pytest.approx(0.5, abs=0.04)


def test_cell_count_confounds_features_when_asked():
    def largest(count_effect: float) -> float:
        table, _ = quiet(plates=30, active=0.0, count_effect=count_effect, features=50)
        count = np.log(column(table, "Metadata_CellCount"))
        return np.abs(np.corrcoef(count, table.to_numpy().T)[0, 1:]).max()

    assert largest(1.0) > 0.7
    assert largest(0.0) < 0.2


def test_position_effect_makes_same_wells_alike_in_a_null_screen():
    def same_well(position_effect: float) -> float:
        table, _ = quiet(plates=2, active=0.0, position_effect=position_effect, layout="fixed")
        first, second = np.split(table.to_numpy(), 2)
        alike = np.corrcoef(first, second)[: len(first), len(first) :]
        return np.diag(alike).mean() - alike.mean()

    assert same_well(2.0) > 0.3
    assert abs(same_well(0.0)) < 0.05


@pytest.mark.parametrize(("layout", "places"), [("fixed", 1), ("scrambled", 4)])
def test_layouts(layout, places):
    keys = metadata(simulate_profiles(plates=4, layout=layout, treatments=60)[0])
    treated = keys[~keys["Metadata_Control"]]
    n = treated.groupby("Metadata_Treatment")["Metadata_Well"].nunique()
    assert n.max() == places
    assert n.mean() > 0.9 * places


def test_plate_and_batch_shift_whole_plates():
    table, _ = simulate_profiles(
        plates=4, batches=2, active=0.0, plate_effect=0.0, batch_effect=2.0, controls=40
    )
    batch = column(table, "Metadata_Batch")
    shift = group_mean(table, batch == "Batch1") - group_mean(table, batch == "Batch2")
    assert np.std(shift) == pytest.approx(2.0 * np.sqrt(2), rel=0.25)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"plates": 0}, "plates"),
        ({"shifted": 1.5}, "shifted"),
        ({"layout": "sorted"}, "layout"),
        ({"treatments": 2000}, "1536"),
    ],
)
def test_impossible_settings_are_refused(settings, word):
    with pytest.raises(DesignError, match=word):
        simulate_profiles(**settings)
