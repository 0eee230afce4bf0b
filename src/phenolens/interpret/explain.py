"""Which pixels spoke for a class or a treatment: every method behind one function.

The default is the method that finds planted truth (:mod:`phenolens.interpret.truth`), not the one
that readers know best; ``grad-cam`` is there for those who look for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from scipy.ndimage import gaussian_filter

from phenolens.errors import DesignError, InputError
from phenolens.interpret import cams, pixels
from phenolens.interpret.scores import Resemblance, TargetScores, scores_of
from phenolens.prepared import Prepared
from phenolens.profiles import CONTROL, PLATE
from phenolens.represent.base import Progress, Representation, evenly
from phenolens.represent.differentiable import Differentiable
from phenolens.represent.networks.devices import repeatable
from phenolens.represent.networks.network import Network, NetworkSettings
from phenolens.represent.networks.torches import require_torch

if TYPE_CHECKING:
    from phenolens.segment import SegmentSettings

Method = Literal[
    "integrated-gradients",
    "integrated-gradients-local-mean",
    "integrated-gradients-controls",
    "midpoint-gradients",
    "smoothgrad",
    "guided-backpropagation",
    "grad-cam",
    "grad-cam++",
    "layer-cam",
    "occlusion-patch",
    "occlusion-patch-stain",
    "occlusion-compartment",
    "occlusion-stain",
]
Change = Callable[[Any, np.ndarray], Any]
METHODS: tuple[Method, ...] = get_args(Method)
DEFAULT: Method = "integrated-gradients"
FAST: Method = "midpoint-gradients"
_CAMS = ("grad-cam", "grad-cam++", "layer-cam")
_CONTROLS, _BASELINES = 32, 8  # of a plate: that make the mean, and that are taken one by one
_SPREAD = 1 / 40  # of the side: single pixels have no meaning


@dataclass(frozen=True)
class Maps:
    """Explanations of some images.

    Attributes
    ----------
    values : ndarray of float32, shape (n, C, S, S) or (n, 1, S, S)
        Signed attributions by stain, or of all stains together; S is the side of the network's
        input (all squares together).
    targets : ndarray of str, shape (n,)
        The class or treatment each explains.
    predicted : ndarray of str, shape (n,)
        The class that the network gave; empty where it was told what to explain.
    method : str
    stride : int
        Pixels of the input that a value stands for.
    """

    values: np.ndarray
    targets: np.ndarray
    predicted: np.ndarray
    method: Method
    stride: int = 1

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def maps(self) -> np.ndarray:
        """What spoke for the target, float32 (n, S, S), each divided by its maximum.

        Stains are summed and smoothed (a fortieth of the side), and what spoke against is zero.
        """
        seen = np.maximum(_smoothed(self.values.sum(axis=1), self.stride), 0)
        return (seen / np.where(self.zero, 1.0, seen.max(axis=(1, 2)))[:, None, None]).astype(
            np.float32
        )

    @cached_property
    def zero(self) -> np.ndarray:
        """Maps of which nothing spoke for the target, bool (n,)."""
        seen = _smoothed(self.values.sum(axis=1), self.stride)
        return ~(seen.max(axis=(1, 2)) > 0)

    @cached_property
    def by_stain(self) -> np.ndarray:
        """What each stain spoke for the target, float32 (n, C): NaN where a method cannot tell."""
        if self.values.shape[1] == 1:
            return np.full((len(self), 1), np.nan, dtype=np.float32)
        return self.speaking.sum(axis=(2, 3)).astype(np.float32)

    @cached_property
    def speaking(self) -> np.ndarray:
        """What of each stain spoke for the target, float32 (n, C, S, S): smoothed, 0 elsewhere."""
        smooth = np.stack([_smoothed(one, self.stride) for one in self.values.swapaxes(0, 1)], 1)
        return np.maximum(smooth, 0).astype(np.float32)

    def coarse(self, stride: int) -> np.ndarray:
        """Means of :attr:`maps` over squares of so many pixels, (n, S / stride, S / stride)."""
        side = self.maps.shape[-1] // stride
        part = self.maps[:, : side * stride, : side * stride]
        return part.reshape(-1, side, stride, side, stride).mean(axis=(2, 4))


def explain(
    network: Representation,
    prepared: Prepared,
    rows: np.ndarray,
    *,
    method: Method = DEFAULT,
    targets: np.ndarray | None = None,
    towards: Resemblance | None = None,
    controls: np.ndarray | None = None,
    segmentation: SegmentSettings | None = None,
    stage: int | None = None,
    change: Change | None = None,
    progress: Progress | None = None,
) -> Maps:
    """Explain what a network made of these images, a batch at a time.

    Parameters
    ----------
    network : Representation
        Fitted; one with ``differentiable``, as all networks of ours have.
    prepared : Prepared
    rows : ndarray of int, shape (n,)
    method : str
        One of :data:`METHODS`.
    targets : ndarray of str, shape (n,), optional
        The class (or treatment) to explain in each image; by default the one predicted.
    towards : Resemblance, optional
        For networks without classes: likeness of the embedding to the treatment of each image. Also
        taken for those with classes, where it is given.
    controls : ndarray of int, optional
        Rows of control images, whose mean is the baseline of ``integrated-gradients`` (and each of
        which is one of ``integrated-gradients-controls``); by default those that scale the
        network's stains. Each image is compared with those of its own plate.
    segmentation : SegmentSettings, optional
        How cells of crops are found, for ``occlusion-compartment``.
    stage : int, optional
        Of a CAM: 0 is the finest stage of the network.
    change : callable, optional
        From a batch as the network reads it, (B, squares, C, S, S), and its places among `rows` to
        the images that are explained in its place.
    progress : callable, optional

    Returns
    -------
    Maps

    Raises
    ------
    InputError
        If the network gives no gradients, a target is unknown, or the method does not fit it.
    DesignError
        If a plate has no control image to compare with.

    Examples
    --------
    ::

        found = explain(cnn, prepared, rows)
        embedded = Resemblance.of(vae, prepared, known, treatments=names, controls=controls)
        found = explain(vae, prepared, rows, targets=names_of_rows, towards=embedded)
    """
    if method not in METHODS:
        raise InputError(f"There is no method '{method}'; there are {', '.join(METHODS)}.")
    rows, n = np.asarray(rows), len(rows)
    if targets is not None and len(targets) != n:
        raise InputError(f"{len(targets)} targets for {n} images: give one for each.")
    found: list[tuple[np.ndarray, int]] = []
    baselines = _Baselines(network, prepared, controls)
    names, predicted = [], []
    for given in network.differentiable(prepared, rows):
        if change is not None:
            given = replace(given, images=change(given.images, given.rows))
        own = None if targets is None else np.asarray(targets)[given.rows]
        with repeatable(0), pixels.frozen(given.module):
            scores = scores_of(given, targets=own, towards=towards)
            if method in _CAMS:
                found.append(_enlarged(*cams.cam(given, scores, kind=method, stage=stage), given))
            else:
                images = _Pictured(baselines, rows[given.rows], segmentation)
                values = _of_pixels(method, given, scores, images)
                found.append((_stitched(values), 1))
        known = np.array(scores.names)
        names.append(known[scores.chosen.cpu().numpy()])
        empty = np.full(len(given.rows), "")
        predicted.append(empty if scores.predicted is None else known[scores.predicted])
        if progress:
            progress(int(given.rows[-1]) + 1, n)
    if not found:
        raise InputError("There are no images to explain.")
    values = np.concatenate([values for values, _ in found])
    return Maps(values, np.concatenate(names), np.concatenate(predicted), method, found[0][1])


@dataclass(frozen=True)
class _Baselines:
    """Control images of each plate, read once."""

    network: Representation
    prepared: Prepared
    controls: np.ndarray | None
    known: dict[str, Any] = field(default_factory=dict)

    def of(self, plate: str) -> Any:
        """Control images of a plate as the network reads them, (k, squares, C, S, S)."""
        if plate in self.known:
            return self.known[plate]
        table = self.prepared.images.table
        if self.controls is None:
            rows = control_rows(self.network, self.prepared)
        else:
            rows = np.asarray(self.controls)
        own = evenly(rows[table[PLATE].astype(str).to_numpy()[rows] == plate], _CONTROLS)
        if not len(own):
            raise DesignError(
                f"Plate '{plate}' has no control image to compare its images with. Use "
                "integrated-gradients-local-mean, which needs none."
            )
        batches = self.network.differentiable(self.prepared, own)
        self.known[plate] = require_torch().cat([batch.images for batch in batches])
        return self.known[plate]

    def means(self, rows: np.ndarray) -> Any:
        """Mean control image of the plate of each of these rows, (B, squares, C, S, S)."""
        return require_torch().stack([self.of(plate).mean(dim=0) for plate in self._plates(rows)])

    def single(self, rows: np.ndarray) -> Any:
        """Some control images of the plate of each of these rows, (k, B, squares, C, S, S)."""
        numbers = np.arange(_BASELINES)
        chosen = []
        for plate in self._plates(rows):
            own = self.of(plate)
            chosen.append(own[numbers * max(1, len(own) // _BASELINES) % len(own)])
        return require_torch().stack(chosen, dim=1)

    def _plates(self, rows: np.ndarray) -> list[str]:
        return self.prepared.images.table[PLATE].iloc[rows].astype(str).tolist()


def control_rows(network: Representation, prepared: Prepared) -> np.ndarray:
    """Rows that a network's stains are scaled by, or else those marked as controls."""
    if isinstance(network, Network):
        return np.flatnonzero(network.store(prepared).calibrating)
    table = prepared.images.table
    if CONTROL not in table:
        return np.zeros(0, dtype=np.int64)
    marked = table[CONTROL].astype("boolean").fillna(value=False)
    return np.flatnonzero(marked.to_numpy(dtype=bool))


