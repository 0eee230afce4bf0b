"""A whole study of a small simulated screen: its files, its schema, its claims and the truth."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from phenolens import study
from phenolens.files import read_json
from phenolens.simulate import ScreenDesign, write_screen

DOCS = Path(__file__).resolve().parents[2] / "docs"
DESIGN = ScreenDesign(
    replicates=1,
    plates=4,
    batches=2,
    treatments=8,
    control_wells=20,
    strength=2.0,
    sites=1,
    mechanisms=2,
    inactive=2,
    toxic=1,
    dosed=0,
    field_size=192,
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> study.Session:
    folder = tmp_path_factory.mktemp("study")
    write_screen(DESIGN, folder / "screen", jobs=1)
    study.init(folder / "screen", folder / "study.toml")
    session = study.open_study(folder / "study.toml", out=folder / "out", jobs=1)
    study.run(session)
    return session


@pytest.fixture(scope="module")
def results(finished) -> pd.DataFrame:
    return pd.read_parquet(finished.out / "results.parquet")


def pooled(results: pd.DataFrame, representation: str, task: str, metric: str) -> float:
    same = (results["representation"] == representation) & (results["task"] == task)
    row = results[same & (results["metric"] == metric) & (results["fold"] == "all")]
    return row["value"].item()


def documented() -> dict[str, list[str]]:
    """Column names of each result table that docs/schemas.md lists as a table with keys."""
    found: dict[str, list[str]] = {}
    for section in re.split(r"^## ", (DOCS / "schemas.md").read_text(), flags=re.M)[1:]:
        name = re.match(r"`([a-z_]+\.parquet)`", section)
        rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+)", section, flags=re.M)
        if name and rows:
            found[name[1]] = [c for row in rows for c in re.findall(r"`(\w+)`", row)]
    return found


@pytest.mark.parametrize("name", sorted(documented()))
def test_tables_have_the_columns_that_the_documentation_names(finished, name):
    optional = {"p_smooth", "q_smooth", "map_plain", "p_plain", "q_plain"}
    wanted = set(documented()[name]) - optional
    assert wanted <= set(pd.read_parquet(finished.out / name).columns)


@pytest.mark.parametrize(
    "name",
    [
        "results.parquet",
        "comparisons.parquet",
        "activity.parquet",
        "activity.json",
        "hits.csv",
        "profiles/cellprofiler.parquet",
        "profiles/cellprofiler.h5ad",
        "profiles/pixel-pca.parquet",
        "consensus.parquet",
        "consensus/pixel-pca.parquet",
        "similarity.parquet",
        "clusters.parquet",
        "umap.parquet",
        "predictions.parquet",
        "normalization.json",
        "unanswered.json",
        "wells.parquet",
        "fields.parquet",
        "features.parquet",
        "exemplars.parquet",
        "exemplars.npz",
        "assay.parquet",
        "audit.json",
        "ledger.json",
        "splits.parquet",
        "splits.json",
        "provenance.json",
        "study.resolved.toml",
        "report.html",
        "cells/SIM001.parquet",
    ],
)
def test_every_file_is_there(finished, name):
    assert (finished.out / name).stat().st_size > 0


def test_results_are_sorted_by_their_key(results):
    key = ["representation", "task", "metric", "split", "unit", "fold"]
    assert not results.duplicated(key).any()
    pd.testing.assert_frame_equal(results, results.sort_values(key, ignore_index=True))


def test_always_naming_the_controls_scores_their_share(results):
    share = DESIGN.control_wells / DESIGN.wells_per_plate
    assert pooled(results, "baseline:majority", "classification", "accuracy") == pytest.approx(
        share
    )


def test_every_representation_has_its_baselines(results):
    names = set(results.loc[results["task"] == "classification", "representation"])
    for name in ("cellprofiler", "pixel-pca"):
        assert {name, f"baseline:shuffled-labels:{name}"} <= names
    assert {"baseline:cell-count", "baseline:intensity", "baseline:position"} <= names


@pytest.mark.parametrize("name", ["cellprofiler", "pixel-pca"])
def test_permuted_labels_give_chance_for_every_representation(results, name):
    representation = f"baseline:shuffled-labels:{name}"
    score = pooled(results, representation, "nearest-neighbour", "balanced_accuracy")
    classes = DESIGN.treatments + 1
    wells = DESIGN.plates * DESIGN.wells_per_plate
    assert score < 1 / classes + 3 * np.sqrt(1 / classes / wells) + 0.05


def test_planted_effects_are_found_and_inactive_treatments_are_not(finished):
    truth = pd.read_parquet(finished.out.parent / "screen" / "truth" / "truth.parquet")
    activity = pd.read_parquet(finished.out / "activity.parquet")
    part = activity[activity["representation"] == "cellprofiler"]
    active = part["Metadata_Treatment"].isin(names_of(truth[truth["active"]]))
    assert part.loc[active, "map_normalized"].median() > 0.25
    assert part.loc[active, "active"].mean() >= 0.6
    assert part.loc[~active, "map_normalized"].median() < 0.1
    assert part.loc[~active, "active"].sum() <= 1


def names_of(truth: pd.DataFrame) -> list[str]:
    column = next(c for c in ("pert_iname", "Metadata_pert_iname", "treatment") if c in truth)
    return truth[column].tolist()


def test_controls_that_calibrate_never_judge(finished):
    roles = pd.read_parquet(finished.out / "splits.parquet")
    judging = (roles["role"] == "judge").sum()
    activity = pd.read_parquet(finished.out / "activity.parquet")
    assert (roles["role"] == "calibrate").sum() > judging
    assert activity["n_references"].max() == judging


def test_a_learned_representation_says_what_it_saw(finished):
    cards = read_json(finished.out / "provenance.json")["cards"]["pixel-pca"]
    splits = pd.read_parquet(finished.out / "splits.parquet")
    wells = splits["Metadata_Plate"] + "/" + splits["Metadata_Well"]
    for fold in sorted(set(splits["fold"]) - {-1}):
        held_out = set(wells[splits["fold"] == fold])
        assert not held_out & set(cards[str(fold)]["trained_on"])


def test_the_report_is_one_page_that_loads_nothing(finished):
    page = (finished.out / "report.html").read_text()
    assert "<html" in page
    assert not re.search(r"""(src=|url\(|@import\s)["']?https?:""", page)
    assert not re.search(r"<link[^>]+href=.https?:", page)


def test_a_finished_study_is_left_as_it_is(finished):
    before = {p: p.stat().st_mtime_ns for p in finished.out.rglob("*") if p.is_file()}
    again = study.open_study(finished.root / "study.toml", out=finished.out, jobs=1)
    study.run(again)
    changed = [p.name for p, then in before.items() if p.stat().st_mtime_ns != then]
    assert set(changed) <= {"timings.json", "splits.parquet", "splits.json"}
