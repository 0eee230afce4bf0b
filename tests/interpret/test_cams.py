"""Maps of stages: the definitions, and which stage is taken."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from phenolens.errors import InputError
from phenolens.interpret.cams import choose_stage, stages, stitch
from phenolens.interpret.explain import explain
from phenolens.represent.cnn import CNN, CNNSettings
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.pixels import PixelSettings
from phenolens.represent.networks.training import TrainSettings

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def rows(truth_screen):
    return truth_screen.test[truth_screen.labels[truth_screen.test] != "DMSO"]


@pytest.mark.parametrize("method", ["grad-cam", "grad-cam++", "layer-cam"])
def test_definition_by_hand(truth_screen, trained, rows, method):

    from phenolens.interpret.cams import cam
    from phenolens.interpret.scores import scores_of

    (given,) = trained.differentiable(truth_screen.prepared, rows[:1])
    model, images = trained.model, given.images[:, 0]
    hidden = model.activations(images, 1).detach().requires_grad_()
    logits = model.classify(model.from_activations(hidden, 1))
    (logits[0, 1] - logits[0, [0, 2]].logsumexp(0)).backward()
    slope, seen = hidden.grad[0].numpy(), hidden.detach()[0].numpy()
    if method == "grad-cam":
        weights = slope.mean((1, 2))[:, None, None]
    elif method == "layer-cam":
        weights = np.maximum(slope, 0)
    else:
        below = 2 * slope**2 + seen.sum((1, 2))[:, None, None] * slope**3
        alpha = np.where(below != 0, slope**2 / np.where(below != 0, below, 1), 0)
        weights = (alpha * np.maximum(slope, 0)).sum((1, 2))[:, None, None]
    by_hand = np.maximum((weights * seen).sum(0), 0)
    scores = scores_of(given, targets=np.array(["B"]), towards=None)
    place = [stride for _, stride in stages(given)].index(8)
    got, stride = cam(given, scores, kind=method, stage=place)
    assert stride == 8
    np.testing.assert_allclose(got[0] / got.max(), by_hand / by_hand.max(), atol=1e-4)


@pytest.mark.parametrize(("stem", "first"), [("fine", 2), ("half", 2), ("classic", 2)])
@pytest.mark.parametrize("family", ["resnet-18", "convnext-atto"])
def test_stages_are_the_resolutions_of_a_network(truth_screen, rows, family, stem, first):
    backbone = Architecture(family, stem, 8)
    network = CNN(CNNSettings(PixelSettings(size=64), TrainSettings(1, 16), backbone=backbone))
    network.fit(truth_screen.prepared, rows[::8], labels=truth_screen.labels[rows[::8]])
    found = explain(network, truth_screen.prepared, rows[:2], method="grad-cam")
    assert found.stride == 8
    assert found.maps.shape == (2, 64, 64)
    finest = explain(network, truth_screen.prepared, rows[:2], method="layer-cam")
    assert finest.stride == (4 if (family, stem) == ("convnext-atto", "classic") else first)
    with pytest.raises(InputError, match="stages"):
        explain(network, truth_screen.prepared, rows[:2], method="grad-cam", stage=9)


def test_all_zero_maps_are_reported(truth_screen, trained, rows, monkeypatch):
    import torch

    model = trained.model
    usual = model.from_activations

    def nothing(hidden, stage):
        return usual(torch.zeros_like(hidden) * hidden, stage)

    monkeypatch.setattr(model, "from_activations", nothing)
    found = explain(trained, truth_screen.prepared, rows[:3], method="grad-cam")
    assert found.zero.all()
    assert (found.maps == 0).all()


@pytest.mark.parametrize(
    ("size", "nucleus", "stage"), [(128, None, 1), (224, None, 1), (32, None, 0), (128, 40, 2)]
)
def test_stage_follows_resolution(size, nucleus, stage):
    assert choose_stage((4, 8, 16, 32), size, nucleus=nucleus) == stage


def test_squares_of_an_image_are_put_back_in_their_places():
    image = np.arange(36.0).reshape(6, 6)
    squares = [image[i : i + 3, j : j + 3] for i in (0, 3) for j in (0, 3)]
    np.testing.assert_array_equal(stitch(np.stack(squares), 2)[0], image)
