from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.activity.activity import activity
from phenolens.evaluate.activity.position_null import PlacedWells, position_folds
from phenolens.normalize.position import fit_position, ring
from phenolens.stats.metric import metric

ROWS, COLUMNS = 8, 12
CELLS = np.array([(r, c) for r in range(ROWS) for c in range(COLUMNS)])


def plates(
    *, surface: float = 0.0, active: int = 0, shift: float = 0.0, seed: int = 0, plates: int = 3
) -> pd.DataFrame:
    """Plates of one layout: every third well is a control, the others hold one drug each."""
    rng = np.random.default_rng(seed)
    control = np.arange(len(CELLS)) % 3 == 0
    edge = np.exp(-ring(CELLS, (ROWS, COLUMNS)))
    field = surface * (
        np.outer(edge, rng.normal(size=30)) + np.outer(CELLS[:, 0] / 4 - 1, rng.normal(size=30))
    )
    effect = np.zeros((len(CELLS), 30))
    drugs = np.flatnonzero(~control)
    effect[drugs[:active]] = shift * rng.normal(size=(active, 30))
    parts = []
    for plate in range(plates):
        values = field + effect + rng.normal(size=(len(CELLS), 30)) + rng.normal(size=30)
        keys = pd.DataFrame(
            {
                profiles.PLATE: f"P{plate}",
                profiles.WELL: [f"{profiles.row_letters(r)}{c + 1:02d}" for r, c in CELLS],
                profiles.TREATMENT: [None if c else f"d{k:02d}" for k, c in enumerate(control)],
                profiles.CONTROL: control,
            }
        )
        parts.append(pd.concat([keys, pd.DataFrame(values).add_prefix("Cells_F_")], axis=1))
    return profiles.from_frame(pd.concat(parts, ignore_index=True))


ASK = {
    "same_by": profiles.TREATMENT,
    "controls": f"{profiles.CONTROL} == True",
    "permutations": 500,
}


def test_position_alone_is_not_called_active() -> None:
    table = plates(surface=2.5)
    plain = activity(table, **ASK).table
    found = activity(table, position_safe=True, **ASK)
    safe = found.table
    assert (plain["p"] < 0.05).mean() > 0.3
    assert (safe["p"] < 0.05).mean() <= 0.1
    assert (safe["p_smooth"] < 0.05).mean() <= 0.1
    type_1 = found.summary["type_1"]
    assert type_1["at_label_permutation"]["share"] > 0.3
    assert type_1["at_position_null"]["share"] <= 0.1
    assert type_1["at_position_null"]["tested"] == 32


def test_the_held_out_positions_are_those_the_type_1_error_counts() -> None:
    found = activity(plates(surface=2.5), position_safe=True, **ASK)
    held_out, type_1 = found.more["held_out"], found.summary["type_1"]
    control = np.arange(len(CELLS)) % 3 == 0
    wells = {f"{profiles.row_letters(r)}{c + 1:02d}" for r, c in CELLS[control]}
    assert set(held_out["position"]) == wells
    assert len(held_out) == len(wells)
    for column, name in (("p", "at_position_null"), ("p_plain", "at_label_permutation")):
        assert (held_out[column] < 0.05).sum() == type_1[name]["called"]


def test_effects_are_still_found_on_plates_with_position() -> None:
    safe = activity(plates(surface=1.5, active=16, shift=3.0), position_safe=True, **ASK).table
    active = safe[profiles.TREATMENT] < sorted(safe[profiles.TREATMENT])[16]
    assert (safe["p"][active] < 0.05).mean() > 0.8
    assert (safe["q_smooth"][active] < 0.05).mean() > 0.8
    assert (safe["q_smooth"][~active] < 0.05).mean() < 0.1


def test_floor_and_whether_anything_can_be_rejected_are_stated() -> None:
    summary = activity(plates(), position_safe=True, **ASK).summary
    assert summary["p_attainable"] == pytest.approx(1 / 33)
    assert summary["tests_needed_at_floor"] == 39
    assert summary["can_reject"] is True
    assert summary["nested_share"] == 1.0


def test_a_second_position_gives_the_cross_position_drop() -> None:
    table = plates(active=2, shift=4.0, surface=0.5)
    name = profiles.column(table, profiles.TREATMENT).copy()
    first, second = sorted({n for n in name if isinstance(n, str)})[:2]
    values = table.to_numpy().copy()
    values[name == second] += values[name == first].mean(axis=0) - values[name == second].mean(
        axis=0
    )
    name[name == second] = first
    table = profiles.with_metadata(
        pd.DataFrame(values, table.index, table.columns), {profiles.TREATMENT: name}
    )
    found = activity(table, position_safe=True, **ASK)
    drop = found.summary["cross_position"]
    assert drop["perturbations"] == 1
    assert drop["map_across_normalized"] > 0.5
    assert found.table.set_index(profiles.TREATMENT).loc[first, "p"] < 0.05


