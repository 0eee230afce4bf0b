"""Is a map of the network, or only of the image? Checks that attributions can fail.

A map that stays the same when the weights are replaced by random ones explains the image, not what
was learned (Adebayo et al. 2018). Where the truth is known, a map must point at it; and covering
what a map marks must cost the class more than covering as much elsewhere.
"""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd

from phenolens.interpret.gradcam import Cams, batches, class_numbers, gradcam
from phenolens.prepared import Prepared
from phenolens.represent.base import Progress
from phenolens.represent.cnn import CNN
from phenolens.represent.networks.devices import repeatable
from phenolens.represent.networks.torches import require_torch

LARGEST_CORRELATION = 0.3


def randomised_check(
    network: CNN,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    cams: Cams | None = None,
    networks: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank correlation of each map with that of networks of random weights, for the same class.

    Returns
    -------
    DataFrame
        One row an image: ``correlation`` (mean over random networks; NaN where either map is
        constant), ``passes`` (at most 0.3).
    """
    cams = gradcam(network, prepared, rows) if cams is None else cams
    found = []
    for number in range(networks):
        other = randomised(network, seed=seed + number)
        maps = gradcam(other, prepared, rows, targets=cams.targets, stage=cams.stage).coarse
        found.append(rank_correlation(cams.coarse, maps))
    values = np.stack(found)
    known = np.isfinite(values).sum(axis=0)
    mean = np.where(known > 0, np.nansum(values, axis=0) / np.maximum(known, 1), np.nan)
    return pd.DataFrame({"correlation": mean, "passes": mean <= LARGEST_CORRELATION})


def randomised(network: CNN, *, seed: int) -> CNN:
    """The same network with fresh random weights in every layer."""
    other = copy.copy(network)
    with repeatable(seed):
        model = network.build()
    torch = require_torch()
    other.model = model.to(network.device()).to(memory_format=torch.channels_last).eval()
    return other


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each pair of maps (n, s, s); NaN where one is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    left, right = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    scale = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, (left * right).sum(axis=1) / scale, np.nan)


def occlusion(
    network: CNN,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    targets: np.ndarray | None = None,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """How much of a class's probability is lost when one stain is replaced by its mean.

    Parameters
    ----------
    targets : ndarray of str, optional
        The class asked about in each image; by default the one predicted.

    Returns
    -------
    DataFrame
        One row an image: ``target``, ``probability``, and ``drop_<stain>`` for each stain.
    """
    torch = require_torch()
    wanted = None if targets is None else class_numbers(network, targets)
    parts = []
    for batch in batches(network, prepared, rows):
        with torch.no_grad():
            whole = network.logits(batch).softmax(1).cpu().numpy()
            chosen = whole.argmax(1) if wanted is None else wanted[batch.rows]
            parts.append(_drops(network, batch, whole, chosen, prepared.channels))
        if progress:
            progress(int(batch.rows[-1]) + 1, len(rows))
    return pd.concat(parts, ignore_index=True)


def _drops(network: CNN, batch, whole, chosen, channels) -> pd.DataFrame:
    """Standardised pixels have mean zero, so a stain at its mean is a plane of zeros."""
    places = np.arange(len(chosen))
    columns = {"target": np.array(network.classes)[chosen], "probability": whole[places, chosen]}
    for number, channel in enumerate(channels):
        kept = batch.images[:, number].clone()
        batch.images[:, number] = 0.0
        without = network.logits(batch).softmax(1).cpu().numpy()
        batch.images[:, number] = kept
        columns[f"drop_{channel}"] = columns["probability"] - without[places, chosen]
    return pd.DataFrame(columns)


def pointing(maps: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """Maps against known truth (Zhang et al. 2018's pointing game, and energy).

    Parameters
    ----------
    maps : ndarray, shape (n, S, S)
    truth : ndarray of bool, shape (n, S, S)

    Returns
    -------
    DataFrame
        ``hit`` (the maximum lies in the mask), ``chance`` (the mask's share of the image),
        ``energy`` (the map's mass in the mask over that share), ``iou`` (of the map at half its
        maximum and the mask). All-zero maps hit nothing and have no energy.
    """
    flat, mask = maps.reshape(len(maps), -1), truth.reshape(len(truth), -1)
    total, share = flat.sum(axis=1), mask.mean(axis=1)
    marked = flat >= 0.5 * flat.max(axis=1, keepdims=True)
    marked &= total[:, None] > 0
    hit = mask[np.arange(len(flat)), flat.argmax(axis=1)] & (total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        energy = np.where(total > 0, (flat * mask).sum(axis=1) / total / share, np.nan)
        iou = (marked & mask).sum(axis=1) / (marked | mask).sum(axis=1)
    return pd.DataFrame({"hit": hit, "chance": share, "energy": energy, "iou": iou})


def deletion(
    network: CNN,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    cams: Cams,
    steps: int = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """Cover an image bit by bit, most marked first, against a random order (Petsiuk et al. 2018).

    Returns
    -------
    DataFrame
        One row an image: ``deletion`` and ``deletion_random``, the mean probability of the class
        over the steps (lower is better); a map that means something is below the random order.
    """
    rng = np.random.default_rng(seed)
    wanted = class_numbers(network, cams.targets)
    parts = []
    for batch in batches(network, prepared, rows):
        maps = cams.coarse[batch.rows]
        found = {}
        for name, order in (("deletion", maps), ("deletion_random", rng.random(maps.shape))):
            found[name] = _covered(network, batch, order, wanted[batch.rows], steps)
        parts.append(pd.DataFrame(found))
    return pd.concat(parts, ignore_index=True)


def _covered(network: CNN, batch, order: np.ndarray, chosen: np.ndarray, steps: int) -> np.ndarray:
    """Mean probability of the class while the positions of highest `order` are covered."""
    torch = require_torch()
    positions = order.reshape(len(order), -1)
    ranks = (-positions).argsort(axis=1, kind="stable").argsort(axis=1).reshape(order.shape)
    found = []
    for step in range(1, steps + 1):
        kept = ranks >= step * positions.shape[1] / (steps + 1)
        images = batch.images * _as_squares(kept, network, batch.images)
        with torch.no_grad():
            logits = network.logits(batch, images=images).softmax(1).cpu().numpy()
        found.append(logits[np.arange(len(chosen)), chosen])
    return np.mean(found, axis=0)


def _as_squares(kept: np.ndarray, network: CNN, images):
    """Masks of images (n, t * s, t * s) as masks of their squares, (n * t², 1, S, S)."""
    torch = require_torch()
    tiles = network.settings.pixels.tiles
    side = kept.shape[-1] // tiles
    grid = kept.reshape(-1, tiles, side, tiles, side).transpose(0, 1, 3, 2, 4)
    masks = torch.from_numpy(grid.reshape(-1, 1, side, side).astype(np.float32))
    enlarged = torch.nn.functional.interpolate(masks, size=images.shape[-2:], mode="nearest")
    return enlarged.to(images.device)
