"""Pretrained weights of a backbone: from a safetensors file or the model hub, never a pickle."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from phenolens.errors import InputError
from phenolens.represent.networks.checkpoint import as_floats, load_tensors
from phenolens.represent.pretrained.sources import find

if TYPE_CHECKING:
    import torch

    from phenolens.represent.networks.architecture import Family
    from phenolens.represent.networks.backbones import StainNetwork

HUB_NAMES: dict[str, str] = {
    "resnet-18": "microsoft/resnet-18",
    "resnet-34": "microsoft/resnet-34",
    "resnet-50": "microsoft/resnet-50",
    "convnext-tiny": "facebook/convnext-tiny-224",
}
HUB_LICENCE = "Apache-2.0"
_FIRSTS = ("embedder.embedder.convolution.weight", "embeddings.patch_embeddings.weight")
_PARTS = {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}


def find_weights(weights: str | Path, family: Family = "resnet-18") -> tuple[Path, str, str]:
    """A weight file, where it comes from, and its licence.

    Parameters
    ----------
    weights : str or Path
        ``imagenet`` for what the hub, or its mirror, has of this family (see
        :func:`phenolens.represent.pretrained.sources.find`), or a safetensors file.
    family : str

    Raises
    ------
    InputError
        If the hub has none, or cannot be reached, with what to do instead.
    """
    if str(weights) != "imagenet":
        return Path(weights), str(Path(weights).name), "as given"
    if family not in HUB_NAMES:
        raise InputError(
            f"There are no ImageNet weights of a {family} for weights = 'imagenet'; choose "
            f"{', '.join(HUB_NAMES)}, or give a safetensors file."
        )
    found = find(HUB_NAMES[family])
    return found.files[0], found.origin, HUB_LICENCE


def load_pretrained(model: StainNetwork, path: str | Path) -> None:
    """Put pretrained weights into a network, whatever its number of stains.

    The first layer's RGB filters are averaged over colours and shared out to the stains, scaled so
    that a grey image gives the response it was trained to give. Names as in transformers, timm and
    torchvision are known; a classifier in the file is left out.

    Raises
    ------
    InputError
        If the file is a pickle or damaged, holds integers (quantised weights), or a tensor is
        missing or of another shape; named.
    """
    read = as_floats(load_tensors(path)[0], source=str(path))
    found = {_known_name(name): tensor for name, tensor in read.items()}
    wanted = model.backbone.state_dict()
    for first in _FIRSTS:
        if first in wanted and first in found and found[first].ndim == 4:
            found[first] = _share_out(found[first], wanted[first].shape[1])
    counters = {name: t for name, t in wanted.items() if name.endswith("num_batches_tracked")}
    needed = {name: tensor for name, tensor in wanted.items() if name not in counters}
    _refuse_others(path, found, needed, what=model.described)
    model.backbone.load_state_dict({name: (counters | found)[name] for name in wanted})


def _share_out(filters: torch.Tensor, n_stains: int) -> torch.Tensor:
    grey = filters.mean(dim=1, keepdim=True)
    return grey.repeat(1, n_stains, 1, 1) * (filters.shape[1] / n_stains)


def _refuse_others(path: str | Path, found: dict, wanted: dict, *, what: str) -> None:
    absent = [name for name in wanted if name not in found]
    if absent:
        raise InputError(
            f"{path} is no {what}: {len(absent)} of {len(wanted)} tensors are missing, "
            f"the first '{absent[0]}'."
        )
    for name, tensor in wanted.items():
        if tuple(found[name].shape) != tuple(tensor.shape):
            raise InputError(
                f"{path}: '{name}' has shape {tuple(found[name].shape)}, this network needs "
                f"{tuple(tensor.shape)}. Give weights of a {what}."
            )


def _known_name(name: str) -> str:
    """A tensor's name as transformers has it within ``ResNetModel`` or ``ConvNextModel``."""
    name = name.removeprefix("resnet.").removeprefix("convnext.")
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