def test_means_of_positions_are_refused_where_they_erase_treatments() -> None:
    table = plates(active=5, shift=2.0)
    centred = table - table.groupby(profiles.column(table, profiles.WELL)).transform("mean")
    with pytest.raises(DesignError, match="per-position means were subtracted"):
        activity(centred, position_safe=True, **ASK)


def test_too_few_controls_or_no_wells_are_refused() -> None:
    table = plates()
    control = profiles.column(table, profiles.CONTROL).astype(bool)
    well = profiles.column(table, profiles.WELL)
    few = profiles.take(table, ~control | np.isin(well, np.unique(well[control])[:10]))
    with pytest.raises(DesignError, match="10 control positions are too few"):
        activity(few, position_safe=True, **ASK)
    with pytest.raises(InputError, match="Metadata_Well"):
        keep = [profiles.PLATE, profiles.TREATMENT, profiles.CONTROL]
        activity(profiles.keep_metadata(table, keep), position_safe=True, **ASK)
    with pytest.raises(InputError, match="leave"):
        activity(table, position_safe=True, diff_by=profiles.PLATE, **ASK)


def test_plates_with_few_controls_are_left_out_and_counted() -> None:
    table = plates(plates=4)
    control = profiles.column(table, profiles.CONTROL).astype(bool)
    last = profiles.column(table, profiles.PLATE) == "P3"
    found = activity(profiles.take(table, ~(control & last)), position_safe=True, **ASK)
    assert set(found.table["n"]) == {3}
    excluded = found.summary["excluded"]
    assert excluded == {"wells of plates with fewer than 8 controls": 64}


def test_roles_never_overlap_and_the_rings_are_shared_out() -> None:
    position = np.tile(CELLS, (2, 1))
    spot = position[:, 0] * 48 + position[:, 1]
    screen = PlacedWells(np.zeros((len(spot), 1)), np.repeat([0, 1], len(CELLS)), position, spot,
                    (ROWS, COLUMNS), np.zeros(len(spot), int))  # fmt: skip
    fold = position_folds(screen, np.arange(len(spot)), 4, seed=0)
    for cell in np.unique(spot):
        assert len(np.unique(fold[spot == cell])) == 1
    outer = [screen.outer[fold == k].mean() for k in range(4)]
    assert np.ptp(outer) < 0.1


def test_surface_is_learned_where_there_is_one_and_left_alone_where_not() -> None:
    rng = np.random.default_rng(0)
    position, plate = np.tile(CELLS[::3], (3, 1)), np.repeat([0, 1, 2], 32)
    noise = rng.normal(size=(96, 8))
    flat = fit_position(noise, plate, position, shape=(ROWS, COLUMNS))
    field = np.outer(position[:, 0] - 3.5, np.ones(8))
    bent = fit_position(noise + field, plate, position, shape=(ROWS, COLUMNS))
    away = np.tile(CELLS[1::3], (1, 1))
    left = bent.residual(np.outer(away[:, 0] - 3.5, np.ones(8)), np.zeros(len(away), int), away)
    assert flat.trust <= 0.1 < bent.trust
    assert np.abs(left - left.mean(axis=0)).mean() < 0.5 * np.abs(away[:, 0] - 3.5).mean()


def test_metric_makes_what_is_left_over_alike_in_every_direction() -> None:
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(5, 5)) * [10, 5, 1, 0.5, 0.1]
    error = rng.normal(size=(4000, 5)) @ mixing
    error = np.column_stack([error, np.zeros(4000)])
    out = metric(error).apply(error)
    spread = np.linalg.eigvalsh(np.cov(out[:, :5].T))
    assert spread.max() / spread.min() < 1.7 * 1.1
    assert (out[:, 5] == 0).all()


def test_held_out_positions_of_cpjump1_are_rarely_called(real_data) -> None:
    folder = real_data("cpjump1_profiles")
    frames = [pd.read_csv(file) for file in sorted(folder.glob("BR*.csv.gz"))]
    found = activity(
        profiles.from_frame(pd.concat(frames)),
        same_by="Metadata_broad_sample",
        controls="Metadata_control_type == 'negcon'",
        position_safe=True,
        permutations=999,
    )
    type_1 = found.summary["type_1"]
    assert type_1["at_position_null"]["share"] <= 0.10
    assert type_1["at_label_permutation"]["share"] > 0.4
    assert (found.table["p"] < 0.05).mean() > 0.4
