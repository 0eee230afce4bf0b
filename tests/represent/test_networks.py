"""The networks: they find what was planted, only where they may look, and the same each time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.represent.base import REPRESENTATIONS
from phenolens.represent.cnn import CNN, CNNSettings, shuffled
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.pixels import PixelSettings, PixelStore
from phenolens.represent.networks.speed import estimate_seconds, settle
from phenolens.represent.networks.training import TrainSettings
from phenolens.represent.untrained import Untrained, UntrainedSettings
from phenolens.represent.vae import VAE, VAESettings

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

PIXELS = PixelSettings(size=32)
TRAINING = TrainSettings(
    epochs=6, batch=16, learning_rate=3e-3, device="cpu", precision="float32", patience=6
)
TINY = CNNSettings(pixels=PIXELS, training=TRAINING, backbone=Architecture(width=8), refit="no")
TINY_VAE = VAESettings(pixels=PIXELS, training=TRAINING, width=8, latent=8)


def accuracy(network, screen, rows) -> float:
    probabilities = network.predict_proba(screen.prepared, rows)
    guessed = np.array(network.classes)[probabilities.argmax(1)]
    return float(np.mean(guessed == screen.labels[rows]))


@pytest.fixture(scope="module")
def screen(planted_screen):
    return planted_screen()


@pytest.fixture(scope="module")
def fitted(screen):
    return CNN(TINY).fit(screen.prepared, screen.train, labels=screen.labels[screen.train], seed=1)


def test_planted_signal_is_found_on_a_plate_never_seen(screen, fitted):
    assert accuracy(fitted, screen, screen.test) > 0.85
    features = fitted.extract(screen.prepared, screen.test)
    assert features.shape == (len(screen.test), 64)
    assert features.dtype == np.float32


def test_curves_and_card_say_what_happened(screen, fitted):
    curves = fitted.curves()
    assert list(curves["epoch"]) == list(range(1, len(curves) + 1))
    assert curves["train_loss"].iloc[-1] < curves["train_loss"].iloc[0]
    card = fitted.card(screen.prepared, fold="0")
    assert card.labels_seen == ("A", "B", "DMSO")
    assert not {well for well in card.trained_on if well.startswith("P3/")}
    assert card.preprocessing["validation"] == "wells"
    assert card.learns == "labels"


def turned(screen, code):
    """The same screen with every image in one of the eight symmetries."""
    array = np.rot90(screen.prepared.array, code % 4, axes=(-2, -1))
    array = np.ascontiguousarray(array[..., ::-1] if code >= 4 else array)
    prepared = replace(screen.prepared)
    object.__setattr__(prepared, "forbidden", screen.prepared.forbidden)
    object.__setattr__(prepared, "array", array)
    return prepared


@pytest.mark.parametrize(("views", "same"), [(8, range(8)), (4, range(4))])
def test_what_is_read_does_not_depend_on_how_an_image_lies(screen, fitted, views, same):
    network = replace(fitted, settings=replace(TINY, views=views), pixels=None)
    rows = screen.test[:6]
    usual = network.predict_proba(screen.prepared, rows)
    features = network.extract(screen.prepared, rows)
    np.testing.assert_allclose(usual.sum(axis=1), 1, atol=1e-5)
    for code in (same[1], same[-1]):
        prepared = turned(screen, code)
        np.testing.assert_allclose(network.predict_proba(prepared, rows), usual, atol=1e-4)
        np.testing.assert_allclose(network.extract(prepared, rows), features, atol=1e-3)


def test_one_view_is_the_image_as_it_lies(screen, fitted):
    network = replace(fitted, settings=replace(TINY, views=1), pixels=None)
    rows = screen.test[:6]
    each = [network.extract(turned(screen, code), rows) for code in range(8)]
    assert np.abs(each[0] - each[1]).max() > 1e-3
    np.testing.assert_allclose(
        np.mean(each, axis=0), fitted.extract(screen.prepared, rows), atol=1e-3
    )
    odd = replace(fitted, settings=replace(TINY, views=3))
    with pytest.raises(InputError, match=r"1, 4 .* or 8 views"):
        odd.extract(screen.prepared, rows)


def test_shuffled_labels_learn_nothing(screen):
    control = CNN(replace(TINY, shuffle_labels=True), name="shuffled")
    control.fit(screen.prepared, screen.train, labels=screen.labels[screen.train], seed=3)
    assert accuracy(control, screen, screen.test) < 0.6


def test_shuffling_moves_whole_wells_within_their_plate(screen):
    labels = screen.labels.astype(str)
    mixed = shuffled(screen.prepared, np.arange(len(labels)), labels, seed=0)
    table = screen.prepared.images.table.assign(mixed=mixed, label=labels)
    assert (mixed != labels).any()
    assert (table.groupby(["Metadata_Plate", "Metadata_Well"])["mixed"].nunique() == 1).all()
    for _, plate in table.groupby("Metadata_Plate"):
        assert sorted(plate["mixed"]) == sorted(plate["label"])


def test_fitting_reads_training_rows_only(planted_screen):
    screen = planted_screen(forbid="P3")
    labels = screen.labels[screen.train]
    CNN(replace(TINY, training=replace(TRAINING, epochs=1))).fit(
        screen.prepared, screen.train, labels=labels
    )
    VAE(replace(TINY_VAE, training=replace(TRAINING, epochs=1))).fit(screen.prepared, screen.train)
    with pytest.raises(AssertionError, match="forbidden"):
        screen.prepared.pixels(int(screen.test[0]))


def test_same_seed_same_bytes_and_another_seed_other_bytes(screen):
    short = replace(TINY, training=replace(TRAINING, epochs=2))
    labels = screen.labels[screen.train]
    digests = [
        CNN(short)
        .fit(screen.prepared, screen.train, labels=labels, seed=seed)
        .card(screen.prepared)
        .weights_digest
        for seed in (5, 5, 6)
    ]
    assert digests[0] == digests[1] != digests[2]


class Killed(Exception):
    pass


@pytest.mark.parametrize("kind", ["cnn", "vae"])
def test_resumed_training_ends_with_the_same_weights(screen, tmp_path, kind):
    twice = replace(TINY, refit="yes")
    settings = replace(twice if kind == "cnn" else TINY_VAE, training=replace(TRAINING, epochs=3))
    labels = screen.labels[screen.train]

    def fit(checkpoint, progress=None):
        network = REPRESENTATIONS.get(kind)(settings, checkpoint=checkpoint)
        return network.fit(screen.prepared, screen.train, labels=labels, seed=2, progress=progress)

    def die(done, total):
        if done > 0.75 * total:
            raise Killed

    whole = fit(None)
    with pytest.raises(Killed):
        fit(tmp_path / "last.safetensors", die)
    steps = []
    resumed = fit(tmp_path / "last.safetensors", lambda done, total: steps.append(done / total))
    assert steps[1] > 0.5
    assert steps == sorted(steps)
    assert steps[-1] == 1
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, resumed.model.state_dict()[name]), name
    pd.testing.assert_frame_equal(whole.curves(), resumed.curves())


def test_what_was_held_back_is_learned_in_the_end(screen):
    labels = screen.labels[screen.train]

    def fit(refit, **training):
        settings = replace(TINY, refit=refit, training=replace(TRAINING, epochs=1, **training))
        return CNN(settings).fit(screen.prepared, screen.train, labels=labels, seed=3)

    twice, all_of_them, once = fit("auto"), fit("no", validation="none"), fit("no")
    for name, tensor in all_of_them.model.state_dict().items():
        assert torch.equal(tensor, twice.model.state_dict()[name]), name
    made = twice.card(screen.prepared).preprocessing
    assert made["validation"] == "wells"
    assert made["refit"] == {"epochs": 1, "images": len(screen.train)}
    pd.testing.assert_frame_equal(twice.curves(), once.curves())
    assert "refit" not in once.card(screen.prepared).preprocessing


@pytest.mark.parametrize(
    ("refit", "images", "times"),
    [("auto", 4000, 2), ("auto", 4001, 1), ("yes", 9999, 2), ("no", 9, 1)],
)
def test_training_twice_is_for_few_images(refit, images, times):
    assert CNN(replace(TINY, refit=refit)).rounds(images) == times


def test_checkpoint_of_other_rows_is_not_taken_over(screen, tmp_path):
    settings = replace(TINY, training=replace(TRAINING, epochs=1))
    file = tmp_path / "last.safetensors"
    rows, steps = screen.train, []
    CNN(settings, checkpoint=file).fit(screen.prepared, rows, labels=screen.labels[rows])
    CNN(settings, checkpoint=file).fit(
        screen.prepared,
        rows[:-1],
        labels=screen.labels[rows[:-1]],
        progress=lambda done, total: steps.append(done),
    )
    assert steps[0] == 1


def test_saved_network_comes_back_the_same(screen, fitted, tmp_path):
    fitted.save(tmp_path / "cnn.safetensors")
    back = CNN(TINY).restore(tmp_path / "cnn.safetensors")
    rows = screen.test
    np.testing.assert_array_equal(
        back.extract(screen.prepared, rows), fitted.extract(screen.prepared, rows)
    )
    assert back.card(screen.prepared) == fitted.card(screen.prepared)
    with pytest.raises(InputError, match="other settings"):
        CNN(replace(TINY, smoothing=0.2)).restore(tmp_path / "cnn.safetensors")
    with pytest.raises(InputError, match="holds no 'vae'"):
        VAE(TINY_VAE).restore(tmp_path / "cnn.safetensors")


def test_autoencoder_describes_and_rebuilds(planted_screen):
    screen = planted_screen(sites=24)
    training = replace(TRAINING, epochs=28, patience=28)
    vae = VAE(replace(TINY_VAE, training=training)).fit(screen.prepared, screen.train, seed=0)
    features = vae.extract(screen.prepared, screen.test)
    assert features.shape == (len(screen.test), 8)
    seen, made = vae.reconstruct(screen.prepared, screen.test)
    assert seen.shape == made.shape == (len(screen.test), 3, 32, 32)
    error = np.mean((seen - made) ** 2)
    assert error < 0.9 * np.mean((seen - seen.mean(axis=(0, 2, 3), keepdims=True)) ** 2)
    assert vae.card(screen.prepared).labels_seen == ()


def test_autoencoder_names_a_size_it_cannot_halve(screen):
    with pytest.raises(InputError, match="multiple of 16"):
        VAE(VAESettings(pixels=PixelSettings(size=40))).fit(screen.prepared, screen.train)


def test_untrained_network_is_the_same_whatever_it_is_shown(screen):
    settings = UntrainedSettings(pixels=PIXELS, training=TRAINING, backbone=Architecture(width=8))
    first = Untrained(settings).fit(screen.prepared, screen.train)
    second = Untrained(settings).fit(screen.prepared, screen.test, seed=9)
    rows = screen.test
    np.testing.assert_array_equal(
        first.extract(screen.prepared, rows), second.extract(screen.prepared, rows)
    )
    assert first.card(screen.prepared).trained_on == ()


def feature_table(screen, values, *, level):
    metadata = screen.prepared.images.metadata
    frame = pd.DataFrame(values, columns=[f"Cells_F_{i}" for i in range(values.shape[1])])
    frame = pd.concat([metadata, frame], axis=1)
    if level == "well":
        columns = ["Metadata_Plate", "Metadata_Well"]
        frame = frame.drop(columns="Metadata_Site").drop_duplicates(columns)
    return profiles.from_frame(frame.sample(frac=1, random_state=0))


def test_features_beside_the_embedding_are_joined_by_key_and_used(screen):
    codes = np.unique(screen.labels, return_inverse=True)[1]
    noise = np.random.default_rng(0).normal(size=(len(codes), 2))
    telling = feature_table(screen, np.column_stack([1e4 * codes, noise]), level="field")
    settings = replace(TINY, training=replace(TRAINING, epochs=3))
    joint = CNN(settings, name="cnn-fused", features=telling)
    joint.fit(screen.prepared, screen.train, labels=screen.labels[screen.train], seed=0)
    assert accuracy(joint, screen, screen.test) > 0.85
    assert joint.extract(screen.prepared, screen.test).shape[1] == 64


def test_features_of_wells_serve_their_images_and_a_gap_is_named(screen):
    values = np.random.default_rng(1).normal(size=(len(screen.labels), 3))
    wells = feature_table(screen, values, level="well")
    settings = replace(TINY, training=replace(TRAINING, epochs=1))
    labels = screen.labels[screen.train]
    CNN(settings, features=wells).fit(screen.prepared, screen.train, labels=labels)
    with pytest.raises(InputError, match="images have no features"):
        CNN(settings, features=wells.iloc[:3]).fit(screen.prepared, screen.train, labels=labels)


def test_an_average_of_weights_is_kept_and_resumes_to_the_same_bytes(screen, tmp_path):
    settings = replace(TINY, training=replace(TRAINING, epochs=3, ema=0.9), mixup=0.4)
    labels = screen.labels[screen.train]
    whole = CNN(settings).fit(screen.prepared, screen.train, labels=labels, seed=2)
    plain = replace(settings, training=replace(settings.training, ema=0.0))
    without = CNN(plain).fit(screen.prepared, screen.train, labels=labels, seed=2)

    def stop(done, total):
        if done >= 2 * total // 3:
            raise Killed

    killed = CNN(settings, checkpoint=tmp_path / "c.safetensors")
    with pytest.raises(Killed):
        killed.fit(screen.prepared, screen.train, labels=labels, seed=2, progress=stop)
    again = CNN(settings, checkpoint=tmp_path / "c.safetensors")
    again.fit(screen.prepared, screen.train, labels=labels, seed=2)
    digests = [n.card(screen.prepared).weights_digest for n in (whole, again, without)]
    assert digests[0] == digests[1] != digests[2]


def test_wells_of_several_classes_are_learned_and_shuffled_image_by_image(screen):
    rng = np.random.default_rng(0)
    table = screen.prepared.images.table
    mixed = replace(screen.prepared)
    order = np.arange(len(table))
    for _, places in table.groupby("Metadata_Plate").indices.items():
        order[places] = rng.permutation(places)
    for name in ("forbidden", "array"):
        object.__setattr__(mixed, name, getattr(screen.prepared, name)[order])
    labels = screen.labels[order].astype(str)
    network = CNN(TINY).fit(mixed, screen.train, labels=labels[screen.train], seed=1)
    shares = network.predict_proba(mixed, screen.test)
    right = np.array(network.classes)[shares.argmax(1)] == labels[screen.test]
    assert right.mean() > 0.85
    assert network.card(mixed).preprocessing["validation"] == "wells"
    swapped = shuffled(mixed, np.arange(len(labels)), labels, seed=0)
    assert np.mean(swapped != labels) > 0.4
    for plate in ("P1", "P2", "P3"):
        on = (table["Metadata_Plate"] == plate).to_numpy()
        assert sorted(swapped[on]) == sorted(labels[on])


def test_one_image_a_class_trains_without_validation(screen):
    rows = np.array([np.flatnonzero(screen.labels == name)[0] for name in ("A", "B", "DMSO")])
    settings = replace(TINY, training=replace(TRAINING, epochs=2))
    network = CNN(settings).fit(screen.prepared, rows, labels=screen.labels[rows])
    assert network.card(screen.prepared).preprocessing["validation"] == "none"
    assert np.isfinite(network.extract(screen.prepared, rows)).all()


def test_class_absent_from_training_is_never_predicted(screen):
    rows = screen.train[screen.labels[screen.train] != "B"]
    settings = replace(TINY, training=replace(TRAINING, epochs=1))
    network = CNN(settings).fit(screen.prepared, rows, labels=screen.labels[rows])
    assert network.classes == ["A", "DMSO"]
    assert network.predict_proba(screen.prepared, screen.test).shape[1] == 2


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "one label for each"),
        (lambda n: np.repeat("A", n), "at least 2 treatments"),
        (lambda n: np.array([None, *["A", "B"] * n], dtype=object)[:n], "have no label"),
    ],
)
def test_labels_that_teach_nothing_are_refused(screen, labels, message):
    given = None if labels is None else labels(len(screen.train))
    with pytest.raises(DesignError, match=message):
        CNN(TINY).fit(screen.prepared, screen.train, labels=given)


def test_lost_loss_before_an_epoch_is_an_error_with_its_cause(screen):
    hot = replace(TINY, training=replace(TRAINING, learning_rate=1e30, clip=1e30))
    labels = screen.labels[screen.train]
    with pytest.raises(InputError, match="too high a learning rate"):
        CNN(hot).fit(screen.prepared, screen.train, labels=labels)


@pytest.mark.parametrize("validation", ["auto", "none"])
def test_too_high_a_learning_rate_is_named_and_one_to_try(screen, validation):
    hot = replace(TRAINING, learning_rate=1e3, epochs=2, validation=validation)
    labels = screen.labels[screen.train]
    with pytest.raises(InputError, match=r"\(1000\): try learning_rate = 0.001") as error:
        network = CNN(replace(TINY, training=hot)).fit(screen.prepared, screen.train, labels=labels)
        network.extract(screen.prepared, screen.test)
    assert "\n" not in str(error.value)


def test_lost_loss_later_keeps_the_last_good_weights(screen, monkeypatch):
    from phenolens.represent.networks.backbones import WeakLabels

    usual, calls = WeakLabels.loss, []

    def spoiled(self, model, batch):
        calls.append(1)
        loss = usual(self, model, batch)
        return loss * float("nan") if len(calls) > 2 * steps else loss

    steps = 9
    monkeypatch.setattr(WeakLabels, "loss", spoiled)
    labels = screen.labels[screen.train]
    network = CNN(TINY).fit(screen.prepared, screen.train, labels=labels)
    assert "not a number" in network.history.stopped
    assert "kept" in network.history.stopped
    assert np.isfinite(network.extract(screen.prepared, screen.test)).all()


def test_pixels_are_shared_between_networks(screen):
    store = PixelStore(screen.prepared, PIXELS)
    cnn, vae = CNN(TINY, pixels=store), VAE(TINY_VAE, pixels=store)
    assert cnn.store(screen.prepared) is vae.store(screen.prepared) is store
    with pytest.raises(InputError, match="pixel store was made with"):
        CNN(replace(TINY, pixels=PixelSettings(size=16)), pixels=store).store(screen.prepared)


def test_unfitted_network_says_so(screen):
    with pytest.raises(InputError, match="not been fitted"):
        CNN(TINY).extract(screen.prepared, screen.test)


def test_settling_measures_and_fixes_device_and_precision():
    auto = replace(TINY, training=replace(TRAINING, device="auto", precision="auto"))
    network, speeds = settle(CNN(auto), n_stains=3)
    assert network.settings.training.precision in ("float32", "bf16")
    assert network.settings.training.device == ("cuda" if torch.cuda.is_available() else "cpu")
    assert min(speeds.values()) > 0
    assert estimate_seconds(network, 120, images_per_second=60) == 12
