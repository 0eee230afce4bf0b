"""Every method finds what was planted or is known not to; the definitions hold."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("captum")

from phenolens.errors import DesignError, InputError
from phenolens.interpret.attribution_checks import pointing
from phenolens.interpret.explain import DEFAULT, FAST, METHODS, Maps, explain
from phenolens.interpret.scores import Resemblance
from phenolens.represent.base import Representation
from phenolens.represent.cnn import CNN
from phenolens.represent.networks.pixels import PixelSettings
from phenolens.represent.simclr import SimCLR, SimCLRSettings
from phenolens.represent.untrained import Untrained, UntrainedSettings
from phenolens.represent.vae import VAE, VAESettings

pytestmark = pytest.mark.network

STAIN_OF = {"A": 1, "B": 2}
SLOW = ("occlusion-patch", "occlusion-patch-stain")
# The patch is 0.05 of the image. What noisy and coarse maps reach is why they are no default.
HITS = dict.fromkeys(METHODS, 0.9) | {"smoothgrad": 0.5, "grad-cam": 0.6, "grad-cam++": 0.6}
BLIND = ("occlusion-stain", "occlusion-compartment")  # say which, not where


@pytest.fixture(scope="module")
def rows(truth_screen):
    return truth_screen.test[truth_screen.labels[truth_screen.test] != "DMSO"]


@pytest.mark.parametrize("method", [name for name in METHODS if name not in BLIND])
def test_maps_point_at_the_planted_patch(truth_screen, trained, rows, method):
    some = rows[::16] if method in SLOW else rows
    found = explain(trained, truth_screen.prepared, some, method=method)
    assert (found.predicted == truth_screen.labels[some]).mean() > 0.9
    assert pointing(found.maps, truth_screen.truth[some])["hit"].mean() >= HITS[method]
    if found.values.shape[1] == 1:
        assert np.isnan(found.by_stain).all()
    elif method in (DEFAULT, FAST, "occlusion-patch-stain"):
        planted = [STAIN_OF[name] for name in truth_screen.labels[some]]
        np.testing.assert_array_equal(found.by_stain.argmax(axis=1), planted)


@pytest.mark.parametrize("method", BLIND)
def test_without_its_stain_or_compartment_the_class_is_lost(truth_screen, trained, rows, method):
    found = explain(trained, truth_screen.prepared, rows[:8], method=method)
    names = truth_screen.labels[rows[:8]]
    np.testing.assert_array_equal(found.by_stain.argmax(axis=1), [STAIN_OF[n] for n in names])
    if method == "occlusion-compartment":  # the planted patch is the nucleus of these images
        assert pointing(found.maps, truth_screen.truth[rows[:8]])["hit"].all()


def test_integrated_gradients_sum_to_the_difference_of_scores(truth_screen, trained, rows):
    import torch

    from phenolens.interpret.pixels import local_mean

    (given,) = trained.differentiable(truth_screen.prepared, rows[:6])
    found = explain(
        trained,
        truth_screen.prepared,
        rows[:6],
        method="integrated-gradients-local-mean",
        targets=np.full(6, "A"),
    )
    ends = (given.images, local_mean(given.images))
    logits = [given.classify(images, None).detach() for images in ends]
    odds = [each[:, 0] - torch.logsumexp(each[:, 1:], 1) for each in logits]
    np.testing.assert_allclose(found.values.sum((1, 2, 3)), odds[0] - odds[1], rtol=0.2, atol=0.5)


def test_a_map_does_not_hang_on_the_rest_of_its_batch(truth_screen, trained, rows):
    together = explain(trained, truth_screen.prepared, rows[:6], method=FAST)
    alone = explain(trained, truth_screen.prepared, rows[5:6], method=FAST)
    np.testing.assert_allclose(alone.maps[0], together.maps[5], atol=1e-4)


def test_the_same_images_give_the_same_bytes(truth_screen, trained, rows):
    for method in ("smoothgrad", FAST):
        first, second = (
            explain(trained, truth_screen.prepared, rows[:3], method=method) for _ in range(2)
        )
        assert first.values.tobytes() == second.values.tobytes()


def test_explaining_leaves_a_network_as_it_was(truth_screen, trained, rows):
    for method in ("guided-backpropagation", "layer-cam", FAST):
        explain(trained, truth_screen.prepared, rows[:2], method=method)
    assert all(weight.requires_grad for weight in trained.model.parameters())
    assert not any(layer._forward_hooks for layer in trained.model.modules())
    assert not any(layer._backward_hooks for layer in trained.model.modules())


def test_maps_are_scaled_and_all_zero_ones_are_known():
    values = np.zeros((2, 1, 8, 8), np.float32)
    values[0, 0, 2, 3], values[1] = 4.0, -1.0
    names = np.array(["A", "A"])
    found = Maps(values, names, names, "grad-cam", stride=8)
    np.testing.assert_array_equal(found.zero, [False, True])
    assert found.maps[0].max() == 1.0
    assert not found.maps[1].any()


@dataclass
class _Known:
    """The networks that have no classes, each of few filters and one epoch."""

    of: str

    def fitted(self, screen, trained):
        training = replace(trained.settings.training, epochs=1)
        pixels, few = PixelSettings(size=32), screen.train[::6]
        backbone = trained.settings.backbone
        made = {
            "vae": lambda: VAE(VAESettings(pixels, training, latent=4, width=4)),
            "simclr": lambda: SimCLR(SimCLRSettings(pixels, training, backbone=backbone)),
            "untrained": lambda: Untrained(UntrainedSettings(pixels, training, backbone=backbone)),
        }[self.of]()
        return made.fit(screen.prepared, few)


@pytest.mark.filterwarnings("ignore:.*has collapsed")  # after one epoch it may
@pytest.mark.parametrize("of", ["vae", "simclr", "untrained"])
def test_a_network_without_classes_is_explained_by_likeness(truth_screen, trained, rows, of):
    screen, network = truth_screen, _Known(of).fitted(truth_screen, trained)
    known = screen.train[::4]
    towards = Resemblance.of(
        network,
        screen.prepared,
        known,
        treatments=screen.labels[known],
        controls=screen.labels[known] == "DMSO",
    )
    assert towards.treatments == ("A", "B")
    asked = {"targets": screen.labels[rows[:4]], "towards": towards}
    for method in (DEFAULT, "layer-cam", "occlusion-stain"):
        found = explain(network, screen.prepared, rows[:4], method=method, **asked)
        assert found.maps.shape == (4, 32, 32)
        assert np.isfinite(found.values).all()
        np.testing.assert_array_equal(found.targets, screen.labels[rows[:4]])
    with pytest.raises(InputError, match="likeness to treatments"):
        explain(network, screen.prepared, rows[:4])


def test_likeness_of_a_network_that_learned_finds_the_patch(truth_screen, trained, rows):
    screen, known = truth_screen, truth_screen.train[::4]
    names = screen.labels[known]
    towards = Resemblance.of(
        trained, screen.prepared, known, treatments=names, controls=names == "DMSO"
    )
    asked = screen.labels[rows]
    found = explain(trained, screen.prepared, rows, method=FAST, targets=asked, towards=towards)
    assert pointing(found.maps, screen.truth[rows])["hit"].mean() > 0.9
    with pytest.raises(DesignError, match="needs 3 controls"):
        Resemblance.of(trained, screen.prepared, known, treatments=names, controls=names == "C")


def test_tiled_images_are_mapped_whole(truth_screen, trained, rows):
    screen, training = truth_screen, replace(trained.settings.training, epochs=1)
    pixels = PixelSettings(size=32, tiles=2)
    tiled = CNN(replace(trained.settings, pixels=pixels, training=training))
    tiled.fit(screen.prepared, screen.train[::6], labels=screen.labels[screen.train[::6]])
    for method in (FAST, "grad-cam", "occlusion-patch", "smoothgrad"):
        assert explain(tiled, screen.prepared, rows[:3], method=method).maps.shape == (3, 64, 64)


class OfMeans(Representation):
    name = "of-means"


def test_what_cannot_be_explained_is_said(truth_screen, trained, rows, monkeypatch):
    prepared = truth_screen.prepared
    with pytest.raises(InputError, match="never learned 'C'"):
        explain(trained, prepared, rows[:2], targets=np.array(["A", "C"]))
    with pytest.raises(InputError, match="There is no method 'lime'"):
        explain(trained, prepared, rows[:2], method="lime")
    with pytest.raises(InputError, match="1 targets for 2 images"):
        explain(trained, prepared, rows[:2], targets=np.array(["A"]))
    with pytest.raises(InputError, match="gives no gradients"):
        explain(OfMeans(), prepared, rows[:2])
    with pytest.raises(DesignError, match="no control image to compare"):
        few = np.array([0])
        explain(trained, prepared, rows[:2], controls=few)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(InputError, match="need captum"):
        explain(trained, prepared, rows[:2])