@dataclass(frozen=True)
class _Pictured:
    """Where the images of a batch lie, for methods that need more than their pixels."""

    baselines: _Baselines
    rows: np.ndarray
    segmentation: SegmentSettings | None


def _of_pixels(
    method: Method, given: Differentiable, scores: TargetScores, images: _Pictured
) -> Any:
    """Attributions (B, squares, C or 1, S, S) of a batch."""
    if method in ("integrated-gradients", "midpoint-gradients"):
        means = images.baselines.means(images.rows)
        steps = 1 if method == "midpoint-gradients" else pixels.STEPS
        return pixels.integrated_gradients(given, scores, steps=steps, baseline=means)
    if method == "integrated-gradients-local-mean":
        local = pixels.local_mean(given.images)
        return pixels.integrated_gradients(given, scores, baseline=local)
    if method == "integrated-gradients-controls":
        singles = images.baselines.single(images.rows)
        return pixels.from_controls(given, scores, baselines=singles)
    if method == "smoothgrad":
        return pixels.smoothgrad(given, scores)
    if method == "guided-backpropagation":
        return pixels.guided_backpropagation(given, scores)
    if method == "occlusion-stain":
        return pixels.occluded_stains(given, scores)
    if method == "occlusion-compartment":
        return pixels.occluded_compartments(given, scores, parts=_numbered(given, images))
    if method == "occlusion-patch":
        return pixels.occluded_patches(given, scores, stains=False)[:, :, :1]
    return pixels.occluded_patches(given, scores, stains=True)


