"""What explaining an image by its pixels asks of a representation: gradients from end to end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Differentiable:
    """A batch of images, and the functions that a network makes of such images.

    Attributes
    ----------
    images : Tensor, float32 (B, squares, C, S, S)
        As the network reads them; the squares that an image is cut into lie row by row.
    rows : ndarray of int64, shape (B,)
        Their places among the rows that were asked for.
    embed : callable
        From images (of any number B) to features, (B, D), with gradients.
    module : torch.nn.Module
        What computes both; its layers are looked into by CAMs and guided backpropagation.
    classify : callable, optional
        From images and ``features`` to the logits of ``classes``, (B, K), with gradients.
    features : Tensor, float32 (B, F), optional
        What the classifier reads beside the images.
    classes : tuple of str
    """

    images: torch.Tensor
    rows: np.ndarray
    embed: Callable[[torch.Tensor], torch.Tensor]
    module: Any
    classify: Callable[[torch.Tensor, torch.Tensor | None], torch.Tensor] | None = None
    features: torch.Tensor | None = None
    classes: tuple[str, ...] = ()
