"""Pixels, augmentation, validation rows, weight files: what networks are made of."""

from __future__ import annotations

import errno
import os
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.errors import DesignError, InputError
from phenolens.represent.networks import pixels as pixel_module
from phenolens.represent.networks.architecture import Architecture
from phenolens.represent.networks.pixels import PixelSettings, PixelStore, cut, resize, to_bytes
from phenolens.represent.networks.validation import hold_back

PIXELS = PixelSettings(size=32)
NARROW = Architecture(stem="classic", width=16)


@pytest.fixture(scope="module")
def screen(planted_screen):
    return planted_screen(sites=3)


@pytest.mark.parametrize(("before", "after"), [(30, 10), (31, 10), (68, 64), (17, 34)])
def test_resizing_keeps_the_mean_and_a_constant(before, after):
    image = np.random.default_rng(0).uniform(1, 2, (2, before, before)).astype(np.float32)
    small = resize(image, after)
    assert small.shape == (2, after, after)
    np.testing.assert_allclose(resize(np.ones_like(image), after), 1, rtol=1e-5)
    if after < before:
        np.testing.assert_allclose(small.mean(axis=(1, 2)), image.mean(axis=(1, 2)), rtol=1e-4)


def test_tiles_are_the_quarters_of_the_central_square():
    image = np.arange(8 * 10, dtype=np.float32).reshape(1, 8, 10)
    squares = cut(image, tiles=2, size=4)
    np.testing.assert_array_equal(squares[1, 0], image[0, :4, 5:9])
    np.testing.assert_array_equal(squares[2, 0], image[0, 4:, 1:5])


def test_bytes_keep_order_and_leave_room_above_the_controls():
    values = to_bytes(np.array([-1.0, 0.0, 0.1, 1.0, 3.9, 9.0]))
    assert list(values) == sorted(values)
    assert values[0] == values[1] == 0
    assert values[3] < 130 < 250 < values[4] < values[5] == 255


def test_plates_are_scaled_by_their_own_controls(screen):
    store = PixelStore(screen.prepared, PIXELS)
    plates = screen.prepared.images.table["Metadata_Plate"].to_numpy()
    screen.prepared.array[plates == "P2"] *= 3
    tripled = PixelStore(screen.prepared, PIXELS).take(np.arange(len(plates)))
    screen.prepared.array[plates == "P2"] /= 3
    usual = store.take(np.arange(len(plates)))
    assert np.abs(usual.astype(int) - tripled.astype(int)).max() <= 1


def test_only_calibrating_images_set_the_scale(screen):
    controls = screen.prepared.images.table["Metadata_Control"].to_numpy()
    calibrating = controls & (screen.prepared.images.table["Metadata_Well"] == "A01").to_numpy()
    usual = PixelStore(screen.prepared, PIXELS, calibrating=calibrating).take(np.array([3]))
    screen.prepared.array[controls & ~calibrating] *= 5
    after = PixelStore(screen.prepared, PIXELS, calibrating=calibrating).take(np.array([3]))
    screen.prepared.array[controls & ~calibrating] /= 5
    np.testing.assert_array_equal(usual, after)


def test_plate_without_controls_is_named(screen):
    none = np.zeros(len(screen.prepared), dtype=bool)
    with pytest.raises(DesignError, match="Plate 'P1' has no control image"):
        PixelStore(screen.prepared, PIXELS, calibrating=none).take(np.array([0]))
    alone = replace(PIXELS, scaling="image")
    assert PixelStore(screen.prepared, alone, calibrating=none).take(np.array([0])).max() > 100


def test_flat_stain_is_named(screen):
    kept = screen.prepared.array[:, 1].copy()
    screen.prepared.array[:, 1] = 7
    with pytest.raises(InputError, match="Plate 'P1', ER: the controls' pixels are all 7"):
        PixelStore(screen.prepared, PIXELS).take(np.array([0]))
    screen.prepared.array[:, 1] = kept


def test_cached_pixels_are_found_again_and_made_only_once(screen, tmp_path, monkeypatch):
    rows = np.array([4, 2])
    first = PixelStore(screen.prepared, PIXELS, folder=tmp_path).take(rows)
    monkeypatch.setattr(PixelStore, "_make", lambda self, row: pytest.fail("made again"))
    again = PixelStore(screen.prepared, PIXELS, folder=tmp_path)
    np.testing.assert_array_equal(again.take(rows), first)
    other = PixelStore(screen.prepared, replace(PIXELS, high=99.0), folder=tmp_path)
    assert other.digest() != again.digest()


