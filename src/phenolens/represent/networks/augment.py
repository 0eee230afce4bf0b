"""Augmentation of training images: flips, quarter turns, and a little intensity per stain."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from phenolens.files import atomic_path
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


def contact_sheet(
    squares: np.ndarray, path: str | Path, *, strength: float = 0.1, n: int = 8, seed: int = 0
) -> None:
    """Write a PNG to look at: one line per image and stain, the original first, then augmented.

    Parameters
    ----------
    squares : ndarray of uint8, shape (n_images, C, S, S)
    path : path
        The PNG file.
    strength : float
        Intensity jitter, as in training.
    n : int
        Augmented versions beside each original.
    """
    from matplotlib.image import imsave

    rng = np.random.default_rng(seed)
    versions = [squares, *(_augmented(squares, strength, rng) for _ in range(n))]
    framed = np.pad(np.stack(versions), [(0, 0)] * 3 + [(1, 1)] * 2, constant_values=255)
    lines = framed.transpose(1, 2, 3, 0, 4)
    sheet = lines.reshape(-1, framed.shape[0] * framed.shape[-1])
    with atomic_path(path) as partial:
        imsave(partial, np.repeat(sheet[..., None], 3, axis=2), format="png")


def _augmented(squares: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    torch = require_torch()
    codes = rng.integers(SYMMETRIES, size=len(squares))
    turned = turn_each(torch.from_numpy(squares.copy()), codes).numpy()
    gain, offset = jitter(squares.shape[:2], strength, rng=rng)
    values = turned * gain[..., None, None] + 255.0 * offset[..., None, None]
    return np.clip(values, 0, 255).astype(np.uint8)
