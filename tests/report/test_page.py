"""The page: whole, honest about what is absent, safe, self-contained, and the same twice."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.findings import Finding
from phenolens.report import build
from phenolens.report.sections import Section, sections

OPTIONAL = [
    "results.parquet", "comparisons.parquet", "activity.parquet", "hits.csv", "similarity.parquet",
    "clusters.parquet", "umap.parquet", "wells.parquet", "features.parquet", "exemplars.parquet",
    "exemplars.npz", "assay.parquet", "audit.json", "ledger.json", "splits.json",
    "provenance.json", "study.resolved.toml", "consensus",
]  # fmt: skip
VOID = {"meta", "img", "input", "br", "link", "hr"}


class Page(HTMLParser):
    """Tags, attributes and text of a page, and whether its tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(study: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("built") / "study"
    shutil.copytree(study, folder)
    return build(folder).read_text(encoding="utf-8")


def always() -> list[Section]:
    """Sections of every study; that of cells is of those whose cells have labels of their own."""
    return [section for section in sections() if section.key != "cells"]


def text_of(folder: Path, **options: object) -> str:
    return Page(build(folder, **options).read_text(encoding="utf-8")).text


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study, tmp_path / "study")


def test_the_page_has_each_section_with_content(page):
    found = Page(page)
    assert found.open == []
    anchors = {attributes.get("id") for _, attributes in found.tags}
    for section in always():
        assert section.key in anchors
        assert section.title in found.text


def test_the_overview_answers_the_five_questions_from_the_tables(page, tables):
    active = tables.activity.query("representation == 'cellprofiler'")["active"].sum()
    text = Page(page).text
    assert f"{active} of 24 treatments" in text
    assert "in the screen's own spread" not in text
    assert "18 of 18 active treatments with a known mechanism have their nearest" in text
    assert "cpd-002 @ 5 µM (41 %) and cpd-003 @ 5 µM (41 %)" in text
    assert "CellProfiler-type: ahead of Pixel PCA, the next best, beyond chance" in text
    assert "Whether an effect is the treatment's or that of its place on the plate" in text


def test_the_steps_of_normalization_say_what_they_did(page, tables):
    text = Page(page).text
    wells = len(tables.wells)
    assert "1. Scaled on each plate's calibrating controls" in text
    assert f"{wells + 2} → {wells}" in text
    assert "600 → 240" in text
    assert "812.00 → 0.67" in text
    assert "0.41 → 0.02" in text
    assert "Looked at: 16 control wells that are kept for tests." in text


def test_every_figure_is_embedded_with_a_description(page):
    images = [attributes for tag, attributes in Page(page).tags if tag == "img"]
    assert len(images) >= 20
    for image in images:
        assert image["src"].startswith("data:image/")
        assert len(image["alt"]) > 20 and image["width"] and image["height"]


def test_nothing_is_fetched_and_links_lead_to_references_only(page):
    for tag, attributes in Page(page).tags:
        assert tag not in ("link", "iframe", "object")
        assert "src" not in attributes or attributes["src"].startswith("data:")
        if tag == "a":
            assert re.match(r"#|https://(doi\.org|arxiv\.org|www\.jstor\.org)/", attributes["href"])
    outside_links = re.sub(r'(href="|>)https?://[^"<]+', "", page)
    assert "@import" not in page and "url(" not in page
    assert "http" not in re.sub(r"http-equiv", "", outside_links)


def test_the_page_may_load_nothing_from_elsewhere(page):
    """Its policy allows its own styles, scripts and pictures, and comes before all of them."""
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', page)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": "'unsafe-inline'",
        "script-src": "'unsafe-inline'",
    }
    assert not re.search(r"<(script|style|img)\b", page[: policy.start()])


def test_anchors_exist_and_identifiers_are_unique(page):
    tags = Page(page).tags
    identifiers = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for tag, attributes in tags:
        if tag == "a" and attributes["href"].startswith("#"):
            assert attributes["href"][1:] in identifiers


@pytest.fixture
def small(make_study: Callable[..., Path]) -> Path:
    """One figure of each kind is enough to compare."""
    folder = make_study(treatments=8, plates=1)
    for name in ("activity", "results", "umap", "wells"):
        frame = pd.read_parquet(folder / f"{name}.parquet")
        stains = [column for column in frame if column.startswith("intensity_")]
        if "representation" in frame:
            frame = frame[frame["representation"].isin(["cellprofiler", "baseline:position"])]
        frame.drop(columns=stains).to_parquet(folder / f"{name}.parquet")
    return folder


def test_the_same_tables_give_the_same_bytes(small, tmp_path):
    copy, other = (shutil.copytree(small, tmp_path / name) for name in ("once", "again"))
    first, second = build(copy, title="T"), build(other, title="T")
    assert first.read_bytes() == second.read_bytes()
    for path in sorted((copy / "figures").iterdir()):
        assert path.read_bytes() == (other / "figures" / path.name).read_bytes(), path.name


@pytest.mark.parametrize("name", OPTIONAL)
def test_a_missing_file_is_said_and_not_fatal(copy, name):
    path = copy / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    text = text_of(copy, figures=False)
    for section in always():
        assert section.title in text


def test_figures_too_are_drawn_without_the_optional_files(copy):
    for name in OPTIONAL:
        if name not in ("activity.parquet", "wells.parquet"):
            path = copy / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    text = text_of(copy)
    assert "No images in this study, so no pictures." in text
    assert (copy / "figures" / "plates-cell-count.png").is_file()


