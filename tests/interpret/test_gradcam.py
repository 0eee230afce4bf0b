"""Grad-CAM points at what was planted, a random network does not, and checks can fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("torch")

from phenolens.errors import InputError
from phenolens.interpret.attribution_checks import (
    deletion,
    occlusion,
    pointing,
    randomised,
    randomised_check,
    rank_correlation,
)
from phenolens.interpret.gradcam import choose_stage, gradcam, stitch
from phenolens.represent.cnn import CNN, CNNSettings
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.pixels import PixelSettings
from phenolens.represent.networks.training import TrainSettings

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def rows(truth_screen):
    return truth_screen.test[truth_screen.labels[truth_screen.test] != "DMSO"]


@pytest.fixture(scope="module")
def cams(truth_screen, trained, rows):
    return gradcam(trained, truth_screen.prepared, rows)


def test_maps_point_at_the_planted_patch(truth_screen, rows, cams):
    assert (cams.predicted == truth_screen.labels[rows]).mean() > 0.9
    found = pointing(cams.maps, truth_screen.truth[rows])
    assert found["hit"].mean() > 0.6
    assert found["energy"].mean() > 3
    assert found["chance"].mean() < 0.06


def test_a_network_of_random_weights_does_not_point_there(truth_screen, trained, rows, cams):
    other = randomised(trained, seed=4)
    maps = gradcam(other, truth_screen.prepared, rows, targets=cams.targets).maps
    assert pointing(maps, truth_screen.truth[rows])["hit"].mean() < 0.3
    checked = randomised_check(trained, truth_screen.prepared, rows, cams=cams)
    assert checked["correlation"].median() <= 0.3
    assert checked["passes"].mean() > 0.7


def test_check_fails_for_a_network_compared_with_itself(cams):
    np.testing.assert_allclose(rank_correlation(cams.coarse, cams.coarse), 1.0)
    flat = np.ones_like(cams.coarse)
    assert np.isnan(rank_correlation(cams.coarse, flat)).all()


def test_maps_have_the_resolution_asked_and_are_scaled(cams, trained):
    assert cams.stride == 8
    assert cams.coarse.shape[1:] == (8, 8)
    assert cams.maps.shape[1:] == (64, 64)
    np.testing.assert_allclose(cams.maps[~cams.zero].max(axis=(1, 2)), 1.0)
    assert cams.maps.min() >= 0


def test_gradients_of_a_batch_are_those_of_each_image_alone(truth_screen, trained, rows, cams):
    for place in (0, 5):
        alone = gradcam(trained, truth_screen.prepared, rows[place : place + 1])
        np.testing.assert_allclose(alone.coarse[0], cams.coarse[place], atol=1e-4)


def test_definition_by_hand(truth_screen, trained, rows):
    import torch

    feed = trained.inputs(truth_screen.prepared, rows[:1])
    images = next(feed.ordered(1)).images
    hidden = trained.model.activations(images, 2).detach().requires_grad_()
    logits = trained.model.classify(trained.model.from_activations(hidden, 2))
    logits[0, 1].backward()
    by_hand = torch.relu((hidden.grad.mean((2, 3), keepdim=True) * hidden).sum(1))[0].detach()
    got = gradcam(trained, truth_screen.prepared, rows[:1], targets=np.array(["B"]), stage=2)
    np.testing.assert_allclose(got.coarse[0], (by_hand / by_hand.max()).numpy(), atol=1e-5)


def test_all_zero_maps_are_reported(truth_screen, trained, rows, monkeypatch):
    import torch

    model = trained.model
    usual = model.activations
    monkeypatch.setattr(
        model, "activations", lambda images, stage: torch.zeros_like(usual(images, stage))
    )
    cams = gradcam(trained, truth_screen.prepared, rows[:3])
    assert cams.zero.all()
    assert (cams.maps == 0).all()
    found = pointing(cams.maps, truth_screen.truth[rows[:3]])
    assert not found["hit"].any()
    assert found["energy"].isna().all()


@pytest.mark.parametrize(("stem", "stage"), [("fine", 3), ("half", 2), ("classic", 1)])
@pytest.mark.parametrize("family", ["resnet-18", "convnext-atto"])
def test_the_stage_of_a_stem_is_chosen_by_its_stride(truth_screen, rows, family, stem, stage):
    backbone = Architecture(family, stem, 8)
    network = CNN(CNNSettings(PixelSettings(size=64), TrainSettings(1, 16), backbone=backbone))
    network.fit(truth_screen.prepared, rows[::8], labels=truth_screen.labels[rows[::8]])
    cams = gradcam(network, truth_screen.prepared, rows[:2])
    assert (cams.stage, cams.stride) == (stage, 8)
    assert cams.coarse.shape == (2, 8, 8)


def test_a_class_never_learned_is_named(truth_screen, trained, rows):
    with pytest.raises(InputError, match="never learned 'C'"):
        gradcam(trained, truth_screen.prepared, rows[:2], targets=np.array(["A", "C"]))


@pytest.mark.parametrize(
    ("size", "nucleus", "stage"), [(128, None, 1), (224, None, 1), (32, None, 0), (128, 40, 2)]
)
def test_stage_follows_resolution(size, nucleus, stage):
    assert choose_stage((4, 8, 16, 32), size, nucleus=nucleus) == stage


def test_squares_of_an_image_are_put_back_in_their_places():
    image = np.arange(36.0).reshape(6, 6)
    squares = [image[i : i + 3, j : j + 3] for i in (0, 3) for j in (0, 3)]
    np.testing.assert_array_equal(stitch(np.stack(squares), 2)[0], image)


def test_tiled_images_are_mapped_whole(truth_screen, trained, rows):
    pixels = PixelSettings(size=32, tiles=2)
    training = replace(trained.settings.training, epochs=1)
    tiled = CNN(replace(trained.settings, pixels=pixels, training=training))
    screen = truth_screen
    tiled.fit(screen.prepared, screen.train[::4], labels=screen.labels[screen.train[::4]])
    cams = gradcam(tiled, screen.prepared, rows[:3])
    assert cams.maps.shape == (3, 64, 64)
    assert cams.coarse.shape == (3, 16, 16)
    found = deletion(tiled, screen.prepared, rows[:3], cams=cams, steps=2)
    assert found.notna().all(axis=None)


def test_occlusion_names_the_stain_that_carries_the_class(truth_screen, trained, rows):
    found = occlusion(trained, truth_screen.prepared, rows, targets=truth_screen.labels[rows])
    means = found.groupby("target")[["drop_DNA", "drop_ER", "drop_AGP"]].mean()
    assert means.loc["A"].idxmax() == "drop_ER"
    assert means.loc["B"].idxmax() == "drop_AGP"
    assert means.loc["A", "drop_ER"] > 0.5


def test_covering_what_is_marked_costs_more_than_covering_at_random(
    truth_screen, trained, rows, cams
):
    found = deletion(trained, truth_screen.prepared, rows, cams=cams)
    assert found["deletion"].mean() < 0.5 * found["deletion_random"].mean()


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
