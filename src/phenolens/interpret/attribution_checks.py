"""Is a map of the network, or only of the image? Checks that attributions can fail.

A map that stays the same when the weights are replaced by random ones explains the image, not what
was learned (Adebayo et al. 2018); one that changes when an image hardly does explains neither.
Covering what a map marks must cost more than covering as much elsewhere. Where the truth is known,
a map must point at it: :mod:`phenolens.interpret.truth` plants one. And a network that names wells
it never saw no better than shuffled labels would has learned nothing that a map could show.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd

from phenolens.interpret.explain import Maps, explain
from phenolens.interpret.pixels import local_mean
from phenolens.interpret.scores import Resemblance, scores_of
from phenolens.prepared import Prepared
from phenolens.profiles import PLATE, TREATMENT, WELL
from phenolens.represent.networks.devices import repeatable
from phenolens.represent.networks.network import Network
from phenolens.represent.networks.torches import require_torch

LARGEST_CORRELATION = 0.3
SHUFFLES, NETWORKS = 999, 12
_POSITIONS = 16  # a side, at which maps are compared and images covered
_JITTER = 0.05


def beyond_shuffled(
    predicted: np.ndarray, wells: pd.DataFrame, *, shuffles: int = SHUFFLES, seed: int = 0
) -> dict[str, float | int]:
    """Does the network itself name wells that it never saw better than labels shuffled among them?

    Asked of its own classes, which is what a map explains: a readout of its embedding can tell
    treatments apart although the network learned shuffled labels, or nothing.

    Parameters
    ----------
    predicted : ndarray of str, shape (n,)
        The class that the network gave each image.
    wells : DataFrame, shape (n, ...)
        Plate, well and treatment of each image.
    shuffles : int
        Labellings drawn, of wells within their plates.
    seed : int

    Returns
    -------
    dict
        ``named`` (share of a well's images that are named right, the mean over wells), ``shuffled``
        (the same with labels shuffled, the mean), ``p`` and ``n_wells``.
    """
    if not len(wells):
        return {"named": np.nan, "shuffled": np.nan, "p": 1.0, "n_wells": 0}
    wells = wells.reset_index(drop=True).astype(str)
    own = wells.groupby([PLATE, WELL])[TREATMENT].first()
    names, codes = np.unique(own.to_numpy(), return_inverse=True)
    said = pd.crosstab([wells[PLATE], wells[WELL]], np.asarray(predicted), normalize="index")
    said = said.reindex(index=own.index, columns=names, fill_value=0.0).to_numpy()
    of_plate = list(own.groupby(level=PLATE).indices.values())
    rng, every = np.random.default_rng(seed), np.arange(len(own))
    drawn = np.empty(shuffles)
    for number in range(shuffles):
        labels = codes.copy()
        for rows in of_plate:
            labels[rows] = rng.permutation(labels[rows])
        drawn[number] = said[every, labels].mean()
    named = float(said[every, codes].mean())
    p = (1 + int((drawn >= named - 1e-12).sum())) / (1 + shuffles)
    return {"named": named, "shuffled": float(drawn.mean()), "p": p, "n_wells": len(own)}


def randomised_check(
    network: Network,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    maps: Maps,
    towards: Resemblance | None = None,
    networks: int = NETWORKS,
    seed: int = 0,
    **how: Any,
) -> pd.DataFrame:
    """Rank correlation of each map with that of networks of random weights, for the same target.

    Parameters
    ----------
    maps : Maps
        Of these rows by the network itself.
    networks : int
        Random networks: how much one's maps resemble those of another hangs on its draw, and three
        are too few for a verdict near the limit.
    how
        As :func:`~phenolens.interpret.explain.explain` was asked.

    Returns
    -------
    DataFrame
        One row an image: ``correlation`` (mean over random networks; NaN where either map is
        constant), ``passes`` (at most 0.3).
    """
    found = []
    for number in range(networks):
        other = randomised(network, seed=seed + number)
        again = _again(other, prepared, rows, maps=maps, towards=towards, **how)
        found.append(rank_correlation(_coarse(maps), _coarse(again)))
    values = np.stack(found)
    known = np.isfinite(values).sum(axis=0)
    mean = np.where(known > 0, np.nansum(values, axis=0) / np.maximum(known, 1), np.nan)
    return pd.DataFrame({"correlation": mean, "passes": mean <= LARGEST_CORRELATION})


def randomised(network: Network, *, seed: int) -> Any:
    """The same network with fresh random weights in every layer."""
    other = copy.copy(network)
    with repeatable(seed):
        model = network.build()
    torch = require_torch()
    other.model = model.to(network.device()).to(memory_format=torch.channels_last).eval()
    return other


def stability(
    network: Network,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    maps: Maps,
    towards: Resemblance | None = None,
    seed: int = 0,
    **how: Any,
) -> np.ndarray:
    """Rank correlation of each map with that of the image under noise too weak to be seen.

    The noise is 0.05 standard deviations of each stain, about that of a camera.
    """
    torch = require_torch()

    def noisy(images, _):
        drawn = torch.Generator(device="cpu").manual_seed(seed)
        noise = torch.randn(images.shape, generator=drawn).to(images.device)
        return images + _JITTER * noise

    again = _again(network, prepared, rows, maps=maps, towards=towards, change=noisy, **how)
    return rank_correlation(_coarse(maps), _coarse(again))


def _again(network, prepared, rows, *, maps: Maps, **how: Any) -> Maps:
    """Maps by the same method for the same targets."""
    return explain(network, prepared, rows, method=maps.method, targets=maps.targets, **how)


def _coarse(maps: Maps) -> np.ndarray:
    """Maps at the resolution that is compared: what lies between is interpolated, or noise."""
    return maps.coarse(max(maps.stride, maps.maps.shape[-1] // _POSITIONS, 1))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each pair of maps (n, s, s); NaN where one is constant."""
    from scipy.stats import rankdata

    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (first, second)]
    left, right = (rank - rank.mean(axis=1, keepdims=True) for rank in ranks)
    scale = np.sqrt((left**2).sum(axis=1) * (right**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(scale > 0, (left * right).sum(axis=1) / scale, np.nan)


def occlusion(
    network: Network,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    targets: np.ndarray | None = None,
    towards: Resemblance | None = None,
) -> pd.DataFrame:
    """How much of a class's probability is lost when one stain is replaced by its mean.

    Parameters
    ----------
    targets : ndarray of str, optional
        The class asked about in each image; by default the one predicted.
    towards : Resemblance, optional
        Then what is lost is of the likeness to the target.

    Returns
    -------
    DataFrame
        One row an image: ``target``, ``probability``, and ``drop_<stain>`` for each stain.
    """
    parts = []
    for given in network.differentiable(prepared, rows):
        ask = _Explained(given, targets, towards)
        whole = ask(given.images)
        columns = {"target": ask.names, "probability": whole}
        for number, channel in enumerate(prepared.channels):
            images = given.images.clone()
            images[:, :, number] = 0.0  # the mean of standardised pixels
            columns[f"drop_{channel}"] = whole - ask(images)
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


class _Explained:
    """What a network says of the targets of a batch, as numbers: probabilities, or likenesses."""

    def __init__(self, given, targets: np.ndarray | None, towards: Resemblance | None) -> None:
        own = None if targets is None else np.asarray(targets)[given.rows]
        self.given, self.towards = given, towards
        self.scores = scores_of(given, targets=own, towards=towards)
        self.names = np.array(self.scores.names)[self.scores.chosen.cpu().numpy()]

    def __call__(self, images) -> np.ndarray:
        with require_torch().no_grad():
            found = self.scores.score(images, self.scores.chosen, self.given.features)
        # The logistic of log odds is the probability.
        return (found if self.towards is not None else found.sigmoid()).cpu().numpy()


def covering(
    network: Network,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    maps: Maps,
    towards: Resemblance | None = None,
    steps: int = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """Blur an image bit by bit, most marked first, and the other way, against a random order.

    After Petsiuk et al. 2018, with each stain's local mean in place of what is covered, which looks
    more like a cell than a hole does.

    Returns
    -------
    DataFrame
        One row an image: ``deletion`` and ``insertion``, the mean probability of the class (or
        likeness) over the steps while the marked part goes, or comes back; and both in random
        order. A map that means something has the lower deletion and the higher insertion.
    """
    rng = np.random.default_rng(seed)
    coarse = _coarse(maps)
    orders = {"": coarse, "_random": rng.random(coarse.shape)}
    parts = []
    for given in network.differentiable(prepared, rows):
        ask = _Explained(given, maps.targets, towards)
        blurred = local_mean(given.images)
        found: dict[str, np.ndarray] = {}
        for name, order in orders.items():
            deleted, inserted = [], []
            for step in range(1, steps + 1):
                marked = _as_squares(_first(order[given.rows], step / (steps + 1)), given.images)
                deleted.append(ask(marked * blurred + (1 - marked) * given.images))
                inserted.append(ask(marked * given.images + (1 - marked) * blurred))
            found |= {f"deletion{name}": np.mean(deleted, axis=0)}
            found |= {f"insertion{name}": np.mean(inserted, axis=0)}
        parts.append(pd.DataFrame(found))
    return pd.concat(parts, ignore_index=True)


def _first(order: np.ndarray, share: float) -> np.ndarray:
    """Whether a position is among the share of highest ones, (n, s, s)."""
    flat = order.reshape(len(order), -1)
    ranks = (-flat).argsort(axis=1, kind="stable").argsort(axis=1)
    return (ranks < share * flat.shape[1]).reshape(order.shape)


def _as_squares(marked: np.ndarray, images):
    """Masks of images (n, t * s, t * s) as masks of their squares, (n, t², 1, S, S)."""
    torch = require_torch()
    tiles, side = round(images.shape[1] ** 0.5), images.shape[-1]
    whole = torch.from_numpy(marked.astype(np.float32))[:, None]
    grid = torch.nn.functional.interpolate(whole, size=(tiles * side,) * 2, mode="nearest")[:, 0]
    grid = grid.unflatten(2, (tiles, side)).unflatten(1, (tiles, side)).transpose(2, 3)
    return grid.flatten(1, 2)[:, :, None].to(images.device)


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
