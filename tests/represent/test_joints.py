"""Measured features that scale, shift or gate an embedding."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.represent.cnn_with_cellprofiler import JointCNN, JointSettings
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.pixels import PixelSettings
from phenolens.represent.networks.training import TrainSettings
from phenolens.testing import check_representation

torch = pytest.importorskip("torch")
from phenolens.represent.networks.joints import Gated, Modulated  # noqa: E402

pytestmark = pytest.mark.network

TRAINING = TrainSettings(
    epochs=6, batch=16, learning_rate=3e-3, device="cpu", precision="float32", validation="none"
)
SETTINGS = JointSettings(
    pixels=PixelSettings(size=32), training=TRAINING, backbone=Architecture(width=8), views=1
)


def test_features_scale_and_shift_an_embedding():
    film = Modulated(2, 1, 3)
    with torch.no_grad():
        film.modulate.weight.copy_(torch.tensor([[1.0], [0.0], [0.0], [5.0]]))
        film.modulate.bias.zero_()
        joined = film.join(torch.tensor([[2.0, 3.0, 10.0], [2.0, 3.0, 0.0]]))
    assert joined.tolist() == [[22.0, 53.0], [2.0, 3.0]]


def test_a_gate_lets_one_of_both_speak():
    gated = Gated(2, 1, 3)
    both = torch.tensor([[0.3, -0.4, 0.7]])
    with torch.no_grad():
        gated.gate.weight.zero_()
        for bias, part in ((50.0, gated.seen(both[:, :2])), (-50.0, gated.measured(both[:, 2:]))):
            gated.gate.bias.fill_(bias)
            assert torch.allclose(gated.join(both), part.tanh(), atol=1e-6)


def table(prepared, values):
    frame = pd.DataFrame(values, columns=[f"Cells_F_{i}" for i in range(values.shape[1])])
    metadata = prepared.images.metadata.reset_index(drop=True)
    return profiles.from_frame(pd.concat([metadata, frame], axis=1))


@pytest.mark.parametrize("join", ["film", "gated"])
def test_features_are_joined_by_key_used_and_extracted(planted_screen, join):
    torch.set_num_threads(1)
    screen = planted_screen()
    codes = np.unique(screen.labels, return_inverse=True)[1]
    noise = np.random.default_rng(0).normal(size=(len(codes), 2))
    features = table(screen.prepared, np.column_stack([1e4 * codes, noise]))
    network = JointCNN(replace(SETTINGS, join=join), features=features)
    network.fit(screen.prepared, screen.train, labels=screen.labels[screen.train], seed=0)
    guessed = network.predict_proba(screen.prepared, screen.test).argmax(1)
    assert np.mean(np.array(network.classes)[guessed] == screen.labels[screen.test]) > 0.8
    joined = network.extract(screen.prepared, screen.test)
    assert joined.shape == (len(screen.test), 64)
    other = replace(network, features=table(screen.prepared, np.zeros((len(codes), 3))))
    assert not np.allclose(other.extract(screen.prepared, screen.test), joined)
    gappy = replace(
        network, features=profiles.take(features, np.arange(len(codes)) != screen.test[0])
    )
    read = gappy.extract(screen.prepared, screen.test)
    np.testing.assert_allclose(read[1:], joined[1:], atol=1e-5)
    assert np.isfinite(read[0]).all() and not np.allclose(read[0], joined[0])


@pytest.mark.parametrize("join", ["film", "gated"])
def test_the_contract_holds_however_they_are_joined(join):
    check_representation(
        JointCNN,
        {"epochs": 1, "width": 8, "size": 32, "batch": 16, "views": 1, "precision": "float32",
         "device": "cpu", "join": join},
    )  # fmt: skip
