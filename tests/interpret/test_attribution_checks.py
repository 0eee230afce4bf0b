"""Checks of maps pass where they should and can fail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("captum")

from phenolens.interpret.attribution_checks import (
    beyond_shuffled,
    covering,
    occlusion,
    pointing,
    randomised_check,
    rank_correlation,
    stability,
)
from phenolens.interpret.explain import FAST, Maps, explain
from phenolens.profiles import PLATE, TREATMENT, WELL

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def rows(truth_screen):
    return truth_screen.test[truth_screen.labels[truth_screen.test] != "DMSO"][::2]


@pytest.fixture(scope="module")
def maps(truth_screen, trained, rows):
    return explain(trained, truth_screen.prepared, rows, method=FAST)


def test_maps_change_with_the_weights_and_not_with_noise(truth_screen, trained, rows, maps):
    checked = randomised_check(trained, truth_screen.prepared, rows, maps=maps)
    assert checked["correlation"].median() <= 0.3
    assert checked["passes"].mean() > 0.7
    assert stability(trained, truth_screen.prepared, rows, maps=maps).mean() > 0.8


def test_what_is_marked_matters_more_than_what_is_drawn(truth_screen, trained, rows, maps):
    found = covering(trained, truth_screen.prepared, rows, maps=maps)
    assert found["deletion"].mean() < 0.5 * found["deletion_random"].mean()
    assert found["insertion"].mean() > found["insertion_random"].mean()
    turned = Maps(-maps.values, maps.targets, maps.predicted, maps.method)
    wrong = covering(trained, truth_screen.prepared, rows, maps=turned)
    assert wrong["deletion"].mean() > found["deletion"].mean()


def test_occlusion_names_the_stain_that_carries_the_class(truth_screen, trained, rows):
    found = occlusion(trained, truth_screen.prepared, rows, targets=truth_screen.labels[rows])
    means = found.groupby("target")[["drop_DNA", "drop_ER", "drop_AGP"]].mean()
    assert means.loc["A"].idxmax() == "drop_ER"
    assert means.loc["B"].idxmax() == "drop_AGP"
    assert means.loc["A", "drop_ER"] > 0.5


def test_rank_correlation_of_a_map_with_itself_and_with_nothing():
    maps = np.random.default_rng(0).random((2, 4, 4))
    np.testing.assert_allclose(rank_correlation(maps, maps), 1.0)
    assert np.isnan(rank_correlation(maps, np.ones_like(maps))).all()


def test_pointing_by_hand():
    maps = np.zeros((2, 4, 4))
    maps[0, 1, 1], maps[0, 1, 2], maps[0, 3, 3] = 1.0, 0.6, 0.4
    truth = np.zeros((2, 4, 4), dtype=bool)
    truth[:, 1, 1:3] = True
    found = pointing(maps, truth)
    pd.testing.assert_frame_equal(
        found,
        pd.DataFrame(
            {
                "hit": [True, False],
                "chance": [0.125, 0.125],
                "energy": [0.8 / 0.125, np.nan],
                "iou": [1.0, 0.0],
            }
        ),
    )


def named(rng: np.random.Generator, right: float) -> tuple[np.ndarray, pd.DataFrame]:
    """Eight treatments on three plates, five images a well, and what a network names them."""
    wells = pd.DataFrame(
        {
            PLATE: np.repeat([f"P{plate}" for plate in range(3)], 8),
            WELL: [f"A{number:02d}" for number in range(8)] * 3,
            TREATMENT: [f"t{number}" for number in range(8)] * 3,
        }
    )
    images = wells.loc[np.repeat(wells.index, 5)]
    known = rng.random(len(images)) < right
    others = rng.choice(wells[TREATMENT].unique(), size=len(images))
    return np.where(known, images[TREATMENT], others), images


def test_a_network_is_told_from_one_that_learned_shuffled_labels():
    rng = np.random.default_rng(0)
    found = beyond_shuffled(*named(rng, 0.3))
    assert found["p"] == 0.001 and found["n_wells"] == 24
    assert found["named"] > 0.3 > found["shuffled"]
    nothing = [beyond_shuffled(*named(rng, 0.0), shuffles=99)["p"] for _ in range(40)]
    assert np.mean(np.array(nothing) <= 0.05) <= 0.15
    by_plate, images = named(rng, 0.0)  # that it knows the plate alone says nothing
    assert beyond_shuffled(images[PLATE].to_numpy(), images)["p"] == 1.0
    one = images[images[WELL] == "A01"]  # one treatment: nothing could be swapped
    assert beyond_shuffled(one[TREATMENT].to_numpy(), one)["p"] == 1.0
    assert beyond_shuffled(by_plate[:0], images.iloc[:0])["n_wells"] == 0
