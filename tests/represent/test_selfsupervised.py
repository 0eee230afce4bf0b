"""Networks that learn by agreement: what they find, what they say they saw, and collapse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from phenolens.errors import DesignError
from phenolens.represent.base import REPRESENTATIONS
from phenolens.represent.dino import DINO, DINOSettings
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.checkpoint import save_tensors
from phenolens.represent.networks.pixels import PixelSettings
from phenolens.represent.networks.training import TrainSettings
from phenolens.represent.simclr import SimCLR, SimCLRSettings
from phenolens.represent.vicreg import VICReg, VICRegSettings
from phenolens.testing import check_representation

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

TRAINING = TrainSettings(
    epochs=3, batch=16, learning_rate=3e-3, device="cpu", precision="float32", validation="none"
)
COMMON = {
    "pixels": PixelSettings(size=32),
    "training": TRAINING,
    "backbone": Architecture(stem="classic", width=8),
}
KINDS = {
    "simclr": (SimCLR, SimCLRSettings(**COMMON)),
    "vicreg": (VICReg, VICRegSettings(**COMMON)),
    "dino": (DINO, DINOSettings(**COMMON, scores=32)),
}
TINY = {
    "epochs": 1, "width": 8, "size": 32, "batch": 16, "views": 1, "precision": "float32",
    "device": "cpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def screen(planted_screen):
    torch.set_num_threads(1)
    return planted_screen()


def neighbours(network, screen):
    """Share of a plate never seen whose nearest training images have its treatment."""
    features = network.extract(screen.prepared, np.arange(len(screen.labels)))
    reader = KNeighborsClassifier(5, metric="cosine")
    reader.fit(features[screen.train], screen.labels[screen.train])
    return reader.score(features[screen.test], screen.labels[screen.test])


@pytest.mark.parametrize("name", KINDS)
def test_pairs_of_a_treatment_teach_it_and_the_card_says_labels_seen(screen, name):
    kind, settings = KINDS[name]
    network = kind(replace(settings, positives="treatment"))
    network.fit(screen.prepared, screen.train, labels=screen.labels[screen.train], seed=1)
    assert neighbours(network, screen) > 0.6
    losses = network.curves()["train_loss"]
    assert name == "dino" or losses.iloc[-1] < losses.iloc[0]
    card = network.card(screen.prepared)
    assert (card.learns, card.kind) == ("labels", "supervised")
    assert card.labels_seen == ("A", "B", "DMSO")
    assert card.preprocessing["effective_dimensions"] > 1.5
    assert card.preprocessing["without_partner"] == 0


@pytest.mark.parametrize(
    ("name", "positives"), [("simclr", "well"), *((name, "treatment") for name in KINDS)]
)
def test_every_kind_of_positives_keeps_the_contract(name, positives):
    check_representation(REPRESENTATIONS.get(name), TINY | {"positives": positives})


def test_views_and_wells_see_no_label(screen):
    short = replace(TRAINING, epochs=1)
    for positives in ("views", "well"):
        network = SimCLR(replace(KINDS["simclr"][1], training=short, positives=positives))
        network.fit(screen.prepared, screen.train, labels=screen.labels[screen.train])
        card = network.card(screen.prepared)
        assert (card.learns, card.kind, card.labels_seen) == ("pixels", "unsupervised", ())


def test_what_a_study_holds_back_follows_the_positives():
    for name in KINDS:
        kind = REPRESENTATIONS.get(name)
        learns = [kind.learns_with(kind.Options(positives=p)) for p in ("views", "well")]
        assert learns == ["pixels", "pixels"]
        assert kind.learns_with(kind.Options(positives="treatment")) == "labels"


@pytest.mark.parametrize("name", ["simclr", "dino"])
def test_resumed_training_ends_with_the_same_weights(screen, tmp_path, name):
    kind, settings = KINDS[name]
    settings = replace(settings, training=replace(TRAINING, epochs=2))

    class Killed(Exception):
        pass

    def die(done, total):
        if done > 0.6 * total:
            raise Killed

    def fit(checkpoint, progress=None):
        network = kind(settings, checkpoint=checkpoint)
        return network.fit(screen.prepared, screen.train[::2], seed=2, progress=progress)

    whole = fit(None)
    with pytest.raises(Killed):
        fit(tmp_path / "last.safetensors", die)
    resumed = fit(tmp_path / "last.safetensors")
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name


def test_a_teacher_is_a_running_mean_that_comes_to_rest():
    from phenolens.represent.networks.siamese import Distillation, Distilled, Projected

    model = Distilled(Projected(torch.nn.Identity(), torch.nn.Linear(1, 1, bias=False)), 1)
    objective = Distillation(total=4, momentum=0.5)
    with torch.no_grad():
        model.teacher.head.weight.fill_(0.0)
        model.student.head.weight.fill_(1.0)
    found = []
    for _ in range(6):
        objective.follow(model)
        found.append(float(model.teacher.head.weight))
    moved = [0.5 * 0.5 * (1 + np.cos(np.pi * min(1, n / 4))) for n in range(6)]
    wanted = 1 - np.cumprod(1 - np.array(moved))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert not model.teacher.head.weight.requires_grad


def test_windows_are_pieces_of_their_image_at_its_own_scale():
    from phenolens.represent.networks.siamese import windows

    images = torch.arange(2 * 3 * 32 * 32, dtype=torch.float32).reshape(2, 3, 32, 32)
    torch.manual_seed(0)
    cut = windows(images, 0.5, 0.5)
    assert cut.shape == (2, 3, 16, 16)
    for image, piece in zip(images, cut, strict=True):
        top, left = divmod(int(piece[0, 0, 0] - image[0, 0, 0]), 32)
        assert torch.equal(piece, image[:, top : top + 16, left : left + 16])
    assert windows(images, 1.0) is images
    assert {windows(images, 0.5).shape[-1] for _ in range(40)} == {16, 24, 32}


def test_weights_to_start_from_reach_teacher_and_student(screen, tmp_path):
    source = SimCLR(replace(KINDS["simclr"][1], training=replace(TRAINING, epochs=1)))
    source.fit(screen.prepared, screen.train)
    path = tmp_path / "resnet.safetensors"
    save_tensors(path, source.model.encoder.backbone.state_dict(), {})
    network = DINO(replace(KINDS["dino"][1], weights=str(path)))
    network.state = {"n_stains": 3}
    network.model = network.build()
    network._pretrain()
    wanted = source.model.encoder.backbone.state_dict()
    for part in (network.model.student, network.model.teacher):
        for name, tensor in part.encoder.backbone.state_dict().items():
            if name.endswith("weight") and "embedder.embedder" not in name:
                assert torch.equal(tensor, wanted[name]), name


def test_a_network_to_which_all_images_look_alike_is_said_to_have_collapsed(screen, monkeypatch):
    from phenolens.represent.networks.siamese import Projected

    monkeypatch.setattr(Projected, "embed", lambda self, images: 0 * self.encoder.embed(images) + 1)
    with pytest.warns(UserWarning, match="has collapsed"):
        SimCLR(replace(KINDS["simclr"][1], training=replace(TRAINING, epochs=1))).fit(
            screen.prepared, screen.train
        )


def test_partners_that_are_not_there_are_missed(screen):
    one = np.array([np.flatnonzero(screen.labels == name)[0] for name in ("A", "B", "DMSO")])
    for positives in ("well", "treatment"):
        network = SimCLR(replace(KINDS["simclr"][1], positives=positives))
        with pytest.raises(DesignError, match="choose positives = 'views'"):
            network.fit(screen.prepared, one, labels=screen.labels[one])
