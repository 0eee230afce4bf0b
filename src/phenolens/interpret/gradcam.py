"""Grad-CAM: where in an image a network found what spoke for a class.

For class ``c`` and activations ``A^k`` of one stage, ``a_k = mean_uv dy_c/dA^k_uv`` and the map is
``ReLU(sum_k a_k A^k)``, divided by its maximum (Selvaraju et al. 2017). The last stage of a
network for large images has a stride of 32 pixels, wider than a nucleus in a 128-pixel image; the
stage is therefore chosen by resolution: stride 8 by default, 16 x 16 positions at 128 pixels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from phenolens.errors import InputError
from phenolens.prepared import Prepared
from phenolens.represent.base import Progress
from phenolens.represent.cnn import CNN
from phenolens.represent.networks.devices import repeatable
from phenolens.represent.networks.feed import Batch
from phenolens.represent.networks.torches import require_torch

_STRIDE, _POSITIONS = 8, 8


@dataclass(frozen=True)
class Cams:
    """Grad-CAM maps of some images.

    Attributes
    ----------
    maps : ndarray of float32, shape (n, S, S)
        Each divided by its maximum; S is the side of the network's input (all squares together).
    coarse : ndarray of float32, shape (n, s, s)
        The same before they were enlarged.
    zero : ndarray of bool, shape (n,)
        Maps that are zero everywhere: nothing at this stage spoke for the class.
    targets : ndarray of str, shape (n,)
        The class each map explains.
    predicted : ndarray of str, shape (n,)
        The class the network gave.
    stage, stride : int
        Stage of the network (0-3), and pixels of its input a position stands for.
    """

    maps: np.ndarray
    coarse: np.ndarray
    zero: np.ndarray
    targets: np.ndarray
    predicted: np.ndarray
    stage: int
    stride: int


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


def gradcam(
    network: CNN,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    targets: np.ndarray | None = None,
    stage: int | None = None,
    progress: Progress | None = None,
) -> Cams:
    """Grad-CAM maps of these rows, a batch at a time.

    Parameters
    ----------
    network : CNN
        Fitted.
    targets : ndarray of str, shape (len(rows),), optional
        The class to explain in each image; by default the one predicted.
    stage : int, optional
        0-3; by default :func:`choose_stage`.

    Raises
    ------
    InputError
        If a target is a class that the network does not know.
    """
    strides = network.model.architecture.strides
    stage = choose_stage(strides, network.settings.pixels.size) if stage is None else stage
    wanted = None if targets is None else class_numbers(network, targets)
    coarse, used, predicted = [], [], []
    for batch in batches(network, prepared, rows):
        chosen = None if wanted is None else wanted[batch.rows]
        maps, classes, guessed = _explain(network, batch, chosen, stage)
        coarse.append(maps)
        used.append(classes)
        predicted.append(guessed)
        if progress:
            progress(int(batch.rows[-1]) + 1, len(rows))
    names = np.array(network.classes)
    return _cams(
        np.concatenate(coarse),
        names[np.concatenate(used)],
        predicted=names[np.concatenate(predicted)],
        side=network.settings.pixels.size * network.settings.pixels.tiles,
        place=(stage, strides[stage]),
    )


def batches(network: CNN, prepared: Prepared, rows: np.ndarray) -> Iterator[Batch]:
    """Inputs of these rows in order, with features where the network was fitted with them."""
    feed = network.inputs_with_features(prepared, rows)
    network.model.eval()
    with repeatable(0):
        yield from feed.ordered(network.settings.training.batch)


def class_numbers(network: CNN, names: np.ndarray) -> np.ndarray:
    """Positions of classes among those the network knows."""
    known = {name: number for number, name in enumerate(network.classes)}
    unknown = sorted({str(name) for name in names} - set(known))
    if unknown:
        raise InputError(
            f"The network never learned {unknown[0]!r} (of {len(unknown)} such classes), so it "
            "cannot say where it sees it. Explain predictions, or classes of its training."
        )
    return np.array([known[str(name)] for name in names], dtype=np.int64)


def _explain(
    network: CNN, batch: Batch, targets: np.ndarray | None, stage: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Coarse maps (B, s, s) of a batch, the classes explained, and those predicted."""
    torch = require_torch()
    model, tiles = network.model, network.settings.pixels.tiles
    with torch.no_grad():
        hidden = model.activations(batch.images, stage)
    hidden.requires_grad_()
    with torch.enable_grad():
        logits = network.logits(batch, embedding=model.from_activations(hidden, stage))
        predicted = logits.argmax(1)
        chosen = predicted if targets is None else torch.from_numpy(targets).to(logits.device)
        (gradient,) = torch.autograd.grad(logits.gather(1, chosen[:, None]).sum(), hidden)
    weights = gradient.mean(dim=(2, 3), keepdim=True)
    maps = (weights * hidden.detach()).sum(1).relu()
    stitched = stitch(maps.float().cpu().numpy(), tiles)
    return stitched, chosen.cpu().numpy(), predicted.cpu().numpy()


def stitch(maps: np.ndarray, tiles: int) -> np.ndarray:
    """Maps of squares (n * tiles², s, s) as maps of images (n, tiles * s, tiles * s)."""
    side = maps.shape[-1]
    grid = maps.reshape(-1, tiles, tiles, side, side).transpose(0, 1, 3, 2, 4)
    return grid.reshape(-1, tiles * side, tiles * side)


def _cams(
    coarse: np.ndarray,
    targets: np.ndarray,
    *,
    predicted: np.ndarray,
    side: int,
    place: tuple[int, int],
) -> Cams:
    coarse, zero = _scaled(coarse)
    maps, _ = _scaled(enlarge(coarse, side))
    return Cams(maps, coarse, zero, targets, predicted, *place)


def _scaled(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    highest = maps.max(axis=(1, 2))
    zero = ~(highest > 0)
    return (maps / np.where(zero, 1.0, highest)[:, None, None]).astype(np.float32), zero


def enlarge(maps: np.ndarray, side: int) -> np.ndarray:
    """Bilinear enlargement of (n, s, s) to (n, side, side), float32."""
    torch = require_torch()
    if not len(maps):
        return np.zeros((0, side, side), np.float32)
    given = torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32))[:, None]
    enlarged = torch.nn.functional.interpolate(given, size=(side, side), mode="bilinear")
    return enlarged[:, 0].numpy()
