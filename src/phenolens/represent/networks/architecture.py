"""Which backbone a network has: its family, how it begins, and how wide it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Family = Literal["resnet-18", "resnet-34", "resnet-50", "convnext-atto", "convnext-tiny"]
Stem = Literal["auto", "fine", "half", "classic"]

SMALL = 96
_STRIDES = {"fine": (1, 2, 4, 8), "half": (2, 4, 8, 16), "classic": (4, 8, 16, 32)}
_CLASSIC_WIDTH = {"convnext-atto": 40, "convnext-tiny": 96}
_RESNET_WIDTH = 64
_NARROW = 32


@dataclass(frozen=True)
class Architecture:
    """A backbone as settings name it; :meth:`at` fills in what they leave open.

    Attributes
    ----------
    family : str
        ResNet-18, 34 or 50 (He et al. 2016), ConvNeXt with the depths of *atto* or *tiny* (Liu et
        al. 2022).
    stem : {"auto", "fine", "half", "classic"}
        How it begins, which sets the stride of its four stages. ``classic`` divides the image by 4
        at once (7 x 7 convolution and pooling; 4 x 4 patches): made for photographs of 224 pixels.
        ``half`` looks at every pixel (3 x 3 convolution without pooling; 2 x 2 patches) and halves
        the image in its first stage; ``fine`` halves it from its second stage on, at four times
        the cost.
        ``auto`` is ``half`` for images up to 96 pixels, else ``classic``, and always ``classic``
        where the network starts from weights, which are of that stem.
    width : int
        Filters of the first stage. 0 is 32 with a fine or half stem, and what the family has
        with a classic one (64; 40 and 96): on 64 pixels both cost about the same.
    """

    family: Family = "resnet-18"
    stem: Stem = "auto"
    width: int = 0

    def at(self, size: int, *, pretrained: bool = False) -> Architecture:
        """The same with stem and width decided, for images of `size` pixels."""
        stem = self.stem
        if stem == "auto":
            stem = "half" if size <= SMALL and not pretrained else "classic"
        usual = _CLASSIC_WIDTH.get(self.family, _RESNET_WIDTH) if stem == "classic" else _NARROW
        return replace(self, stem=stem, width=self.width or usual)

    @property
    def strides(self) -> tuple[int, int, int, int]:
        """Pixels of the image that a position of each stage stands for."""
        return _STRIDES[self.stem]