def test_scaled_pixels_need_no_room_and_are_what_bytes_are_made_of(screen, tmp_path):
    store = PixelStore(screen.prepared, PIXELS, folder=tmp_path)
    scaled = store.scaled(2)
    assert scaled.shape == screen.prepared.pixels(2).shape and not list(tmp_path.iterdir())
    made = to_bytes(cut(scaled, tiles=PIXELS.tiles, size=PIXELS.size))
    np.testing.assert_array_equal(made, store.take(np.array([2]))[0])


def test_full_disk_is_a_clear_line_and_leaves_nothing(screen, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pixel_module, "_reserve", full)
    with pytest.raises(InputError, match="disk is full: the pixels of 54 images"):
        PixelStore(screen.prepared, PIXELS, folder=tmp_path).take(np.array([0]))
    assert not list(tmp_path.iterdir())


def wells(plates: int, classes: int, per_class: int, sites: int = 2) -> tuple[pd.DataFrame, list]:
    rows = [
        (f"P{p}", f"{'ABCDEFGH'[c]}{w + 1:02d}", f"T{c}")
        for p in range(plates)
        for c in range(classes)
        for w in range(per_class)
        for _ in range(sites)
    ]
    frame = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well", "label"])
    return frame, frame.pop("label").to_numpy()


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((6, 3, 1), "plate"),
        ((4, 3, 2), "wells"),
        ((2, 6, 2), "wells"),
        ((1, 4, 1, 8), "images"),
        ((1, 4, 1, 1), "none"),
    ],
)
def test_validation_takes_the_most_independent_unit_there_is(shape, expected):
    metadata, labels = wells(*shape)
    held, how = hold_back(metadata, labels, seed=1)
    assert how == expected
    assert set(labels[~held]) == set(labels)
    assert held.any() == (expected != "none")


def test_held_back_wells_are_held_back_whole_and_about_the_share_asked():
    metadata, labels = wells(3, 8, 2)
    held, _ = hold_back(metadata, labels, how="wells", share=0.25, seed=0)
    assert (metadata.assign(held=held).groupby(list(metadata))["held"].nunique() == 1).all()
    assert 0.2 <= held.mean() <= 0.3
    again, _ = hold_back(metadata, labels, how="wells", share=0.25, seed=0)
    np.testing.assert_array_equal(held, again)


SEVERAL = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 9), st.integers(0, 4)), min_size=2, max_size=150
)


@given(rows=SEVERAL, share=st.sampled_from([0.1, 0.15, 0.3]), seed=st.integers(0, 9))
@settings(max_examples=60)
@pytest.mark.parametrize("how", ["auto", "wells", "images"])
def test_no_more_is_held_back_than_asked_whatever_the_labels_of_a_well(how, rows, share, seed):
    metadata = pd.DataFrame(
        [(f"P{plate}", f"A{well + 1:02d}") for plate, well, _ in rows],
        columns=["Metadata_Plate", "Metadata_Well"],
    )
    labels = np.array([f"T{label}" for *_, label in rows])
    held, told = hold_back(metadata, labels, how=how, share=share, seed=seed)
    assert held.sum() <= 1.2 * share * len(rows) + 1e-6
    assert set(labels[~held]) == set(labels)
    assert (told == "none") == (not held.any())
    if told in ("plate", "wells"):
        assert (metadata.assign(held=held).groupby(list(metadata))["held"].nunique() == 1).all()


def test_wells_of_several_classes_give_the_share_asked_of_each_class():
    rows = [(f"P{p}", f"A{w + 1:02d}") for p in range(2) for w in range(12) for _ in range(30)]
    metadata = pd.DataFrame(rows, columns=["Metadata_Plate", "Metadata_Well"])
    labels = np.random.default_rng(0).choice(["A", "B", "C"], len(rows), p=[0.6, 0.3, 0.1])
    held, how = hold_back(metadata, labels, share=0.15, seed=0)
    assert how == "wells"
    for name in "ABC":
        assert 0.1 <= held[labels == name].mean() <= 0.25


# -- from here on PyTorch is needed ------------------------------------------------------------


