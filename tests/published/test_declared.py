"""The audit of declared studies: nothing in a clean one, each defect where it was planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenolens.findings import SEVERITIES
from phenolens.published.audit.audit import audit_declared
from phenolens.published.audit.checks.chance_map import expected_map
from phenolens.published.audit.checks.unit import design_effect
from phenolens.published.audit.declaration import (
    About,
    Attribution,
    Controls,
    Declaration,
    DeclaredImages,
    DeclaredRepresentation,
    HypothesisTest,
    Score,
    Split,
    Training,
)
from phenolens.published.audit.declared import Declared

from .declared_studies import Study, clean_study, fields

CODES = (
    "majority-class", "class-is-one-well", "split-shares-wells", "label-order", "unscaled-blocks",
    "clusters-as-labels", "augmentation-off", "test-rows-in-training", "grey-input",
    "quantile-threshold", "coarse-attribution", "layout-confounded", "controls-reused",
    "well-not-unit", "missing-baselines", "train-test-gap", "label-noise-in-map",
)  # fmt: skip
GRAVE = ("error", "warning")


@pytest.fixture
def study() -> Study:
    return clean_study()


def with_item(study: Study, **changes: object) -> Study:
    """The one representation declared otherwise."""
    return study.declare(representations=(replace(study.design.representations[0], **changes),))


def test_a_clean_study_comes_out_clean(study):
    found = audit_declared(study.declared())
    assert [f for f in found if f.severity in GRAVE] == []
    checked = {f.code for f in found if f.basis != "nothing"}
    assert checked >= set(CODES) - {"clusters-as-labels"}
    assert [f.code for f in found if f.basis == "nothing"] == ["clusters-as-labels"]


@pytest.mark.parametrize("seed", range(3))
def test_other_scrambled_screens_come_out_clean(study, seed):
    frame = fields(seed=seed + 10, treatments=20, controls=16, position_effect=0.5)
    features = [c for c in frame if c.startswith("x")]
    study.rows = frame.drop(columns=features)
    study.rows["fold"] = frame["Metadata_Plate"].str[1:]
    study.embeddings = {"cnn": frame[features]}
    study.maps = None
    found = audit_declared(study.declared())
    assert [f.code for f in found if f.severity == "error"] == []
    assert {f.code for f in found if f.severity == "warning"} <= {"controls-elsewhere"}


def test_nothing_given_is_nothing_checked():
    found = audit_declared(Declared(Declaration()))
    assert {f.code for f in found} >= set(CODES) - {"coarse-attribution"}
    assert {(f.severity, f.basis) for f in found} == {("info", "nothing")}


def test_the_gravest_come_first(study):
    study.declare(images=DeclaredImages(input="grey"), split=Split("plate"))
    ranks = [SEVERITIES.index(f.severity) for f in audit_declared(study.declared())]
    assert ranks == sorted(ranks)
    assert ranks[0] == 0


# majority-class


def test_a_reported_accuracy_at_the_majority_share(study):
    del study.rows["prediction"]
    study.declare(scores=(Score("cnn", "accuracy", 0.35), Score("cnn", "top5_accuracy", 0.4)))
    both = study.findings("majority-class")
    assert [(f.severity, f.basis) for f in both] == [("error", "data")] * 2
    assert "scores 33 %" in both[0].said.what


def test_predictions_of_nothing_but_the_majority(study):
    study.rows["prediction"] = "DMSO"
    finding = study.worst("majority-class")
    assert (finding.severity, finding.where) == ("error", "predictions")
    assert "difference +0.000" in finding.said.what


def test_a_number_of_images_makes_the_interval(study):
    del study.rows["prediction"]
    study.declare(scores=(Score("cnn", "accuracy", 0.45, n=2000),))
    assert study.worst("majority-class").severity == "ok"
    study.declare(scores=(Score("cnn", "accuracy", 0.45, n=40),))
    assert study.worst("majority-class").severity == "error"


# layout and split


def test_treatments_in_one_well(study):
    study.rows = study.rows[study.rows["Metadata_Plate"] == "P04"].reset_index(drop=True)
    study.embeddings, study.maps = {}, None
    assert study.worst("class-is-one-well").severity == "error"


def test_a_fixed_layout():
    study = clean_study()
    frame = fields(layout="fixed")
    names = [c for c in study.rows if c.startswith("Metadata_")]
    study.rows[names] = frame[names]
    study.embeddings, study.maps = {}, None
    assert study.worst("layout-confounded").severity == "error"


def test_fields_dealt_out_at_random(study):
    rng = np.random.default_rng(0)
    study.rows["fold"] = rng.choice(["train", "test"], len(study.rows), p=[0.8, 0.2])
    finding = study.worst("split-shares-wells")
    assert (finding.severity, finding.basis) == ("error", "data")


def test_a_split_by_field_that_is_only_declared(study):
    del study.rows["fold"]
    study.declare(split=Split("field"))
    finding = study.worst("split-shares-wells")
    assert (finding.severity, finding.basis) == ("error", "declaration")
    study.declare(split=Split("well"))
    assert study.worst("split-shares-wells").severity == "ok"


# test-rows-in-training


def test_trained_on_everything_by_declaration(study):
    with_item(study, trained_on="all")
    finding = study.worst("test-rows-in-training")
    assert (finding.severity, finding.basis) == ("error", "declaration")
    with_item(study, trained_on="all", supervised=False)
    assert study.worst("test-rows-in-training").severity == "warning"


def test_a_table_of_trained_rows_overrules_the_declaration(study):
    keys = ["Metadata_Plate", "Metadata_Well", "Metadata_Site"]
    study.trained["cnn"] = study.rows.loc[study.rows["fold"] == "train", keys]
    finding = study.worst("test-rows-in-training")
    assert (finding.severity, finding.basis) == ("ok", "data")
    study.trained["cnn"] = study.rows[keys].tail(5)
    finding = study.worst("test-rows-in-training")
    assert (finding.severity, finding.basis) == ("error", "data")
    assert "5 rows of 108 tested" in finding.said.what


def test_numbered_folds_and_a_network_of_two_of_them(study):
    study.rows["fold"] = study.rows["Metadata_Plate"].str[1:]
    with_item(study, trained_on=("01", "02"))
    assert study.worst("test-rows-in-training").severity == "error"
    with_item(study, trained_on="none")
    assert study.worst("test-rows-in-training").severity == "ok"


def test_retrieval_scored_on_rows_that_taught_their_labels(study):
    study.declare(scores=(*study.design.scores, Score("cnn", "map", 0.4, on="all")))
    finding = study.worst("test-rows-in-training")
    assert finding.severity == "error"
    assert "324 of 432" in finding.said.what


@pytest.mark.parametrize("copied", ["image_hash", "embedding", "key"])
def test_the_same_image_on_both_sides(study, copied):
    last = len(study.rows) - 1
    if copied == "image_hash":
        study.rows.loc[last, "image_hash"] = study.rows.loc[0, "image_hash"]
    elif copied == "embedding":
        features = [c for c in study.embeddings["cnn"] if c.startswith("x")]
        table = study.embeddings["cnn"]
        table.loc[last, features] = table.loc[0, features]
    else:
        keys = ["Metadata_Plate", "Metadata_Well", "Metadata_Site"]
        study.embeddings = {}
        study.rows.loc[last, keys] = study.rows.loc[0, keys]
    finding = study.worst("test-rows-in-training")
    assert (finding.severity, finding.basis) == ("error", "data")
    assert "2 rows share" in finding.said.what


# augmentation-off


@pytest.mark.parametrize(
    ("training", "severity"),
    [
        (Training(("RandomCrop",), ("Resize",), shared_dataset=True), "error"),
        (Training(("Resize", "CenterCrop"), ("Resize", "CenterCrop")), "warning"),
        (Training(("Resize", "center_crop"), ("Resize",)), "warning"),
        (Training((), ()), "warning"),
        (Training(("flip", "resize"), ("flip", "resize")), "error"),
        (Training(("flip",), ("rotate",)), "warning"),
        (Training(("random resized crop",), ("center crop",)), "ok"),
        (Training(), "info"),
    ],
)
def test_augmentation(study, training, severity):
    assert study.declare(training=training).worst("augmentation-off").severity == severity


# unscaled-blocks


def test_columns_of_a_large_unit_drown_an_embedding(study):
    table = study.embeddings["cnn"]
    table["x23"] = 1e4 + 1e3 * table["x23"]
    finding = study.worst("unscaled-blocks")
    assert (finding.severity, finding.basis) == ("error", "data")
    assert "deep cannot change" in finding.said.consequence


def test_a_few_scaled_columns_beside_many_weigh_nothing(study):
    table = study.embeddings["cnn"]
    wide = pd.DataFrame(np.random.default_rng(0).normal(size=(len(table), 500))).add_prefix("y")
    study.embeddings["cnn"] = pd.concat([table, wide], axis=1)
    with_item(study, blocks={"handcrafted": ("x0", "x1", "x2"), "deep": 521})
    study.embeddings["cnn"] = study.embeddings["cnn"][
        ["Metadata_Plate", "Metadata_Well", "Metadata_Site", "x0", "x1", "x2"]
        + [c for c in study.embeddings["cnn"] if c[0] in "xy" and c not in ("x0", "x1", "x2")]
    ]
    with_item(study, blocks={"handcrafted": 3, "deep": 521})
    assert study.worst("unscaled-blocks").severity == "warning"


def test_scaling_by_declaration(study):
    item = {"name": "fused", "blocks": {"a": 512, "b": 3}}
    study.declare(representations=(DeclaredRepresentation(**item, scaled=False),))
    finding = study.worst("unscaled-blocks")
    assert (finding.severity, finding.basis) == ("error", "declaration")
    study.declare(representations=(DeclaredRepresentation(**item, scaled=True),))
    assert study.worst("unscaled-blocks").severity == "ok"


# images, heatmaps, controls, tests


@pytest.mark.parametrize(
    ("images", "severity"),
    [
        (DeclaredImages(("DNA", "ER", "RNA", "AGP", "Mito"), input="grey"), "error"),
        (DeclaredImages(("DNA", "ER", "RNA", "AGP", "Mito"), input="rgb"), "error"),
        (DeclaredImages(("DNA", "ER", "RNA"), input="rgb"), "ok"),
        (DeclaredImages(("DNA", "ER", "RNA", "AGP", "Mito"), ("DNA", "ER")), "warning"),
        (DeclaredImages(("DNA",), ("DNA",), "stains"), "ok"),
    ],
)
def test_stains_that_the_network_did_not_see(study, images, severity):
    assert study.declare(images=images).worst("grey-input").severity == severity


def test_areas_that_are_constant(study):
    study.maps["area_fraction"] = 0.2 + np.random.default_rng(0).normal(0, 1e-4, len(study.maps))
    finding = study.worst("quantile-threshold")
    assert (finding.severity, finding.basis) == ("error", "data")


def test_a_quantile_by_declaration(study):
    study.declare(attribution=Attribution("quantile", 0.8))
    finding = study.worst("quantile-threshold")
    assert (finding.severity, finding.basis) == ("error", "declaration")
    assert "top 20 %" in finding.said.what


@pytest.mark.parametrize(
    ("told", "severity"),
    [
        (Attribution("relative", map_size=7), "error"),
        (Attribution("relative", map_size=7, image_size=224, nucleus_diameter=30), "error"),
        (Attribution("relative", map_size=7, image_size=64, nucleus_diameter=30), "ok"),
        (Attribution("relative"), "info"),
    ],
)
def test_coarse_heatmaps(study, told, severity):
    assert study.declare(attribution=told).worst("coarse-attribution").severity == severity


def test_controls_that_scale_and_judge(study):
    finding = study.declare(controls=Controls("all", "all")).worst("controls-reused")
    assert (finding.severity, finding.basis) == ("warning", "declaration")


def test_fields_as_independent_observations(study):
    well = study.rows.groupby(["Metadata_Plate", "Metadata_Well"]).ngroup()
    study.maps["area_fraction"] = 0.1 + 0.002 * well
    study.declare(tests=(HypothesisTest("ANOVA of area", "field"),))
    finding = study.worst("well-not-unit")
    assert (finding.severity, finding.basis) == ("error", "data")
    assert "3.0 times fewer" in finding.said.consequence
    study.maps["area_fraction"] = np.random.default_rng(0).uniform(size=len(study.maps))
    assert study.worst("well-not-unit").severity == "warning"
    study.maps = None
    assert study.worst("well-not-unit").basis == "declaration"


def test_the_design_effect_of_independent_fields_is_one(study):
    share, inflation = design_effect(study.maps)
    assert abs(share) < 0.15
    assert inflation < 1.3


# scores


def test_baselines_that_are_missing(study):
    finding = study.declare(study=About(baselines=("majority",))).worst("missing-baselines")
    assert finding.severity == "warning"
    assert finding.where == "cell-count, intensity, position, shuffled-labels, untrained"


def test_a_gap_between_training_and_test(study):
    study.declare(scores=(Score("cnn", "accuracy", 0.5), Score("cnn", "train_accuracy", 0.95)))
    finding = study.worst("train-test-gap")
    assert (finding.severity, finding.basis) == ("warning", "declaration")


def test_a_gap_in_the_predictions(study):
    train = study.rows["fold"] == "train"
    study.rows.loc[train, "prediction"] = study.rows.loc[train, "Metadata_Treatment"]
    finding = study.worst("train-test-gap")
    assert (finding.severity, finding.basis, finding.where) == ("warning", "data", "predictions")


def test_a_map_that_class_sizes_explain(study):
    study.embeddings = {}
    chance = expected_map(study.rows["Metadata_Treatment"])
    study.declare(scores=(Score("vae", "mAP", round(chance, 3)),))
    finding = study.worst("label-noise-in-map")
    assert finding.severity == "error"
    study.declare(scores=(Score("vae", "mAP", 0.6),))
    assert study.worst("label-noise-in-map").severity == "ok"


def test_the_expected_map_is_that_of_random_orders():
    labels = pd.Series(["a"] * 20 + ["b"] * 5 + ["c"] * 5)
    from phenolens.published.audit.checks.chance_map import mean_average_precision

    rng = np.random.default_rng(0)
    drawn = [mean_average_precision(rng.normal(size=(30, 8)), labels) for _ in range(300)]
    assert np.mean(drawn) == pytest.approx(expected_map(labels), abs=0.01)


# tables that hold little


@pytest.mark.parametrize("values", ["constant", "missing", "one column", "noise"])
@pytest.mark.parametrize("labels", [None, "DMSO", "own", "drawn"])
@pytest.mark.parametrize("n", [1, 30])
def test_poor_tables_are_judged_without_numbers_that_are_none(n, labels, values):
    rng = np.random.default_rng(n)
    rows = pd.DataFrame({"Metadata_Plate": "p", "Metadata_Well": rng.choice(["A01", "B02"], n)})
    drawn = {"own": [f"c{k}" for k in range(n)], "drawn": rng.choice(["DMSO", "a", None], n)}
    rows["Metadata_Treatment"] = np.array(drawn.get(labels, [labels] * n), dtype=object)
    rows["Metadata_Control"] = rows["Metadata_Treatment"] == "DMSO"
    rows["fold"] = rng.choice(["train", "test", None], n)
    table = {"constant": np.zeros((n, 3)), "missing": np.full((n, 2), np.nan),
             "one column": rng.normal(size=(n, 1)), "noise": rng.normal(size=(n, 12))}  # fmt: skip
    scores = tuple(
        Score("a", metric, 0.5, on="all") for metric in ("accuracy", "map", "silhouette")
    )
    design = Declaration(
        representations=(DeclaredRepresentation("a", "train", supervised=True),), scores=scores
    )
    found = audit_declared(Declared(design, rows, {"a": pd.DataFrame(table[values])}, maps=rows))
    assert {f.severity for f in found} <= set(SEVERITIES)
    assert not [f.said.what for f in found if " nan" in f.said.what]
