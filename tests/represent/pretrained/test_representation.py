"""A pretrained encoder as a representation: its contract, card, licences and what it refuses."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.torch import load_file, save_file

from phenolens.config import read_study
from phenolens.errors import ConfigError, InputError
from phenolens.represent.base import options_of
from phenolens.represent.pretrained import Pretrained, PretrainedOptions
from phenolens.represent.pretrained.entries import ENTRIES
from phenolens.study.session import open_study
from phenolens.testing import check_representation
from phenolens.testing.representations import small_screen

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

OURS = {"licence_accepted": "our own", "input": 32}


def made(path, **options):
    chosen = PretrainedOptions.model_validate(OURS | {"weights": str(path)} | options)
    return Pretrained.of(chosen, level="cell", seed=0)


@pytest.fixture(scope="module")
def screen():
    return small_screen(level="cell", sites=1)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("dinov2", {}),
        ("convnext", {"stains": "average"}),
        ("vit", {"stains": "three", "output": "class+mean", "views": 4, "batch": 5}),
        ("resnet", {"tiles": 2, "input": 16, "normalise": "image"}),
    ],
)
def test_contract(folders, kind, options):
    path = str(folders(kind)[0])
    check_representation(Pretrained, OURS | {"weights": path} | options)


def test_features_are_those_of_transformers_on_the_same_pixels(folders, screen):
    path, model = folders("dinov2")
    fitted = made(path, stains="three").fit(screen, np.arange(2))
    rows = np.array([3, 1])
    found = fitted.extract(screen, rows)
    scaled = np.stack([fitted.store(screen).scaled(row) for row in rows])
    pixels = torch.from_numpy(np.clip(scaled, 0, 4) / 4).sqrt()  # 32 pixels already
    mean, sd = (
        torch.tensor(v)[:, None, None] for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    )
    with torch.no_grad():
        told = model((pixels - mean) / sd).last_hidden_state[:, 0]
    np.testing.assert_allclose(found, told.numpy(), rtol=1e-4, atol=1e-5)


def test_card_says_which_weights_under_which_licence_and_what_was_done(folders, screen):
    fitted = made(folders("dinov2")[0]).fit(screen, np.arange(2))
    card = fitted.card(screen)
    assert (card.kind, card.learns, card.licence) == ("pretrained", "nothing", "our own")
    assert card.weights_digest == fitted.source.digest and card.trained_on == ()
    told = card.preprocessing["settings"]["preprocessing"]
    assert told["input"] == 32 and told["normalise"] == "fixed" and told["intensity"] == "root"
    assert card.preprocessing["output"] == "class" and card.preprocessing["features"] == 192


def test_replaced_weights_make_another_question_and_are_not_taken_for_the_old(
    folders, screen, tmp_path
):
    path = tmp_path / "copy"
    shutil.copytree(folders("vit")[0], path)
    first = made(path).fit(screen, np.arange(2))
    first.save(tmp_path / "kept.safetensors")
    same = made(path)
    assert same.settings == first.settings
    same.restore(tmp_path / "kept.safetensors")
    tensors = load_file(path / "model.safetensors")
    tensors["layernorm.bias"] = tensors["layernorm.bias"] + 1
    save_file(tensors, path / "model.safetensors")
    other = made(path)
    assert other.settings != first.settings
    with pytest.raises(InputError, match="made with other settings or weights"):
        other.restore(tmp_path / "kept.safetensors")
    with pytest.raises(InputError, match="have changed while they were used"):
        first.build()
    # A ready run keeps no copy of the weights.
    assert (tmp_path / "kept.safetensors").stat().st_size < 10_000


def test_encoder_that_gives_nan_names_the_image(folders, screen, tmp_path):
    path = tmp_path / "copy"
    shutil.copytree(folders("dinov2")[0], path)
    tensors = load_file(path / "model.safetensors")
    tensors["layernorm.bias"][0] = float("nan")
    save_file(tensors, path / "model.safetensors")
    fitted = made(path).fit(screen, np.arange(2))
    where = screen.images.where(4)
    with pytest.raises(InputError, match="values that are not finite, first for") as error:
        fitted.extract(screen, np.array([4, 5]))
    assert where in str(error.value) and "\n" not in str(error.value)


def test_stain_that_is_dark_on_a_plate_is_named(folders, screen):
    dark = replace(screen, array=screen.array.copy())
    dark.array[dark.rows(("P2",)), 1] = 0
    fitted = made(folders("dinov2")[0]).fit(dark, np.arange(2))
    with pytest.raises(InputError, match="Plate 'P2', ER: the controls' pixels are all 0"):
        fitted.extract(dark, dark.rows(("P2",)))


def test_stains_can_be_chosen_and_ordered(folders, screen):
    path = folders("dinov2")[0]
    two = made(path, channels=["AGP", "DNA"]).fit(screen, np.arange(2))
    everything = made(path).fit(screen, np.arange(2))
    row = np.array([2])
    of_all = everything.extract(screen, row).reshape(3, -1)
    chosen = two.extract(screen, row).reshape(2, -1)
    np.testing.assert_allclose(chosen, of_all[[2, 0]], rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match=r"no stain 'Lyso' \(channels\); there are DNA, ER, AGP"):
        made(path, channels=["Lyso"]).fit(screen, np.arange(2))


@pytest.mark.parametrize(
    ("page", "accepted", "said"),
    [
        ("", "", "Nothing says which licence the weights copy have"),
        ("---\nlicense: cc-by-nc-4.0\n---\n", "", r'licence_accepted = "cc-by-nc-4.0"'),
        ("---\nlicense: cc-by-nc-4.0\n---\n", "mit", r'licence_accepted = "cc-by-nc-4.0"'),
        ("---\nlicense: cc-by-nc-4.0\n---\n", "cc-by-nc-4.0", ""),
        ("---\nlicense: Apache-2.0\n---\n", "", ""),
    ],
)
def test_licence_that_is_not_permissive_must_be_accepted(folders, tmp_path, page, accepted, said):
    path = tmp_path / "copy"
    shutil.copytree(folders("vit")[0], path)
    if page:
        (path / "README.md").write_text(page)
    if not said:
        assert made(path, licence_accepted=accepted).settings.licence in page
        return
    with pytest.raises(ConfigError, match=said) as error:
        made(path, licence_accepted=accepted)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ENTRIES)
def test_entries_say_what_they_need(name, folders):
    known = ENTRIES[name]
    assert known.url.startswith("https://") and known.licence and (known.weights or known.obtain)
    options = {"encoder": name}
    if not known.permissive:
        with pytest.raises(ValidationError, match=r"is not permissive. Read it"):
            PretrainedOptions.model_validate(options)
        options["licence_accepted"] = known.licence
    if not known.weights:
        with pytest.raises(ValidationError, match=r"not fetched by itself: .*convert-weights"):
            PretrainedOptions.model_validate(options)
        options["weights"] = str(folders("vit")[0])
    chosen = PretrainedOptions.model_validate(options)
    assert known.label in Pretrained.methods.format(**chosen.model_dump())
    assert known.licence in chosen.described


def test_methods_name_licence_and_version_and_no_folder_of_this_machine(tmp_path):
    given = {"weights": str(tmp_path / "ours"), "revision": "v2", "scaling": "image"}
    said = PretrainedOptions.model_validate(given | {"licence_accepted": "own"}).described
    assert said.startswith("ours (licence: own, revision v2); each stain was encoded by itself")
    assert said.endswith("scaled by each image itself")


def test_names_that_are_not_known():
    with pytest.raises(ValidationError, match="no ready encoder 'dinov2-smal'; did you mean"):
        PretrainedOptions.model_validate({"encoder": "dinov2-smal"})
    with pytest.raises(ValidationError, match=r"name an encoder .*or give weights"):
        PretrainedOptions.model_validate({})


def test_entry_with_other_weights_keeps_its_preprocessing(folders):
    options = {"encoder": "vit-base", "weights": str(folders("vit")[0]), "views": 8}
    chosen = PretrainedOptions.model_validate(options)
    of = Pretrained.of(chosen, level="cell", seed=0)
    assert of.settings.preprocessing == ENTRIES["vit-base"].preprocessing
    assert of.settings.licence == "apache-2.0" and of.settings.views == 8


STUDY = """
[data.images]
table = "images.csv"
channels = ["DNA", "ER"]

