"""A whole study of a small simulated screen: its files, its schema, its claims and the truth."""

from __future__ import annotations

import json
import re

import anndata
import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import schema, study
from phenolens.evaluate.metrics import metric_of
from phenolens.files import read_json
from phenolens.profiles import read_about, to_frame
from phenolens.simulate import ScreenDesign, simulate_profiles, write_screen

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
    with (folder / "study.toml").open("a") as stream:
        stream.write("\n[report]\nmontages = 1\n")
    session = study.open_study(folder / "study.toml", out=folder / "out", jobs=1)
    study.run(session)
    return session


@pytest.fixture(scope="module")
def results(finished) -> pd.DataFrame:
    return pd.read_parquet(finished.out / "results.parquet")


def test_every_number_is_a_metric_that_is_registered(finished, results):
    assay = pd.read_parquet(finished.out / "assay.parquet")
    for name in sorted({*results["metric"], *assay["metric"]}):
        metric = metric_of(name)
        rows = results[(results["metric"] == metric.name) & results["value"].notna()]
        assert metric.low is None or (rows["value"] >= metric.low - 1e-9).all(), name
        assert metric.high is None or (rows["value"] <= metric.high + 1e-9).all(), name


def pooled(results: pd.DataFrame, representation: str, task: str, metric: str) -> float:
    same = (results["representation"] == representation) & (results["task"] == task)
    row = results[same & (results["metric"] == metric) & (results["fold"] == "all")]
    return row["value"].item()


ABSENT = {"dose", "share_active", "curves/<network>", "fusion_classes", "attention",
          "reconstructions", "activation", "activation_treatments", "activation_wells",
          "activation_summary", "activation_compartments", "activation_compartments_correct",
          "agreement", "cell_splits", "cell_classes", "cell_scores", "cell_predictions",
          "fusion"}  # fmt: skip
"""One dose a compound; hits can be named; no network, no fusion and no labels of cells."""


def test_every_file_is_as_defined_and_every_defined_file_is_there(finished, defined):
    there = defined(finished.out)
    assert {file.stem for file in schema.files() if not file.when} <= there
    assert set(schema.tables()) - there == ABSENT


def test_active_treatments_without_a_montage_have_small_pictures(finished):
    activity = pd.read_parquet(finished.out / "activity.parquet")
    lead = activity[activity["representation"] == activity["representation"].iloc[0]]
    active = set(lead.loc[lead["active"].fillna(value=False).astype(bool), "Metadata_Treatment"])
    large = pd.read_parquet(finished.out / "exemplars.parquet")
    small = pd.read_parquet(finished.out / "stills.parquet")
    shown = set(large.loc[large["role"] == "treated", "Metadata_Treatment"])
    assert len(shown) == 1
    assert len(active - shown) > 1
    treated = small.loc[small["role"] == "treated", "Metadata_Treatment"]
    assert set(treated) == active - shown
    with np.load(finished.out / "stills.npz") as held:
        assert len(held["pixels"]) == len(small)
        assert small["position"].tolist() == list(range(len(small)))
        assert all(held["pixels"][n].any() for n in small["position"])


