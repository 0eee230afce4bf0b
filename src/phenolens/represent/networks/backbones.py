"""Backbones on any number of stains, and how they learn weak labels.

Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.feed import Batch
from phenolens.represent.networks.torches import require_backbone

_DEPTHS = {
    "resnet-18": [2, 2, 2, 2],
    "resnet-34": [3, 4, 6, 3],
    "resnet-50": [3, 4, 6, 3],
    "convnext-atto": [2, 2, 6, 2],
    "convnext-tiny": [3, 3, 9, 3],
}
_BOTTLENECK = 4
_SAFE_WIDTH = 16
_LAYER_SCALE = 0.1  # 1e-6 is meant for hundreds of epochs: a block would hardly learn in ours


class StainNetwork(nn.Module):
    """A backbone of transformers on any number of stains, with a classifier on what it pools.

    Parameters
    ----------
    n_stains, n_classes : int
    architecture : Architecture
        Decided: see :meth:`~phenolens.represent.networks.architecture.Architecture.at`.
    n_features : int
        Features concatenated to the embedding before the classifier; the embedding is then
        standardised first, so that neither block outweighs the other by its units.
    """

    def __init__(
        self, n_stains: int, n_classes: int, *, architecture: Architecture, n_features: int = 0
    ) -> None:
        super().__init__()
        convnext = architecture.family.startswith("convnext")
        self.backbone = (_convnext if convnext else _resnet)(n_stains, architecture)
        self.architecture = architecture
        self.n_embedding = wide = self.backbone.config.hidden_sizes[-1]
        self.balance = nn.BatchNorm1d(wide, affine=False) if n_features else nn.Identity()
        self.head = nn.Linear(wide + n_features, n_classes)

    @property
    def described(self) -> str:
        """In words, such as *resnet-18 of width 64 with a classic stem*."""
        known = self.architecture
        return f"{known.family} of width {known.width} with a {known.stem} stem"

    def activations(self, images: torch.Tensor, stage: int) -> torch.Tensor:
        """Output of a stage (0-3), (B, channels, S / stride, S / stride)."""
        whole = self.backbone
        hidden = (whole.embeddings if hasattr(whole, "embeddings") else whole.embedder)(images)
        for layer in whole.encoder.stages[: stage + 1]:
            hidden = layer(hidden)
        return hidden

    def from_activations(self, hidden: torch.Tensor, stage: int) -> torch.Tensor:
        """Embedding (B, n_embedding) from the output of a stage."""
        for layer in self.backbone.encoder.stages[stage + 1 :]:
            hidden = layer(hidden)
        pooled = hidden.mean((2, 3))
        return self.backbone.layernorm(pooled) if hasattr(self.backbone, "layernorm") else pooled

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embedding, (B, n_embedding)."""
        return self.from_activations(self.activations(images, 3), 3)

    def classify(
        self, embedding: torch.Tensor, features: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Logits (B, n_classes) from an embedding and the features beside it."""
        embedding = self.balance(embedding)
        if features is not None:
            embedding = torch.cat([embedding, features.to(embedding.dtype)], dim=1)
        return self.head(embedding)

    def forward(self, images: torch.Tensor, features: torch.Tensor | None = None) -> torch.Tensor:
        """Logits, (B, n_classes)."""
        return self.classify(self.embed(images), features)


def _resnet(n_stains: int, architecture: Architecture) -> Any:
    """``ResNetModel``, whose stem is replaced where it would divide a small image by four."""
    config, model = require_backbone("resnet", "ResNet")
    width, deep = architecture.width, architecture.family == "resnet-50"
    built = model(
        config(
            num_channels=n_stains,
            embedding_size=width,
            hidden_sizes=[width * factor * (_BOTTLENECK if deep else 1) for factor in (1, 2, 4, 8)],
            depths=_DEPTHS[architecture.family],
            layer_type="bottleneck" if deep else "basic",
            downsample_in_first_stage=architecture.stem == "half",
        )
    )
    if architecture.stem != "classic":
        stem = built.embedder.embedder
        stem.convolution = nn.Conv2d(n_stains, width, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(stem.convolution.weight, mode="fan_out", nonlinearity="relu")
        built.embedder.pooler = nn.Identity()
    if architecture.stem != "classic" or width < _SAFE_WIDTH:
        _pool_shortcuts(built)
    return built


def _pool_shortcuts(model: Any) -> None:
    """Let shortcuts halve an image by its means, instead of by every second pixel.

    As in ResNet-D (He et al. 2019). oneDNN's gradient of a strided 1 x 1 convolution also writes
    beyond its memory where a large image has fewer than 16 channels (PyTorch 2.13).
    """
    for stage in model.encoder.stages:
        shortcut = stage.layers[0].shortcut
        old = getattr(shortcut, "convolution", None)
        if old is not None and old.stride != (1, 1):
            new = nn.Conv2d(old.in_channels, old.out_channels, kernel_size=1, bias=False)
            nn.init.kaiming_normal_(new.weight, mode="fan_out", nonlinearity="relu")
            shortcut.convolution = nn.Sequential(nn.AvgPool2d(2, ceil_mode=True), new)


def _convnext(n_stains: int, architecture: Architecture) -> Any:
    """``ConvNextModel``; its stem cuts the image into patches as large as its first stride."""
    config, model = require_backbone("convnext", "ConvNext")
    return model(
        config(
            num_channels=n_stains,
            patch_size=architecture.strides[0],
            hidden_sizes=[architecture.width * factor for factor in (1, 2, 4, 8)],
            depths=_DEPTHS[architecture.family],
            layer_scale_init_value=_LAYER_SCALE,
        )
    )


@dataclass(frozen=True)
class WeakLabels:
    """Weak labels: each image is of its well's treatment.

    Attributes
    ----------
    weights : Tensor of float32, (n_classes,)
        Weight of each class in the training loss.
    smoothing : float
        Label smoothing.
    squares : int
        Squares an image is cut into; their logits are averaged.
    mixup : float
        Images of a batch are mixed in pairs, with a share drawn from Beta(mixup, mixup) (Zhang et
        al. 2018); 0 mixes nothing.
    """

    weights: torch.Tensor
    smoothing: float = 0.05
    squares: int = 1
    mixup: float = 0.0

    def loss(self, model: StainNetwork, batch: Batch) -> torch.Tensor:
        """Class-weighted cross-entropy, of mixed images that of both classes."""
        images, features, targets = batch.images, batch.features, batch.targets
        assert targets is not None
        if not self.mixup:
            return self._cross_entropy(model(images, features), targets)
        share = float(torch.distributions.Beta(self.mixup, self.mixup).sample())
        other = torch.randperm(len(images), device=images.device)
        logits = model(
            torch.lerp(images[other], images, share),
            None if features is None else torch.lerp(features[other], features, share),
        )
        own, others = (self._cross_entropy(logits, of) for of in (targets, targets[other]))
        return share * own + (1.0 - share) * others

    def _cross_entropy(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(
            logits.float(), targets, weight=self.weights, label_smoothing=self.smoothing
        )

    def validate(self, model: StainNetwork, batches: Iterable[Batch]) -> dict[str, float]:
        """Cross-entropy and accuracy, each the mean over classes.

        Labels are smoothed as in training: what was trained to be unsure would else look worse with
        every epoch, and an early one that is sure of itself would be kept.
        """
        found = [(self.logits(model, batch), batch.targets) for batch in batches]
        targets = torch.cat([of for _, of in found if of is not None]).cpu()
        logits = torch.cat([logits for logits, _ in found]).cpu()
        losses = functional.cross_entropy(
            logits, targets, reduction="none", label_smoothing=self.smoothing
        ).numpy()
        right = (logits.argmax(1) == targets).numpy()
        return {
            "validation_loss": _class_mean(losses, targets.numpy()),
            "validation_balanced_accuracy": _class_mean(right, targets.numpy()),
        }

    def logits(self, model: StainNetwork, batch: Batch) -> torch.Tensor:
        """Logits of each image: the mean over its squares, float32."""
        features = batch.features
        if features is not None:
            features = features.repeat_interleave(self.squares, dim=0)
        return mean_of_squares(model(batch.images, features).float(), self.squares)


def mean_of_squares(values: torch.Tensor, squares: int) -> torch.Tensor:
    """(B * squares, D) to (B, D)."""
    return values.unflatten(0, (-1, squares)).mean(1) if squares > 1 else values


def _class_mean(values: np.ndarray, classes: np.ndarray) -> float:
    return float(np.mean([values[classes == name].mean() for name in np.unique(classes)]))
