from __future__ import annotations

import numpy as np
import pytest

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.matching.label_matching import enrichment, match_labels

from .test_matching import treatments

TARGET = "Metadata_Target"


def test_clear_labels_are_retrieved_and_noise_is_not() -> None:
    clear = match_labels(treatments(), label=TARGET, permutations=2000).table
    assert list(clear["label"]) == ["T0", "T1", "T2", "T3"]
    np.testing.assert_allclose(clear["map"], 1)
    np.testing.assert_allclose(clear["map_normalized"], 1)
    assert (clear["q"] < 0.01).all()
    p = np.concatenate(
        [
            match_labels(treatments(noise=99.0, seed=s), label=TARGET, permutations=199).table["p"]
            for s in range(40)
        ]
    )
    assert 0.42 < p.mean() < 0.58
    assert 0.01 < (p <= 0.05).mean() < 0.10


def test_a_treatment_counts_for_each_of_its_labels() -> None:
    table = treatments()
    target = profiles.column(table, TARGET).copy()
    target[0] = "T0|T3"
    found = match_labels(profiles.with_metadata(table, {TARGET: target}), label=TARGET).table
    assert dict(zip(found["label"], found["n"], strict=True)) == {
        "T0": 6,
        "T1": 6,
        "T2": 6,
        "T3": 7,
    }


def test_opposite_effects_match_by_absolute_cosine() -> None:
    table = treatments()
    sign = np.where(np.arange(len(table)) % 2 == 0, 1, -1)
    flipped = table * sign[:, None]
    plain = match_labels(flipped, label=TARGET, permutations=500).table
    absolute = match_labels(flipped, label=TARGET, similarity="abs_cosine", permutations=500).table
    assert (absolute["map"] > 0.99).all()
    assert plain["map"].mean() < absolute["map"].mean()


def test_labels_of_one_treatment_are_counted_or_refused() -> None:
    table = treatments()
    target = profiles.column(table, TARGET).copy()
    target[0] = "alone"
    found = match_labels(profiles.with_metadata(table, {TARGET: target}), label=TARGET)
    assert found.summary["excluded"] == {"labels without two treatments": 1}
    with pytest.raises(DesignError, match="shared by two"):
        match_labels(table, label=profiles.COMPOUND)
    with pytest.raises(DesignError, match="shared by two"):
        one = profiles.with_metadata(table, {profiles.BATCH: "b"})
        match_labels(one, label=TARGET, not_same=profiles.BATCH)


def test_enrichment_is_high_for_clear_labels_and_one_for_noise() -> None:
    clear = enrichment(treatments(), label=TARGET, top=20)
    noise = enrichment(treatments(200, noise=99.0), label=TARGET, top=10)
    assert clear["value"] > 100
    assert noise["low"] < 1.25 and noise["high"] > 0.8


def test_odds_ratio_by_hand() -> None:
    """Eight treatments, two labels, three neighbours count: cells (2, 1, 1, 3) for every one."""
    from phenolens.evaluate.matching.label_matching import _log_odds

    score = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3])
    match = np.array([1, 1, 0, 1, 0, 0, 0], dtype=bool)
    value, corrected = _log_odds(score, match, np.ones(7, bool), top=43)
    assert not corrected
    assert np.exp(value) == pytest.approx(2 * 3 / (1 * 1))
    value, corrected = _log_odds(score, match, np.ones(7, bool), top=1)
    assert corrected
    assert np.exp(value) == pytest.approx(1.5 * 4.5 / (0.5 * 2.5))


def test_top_is_a_percentage() -> None:
    with pytest.raises(InputError, match="percentage"):
        enrichment(treatments(), label=TARGET, top=0)
