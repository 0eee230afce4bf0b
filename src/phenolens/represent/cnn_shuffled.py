"""The CNN trained on labels swapped between wells: what position alone teaches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from phenolens.represent.base import Kind, register
from phenolens.represent.cnn import CNN


@register
@dataclass
class ShuffledCNN(CNN):
    """The control of :class:`~phenolens.represent.cnn.CNN`: wells swap labels on their plate."""

    name: str = "cnn-shuffled"

    label: ClassVar[str] = "CNN, labels shuffled"
    kind: ClassVar[Kind] = "baseline"
    methods: ClassVar[str] = (
        "The control of the CNN is the same network trained on labels that wells of a plate had "
        "swapped."
    )
    rank: ClassVar[int] = 80
    shuffles: ClassVar[bool] = True
