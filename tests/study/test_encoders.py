"""Encoders of a study: several of one kind, each with its settings, like any representation."""

from __future__ import annotations

import shutil

import numpy as np
import pandas as pd
import pytest

from phenolens import study
from phenolens.answers.tables import Tables
from phenolens.report.figures import traversal
from phenolens.report.methods import methods
from phenolens.represent.base import REPRESENTATIONS
from phenolens.represent.networks.network import Network
from phenolens.represent.untrained import Untrained
from phenolens.study.explaining import explained
from phenolens.study.session import Session, open_study
from phenolens.study.step import take

pytest.importorskip("torch")

ASKED = """
[represent]
representations = ["wide+pixel-pca", "pixel-pca"]
"""
ENCODERS = """
[networks]
input = "images"
size = 32
epochs = 1
width = 4
batch = 8
views = 1
device = "cpu"
precision = "float32"

[[encoders]]
name = "wide"
kind = "cnn"
settings = { width = 8 }

[[encoders]]
name = "narrow"
kind = "cnn"

[[encoders]]
name = "agreeing"
kind = "simclr"
settings = { positives = "treatment" }

[[encoders]]
name = "attended"
kind = "vae"
settings = { pooling = "attention" }

[[encoders]]
name = "rebuilding"
kind = "vae"

[[encoders]]
name = "wide-untrained"
kind = "untrained"
settings = { width = 8 }
"""


@pytest.fixture(scope="module")
def session(simulated, tmp_path_factory) -> Session:
    copy = tmp_path_factory.mktemp("encoders") / "copy"
    shutil.copytree(simulated, copy)
    text = (copy / "study.toml").read_text().replace("[represent]", ASKED)
    (copy / "study.toml").write_text(text + ENCODERS)
    session = open_study(copy / "study.toml", out=copy / "out", jobs=1)
    study.interpret(session)
    take(session, "provenance")
    return session


def test_encoders_of_one_kind_differ_by_their_settings_and_go_through_folds(session):
    represent = take(session, "represent")
    widths = {name: work.options.width for name, work in networks(represent).items()}
    learned = {"wide": 8, "narrow": 4, "agreeing": 4, "attended": 4, "rebuilding": 4}
    assert widths == learned | {"wide-untrained": 8}
    folds = take(session, "splits").folds.table.query("fold == 0")
    tested = set(folds["Metadata_Plate"] + "/" + folds["Metadata_Well"])
    for name in ("wide", "narrow"):
        block = represent.blocks[name]
        assert len(block.unseen) == 2
        card = block.cards["0"]
        assert card.name == name and card.labels_seen
        assert not tested & set(card.trained_on)
    cards = [represent.blocks[name].cards["0"] for name in ("wide", "narrow")]
    assert cards[0].weights_digest != cards[1].weights_digest


@pytest.mark.parametrize("name", ["agreeing", "attended"])
def test_labels_that_only_pair_or_weigh_images_are_held_back_too(session, name):
    block = take(session, "represent").blocks[name]
    assert len(block.unseen) == 2
    for group, unseen in block.unseen.items():
        card = block.cards[group]
        assert (card.name, card.learns, card.kind) == (name, "labels", "supervised")
        assert card.labels_seen and not set(card.labels_seen) & set(unseen)


def test_the_way_from_controls_to_treatments_is_drawn(session):
    tables = Tables(session.out)
    stored = tables.arrays("traversals")
    assert stored["images"].shape[0] == len(stored["treatments"]) >= 1
    assert stored["shares"][[0, -1]].tolist() == [0, 1.5]
    drawn = list(traversal.draw(tables))
    assert len(drawn) == len(stored["treatments"])
    assert "standard deviations of single images apart" in drawn[0].caption


def networks(represent):
    return {n: w for n, w in represent.trainings.items() if issubclass(w.kind, Network)}


def test_tables_figures_and_methods_name_them(session, defined):
    assert {"curves/<network>", "profiles/<representation>"} <= defined(session.out)
    scored = set(pd.read_parquet(session.out / "results.parquet")["representation"])
    assert {"wide", "narrow", "wide-untrained", "wide+pixel-pca"} <= scored
    told = dict(methods(Tables(session.out)).paragraphs)
    images = "".join(piece.text for piece in told["Images and features"])
    for name in ("wide", "narrow"):
        assert f"The encoder {name} is of kind cnn. The CNN is a convolutional network" in images


def test_one_that_learns_labels_is_explained_beside_controls_of_its_kind(session):
    work = explained(take(session, "represent").trainings.values())
    assert work.name == "wide"
    assert "wide-untrained" in {n for n, k in session.kinds.items() if k.kind == "baseline"}
    told = Tables(session.out).activation
    assert told["withheld_because"]["about"]["representation"] == "wide"


def test_a_network_that_python_hands_in_is_read_by_its_own_settings(session):
    settings = take(session, "represent").trainings["wide-untrained"].network.settings
    again = open_study(
        session.root / "study.toml",
        out=session.out,
        jobs=1,
        encoders=[Untrained(settings, name="random")],
    )
    blocks = study.represent(again).blocks
    assert np.array_equal(blocks["random"].wells, blocks["wide-untrained"].wells)
    assert blocks["random"].cards["all"].kind == "baseline"


def test_crops_of_a_study_that_reads_images_are_the_images(session):
    assert study.crops(session) is study.prepare(session)


def test_a_finished_study_is_found_again_and_nothing_is_registered(session):
    assert not {"wide", "narrow"} & set(REPRESENTATIONS.names())
    before = {path: path.stat().st_mtime_ns for path in session.store.root.rglob("weights.*")}
    assert before
    again = open_study(session.root / "study.toml", out=session.out, jobs=1)
    study.represent(again)
    assert {path: path.stat().st_mtime_ns for path in before} == before
