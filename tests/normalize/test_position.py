"""Position effects are fitted on controls, predicted elsewhere, and never invented."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.normalize.position import (
    fit_position,
    nested_in_position,
    refuse_position_means,
    remove_position,
)


def plate_set(effect: float, *, n_plates: int = 4, seed: int = 0):
    """384-well plates, one layout, each seventh well a control; a gradient over the plate."""
    rng = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(384), 24)
    surface = effect * (np.cos(row / 5) + 0.1 * column)
    noise = rng.normal(size=(n_plates, 384, 3)) + rng.normal(size=(n_plates, 1, 3))
    values = noise + surface[None, :, None] * np.array([1.0, -1.0, 0.0])
    frame = pd.DataFrame(values.reshape(-1, 3), columns=list("abc"))
    frame["Metadata_Plate"] = np.repeat([f"P{i}" for i in range(n_plates)], 384)
    frame["Metadata_Well"] = [
        f"{chr(65 + r)}{c + 1:02d}" for r, c in zip(row, column, strict=True)
    ] * n_plates
    frame["Metadata_Treatment"] = [f"t{i}" for i in range(384)] * n_plates
    frame["Metadata_Control"] = np.tile(np.arange(384) % 7 == 0, n_plates)
    table = profiles.from_frame(frame)
    return table, profiles.column(table, "Metadata_Control").astype(bool), surface


def test_a_real_gradient_is_removed_from_wells_that_did_not_fit_it():
    table, controls, surface = plate_set(2.0)
    corrected, report = remove_position(table, controls)
    assert report["n_positions"] == 55
    assert report["n_features_corrected"] >= 2
    for name in "ab":
        means = [
            t.groupby(profiles.column(t, "Metadata_Well"))[name].mean() for t in (table, corrected)
        ]
        before, after = (np.corrcoef(m.sort_index(), surface)[0, 1] for m in means)
        assert abs(before) > 0.8
        assert abs(after) < 0.25


def test_noise_is_hardly_touched():
    table, controls, _ = plate_set(0.0)
    corrected, _ = remove_position(table, controls)
    assert np.var(corrected.to_numpy() - table.to_numpy()) < 0.05


def test_explained_is_judged_on_left_out_positions():
    model = fit_position(*plate_set(2.0)[:2])
    assert (model.explained[:2] > 0.7).all()
    assert model.explained[2] < 0.3


def test_too_few_positions_are_refused():
    table, controls, _ = plate_set(1.0)
    few = controls & np.isin(profiles.column(table, "Metadata_Well"), ["A01", "A08"])
    with pytest.raises(DesignError, match="2 position"):
        fit_position(table, few)


def test_position_means_are_refused_under_one_layout():
    table, _, _ = plate_set(1.0)
    assert nested_in_position(table) == 1.0
    with pytest.raises(DesignError, match="erase the treatment"):
        refuse_position_means(table)


def test_position_means_are_allowed_when_layouts_differ():
    table, _, _ = plate_set(1.0)
    scrambled = np.random.default_rng(0).permutation(len(table)).astype(str)
    other = profiles.with_metadata(table, {"Metadata_Treatment": scrambled})
    assert nested_in_position(other) == 0.0
    refuse_position_means(other)


def test_real_plates_lose_part_of_their_position_effect(real_data):
    files = sorted(real_data("cpjump1_profiles").glob("BR*.csv.gz"))
    frame = pd.concat([pd.read_csv(path) for path in files], ignore_index=True)
    names = [c for c in frame if not c.startswith("Metadata_")][::6]
    keys = frame[["Metadata_Plate", "Metadata_Well"]]
    keys = keys.assign(Metadata_Control=frame["Metadata_control_type"] == "negcon")
    table = profiles.from_frame(pd.concat([keys, frame[names]], axis=1))
    controls = profiles.column(table, "Metadata_Control").astype(bool)
    wells = profiles.column(table, "Metadata_Well").astype(str)
    judge = controls & np.isin(wells, np.unique(wells[controls])[::3])
    corrected, _ = remove_position(table, controls & ~judge)
    shares = [
        (part.groupby(wells[judge]).mean().var(ddof=0) / part.var(ddof=0)).mean()
        for part in (table[judge], corrected[judge])
    ]
    assert shares[1] < shares[0] - 0.02
