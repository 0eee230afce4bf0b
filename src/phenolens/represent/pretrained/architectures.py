"""Networks around the weights that were found: of transformers, or built here by their names.

Imports PyTorch: import it only where a network is built.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from phenolens.errors import InputError
from phenolens.represent.networks.checkpoint import as_floats
from phenolens.represent.pretrained.efficientnet_lite import EfficientNetLite0
from phenolens.represent.pretrained.openphenom import ChannelAgnosticViT
from phenolens.represent.pretrained.sources import FoundWeights
from phenolens.represent.pretrained.subcell import GatedPool

_WRAPPED = re.compile(r"^(module\.|backbone\.|teacher\.|student\.|_orig_mod\.)+")
_UNUSED = ("mask_token", "pooler.", "classifier", "head.", "decoder.")
_DINO = {
    "cls_token": "embeddings.cls_token",
    "pos_embed": "embeddings.position_embeddings",
    "mask_token": "embeddings.mask_token",
    "register_tokens": "embeddings.register_tokens",
    "patch_embed.proj.weight": "embeddings.patch_embeddings.projection.weight",
    "patch_embed.proj.bias": "embeddings.patch_embeddings.projection.bias",
    "norm.weight": "layernorm.weight",
    "norm.bias": "layernorm.bias",
}
_BLOCK = re.compile(r"blocks\.(?:\d+\.)?(\d+)\.([a-z_]\w*\.?.*)")
_LAYER = {
    True: {  # with layer scale: DINOv2
        "norm1": "norm1",
        "norm2": "norm2",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "mlp.fc1",
        "mlp.fc2": "mlp.fc2",
        "ls1.gamma": "layer_scale1.lambda1",
        "ls2.gamma": "layer_scale2.lambda1",
    },
    False: {
        "norm1": "layernorm_before",
        "norm2": "layernorm_after",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
    },
}


class Body(nn.Module):
    """A network that gives tokens or a map of an image, and what is made of them.

    Parameters
    ----------
    model : Module
        A vision model of transformers, or one of ours whose output is like theirs.
    channels : int, optional
        That it reads; None where it reads any number.
    origin : str
        What it is called in errors.
    """

    def __init__(self, model: nn.Module, channels: int | None, origin: str) -> None:
        super().__init__()
        self.model: Any = model  # PyTorch's types do not know what a module's attributes are
        self.channels, self.origin = channels, origin
        accepted = inspect.signature(model.forward).parameters
        self._interpolates = "interpolate_pos_encoding" in accepted
        self._shuffles = "noise" in accepted
        config = getattr(model, "config", None)
        self._first = int(getattr(config, "num_register_tokens", 0) or 0)
        named = (name for name, _ in model.named_parameters())
        self.has_class_token = any(name.endswith("cls_token") for name in named)

    def forward(self, images: torch.Tensor, output: str) -> torch.Tensor:
        """Features (B, D) of images (B, channels, S, S)."""
        what: dict[str, Any] = {}
        if self._interpolates:
            what["interpolate_pos_encoding"] = True
        if self._shuffles:  # a masked autoencoder: nothing is masked, and tokens keep their order
            patch = self.model.config.patch_size
            n = (images.shape[-1] // patch) ** 2
            what["noise"] = torch.arange(n, device=images.device).float().repeat(len(images), 1)
        found = self.model(images, **what)
        hidden, pooled = found.last_hidden_state, getattr(found, "pooler_output", None)
        if output == "pooler":
            if pooled is None:
                raise InputError(f"{self.origin} has no pooled output; use output = 'mean'.")
            return pooled.flatten(1)
        if output != "mean" and not self.has_class_token:
            raise InputError(f"{self.origin} has no class token; use output = 'pooler' or 'mean'.")
        if hidden.ndim == 4:
            return hidden.mean(dim=(2, 3))
        first = 1 + self._first if self.has_class_token else 0
        mean = hidden[:, first:].mean(dim=1)
        parts = {"class": [hidden[:, 0]], "mean": [mean], "class+mean": [hidden[:, 0], mean]}
        return torch.cat(parts[output], dim=1)

    def share_out(self, stains: int) -> None:
        """Average the first layer's filters over its channels, and share them out to the stains.

        A grey image, the same in every stain, gives the response that it gave.

        Raises
        ------
        InputError
            If no convolution reads the image itself.
        """
        for layer in self.model.modules():
            if isinstance(layer, nn.Conv2d) and layer.in_channels == self.channels:
                break
        else:
            raise InputError(
                f"{self.origin} has no first convolution of {self.channels} channels that could be "
                "averaged; use stains = 'bag'."
            )
        filters = layer.weight.detach().mean(dim=1, keepdim=True)
        scale = layer.in_channels / stains
        layer.weight = nn.Parameter(filters.repeat(1, stains, 1, 1) * scale)
        layer.in_channels = stains
        for module in self.model.modules():  # transformers' layers check what they are given
            if getattr(module, "num_channels", None) == self.channels:
                module.num_channels = stains
        self.channels = stains


def build(source: FoundWeights) -> Body:
    """The network whose weights these are, in evaluation mode and float32.

    Raises
    ------
    InputError
        If it cannot be told, is no vision model, needs code of its own, holds integers (quantised
        weights), or a tensor is missing or of another shape; named.
    """
    read = as_floats(source.tensors(), source=source.origin)
    tensors = {_WRAPPED.sub("", name): tensor for name, tensor in read.items()}
    if "_conv_stem.weight" in tensors:
        lite = EfficientNetLite0()
        _fill(lite, tensors, source, unused=("_fc.",))
        body = Body(lite, 3, source.origin)
    elif "pool_model.attention.weight" in tensors:
        body = _subcell(tensors, source)
    elif any("vit_backbone.patch_embed.proj.weight" in name for name in tensors):
        start = "vit_backbone."
        own = {k.split(start)[1]: t for k, t in tensors.items() if start in k}
        agnostic = ChannelAgnosticViT.like(own)
        _fill(agnostic, own, source, unused=("fc_norm.",))
        body = Body(agnostic, None, source.origin)
    elif "patch_embed.proj.weight" in tensors and any(n.startswith("blocks.") for n in tensors):
        body = _by_names(tensors, source)
    else:
        body = _by_config(tensors, source)
    return body.eval().requires_grad_(False)


def _by_config(tensors: Mapping[str, torch.Tensor], source: FoundWeights) -> Body:
    """A model of transformers, as its ``config.json`` says."""
    from transformers import CONFIG_MAPPING, MODEL_MAPPING

    told = source.config()
    if told is None:
        raise InputError(
            f"{source.origin}: nothing says which network these {len(tensors)} tensors are. Put "
            "its config.json (as transformers writes it) beside the weights."
        )
    kind = told.get("model_type", "")
    if kind not in CONFIG_MAPPING:
        own = " and brings code of its own, which is never run" if "auto_map" in told else ""
        raise InputError(
            f"{source.origin}: transformers has no architecture '{kind}'{own}. Compute its "
            "embeddings with its own tool, and give them as [[data.profiles]]."
        )
    config = CONFIG_MAPPING[kind].from_dict(
        {k: v for k, v in told.items() if k not in ("dtype", "torch_dtype", "auto_map")}
    )
    if kind == "vit_mae":
        config.mask_ratio = 0.0
    model = MODEL_MAPPING.get(type(config), None)
    if model is None or getattr(model, "main_input_name", "") != "pixel_values":
        raise InputError(f"{source.origin}: '{kind}' is no vision model.")
    return _transformers(model, config, tensors, source)


def _by_names(tensors: Mapping[str, torch.Tensor], source: FoundWeights) -> Body:
    """A vision transformer with the names of DINO, DINOv2 and timm; its shapes say the rest."""
    from transformers import (
        Dinov2Config,
        Dinov2Model,
        Dinov2WithRegistersConfig,
        Dinov2WithRegistersModel,
        ViTConfig,
        ViTModel,
    )

    scaled = any(name.endswith("ls1.gamma") for name in tensors)
    width, channels, patch, _ = tensors["patch_embed.proj.weight"].shape
    side = round((tensors["pos_embed"].shape[1] - 1) ** 0.5) * patch
    renamed = dict(_renamed(tensors, scaled=scaled))
    depth = 1 + max(int(found[1]) for name in tensors if (found := _BLOCK.fullmatch(name)))
    inner = next(t.shape[0] for n, t in tensors.items() if n.endswith("mlp.fc1.weight"))
    shape = {
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": max(1, width // 64),
        "patch_size": patch,
        "num_channels": channels,
        "image_size": side,
        "layer_norm_eps": 1e-6,
    }
    if "register_tokens" in tensors:
        n = tensors["register_tokens"].shape[1]
        registers = Dinov2WithRegistersConfig(
            **shape, mlp_ratio=inner // width, num_register_tokens=n
        )
        return _transformers(Dinov2WithRegistersModel, registers, renamed, source)
    if scaled:
        config = Dinov2Config(**shape, mlp_ratio=inner // width)
        return _transformers(Dinov2Model, config, renamed, source)
    plain = ViTConfig(**shape, intermediate_size=inner)
    return _transformers(ViTModel, plain, renamed, source)


def _renamed(
    tensors: Mapping[str, torch.Tensor], *, scaled: bool
) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors under the names of transformers' checkpoints."""
    for name, tensor in tensors.items():
        found = _BLOCK.fullmatch(name)
        if found is None:
            yield _DINO.get(name, name), tensor
            continue
        number, rest = found.groups()
        layer = f"encoder.layer.{number}"
        if rest.startswith("attn.qkv."):
            part = rest.removeprefix("attn.qkv.")
            for what, own in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                yield f"{layer}.attention.attention.{what}.{part}", own.contiguous()
            continue
        stem, _, part = rest.rpartition(".")
        known = _LAYER[scaled]
        end = known[rest] if rest in known else f"{known.get(stem, stem)}.{part}"
        yield f"{layer}.{end}", tensor


