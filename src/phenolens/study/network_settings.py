"""The study's [networks] section as settings of each network."""

from __future__ import annotations

from phenolens.config import Networks
from phenolens.errors import ConfigError
from phenolens.represent.networks import (
    NETWORKS,
    CNNSettings,
    Network,
    NetworkSettings,
    PixelSettings,
    TrainSettings,
    UntrainedSettings,
    VAESettings,
)

JOINT, SHUFFLED = "cnn-with-cellprofiler", "cnn-shuffled"
SUPERVISED = ("cnn", JOINT, SHUFFLED)
NAMES = (*NETWORKS, JOINT, SHUFFLED)
_SIZES = {"cell": 64, "tile": 128, "field": 128}
_MORE_PATIENCE = 2.5  # an autoencoder often learns after a plateau


def network_of(name: str, asked: Networks, *, level: str, seed: int) -> Network:
    """The unfitted network of this name for images of this level (field, tile or cell)."""
    kind = NETWORKS["cnn" if name in SUPERVISED else name]
    size = asked.size or _SIZES[level]
    pixels = PixelSettings(size=size, tiles=asked.tiles, scaling=asked.scaling)
    return kind(_settings(name, asked, pixels, seed=seed), name=name)


def _settings(name: str, asked: Networks, pixels: PixelSettings, *, seed: int) -> NetworkSettings:
    training = _training(asked, patience=asked.patience)
    if name == "untrained":
        return UntrainedSettings(pixels, training, views=asked.views, width=asked.width, seed=seed)
    if name == "vae":
        training = _training(asked, patience=round(_MORE_PATIENCE * asked.patience))
        half = asked.width // 2
        return VAESettings(
            pixels,
            training,
            views=asked.views,
            latent=asked.latent,
            beta=asked.beta,
            width=half,
        )
    return CNNSettings(
        pixels,
        training,
        views=asked.views,
        width=asked.width,
        weights=asked.weights,
        shuffle_labels=name == SHUFFLED,
    )


def _training(asked: Networks, *, patience: int) -> TrainSettings:
    return TrainSettings(
        epochs=asked.epochs,
        batch=asked.batch,
        learning_rate=asked.learning_rate,
        patience=patience,
        validation=asked.validation,
        device=asked.device,
        precision=asked.precision,
    )


def check_names(wanted: list[str], given: list[str]) -> None:
    """Refuse representations that cannot be made, and networks where there is no PyTorch.

    Parameters
    ----------
    wanted : list of str
        ``represent.representations``.
    given : list of str
        Names of profiles that came with the screen, which may be part of a fusion.

    Raises
    ------
    ConfigError
        If a name is unknown, or a fusion names what is not among the representations.
    InputError
        If a network is asked for and PyTorch is not installed.
    """
    from phenolens.represent.torches import require_torch

    single = ["cellprofiler", "pixel-pca", *NAMES]
    there = {*given, *wanted}
    for name in wanted:
        parts = name.split("+")
        if len(parts) == 1 and name not in single:
            raise ConfigError(
                f"represent.representations: '{name}' is not known; choose from "
                f"{', '.join(single)}, or join two as in 'cnn+cellprofiler'."
            )
        if len(parts) > 1:
            _check_fusion(name, parts, there)
    if set(wanted) & set(NAMES):
        require_torch()


def _check_fusion(name: str, parts: list[str], there: set[str]) -> None:
    if len(parts) != 2 or parts[0] == parts[1]:
        raise ConfigError(f"represent.representations: '{name}' must join two representations.")
    absent = [part for part in parts if part not in there]
    if absent:
        raise ConfigError(
            f"represent.representations: '{name}' needs '{absent[0]}'; name that one too: a fusion "
            "is compared with what it is made of."
        )
