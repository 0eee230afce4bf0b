"""Published tables and figures beside what answers the question; only those a study can fill."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.published.figures import activation, kmeans, reconstructions
from phenolens.published.sections import as_published as published
from phenolens.published.sections.scores import outcome
from phenolens.report import build
from phenolens.report.figures import house_style

MADE_FOR_IT = (
    "embedding_scores.parquet", "well_clusters.parquet", "fusion_classes.parquet",
    "activation.parquet", "activation_wells.parquet", "activation_summary.parquet",
    "activation.json", "reconstructions.parquet", "reconstructions.npz", "reconstructions.json",
)  # fmt: skip


@pytest.fixture
def copy(study: Path, tmp_path: Path) -> Path:
    return shutil.copytree(study, tmp_path / "study")


def score(representation: str, metric: str, value: float) -> dict:
    row = {"representation": representation, "task": "classification", "metric": metric}
    row |= {"split": "leave-plate-out", "unit": "well", "fold": "all", "value": value}
    return row | {
        "low": value - 0.05,
        "high": value + 0.05,
        "n": 100,
        "space": "normalized",
        "note": "",
    }


@pytest.fixture
def seed_like(copy: Path) -> Path:
    """A network that scores what the commonest class scores."""
    rows = [score("cnn", "accuracy", 0.20), score("cnn", "accuracy_without_controls", 0.01)]
    rows += [score("baseline:majority", "accuracy", 0.20), score("cnn+noise", "accuracy", 0.4)]
    rows += [score("baseline:one-over-classes", "accuracy", 0.004)]
    pd.DataFrame(rows).to_parquet(copy / "results.parquet", index=False)
    compared = {"task": "classification", "metric": "accuracy_treated", "a": "cnn", "n": 80}
    compared |= {"b": "baseline:position", "difference": -0.02, "low": -0.1, "high": 0.1}
    compared |= {"p": 0.4, "p_holm": 0.8, "smallest_detectable": 0.1, "smallest_p": 0.01}
    compared |= {"split": "plate", "unit": "well", "cluster": "treatment", "n_clusters": 8}
    compared |= {"won": 1, "lost": 2, "value_a": 0.1, "value_b": 0.12, "space_a": "", "space_b": ""}
    pd.DataFrame([compared]).to_parquet(copy / "comparisons.parquet", index=False)
    return copy


def test_an_accuracy_stands_beside_the_majority_class_and_how_it_would_be_praised(seed_like):
    found = published.view(Tables(seed_like))["accuracy"]
    assert found["said"] == (
        "Always naming the commonest class is right for 20 % of wells; CNN does no better."
    )
    assert [row["representation"] for row in found["rows"]] == [
        "cnn", "baseline:majority", "baseline:one-over-classes",
    ]  # fmt: skip
    cnn = found["rows"][0]
    assert cnn["alone"] == "“20 % right, 50 times chance”"
    assert cnn["beside"] == "not told from Position only (−0.020, p = 0.800)"
    assert [cell["value"] for cell in cnn["cells"]] == ["0.200", "0.010", "–", "–"]
    assert cnn["cells"][0]["between"] == "0.15 to 0.25"


@pytest.mark.parametrize(
    ("difference", "p", "said"),
    [
        (0.1, 0.01, "better than Position only (+0.100, p = 0.010)"),
        (-0.1, 0.01, "worse than Position only (−0.100, p = 0.010)"),
        (0.1, np.nan, "not told from Position only (+0.100, p = –)"),
    ],
)
def test_a_comparison_in_words(difference, p, said):
    row = pd.Series({"difference": difference, "p_holm": p, "b": "baseline:position"})
    assert outcome(row, 0.05) == said


def test_the_silhouette_of_clusters_is_marked_as_meaning_nothing(copy):
    row = published.view(Tables(copy))["embedding"][0]
    assert row["silhouette_clusters"] == {"value": "0.500", "between": ""}
    assert row["silhouette"] == {"value": "−0.020", "between": "−0.04 to 0.01"}
    text = build(copy, figures=False).read_text(encoding="utf-8")
    assert "k-means labels (means nothing)" in text


def test_classes_won_and_lost_by_a_fusion_are_counted_and_named(tables):
    (fusion,) = published.view(tables)["fusions"]
    counted = (fusion["won"], fusion["lost"], fusion["even"])
    assert counted == ("one treatment", "one treatment", "one treatment")
    first, *_, last = fusion["rows"]
    assert first["cells"] == [4, 3, 1, 2, 0] and last["cells"] == [4, 1, 3, 0, 2]


def test_clusters_of_every_representation_are_told_and_who_has_none(copy):
    why = Finding("several-networks", "warning")
    refused = [{"representation": "vae", "question": "clustering"} | why.data()]
    (copy / "unanswered.json").write_text(json.dumps(refused))
    view = published.view(Tables(copy))
    assert {part["representation"] for part in view["clusters"]} == {
        "cellprofiler", "pixel-pca", "cnn",
    }  # fmt: skip
    assert view["unclustered"].startswith("Not clustered: VAE: Its treatments were seen by several")


def test_activation_has_its_extremes_and_tests(tables):
    row = published.view(tables)["activation"]["rows"][0]
    assert row["measure"] == "Area above 0.5 of maximum"
    assert (row["across"], row["difference"], row["rank"]) == ("0.031", "0.04", "−0.41")
    summary = tables.table("activation_summary").set_index("measure").loc["area_0.5_image"]
    assert row["lowest"]["between"] == summary["lowest"]


def test_withheld_maps_are_one_line_that_points_to_the_reason(copy):
    why = Finding("maps-nothing-held-out", "warning").to_dict()
    (copy / "activation.json").write_text(json.dumps({"withheld_because": why}))
    assert published.view(Tables(copy))["activation"] == {"withheld": True, "rows": []}
    text = build(copy, figures=False).read_text(encoding="utf-8")
    assert "Areas and intensities of maps are not shown" in text


def test_reconstructions_stand_beside_the_mean_training_image(copy):
    found = published.view(Tables(copy))["rebuilt"]
    assert "correlate at DNA 0.80, ER 0.30" in found["said"]
    assert found["said"].endswith("giving back the mean training image for DNA.")
    why = Finding("rebuilt-nothing-held-out", "warning").to_dict()
    (copy / "reconstructions.json").write_text(json.dumps({"withheld_because": why}))
    assert published.view(Tables(copy))["rebuilt"]["withheld"] == why["what"]


def test_a_study_without_networks_has_no_empty_parts(copy):
    for name in MADE_FOR_IT:
        (copy / name).unlink()
    view = published.view(Tables(copy))
    empty = ("embedding", "fusions", "maps", "activation", "rebuilt")
    assert not any(view[name] for name in empty) and view["accuracy"]
    text = build(copy, figures=False).read_text(encoding="utf-8")
    for words in ("Grad-CAM", "Reconstructions", "won and lost", "silhouette and mean average"):
        assert words not in text
    for name in ("results.parquet", "clusters.parquet"):
        (copy / name).unlink()
    assert published.view(Tables(copy)) is None


def test_a_map_shows_every_well_with_its_cluster(tables):
    points = kmeans.placed(tables.umap, tables.table("well_clusters"), "cnn")
    assert len(points) == (tables.umap["representation"] == "cnn").sum()
    assert points["cluster"].between(1, 10).all()


def test_a_screen_without_mechanisms_is_coloured_by_treatment(tables):
    points = kmeans.placed(tables.umap, tables.table("well_clusters"), "cnn")
    assert kmeans._done(points)[0] == "Mechanism"
    title, groups = kmeans._done(points.drop(columns="Metadata_Mechanism"))
    assert title == "Treatment"
    assert {"control", "other treatments"} < {group.label for group in groups}


def test_right_and_wrong_are_compared_within_wells(tables):
    wells = tables.table("activation_wells")
    assert len(activation.paired(wells)) == len(tables.wells)
    only_right = wells[wells["outcome"] != "wrong"]
    assert len(activation.paired(only_right)) == 0


def test_images_stand_above_their_reconstructions(tables):
    with house_style():
        (drawn,) = reconstructions.draw(tables)
    axes = drawn.figure.axes
    assert len(axes) == 3 * 2 * 6
    first, below = (np.asarray(axes[place].images[0].get_array()) for place in (1, 7))
    assert below.mean() < first.mean()
