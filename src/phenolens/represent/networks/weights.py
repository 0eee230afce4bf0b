"""Pretrained ResNet-18 weights: from a safetensors file or the model hub, never from a pickle."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from phenolens.errors import InputError
from phenolens.represent.networks.checkpoint import load_tensors

if TYPE_CHECKING:
    import torch

    from phenolens.represent.networks.resnet import StainResNet

HUB_NAME = "microsoft/resnet-18"
HUB_LICENCE = "Apache-2.0"
_FIRST = "embedder.embedder.convolution.weight"
_PARTS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def find_weights(weights: str | Path) -> tuple[Path, str, str]:
    """A weight file, where it comes from, and its licence.

    Parameters
    ----------
    weights : str or Path
        ``imagenet`` for the hub's ResNet-18, or a safetensors file.

    Raises
    ------
    InputError
        If the hub cannot be reached, with what to do instead.
    """
    if str(weights) != "imagenet":
        return Path(weights), str(Path(weights).name), "as given"
    return _from_hub(), HUB_NAME, HUB_LICENCE


def _from_hub() -> Path:
    try:
        from huggingface_hub import hf_hub_download, try_to_load_from_cache

        kept = try_to_load_from_cache(HUB_NAME, "model.safetensors")
        return Path(
            kept if isinstance(kept, str) else hf_hub_download(HUB_NAME, "model.safetensors")
        )
    except Exception as error:  # the hub's client raises many kinds; each means: not to be had
        raise InputError(
            f"ImageNet weights ({HUB_NAME}) cannot be fetched ({type(error).__name__}). On "
            "a machine with a connection download its model.safetensors, put it anywhere, give its "
            "path as weights; or train from scratch (weights = '')."
        ) from None


def load_pretrained(model: StainResNet, path: str | Path) -> None:
    """Put pretrained weights into a network, whatever its number of stains.

    The first layer's RGB filters are averaged over colours and shared out to the stains, scaled so
    that a grey image gives the response it was trained to give. Names as in transformers, timm and
    torchvision are known; a classifier in the file is left out.

    Raises
    ------
    InputError
        If the file is a pickle or damaged, or a tensor is missing or of another shape; named.
    """
    found = {_known_name(name): tensor for name, tensor in load_tensors(path)[0].items()}
    wanted = model.resnet.state_dict()
    if _FIRST in found and found[_FIRST].ndim == 4:
        found[_FIRST] = _share_out(found[_FIRST], wanted[_FIRST].shape[1])
    counters = {name: t for name, t in wanted.items() if name.endswith("num_batches_tracked")}
    _refuse_others(path, found, {name: wanted[name] for name in wanted if name not in counters})
    model.resnet.load_state_dict({name: (counters | found)[name] for name in wanted})


def _share_out(filters: torch.Tensor, n_stains: int) -> torch.Tensor:
    grey = filters.mean(dim=1, keepdim=True)
    return grey.repeat(1, n_stains, 1, 1) * (filters.shape[1] / n_stains)


def _refuse_others(path: str | Path, found: dict, wanted: dict) -> None:
    absent = [name for name in wanted if name not in found]
    if absent:
        raise InputError(
            f"{path} is not a ResNet-18: {len(absent)} of {len(wanted)} tensors are missing, "
            f"the first '{absent[0]}'."
        )
    for name, tensor in wanted.items():
        if tuple(found[name].shape) != tuple(tensor.shape):
            raise InputError(
                f"{path}: '{name}' has shape {tuple(found[name].shape)}, this network needs "
                f"{tuple(tensor.shape)}. Give weights of a ResNet-18 of the same width."
            )


def _known_name(name: str) -> str:
    """A tensor's name as transformers has it within ``ResNetModel``."""
    name = name.removeprefix("resnet.")
    *layer, part = name.split(".")
    if part not in _PARTS:
        return name
    stem = {"conv1": "convolution", "bn1": "normalization"}.get(".".join(layer))
    if stem:
        return f"embedder.embedder.{stem}.{part}"
    match = re.fullmatch(r"layer(\d)\.(\d)\.(conv|bn|downsample\.)(\d)", ".".join(layer))
    return _block_name(*match.groups(), part=part) if match else name


def _block_name(stage: str, block: str, kind: str, number: str, *, part: str) -> str:
    place = f"encoder.stages.{int(stage) - 1}.layers.{block}"
    if kind == "downsample.":
        return f"{place}.shortcut.{('convolution', 'normalization')[int(number)]}.{part}"
    what = "convolution" if kind == "conv" else "normalization"
    return f"{place}.layer.{int(number) - 1}.{what}.{part}"
