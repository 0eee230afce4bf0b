"""Beside each number stands the space it was computed in, once where all are of one."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from pathlib import Path

import pandas as pd
import pytest

from phenolens.answers.tables import Tables
from phenolens.errors import InputError
from phenolens.report import build
from phenolens.report.spaces import Spaces, by_task, computed_on, sides, spaces_of
from phenolens.words import names

GIVEN, WHITE = "as given, selected", "normalized, selected, whitened"
LEARNED = "; in each fold selected, standardized, 95 % components"
FOLDS = f"{WHITE}{LEARNED}"
TAG = re.compile(r"<(style|script).*?</\1>|<[^>]+>", flags=re.DOTALL)


def rows(*told: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(told, columns=["task", "representation", "space"])


def section(folder: Path, key: str) -> str:
    """The words of one section of the page, built without figures."""
    page = build(folder, figures=False).read_text(encoding="utf-8")
    part = page[page.index(f'<section id="{key}"') :]
    return " ".join(unescape(TAG.sub(" ", part[: part.index("</section>\n")])).split())


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study, tmp_path / "study")


def change(folder: Path, name: str, change) -> None:
    path = folder / f"{name}.parquet"
    change(pd.read_parquet(path)).to_parquet(path, index=False)


def test_one_space_is_said_once():
    assert computed_on([("a", WHITE), ("b", WHITE)]) == f"Computed on profiles: {WHITE}."
    assert computed_on([]) == ""


def test_several_spaces_are_said_with_whose_they_are():
    told = computed_on([("Activity", WHITE), ("CNN", GIVEN), ("Silhouette", WHITE)])
    assert told == (
        f"Computed on profiles, for activity and silhouette: {WHITE}. For CNN: {GIVEN}."
    )


def test_baselines_are_named_after_their_space_and_take_no_part():
    told = rows(("", "baseline:position", "row and column"), ("", "cnn", WHITE), ("", "vae", ""))
    assert spaces_of(told) == Spaces({"cnn": WHITE})
    assert spaces_of(told.drop(columns="space")) == spaces_of(None) == Spaces()
    assert Spaces().sentence == Spaces().line == "" and not Spaces().several


def test_where_representations_differ_a_column_tells():
    several = Spaces({"cnn": WHITE, "vae": GIVEN})
    assert several.several and several.line == ""
    assert "CNN" in several.sentence and "VAE" in several.sentence
    one = Spaces({"cnn": WHITE, "vae": WHITE})
    assert one.line == one.sentence == f"Computed on profiles: {WHITE}."


def test_tasks_are_said_in_the_order_a_reader_asks_them():
    told = rows(
        ("clustering: leiden", "cnn", WHITE), ("clustering: kmeans-10", "cnn", WHITE),
        ("activity", "cnn", WHITE), ("classification", "cnn", FOLDS),
        ("classification", "baseline:position", "row and column"),
    )  # fmt: skip
    assert by_task(told) == (
        f"Computed on profiles, for classification: {FOLDS}. For activity and clustering: {WHITE}."
    )


def test_representations_of_several_spaces_are_told_apart_and_folds_are_said_once():
    fused = "normalized, selected, whitened; blocks of equal energy"
    told = rows(
        ("activity", "cnn", WHITE), ("activity", "vae", GIVEN), ("activity", "a+b", fused),
        ("classification", "cnn", FOLDS), ("classification", "vae", f"{GIVEN}{LEARNED}"),
        ("classification", "a+b", f"{fused}{LEARNED}"),
    )  # fmt: skip
    assert by_task(told) == (
        f"Computed on profiles, for CNN: {WHITE}. For VAE: {GIVEN}. For a + b: {fused}. "
        "In classification also in each fold selected, standardized, 95 % components."
    )


def test_spaces_that_follow_no_rule_are_listed_one_by_one():
    told = rows(("activity", "cnn", WHITE), ("activity", "vae", GIVEN), ("matching", "cnn", GIVEN))
    assert by_task(told) == (
        f"Computed on profiles, for CNN in activity: {WHITE}. "
        f"For VAE in activity and CNN in matching: {GIVEN}."
    )


def test_both_sides_of_a_comparison_have_a_space():
    pairs = pd.DataFrame({"task": ["activity"], "a": "cnn", "b": "vae"})
    assert sides(pairs) is sides(None) is None
    told = sides(pairs.assign(space_a=WHITE, space_b=GIVEN))
    assert told.to_numpy().tolist() == [["activity", "cnn", WHITE], ["activity", "vae", GIVEN]]


@pytest.mark.parametrize(
    "key", ["questions", "hits", "activity", "similar", "plates", "features", "published"]
)
def test_each_section_says_it_once_where_all_are_of_one_space(study, tmp_path, key):
    shutil.copytree(study, tmp_path / "study")
    text = section(tmp_path / "study", key)
    assert "Computed on profiles" in text
    assert "Computed on </th>" not in text and " Computed on CellProfiler" not in text


def test_the_table_of_scores_names_the_space_of_each_baseline(copy):
    text = section(copy, "scores")
    assert "for classification and nearest neighbour: normalized" in text
    assert "64 random projections of: normalized, selected, whitened" in text
    assert re.search(r"Position only [\d.]+ [\d.]+ to [\d.]+ 384 row and column", text)


def other(spaces: pd.Series) -> pd.Series:
    return spaces.str.replace(WHITE, GIVEN, regex=False)


def test_a_representation_of_another_space_is_named_with_it(copy):
    def given(frame: pd.DataFrame) -> pd.DataFrame:
        own = frame["representation"] == "cnn"
        return frame.assign(space=frame["space"].mask(own, other(frame["space"])))

    for name in ("activity", "retrieval", "results", "similarity"):
        change(copy, name, given)
    change(copy, "comparisons", lambda f: f.assign(
        space_a=f["space_a"].mask(f["a"] == "cnn", other(f["space_a"])),
        space_b=f["space_b"].mask(f["b"] == "cnn", other(f["space_b"])),
    ))  # fmt: skip
    text = section(copy, "activity")
    assert f"for CellProfiler-type and pixel PCA: {WHITE}. For CNN: {GIVEN}." in text
    assert "for CNN: " in section(copy, "similar").replace("For CNN", "for CNN")
    scores = section(copy, "scores")
    both = f"Computed on profiles, for CellProfiler-type and pixel PCA: {WHITE}. For CNN: {GIVEN}."
    assert scores.endswith(f"{both} This page was built without figures.")
    learned = "In classification and nearest neighbour also in each fold selected"
    assert f"{both} {learned}" in scores
    assert re.search(rf"CNN [\d.]+ [\d.]+ to [\d.]+ 384 {GIVEN}{LEARNED}", scores)


@pytest.mark.parametrize("name", ["activity", "results", "similarity", "umap", "matching"])
def test_a_table_that_lacks_a_column_is_refused_in_one_line(copy, name):
    change(copy, name, lambda f: f.drop(columns="space"))
    with pytest.raises(InputError, match=rf"{name}\.parquet has no column 'space', which docs"):
        getattr(Tables(copy), name)


def test_retrieval_elsewhere_is_shown_for_each_place(copy):
    text = section(copy, "activity")
    assert "Do wells find one another elsewhere?" in text
    assert len(re.findall(r"Pixel PCA (?:position|plate) 384 ", text)) == 2
    (copy / "retrieval.parquet").unlink()
    assert "elsewhere" not in section(copy, "activity")


def test_doses_are_told_in_words_where_they_are_not_reached(copy):
    text = section(copy, "activity")
    assert "3 of 4 compounds with three doses or more reach three standard deviations" in text
    assert "and three compounds move further with dose" in text
    assert "cpd-004 12 4 1.2 not reached 5.00 or more 0.400 – inactive" in text
    assert "inf" not in text.replace("information", "")
    (copy / "dose.parquet").unlink()
    assert "From which dose on?" not in section(copy, "activity")


def test_mechanisms_that_are_found_are_named_with_p_and_q(copy):
    text = section(copy, "similar")
    assert "By CellProfiler-type features, 3 of 6 mechanisms are found at q < 0.05" in text
    assert "Actin disruptor 3 0.60 0.90 0.0001 0.0002" in text
    assert "Found among all treatments at q < 0.05: 3 of 6 mechanisms" in section(copy, "overview")
    (copy / "matching.parquet").unlink()
    assert "Are mechanisms found?" not in section(copy, "similar")
    assert "Found among" not in section(copy, "overview")


@pytest.mark.parametrize(
    ("metric", "said"),
    [
        ("fraction_matched", "Share of labels found"),
        ("map_across_normalized_plate", "Normalized mAP, another plate"),
        ("drop_source_week", "Drop of normalized mAP, another source week"),
        ("ari_null", "Adjusted Rand index, labels shuffled"),
        ("silhouette_p", "Silhouette, p"),
        ("macro_f1_without_controls", "Macro F1 without controls"),
        ("fraction_p", "Share with p below alpha"),
    ],
)
def test_metrics_have_names_that_are_words(metric, said):
    assert names.metric(metric) == said


def test_numbers_behind_an_answer_name_the_space_of_both_sides(copy):
    path = copy / "questions.json"
    asked = json.loads(path.read_text())
    asked[0]["details"][0]["values"]["spaces"][0] = GIVEN
    path.write_text(json.dumps(asked))
    text = section(copy, "questions")
    assert f"Computed on profiles, for CellProfiler-type: {WHITE}. For CNN: {GIVEN}." in text


def test_fusions_without_a_name_of_their_own_are_called_by_their_blocks():
    assert names.label("deep+pixel-pca") == "deep + Pixel PCA"
    assert names.label("cnn+noise:pixel-pca") == "CNN + noise as wide as Pixel PCA"
    assert names.label("cnn+noise") == "CNN + noise"
    assert names.label("baseline:of-a-kind") == "of a kind"
