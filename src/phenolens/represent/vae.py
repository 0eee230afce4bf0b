"""A variational autoencoder as a representation: learned without labels, 64 numbers an image."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from phenolens.errors import InputError
from phenolens.prepared import Prepared
from phenolens.represent.base import Learns, Progress
from phenolens.represent.feed import Batch
from phenolens.represent.network import Network, NetworkSettings, keys_of
from phenolens.represent.training import TrainSettings


@dataclass(frozen=True)
class VAESettings(NetworkSettings):
    """Settings of the autoencoder; it waits longer, because it often learns after a plateau.

    Attributes
    ----------
    latent : int
        Numbers an image is described by.
    beta : float
        Weight of the divergence from the prior.
    width : int
        Filters of the first layer.
    """

    training: TrainSettings = field(default_factory=partial(TrainSettings, patience=20))
    latent: int = 64
    beta: float = 1.0
    width: int = 32


@dataclass
class VAE(Network):
    """Convolutional VAE (Kingma & Welling 2014); its features are the means of the code."""

    settings: VAESettings = field(default_factory=VAESettings)
    name: str = "vae"
    learns: Learns = field(default="pixels", init=False)

    def fit(
        self,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        labels: np.ndarray | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> VAE:
        """Learn from the pixels of these rows; labels are not looked at.

        Raises
        ------
        InputError
            If the size is no multiple of 16, or the loss is lost at once.
        """
        if self.settings.pixels.size % 16:
            raise InputError(
                f"The autoencoder halves images four times: size {self.settings.pixels.size} is no "
                "multiple of 16."
            )
        rows = np.asarray(rows)
        self.state = {"labels_seen": []}
        self._prepare_training(prepared, rows, seed)
        held = self._held_back(prepared, rows, None, seed)
        feeds = tuple(self.inputs(prepared, rows[part]) for part in (~held, held))
        identity = [keys_of(prepared, rows), self.store(prepared).digest()]
        self._train(self._objective(), feeds, identity=identity, progress=progress)
        return self

    def reconstruct(self, prepared: Prepared, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What it saw and what it made of it, for a figure.

        Returns
        -------
        images, reconstructions : ndarray of float32, shape (len(rows), C, S, S)
            The first square of each image, on the 0-1 scale of the stored bytes.
        """
        standard = self.standard()
        scale, shift = standard.sd[:, None, None], standard.mean[:, None, None]
        seen = self.store(prepared).take(np.asarray(rows))[:, 0].astype(np.float32) / 255.0
        made = self._collect(self.inputs(prepared, rows), what=self._decoded)
        return seen, np.clip(made.reshape(seen.shape) * scale + shift, 0.0, 1.0)

    def _decoded(self, batch: Batch):
        squares = self.settings.pixels.tiles**2
        return self.model(batch.images[::squares]).flatten(1)

    def build(self):
        from phenolens.represent.autoencoder import StainVAE

        settings = self.settings
        return StainVAE(
            self.state["n_stains"],
            settings.pixels.size,
            latent=settings.latent,
            width=settings.width,
        )

    def _objective(self):
        from phenolens.represent.autoencoder import EvidenceBound

        return EvidenceBound(self.settings.beta)

    def _embed(self, batch: Batch):
        mean = self.model.encode(batch.images)[0]
        return mean.unflatten(0, (-1, self.settings.pixels.tiles**2)).mean(1)