def test_missing_torch_names_the_extra(monkeypatch):
    from phenolens.represent.base import REPRESENTATIONS
    from phenolens.represent.networks import torches

    monkeypatch.setitem(sys.modules, "torch", None)
    assert "cnn" in REPRESENTATIONS.names()
    with pytest.raises(InputError, match=r"pip install phenolens\[networks\]"):
        torches.require_torch()


def test_the_eight_symmetries_are_different_and_keep_every_pixel():
    torch = pytest.importorskip("torch")
    from phenolens.represent.networks.augment import turn, turn_each

    image = torch.arange(9, dtype=torch.uint8).reshape(1, 3, 3)
    turned = [turn(image, code) for code in range(8)]
    assert len({tuple(each.flatten().tolist()) for each in turned}) == 8
    assert all(sorted(each.flatten().tolist()) == list(range(9)) for each in turned)
    batch = turn_each(image.repeat(8, 1, 1, 1), np.arange(8)[::-1].copy())
    assert all(torch.equal(batch[i], turned[7 - i]) for i in range(8))


def test_classes_are_drawn_evenly_when_weights_say_so(screen):
    torch = pytest.importorskip("torch")
    from phenolens.represent.networks.feed import Feed, Standard

    rows = np.arange(len(screen.prepared))
    store = PixelStore(screen.prepared, PIXELS)
    array = store.array(rows)
    targets = (np.arange(len(rows)) < 6).astype(np.int64)
    weights = np.where(targets, 1 / 6, 1 / (len(rows) - 6))
    feed = Feed(torch.from_numpy(array), rows, Standard.of(array, rows), targets=targets)
    feed = replace(feed, weights=weights)
    rng = np.random.default_rng(0)
    drawn = [batch.targets for _ in range(20) for batch in feed.training(16, rng)]
    assert 0.45 < torch.cat(drawn).float().mean() < 0.55
    plain = [batch.rows for batch in replace(feed, weights=None).training(9, rng)]
    assert sorted(np.concatenate(plain)) == list(rows)


class TestPositives:
    """What is shown beside an image: itself, or another that should look the same."""

    WELLS = np.array([0, 0, 0, 1, 1, 2, 3, 3])
    TREATMENTS = np.array([5, 5, 5, 5, 5, 9, 5, 5])

    def drawn(self, positives, n=400):
        rng = np.random.default_rng(0)
        everything = np.arange(len(self.WELLS))
        return np.stack([positives.partners(everything, rng) for _ in range(n)])

    def test_others_of_the_group_are_drawn_evenly_and_the_lonely_stay_alone(self):
        from phenolens.represent.networks.feed import Positives

        drawn = self.drawn(Positives(groups=self.WELLS))
        assert set(drawn[:, 0]) == {1, 2}
        assert 0.4 < np.mean(drawn[:, 0] == 1) < 0.6
        assert set(drawn[:, 3]) == {4}
        assert set(drawn[:, 5]) == {5}

    def test_partners_of_a_treatment_come_from_other_wells(self):
        from phenolens.represent.networks.feed import Positives

        drawn = self.drawn(Positives(groups=self.TREATMENTS, apart=self.WELLS))
        assert set(drawn[:, 1]) == {3, 4, 6, 7}
        assert set(drawn[:, 7]) == {0, 1, 2, 3, 4}
        assert set(drawn[:, 5]) == {5}

    @given(
        groups=st.lists(st.integers(-2, 3), min_size=1, max_size=12),
        apart=st.lists(st.integers(0, 2), min_size=12, max_size=12),
    )
    def test_partners_share_the_group_and_differ_where_they_can(self, groups, apart):
        from phenolens.represent.networks.feed import Positives

        groups, apart = np.array(groups), np.array(apart[: len(groups)])
        rows = np.arange(len(groups))
        found = Positives(groups, apart).partners(rows, np.random.default_rng(1))
        assert (groups[found] == groups).all()
        can = np.array([(apart[groups == groups[i]] != apart[i]).any() for i in rows])
        assert (apart[found] != apart)[can].all()
        assert (found == rows)[~can].all()

    def test_two_views_of_an_image_are_augmented_apart(self, screen):
        torch = pytest.importorskip("torch")
        from phenolens.represent.networks.feed import Feed, Positives, Standard

        rows = np.arange(len(screen.prepared))
        array = PixelStore(screen.prepared, PIXELS).array(rows)
        feed = Feed(torch.from_numpy(array), rows, Standard.of(array, rows), positives=Positives())
        batch = next(feed.training(8, np.random.default_rng(0)))
        assert batch.paired.shape == batch.images.shape
        assert not torch.equal(batch.paired, batch.images)
        plain = replace(feed, augment=None)
        batch = next(plain.training(8, np.random.default_rng(0)))
        assert torch.equal(batch.paired, batch.images)
        twice = [torch.cat([b.paired for b in feed.ordered(16)]) for _ in range(2)]
        assert torch.equal(*twice)


