from __future__ import annotations

import numpy as np

from phenolens.stats.average_precision import AveragePrecision, average_precision
from phenolens.stats.intervals import (
    bootstrap_mean,
    exact_interval,
    jackknife,
    wilson_interval,
)
from phenolens.stats.multiple_testing import (
    benjamini_hochberg,
    needed_at_floor,
)
from phenolens.stats.wells import Wells


def _scores(seed: int, m: int, shift: float) -> AveragePrecision:
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((40 + m, 30))
    values[40:, :4] += shift
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    group = np.r_[np.full(40, -1), np.zeros(m, int)]
    wells = Wells.of_unit(unit)
    return average_precision(wells, group, reference=group < 0)


def test_replicates_are_those_of_leaving_a_well_out() -> None:
    rng = np.random.default_rng(3)
    values = rng.standard_normal((14, 6))
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    group = np.r_[np.full(10, -1), np.zeros(4, int)]

    def mean(rows: np.ndarray) -> AveragePrecision:
        wells = Wells.of_unit(unit[rows])
        return average_precision(wells, group[rows], reference=group[rows] < 0)

    whole = mean(np.arange(14))
    for k in range(4):
        left = mean(np.delete(np.arange(14), 10 + k)).value.mean()
        kept = whole.value.sum() - whole.value[k] + whole.change[k]
        np.testing.assert_allclose(kept / 3, left, atol=1e-12)


def test_interval_covers_the_expectation_about_as_often_as_it_says() -> None:
    scores = [_scores(seed, 6, 1.2) for seed in range(200)]
    truth = np.mean([s.value.mean() for s in scores])
    ends = [jackknife(s, np.zeros(6, int)) for s in scores]
    covered = np.mean([low[0] <= truth <= high[0] for low, high in ends])
    assert 0.88 <= covered <= 0.99


def test_two_wells_have_no_interval() -> None:
    low, high = jackknife(_scores(0, 2, 1.0), np.zeros(2, int))
    assert np.isnan(low[0]) and np.isnan(high[0])


def test_q_values_by_hand_and_nan_is_no_test() -> None:
    q = benjamini_hochberg(np.array([0.01, 0.04, np.nan, 0.03, 0.5]))
    np.testing.assert_allclose(q[[0, 1, 3, 4]], [0.04, 0.04 * 4 / 3, 0.04 * 4 / 3, 0.5])
    assert np.isnan(q[2])


def test_floor_tells_whether_anything_can_be_rejected() -> None:
    assert needed_at_floor(1 / 65, 306) == 95
    assert needed_at_floor(1e-4, 306) == 1
    p = np.where(np.arange(306) < 94, 1 / 65, 0.5)
    assert (benjamini_hochberg(p) < 0.05).sum() == 0
    p[94] = 1 / 65
    assert (benjamini_hochberg(p) < 0.05).sum() == 95


def test_interval_of_a_share_is_wilsons() -> None:
    low, high = wilson_interval(5, 64)
    np.testing.assert_allclose([low, high], [0.0338, 0.1702], atol=5e-4)
    assert wilson_interval(0, 10)[0] == 0.0
    assert np.isnan(wilson_interval(0, 0)[0])


def test_exact_interval_of_a_share_is_clopper_and_pearsons() -> None:
    np.testing.assert_allclose(exact_interval(0, 20), (0, 1 - 0.025 ** (1 / 20)))
    np.testing.assert_allclose(exact_interval(20, 20), (0.025 ** (1 / 20), 1))
    np.testing.assert_allclose(exact_interval(8, 10), (0.4439, 0.9748), atol=1e-4)
    np.testing.assert_allclose(exact_interval(2, 64), (0.003807, 0.108371), atol=1e-6)
    assert np.isnan(exact_interval(0, 0)).all()


def test_a_bootstrap_of_clusters_is_as_wide_as_their_number_makes_it() -> None:
    rng = np.random.default_rng(0)
    effect = rng.standard_normal(400)
    values, cluster = np.repeat(effect, 5), np.repeat(np.arange(400), 5)
    low, high = bootstrap_mean(values, cluster=cluster)
    half = 1.96 * effect.std() / 20
    np.testing.assert_allclose(
        [low, high], values.mean() + np.array([-half, half]), atol=0.1 * half
    )
    one_by_one = bootstrap_mean(values)
    assert (one_by_one[1] - one_by_one[0]) < 0.6 * (high - low)


def test_a_bootstrap_of_clusters_of_one_is_that_of_the_values() -> None:
    values = np.random.default_rng(1).standard_normal(30)
    alone = bootstrap_mean(values, cluster=np.arange(30), seed=4)
    np.testing.assert_allclose(bootstrap_mean(values, seed=4), alone)
