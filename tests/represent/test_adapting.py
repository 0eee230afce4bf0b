"""A network that takes the mean and spread of a plate's controls when it reads the plate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phenolens.errors import DesignError, InputError
from phenolens.represent.networks.adapting import adapted
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.represent.networks.training import TrainSettings
from phenolens.represent.untrained import Untrained
from phenolens.represent.vae import VAE, VAESettings
from phenolens.testing import check_representation

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

TINY = {
    "epochs": 1, "width": 8, "size": 32, "batch": 16, "views": 1, "precision": "float32",
    "device": "cpu", "adapt": "controls",
}  # fmt: skip
SETTINGS = VAESettings(
    pixels=PixelSettings(size=32),
    training=TrainSettings(epochs=1, batch=16, device="cpu", precision="float32"),
    width=8,
    latent=4,
    views=1,
    adapt="controls",
)


@pytest.fixture(scope="module")
def screen(planted_screen):
    torch.set_num_threads(1)
    return planted_screen()


@pytest.fixture(scope="module")
def fitted(screen):
    return VAE(SETTINGS).fit(screen.prepared, screen.train, seed=0)


def test_statistics_are_those_of_the_plates_controls_and_go_when_it_is_read(screen, fitted):
    before = {name: value.clone() for name, value in fitted.model.state_dict().items()}
    read = fitted.extract(screen.prepared, screen.test)
    plain = replace(fitted, settings=replace(SETTINGS, adapt="none"))
    assert not np.allclose(plain.extract(screen.prepared, screen.test), read)
    for name, value in fitted.model.state_dict().items():
        assert torch.equal(value, before[name]), name
    controls = screen.test[screen.labels[screen.test] == "DMSO"]
    seen = []
    layer = next(m for m in fitted.model.modules() if isinstance(m, torch.nn.BatchNorm2d))
    hook = layer.register_forward_hook(lambda m, inputs, out: seen.append((m.training, inputs[0])))
    fitted.extract(screen.prepared, screen.test[:2])
    hook.remove()
    shown = torch.cat([images for training, images in seen if training])
    assert len(shown) == len(controls)


def test_what_is_read_with_an_image_changes_nothing(screen, fitted):
    """Whatever the share of treated images: only controls speak."""
    whole = fitted.extract(screen.prepared, np.arange(len(screen.labels)))
    treated = np.flatnonzero(screen.labels == "A")[::-1]
    np.testing.assert_allclose(fitted.extract(screen.prepared, treated), whole[treated], atol=1e-5)


def test_a_plate_without_enough_controls_is_named(screen, fitted):
    few = np.flatnonzero(screen.labels == "DMSO")[:3]
    calibrating = np.isin(np.arange(len(screen.labels)), few)
    store = PixelStore(screen.prepared, SETTINGS.pixels, calibrating=calibrating)
    network = replace(fitted, pixels=store)
    with pytest.raises(DesignError, match="Plate 'P1' has 3 images of calibrating controls"):
        network.extract(screen.prepared, few)


def test_a_network_without_batch_normalisation_cannot_be_adapted():
    model = torch.nn.Sequential(torch.nn.LayerNorm(3))
    with (
        pytest.raises(InputError, match="this network has none"),
        adapted(model, [], batch=8, see=model),
    ):
        pass


@pytest.mark.parametrize("kind", [VAE, Untrained])
def test_the_contract_holds(kind):
    check_representation(kind, TINY)
