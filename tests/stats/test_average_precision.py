from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens import profiles
from phenolens.stats.average_precision import (
    average_precision,
    expected_average_precision,
    normalized,
)
from phenolens.stats.wells import Wells, prepare


def _wells(values: np.ndarray) -> Wells:
    return Wells(pd.DataFrame(values), values, np.linalg.norm(values, axis=1))


def _plain_ap(relevant: list[int]) -> float:
    hits = np.flatnonzero(relevant)
    return float(np.mean([(k + 1) / (rank + 1) for k, rank in enumerate(hits)]))


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_ties_are_the_mean_over_every_order(n_positive: int, n_reference: int, seed: int) -> None:
    angles = np.random.default_rng(seed).integers(0, 3, size=n_positive + n_reference) * 0.4
    values = np.array([[1.0, 0.0], *([np.cos(a), np.sin(a)] for a in angles)])
    group = np.array([0] * (n_positive + 1) + [-1] * n_reference)
    query = np.arange(len(group)) == 0
    score = average_precision(_wells(values), group, reference=group < 0, query=query)
    relevant = np.array([1] * n_positive + [0] * n_reference)
    orders = [
        order
        for order in itertools.permutations(range(len(angles)))
        if all(angles[a] <= angles[b] for a, b in itertools.pairwise(order))
    ]
    expected = np.mean([_plain_ap([relevant[i] for i in order]) for order in orders])
    assert score.value[0] == pytest.approx(expected, abs=1e-12)


def test_order_of_the_input_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    values = np.repeat(rng.normal(size=(6, 3)), 4, axis=0)
    group = np.where(np.arange(24) % 3 == 0, np.arange(24) % 2, -1)
    order = rng.permutation(24)
    one = average_precision(_wells(values), group, reference=group < 0)
    two = average_precision(_wells(values[order]), group[order], reference=group[order] < 0)
    back = dict(zip(order[two.query], two.value, strict=True))
    np.testing.assert_allclose([back[q] for q in one.query], one.value, atol=1e-12)


@pytest.mark.parametrize(("positives", "total"), [(1, 4), (2, 5), (3, 6), (4, 4)])
def test_expectation_is_that_of_all_orders(positives: int, total: int) -> None:
    labels = [1] * positives + [0] * (total - positives)
    orders = set(itertools.permutations(labels))
    mean = np.mean([_plain_ap(list(order)) for order in orders])
    assert expected_average_precision(positives, total) == pytest.approx(mean, abs=1e-12)


def test_normalized_is_zero_at_chance_and_one_at_the_top() -> None:
    chance = expected_average_precision(3, 67)
    np.testing.assert_allclose(normalized(np.array([chance, 1.0]), 3, 67), [0, 1], atol=1e-12)
    assert np.isnan(normalized(1.0, 4, 4))


def _copairs_table(references: str, diff_by: list[str]) -> pd.DataFrame:
    from copairs.map import average_precision as peer

    meta, values = _screen()
    meta["role"] = meta["control"].map({True: -1, False: 0})
    different = "role" if references == "controls" else "name"
    return peer(meta, values, ["name"], diff_by, ["plate"], [different], progress_bar=False)


def _screen() -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(3)
    meta = pd.DataFrame(
        [(f"P{p}", f"c{k}" if k < 8 else "dmso") for p in range(3) for k in range(20)],
        columns=["plate", "name"],
    )
    meta["control"] = meta["name"] == "dmso"
    values = rng.normal(size=(len(meta), 30))
    values += meta["name"].map({f"c{k}": k / 8 for k in range(8)}).fillna(0).to_numpy()[:, None]
    return meta, values


@pytest.mark.parametrize("references", ["controls", "others"])
@pytest.mark.parametrize("diff_by", [[], ["plate"]])
def test_values_are_those_of_copairs(references: str, diff_by: list[str]) -> None:
    peer = _copairs_table(references, diff_by)
    meta, values = _screen()
    control = meta["control"].to_numpy()
    plate, name = pd.factorize(meta["plate"])[0], pd.factorize(meta["name"])[0]
    score = average_precision(
        _wells(values),
        np.where(control, -1, name) if references == "controls" else name,
        reference=control if references == "controls" else np.ones(len(meta), bool),
        query=~control,
        within=plate,
        differ=plate[:, None] if diff_by else None,
    )
    treated = peer[~meta["control"].to_numpy()]
    np.testing.assert_allclose(score.value, treated["average_precision"], atol=1e-12)
    np.testing.assert_array_equal(score.n_positive, treated["n_pos_pairs"])
    np.testing.assert_array_equal(score.n_total, treated["n_total_pairs"])
    np.testing.assert_allclose(score.normalized, treated["normalized_average_precision"], atol=1e-9)


def test_absolute_cosine_finds_opposite_effects() -> None:
    rng = np.random.default_rng(0)
    keys = pd.DataFrame({profiles.PLATE: "P", profiles.WELL: [f"A{k:02d}" for k in range(1, 13)]})
    values = rng.normal(size=(12, 8))
    values[1] = -values[0]
    table = profiles.from_frame(pd.concat([keys, pd.DataFrame(values)], axis=1))
    group = np.array([0, 0] + [-1] * 10)
    plain, absolute = (
        average_precision(prepare(table, similarity=kind), group, reference=group < 0).value
        for kind in ("cosine", "abs_cosine")
    )
    np.testing.assert_allclose(absolute, 1)
    assert (plain < 0.2).all()
