"""Maps of a network's stages: Grad-CAM, Grad-CAM++ and LayerCAM, of any network of convolutions.

For a score y and activations ``A^k`` of a stage with gradients ``g^k = dy/dA^k``:

- Grad-CAM (Selvaraju et al. 2017): ``ReLU(sum_k mean(g^k) A^k)``,
- Grad-CAM++ (Chattopadhay et al. 2018): weights ``sum(alpha^k ReLU(g^k))`` with ``alpha = g^2 /
  (2 g^2 + sum(A) g^3)``,
- LayerCAM (Jiang et al. 2021): ``ReLU(sum_k ReLU(g^k) A^k)``, place by place.

The last stage of a network for large images has a stride of 32 pixels, wider than a nucleus in a
128-pixel image. A stage is therefore chosen by resolution: stride 8 for Grad-CAM and Grad-CAM++,
which mean gradients over all places, and the first stage for LayerCAM, which does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from phenolens.errors import InputError
from phenolens.interpret.scores import TargetScores
from phenolens.represent.differentiable import Differentiable
from phenolens.represent.networks.torches import require_torch

_STRIDE, _POSITIONS = 8, 8


def choose_stage(strides: Sequence[int], size: int, *, nucleus: float | None = None) -> int:
    """The deepest stage that is still fine enough, else the first.

    Parameters
    ----------
    strides : sequence of int
        Pixels of the input that a position of each stage stands for.
    size : int
        Side of the network's input in pixels.
    nucleus : float, optional
        Diameter of a nucleus in the input; a position must then be at most half as wide. Without
        it, at most 8 pixels and an eighth of the input.
    """
    widest = min(_STRIDE, size / _POSITIONS) if nucleus is None else nucleus / 2
    return max((stage for stage, stride in enumerate(strides) if stride <= widest), default=0)


def stages(given: Differentiable) -> list[tuple[Any, int]]:
    """The last layer of each resolution at which a network sees an image, with its stride.

    Raises
    ------
    InputError
        If no layer keeps an image's places (a network of patches as tokens).
    """
    torch = require_torch()
    size, found = given.images.shape[-1], dict[int, Any]()

    def note(layer, _, out) -> None:
        if isinstance(out, torch.Tensor) and out.ndim == 4 and out.shape[-2] == out.shape[-1]:
            found[out.shape[-1]] = layer

    held = [layer.register_forward_hook(note) for layer in given.module.modules()]
    try:
        with torch.no_grad():
            given.embed(given.images[:1])
    finally:
        for each in held:
            each.remove()
    found = {side: layer for side, layer in found.items() if 1 < side <= size}
    if not found:
        raise InputError(
            "No layer of this network keeps the places of an image, so it has no CAM. Use "
            "integrated gradients or occlusion."
        )
    return [(found[side], round(size / side)) for side in sorted(found, reverse=True)]


def cam(
    given: Differentiable, scores: TargetScores, *, kind: str, stage: int | None = None
) -> tuple[np.ndarray, int]:
    """Coarse maps of a batch, float32 (B, s, s) of all squares together, and their stride.

    Parameters
    ----------
    kind : {"grad-cam", "grad-cam++", "layer-cam"}
    stage : int, optional
        0 is the finest.
    """
    torch = require_torch()
    known = stages(given)
    if stage is None:
        strides = [stride for _, stride in known]
        size = given.images.shape[-1]
        # A layer at full resolution is the input in other colours; stages begin behind it.
        first = 0 if kind != "layer-cam" else min(int(strides[0] == 1), len(known) - 1)
        stage = first if kind == "layer-cam" else choose_stage(strides, size)
    if not 0 <= stage < len(known):
        raise InputError(f"The network has {len(known)} stages (0 is the finest); got {stage}.")
    layer, stride = known[stage]
    seen: list[Any] = []
    hook = layer.register_forward_hook(lambda _, __, out: seen.append(out))
    try:
        with torch.enable_grad():
            images = given.images.detach().requires_grad_()
            total = scores.score(images, scores.chosen, given.features).sum()
            (slope,) = torch.autograd.grad(total, seen[-1])
    finally:
        hook.remove()
    hidden, slope = seen[-1].detach().float(), slope.float()
    maps = _weighted(hidden, slope, kind).sum(1).relu()
    return stitch(maps.cpu().numpy(), round(given.images.shape[1] ** 0.5)), stride


def _weighted(hidden, slope, kind: str):
    """Activations with their weights, (B, k, s, s)."""
    torch = require_torch()
    if kind == "layer-cam":
        return slope.relu() * hidden
    if kind == "grad-cam":
        return slope.mean(dim=(2, 3), keepdim=True) * hidden
    square, total = slope**2, hidden.sum(dim=(2, 3), keepdim=True)
    below = 2 * square + total * slope**3
    alpha = torch.where(below != 0, square / torch.where(below != 0, below, 1.0), 0.0)
    return (alpha * slope.relu()).sum(dim=(2, 3), keepdim=True) * hidden


def stitch(maps: np.ndarray, tiles: int) -> np.ndarray:
    """Maps of squares (n * tiles², ..., s, s) as maps of images (n, ..., tiles * s, tiles * s)."""
    side, inner = maps.shape[-1], maps.shape[1:-2]
    grid = maps.reshape(-1, tiles, tiles, *inner, side, side)
    grid = np.moveaxis(grid, (1, 2), (-4, -2))
    return grid.reshape(-1, *inner, tiles * side, tiles * side)


def enlarge(maps: np.ndarray, side: int) -> np.ndarray:
    """Bilinear enlargement of (n, s, s) to (n, side, side), float32."""
    torch = require_torch()
    if not len(maps):
        return np.zeros((0, side, side), np.float32)
    given = torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32))[:, None]
    enlarged = torch.nn.functional.interpolate(given, size=(side, side), mode="bilinear")
    return enlarged[:, 0].numpy()
