"""Blocks are fused where that is clearly better on training rows, else the best is left alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from phenolens.errors import InputError
from phenolens.learn.choose_blocks import (
    ChosenFusion,
    Replicates,
    _reciprocal_rank,
    _told,
    choose_by_replicates,
    rivals,
)
from phenolens.learn.nearest import NearestProfile
from phenolens.profiles import PLATE

CLASSES, PLATES = 12, 4


def wells(*blocks: np.ndarray) -> tuple[pd.DataFrame, dict[str, list[str]], np.ndarray]:
    plates = np.repeat([f"P{i}" for i in range(PLATES)], CLASSES)
    index = pd.MultiIndex.from_arrays([plates], names=[PLATE])
    parts = [
        pd.DataFrame(values.astype(np.float32), index=index).add_prefix(f"b{i}__f")
        for i, values in enumerate(blocks)
    ]
    features = {f"b{i}": list(part.columns) for i, part in enumerate(parts)}
    return pd.concat(parts, axis=1), features, np.tile(np.arange(CLASSES), PLATES).astype(str)


def telling(seed: int, of: slice, *, noise: float = 0.6, width: int = 30) -> np.ndarray:
    """A block that tells some of the classes apart, and nothing of the others."""
    rng = np.random.default_rng(seed)
    centres = np.zeros((CLASSES, width))
    centres[of] = rng.normal(size=(len(range(CLASSES)[of]), width))
    return np.tile(centres, (PLATES, 1)) + noise * rng.normal(size=(PLATES * CLASSES, width))


def noise_only(seed: int, width: int = 30) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(PLATES * CLASSES, width))


def test_blocks_that_complete_each_other_are_fused():
    table, blocks, labels = wells(telling(1, slice(0, 6)), telling(2, slice(6, 12)))
    chosen = ChosenFusion(blocks, unit=PLATE).fit(table, labels)
    assert set(chosen.choice_.weights) == {"b0", "b1"}
    assert not chosen.choice_.fell_back
    assert sum(chosen.choice_.weights.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("width", [3, 30, 1000])
def test_a_block_of_noise_changes_nothing(width: int):
    table, blocks, labels = wells(telling(1, slice(0, 12)), noise_only(2, width))
    chosen = ChosenFusion(blocks, unit=PLATE).fit(table, labels)
    assert chosen.choice_.weights == {"b0": 1.0}
    assert chosen.choice_.fell_back
    assert chosen.chosen_ == "b0 1"
    alone = ChosenFusion({"b0": blocks["b0"]}, unit=PLATE).fit(table, labels)
    pd.testing.assert_frame_equal(chosen.transform(table), alone.transform(table))


@settings(max_examples=10)
@given(st.floats(-3, 5), st.integers(0, 20))
def test_the_scale_of_a_block_does_not_matter(power: float, seed: int):
    first, second = telling(seed, slice(0, 7)), telling(seed + 50, slice(5, 12))
    found = []
    for scale in (1.0, 10.0**power):
        table, blocks, labels = wells(first, second * scale)
        found.append(ChosenFusion(blocks, unit=PLATE).fit(table, labels).choice_)
    assert found[0].weights == pytest.approx(found[1].weights)


def test_the_same_block_twice_is_the_block():
    block = telling(1, slice(0, 12))
    table, blocks, labels = wells(block, block)
    chosen = ChosenFusion(blocks, unit=PLATE).fit(table, labels)
    assert chosen.choice_.fell_back


def test_what_saw_the_rows_is_chosen_on_rows_that_it_did_not_see():
    """A block that knows its training rows by heart is believed on them, but not cross-fitted."""
    table, blocks, labels = wells(
        telling(1, slice(0, 12), noise=1.2), telling(2, slice(0, 12), noise=0.1)
    )
    honest, _, _ = wells(telling(1, slice(0, 12), noise=1.2), noise_only(3))
    plates = table.index.get_level_values(PLATE).to_numpy()
    by_heart = ChosenFusion(blocks, unit=PLATE).fit(table, labels)
    assert by_heart.choice_.best == "b1"
    inner = []
    for plate in np.unique(plates):
        held = plates == plate
        seen = table.copy()
        seen[held] = honest[held]
        inner.append((seen, labels, held))
    fitted = ChosenFusion(blocks, unit=PLATE, inner=inner).fit(table, labels)
    assert fitted.choice_.weights == {"b0": 1.0}


def test_what_is_chosen_on_training_rows_helps_on_others():
    gains = []
    for seed in range(6):
        table, blocks, labels = wells(
            telling(seed, slice(0, 7), noise=1.0), telling(seed + 90, slice(5, 12), noise=1.0)
        )
        train = np.isin(table.index.get_level_values(PLATE), ["P0", "P1", "P2"])
        chosen = ChosenFusion(blocks, unit=PLATE).fit(table[train], labels[train])
        best = ChosenFusion({chosen.choice_.best: blocks[chosen.choice_.best]}, unit=PLATE).fit(
            table[train], labels[train]
        )
        scores = []
        for model in (chosen, best):
            head = NearestProfile().fit(model.transform(table[train]), labels[train])
            scores.append((head.predict(model.transform(table[~train])) == labels[~train]).mean())
        gains.append(scores[0] - scores[1])
    assert np.mean(gains) > 0.1


def test_it_is_an_estimator_that_can_be_cloned_and_needs_labels():
    table, blocks, labels = wells(telling(1, slice(0, 12)), noise_only(2))
    again = clone(ChosenFusion(blocks, unit=PLATE, clear=1.5))
    assert again.get_params()["clear"] == 1.5
    with pytest.raises(InputError, match="labels"):
        again.fit(table, None)
    one = ChosenFusion(blocks, unit=PLATE).fit(table, labels)
    two = ChosenFusion(blocks, unit=PLATE).fit(table, labels)
    assert one.choice_ == two.choice_


def test_a_class_that_inner_training_lacks_is_left_out_of_the_choice():
    table, blocks, labels = wells(telling(1, slice(0, 12)), noise_only(2))
    labels = labels.copy()
    labels[0] = "only here"
    chosen = ChosenFusion(blocks, unit=PLATE).fit(table, labels)
    assert chosen.choice_.weights == {"b0": 1.0}


def replicates(*values: np.ndarray, labels: np.ndarray) -> Replicates:
    kernels = {f"b{number}": one @ one.T for number, one in enumerate(values)}
    return Replicates(kernels, labels)


def test_replicates_choose_what_makes_them_find_each_other():
    labels = np.tile(np.arange(CLASSES), PLATES).astype(str)
    first, second = telling(1, slice(0, 6)), telling(2, slice(6, 12))
    chosen = choose_by_replicates([replicates(first, second, labels=labels)])
    assert set(chosen.weights) == {"b0", "b1"} and chosen.gain[0] > 0
    whole = telling(1, slice(0, 12))
    noise = choose_by_replicates([replicates(whole, noise_only(2), labels=labels)])
    assert noise.weights == {"b0": 1.0} and noise.gain == (0.0, 0.0)
    again = choose_by_replicates([replicates(first, first, labels=labels)])
    assert again.fell_back
    alone = np.array([f"once {n}" for n in range(CLASSES * PLATES)])
    assert choose_by_replicates([replicates(first, second, labels=alone)]) is None
    assert choose_by_replicates([]) is None


def test_precision_of_replicates_is_that_of_a_sorted_list():
    rng = np.random.default_rng(0)
    values, labels = rng.normal(size=(30, 4)), np.repeat(np.arange(10), 3).astype(str)
    found = replicates(values, labels=labels).precision({"b0": 1.0})
    unit = values / np.linalg.norm(values, axis=1, keepdims=True)
    cosine = unit @ unit.T
    for row in range(30):
        order = [other for other in np.argsort(-cosine[row]) if other != row]
        right = labels[order] == labels[row]
        hits = np.cumsum(right)[right] / (np.flatnonzero(right) + 1)
        assert found[row] == pytest.approx(hits.mean())


def test_rivals_are_judged_beside_the_choice():
    table, blocks, labels = wells(telling(1, slice(0, 6)), telling(2, slice(6, 12)))
    chosen = ChosenFusion(blocks, unit=PLATE).fit(table, labels)
    found = {rival.name: rival for rival in rivals(chosen, table, labels)}
    assert list(found)[:2] == ["b0", "b1"]
    assert found[chosen.choice_.best].gain == 0
    assert found["chosen"].gain == pytest.approx(chosen.choice_.gain[0])
    for late in ("late-scores", "late-ranks", "stacking"):
        assert found[late].score > found["b0"].score


def test_the_more_blocks_could_be_added_the_clearer_the_gain_must_be():
    """Of many blocks of noise one seems to help; it is not taken more often than one alone is."""
    taken = []
    for seed in range(8):
        noises = [noise_only(100 * seed + number) for number in range(6)]
        table, blocks, labels = wells(telling(seed, slice(0, 12), noise=1.5), *noises)
        taken.append(not ChosenFusion(blocks, unit=PLATE).fit(table, labels).choice_.fell_back)
    assert np.mean(taken) <= 0.25


def test_a_row_has_no_say_in_its_own_penalty():
    table, blocks, labels = wells(telling(1, slice(0, 12), noise=1.5), noise_only(2))
    chosen = ChosenFusion(blocks, unit=PLATE)
    parts = [chosen._kernels(*part) for part in chosen._inner(table, labels)]
    weights = {"b0": 0.5, "b1": 0.5}
    told = np.concatenate([ridge for ridge, _ in _told(parts, weights)])
    every = np.concatenate([part.readouts(weights)[0] for part in parts], axis=1)
    of, truth = (np.concatenate([getattr(part, name) for part in parts])
                 for name in ("labels", "truth"))  # fmt: skip
    ranks = np.stack([_reciprocal_rank(scores, truth) for scores in every])
    for row, label in enumerate(of):
        others = [ranks[:, of == other].mean(axis=1) for other in np.unique(of) if other != label]
        best = int(np.sum(others, axis=0).argmax())
        np.testing.assert_array_equal(told[row], every[best, row])
    assert not np.array_equal(every[0], every[-1])
