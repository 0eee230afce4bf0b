"""The gated attention by which SubCell pools its tokens; imports PyTorch."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


class GatedPool(nn.Module):
    """Weighted means of all tokens, one a head (Ilse et al. 2018, as in SubCell).

    Its layers stand at place 1 of their sequences, behind a drop-out that does nothing here.

    Parameters
    ----------
    width, inner, heads : int
    """

    def __init__(self, width: int, inner: int, heads: int) -> None:
        super().__init__()
        self.attention_v = nn.Sequential(nn.Identity(), nn.Linear(width, inner), nn.Tanh())
        self.attention_u = nn.Sequential(nn.Identity(), nn.Linear(width, inner), nn.GELU())
        self.attention = nn.Linear(inner, heads)

    @classmethod
    def like(cls, tensors: Mapping[str, torch.Tensor]) -> GatedPool:
        """One of the shape that these tensors have."""
        heads, inner = tensors["attention.weight"].shape
        return cls(tensors["attention_v.1.weight"].shape[1], inner, heads)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, T, D) to (B, heads * D)."""
        gates = self.attention(self.attention_v(tokens) * self.attention_u(tokens))
        shares = gates.transpose(1, 2).softmax(dim=-1)
        return (shares @ tokens).flatten(1)