def test_standardised_pixels_have_mean_zero_and_spread_one(screen):
    torch = pytest.importorskip("torch")
    from phenolens.represent.networks.feed import Feed, Standard

    rows = np.arange(len(screen.prepared))
    array = PixelStore(screen.prepared, PIXELS).array(rows)
    feed = Feed(torch.from_numpy(array), rows, Standard.of(array, rows))
    images = torch.cat([batch.images for batch in feed.ordered(16)])
    assert len(images) == len(rows)
    torch.testing.assert_close(images.mean((0, 2, 3)), torch.zeros(3), atol=1e-3, rtol=0)
    torch.testing.assert_close(images.std((0, 2, 3)), torch.ones(3), atol=1e-3, rtol=0)


class TestWeightFiles:
    """Pretrained weights: safetensors of the right shapes, whatever the number of stains."""

    @pytest.fixture
    def model(self):
        pytest.importorskip("torch")
        from phenolens.represent.networks.backbones import StainNetwork

        return StainNetwork(5, 3, architecture=NARROW)

    @pytest.fixture
    def given(self, tmp_path):
        from safetensors.torch import save_file

        from phenolens.represent.networks.backbones import StainNetwork

        state = StainNetwork(3, 2, architecture=NARROW).backbone.state_dict()
        path = tmp_path / "given.safetensors"
        save_file({f"resnet.{name}": tensor for name, tensor in state.items()}, path)
        return path, state

    def test_first_layer_answers_grey_as_it_did(self, model, given):
        import torch

        from phenolens.represent.networks.weights import load_pretrained

        path, state = given
        load_pretrained(model, path)
        first = "embedder.embedder.convolution.weight"
        grey = torch.rand(1, 1, 16, 16)
        conv = torch.nn.functional.conv2d
        torch.testing.assert_close(
            conv(grey.repeat(1, 5, 1, 1), model.backbone.state_dict()[first]),
            conv(grey.repeat(1, 3, 1, 1), state[first]),
        )
        other = "encoder.stages.3.layers.1.layer.1.convolution.weight"
        assert torch.equal(model.backbone.state_dict()[other], state[other])

    def test_names_of_torchvision_are_known(self, model):
        from phenolens.represent.networks.weights import _known_name

        names = set(model.backbone.state_dict())
        for name in (
            "conv1.weight",
            "bn1.running_var",
            "layer1.0.conv1.weight",
            "layer2.0.downsample.0.weight",
            "layer2.0.downsample.1.bias",
            "layer4.1.bn2.running_mean",
            "resnet.encoder.stages.0.layers.0.layer.0.convolution.weight",
        ):
            assert _known_name(name) in names, name

    @pytest.mark.parametrize("legacy", [False, True])
    def test_pickle_is_refused_whatever_its_name(self, model, tmp_path, legacy):
        import torch

        from phenolens.represent.networks.weights import load_pretrained

        path = tmp_path / "weights.safetensors"
        torch.save(model.state_dict(), path, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(InputError, match="is a Python pickle"):
            load_pretrained(model, path)

    def test_other_shapes_and_other_networks_are_named(self, model, given, tmp_path):
        from safetensors.torch import save_file

        from phenolens.represent.networks.backbones import StainNetwork
        from phenolens.represent.networks.weights import load_pretrained

        with pytest.raises(InputError, match=r"'embedder\.\S+' has shape \(16, .*needs \(24, "):
            load_pretrained(StainNetwork(5, 3, architecture=replace(NARROW, width=24)), given[0])
        save_file({"a.weight": given[1]["embedder.embedder.convolution.weight"]}, tmp_path / "b")
        with pytest.raises(
            InputError, match="is no resnet-18 of width 16 with a classic stem: 100 of 100"
        ):
            load_pretrained(model, tmp_path / "b")

    def test_quantised_weights_are_refused(self, model, given, tmp_path):
        from safetensors.torch import save_file

        from phenolens.represent.networks.weights import load_pretrained

        path = tmp_path / "small.safetensors"
        save_file({name: tensor.char() for name, tensor in given[1].items()}, path)
        with pytest.raises(InputError, match=r"small\.safetensors: '\S+' holds int8, as quantised"):
            load_pretrained(model, path)

    @pytest.mark.parametrize("content", [b"", b"hello weights", b"\x10" * 400])
    def test_other_files_are_refused(self, model, tmp_path, content):
        from phenolens.represent.networks.weights import load_pretrained

        path = tmp_path / "w.safetensors"
        path.write_bytes(content)
        with pytest.raises(InputError, match="not a safetensors file"):
            load_pretrained(model, path)
        with pytest.raises(InputError, match="no weight file"):
            load_pretrained(model, tmp_path / "absent")

    @pytest.mark.parametrize("left", [-100, 500])
    def test_truncated_file_is_called_damaged(self, model, given, left):
        from phenolens.represent.networks.weights import load_pretrained

        path = given[0]
        path.write_bytes(path.read_bytes()[:left])
        with pytest.raises(InputError, match="damaged"):
            load_pretrained(model, path)

    def test_hub_out_of_reach_says_where_to_put_the_file(self, monkeypatch):
        import huggingface_hub

        from phenolens.represent.networks.weights import find_weights

        def unreachable(*_, **__):
            raise OSError("no route")

        monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
        with pytest.raises(InputError, match=r"hf download microsoft/resnet-18 --local-dir"):
            find_weights("imagenet")

    def test_weights_of_a_family_lie_in_the_mirror(self, given, tmp_path, monkeypatch):
        from phenolens.represent.networks.weights import find_weights

        kept = tmp_path / "models" / "microsoft--resnet-50" / "model.safetensors"
        kept.parent.mkdir(parents=True)
        kept.write_bytes(given[0].read_bytes())
        monkeypatch.setenv("PHENOLENS_MODELS", str(tmp_path / "models"))
        assert find_weights("imagenet", "resnet-50") == (
            kept, "microsoft/resnet-50", "Apache-2.0",
        )  # fmt: skip


def test_full_disk_while_keeping_an_epoch_is_a_clear_line(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    import safetensors.torch

    from phenolens.represent.networks.checkpoint import save_tensors

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(InputError, match="disk is full"):
        save_tensors(tmp_path / "last.safetensors", {"a": torch.zeros(2)}, {})
    assert not list(tmp_path.iterdir())


def test_the_same_weights_are_the_same_bytes(tmp_path):
    """Two entries beside the tensors were written in an order that changed from file to file."""
    torch = pytest.importorskip("torch")
    from phenolens.represent.networks.checkpoint import load_tensors, save_tensors

    tensors = {name: torch.zeros(2) for name in "abc"}
    written = set()
    for number in range(20):
        path = tmp_path / f"{number}.safetensors"
        save_tensors(path, tensors, {"epoch": 3, "name": "ä"})
        written.add(path.read_bytes())
    assert len(written) == 1
    assert load_tensors(path)[1] == {"epoch": 3, "name": "ä"}


def test_repeatable_gives_the_callers_state_back():
    torch = pytest.importorskip("torch")
    from phenolens.represent.networks.devices import repeatable

    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with repeatable(1):
        first = torch.rand(2)
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.rand(2), expected)
    with repeatable(1):
        assert torch.equal(torch.rand(2), first)


def test_controls_may_be_unmarked(screen):
    table = screen.prepared.images.table.copy()
    table["Metadata_Control"] = (
        table["Metadata_Control"].astype(object).where(table["Metadata_Control"], None)
    )
    images = replace(screen.prepared.images, table=table)
    usual = PixelStore(screen.prepared, PIXELS)
    other = replace(screen.prepared, images=images)
    assert PixelStore(other, PIXELS).calibrating.tolist() == usual.calibrating.tolist()


class TestAugment:
    """What training images go through."""

    @pytest.fixture
    def images(self):
        torch = pytest.importorskip("torch")
        return torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3, 16, 16)))

    def test_crops_move_by_whole_pixels_and_repeat_their_edge(self, images):
        from phenolens.represent.networks.augment import moved

        out = moved(images, np.tile([[2, -3]], (6, 1)))
        np.testing.assert_array_equal(out[:, :, 2:, :-3], images[:, :, :-2, 3:])
        np.testing.assert_array_equal(out[:, :, 0], out[:, :, 2])

    def test_blur_is_each_images_own_and_that_of_scipy(self, images):
        from scipy.ndimage import gaussian_filter

        from phenolens.represent.networks.augment import blurred

        out = blurred(images, np.array([0.0, 0.5, 1.0, 1.5, 1.0, 0.7])).numpy()
        np.testing.assert_allclose(out[0], images[0], atol=1e-9)
        expected = gaussian_filter(images[3, 1].numpy(), 1.5, mode="mirror", truncate=5 / 1.5)
        np.testing.assert_allclose(out[3, 1], expected, atol=2e-3)

    def test_a_stain_left_out_is_at_its_mean_and_one_always_stays(self, images):
        from phenolens.represent.networks.augment import Augment

        rng = np.random.default_rng(0)
        out = Augment(drop=0.9).spoil(images.repeat(20, 1, 1, 1), rng)
        gone = (out == 0).all(dim=(2, 3))
        assert 0.4 < gone.double().mean() < 0.67
        assert not gone.all(dim=1).any()

    def test_the_same_random_numbers_give_the_same_images(self, images):
        from phenolens.represent.networks.augment import Augment

        augment = Augment(shift=0.2, blur=1.0, noise=0.5, drop=0.3)
        found = [
            augment.spoil(augment.place(images, r), r)
            for r in map(np.random.default_rng, (1, 1, 2))
        ]
        assert (found[0] == found[1]).all()
        assert not (found[0] == found[2]).all()

    @pytest.mark.parametrize("wrong", [{"blur": -1}, {"drop": 1.0}, {"shear": 0.1}])
    def test_settings_that_make_no_sense_are_refused(self, wrong):
        from pydantic import ValidationError

        from phenolens.represent.cnn import CNNOptions

        with pytest.raises(ValidationError):
            CNNOptions.model_validate({"augment": wrong})


