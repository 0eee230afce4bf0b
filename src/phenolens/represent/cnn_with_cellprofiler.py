"""The CNN whose classifier reads measured features beside the embedding while it learns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from phenolens.represent.base import register
from phenolens.represent.cnn import CNN


@register
@dataclass
class JointCNN(CNN):
    """A :class:`~phenolens.represent.cnn.CNN` trained with the features measured of each image."""

    name: str = "cnn-with-cellprofiler"

    label: ClassVar[str] = "CNN trained with CellProfiler-type"
    methods: ClassVar[str] = (
        "A second CNN was trained with principal components of each cell's CellProfiler-type "
        "features beside its embedding."
    )
    needs_measured: ClassVar[bool] = True
    rank: ClassVar[int] = 60