def _numbered(given: Differentiable, images: _Pictured) -> Any:
    """Compartment of each pixel of each square; where no cell is known all is one."""
    from phenolens.interpret.activation import compartments

    torch, settings = require_torch(), getattr(images.baselines.network, "settings", None)
    if not isinstance(settings, NetworkSettings):
        raise InputError(
            f"'{images.baselines.network.name}' does not say how it cuts images; use patches."
        )
    parts = compartments(
        images.baselines.prepared,
        images.rows,
        settings.pixels,
        segmentation=images.segmentation,
    )
    tiles = round(given.images.shape[1] ** 0.5)
    return torch.from_numpy(pixels.squares_numbered(parts, tiles)).to(given.images.device)


def _enlarged(coarse: np.ndarray, stride: int, given: Differentiable) -> tuple[np.ndarray, int]:
    side = given.images.shape[-1] * round(given.images.shape[1] ** 0.5)
    return cams.enlarge(coarse, side)[:, None], stride


def _stitched(values: Any) -> np.ndarray:
    """(B, squares, C, S, S) as (B, C, T, T)."""
    found = values.detach().float().cpu().numpy()
    return cams.stitch(found.reshape(-1, *found.shape[2:]), round(found.shape[1] ** 0.5))


def _smoothed(values: np.ndarray, stride: int) -> np.ndarray:
    """Planes (n, S, S) smoothed; those of coarse stages are smooth as they are."""
    sigma = 0.0 if stride > 1 else values.shape[-1] * _SPREAD
    if not sigma:
        return values
    return gaussian_filter(values, (0, sigma, sigma), mode="nearest")
