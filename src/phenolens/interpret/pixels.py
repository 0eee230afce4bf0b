"""Attributions of single pixels and of what is covered, through captum (Kokhlikyan et al. 2020).

Gradients ask what a small change of a pixel would do; integrated gradients (Sundararajan et al.
2017) add them up on the way from a baseline, so that they sum to the difference of scores. The
baseline decides what counts as nothing: the mean of the plate's control cells, or some of them one
by one (expected gradients, Erion et al. 2021), so that what is unlike controls counts; or the local
mean of each stain, so that details count and levels do not. Occlusion puts the local mean in place
of a patch or a compartment, and the mean in place of a whole stain; it needs no gradients.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from phenolens.errors import InputError
from phenolens.interpret.scores import TargetScores
from phenolens.represent.differentiable import Differentiable
from phenolens.represent.networks.torches import require_torch

_LOCAL = 1 / 10  # of the side: standard deviation of the window of a local mean
STEPS, _STEPS_FROM_CONTROLS = 8, 2
_NOISE, _NOISY = 0.15, 12
_PATCH = 1 / 8  # of the side
_AT_ONCE = 256  # images of a batch that captum makes of others


def require_captum() -> Any:
    """captum's attributions.

    Raises
    ------
    InputError
        If captum is not installed.
    """
    try:
        import captum.attr
    except ImportError:
        raise InputError(
            "Pixel explanations need captum: pip install 'phenolens[networks]' (or pip install "
            "captum), or choose grad-cam, grad-cam++ or layer-cam."
        ) from None
    return captum.attr


def local_mean(images):
    """Images (..., S, S) blurred with a Gaussian of a tenth of the side, mirrored at edges."""
    torch = require_torch()
    blur = torch.from_numpy(_gaussian(images.shape[-1])).to(images.device)
    return blur @ images @ blur.T


@lru_cache(maxsize=16)
def _gaussian(side: int) -> np.ndarray:
    """Matrix (side, side) that blurs a line."""
    return gaussian_filter1d(np.eye(side), side * _LOCAL, axis=0, mode="reflect").astype(np.float32)


def integrated_gradients(
    given: Differentiable, scores: TargetScores, *, baseline: Any, steps: int = STEPS
):
    """Attributions (B, squares, C, S, S) that sum to the score less the baseline's.

    Parameters
    ----------
    steps : int
        Points on the way; 1 takes the gradient half-way.
    baseline : Tensor
        Of the images' shape.
    """
    method = require_captum().IntegratedGradients(scores.score)
    return method.attribute(
        given.images,
        baselines=baseline,
        additional_forward_args=(scores.chosen, given.features),
        n_steps=steps,
        method="gausslegendre",
        internal_batch_size=max(_AT_ONCE, len(given.images)),
    )


def from_controls(given: Differentiable, scores: TargetScores, *, baselines):
    """Mean of integrated gradients over control images of each image's plate.

    Parameters
    ----------
    baselines : Tensor, shape (k, B, squares, C, S, S)
    """
    parts = [
        integrated_gradients(given, scores, steps=_STEPS_FROM_CONTROLS, baseline=one)
        for one in baselines
    ]
    return sum(parts) / len(parts)


def smoothgrad(given: Differentiable, scores: TargetScores):
    """Mean size of gradients under noise of 0.15 standard deviations (Smilkov et al. 2017)."""
    attr = require_captum()
    torch = require_torch()
    torch.manual_seed(0)
    method = attr.NoiseTunnel(attr.Saliency(scores.score))
    return method.attribute(
        given.images.clone().requires_grad_(),
        nt_type="smoothgrad",
        nt_samples=_NOISY,
        nt_samples_batch_size=max(1, _AT_ONCE // len(given.images)),
        stdevs=_NOISE,
        additional_forward_args=(scores.chosen, given.features),
    )


def guided_backpropagation(given: Differentiable, scores: TargetScores):
    """Gradients whose negative parts are dropped at each ReLU (Springenberg et al. 2015).

    It is known to draw the image whatever was learned (Adebayo et al. 2018). A network without
    ReLU (ConvNeXt) gives its gradients as they are.
    """
    module: Any = require_torch().nn.Module

    class Scored(module):
        """The network with its score, so that captum finds its layers."""

        def __init__(self) -> None:
            super().__init__()
            self.network = given.module

        def forward(self, images, chosen, features):
            return scores.score(images, chosen, features)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Setting backward hooks on ReLU")
        return require_captum().GuidedBackprop(Scored()).attribute(
            given.images.clone().requires_grad_(),
            additional_forward_args=(scores.chosen, given.features),
        )  # fmt: skip


def occluded_patches(given: Differentiable, scores: TargetScores, *, stains: bool):
    """Score lost where a patch is blurred to its local mean, the mean over patches that cover it.

    Parameters
    ----------
    stains : bool
        Patches of one stain at a time, or of all together.
    """
    _, squares, n, side, _ = given.images.shape
    patch = max(2, round(side * _PATCH))
    step = max(1, patch // 2)
    covered = 1 if stains else n
    with _quiet():
        return require_captum().Occlusion(scores.score).attribute(
            given.images,
            sliding_window_shapes=(1, covered, patch, patch),
            strides=(1, covered, step, step),
            baselines=local_mean(given.images),
            additional_forward_args=(scores.chosen, given.features),
            perturbations_per_eval=max(1, _AT_ONCE // (len(given.images) * squares)),
        )  # fmt: skip


def occluded_stains(given: Differentiable, scores: TargetScores):
    """Score lost where a whole stain is set to its mean (0 of standardised pixels)."""
    torch = require_torch()
    n = given.images.shape[2]
    mask = torch.arange(n, device=given.images.device)[None, None, :, None, None]
    return _ablated(given, scores, mask.expand(1, *given.images.shape[1:]), baseline=0.0)


def occluded_compartments(given: Differentiable, scores: TargetScores, *, parts):
    """Score lost where a stain of a compartment is blurred to its local mean.

    Parameters
    ----------
    parts : Tensor of int64, shape (B, squares, S, S)
        Number of the compartment at each pixel.
    """
    torch = require_torch()
    n = given.images.shape[2]
    stain = torch.arange(n, device=parts.device)[None, None, :, None, None]
    mask = parts[:, :, None] * n + stain
    return _ablated(given, scores, mask, baseline=local_mean(given.images))


def _ablated(given: Differentiable, scores: TargetScores, mask, *, baseline):
    with _quiet():
        return require_captum().FeatureAblation(scores.score).attribute(
            given.images,
            baselines=baseline,
            feature_mask=mask,
            additional_forward_args=(scores.chosen, given.features),
            perturbations_per_eval=max(1, _AT_ONCE // given.images.shape[:2].numel()),
        )  # fmt: skip


@contextmanager
def _quiet() -> Iterator[None]:
    """Without gradients; captum finds it odd that a mask has gaps, which compartments may have."""
    with require_torch().no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="captum")
        yield


@contextmanager
def frozen(module: Any) -> Iterator[None]:
    """Weights without gradients within: half of what going back through a network costs."""
    wanted = [weight for weight in module.parameters() if weight.requires_grad]
    for weight in wanted:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in wanted:
            weight.requires_grad_(True)


def squares_numbered(parts: np.ndarray, tiles: int) -> np.ndarray:
    """Compartment of each pixel of each square: shares (B, p, T, T) to int64 (B, tiles², S, S)."""
    numbers = np.nan_to_num(parts).argmax(axis=1)
    side = numbers.shape[-1] // tiles
    grid = numbers.reshape(-1, tiles, side, tiles, side).transpose(0, 1, 3, 2, 4)
    return grid.reshape(-1, tiles**2, side, side).astype(np.int64)