def test_draws_by_weight_leave_out_as_few_rows_as_can_be():
    from phenolens.represent.networks.feed import _systematic

    weights = np.r_[np.ones(90), np.full(10, 9.0)]
    drawn = np.bincount(_systematic(180, weights, np.random.default_rng(0)), minlength=100)
    assert set(drawn[:90]) == {1}
    assert set(drawn[90:]) == {9}


@pytest.mark.parametrize(
    ("size", "pretrained", "stem", "width"),
    [
        (64, False, "half", 32),
        (96, False, "half", 32),
        (128, False, "classic", 64),
        (64, True, "classic", 64),
    ],
)
def test_the_stem_fits_the_input_and_weights_keep_theirs(size, pretrained, stem, width):
    found = Architecture().at(size, pretrained=pretrained)
    assert (found.stem, found.width) == (stem, width)


@pytest.mark.parametrize("stem", ["fine", "half", "classic"])
@pytest.mark.parametrize("family", ["resnet-18", "resnet-34", "resnet-50", "convnext-atto"])
def test_stages_have_the_strides_that_they_say(family, stem):
    torch = pytest.importorskip("torch")
    from phenolens.represent.networks.backbones import StainNetwork

    architecture = Architecture(family, stem, 4)
    model = StainNetwork(2, 3, architecture=architecture).eval()
    images = torch.zeros(1, 2, 32, 32)
    for stage, stride in enumerate(architecture.strides):
        hidden = model.activations(images, stage)
        assert hidden.shape[-1] == 32 // stride
        torch.testing.assert_close(model.from_activations(hidden, stage), model.embed(images))
    assert model(images).shape == (1, 3)


def test_a_contact_sheet_shows_images_as_they_are_and_changed(screen):
    pytest.importorskip("torch")
    from phenolens.interpret.augmented import augmented
    from phenolens.report.figures.augmented import contact_sheet
    from phenolens.represent.untrained import Untrained, UntrainedSettings

    network = Untrained(UntrainedSettings(PIXELS, backbone=Architecture(width=4)))
    rows = np.array([3, 0])
    network.fit(screen.prepared, rows)
    images = augmented(network, screen.prepared, rows, times=2)
    assert images.shape == (2, 3, 3, 32, 32)
    bytes_ = network.store(screen.prepared).take(rows)[:, 0]
    np.testing.assert_allclose(images[:, 0], bytes_ / 255, atol=1e-5)
    assert not np.allclose(images[:, 1], images[:, 2])
    assert len(contact_sheet(images, screen.prepared.channels).axes) == 6
