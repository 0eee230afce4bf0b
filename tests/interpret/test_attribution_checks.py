"""Checks of maps pass where they should and can fail."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")
pytest.importorskip("captum")

from phenolens.interpret.attribution_checks import (
    covering,
    occlusion,
    pointing,
    randomised_check,
    rank_correlation,
    stability,
)
from phenolens.interpret.explain import FAST, Maps, explain

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
