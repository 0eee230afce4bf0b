"""Augmentation of training images: flips, quarter turns, and a little intensity per stain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    import torch

SYMMETRIES = 8


def turn(images: torch.Tensor, code: int) -> torch.Tensor:
    """One of the eight symmetries of the square, applied to (..., S, S)."""
    turned = require_torch().rot90(images, code % 4, dims=(-2, -1))
    return turned.flip(-1) if code >= 4 else turned


def turn_each(images: torch.Tensor, codes: np.ndarray) -> torch.Tensor:
    """Each image (B, C, S, S) in its own symmetry (codes 0-7, (B,)); 0 leaves it as it is."""
    torch = require_torch()
    out = torch.empty_like(images)
    for code in np.unique(codes):
        chosen = torch.from_numpy(np.flatnonzero(codes == code)).to(images.device)
        out[chosen] = turn(images[chosen], int(code))
    return out


def jitter(
    shape: tuple[int, int], strength: float, *, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset for each image and stain, float32, both of this shape.

    Gains are within ``1 ± strength``; offsets within a fifth of that on the 0-1 scale of the bytes.
    """
    gain = rng.uniform(1.0 - strength, 1.0 + strength, shape)
    offset = rng.uniform(-strength / 5, strength / 5, shape)
    return gain.astype(np.float32), offset.astype(np.float32)
