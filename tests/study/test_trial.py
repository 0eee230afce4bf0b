"""Evaluation is tried out on wells of the screen, in the numbers that it has there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.simulate import simulate_profiles
from phenolens.study import trial
from phenolens.study.trial import Tried, some_wells


@pytest.fixture
def wells():
    """Six plates of 8 treatments and 6 controls, the first treatment on plates 2, 4 and 6 only."""
    table, _ = simulate_profiles(plates=6, treatments=8, controls=6, features=2, seed=1)
    found = table.index.to_frame(index=False)
    first = found["Metadata_Treatment"][~found["Metadata_Control"]].min()
    plates = sorted(found["Metadata_Plate"].unique())
    away = found["Metadata_Treatment"].eq(first) & found["Metadata_Plate"].isin(plates[::2])
    found = found[~away].reset_index(drop=True)
    is_first = found["Metadata_Treatment"].eq(first)
    return pd.concat([found[is_first], found[~is_first]], ignore_index=True)


def test_what_comes_once_is_not_multiplied():
    assert Tried(200, once=30, each=5).seconds(2000, 3) == 30 + 5 * 3 * 10


def test_few_wells_are_all_tried(wells):
    assert len(some_wells(wells)) == len(wells)


def test_of_many_some_treatments_are_tried_with_all_their_wells_on_plates_they_share(
    wells, monkeypatch
):
    monkeypatch.setattr(trial, "WELLS", 24)
    monkeypatch.setattr(trial, "PLATES", 3)
    monkeypatch.setattr(trial, "CONTROLS", 4)
    found = some_wells(wells)
    assert len(found) <= 24
    first = wells["Metadata_Treatment"].iloc[0]
    plates = set(wells.loc[wells["Metadata_Treatment"].eq(first), "Metadata_Plate"])
    assert set(found["Metadata_Plate"]) == plates and len(plates) == 3
    controls = found[found["Metadata_Control"]]
    assert controls.groupby("Metadata_Plate").size().tolist() == [4, 4, 4]
    treated = found[~found["Metadata_Control"]]
    there = wells[wells["Metadata_Plate"].isin(plates)].groupby("Metadata_Treatment").size()
    sizes = treated.groupby("Metadata_Treatment").size()
    assert (sizes == there.loc[sizes.index]).all() and len(sizes) == 4


def test_a_screen_without_treatments_is_tried_as_it_is(wells, monkeypatch):
    monkeypatch.setattr(trial, "WELLS", 24)
    nothing = wells.assign(Metadata_Treatment=np.nan)
    assert len(some_wells(nothing)) == 24
    assert len(some_wells(wells.drop(columns="Metadata_Control"))) == 24
