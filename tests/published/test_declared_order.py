"""Rows and labels that do not belong together are found from the rows, keys or no keys."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import InputError
from phenolens.published.audit.checks.blocks import block_columns
from phenolens.published.audit.declaration import DeclaredRepresentation, Score
from phenolens.published.audit.declared import feature_values
from phenolens.published.audit.likeness import likeness, standardized, structure

from .declared_studies import Study, clean_study


@pytest.fixture
def study() -> Study:
    made = clean_study()
    item = replace(made.design.representations[0], blocks={})
    return made.declare(representations=(item,))


def keyless(study: Study) -> pd.DataFrame:
    """The embedding without its keys."""
    return study.embeddings["cnn"].filter(regex="^x").copy()


def test_no_keys_but_the_right_order(study):
    study.embeddings = {"vae": keyless(study)}
    finding = study.worst("label-order")
    assert (finding.severity, finding.basis) == ("info", "data")
    assert "order fits" in finding.said.what


def test_a_shuffling_loader(study):
    table = keyless(study).sample(frac=1, random_state=0).reset_index(drop=True)
    study.embeddings = {"vae": table}
    finding = study.worst("label-order")
    assert (finding.severity, finding.basis) == ("error", "data")
    assert "rows do fall into groups" in finding.said.what


def test_noise_cannot_be_told_from_a_shuffled_order(study):
    noise = np.random.default_rng(0).normal(size=(len(study.rows), 24))
    study.embeddings = {"vae": pd.DataFrame(noise).add_prefix("x")}
    assert study.worst("label-order").severity == "warning"


def test_an_order_by_label_is_recognised(study):
    order = np.argsort(study.rows["Metadata_Treatment"].to_numpy(), kind="stable")
    study.embeddings = {"vae": keyless(study).iloc[order].reset_index(drop=True)}
    finding = study.worst("label-order")
    assert finding.severity == "error"
    assert "sorted by label" in finding.said.what


def test_a_column_shared_with_a_keyed_table_restores_the_order(study):
    table = keyless(study).sample(frac=1, random_state=1).reset_index(drop=True)
    study.embeddings["fused"] = table
    finding = study.worst("label-order")
    assert finding.severity == "error"
    assert "placed by column" in finding.said.what
    assert "of cnn" in finding.said.what


def test_keys_that_were_shuffled_against_their_rows(study):
    table = study.embeddings["cnn"]
    keys = [c for c in table if c.startswith("Metadata_")]
    table[keys] = table[keys].sample(frac=1, random_state=0).to_numpy()
    finding = study.worst("label-order")
    assert finding.severity == "error"
    assert "keys were shuffled" in finding.said.consequence


def test_keys_in_another_order_joined_by_order(study):
    table = study.embeddings["cnn"].iloc[::-1].reset_index(drop=True)
    study.embeddings = {"cnn": table}
    assert study.worst("label-order").severity == "ok"
    item = replace(study.design.representations[0], labels_by="order")
    study.declare(representations=(item,))
    assert "joined by order" in study.worst("label-order").said.what


def test_labels_beside_the_embedding_that_are_others(study):
    labels = study.rows["Metadata_Treatment"]
    study.embeddings["cnn"]["label"] = labels.to_numpy()
    assert study.worst("label-order").severity == "ok"
    study.embeddings["cnn"]["label"] = labels.sample(frac=1, random_state=0).to_numpy()
    finding = study.worst("label-order")
    assert finding.severity == "error"
    assert "differ from those of the same key" in finding.said.what


@pytest.mark.parametrize(("lost", "severity"), [(10, "warning"), (300, "error")])
def test_keys_that_are_not_among_the_labelled(study, lost, severity):
    study.embeddings["cnn"].loc[: lost - 1, "Metadata_Plate"] = "elsewhere"
    finding = study.worst("label-order")
    assert finding.severity == severity
    assert f"{lost} of 432 rows" in finding.said.what


def test_a_table_of_another_length_without_keys(study):
    study.embeddings = {"vae": keyless(study).head(400)}
    finding = study.worst("label-order")
    assert finding.severity == "error"
    assert "400 rows without unique keys, for 432" in finding.said.what


def test_labels_that_change_within_a_well(study):
    study.rows["Metadata_Treatment"] = (
        study.rows["Metadata_Treatment"].sample(frac=1, random_state=0).to_numpy()
    )
    assert "hold rows of several labels" in study.worst("label-order").said.what


def test_a_shuffling_loader_by_declaration(study):
    item = DeclaredRepresentation("vae", shuffled=True, labels_by="order")
    finding = study.declare(representations=(item,)).worst("label-order")
    assert (finding.severity, finding.basis) == ("error", "declaration")


def test_treatments_are_compared_where_wells_have_one_row(study):
    one = study.rows["Metadata_Site"] == "1"
    study.rows, study.maps = study.rows[one].reset_index(drop=True), None
    table = study.embeddings["cnn"][one.to_numpy()].reset_index(drop=True)
    study.embeddings = {"cnn": table.filter(regex="^x")}
    finding = study.worst("label-order")
    assert finding.severity == "info"
    assert "of one treatment are similar" in finding.said.what


def test_plates_that_are_alike_do_not_pass_for_wells(study):
    """Rows shuffled within plates keep a plate effect; it must not look like an order that fits."""
    plate = pd.factorize(study.rows["Metadata_Plate"])[0]
    values = keyless(study).to_numpy() + 5 * np.random.default_rng(0).normal(size=(4, 24))[plate]
    mixed = (
        pd.Series(np.arange(len(plate))).groupby(plate).sample(frac=1, random_state=0).to_numpy()
    )
    study.embeddings = {"vae": pd.DataFrame(values[mixed]).add_prefix("x")}
    assert study.worst("label-order").severity in ("error", "warning")


def test_likeness_is_the_mean_cosine_of_pairs():
    unit = standardized(pd.DataFrame(np.random.default_rng(0).normal(size=(6, 4))))
    groups = np.array([0, 0, 1, 1, 1, -1])
    pairs = [(0, 1), (2, 3), (2, 4), (3, 4)]
    wanted = np.mean([unit[a] @ unit[b] for a, b in pairs])
    told = likeness(unit, groups, within=np.zeros(6, dtype=int), draws=9)
    assert told.value == pytest.approx(wanted)


def test_correlated_noise_holds_no_groups():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(400, 10)) @ rng.normal(size=(10, 30))
    real, null = structure(standardized(pd.DataFrame(values)))
    assert real < max(null) + 3 * np.std(null)


def test_missing_features_become_their_columns_mean():
    table = pd.DataFrame({"Metadata_Plate": ["a"] * 3, "x": [1.0, np.nan, 3.0]})
    assert feature_values(table).ravel().tolist() == [1.0, 2.0, 3.0]


def test_blocks_must_cover_the_columns():
    item = DeclaredRepresentation("fused", blocks={"deep": 3, "other": "c"})
    assert block_columns(item, ["a", "a1", "a2", "c0"]) == {"deep": [0, 1, 2], "other": [3]}
    with pytest.raises(InputError, match="do not cover its 5 columns"):
        block_columns(item, ["a", "a1", "a2", "c0", "z"])


# clusters-as-labels


@pytest.mark.parametrize("how", ["kmeans", "treatment"])
def test_a_silhouette_is_traced_to_its_labels(study, how):
    from sklearn.cluster import KMeans
    from sklearn.metrics import silhouette_score

    values = keyless(study).to_numpy() * 0.3
    plate = pd.factorize(study.rows["Metadata_Plate"])[0]
    values += 3 * np.random.default_rng(0).normal(size=(4, 24))[plate]
    study.embeddings = {"cnn": pd.DataFrame(values).add_prefix("x")}
    clusters = KMeans(4, n_init=5, random_state=3).fit_predict(values)
    labels = clusters if how == "kmeans" else study.rows["Metadata_Treatment"]
    value = float(silhouette_score(values, labels))
    study.declare(scores=(Score("cnn", "silhouette", value, labels="treatment"),))
    finding = study.worst("clusters-as-labels")
    assert (finding.severity, finding.basis) == ("error" if how == "kmeans" else "ok", "data")


def test_a_silhouette_by_declaration(study):
    study.declare(scores=(Score("umap", "silhouette", 0.52, labels="kmeans", k=10),))
    finding = study.worst("clusters-as-labels")
    assert (finding.severity, finding.basis) == ("error", "declaration")
    study.declare(scores=(Score("umap", "silhouette", -0.02, labels="treatment"),))
    assert study.worst("clusters-as-labels").severity == "ok"


def test_a_silhouette_that_comes_from_neither(study):
    study.declare(scores=(Score("cnn", "silhouette", 0.9),))
    assert study.worst("clusters-as-labels").severity == "warning"
