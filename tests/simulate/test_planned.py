"""Profiles of a planned layout hold the effects that were asked for, and nothing else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL, row_letters
from phenolens.simulate.planned import SHIFTED, SimulatedBackground, simulate_planned


@pytest.fixture
def wells() -> pd.DataFrame:
    rows = [
        (f"P{plate}", f"{row_letters(k // 12)}{k % 12 + 1:02d}", ("DMSO", "a", "b", "c")[k % 4])
        for plate in range(4)
        for k in range(96)
    ]
    frame = pd.DataFrame(rows, columns=[PLATE, WELL, TREATMENT])
    return frame.assign(**{CONTROL: frame[TREATMENT] == "DMSO"})


def test_effects_are_those_asked_for(wells):
    plain = SimulatedBackground(features=400, plate_effect=0, position_effect=0)
    effects = pd.Series({"a": 0.0, "b": 2.0})
    rng = np.random.default_rng(0)
    table = simulate_planned(wells, effects, background=plain, rng=rng)
    assert table.shape == (384, 400)
    mean = table.groupby(level=TREATMENT).mean()
    scatter = np.sqrt(2 / 96)
    assert (mean.loc["a"] - mean.loc["DMSO"]).std() == pytest.approx(scatter, rel=0.3)
    assert (mean.loc["c"] - mean.loc["DMSO"]).std() == pytest.approx(scatter, rel=0.3)
    shift = mean.loc["b"] - mean.loc["DMSO"]
    assert (shift.abs() > 0.5).mean() == pytest.approx(SHIFTED * 0.8, abs=0.05)
    assert shift[shift.abs() > 0.5].std() == pytest.approx(2.0, rel=0.25)


def test_nuisances_are_switched_on_one_by_one(wells):
    def spread(by: str, **given: float) -> float:
        quiet = {"plate_effect": 0.0, "position_effect": 0.0}
        background = SimulatedBackground(**quiet | given)
        rng = np.random.default_rng(1)
        table = simulate_planned(wells, pd.Series(dtype=float), background=background, rng=rng)
        return float(table.groupby(level=by).mean().to_numpy().std())

    assert spread(PLATE, plate_effect=1.0) > 3 * spread(PLATE)
    assert spread(WELL, position_effect=1.0) > 1.5 * spread(WELL)
