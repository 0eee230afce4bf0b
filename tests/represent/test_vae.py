"""The autoencoder: a code that need not hold the plate; the way from control to treated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from phenolens.errors import DesignError
from phenolens.interpret.traversal import decoded, traverse
from phenolens.report.figures.traversal import traversal
from phenolens.represent.networks.pixels import PixelSettings
from phenolens.represent.networks.training import TrainSettings
from phenolens.represent.vae import VAE, VAESettings
from phenolens.testing import check_representation

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

TRAINING = TrainSettings(
    epochs=20, batch=16, learning_rate=5e-3, device="cpu", precision="float32", validation="none"
)
SETTINGS = VAESettings(
    pixels=PixelSettings(size=32), training=TRAINING, width=8, latent=4, beta=20.0, views=1
)


@pytest.fixture(scope="module")
def screen(planted_screen):
    """Plate P2 is lit from all edges, and P3 from the middle; turning an image changes neither."""
    torch.set_num_threads(1)
    screen = planted_screen()
    plates = screen.prepared.images.table["Metadata_Plate"].to_numpy()
    edge = np.ones((32, 32), dtype=bool)
    edge[8:24, 8:24] = False
    for plate, lit in (("P2", edge), ("P3", ~edge)):
        screen.prepared.array[plates == plate] += 300 * lit
    return screen


@pytest.fixture(scope="module")
def told(screen):
    return VAE(replace(SETTINGS, condition="plate")).fit(screen.prepared, screen.train, seed=0)


def apart(network, screen):
    """How far two training plates lie apart in the code, in standard deviations of its images."""
    codes = network.extract(screen.prepared, screen.train)
    plates = screen.prepared.images.table["Metadata_Plate"].to_numpy()[screen.train]
    means = [codes[plates == plate].mean(0) for plate in ("P1", "P2")]
    within = np.mean([codes[plates == plate].var(0).sum() for plate in ("P1", "P2")])
    return np.linalg.norm(means[0] - means[1]) / np.sqrt(within)


def test_a_code_need_not_say_what_the_decoder_is_told(screen, told):
    alone = VAE(SETTINGS).fit(screen.prepared, screen.train, seed=0)
    assert apart(told, screen) < 0.7 * apart(alone, screen)
    assert told.state["conditions"] == ["P1", "P2"]


def test_it_paints_the_plate_it_is_told_and_the_mean_of_plates_where_it_is_told_none(screen, told):
    codes = torch.zeros(1, 4)
    with torch.no_grad():
        first, second, both, unknown = (
            told.model.decode(codes, None if plate is None else torch.tensor([plate]))
            for plate in (0, 1, None, -1)
        )
    lit = [float(image[..., 0, :].mean() - image[..., 16, :].mean()) for image in (first, second)]
    assert lit[1] > lit[0] + 0.5
    assert torch.equal(both, unknown)
    assert not torch.equal(both, first)


def test_a_plate_never_seen_is_encoded_like_any_other(screen, told):
    features = told.extract(screen.prepared, screen.test)
    assert np.isfinite(features).all()
    seen, made = told.reconstruct(screen.prepared, screen.test)
    assert seen.shape == made.shape
    codes = told.extract(screen.prepared, screen.test[:1])
    np.testing.assert_allclose(made[0], decoded(told, codes)[0], atol=1e-5)


def test_the_contract_holds_and_a_batch_that_is_not_named_is_missed(screen):
    check_representation(
        VAE,
        {"epochs": 1, "width": 8, "size": 32, "batch": 16, "views": 1, "precision": "float32",
         "device": "cpu", "condition": "plate"},
    )  # fmt: skip
    with pytest.raises(DesignError, match="condition = 'batch'"):
        VAE(replace(SETTINGS, condition="batch")).fit(screen.prepared, screen.train)


def test_a_traversal_goes_from_controls_to_the_treatment(screen, told):
    rows = {name: np.flatnonzero(screen.labels == name) for name in ("DMSO", "A")}
    found = traverse(told, screen.prepared, controls=rows["DMSO"], treated=rows["A"], steps=4)
    np.testing.assert_allclose(found.shares, [0, 0.5, 1, 1.5])
    plates = screen.prepared.images.table["Metadata_Plate"].to_numpy()
    ends = [
        np.mean(
            [
                told.extract(screen.prepared, rows[name][plates[rows[name]] == plate]).mean(0)
                for plate in ("P1", "P2", "P3")
            ],
            axis=0,
        )
        for name in ("DMSO", "A")
    ]
    np.testing.assert_allclose(found.codes[[0, 2]], ends, atol=1e-5)
    np.testing.assert_allclose(found.images[2] - found.images[0], found.change, atol=1e-6)
    assert found.images.shape == (4, 3, 32, 32)
    assert found.separation > 0
    figure = traversal(found.images, found.change, found.shares, channels=screen.prepared.channels)
    assert len(figure.axes) == 4 * 4 + 3
    with pytest.raises(DesignError, match="No plate has both"):
        traverse(told, screen.prepared, controls=rows["DMSO"][:3], treated=rows["A"][-3:])


def test_nothing_lies_between_two_like_means(screen, told):
    rows = np.flatnonzero(screen.labels == "DMSO")
    same = traverse(told, screen.prepared, controls=rows, treated=rows)
    assert same.separation == 0
    assert np.abs(same.change).max() == 0
