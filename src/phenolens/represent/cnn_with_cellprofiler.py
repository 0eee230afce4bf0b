"""The CNN whose classifier reads measured features beside the embedding while it learns."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from phenolens.prepared import Prepared
from phenolens.represent.base import Options, Progress, register
from phenolens.represent.cnn import CNN, CNNOptions, CNNSettings
from phenolens.represent.networks.feed import Batch
from phenolens.represent.networks.joining import FeatureBlock

if TYPE_CHECKING:
    import torch

Join = Literal["late", "film", "gated"]


@dataclass(frozen=True)
class JointSettings(CNNSettings):
    """Settings of a network that reads measured features.

    Attributes
    ----------
    join : {"late", "film", "gated"}
        Features stand beside the embedding; or scale and shift it; or a gate says for each number
        which of both speaks. With ``late`` features only help to learn, and what is extracted is
        the embedding of pixels; else it is both, joined.
    """

    join: Join = "late"


class JointOptions(CNNOptions):
    """``join`` says how: ``late``, ``film`` or ``gated``."""

    join: Join = "late"


@register
@dataclass
class JointCNN(CNN):
    """A :class:`~phenolens.represent.cnn.CNN` trained with the features measured of each image."""

    settings: JointSettings = field(default_factory=JointSettings)
    name: str = "cnn-with-cellprofiler"

    label: ClassVar[str] = "CNN trained with CellProfiler-type"
    methods: ClassVar[str] = (
        "A second CNN was trained with principal components of each cell's CellProfiler-type "
        "features beside its embedding (joined: {join})."
    )
    needs_measured: ClassVar[bool] = True
    Options: ClassVar[type[Options]] = JointOptions
    rank: ClassVar[int] = 60

    @classmethod
    def of(cls, options: CNNOptions, *, level: str, seed: int) -> JointCNN:
        """As the study file says."""
        usual = CNN.of(options, level=level, seed=seed).settings
        common = {part.name: getattr(usual, part.name) for part in fields(CNNSettings)}
        join = options.join if isinstance(options, JointOptions) else "late"
        return cls(JointSettings(**common, join=join))

    def extract(
        self, prepared: Prepared, rows: np.ndarray, *, progress: Progress | None = None
    ) -> np.ndarray:
        """The embedding of pixels, or what they and the features are joined to.

        There an image without measured cells is read as if they were middling.
        """
        if self.settings.join == "late" or "features" not in self.state:
            return super().extract(prepared, rows, progress=progress)
        block = FeatureBlock(**self.state["features"])
        features = block.of(self.features, prepared, rows, gaps=True)
        feed = self.inputs(prepared, rows, features=features)
        return self._read(feed, self._joined, prepared, progress=progress)

    def build(self) -> Any:
        """A new network of these settings; needs stains, classes and features."""
        from phenolens.represent.networks import joints

        model = super().build()
        n_features = len(self.state.get("features", {}).get("names", []))
        if self.settings.join == "late" or not n_features:
            return model
        kind = {"film": joints.Modulated, "gated": joints.Gated}[self.settings.join]
        embedded = model.head.in_features - n_features
        model.head = kind(embedded, n_features, model.head.out_features)
        return model

    def _joined(self, batch: Batch) -> torch.Tensor:
        from torch import cat

        squares = self.settings.pixels.tiles**2
        embedding = self.model.balance(self.model.embed(batch.images)).float()
        assert batch.features is not None
        features = batch.features.repeat_interleave(squares, dim=0)
        joined = self.model.head.join(cat([embedding, features], dim=1))
        return joined.float().unflatten(0, (-1, squares)).mean(1)
