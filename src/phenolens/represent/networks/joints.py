"""Classifiers that read measured features beside an embedding, and let one weigh the other.

Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

import torch
from torch import nn


class Modulated(nn.Module):
    """Feature-wise linear modulation (FiLM): features scale and shift each number of an embedding.

    Parameters
    ----------
    n_embedded, n_features, n_classes : int

    References
    ----------
    Perez, Strub, de Vries, Dumoulin & Courville, AAAI 2018.
    """

    def __init__(self, n_embedded: int, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.sizes = [n_embedded, n_features]
        self.modulate = nn.Linear(n_features, 2 * n_embedded)
        self.read = nn.Linear(n_embedded, n_classes)

    def join(self, both: torch.Tensor) -> torch.Tensor:
        """(B, n_embedded + n_features) to (B, n_embedded)."""
        embedding, features = both.split(self.sizes, dim=1)
        scale, shift = self.modulate(features).chunk(2, dim=1)
        return (1 + scale) * embedding + shift

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        """Logits, (B, n_classes)."""
        return self.read(self.join(both))


class Gated(nn.Module):
    """Gated attention: for each number, both together say whether pixels or features speak.

    Parameters
    ----------
    n_embedded, n_features, n_classes : int

    References
    ----------
    Arevalo, Solorio, Montes-y-Gómez & González, ICLR workshops 2017.
    """

    def __init__(self, n_embedded: int, n_features: int, n_classes: int) -> None:
        super().__init__()
        self.sizes = [n_embedded, n_features]
        self.seen = nn.Linear(n_embedded, n_embedded)
        self.measured = nn.Linear(n_features, n_embedded)
        self.gate = nn.Linear(n_embedded + n_features, n_embedded)
        self.read = nn.Linear(n_embedded, n_classes)

    def join(self, both: torch.Tensor) -> torch.Tensor:
        """(B, n_embedded + n_features) to (B, n_embedded)."""
        embedding, features = both.split(self.sizes, dim=1)
        share = self.gate(both).sigmoid()
        return share * self.seen(embedding).tanh() + (1 - share) * self.measured(features).tanh()

    def forward(self, both: torch.Tensor) -> torch.Tensor:
        """Logits, (B, n_classes)."""
        return self.read(self.join(both))
