"""Networks around weights: transformers' own answers, other names, and what does not fit."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from phenolens.errors import InputError
from phenolens.represent.pretrained.sources import find

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

from phenolens.represent.pretrained.architectures import build  # noqa: E402


def asked(body, images, output):
    with torch.no_grad():
        return body(images, output)


@pytest.mark.parametrize(
    "kind", ["vit", "dinov2", "dinov2_with_registers", "dinov3_vit", "swin", "convnextv2"]
)
def test_features_are_those_of_transformers(folders, images, kind):
    path, model = folders(kind)
    body = build(find(str(path)))
    with torch.no_grad():
        told = model(images)
    if body.has_class_token:
        torch.testing.assert_close(asked(body, images, "class"), told.last_hidden_state[:, 0])
    pooled = told.pooler_output.flatten(1)
    torch.testing.assert_close(asked(body, images, "pooler"), pooled)


@pytest.mark.parametrize("kind", ["convnext", "resnet"])
def test_convolutional_networks_are_pooled_over_the_map(folders, images, kind):
    path, model = folders(kind)
    body = build(find(str(path)))
    with torch.no_grad():
        told = model(images)
    torch.testing.assert_close(asked(body, images, "pooler"), told.pooler_output.flatten(1))
    mean = told.last_hidden_state.mean(dim=(2, 3))
    torch.testing.assert_close(asked(body, images, "mean"), mean)
    with pytest.raises(InputError, match="has no class token; use output"):
        asked(body, images, "class")


@pytest.mark.parametrize(("kind", "before"), [("dinov2", 1), ("dinov3_vit", 3)])
def test_mean_leaves_class_and_register_tokens_out(folders, images, kind, before):
    path, model = folders(kind)
    with torch.no_grad():
        tokens = model(images).last_hidden_state
    body = build(find(str(path)))
    mean = tokens[:, before:].mean(dim=1)
    torch.testing.assert_close(asked(body, images, "mean"), mean)
    both = torch.cat([tokens[:, 0], mean], dim=1)
    torch.testing.assert_close(asked(body, images, "class+mean"), both)


def test_masked_autoencoder_masks_nothing_and_is_the_same_twice(folders, images):
    path, model = folders("vit_mae")
    body = build(find(str(path)))
    first = asked(body, images, "mean")
    torch.testing.assert_close(asked(body, images, "mean"), first, rtol=0, atol=0)
    with torch.no_grad():  # all tokens, in whatever order
        tokens = model(images, noise=torch.rand(2, 16)).last_hidden_state
    assert tokens.shape[1] < 17
    changed = images.clone()
    changed[:, :, :8, :8] += 1
    assert not torch.allclose(asked(body, changed, "mean"), first)


def test_another_size_than_trained_with_is_read(folders):
    body = build(find(str(folders("vit")[0])))
    assert asked(body, torch.rand(1, 3, 48, 48), "class").shape == (1, 64)


@pytest.mark.parametrize("kind", ["vit", "dinov2", "dinov2_with_registers"])
@pytest.mark.parametrize("chunked", [False, True])
def test_names_of_dino_and_timm_are_known(folders, images, tmp_path, kind, chunked):
    path, model = folders(kind)
    saved = load_file(path / "model.safetensors")
    block = "blocks.0.0" if chunked else "blocks.0"
    layer, attention = "encoder.layer.0", "encoder.layer.0.attention.attention"
    renamed = {
        "cls_token": saved["embeddings.cls_token"],
        "pos_embed": saved["embeddings.position_embeddings"],
        "norm.weight": saved["layernorm.weight"],
        "norm.bias": saved["layernorm.bias"],
        "head.weight": torch.zeros(3, 64),
    }
    if "embeddings.register_tokens" in saved:
        renamed["register_tokens"] = saved["embeddings.register_tokens"]
    inner = {"vit": ("intermediate.dense", "output.dense")}.get(kind, ("mlp.fc1", "mlp.fc2"))
    norms = ("layernorm_before", "layernorm_after") if kind == "vit" else ("norm1", "norm2")
    for part in ("weight", "bias"):
        projection = saved[f"embeddings.patch_embeddings.projection.{part}"]
        renamed[f"patch_embed.proj.{part}"] = projection
        parts = [saved[f"{attention}.{what}.{part}"] for what in ("query", "key", "value")]
        renamed[f"{block}.attn.qkv.{part}"] = torch.cat(parts)
        renamed[f"{block}.attn.proj.{part}"] = saved[f"{layer}.attention.output.dense.{part}"]
        for number in (1, 2):
            renamed[f"{block}.norm{number}.{part}"] = saved[f"{layer}.{norms[number - 1]}.{part}"]
            renamed[f"{block}.mlp.fc{number}.{part}"] = saved[f"{layer}.{inner[number - 1]}.{part}"]
    if kind != "vit":
        for number in (1, 2):
            gamma = saved[f"{layer}.layer_scale{number}.lambda1"]
            renamed[f"{block}.ls{number}.gamma"] = gamma
    wrapped = {f"module.backbone.{k}": t.clone().contiguous() for k, t in renamed.items()}
    save_file(wrapped, tmp_path / "dino.safetensors")
    body = build(find(str(tmp_path / "dino.safetensors")))
    with torch.no_grad():
        told = model(images).last_hidden_state[:, 0]
    torch.testing.assert_close(asked(body, images, "class"), told, rtol=1e-4, atol=1e-5)


def test_shapes_that_do_not_match_are_named(folders, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folders("vit")[0], copy)
    told = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(told | {"intermediate_size": 48}))
    with pytest.raises(InputError, match=r"has shape \(32.*needs \(48") as error:
        build(find(str(copy)))
    assert "\n" not in str(error.value)


def test_tensors_that_are_missing_are_named(folders, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folders("convnext")[0], copy)
    tensors = load_file(copy / "model.safetensors")
    lost = tensors.pop("embeddings.patch_embeddings.weight")
    save_file(tensors | {"classifier.weight": lost}, copy / "model.safetensors")
    with pytest.raises(InputError, match=r"1 tensor.* the first 'embeddings.patch_embeddings.weig"):
        build(find(str(copy)))


def test_pooling_layer_that_the_file_has_not_is_not_drawn_at_random(folders, tmp_path, images):
    copy = tmp_path / "copy"
    shutil.copytree(folders("vit")[0], copy)
    tensors = load_file(copy / "model.safetensors")
    kept = {k: t for k, t in tensors.items() if not k.startswith("pooler.")}
    save_file(kept, copy / "model.safetensors")
    body = build(find(str(copy)))
    assert asked(body, images, "class").shape == (2, 64)
    with pytest.raises(InputError, match="no pooled output; use output = 'mean'"):
        asked(body, images, "pooler")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "nothing says which network these 1 tensors are"),
        ({"model_type": "bert"}, "'bert' is no vision model"),
        ({"model_type": "MAE", "auto_map": {}}, "code of its own, which is never run"),
    ],
)
def test_what_is_no_vision_model_is_refused(tmp_path, config, said):
    save_file({"weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=said):
        build(find(str(tmp_path)))


def test_subcell_pools_all_tokens_by_gated_attention(folders, tmp_path, images):
    saved = load_file(folders("vit")[0] / "model.safetensors")
    rng = torch.Generator().manual_seed(2)
    gates = {
        f"pool_model.{name}": torch.randn(*shape, generator=rng)
        for name, shape in {
            "attention_v.1.weight": (5, 64),
            "attention_v.1.bias": (5,),
            "attention_u.1.weight": (5, 64),
            "attention_u.1.bias": (5,),
            "attention.weight": (2, 5),
            "attention.bias": (2,),
        }.items()
    }
    own = {f"encoder.{k}": t for k, t in saved.items() if not k.startswith("pooler.")}
    save_file(own | gates, tmp_path / "subcell.safetensors")
    body = build(find(str(tmp_path / "subcell.safetensors")))
    body_tokens = body.model(images).last_hidden_state
    both = torch.tanh(
        body_tokens @ gates["pool_model.attention_v.1.weight"].T
        + gates["pool_model.attention_v.1.bias"]
    ) * torch.nn.functional.gelu(
        body_tokens @ gates["pool_model.attention_u.1.weight"].T
        + gates["pool_model.attention_u.1.bias"]
    )
    scores = both @ gates["pool_model.attention.weight"].T + gates["pool_model.attention.bias"]
    shares = scores.softmax(dim=1)
    by_hand = torch.einsum("bth,btd->bhd", shares, body_tokens).flatten(1)
    torch.testing.assert_close(asked(body, images, "pooler"), by_hand, rtol=1e-4, atol=1e-5)


def test_openphenom_reads_any_number_of_stains_together(tmp_path):
    from phenolens.represent.pretrained.openphenom import ChannelAgnosticViT

    model = ChannelAgnosticViT(16, 8, 1 + 3 * 256, depth=1, inner=32, normed=False).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(3))
    saved = {f"encoder.vit_backbone.{k}": t for k, t in model.state_dict().items()}
    saved["decoder.mask_token"] = torch.zeros(1)
    save_file(saved, tmp_path / "openphenom.safetensors")
    body = build(find(str(tmp_path / "openphenom.safetensors")))
    three = torch.rand(2, 3, 32, 32)
    whole = asked(body, three, "mean")
    assert whole.shape == (2, 16) and body.channels is None
    # A token depends on the other stains: it is no bag of stains.
    alone = torch.stack([asked(body, three[:, [i]], "mean") for i in range(3)]).mean(dim=0)
    assert np.abs((whole - alone).numpy()).max() > 1e-4


def test_efficientnet_lite_is_known_by_its_names(tmp_path, images):
    from phenolens.represent.pretrained.efficientnet_lite import EfficientNetLite0

    model = EfficientNetLite0()
    saved = model.state_dict() | {"_fc.weight": torch.zeros(2, 1280), "_fc.bias": torch.zeros(2)}
    save_file(saved, tmp_path / "lite.safetensors")
    body = build(find(str(tmp_path / "lite.safetensors")))
    assert sum(t.numel() for t in model.parameters()) == 4_652_008 - 1_281_000
    assert asked(body, images, "pooler").shape == (2, 1280)
    save_file(saved | {"_more.weight": torch.zeros(1)}, tmp_path / "lite.safetensors")
    with pytest.raises(InputError, match=r"holds '_more.weight', which the network has no place"):
        build(find(str(tmp_path / "lite.safetensors")))