def test_doses_have_the_columns_of_their_definition():
    """The screen above has one dose a compound, and a study keeps the table of `dose` as it is."""
    table, _ = simulate_profiles(seed=0, treatments=6, features=12)
    frame = to_frame(table)
    number = frame["Metadata_Treatment"].str.extract(r"(\d+)$")[0].astype(float) - 1
    frame["Metadata_Compound"] = ("compound-" + (number // 3).astype("string")).fillna("DMSO")
    frame["Metadata_Concentration"] = number % 3 + 1
    found = pl.dose(frame.drop(columns="Metadata_Treatment")).table
    assert list(schema.conform(found, schema.tables()["dose"])) == list(found)


def test_shares_have_the_columns_of_their_definition():
    """Two plates of one layout name no hit, and a study keeps the table of `activity` as it is."""
    table, _ = simulate_profiles(seed=0, treatments=30, features=12, plates=2, controls=20,
                                 layout="fixed", active=0.0)  # fmt: skip
    more = pl.activity(table).more
    for name in ("share_active", "control_check"):
        found = more[name]
        assert list(schema.conform(found, schema.tables()[name])) == list(found)


def test_profiles_carry_what_the_documentation_says(finished):
    about = read_about(finished.out / "profiles" / "pixel-pca.parquet")
    told = {"layout", "name", "stage", "normalized_elsewhere", "space", "settings", "split"}
    assert told | {"folds", "cards"} <= set(about)
    table = pd.read_parquet(finished.out / "profiles" / "pixel-pca.parquet")
    assert {"Metadata_Role", "Metadata_Fold", "Metadata_LeftOut", "Metadata_FoldUnit"} <= set(table)
    for fold in about["folds"]:
        assert (finished.out / "profiles" / "pixel-pca" / f"{fold}.parquet").is_file()
    held = anndata.read_h5ad(finished.out / "profiles" / "cellprofiler.h5ad")
    assert list(held.layers) == ["normalized"] and held.var["selected"].any()
    assert {"X_pca", "X_umap"} < set(held.obsm) <= {"X_pca", "X_umap", "X_whitened", "X_selected"}
    assert held.shape[0] == len(table) and "phenolens" in held.uns


@pytest.mark.parametrize(
    "name",
    [
        "results", "activity", "matching", "retrieval", "similarity", "umap", "clusters", "assay",
        "predictions", "embedding_scores", "well_clusters", "features",
    ],
)  # fmt: skip
def test_tables_say_what_their_numbers_were_computed_on(finished, name):
    table = pd.read_parquet(finished.out / f"{name}.parquet")
    spaces = {
        path.stem: json.loads(anndata.read_h5ad(path).uns["phenolens"])["space"]
        for path in (finished.out / "profiles").glob("*.h5ad")
    }
    own = table[table["representation"].isin(list(spaces))]
    assert len(own)
    told = own["space"].str.partition(";")[0]
    expected = "normalized" if name == "features" else own["representation"].map(spaces)
    assert (told == expected).all()


def test_baselines_say_what_they_know(results, finished):
    classified = results[results["task"] == "classification"].drop_duplicates("representation")
    known = classified.set_index("representation")["space"]
    assert known["baseline:majority"] == known["baseline:one-over-classes"] == "nothing"
    assert known["baseline:position"].startswith("row and column, by ")
    assert known["baseline:cell-count"] == "cell counts"
    assert known["baseline:intensity"] == "mean intensities, normalized"
    projected = known["baseline:random-projection"]
    assert re.fullmatch(r"\d+ random projections of: normalized, selected.*", projected)
    assert known["baseline:shuffled-labels:pixel-pca"] == known["pixel-pca"]
    pairs = pd.read_parquet(finished.out / "comparisons.parquet")
    for side in "ab":
        part = pairs[pairs["task"] == "classification"]
        assert (part[f"space_{side}"] == part[side].map(known)).all()
    hits = pd.read_csv(finished.out / "hits.csv")
    assert hits.columns[-1] == "space" and hits["space"].nunique() == 1
    assert hits["active"].isna().equals(hits["q"].isna())
    held = pd.read_parquet(finished.out / "wells.parquet")
    held = held[~held["Metadata_Control"]].groupby("Metadata_Treatment").size()
    assert (hits["wells"] == hits["treatment"].map(held)).all()


def test_the_page_calls_metrics_by_words(finished, results):
    page = (finished.out / "report.html").read_text()
    text = re.sub(r"<(style|script|code).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    raw = {name for name in results["metric"] if "_" in name}
    assert raw and not raw & set(re.findall(r"\w+", text))


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


@pytest.mark.parametrize("task", ["activity", "retrieval", "matching"])
def test_position_alone_is_asked_once_beside_the_representations(results, task):
    rows = results[results["task"] == task]
    position = rows[rows["representation"] == "baseline:position"]
    assert len(position) and not position["metric"].duplicated().any()
    real = rows[rows["representation"] == "cellprofiler"]
    assert set(position["metric"]) <= set(real["metric"])
    assert (position["space"].str.startswith("row and column, by ")).all()


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
    judging = (roles["role"] == "evaluate").sum()
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