def test_an_empty_folder_gives_a_page_that_says_what_it_lacks(tmp_path):
    text = text_of(tmp_path)
    assert "Nothing was scored." in text
    assert "The design was not audited" in text
    assert "No treatment was tested for activity." in text
    assert "is absent or empty" not in text


def test_a_screen_without_treatments_or_controls_still_gets_its_page(copy):
    for name in ("activity", "similarity", "clusters", "features", "comparisons", "results"):
        (copy / f"{name}.parquet").unlink()
    (copy / "hits.csv").unlink()
    wells = pd.read_parquet(copy / "wells.parquet")
    wells = wells.assign(Metadata_Treatment=None, Metadata_Control=False)
    wells.to_parquet(copy / "wells.parquet")
    assert "no treatments named" in text_of(copy)


def test_an_unlabelled_screen_says_so_in_plain_words(copy):
    for name in ("activity", "similarity", "clusters", "comparisons", "results"):
        (copy / f"{name}.parquet").unlink()
    (copy / "hits.csv").unlink()
    wells = pd.read_parquet(copy / "wells.parquet").assign(
        Metadata_Treatment=None, Metadata_Control=False
    )
    wells.to_parquet(copy / "wells.parquet")
    values = {"label": "Metadata_Treatment", "classes": 0, "leave_out": "well"}
    refused = Finding("class-in-one-unit", "error", {}, values)
    (copy / "splits.json").write_text(json.dumps({"refused": refused.to_dict()}))
    text = text_of(copy, figures=False)
    assert "No treatment was tested for activity, because no well is labelled" in text
    assert "No well is labelled with a treatment, so there is nothing to recognise." in text
    assert "the map and the similarities read in the screen's own spread" in text
    assert "0 classes" not in text and "Metadata_Treatment" not in text


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a & b", '"><img src=x onerror=1>'])
def test_names_are_text_and_never_markup(copy, name):
    rows = pd.read_parquet(copy / "activity.parquet")
    rows.replace({"cpd-001 @ 5 µM": name}).to_parquet(copy / "activity.parquet")
    audit = json.loads((copy / "audit.json").read_text())
    audit[2] |= {"severity": "warning", "about": {"treatment": name}}
    (copy / "audit.json").write_text(json.dumps(audit))
    page = build(copy, title=name, figures=False).read_text(encoding="utf-8")
    found = Page(page)
    scripts = [attributes.get("type") for tag, attributes in found.tags if tag == "script"]
    assert scripts == ["application/json", None]  # what it knows, and what runs
    assert page.count("<script") == page.count("</script>") == 2
    assert not any("onerror" in attributes for _, attributes in found.tags)
    assert found.text.count(" ".join(name.split())) >= 3


def test_doubts_that_every_treatment_shares_are_said_once(copy):
    rows = pd.read_parquet(copy / "activity.parquet")
    rows.assign(note="position-not-separated").to_parquet(copy / "activity.parquet")
    text = text_of(copy, figures=False)
    assert text.count("Holds for every row: position could explain this") == 1
    assert text.count("few cells left") == 4  # of two treatments, in their rows and their panels


def test_batch_effects_stand_beside_chance(copy):
    row = {"representation": "cnn", "task": "batch effect", "split": "plate", "unit": "well"}
    row |= {"fold": "all", "low": 0.2, "high": 0.6, "n": 9}
    rows = [
        row | {"metric": "nn_batch_accuracy_plate", "value": 0.55},
        row | {"metric": "nn_batch_accuracy_chance_plate", "value": 0.25},
        row | {"metric": "nn_batch_accuracy_plate", "value": 0.66, "representation": "vae"},
    ]
    results = pd.read_parquet(copy / "results.parquet")
    pd.concat([results, pd.DataFrame(rows)]).to_parquet(copy / "results.parquet")
    text = text_of(copy, figures=False)
    assert "Nearest well is of the same plate 0.55 0.20 to 0.60 by chance 0.25 0.66" in text


def test_figures_false_leaves_the_figures_alone(copy):
    build(copy, figures=False)
    assert not (copy / "figures").exists()


def test_figures_of_an_earlier_build_that_are_gone_are_removed(study, tmp_path):
    shutil.copy(study / "umap.parquet", tmp_path)
    figures = tmp_path / "figures"
    figures.mkdir()
    for name in ("umap-old.png", "umap-old.svg", "gradcam-1.png"):
        (figures / name).write_bytes(b"")
    build(tmp_path)
    assert (figures / "umap-cnn.png").is_file()
    assert not (figures / "umap-old.png").exists() and not (figures / "umap-old.svg").exists()
    assert (figures / "gradcam-1.png").exists()


def test_a_title_may_be_given(copy):
    assert text_of(copy, title="My screen", figures=False).startswith("My screen")
    assert text_of(copy, figures=False).startswith("made-up screen")


def test_no_study_folder_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="There is no study folder"):
        build(tmp_path / "absent")


def test_a_table_without_a_promised_column_is_named(copy):
    frame = pd.read_parquet(copy / "results.parquet").drop(columns="low")
    frame.to_parquet(copy / "results.parquet")
    with pytest.raises(InputError, match=r"results.parquet has no column 'low'"):
        build(copy, figures=False)
