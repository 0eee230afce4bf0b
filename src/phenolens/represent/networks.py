"""The networks by name, and what training one will cost; importing this needs no PyTorch.

>>> cnn = NETWORKS["cnn"](CNNSettings(), pixels=store)
>>> features = cnn.fit(prepared, train, labels=labels, seed=0).extract(prepared, test)
"""

from __future__ import annotations

from dataclasses import replace

from phenolens.represent.cnn import CNN, CNNSettings, Untrained, UntrainedSettings
from phenolens.represent.network import Network, NetworkSettings
from phenolens.represent.pixels import PixelSettings, PixelStore
from phenolens.represent.training import TrainSettings
from phenolens.represent.vae import VAE, VAESettings

NETWORKS: dict[str, type[Network]] = {"cnn": CNN, "vae": VAE, "untrained": Untrained}
SETTINGS: dict[str, type[NetworkSettings]] = {
    "cnn": CNNSettings,
    "vae": VAESettings,
    "untrained": UntrainedSettings,
}

__all__ = [
    "CNN",
    "NETWORKS",
    "SETTINGS",
    "VAE",
    "CNNSettings",
    "NetworkSettings",
    "PixelSettings",
    "PixelStore",
    "TrainSettings",
    "Untrained",
    "UntrainedSettings",
    "VAESettings",
    "estimate_seconds",
    "settle",
]


def settle(network: Network, n_stains: int, n_classes: int = 2) -> tuple[Network, dict]:
    """Write this machine's device and precision into the settings, and measure its speed.

    Returns
    -------
    network : Network
        The same, with ``device`` and ``precision`` of its training settings resolved.
    speeds : dict
        Training images a second in each precision.
    """
    from phenolens.represent.devices import pick_device, pick_precision, training_speeds

    training, pixels = network.settings.training, network.settings.pixels
    device = pick_device(training.device)
    sketch = replace(network, state={"n_stains": n_stains, "classes": ["?"] * n_classes})
    shape = (training.batch, n_stains, pixels.size, pixels.size)
    speeds = training_speeds(sketch.build, shape, device=device)
    precision = training.precision
    if precision == "auto":
        precision = pick_precision(device)
    training = replace(training, device=device, precision=precision)
    return replace(network, settings=replace(network.settings, training=training)), speeds


def estimate_seconds(network: Network, n_images: int, *, images_per_second: float) -> float:
    """Longest that one training can take: all epochs over `n_images` images."""
    return network.settings.training.epochs * n_images / images_per_second
