"""What a study file says of given profiles' training decides what the study scores of them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from phenolens.answers.tables import Tables
from phenolens.errors import ConfigError, LeakError
from phenolens.report.methods import methods
from phenolens.report.page import render
from phenolens.study.session import open_study
from phenolens.study.step import take

STUDY = """
[data]
controls = "Metadata_Compound == 'DMSO'"
[data.columns]
compound = "Metadata_Compound"
[[data.profiles]]
name = "cellprofiler"
files = "measured.csv"
[[data.profiles]]
name = "deep"
files = "deep.csv"
kind = "supervised"
{said}
[represent]
representations = {fusions}
[splits]
max_folds = 2
[evaluate]
permutations = 50
bootstrap = 10
clusters = 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Four plates of 14 compounds in two wells and 8 controls; 'deep' has learned two of them."""
    draw, folder = np.random.default_rng(0), tmp_path_factory.mktemp("given")
    names = [f"C{n // 2:02d}" for n in range(28)] + ["DMSO"] * 8
    places = [f"{'ABCDEF'[n // 6]}{n % 6 + 1:02d}" for n in draw.permutation(36)]
    effects, codes = draw.normal(size=(36, 24)) * 2, draw.normal(size=(36, 24))
    kinds = pd.factorize(pd.Series(names))[0]
    tables = {"measured": [], "deep": []}
    for plate in ("P1", "P2", "P3", "P4"):
        wells = pd.DataFrame(
            {"Metadata_Plate": plate, "Metadata_Well": places, "Metadata_Compound": names}
        )
        known = codes if plate in ("P1", "P2") else draw.normal(size=codes.shape)
        values = {
            "measured": effects[kinds] + draw.normal(size=codes.shape),
            "deep": 3 * known + 0.3 * effects[kinds] + 0.5 * draw.normal(size=codes.shape),
        }
        for name, block in values.items():
            of = "Cells_Texture_Contrast_DNA" if name == "measured" else "emb"
            columns = [f"{of}_{n}" for n in range(24)]
            part = pd.concat([wells, pd.DataFrame(block, columns=columns)], axis=1)
            tables[name].append(part)
    for name, parts in tables.items():
        pd.concat(parts).to_csv(folder / f"{name}.csv", index=False)
    return folder


def session(folder, said, out, *, fusions="[]"):
    path = folder / f"{out}.toml"
    path.write_text(STUDY.format(said=said, fusions=fusions))
    return open_study(path, out=folder / out)


def written(folder, out, name):
    return json.loads((folder / out / name).read_text())


@pytest.fixture(scope="module")
def answered(folder):
    """The research questions of a study that says nothing of its profiles' training."""
    opened = session(folder, "", "unsaid", fusions='["deep+cellprofiler"]')
    take(opened, "check")
    return take(opened, "research_questions")


def test_nothing_said_is_a_doubt_of_every_number_and_of_the_gain(folder, answered):
    codes = {found["code"] for found in written(folder, "unsaid", "blocks.json")}
    assert codes == {"training-unknown", "agreement-jumps"}
    results = pd.read_parquet(folder / "unsaid" / "results.parquet").set_index("representation")
    for name in ("deep", "deep+cellprofiler"):
        assert (results.loc[name, "note"] == "training-unknown").all()
    assert (results.loc["cellprofiler", "note"] == "").all()
    doubts = [found for one in answered for found in one.details if found.code in codes]
    won = [f for f in answered[1].headline if f.values.get("outcome") == "better"]
    assert bool(won) == (answered[1].state == "doubtful")
    assert {found.about["representation"] for found in doubts} <= {"deep"}


@pytest.mark.usefixtures("answered")
def test_the_page_marks_every_mention(folder):
    page = render(Tables(folder / "unsaid"), {})
    assert "† deep: training unknown; knows P1 and P2 better than what was measured" in page
    assert "deep†" in page and "deep + CellProfiler-type†" in page
    assert "> CellProfiler-type†" not in page and ">CellProfiler-type†" not in page


def test_plates_it_was_trained_on_are_set_aside(folder):
    opened = session(folder, 'trained_on = ["P1", "P2"]\nlabels_seen = ["C00"]', "said")
    block = take(opened, "represent").blocks["deep"]
    assert len(block.wells) == 72 and "C00" not in block.unseen["labels-unseen"]
    aside = written(folder, "said", "ledger.json")["set_aside"]
    assert sum(row["code"] == "trained-on-well" for row in aside) == 72
    assert {found.code for found in take(opened, "blocks")} == {"trained-on-wells"}


def test_pixels_of_all_plates_seen_refuse_held_out_wells(folder):
    said = 'trained_on = ["P1", "P2", "P3", "P4"]\nlabels_seen = "none"'
    take(session(folder, said, "pixels"), "evaluate")
    refused = written(folder, "pixels", "unanswered.json")
    (own,) = [row for row in refused if row["code"] == "trained-on-all-wells"
              and row["representation"] == "deep"]  # fmt: skip
    assert own["question"] == "classification"
    results = pd.read_parquet(folder / "pixels" / "results.parquet")
    asked = results[results["representation"] == "deep"]
    assert "activity" in set(asked["task"]) and "classification" not in set(asked["task"])


def test_labels_of_all_plates_seen_leave_nothing_to_score(folder):
    said = 'trained_on = ["P1", "P2", "P3", "P4"]\nlabels_seen = "all"'
    with pytest.raises(LeakError, match="'deep' learned labels of every well"):
        take(session(folder, said, "all"), "represent")


def test_a_plate_that_is_not_there_is_named_with_its_place(folder):
    with pytest.raises(ConfigError, match=r"\[\[data.profiles\]\] 'deep': trained_on: this screen"):
        take(session(folder, 'trained_on = ["P5"]', "wrong"), "represent")


def test_the_methods_say_what_was_told(tmp_path):
    told = 'trained_on = ["P1", "P2"]\nlabels_seen = "all"\nlicence = "CC-BY"\n'
    (tmp_path / "study.resolved.toml").write_text(f'[[data.profiles]]\nname = "deep"\n{told}')
    written = methods(Tables(tmp_path)).paragraphs
    said = " ".join(piece.text for _, pieces in written for piece in pieces)
    assert "Of deep it was said: trained on P1 and P2; labels seen: all; licence: CC-BY." in said
