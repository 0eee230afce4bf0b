"""What training a network will cost on this machine."""

from __future__ import annotations

from dataclasses import replace

from phenolens.represent.networks.network import Network


def settle(network: Network, n_stains: int, n_classes: int = 2) -> tuple[Network, dict]:
    """Write this machine's device and precision into the settings, and measure its speed.

    Returns
    -------
    network : Network
        The same, with ``device`` and ``precision`` of its training settings resolved.
    speeds : dict
        Training images a second in each precision.
    """
    from phenolens.represent.networks.devices import pick_device, pick_precision, training_speeds

    training, pixels = network.settings.training, network.settings.pixels
    device = pick_device(training.device)
    sketch = replace(network, state={"n_stains": n_stains, "classes": ["?"] * n_classes})
    shape = (training.batch, n_stains, pixels.size, pixels.size)
    precision = training.precision
    if precision == "auto":
        precision = pick_precision(device)
    precisions = sorted({"float32", "bf16", precision})
    speeds = training_speeds(sketch.build, shape, device=device, precisions=precisions)
    training = replace(training, device=device, precision=precision)
    return replace(network, settings=replace(network.settings, training=training)), speeds


def estimate_seconds(network: Network, n_images: int, *, images_per_second: float) -> float:
    """Longest that one training can take: all epochs over `n_images` images."""
    return network.settings.training.epochs * n_images / images_per_second
