"""ResNet-18 on any number of stains, and its training objective.

Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from phenolens.represent.networks.feed import Batch
from phenolens.represent.networks.torches import require_resnet

STRIDES = (4, 8, 16, 32)


class StainResNet(nn.Module):
    """ResNet-18 (He et al. 2016, as in transformers) with a classifier on its pooled embedding.

    Parameters
    ----------
    n_stains, n_classes : int
    width : int
        Filters of the first stage; the embedding has eight times as many (64 gives 512).
    n_features : int
        Features concatenated to the embedding before the classifier; the embedding is then
        standardised first, so that neither block outweighs the other by its units.
    """

    def __init__(
        self, n_stains: int, n_classes: int, *, width: int = 64, n_features: int = 0
    ) -> None:
        super().__init__()
        config, model = require_resnet()
        sizes = [width * factor for factor in (1, 2, 4, 8)]
        self.resnet = model(
            config(
                num_channels=n_stains,
                embedding_size=width,
                hidden_sizes=sizes,
                depths=[2, 2, 2, 2],
                layer_type="basic",
            )
        )
        self.balance = nn.BatchNorm1d(sizes[-1], affine=False) if n_features else nn.Identity()
        self.head = nn.Linear(sizes[-1] + n_features, n_classes)

    def activations(self, images: torch.Tensor, stage: int) -> torch.Tensor:
        """Output of a stage (0-3), (B, channels, S / stride, S / stride)."""
        hidden = self.resnet.embedder(images)
        for layer in self.resnet.encoder.stages[: stage + 1]:
            hidden = layer(hidden)
        return hidden

    def from_activations(self, hidden: torch.Tensor, stage: int) -> torch.Tensor:
        """Embedding (B, 8 * width) from the output of a stage."""
        for layer in self.resnet.encoder.stages[stage + 1 :]:
            hidden = layer(hidden)
        return self.resnet.pooler(hidden).flatten(1)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Embedding, (B, 8 * width)."""
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
    """

    weights: torch.Tensor
    smoothing: float = 0.05
    squares: int = 1

    def loss(self, model: StainResNet, batch: Batch) -> torch.Tensor:
        """Class-weighted cross-entropy."""
        logits = model(batch.images, batch.features).float()
        assert batch.targets is not None
        return functional.cross_entropy(
            logits, batch.targets, weight=self.weights, label_smoothing=self.smoothing
        )

    def validate(self, model: StainResNet, batches: Iterable[Batch]) -> dict[str, float]:
        """Cross-entropy and accuracy, each the mean over classes."""
        found = [(self.logits(model, batch), batch.targets) for batch in batches]
        targets = torch.cat([of for _, of in found if of is not None]).cpu()
        logits = torch.cat([logits for logits, _ in found]).cpu()
        losses = functional.cross_entropy(logits, targets, reduction="none").numpy()
        right = (logits.argmax(1) == targets).numpy()
        return {
            "validation_loss": _class_mean(losses, targets.numpy()),
            "validation_balanced_accuracy": _class_mean(right, targets.numpy()),
        }

    def logits(self, model: StainResNet, batch: Batch) -> torch.Tensor:
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
