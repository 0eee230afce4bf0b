"""Wells of images: means, medians, what is left of outliers, and attention."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import trim_mean

from phenolens.profiles import from_frame
from phenolens.represent.pooling import pooled, weighted


def table(values, wells):
    frame = pd.DataFrame(values.astype(np.float32), columns=["f1", "f2"])
    frame.insert(0, "Metadata_Well", wells)
    frame.insert(0, "Metadata_Plate", "P")
    return from_frame(frame)


@pytest.fixture(scope="module")
def images():
    values = np.random.default_rng(0).normal(size=(50, 2)) ** 3
    return table(values, np.where(np.arange(50) % 5 == 0, "A02", "A01"))


@pytest.mark.parametrize(
    ("how", "same"),
    [
        ("mean", np.mean),
        ("median", np.median),
        ("trimmed", lambda x, axis: trim_mean(x, 0.1, axis)),
    ],
)
def test_each_feature_on_its_own(images, how, same):
    with pd.option_context("mode.copy_on_write", True):  # its arrays are read-only
        wells = pooled(images, how)
    assert list(wells.index.get_level_values("Metadata_Well")) == ["A01", "A02"]
    assert list(wells.index.get_level_values("Metadata_Count")) == [40, 10]
    for well, row in zip(("A01", "A02"), wells.to_numpy(), strict=True):
        own = images[images.index.get_level_values("Metadata_Well") == well].to_numpy()
        np.testing.assert_allclose(row, same(own, axis=0), rtol=1e-5)


def test_weights_count_within_their_well(images):
    np.testing.assert_allclose(
        weighted(images, np.full(50, 3.0)).to_numpy(), pooled(images, "mean").to_numpy(), rtol=1e-5
    )
    alone = np.zeros(50)
    alone[[3, 5]] = 2.0, 7.0
    np.testing.assert_allclose(weighted(images, alone).to_numpy(), images.to_numpy()[[3, 5]])


@pytest.mark.network
def test_attention_finds_the_few_images_that_speak():
    """One image in eight says what the well is; wells that were not shown are told too."""
    pytest.importorskip("torch").set_num_threads(1)
    from phenolens.represent.networks.attention import attention_weights

    rng = np.random.default_rng(0)
    wells = np.repeat(np.arange(48), 16)
    labels = np.where(wells % 2 == 0, "DMSO", "A").astype(object)
    values = rng.normal(size=(len(wells), 6)).astype(np.float32)
    speak = (np.arange(len(wells)) % 8 == 0) & (labels == "A")
    values[speak, 0] += 6
    rows = np.flatnonzero(wells < 32)
    found = attention_weights(values, wells, rows=rows, labels=labels[rows], seed=0)
    held = wells >= 32
    assert found[held & speak].mean() > 3 * found[held & ~speak].mean()
    again = attention_weights(values, wells, rows=rows, labels=labels[rows], seed=0)
    np.testing.assert_array_equal(found, again)


@pytest.mark.network
def test_gated_attention_is_its_definition():
    torch = pytest.importorskip("torch")
    from phenolens.represent.networks.attention import GatedAttention

    torch.manual_seed(0)
    model = GatedAttention(3, 2, hidden=4)
    images, bags = torch.randn(5, 3), torch.tensor([0, 1, 0, 1, 1])
    with torch.no_grad():
        found = model(images, bags, 2)
        for bag in (0, 1):
            own = images[bags == bag]
            raw = model.weigh(model.content(own).tanh() * model.gate(own).sigmoid())[:, 0]
            wanted = model.read((raw.softmax(0)[:, None] * own).sum(0))
            torch.testing.assert_close(found[bag], wanted)
