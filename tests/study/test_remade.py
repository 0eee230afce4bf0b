"""Tables that published studies print, and reconstructions of images that were held out."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from phenolens import study
from phenolens.published import embedding_scores
from phenolens.published.steps import reconstructions
from phenolens.published.steps.remade import activation_summary, activation_wells, fusion_classes
from phenolens.stats.average_precision import expected_average_precision
from phenolens.study.session import Silent, open_study

PLATE, WELL, SITE = "Metadata_Plate", "Metadata_Well", "Metadata_Site"
TREATMENT, CONTROL = "Metadata_Treatment", "Metadata_Control"


@pytest.fixture
def finished(wells):
    session = open_study(wells.study, out=wells.out, jobs=1)
    study.interpret(session)
    return session


def test_every_file_of_a_study_of_profiles_is_as_defined(finished, defined):
    there = defined(finished.out)
    assert {"activity", "hits", "well_clusters", "profiles/<representation>"} <= there
    assert not {"cells/<plate>", "fields", "exemplars"} & there


def test_published_numbers_stand_beside_those_that_hold(finished):
    table = pd.read_parquet(finished.out / "embedding_scores.parquet")
    results = pd.read_parquet(finished.out / "results.parquet")
    activity = pd.read_parquet(finished.out / "activity.parquet")
    row = table.set_index("representation").loc["deep"]
    own = results[(results["representation"] == "deep") & (results["fold"] == "all")]
    held = own.set_index(["task", "metric"])["value"]
    assert row["silhouette"] == held[("silhouette", "silhouette")]
    assert row["map_normalized"] == held[("activity", "mean_map_normalized")]
    assert row["map_chance"] == pytest.approx(activity["map_chance"].mean())
    assert 0 < row["map_all_chance"] < row["map_all"] < 1
    assert row["n_wells"] == 3 * 14


def test_every_well_has_a_cluster_and_labels_of_clusters_lie_closer_than_treatments(finished):
    clusters = pd.read_parquet(finished.out / "well_clusters.parquet")
    assert len(clusters) == 42 and not clusters.duplicated([PLATE, WELL]).any()
    assert sorted(clusters["cluster"].unique()) == list(range(1, 11))
    sizes = clusters["cluster"].value_counts()
    assert sizes[1] == sizes.max()
    noise = embedding_scores._clustered(_noise(), k=5, seed=0)
    assert noise["silhouette"].mean() > 0.05  # of nothing but noise: it measures k-means


def _noise() -> pd.DataFrame:
    values = np.random.default_rng(0).normal(size=(40, 3))
    key = pd.MultiIndex.from_product([["P"], range(40)], names=[PLATE, WELL])
    return pd.DataFrame(values, index=key)


def test_wells_that_are_copies_make_no_more_clusters_than_there_are_wells():
    copies = _noise()
    copies.iloc[:] = np.repeat(np.eye(3)[:2], 20, axis=0)
    assert embedding_scores._clustered(copies, k=10, seed=0)["cluster"].nunique() == 2


def test_retrieval_as_published_counts_controls_as_one_more_class():
    index = pd.MultiIndex.from_arrays(
        [["P"] * 6, [f"A{n:02d}" for n in range(1, 7)], list("xxyDDD"), [0, 0, 0, 1, 1, 1]],
        names=[PLATE, WELL, TREATMENT, CONTROL],
    )
    values = [[1, 0], [1, 0.1], [0, 1], [-1, 0], [-1, 0.1], [-1, 0.2]]
    found = embedding_scores._retrieved(pd.DataFrame(values, index=index, columns=["f0", "f1"]))
    assert len(found) == 5  # y has no second well
    assert (found["value"] == 1).all()
    expected = expected_average_precision([1, 1, 2, 2, 2], [5] * 5)
    assert sorted(found["chance"]) == pytest.approx(sorted(expected))


def prediction(well: int, name: str, label: str, *, correct: bool) -> dict:
    row = {PLATE: "P", WELL: f"A{well:02d}", "task": "classification", "fold": 0, "label": label}
    return row | {"representation": name, "correct": correct, "control": label == "DMSO"}


def test_a_class_is_won_where_the_fusion_alone_is_right():
    told = {"x": [(1, 0), (1, 1)], "y": [(0, 1), (0, 0)], "DMSO": [(1, 0)]}
    rows, well = [], 0
    for label, pairs in told.items():
        for fused, block in pairs:
            well += 1
            rows += [prediction(well, "a+b", label, correct=bool(fused))]
            rows += [prediction(well, "a", label, correct=bool(block))]
    compared = {"task": "classification", "metric": "accuracy_treated", "a": "a+b"}
    others = [compared | {"b": b} for b in ("a", "a+noise:b", "baseline:position")]
    table = fusion_classes(pd.DataFrame(rows), pd.DataFrame(others)).set_index(TREATMENT)
    assert list(table.index) == ["x", "y"]
    assert table[["n", "right_fusion", "right_block", "gained", "lost"]].to_numpy().tolist() == [
        [2, 2, 1, 1, 0], [2, 0, 1, 0, 1],
    ]  # fmt: skip


def looked() -> pd.DataFrame:
    """Two wells of x, one of y, one control; two images each, one named right."""
    keys = [("A01", "x", 0.1), ("A02", "x", 0.3), ("A03", "y", 0.6), ("A04", "DMSO", 0.9)]
    rows = [
        {PLATE: "P", WELL: well, TREATMENT: name, CONTROL: name == "DMSO", "correct": right,
         "zero_map": False, "area_0.5_image": area + (0.1 if right else -0.1)}
        for well, name, area in keys
        for right in (True, False)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_activation_is_summed_up_over_treated_wells():
    wells = activation_wells(looked())
    assert wells["outcome"].value_counts().to_dict() == {"all": 4, "right": 4, "wrong": 4}
    right = wells[wells["outcome"] == "right"].set_index(WELL)["area_0.5_image"]
    assert right.to_dict() == pytest.approx({"A01": 0.2, "A02": 0.4, "A03": 0.7, "A04": 1.0})
    (row,) = activation_summary(wells).to_dict("records")
    assert (row["n_wells"], row["lowest"], row["highest"]) == (3, "x", "y")
    assert row["mean"] == pytest.approx(1 / 3) and row["highest_mean"] == pytest.approx(0.6)
    assert row["sd"] == pytest.approx(np.std([0.1, 0.3, 0.6], ddof=1))
    assert activation_wells(pd.DataFrame()).empty and activation_summary(pd.DataFrame()).empty


def test_a_reconstruction_is_measured_beside_the_mean_training_image():
    seen = np.random.default_rng(0).uniform(size=(2, 2, 8, 8)).astype(np.float32)
    made = np.stack([seen[0], 1 - seen[1]])
    table = reconstructions.measured(seen, made, seen[1], channels=("DNA", "ER"))
    assert table["error_DNA"].iloc[0] == 0 and table["error_mean_image_ER"].iloc[1] == 0
    np.testing.assert_allclose(table["correlation_ER"], [1, -1])
    flat = reconstructions.measured(seen, np.zeros_like(seen), seen[0], channels=("DNA", "ER"))
    assert flat[["correlation_DNA", "correlation_ER"]].isna().all(axis=None)


class Halved:
    """A network that gives every image back at half its brightness."""

    settings = SimpleNamespace(pixels=SimpleNamespace(size=8))

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def reconstruct(self, prepared, rows):
        seen = self.pixels[rows].astype(np.float32) / 255
        return seen, seen / 2


@pytest.fixture
def work(tmp_path):
    """What a study knows of a network's trainings: 4 wells of 3 images in two folds."""
    pixels = np.random.default_rng(1).integers(0, 256, (12, 2, 8, 8)).astype(np.uint8)
    images = pd.DataFrame({PLATE: "P", WELL: np.repeat(["A01", "A02", "A03", "A04"], 3)})
    images = images.assign(**{SITE: ["1", "2", "3"] * 4, TREATMENT: "x", CONTROL: False})
    asked = []

    def trained(fold: str) -> Halved:
        asked.append(fold)
        return Halved(pixels)

    return SimpleNamespace(
        name="vae",
        session=SimpleNamespace(out=tmp_path, progress=Silent(), jobs=1),
        images=images, prepared=SimpleNamespace(channels=("DNA", "ER")), asked=asked,
        rows={"0": np.arange(6, 12), "1": np.arange(6)}, squares=lambda rows: pixels[rows],
        trained=trained,
    )  # fmt: skip


