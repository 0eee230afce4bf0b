from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.activity.dose import dose_response, rising_curve
from phenolens.stats.distance import activity_distance

DOSES = (0.01, 0.1, 1.0, 10.0, 100.0)
CONTROLS = f"{profiles.CONTROL} == True"


def series(*, seed: int = 0, half: float = 1.0, top: float = 12.0) -> pd.DataFrame:
    """Three plates with controls, one active compound, one dead dose-killer, one inactive."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=20)
    rows, values = [], []
    for plate in range(3):
        wells = [("", 0.0)] * 20 + [(c, d) for c in ("active", "none", "toxic") for d in DOSES]
        for k, (name, dose) in enumerate(wells):
            rise = top * dose / (dose + half) if name in ("active", "toxic") else 0.0
            cells = 1000 * (1 - (0.9 * dose / (dose + 0.05) if name == "toxic" else 0.0))
            rows.append((f"P{plate}", f"{'ABC'[k // 12]}{k % 12 + 1:02d}", name or None,
                         dose, not name, cells + rng.normal() * 20))  # fmt: skip
            values.append(rng.normal(size=20) + rise * direction / np.linalg.norm(direction))
    names = [profiles.PLATE, profiles.WELL, profiles.COMPOUND, profiles.CONCENTRATION,
             profiles.CONTROL, profiles.CELL_COUNT]  # fmt: skip
    keys = pd.DataFrame(rows, columns=names)
    return profiles.from_frame(pd.concat([keys, pd.DataFrame(values).add_prefix("f")], axis=1))


def _ask(table: pd.DataFrame, **change) -> pd.DataFrame:
    result = dose_response(table, same_by=profiles.COMPOUND, controls=CONTROLS, **change)
    return result.table.set_index(profiles.COMPOUND)


def test_inactive_wells_are_as_far_as_controls() -> None:
    """Mean over screens: an inactive well must not look far because controls gave the axes."""
    found = []
    for seed in range(20):
        wells = activity_distance(series(seed=seed), controls=CONTROLS)
        found.append(wells.loc[wells[profiles.COMPOUND] == "none", "distance"].mean())
    assert abs(np.mean(found)) < 3 * np.std(found, ddof=1) / np.sqrt(20) + 0.1


def test_active_compound_has_a_benchmark_dose_and_the_inactive_none() -> None:
    result = _ask(series())
    active = result.loc["active"]
    assert 0.05 < active["low"] <= active["benchmark_dose"] <= active["high"] < 10
    assert active["rho"] > 0.7 and active["q"] < 0.05
    assert np.isinf(result.loc["none", "benchmark_dose"]) and result.loc["none", "p"] > 0.01
    assert result.loc["none", "order"] == "inactive"


def test_loss_of_cells_is_told_before_or_after_activity() -> None:
    result = _ask(series())
    assert result.loc["active", "order"] == "no cell loss"
    assert result.loc["toxic", "order"] == "cells first"
    assert result.loc["toxic", "cell_loss_dose"] < result.loc["toxic", "benchmark_dose"]
    names = [n for n in series().index.names if n != profiles.CELL_COUNT]
    assert (
        _ask(profiles.keep_metadata(series(), names)).loc["toxic", "order"] == "cells not counted"
    )


def test_compounds_with_few_doses_are_left_out_and_counted() -> None:
    table = series()
    dose, name = (profiles.column(table, c) for c in (profiles.CONCENTRATION, profiles.COMPOUND))
    part = profiles.take(table, (name != "none") | (dose <= 0.1))
    found = dose_response(part, same_by=profiles.COMPOUND, controls=CONTROLS, resamples=20)
    assert list(found.table[profiles.COMPOUND]) == ["active", "toxic"]
    assert found.summary == {"excluded": {"compounds with fewer than three doses": 1}}


def test_curve_never_falls_and_crosses_where_it_should() -> None:
    curve = rising_curve(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 2.0, 1.0, 4.0]))
    np.testing.assert_allclose(curve.level, [0, 1.5, 1.5, 4])
    assert curve.crossing(1.0) == pytest.approx(2 / 3)
    assert curve.crossing(-1.0) == 0.0
    assert np.isnan(curve.crossing(5.0))


def test_monotonicity_p_is_uniform_without_effect() -> None:
    p = [_ask(series(seed=s), resamples=2, permutations=199).loc["none", "p"] for s in range(60)]
    assert 0.3 < np.mean(p) < 0.7
    assert np.mean(np.array(p) <= 0.05) < 0.15


def test_what_cannot_be_asked_is_refused() -> None:
    table = series()
    with pytest.raises(InputError, match="Metadata_Dose"):
        _ask(table, dose="Metadata_Dose")
    with pytest.raises(InputError, match="Metadata_Cells"):
        _ask(table, cell_count="Metadata_Cells")
    few = profiles.take(table, profiles.column(table, profiles.CONCENTRATION) < 1.0)
    with pytest.raises(DesignError, match="3 positive doses"):
        _ask(few)
    bare = profiles.take(table, profiles.column(table, profiles.CONCENTRATION) > 0)
    with pytest.raises(InputError, match="match none"):
        _ask(bare)