def _subcell(tensors: Mapping[str, torch.Tensor], source: FoundWeights) -> Body:
    """SubCell's ViT-B/16 with its gated pooling (Gupta et al. 2024)."""
    from transformers import ViTConfig, ViTModel

    own = {k.removeprefix("encoder."): t for k, t in tensors.items() if k.startswith("encoder.")}
    filters = own.get("embeddings.patch_embeddings.projection.weight")
    places = own.get("embeddings.position_embeddings")
    if filters is None or places is None:
        raise InputError(f"{source.origin} has SubCell's pooling and not its encoder.")
    width, channels, patch, _ = filters.shape
    config = ViTConfig(
        hidden_size=width,
        num_attention_heads=max(1, width // 64),
        intermediate_size=own["encoder.layer.0.intermediate.dense.weight"].shape[0],
        num_hidden_layers=len({k.split(".")[2] for k in own if k.startswith("encoder.layer.")}),
        patch_size=patch,
        num_channels=channels,
        image_size=round((places.shape[1] - 1) ** 0.5) * patch,
    )
    body = _transformers(ViTModel, config, own, source)
    start = "pool_model."
    gates = {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}
    pool = GatedPool.like(gates)
    _fill(pool, gates, source)
    body.model.pooler = pool
    return body


def _transformers(
    kind: Any, config: Any, tensors: Mapping[str, torch.Tensor], source: FoundWeights
) -> Body:
    """A model of transformers that holds these tensors, and nothing drawn at random."""
    with _quiet():
        model, told = kind.from_pretrained(
            None,
            config=config,
            state_dict=dict(tensors),
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    wrong = [(name, tuple(got), tuple(needs)) for name, got, needs in told["mismatched_keys"]]
    _refuse(sorted(wrong), told["missing_keys"], source)
    if any(name.startswith("pooler.") for name in told["missing_keys"]):
        model.pooler = None  # drawn at random: there is none in the file
    channels = getattr(config, "num_channels", 3)
    return Body(model.float(), int(channels), source.origin)


def _fill(
    module: nn.Module,
    tensors: Mapping[str, torch.Tensor],
    source: FoundWeights,
    unused: tuple[str, ...] = (),
) -> None:
    """Load tensors into a network of ours; only those of a classifier may be left over."""
    wanted = module.state_dict()
    wrong = [
        (name, tuple(tensors[name].shape), tuple(tensor.shape))
        for name, tensor in wanted.items()
        if name in tensors and tensors[name].shape != tensor.shape
    ]
    absent = [n for n in wanted if n not in tensors and not n.endswith("num_batches_tracked")]
    _refuse(wrong, absent, source)
    left = [n for n in tensors if n not in wanted and not n.startswith(unused)]
    if left:
        raise InputError(f"{source.origin} holds '{left[0]}', which the network has no place for.")
    module.load_state_dict({n: tensors.get(n, wanted[n]) for n in wanted})


def _refuse(
    wrong: list[tuple[str, tuple[int, ...], tuple[int, ...]]],
    absent: Iterable[str],
    source: FoundWeights,
) -> None:
    if wrong:
        name, got, needs = wrong[0]
        raise InputError(
            f"{source.origin}: '{name}' has shape {got}, and this network needs {needs} "
            f"({len(wrong)} tensor(s) do not match). Take weights and config.json of one model."
        )
    needed = sorted(n for n in absent if not any(part in n for part in _UNUSED))
    if needed:
        raise InputError(
            f"{source.origin}: {len(needed)} tensor(s) of the network are not in the file, the "
            f"first '{needed[0]}'. Take weights and config.json of one model."
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' bars and reports: what matters of them is raised."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
