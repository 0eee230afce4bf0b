"""A variational autoencoder as a representation: learned without labels, 64 numbers an image."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from phenolens.errors import DesignError, InputError
from phenolens.prepared import Prepared
from phenolens.profiles import BATCH, PLATE
from phenolens.represent.base import Kind, Learns, Options, Progress, register
from phenolens.represent.networks.feed import Batch, Feed
from phenolens.represent.networks.network import (
    Network,
    NetworkOptions,
    NetworkSettings,
    keys_of,
)
from phenolens.represent.networks.training import TrainSettings

if TYPE_CHECKING:
    import torch

    from phenolens.represent.networks.autoencoder import EvidenceBound, StainVAE

Condition = Literal["none", "plate", "batch"]
_COLUMNS = {"plate": PLATE, "batch": BATCH}
_USUAL = 64
_MORE_PATIENCE = 2.5  # an autoencoder often learns after a plateau


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
    condition : {"none", "plate", "batch"}
        What the decoder is told of an image, so that the code need not hold it. The encoder is
        told nothing: plates never seen are encoded like any other, and decoded with the mean of
        those that were.
    """

    training: TrainSettings = field(default_factory=partial(TrainSettings, patience=20))
    latent: int = 64
    beta: float = 1.0
    width: int = 32
    condition: Condition = "none"


class VAEOptions(NetworkOptions):
    """``latent`` numbers describe an image; ``beta`` weighs the divergence from the prior.

    ``condition`` is what the decoder is told: ``plate``, ``batch`` or ``none``.
    ``width`` is that of a CNN of the same study, 64 if it is not set: the autoencoder starts with
    half.
    """

    latent: Annotated[int, Field(ge=1)] = 64
    beta: Annotated[float, Field(ge=0)] = 1.0
    condition: Condition = "none"


@register
@dataclass
class VAE(Network):
    """Convolutional VAE (Kingma & Welling 2014); its features are the means of the code."""

    settings: VAESettings = field(default_factory=VAESettings)
    name: str = "vae"

    label: ClassVar[str] = "VAE"
    kind: ClassVar[Kind] = "unsupervised"
    methods: ClassVar[str] = (
        "The VAE is a convolutional variational autoencoder [kingma2014] trained without labels; "
        "its features are the means of a code of {latent} numbers."
    )
    learns: ClassVar[Learns] = "pixels"
    Options: ClassVar[type[Options]] = VAEOptions
    rank: ClassVar[int] = 40

    @classmethod
    def of(cls, options: VAEOptions, *, level: str, seed: int) -> VAE:
        """As the study file says, with two and a half times its patience."""
        del seed
        patience = round(_MORE_PATIENCE * options.patience)
        return cls(
            VAESettings(
                options.pixels(level),
                replace(options.training(), patience=patience),
                augment=options.augment,
                views=options.views,
                adapt=options.adapt,
                latent=options.latent,
                beta=options.beta,
                width=(options.width or _USUAL) // 2,
                condition=options.condition,
            )
        )

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
        self.state = {"labels_seen": [], "conditions": self._conditions(prepared, rows)}
        self._prepare_training(prepared, rows, seed)
        held = self._held_back(prepared, rows, None, seed)
        feeds = (self.told(prepared, rows[~held]), self.told(prepared, rows[held]))
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
        made = self._collect(self.told(prepared, rows), what=self._decoded)
        return seen, np.clip(made.reshape(seen.shape) * scale + shift, 0.0, 1.0)

    def _decoded(self, batch: Batch) -> torch.Tensor:
        squares = self.settings.pixels.tiles**2
        model = self._require_model()
        return model.decode(model.encode(batch.images[::squares])[0], batch.targets).flatten(1)

    def told(self, prepared: Prepared, rows: np.ndarray) -> Feed:
        """What the decoder reads: pixels, and the plate or batch where it was fitted with them."""
        known = self.state["conditions"]
        if not known:
            return self.inputs(prepared, rows)
        codes = pd.Index(known).get_indexer(self._condition_of(prepared, rows))
        return self.inputs(prepared, rows, targets=codes.astype(np.int64))

    def _conditions(self, prepared: Prepared, rows: np.ndarray) -> list[str]:
        if self.settings.condition == "none":
            return []
        return sorted(set(self._condition_of(prepared, rows)))

    def _condition_of(self, prepared: Prepared, rows: np.ndarray) -> np.ndarray:
        column, metadata = _COLUMNS[self.settings.condition], prepared.images.metadata
        if column not in metadata or metadata[column].iloc[rows].isna().any():
            raise DesignError(
                f"condition = '{self.settings.condition}', and not every image has one. Name the "
                f"{self.settings.condition} of each, or choose condition = 'plate'."
            )
        return metadata[column].iloc[rows].astype(str).to_numpy()

    def build(self) -> StainVAE:
        """A new network of these settings; needs the number of stains."""
        from phenolens.represent.networks.autoencoder import StainVAE

        settings = self.settings
        return StainVAE(
            self.state["n_stains"],
            settings.pixels.size,
            latent=settings.latent,
            width=settings.width,
            conditions=len(self.state.get("conditions", ())),
        )

    def _objective(self) -> EvidenceBound:
        from phenolens.represent.networks.autoencoder import EvidenceBound

        return EvidenceBound(self.settings.beta)

    def _embed(self, batch: Batch) -> torch.Tensor:
        mean = self._require_model().encode(batch.images)[0]
        return mean.unflatten(0, (-1, self.settings.pixels.tiles**2)).mean(1)