@pytest.fixture
def held(work):
    parts = [(0, work.rows["0"], work.rows["1"]), (1, work.rows["1"], work.rows["0"])]
    folds = SimpleNamespace(iterate=lambda keys: iter(parts))
    work.design = SimpleNamespace(folds=folds)
    return work


def test_every_image_is_rebuilt_by_the_network_that_never_saw_its_well(held):
    made = reconstructions.rebuilt(held)
    told, table = made.value, made.files["reconstructions.parquet"]
    assert told["n_images"] == len(table) == 12 and told["n_wells"] == 4
    assert table.groupby("fold")[WELL].unique().map(list).to_dict() == {
        "0": ["A01", "A02"], "1": ["A03", "A04"],
    }  # fmt: skip
    np.testing.assert_allclose(table["correlation_DNA"], 1)
    assert [row["stain"] for row in told["stains"]] == ["DNA", "ER"]
    assert told["stains"][0]["error"]["value"] == pytest.approx(table["error_DNA"].mean())
    arrays, shown = made.files["reconstructions.npz"], table["position"].notna().sum()
    assert arrays["pixels"].shape == arrays["reconstructions"].shape == (shown, 2, 8, 8)
    np.testing.assert_allclose(arrays["reconstructions"], arrays["pixels"] / 2, atol=0.5)


def test_many_images_are_spread_evenly(held, monkeypatch):
    monkeypatch.setattr(reconstructions, "_MOST_A_FOLD", 3)
    rows = dict(reconstructions.held_out(held))
    assert rows["0"].tolist() == [0, 2, 5] and rows["1"].tolist() == [6, 8, 11]


def test_without_held_out_wells_reconstructions_are_withheld(work):
    work.design = SimpleNamespace(folds=None)
    made = reconstructions.rebuilt(work)
    assert made.value["withheld_because"]["code"] == "rebuilt-nothing-held-out"
    assert made.files == {"reconstructions.json": made.value}
