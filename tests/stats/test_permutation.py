from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from phenolens.stats.average_precision import average_precision
from phenolens.stats.permutation import (
    Pool,
    StratifiedLabels,
    labellings,
    p_value,
    pool_rows,
    smallest_p,
    stratified_labels,
)
from phenolens.stats.wells import Wells


def _brute_map(values: np.ndarray, picked: tuple[int, ...], plate: np.ndarray) -> float:
    group = np.where(np.isin(np.arange(len(values)), picked), 0, -1)
    wells = Wells(pd.DataFrame(values), values, np.linalg.norm(values, axis=1))
    return float(np.mean(average_precision(wells, group, reference=group < 0, within=plate).value))


@pytest.mark.parametrize("levels", ["distinct", "tied"])
@pytest.mark.parametrize("per_plate", [(2, 0), (1, 1), (2, 1)])
def test_enumerated_null_is_every_relabelling(per_plate: tuple[int, int], levels: str) -> None:
    rng = np.random.default_rng(5)
    sizes = (5, 4)
    plate = np.repeat([0, 1], sizes)
    values = (
        rng.integers(-1, 2, size=(9, 2)) + 0.01 if levels == "tied" else rng.normal(size=(9, 4))
    )
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    pool = Pool.of(unit @ unit.T, plate, np.empty((9, 0), np.int64))
    labelled = np.zeros(9, dtype=bool)
    labelled[list(range(per_plate[0]))] = True
    labelled[5 : 5 + per_plate[1]] = True
    design, strata = stratified_labels(plate, labelled)
    picks, enumerated = labellings(design, 10_000, seed=0)
    null = pool.mean_average_precision(pool_rows(picks, design, strata))
    choices = itertools.product(
        itertools.combinations(range(5), per_plate[0]),
        itertools.combinations(range(5, 9), per_plate[1]),
    )
    brute = [_brute_map(values, one + two, plate) for one, two in choices]
    assert enumerated
    assert len(null) == design.labellings == len(brute)
    np.testing.assert_allclose(np.sort(null), np.sort(brute), atol=1e-12)


def test_a_pool_that_grew_is_the_pool_counted_at_once() -> None:
    rng = np.random.default_rng(2)
    values = np.repeat(rng.normal(size=(8, 3)), 2, axis=0)
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    similarity, plate = unit @ unit.T, np.arange(16) % 3
    differ = plate[:, None]
    whole = Pool.of(similarity, plate, differ)
    grown = Pool.of(similarity[:12, :12], plate[:12], differ[:12]).joined(
        similarity[12:, :12], similarity[12:, 12:], within=plate[12:], differ=differ[12:]
    )
    np.testing.assert_array_equal(grown.above, whole.above)
    np.testing.assert_array_equal(grown.level, whole.level)
    np.testing.assert_array_equal(grown.differ, whole.differ)


def test_drawn_labellings_are_subsets_and_uniform() -> None:
    design = StratifiedLabels((6, 5), (2, 1))
    picks, enumerated = labellings(design, 60, seed=1)
    assert not enumerated and picks.shape == (60, 3)
    assert (picks[:, 0] != picks[:, 1]).all()
    counts = np.bincount(
        labellings(StratifiedLabels((30,), (3,)), 4000, seed=0)[0].ravel(), minlength=30
    )
    assert abs(counts - 400).max() < 5 * 20


def test_p_and_its_floor() -> None:
    assert p_value(0.9, np.array([0.1, 0.9, 0.5, 0.9]), enumerated=True) == 0.5
    assert p_value(0.9, np.array([0.1, 0.8, 0.5]), enumerated=False) == 0.25
    assert p_value(0.9, np.array([0.1, np.nan, 0.5]), enumerated=False) == 1 / 3
    assert np.isnan(p_value(np.nan, np.array([0.1]), enumerated=False))
    assert smallest_p(StratifiedLabels((4,), (2,)), 1000) == 1 / 6
    assert smallest_p(StratifiedLabels((100,), (4,)), 999) == 1 / 1000


def test_references_outside_count_as_if_they_had_rows() -> None:
    rng = np.random.default_rng(4)
    values = rng.integers(-1, 2, size=(20, 3)) + 0.1  # with ties
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    similarity, place = unit @ unit.T, np.arange(20) % 2
    differ = np.empty((20, 0), np.int64)
    whole = Pool.of(similarity, place, differ)
    # rows 0-5 references that may carry labels, 6-8 treated, 9-19 references elsewhere
    others = np.where(place[:9, None] == place[None, 9:], similarity[:9, 9:], -np.inf)
    outside = np.sort(others, axis=1)
    base = Pool.of(similarity[:6, :6], place[:6], differ[:6], outside=outside[:6])
    grown = base.joined(
        similarity[6:9, :6], similarity[6:9, 6:9], within=place[6:9], differ=differ[6:9],
        outside=outside[6:],
    )  # fmt: skip
    np.testing.assert_array_equal(grown.above, whole.above[:9, :9])
    np.testing.assert_array_equal(grown.level, whole.level[:9, :9])
    picks = np.array([[0, 3, 7], [6, 7, 8], [1, 2, 5]])
    np.testing.assert_array_equal(
        grown.mean_average_precision(picks), whole.mean_average_precision(picks)
    )
