"""Weights that the tests write: tiny vision models as transformers saves them."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

SIDE = 32
VIT = {
    "hidden_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "image_size": SIDE,
    "patch_size": 8,
}
CONV = {"hidden_sizes": [8, 8, 8, 8], "depths": [1, 1, 1, 1]}
SHAPES = {
    "vit": VIT | {"intermediate_size": 32},
    "vit_mae": VIT | {"intermediate_size": 32},
    "dinov2": VIT,
    "dinov2_with_registers": VIT,
    "dinov3_vit": VIT | {"intermediate_size": 32, "num_register_tokens": 2},
    "convnext": CONV,
    "convnextv2": CONV,
    "resnet": CONV | {"embedding_size": 8, "layer_type": "basic"},
    "swin": {"embed_dim": 8, "depths": [1, 1], "num_heads": [1, 1], "image_size": SIDE}
    | {"window_size": 4},
}


def make(kind, **changes):
    """A model of transformers with weights drawn at random."""
    import torch
    from transformers import CONFIG_MAPPING, MODEL_MAPPING

    config = CONFIG_MAPPING[kind](**SHAPES[kind] | changes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = MODEL_MAPPING[type(config)](config)
        for parameter in model.parameters():  # as if trained: nothing is zero or one
            parameter.data += 0.05 * torch.randn_like(parameter)
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer += 0.1 * torch.randn_like(buffer)
    return model.eval()


@pytest.fixture(scope="session")
def folders(tmp_path_factory):
    """Folders of saved models by kind, each with its model, made when first asked for."""
    from transformers.utils import logging

    made = {}

    def folder(kind):
        if kind not in made:
            path, model = tmp_path_factory.mktemp(kind), make(kind)
            logging.disable_progress_bar()
            model.save_pretrained(path)
            made[kind] = (path, model)
        return made[kind]

    return folder


@pytest.fixture
def model_of():
    """Makes a model of a kind, with other settings where they are given."""
    return make


@pytest.fixture
def images():
    """Two images with three channels."""
    import torch

    return torch.rand(2, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
