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
    """Measure what pays on this device, and write device and precision into the settings.

    Call it once a study and use the settings for every fold: a precision that is measured anew
    each time could differ, and with it the bytes.

    Returns
    -------
    network : Network
        The same, with ``device`` and ``precision`` of its training settings resolved.
    speeds : dict
        Training images a second in each precision.
    """
    from phenolens.represent.devices import faster_precision, pick_device

    training, pixels = network.settings.training, network.settings.pixels
    device = pick_device(training.device)
    sketch = replace(network, state={"n_stains": n_stains, "classes": ["?"] * n_classes})
    shape = (min(training.batch, 32), n_stains, pixels.size, pixels.size)
    precision, speeds = faster_precision(sketch.build, shape, device=device)
    if training.precision != "auto":
        precision = training.precision
    training = replace(training, device=device, precision=precision)
    return replace(network, settings=replace(network.settings, training=training)), speeds


def estimate_seconds(network: Network, n_images: int, *, images_per_second: float) -> float:
    """Longest that one training can take: all epochs over `n_images` images."""
    return network.settings.training.epochs * n_images / images_per_second
