"""Position effects are fitted on controls, predicted elsewhere, and never invented."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.normalize.position import remove_position


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
    return table, profiles.column(table, "Metadata_Control").astype(bool)


def test_a_real_gradient_is_removed_from_wells_that_did_not_fit_it():
    table, controls = plate_set(2.0)
    corrected, report = remove_position(table, controls)
    assert report["n_positions"] == 55
    wells = profiles.column(table, "Metadata_Well").astype(str)
    before, after = (part.groupby(wells).mean().var() for part in (table, corrected))
    excess = (after - before["c"]) / (before - before["c"])
    assert (excess[["a", "b"]] < 0.15).all()
    assert abs(after["c"] - before["c"]) < 0.1 * before["c"]


def test_noise_is_hardly_touched():
    table, controls = plate_set(0.0)
    corrected, report = remove_position(table, controls)
    assert np.var(corrected.to_numpy() - table.to_numpy()) < 0.05
    assert report["trust"] <= 0.1


def test_what_was_removed_is_said():
    _, bent = remove_position(*plate_set(2.0))
    _, flat = remove_position(*plate_set(0.0))
    assert bent["trust"] > 0.1
    assert bent["share"] > 0.4 > 0.15 > flat["share"]
    assert bent["farthest"] == 2  # every seventh well, row by row


def test_a_treatment_that_keeps_its_position_keeps_its_effect():
    table, controls = plate_set(2.0)
    wells = profiles.column(table, "Metadata_Well").astype(str)
    shifted = table + 5.0 * np.isin(wells, ["C05", "G12"])[:, None].astype(np.float32)
    without, _ = remove_position(table, controls)
    corrected, _ = remove_position(shifted, controls)
    np.testing.assert_allclose(corrected - without, shifted - table, atol=1e-5)


def test_too_few_positions_are_refused():
    table, controls = plate_set(1.0)
    few = controls & np.isin(profiles.column(table, "Metadata_Well"), ["A01", "A08"])
    with pytest.raises(DesignError, match="there are 2"):
        remove_position(table, few)


def test_a_missing_value_of_a_control_counts_as_its_plate_s_mean():
    table, controls = plate_set(1.0)
    first = np.flatnonzero(controls)[0]
    holes, filled = table.copy(), table.copy()
    holes.iloc[first, 0] = np.nan
    own = controls & (profiles.column(table, "Metadata_Plate") == "P0")
    own[first] = False
    filled.iloc[first, 0] = table["a"].to_numpy(np.float64)[own].mean().astype(np.float32)
    left, right = (remove_position(part, controls)[0].iloc[1:] for part in (holes, filled))
    np.testing.assert_allclose(left, right, atol=1e-5)


def test_real_plates_lose_part_of_their_position_effect(real_data):
    files = sorted(real_data("cpjump1_profiles").glob("BR*.csv.gz"))
    frame = pd.concat([pd.read_csv(path) for path in files], ignore_index=True)
    names = [c for c in frame if not c.startswith("Metadata_")][::6]
    keys = frame[["Metadata_Plate", "Metadata_Well"]]
    keys = keys.assign(Metadata_Control=frame["Metadata_control_type"] == "negcon")
    table = profiles.from_frame(pd.concat([keys, frame[names]], axis=1))
    controls = profiles.column(table, "Metadata_Control").astype(bool)
    wells = profiles.column(table, "Metadata_Well").astype(str)
    held_out = controls & np.isin(wells, np.unique(wells[controls])[::3])
    corrected, _ = remove_position(table, controls & ~held_out)
    shares = [
        (part.groupby(wells[held_out]).mean().var(ddof=0) / part.var(ddof=0)).mean()
        for part in (table[held_out], corrected[held_out])
    ]
    assert shares[1] < shares[0] - 0.05
