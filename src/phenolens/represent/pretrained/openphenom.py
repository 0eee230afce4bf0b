"""The encoder of OpenPhenom, a channel-agnostic masked autoencoder; imports PyTorch.

Kraus et al. 2024, "Masked Autoencoders for Microscopy are Scalable Learners of Cellular Biology",
on blocks that compute attention and perceptron side by side (Dehghani et al. 2023), as timm has
them. One patch embedding reads every stain; the tokens of all stains attend to each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional

_EPS = 1e-6


class _Scale(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return tokens * self.gamma


class ParallelBlock(nn.Module):
    """Attention and perceptron of one normalised input, added to it together."""

    def __init__(self, width: int, heads: int, inner: int) -> None:
        super().__init__()
        self.heads, self.parts = heads, [inner, width, width, width]
        self.in_norm = nn.LayerNorm(width, eps=_EPS)
        self.in_proj = nn.Linear(width, inner + 3 * width, bias=False)
        self.mlp_bias = nn.Parameter(torch.zeros(inner))
        self.q_norm = nn.LayerNorm(width // heads, eps=_EPS)
        self.k_norm = nn.LayerNorm(width // heads, eps=_EPS)
        self.attn_out_proj = nn.Linear(width, width)
        self.mlp_out_proj = nn.Linear(inner, width)
        self.ls = _Scale(width)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Tokens (B, T, D) to the same."""
        width = tokens.shape[-1]
        # timm adds zeros to the first 3 D outputs and the bias to the rest, though it then takes
        # the perceptron's part from the front; weights were trained like that.
        bias = torch.cat((self.mlp_bias.new_zeros(3 * width), self.mlp_bias))
        both = functional.linear(self.in_norm(tokens), self.in_proj.weight, bias)
        inner, *seen = both.split(self.parts, dim=-1)
        query, key, value = (one.unflatten(-1, (self.heads, -1)) for one in seen)
        attended = functional.scaled_dot_product_attention(
            self.q_norm(query).transpose(1, 2),
            self.k_norm(key).transpose(1, 2),
            value.transpose(1, 2),
        )
        attended = self.attn_out_proj(attended.transpose(1, 2).flatten(2))
        return tokens + self.ls(attended + self.mlp_out_proj(functional.gelu(inner)))


class ChannelAgnosticViT(nn.Module):
    """Vision transformer whose tokens are the patches of every stain.

    Parameters
    ----------
    width, patch, places : int
        Of a token, a patch, and how many places (one of them the class token's) have an embedding.
    depth, inner : int
    normed : bool
        Whether tokens are normalised at the end.
    """

    def __init__(
        self, width: int, patch: int, places: int, *, depth: int, inner: int, normed: bool
    ) -> None:
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(1, width, patch, stride=patch)})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, places, width))
        heads = max(1, width // 64)
        self.blocks = nn.Sequential(*(ParallelBlock(width, heads, inner) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=_EPS) if normed else nn.Identity()

    @classmethod
    def like(cls, tensors: Mapping[str, torch.Tensor]) -> ChannelAgnosticViT:
        """One of the shape that these tensors have."""
        width, _, patch, _ = tensors["patch_embed.proj.weight"].shape
        return cls(
            width,
            patch,
            tensors["pos_embed"].shape[1],
            depth=1 + max(int(n.split(".")[1]) for n in tensors if n.startswith("blocks.")),
            inner=len(tensors["blocks.0.mlp_bias"]),
            normed="norm.weight" in tensors,
        )

    def forward(self, images: torch.Tensor) -> SimpleNamespace:
        """Tokens (B, 1 + stains * patches, D) of images (B, stains, S, S)."""
        patches = self.patch_embed["proj"](images.flatten(0, 1)[:, None])
        patches = patches.flatten(2).unflatten(0, images.shape[:2])  # (B, stains, D, patches)
        tokens = patches.transpose(2, 3).flatten(1, 2)
        tokens = torch.cat((self.cls_token.expand(len(tokens), -1, -1), tokens), dim=1)
        tokens = tokens + self.pos_embed[:, : tokens.shape[1]]
        return SimpleNamespace(last_hidden_state=self.norm(self.blocks(tokens)))

    @property
    def most_stains(self) -> int:
        """How many stains have places, at the size that it was trained with (16 x 16 patches)."""
        return (self.pos_embed.shape[1] - 1) // 256
