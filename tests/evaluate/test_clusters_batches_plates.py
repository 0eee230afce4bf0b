"""Silhouette, clustering, batch effect and assay quality on screens whose truth is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    adjusted_mutual_info_score,
    adjusted_rand_score,
    normalized_mutual_info_score,
    silhouette_samples,
)

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.quality.assay_quality import Limits, assay_quality
from phenolens.evaluate.quality.batch_effect import batch_effect, variance_share
from phenolens.evaluate.structure.clustering import agreement, by_size, cluster, kmeans, leiden
from phenolens.evaluate.structure.silhouette import silhouette, silhouette_values
from phenolens.learn.nearest import unit_rows

from .replicate_screens import replicate_screen


def metrics(results: pd.DataFrame, task: str | None = None) -> dict[str, float]:
    part = results if task is None else results[results["task"] == task]
    return dict(zip(part["metric"], part["value"], strict=True))


def test_silhouette_values_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    points, codes = rng.normal(size=(40, 3)), rng.permutation(np.arange(40) % 5)
    codes[codes == 4] = 3
    codes[0] = 4
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.testing.assert_allclose(
        silhouette_values(distance, codes),
        silhouette_samples(distance, codes, metric="precomputed"),
    )


def test_silhouette_sees_treatments_and_leaves_controls_out():
    strong = silhouette(replicate_screen(3.0), "x", seed=0, n_permutations=99)
    none = silhouette(replicate_screen(0.0), "x", seed=0, n_permutations=99)
    assert metrics(strong.results)["silhouette"] > 0.3
    assert metrics(strong.results)["silhouette_p"] == 0.01
    assert metrics(none.results)["silhouette_p"] > 0.05
    assert "DMSO" not in set(strong.wells["Metadata_Treatment"])


def test_single_wells_have_no_silhouette_and_are_counted():
    table = replicate_screen(3.0)
    names = profiles.column(table, "Metadata_Treatment").astype(object)
    names[np.flatnonzero(names == "t00")[0]] = "lonely"
    found = silhouette(
        profiles.with_metadata(table, {"Metadata_Treatment": names}), "x", seed=0, n_permutations=9
    )
    assert found.n_singletons == 1
    one = profiles.take(table, profiles.column(table, "Metadata_Plate") == "P0")
    with pytest.raises(DesignError, match="two values"):
        silhouette(one, "x", seed=0)


def consensus(effect: float) -> pd.DataFrame:
    """Twenty treatments of four mechanisms whose profiles differ by mechanism."""
    rng = np.random.default_rng(0)
    mechanism = np.arange(20) % 4
    values = effect * rng.normal(size=(4, 30))[mechanism] + rng.normal(size=(20, 30))
    frame = pd.DataFrame(values).add_prefix("f")
    frame["Metadata_Treatment"] = [f"t{i:02d}" for i in range(20)]
    frame["Metadata_Mechanism"] = [f"m{i}" for i in mechanism]
    frame["Metadata_Control"] = False
    return profiles.from_frame(frame)


def test_clusters_follow_mechanism_where_it_shows_and_not_where_it_does_not():
    strong = cluster(consensus(2.0), "x", seed=0, k=4, n_permutations=99)
    none = cluster(consensus(0.0), "x", seed=0, k=4, n_permutations=99)
    assert metrics(strong.results, "clustering: kmeans-4")["ari"] == pytest.approx(1.0)
    assert metrics(strong.results, "clustering: leiden")["ari_p"] == 0.01
    for task in set(none.results["task"]):
        found = metrics(none.results, task)
        assert found["ami_p"] > 0.02
        assert abs(found["ari_null"]) < 0.05


def test_clusters_tell_what_they_hold():
    found = cluster(consensus(2.0), "x", seed=0, k=4, n_permutations=9)
    holds = found.holds[found.holds["method"] == "kmeans-4"]
    assert (holds["share"] == 1.0).all()
    assert holds["n"].tolist() == [5, 5, 5, 5]
    assert "t00; t04; t08; t12; t16" in set(holds["treatments"])
    assert set(found.members["method"]) == set(found.holds["method"])


def test_unknown_mechanisms_cluster_but_are_not_scored():
    table = consensus(2.0)
    names = profiles.column(table, "Metadata_Mechanism").astype(object)
    names[:4] = None
    partly = profiles.with_metadata(table, {"Metadata_Mechanism": names})
    found = cluster(partly, "x", seed=0, k=4, n_permutations=9).results
    assert set(found.loc[found["metric"] == "ari", "n"]) == {16}
    assert set(found.loc[found["metric"] == "n_clusters", "n"]) == {20}


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(2, 60), k=st.integers(1, 9), labels=st.integers(1, 9), seed=st.integers(0, 999)
)
@example(n=12, k=12, labels=12, seed=0)
def test_agreement_is_that_of_scikit_learn(n, k, labels, seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    truth = np.unique(rng.integers(0, labels, n), return_inverse=True)[1]
    if n == k == labels:  # a perfect match of single members
        codes = truth = np.arange(n)
    truths = [truth, rng.permutation(truth), rng.permutation(truth)]
    found = agreement(codes, truths)
    for number, one in enumerate(truths):
        assert found["nmi"][number] == normalized_mutual_info_score(one, codes)
        assert found["ami"][number] == adjusted_mutual_info_score(one, codes)
        assert found["ari"][number] == pytest.approx(adjusted_rand_score(one, codes), abs=1e-12)


def test_the_null_is_drawn_by_permuting_mechanisms():
    table = consensus(1.0)
    found = metrics(
        cluster(table, "x", seed=5, k=4, n_permutations=30).results, "clustering: kmeans-4"
    )
    truth = np.arange(20) % 4
    codes = kmeans(unit_rows(table.to_numpy(float)), 4, seed=5)
    rng = np.random.default_rng(5)
    drawn = [adjusted_mutual_info_score(rng.permutation(truth), codes) for _ in range(30)]
    seen = adjusted_mutual_info_score(truth, codes)
    assert found["ami"] == seen
    assert found["ami_null"] == np.mean(drawn)
    assert found["ami_p"] == (1 + sum(value >= seen for value in drawn)) / 31


def test_the_largest_cluster_comes_first_and_leiden_repeats():
    assert by_size(np.array([2, 2, 0, 1, 1, 1])).tolist() == [1, 1, 2, 0, 0, 0]
    unit = consensus(1.0).to_numpy(float, copy=True)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    np.testing.assert_array_equal(leiden(unit, seed=1), leiden(unit, seed=1))


def test_batch_effects_show_in_controls_and_not_without():
    clean = metrics(batch_effect(replicate_screen(2.0), "x", seed=0))
    dirty = metrics(batch_effect(replicate_screen(2.0, plate_effect=2.0), "x", seed=0))
    assert abs(clean["variance_share_batch"]) < 0.05
    assert dirty["variance_share_batch"] > 0.5
    assert clean["nn_batch_accuracy"] < 0.5 < dirty["nn_batch_accuracy"]
    assert dirty["lisi"] < 2.0 < 2.5 < clean["lisi"]
    assert clean["lisi"] == pytest.approx(clean["lisi_expected"], rel=0.25)
    assert dirty["kbet_rejection"] > 0.9 > clean["kbet_rejection"] + 0.5
    assert clean["nn_label_accuracy_across"] > dirty["nn_label_accuracy_across"]


def test_one_batch_has_no_batch_effect():
    table = replicate_screen(n_plates=1)
    assert batch_effect(table, "x", seed=0).empty


def test_variance_share_is_zero_on_average_under_noise():
    rng = np.random.default_rng(0)
    shares = [variance_share(rng.normal(size=(40, 5)), np.arange(40) % 8) for _ in range(200)]
    assert np.mean(shares) == pytest.approx(0, abs=0.02)


def test_good_plates_pass_and_a_dead_one_is_flagged():
    table = replicate_screen(3.0)
    values = table.to_numpy(copy=True)
    dead = profiles.column(table, "Metadata_Plate") == "P2"
    values[dead] = np.random.default_rng(1).normal(size=values[dead].shape)
    table = pd.DataFrame(values, index=table.index, columns=table.columns)
    plates = assay_quality(table, "x", seed=0).plates.set_index("Metadata_Plate")
    assert plates["passed"].to_dict() == {"P0": True, "P1": True, "P2": False, "P3": True}
    assert "few-replicating" in plates.loc["P2", "reasons"]
    assert plates.loc["P0", "percent_replicating"] > 0.9
    assert plates.loc["P0", "grit"] > 2


def test_noise_replicates_at_the_nominal_rate():
    table = replicate_screen(0.0, n_treatments=60)
    plates = assay_quality(table, "x", seed=0).plates
    assert plates["percent_replicating"].mean() < 0.12


def test_positive_controls_and_cell_counts_are_judged():
    table = replicate_screen(3.0)
    positive = profiles.column(table, "Metadata_Treatment") == "t00"
    counts = profiles.column(table, "Metadata_CellCount").astype(float)
    controls = profiles.column(table, "Metadata_Control").astype(bool)
    counts[controls] *= np.random.default_rng(0).uniform(0.1, 2, controls.sum())
    table = profiles.with_metadata(table, {"Metadata_CellCount": counts})
    found = assay_quality(
        table,
        "x",
        seed=0,
        positive=positive | (profiles.column(table, "Metadata_Treatment") == "t01"),
        limits=Limits(controls=13),
    )
    assert (found.plates["ssmd"] > 2).all()
    assert (found.plates["positive_retrieval"] >= 0).all()
    assert found.plates["reasons"].str.contains("cell-count-varies").all()
    assert found.plates["reasons"].str.contains("few-control-wells").all()
    assert set(found.results["unit"]) == {"plate"}


def test_many_rows_in_many_groups_share_the_same_variance(monkeypatch):
    rng = np.random.default_rng(0)
    values, codes = rng.normal(size=(60, 3)), rng.integers(0, 9, 60)
    few = variance_share(values, codes)
    monkeypatch.setattr("phenolens.evaluate.quality.batch_effect._MOST_MEMBERS", 1)
    assert variance_share(values, codes) == pytest.approx(few, abs=1e-12)
