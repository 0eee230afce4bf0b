"""Pixels as each encoder wants them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from phenolens.errors import InputError
from phenolens.represent.pretrained.entries import ENTRIES
from phenolens.represent.pretrained.preprocessing import Preprocessing, read_preprocessor

torch = pytest.importorskip("torch")

SCALED = np.random.default_rng(0).uniform(-0.2, 5.0, (2, 20, 24)).astype(np.float32)


def test_intensity_keeps_its_order_up_to_four_times_the_upper_percentile():
    for intensity, power in (("root", 0.5), ("linear", 1.0)):
        found = Preprocessing(input=20, intensity=intensity).apply(SCALED).numpy()
        inner = SCALED[:, :, 2:22]
        np.testing.assert_allclose(found, (np.clip(inner, 0, 4) / 4) ** power, rtol=1e-6)


def test_each_stain_of_each_image_by_itself_forgets_gain_and_offset():
    alone = Preprocessing(input=20, intensity="linear", normalise="image")
    dim = np.clip(SCALED, 0, 3.9)
    found = alone.apply(dim)
    assert abs(float(found.mean())) < 1e-5 and abs(float(found.std(correction=0)) - 1) < 1e-3
    torch.testing.assert_close(alone.apply(dim * 0.25 + 0.1), found, rtol=1e-3, atol=1e-4)
    ranged = Preprocessing(input=20, intensity="linear", normalise="range").apply(dim)
    assert ranged.amin((1, 2)).tolist() == [0, 0] and ranged.amax((1, 2)).tolist() == [1, 1]
    flat = np.ones((2, 20, 20), np.float32)
    assert not alone.apply(flat).any()


def test_instance_normalisation_is_that_of_pytorch():
    of = ENTRIES["openphenom"].preprocessing
    image = np.random.default_rng(1).uniform(0, 4, (3, 256, 256)).astype(np.float32)
    told = torch.nn.InstanceNorm2d(3)(torch.from_numpy(image / 4)[None])[0]
    torch.testing.assert_close(of.apply(image), told, rtol=1e-4, atol=1e-4)


def test_image_is_resized_once_or_framed():
    wide = Preprocessing(input=40, resample="bicubic").apply(SCALED)
    assert wide.shape == (2, 40, 40)
    framed = Preprocessing(input=30, fit="pad").apply(SCALED).numpy()
    inside = Preprocessing(input=20).apply(SCALED).numpy()
    np.testing.assert_array_equal(framed[:, 5:25, 5:25], inside)
    assert framed.sum() == pytest.approx(inside.sum(), rel=1e-5)
    np.testing.assert_array_equal(
        Preprocessing(input=10, fit="pad").apply(SCALED).numpy(), inside[:, 5:15, 5:15]
    )
    # Antialiased: halving a checkerboard gives its mean.
    board = np.indices((20, 20)).sum(axis=0) % 2 * 4.0
    grey = Preprocessing(input=10, intensity="linear").apply(board[None].astype(np.float32))
    assert float((grey - 0.5).abs()[:, 1:-1, 1:-1].max()) < 1e-5


def test_what_lies_beside_a_model_is_read(tmp_path):
    path = tmp_path / "preprocessor_config.json"
    told = {
        "do_center_crop": True,
        "crop_size": {"height": 224, "width": 224},
        "size": {"shortest_edge": 256},
        "resample": 3,
        "image_mean": [0.1, 0.2, 0.3],
        "image_std": [0.4, 0.5, 0.6],
    }
    path.write_text(json.dumps(told))
    found = read_preprocessor(path)
    assert (found.input, found.resample, found.mean) == (224, "bicubic", (0.1, 0.2, 0.3))
    path.write_text(json.dumps({"size": 384, "do_normalize": False}))
    found = read_preprocessor(path)
    assert (found.input, found.resample, found.normalise) == (384, "bilinear", "none")
    path.write_text("[1]")
    with pytest.raises(InputError, match="cannot be read"):
        read_preprocessor(path)
