"""The same networks on a GPU; skipped where there is none."""

from __future__ import annotations

import runpy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from phenolens.represent.cnn import CNN, CNNSettings
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.feed import Feed, Standard
from phenolens.represent.networks.pixels import PixelSettings
from phenolens.represent.networks.training import Trainer, TrainSettings
from phenolens.represent.vae import VAE, VAESettings

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.network,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU"),
]

SMALL = runpy.run_path(str(Path(__file__).with_name("two_ranks.py")))
TRAINING = TrainSettings(epochs=6, batch=24, learning_rate=3e-3, validation=0.15, device="auto")
TINY = CNNSettings(
    pixels=PixelSettings(size=32), training=TRAINING, backbone=Architecture(width=16)
)


@pytest.fixture(scope="module")
def screen(planted_screen):
    return planted_screen()


def learned(screen, settings=TINY, seed=0) -> CNN:
    labels = screen.labels[screen.train]
    return CNN(settings).fit(screen.prepared, screen.train, labels=labels, seed=seed)


def test_a_gpu_is_used_by_itself_learns_and_says_so(screen):
    network = learned(screen)
    assert network.state["made"]["device"] == "cuda"
    assert next(network.model.parameters()).is_cuda
    shares = network.predict_proba(screen.prepared, screen.test)
    classes = np.array(network.classes)
    assert np.mean(classes[shares.argmax(1)] == screen.labels[screen.test]) > 0.8


@pytest.mark.parametrize("precision", ["float32", "bf16", "fp16"])
def test_the_same_seed_gives_the_same_bytes(screen, precision):
    settings = replace(TINY, training=replace(TRAINING, epochs=2, precision=precision))
    digests = [
        learned(screen, settings, seed).card(screen.prepared).weights_digest for seed in (5, 5, 6)
    ]
    assert digests[0] == digests[1] != digests[2]


def test_what_a_gpu_learned_a_processor_reads_alike(screen, tmp_path):
    settings = replace(TINY, training=replace(TRAINING, epochs=2, precision="float32"))
    network = learned(screen, settings)
    network.save(tmp_path / "cnn.safetensors")
    usual = network.extract(screen.prepared, screen.test)
    there = CNN(settings).restore(tmp_path / "cnn.safetensors")
    there.model.to("cpu")
    assert there.device() == "cpu"
    np.testing.assert_allclose(
        there.extract(screen.prepared, screen.test), usual, atol=2e-2, rtol=2e-2
    )


def test_memory_that_really_runs_out_halves_the_batch(screen):
    torch.cuda.empty_cache()
    _, total = torch.cuda.mem_get_info()
    images = torch.zeros(512, 1, 2, 256, 256, dtype=torch.uint8)
    feed = Feed(images, np.arange(512), Standard.fixed(2), "cuda", targets=np.arange(512) % 3)
    settings = TrainSettings(epochs=1, batch=512, device="cuda", precision="float32")
    model = torch.nn.Sequential(
        torch.nn.Conv2d(2, 64, 3),
        torch.nn.ReLU(),
        torch.nn.AvgPool2d(127),  # the adaptive one is not repeatable on a GPU
        torch.nn.Flatten(),
        torch.nn.Linear(256, 3),
    )
    torch.cuda.set_per_process_memory_fraction(8e9 / total)  # a step of the batch takes 16 GB
    try:
        trainer = Trainer(
            model.to("cuda"), SMALL["Classify"](), (feed, feed.part(np.arange(0))), settings
        )
        with pytest.warns(UserWarning, match="Out of GPU memory"):
            trainer.run()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert trainer.history.parts > 1


def test_a_killed_training_goes_on_to_the_same_weights(tmp_path):
    class Killed(Exception):
        pass

    def die(done, total):
        if done > 0.6 * total:
            raise Killed

    def made():
        usual = SMALL["trainer"](device="cuda", precision="bf16")
        usual.model.to("cuda")
        usual.feeds = tuple(replace(feed, device="cuda") for feed in usual.feeds)
        return usual

    whole, killed, resumed = made(), made(), made()
    whole.run()
    killed.checkpoint = resumed.checkpoint = tmp_path / "last.safetensors"
    with pytest.raises(Killed):
        killed.run(die)
    resumed.run()
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


def test_other_objectives_run_there_too(screen):
    settings = VAESettings(
        pixels=PixelSettings(size=32), training=replace(TRAINING, epochs=1), width=8
    )
    network = VAE(settings).fit(screen.prepared, screen.train)
    assert network.state["made"]["device"] == "cuda"
    assert np.isfinite(network.extract(screen.prepared, screen.test)).all()
