"""Every number of the results is registered, under a name that says what it is."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from phenolens.errors import ConfigError
from phenolens.evaluate.metrics import METRICS, metric_of
from phenolens.words import names

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.mark.parametrize(
    ("name", "registered"),
    [
        ("accuracy", "accuracy"),
        ("accuracy_without_controls", "accuracy_without_controls"),
        ("macro_f1_without_controls", "macro_f1"),
        ("silhouette_null", "silhouette"),
        ("fraction_p", "fraction_p"),
        ("map_normalized", "map_normalized"),
        ("map_normalized_plate", "map_normalized_{}"),
        ("drop_position", "drop_{}"),
        ("nn_batch_accuracy_chance_plate", "nn_batch_accuracy_{}"),
        ("lisi_expected_batch", "lisi_{}"),
    ],
)
def test_what_stands_behind_a_name_is_understood(name, registered):
    assert metric_of(name).name == registered


def test_a_number_that_nobody_registered_is_refused():
    with pytest.raises(ConfigError, match="no metric 'beauty'"):
        metric_of("beauty")


def test_every_metric_says_what_it_means():
    for metric in METRICS.known().values():
        assert metric.label and metric.meaning.endswith(".")
        assert metric.low is None or metric.high is None or metric.low < metric.high


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.csv")), ids=lambda path: path.stem)
def test_the_scores_of_real_studies_are_registered_and_within_limits(path):
    found = pd.read_csv(path, dtype=str, keep_default_na=False)
    found = found[~found["metric"].isin(["p", "q"])]  # of the table of treatments
    for name, rows in found.groupby("metric"):
        metric, values = metric_of(name), pd.to_numeric(rows["value"], errors="coerce").dropna()
        assert metric.low is None or values.min() >= metric.low, name
        assert metric.high is None or values.max() <= metric.high, name


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("map_across_normalized_plate", "Normalized mAP, another plate"),
        ("map_normalized", "Normalized mAP"),
        ("map_normalized_batch", "Normalized mAP, more than one batch"),
        ("balanced_accuracy_without_controls", "Balanced accuracy without controls"),
        ("silhouette_p", "Silhouette, p"),
        ("lisi", "LISI"),
        ("cluster_ari", "Cluster ari"),
    ],
)
def test_a_reader_sees_its_label(name, label):
    assert names.metric(name) == label


def test_representations_keep_their_order():
    import phenolens.represent.base  # noqa: F401

    found = ["baseline:position", "untrained", "cnn+cellprofiler", "given", "cnn", "cellprofiler",
             "cnn-with-cellprofiler", "cnn+noise"]  # fmt: skip
    assert names.in_order(found) == [
        "cellprofiler", "cnn", "cnn+cellprofiler", "cnn-with-cellprofiler", "given", "cnn+noise",
        "untrained", "baseline:position",
    ]  # fmt: skip
    assert names.label("cnn+noise") == "CNN + noise"
    assert names.label("cnn+cellprofiler") == "CNN + CellProfiler-type"
    assert names.label("cnn+noise:pixel-pca") == "CNN + noise as wide as Pixel PCA"
