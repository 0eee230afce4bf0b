"""EfficientNet-Lite0 under the names of its PyTorch weights; imports PyTorch.

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", in the
variant without squeeze and excitation, with ReLU6, and TensorFlow's padding.
"""

from __future__ import annotations

from types import SimpleNamespace

import torch
from torch import nn
from torch.nn import functional

# Repeats, kernel, stride, expansion, filters in and out.
_STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)
_EPS = 1e-3


class _SameConv(nn.Conv2d):
    """Padded so that each side becomes its length over the stride, rounded up."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        pads = []
        for side, kernel, stride in zip(
            images.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True
        ):
            pad = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            pads += [pad // 2, pad - pad // 2]
        return super().forward(functional.pad(images, pads))


def _conv(before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1) -> _SameConv:
    return _SameConv(before, after, kernel, stride=stride, groups=groups, bias=False)


class _Block(nn.Module):
    """Inverted residual: expanded, filtered by channel, projected."""

    def __init__(self, before: int, after: int, *, kernel: int, stride: int, expand: int) -> None:
        super().__init__()
        inner = before * expand
        self.expanded = expand != 1
        if self.expanded:
            self._expand_conv = _conv(before, inner, 1)
            self._bn0 = nn.BatchNorm2d(inner, eps=_EPS)
        self._depthwise_conv = _conv(inner, inner, kernel, stride=stride, groups=inner)
        self._bn1 = nn.BatchNorm2d(inner, eps=_EPS)
        self._project_conv = _conv(inner, after, 1)
        self._bn2 = nn.BatchNorm2d(after, eps=_EPS)
        self.added = stride == 1 and before == after

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        out = images
        if self.expanded:
            out = functional.relu6(self._bn0(self._expand_conv(out)))
        out = functional.relu6(self._bn1(self._depthwise_conv(out)))
        out = self._bn2(self._project_conv(out))
        return out + images if self.added else out


class EfficientNetLite0(nn.Module):
    """The network without its classifier: 1,280 features."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = _conv(3, 32, 3, stride=2)
        self._bn0 = nn.BatchNorm2d(32, eps=_EPS)
        blocks = []
        for repeats, kernel, stride, expand, before, after in _STAGES:
            for number in range(repeats):
                first = number == 0
                block = _Block(
                    before if first else after,
                    after,
                    kernel=kernel,
                    stride=stride if first else 1,
                    expand=expand,
                )
                blocks.append(block)
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = _conv(320, 1280, 1)
        self._bn1 = nn.BatchNorm2d(1280, eps=_EPS)

    def forward(self, images: torch.Tensor) -> SimpleNamespace:
        """The last map (B, 1280, S / 32, S / 32), and its mean."""
        out = functional.relu6(self._bn0(self._conv_stem(images)))
        out = functional.relu6(self._bn1(self._conv_head(self._blocks(out))))
        return SimpleNamespace(last_hidden_state=out, pooler_output=out.mean(dim=(2, 3)))
