"""A frozen encoder of others in a study: what it is, under which licence, and when it is stale."""

from __future__ import annotations

import shutil

import pytest
from safetensors.torch import load_file, save_file

from phenolens.errors import InputError
from phenolens.represent.networks.network import Network
from phenolens.study.session import open_study
from phenolens.study.step import take

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

STUDY = """
[represent]
representations = []

[networks]
input = "images"

[[encoders]]
name = "tiny"
kind = "pretrained"
settings = { weights = "model", licence_accepted = "ours", stains = "average", input = 32 }
"""


@pytest.fixture(scope="module")
def copy(simulated, tmp_path_factory):
    from transformers import ConvNextConfig, ConvNextModel

    copy = tmp_path_factory.mktemp("pretrained") / "copy"
    shutil.copytree(simulated, copy)
    text = (copy / "study.toml").read_text()
    (copy / "study.toml").write_text(text.split("[represent]")[0] + STUDY)
    torch.manual_seed(0)
    config = ConvNextConfig(hidden_sizes=[8, 8, 8, 8], depths=[1, 1, 1, 1])
    ConvNextModel(config).save_pretrained(copy / "model")
    return copy


def opened(copy):
    return open_study(copy / "study.toml", out=copy / "out", jobs=1)


def test_study_reads_its_wells_with_it_and_keeps_no_copy_of_the_weights(copy):
    session = opened(copy)
    represented = take(session, "represent")
    block = represented.blocks["tiny"]
    (card,) = block.cards.values()
    assert (card.name, card.kind, card.licence, card.learns) == (
        "tiny", "pretrained", "ours", "nothing",
    )  # fmt: skip
    wells = block.tables["all"]
    assert len(wells) and wells.shape[1] == 8 and wells.notna().all(axis=None)
    work = represented.trainings["tiny"]
    assert isinstance(work.network, Network)
    (kept,) = work.folder("all").glob("*.safetensors")
    assert kept.stat().st_size < 10_000
    assert not list(session.store.root.glob("pixels-*/*.npy"))
    again = opened(copy)
    assert take(again, "represent").blocks["tiny"].tables["all"].equals(wells)


def test_replaced_weights_make_it_anew(copy):
    before = opened(copy)
    old, first = take(before, "represent").blocks["tiny"].tables["all"], take(before, "fingerprint")
    path = copy / "model" / "model.safetensors"
    saved = load_file(path)
    save_file({name: tensor * 1.5 for name, tensor in saved.items()}, path)
    after = opened(copy)
    assert take(after, "fingerprint") != first
    assert not take(after, "represent").blocks["tiny"].tables["all"].equals(old)


def test_weights_that_cannot_be_had_are_said_before_anything_is_read(copy, tmp_path):
    shutil.copy(copy / "study.toml", tmp_path / "study.toml")
    text = (copy / "study.toml").read_text().replace('"model"', '"gone"')
    (copy / "without.toml").write_text(text)
    session = open_study(copy / "without.toml", out=tmp_path / "out", jobs=1)
    with pytest.raises(InputError, match="There are no weights 'gone'"):
        take(session, "fingerprint")
    assert not list((tmp_path / "out").rglob("*.zarr"))
