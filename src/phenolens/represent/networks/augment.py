"""Augmentation of training images: where a crop lies, how it is stained, how sharp it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

SYMMETRIES = 8

Chance = Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class Augment:
    """What is changed at random in each training image; validation and reading change nothing.

    Attributes
    ----------
    symmetries : bool
        One of the eight symmetries of the square.
    gain : float
        Each stain's brightness within ``1 ± gain``.
    offset : float
        Each stain's background within ``± offset``, where 1 is the whole scale of the bytes.
    shift : float
        The crop moves by up to this share of its side, each way; what comes in repeats the edge.
    blur : float
        Gaussian blur of up to so many pixels (standard deviation).
    noise : float
        Normal noise of up to this standard deviation, in those of the stain.
    drop : float
        Chance that a stain is left out: it is flat at its mean. The last one is never left out.
    """

    symmetries: bool = True
    gain: Chance = 0.1
    offset: Chance = 0.02
    shift: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    blur: Annotated[float, Field(ge=0, le=8)] = 0.0
    noise: Annotated[float, Field(ge=0, le=2)] = 0.0
    drop: Chance = 0.0

    def place(self, pixels: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Pixels (B, C, S, S) of any type, each moved and turned."""
        if self.shift:
            most = round(self.shift * pixels.shape[-1])
            pixels = moved(pixels, rng.integers(-most, most + 1, (len(pixels), 2)))
        if self.symmetries:
            pixels = turn_each(pixels, rng.integers(SYMMETRIES, size=len(pixels)))
        return pixels

    def staining(
        self, shape: tuple[int, int], rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Gain and offset of each image and stain, float32, both of this shape."""
        gain = rng.uniform(1.0 - self.gain, 1.0 + self.gain, shape)
        offset = rng.uniform(-self.offset, self.offset, shape)
        return gain.astype(np.float32), offset.astype(np.float32)

    def spoil(self, images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
        """Standardised images (B, C, S, S) blurred, noisy, and without some of their stains."""
        torch = require_torch()
        shape = tuple(images.shape)
        if self.blur:
            images = blurred(images, rng.uniform(0, self.blur, shape[0]))
        if self.noise:
            source = torch.Generator(images.device).manual_seed(int(rng.integers(2**62)))
            sizes = torch.from_numpy(rng.uniform(0, self.noise, shape[:1]).astype(np.float32))
            noise = torch.randn(shape, generator=source, device=images.device)
            images = images + noise * sizes.to(images.device)[:, None, None, None]
        if self.drop:
            kept = rng.random(shape[:2]) >= self.drop
            kept[np.arange(shape[0]), rng.integers(shape[1], size=shape[0])] = True
            images = images * torch.from_numpy(kept).to(images)[..., None, None]
        return images.contiguous(memory_format=torch.channels_last)


def turn(images: torch.Tensor, code: int) -> torch.Tensor:
    """One of the eight symmetries of the square, applied to (..., S, S)."""
    turned = require_torch().rot90(images, code % 4, dims=(-2, -1))
    return turned.flip(-1) if code >= 4 else turned


def turn_each(images: torch.Tensor, codes: np.ndarray) -> torch.Tensor:
    """Each image (B, C, S, S) in its own symmetry (codes 0-7, (B,)); 0 leaves it as it is."""
    torch = require_torch()
    order = np.argsort(codes, kind="stable")
    there, back = torch.from_numpy(np.stack([order, np.argsort(order)])).to(images.device)
    found, counts = np.unique(codes, return_counts=True)
    parts = images[there].split(counts.tolist())
    return torch.cat([turn(part, int(code)) for part, code in zip(parts, found, strict=True)])[back]


def moved(images: torch.Tensor, by: np.ndarray) -> torch.Tensor:
    """Each image (B, C, S, S) moved by its own (y, x) pixels (B, 2); the edge is repeated."""
    torch = require_torch()
    side = images.shape[-1]
    y, x = (
        torch.from_numpy(np.clip(np.arange(side) - one[:, None], 0, side - 1)).to(images.device)
        for one in by.T
    )
    row = torch.arange(len(images), device=images.device)[:, None, None]
    return images[row, :, y[:, :, None], x[:, None, :]].permute(0, 3, 1, 2)


def blurred(images: torch.Tensor, sigmas: np.ndarray) -> torch.Tensor:
    """Each image (B, C, S, S) under a Gaussian of its own standard deviation in pixels (B,)."""
    torch = require_torch()
    batch, stains, side, _ = images.shape
    reach = min(side - 1, max(1, int(np.ceil(3 * sigmas.max()))))
    place = np.arange(-reach, reach + 1)
    kernels = np.exp(-0.5 * (place / np.maximum(sigmas, 1e-3)[:, None]) ** 2)
    kernels /= kernels.sum(axis=1, keepdims=True)
    kernels = torch.from_numpy(np.repeat(kernels, stains, axis=0)).to(images)[:, None]
    planes = torch.nn.functional.pad(images, [reach] * 4, mode="reflect").flatten(0, 1)[None]
    for kernel in (kernels[:, :, None], kernels[..., None]):
        planes = torch.nn.functional.conv2d(planes, kernel, groups=batch * stains)
    return planes[0].unflatten(0, (batch, stains))
