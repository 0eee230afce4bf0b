"""From scaled pixels to what an encoder was trained on: intensity, normalisation, size."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from phenolens.errors import InputError
from phenolens.represent.networks.pixels import HEADROOM, central_square
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

Intensity = Literal["root", "linear"]
Resample = Literal["bilinear", "bicubic"]
Fit = Literal["resize", "pad"]
Normalise = Literal["fixed", "image", "range", "none"]
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_PIL = {2: "bilinear", 3: "bicubic"}


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image before an encoder sees it.

    Attributes
    ----------
    input : int
        Side of what the encoder reads, in pixels.
    resample : {"bilinear", "bicubic"}
        How an image is resized, with antialiasing where it becomes smaller.
    fit : {"resize", "pad"}
        ``pad`` leaves pixels their size: a smaller image is framed with zeros, of a larger one the
        centre is taken.
    intensity : {"root", "linear"}
        Of the scaled pixels (0 and 1 are percentiles of the plate's controls, four times the upper
        one is the most that is kept) the encoder gets the square root, as other networks do, or
        the value itself, both between 0 and 1.
    normalise : {"fixed", "image", "range", "none"}
        By `mean` and `sd` after resizing; or before it each stain of each image by its own mean and
        standard deviation (``image``) or least and largest value (``range``): intensity is then
        lost.
    mean, sd : tuple of float
        One a channel of the encoder, or one for all.
    eps : float
        Added to the variance of a stain of an image where it is divided by its root.
    """

    input: int = 224
    resample: Resample = "bilinear"
    fit: Fit = "resize"
    intensity: Intensity = "root"
    normalise: Normalise = "fixed"
    mean: tuple[float, ...] = IMAGENET[0]
    sd: tuple[float, ...] = IMAGENET[1]
    eps: float = 1e-12

    def apply(self, scaled: np.ndarray) -> torch.Tensor:
        """Scaled pixels (C, H, W) as float32 (C, input, input), but for a fixed mean and sd."""
        torch = require_torch()
        image = torch.from_numpy(np.clip(central_square(scaled), 0.0, HEADROOM) / HEADROOM)
        image = image.sqrt() if self.intensity == "root" else image
        image = self._alone(image.float())
        if self.fit == "pad":
            return _framed(image, self.input)
        if image.shape[-1] == self.input:
            return image
        resized = torch.nn.functional.interpolate(
            image[None],
            size=(self.input, self.input),
            mode=self.resample,
            antialias=True,
            align_corners=False,
        )
        return resized[0]

    def _alone(self, image: torch.Tensor) -> torch.Tensor:
        """Each stain by what it holds itself."""
        if self.normalise == "image":
            var, mean = require_torch().var_mean(image, dim=(1, 2), correction=0, keepdim=True)
            return (image - mean) / (var + self.eps).sqrt()
        if self.normalise == "range":
            low, high = image.amin((1, 2), keepdim=True), image.amax((1, 2), keepdim=True)
            return (image - low) / (high - low).clamp_min(1e-6)
        return image

    def standard(self, channels: int) -> tuple[list[float], list[float]]:
        """Mean and standard deviation of each channel of the encoder; 0 and 1 where none is fixed.

        Raises
        ------
        InputError
            If there are more or fewer than the encoder has channels.
        """
        if self.normalise != "fixed":
            return [0.0] * channels, [1.0] * channels
        both = []
        for name, values in (("mean", self.mean), ("sd", self.sd)):
            if len(values) not in (1, channels):
                raise InputError(
                    f"The encoder has {channels} channel(s), and {name} has {len(values)} values: "
                    f"{', '.join(f'{value:g}' for value in values)} (of the settings, else the "
                    f"model's own, else of photographs). Say {name} = [...]: one, or one a channel."
                )
            both.append(list(values) * (channels if len(values) == 1 else 1))
        return both[0], both[1]


def read_preprocessor(path: Path) -> Preprocessing:
    """What a model's ``preprocessor_config.json`` says, but for the crop of the centre.

    Crops hold a cell each, so the whole crop is resized to the side that the model reads.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        size = told.get("crop_size") if told.get("do_center_crop") else None
        size = size or told.get("size") or 224
        if isinstance(size, dict):
            size = size.get("height") or size.get("shortest_edge") or 224
        fixed = told.get("do_normalize", True)
        return Preprocessing(
            input=int(size),
            resample="bicubic" if _PIL.get(told.get("resample", 2)) == "bicubic" else "bilinear",
            normalise="fixed" if fixed else "none",
            mean=tuple(map(float, told.get("image_mean") or IMAGENET[0])),
            sd=tuple(map(float, told.get("image_std") or IMAGENET[1])),
        )
    except (ValueError, TypeError, AttributeError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}). Fetch the model again.") from None


def _framed(image: torch.Tensor, side: int) -> torch.Tensor:
    """The centre of an image, or the image in a frame of zeros."""
    out = image.new_zeros((image.shape[0], side, side))
    n = image.shape[-1]
    kept = min(n, side)
    into, of = (side - kept) // 2, (n - kept) // 2
    out[:, into : into + kept, into : into + kept] = image[:, of : of + kept, of : of + kept]
    return out