[represent]
representations = ["pretrained"]
"""


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "'represent.pretrained': name an encoder"),
        ("encoder = 'vit-bas'", "no ready encoder 'vit-bas'; did you mean 'vit-base'"),
        ("encoder = 'openphenom'", "is not permissive. Read it .https://huggingface.co/rec"),
        ("encoder = 'subcell-bg'", "is not fetched by itself: fetch https://czi-subcell"),
    ],
)
def test_study_file_says_in_one_line_what_is_wrong(tmp_path, table, said):
    path = tmp_path / "study.toml"
    path.write_text(STUDY + (f"\n[represent.pretrained]\n{table}\n" if table else ""))
    with pytest.raises(ConfigError, match=said) as error:
        read_study(path)
    assert "\n" not in str(error.value)


def test_weights_lie_where_the_study_file_lies(folders, tmp_path):
    shutil.copytree(folders("vit")[0], tmp_path / "model")
    path, table = tmp_path / "study.toml", "\n[represent.pretrained]\nweights = 'model'\n"
    path.write_text(STUDY + table + "[[encoders]]\nname = 'two'\nkind = 'pretrained'\n"
                    "settings = { weights = 'model', licence_accepted = 'mit' }\n")  # fmt: skip
    session = open_study(path, out=tmp_path / "out")
    for name in ("pretrained", "two"):
        options = options_of(session.kinds[name], session.study.model_dump())
        assert options.weights == (tmp_path / "model").as_posix()
    accepted = session.kinds["two"]
    first = accepted.made_of(options)
    tensors = load_file(tmp_path / "model" / "model.safetensors")
    save_file({k: t + 1 for k, t in tensors.items()}, tmp_path / "model" / "model.safetensors")
    assert accepted.made_of(options) != first
    with pytest.raises(ConfigError, match="Nothing says which licence"):
        Pretrained.made_of(options.model_copy(update={"licence_accepted": ""}))
