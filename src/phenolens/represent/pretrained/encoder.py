"""An encoder of images with any number of stains around a network that reads one, three or so.

Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

import torch
from torch import nn

from phenolens.errors import InputError
from phenolens.represent.pretrained.architectures import Body
from phenolens.represent.pretrained.openphenom import ChannelAgnosticViT
from phenolens.represent.pretrained.preprocessing import Preprocessing


class StainEncoder(nn.Module):
    """Features of images (B, stains, S, S), as :meth:`Preprocessing.apply` leaves them.

    Parameters
    ----------
    body : Body
        With its weights.
    preprocessing : Preprocessing
    stains : tuple of str
        Names of the stains, in the order of the images.
    strategy : {"bag", "average", "three", "together", "beside"}
    output : {"class", "mean", "class+mean", "pooler"}, optional
        By default the class token, else the pooled output.
    reference : tuple of str
        Stains that stand beside each other one, for ``beside``.

    Raises
    ------
    InputError
        If the network cannot read these stains like that, or has no such output.
    """

    def __init__(
        self,
        body: Body,
        preprocessing: Preprocessing,
        stains: tuple[str, ...],
        *,
        strategy: str,
        output: str | None,
        reference: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.body, self.strategy = body, strategy
        self.output = output or ("class" if body.has_class_token else "pooler")
        mean, sd = preprocessing.standard(body.channels or 1)
        self.groups = self._groups(stains, reference)
        if strategy == "average":
            body.share_out(len(stains))
            mean, sd = [sum(mean) / len(mean)], [sum(sd) / len(sd)]
        self.register_buffer("mean", torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("sd", torch.tensor(sd)[:, None, None], persistent=False)
        self.width = self._width(len(stains), preprocessing.input)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Features, float32 (B, width)."""
        together = self.strategy in ("average", "together")
        seen = images[:, None] if together else images[:, self.groups]  # (B, groups, channels, ...)
        read = (seen.flatten(0, 1) - self.mean) / self.sd  # type: ignore[operator]
        found = self.body(read, self.output).float()
        return found.unflatten(0, seen.shape[:2]).flatten(1)

    def _groups(self, stains: tuple[str, ...], reference: tuple[str, ...]) -> torch.Tensor:
        """Which stains the network reads at once, as (groups, channels) places."""
        n, channels = len(stains), self.body.channels
        if self.strategy in ("average", "together"):
            self._require_together(n)
            return torch.arange(n)[None]
        if channels is None:
            return torch.arange(n)[:, None]
        if self.strategy == "bag":
            if channels not in (1, 3):
                raise InputError(
                    f"{self.body.origin} reads {channels} stains at once, so none can be given by "
                    "itself; use stains = 'together'."
                )
            return torch.arange(n)[:, None].repeat(1, channels)
        if self.strategy == "three":
            if channels != 3:
                raise InputError(
                    f"{self.body.origin} reads {channels} channel(s), not three; use stains = "
                    f"'{'bag' if channels == 1 else 'together'}'."
                )
            return (torch.arange(-(-n // 3) * 3) % n).reshape(-1, 3)
        return self._beside(stains, reference, channels)

    def _beside(
        self, stains: tuple[str, ...], reference: tuple[str, ...], channels: int
    ) -> torch.Tensor:
        """Each other stain behind those of the reference."""
        if len(reference) != channels - 1:
            raise InputError(
                f"{self.body.origin} reads {channels - 1} stain(s) beside each other one; name "
                f"them in its order: reference = [...], of {', '.join(stains)}."
            )
        if absent := [name for name in reference if name not in stains]:
            raise InputError(
                f"reference: there is no stain '{absent[0]}'; there are {', '.join(stains)}."
            )
        others = [place for place, name in enumerate(stains) if name not in reference]
        if not others:
            raise InputError("reference names every stain, so none is left to be encoded.")
        first = [stains.index(name) for name in reference]
        return torch.tensor([[*first, other] for other in others])

    def _require_together(self, n: int) -> None:
        channels, model = self.body.channels, self.body.model
        if self.strategy == "average" and channels is None:
            raise InputError(
                f"{self.body.origin} reads any number of stains; use stains = 'together'."
            )
        if self.strategy == "together" and channels not in (None, n):
            raise InputError(
                f"{self.body.origin} reads {channels} stain(s) and the study has {n}. Name those "
                "that it shall read, in its order: channels = [...]; or use stains = "
                f"'{'bag' if channels in (1, 3) else 'average'}'."
            )
        if isinstance(model, ChannelAgnosticViT) and n > model.most_stains:
            raise InputError(
                f"{self.body.origin} takes at most {model.most_stains} stains, and the study has "
                f"{n}. Name those that it shall read: channels = [...]."
            )

    def _width(self, stains: int, side: int) -> int:
        """Features an image has; an empty image is read, so that what cannot be read is seen."""
        try:
            with torch.no_grad():
                return int(self.eval()(torch.zeros(1, stains, side, side)).shape[1])
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"{self.body.origin} cannot read images of {side} pixels ({error}). Set input to "
                "what it was trained with."
            ) from None
