"""Every number that results may hold: its name, what a reader calls it, and what it means.

A new number is one line here beside the function that computes it. Other packages offer theirs in
the entry-point group ``phenolens.metrics``, with a function of the wells that computes it; a study
then asks it of every representation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from phenolens.errors import ConfigError, InputError
from phenolens.evaluate.results import result
from phenolens.registry import Registry
from phenolens.words import names

Better = Literal["higher", "lower", ""]
PLACE = "_{}"
_ENDS = re.compile(r"_(?:chance|expected|null|p|without_controls)(?=_|$)")


@dataclass(frozen=True)
class ResultMetric:
    """One number of the results.

    Attributes
    ----------
    name : str
        As in ``results.parquet``; ``{}`` stands for what it was taken across: ``lisi_{}``. The same
        with ``_null``, ``_chance``, ``_expected``, ``_p`` or ``_without_controls`` behind it is
        what belongs to it.
    label : str
        As the report calls it.
    meaning : str
        What it is of, and how it comes about.
    better : {"higher", "lower", ""}
        What is good; empty where neither is.
    low, high : float, optional
        Limits of its values.
    source : str
        Key of a reference of the report's methods.
    rank : int
        Place in lists, low first.
    panel : bool
        Whether it is among the scores that a report draws first.
    task : str
        For a metric with `measure`: the task it stands under.
    measure : callable, optional
        Computes it: takes the profile table of a representation's wells (as they are compared,
        metadata in the row index) and gives a number, or a number with its 95 % limits.
    """

    name: str
    label: str
    meaning: str
    better: Better = "higher"
    low: float | None = None
    high: float | None = None
    source: str = ""
    rank: int = 1000
    panel: bool = False
    task: str = ""
    measure: Callable[[pd.DataFrame], float | tuple[float, float, float]] | None = None


METRICS: Registry[ResultMetric] = Registry("metric", kind="metrics")


def metric_of(name: str) -> ResultMetric:
    """The metric that a name in the results means, whatever stands behind it.

    Raises
    ------
    ConfigError
        If no such metric is registered.

    Examples
    --------
    >>> metric_of("lisi_expected_plate").label
    'LISI'
    >>> metric_of("map_across_normalized_position").name
    'map_across_normalized_{}'
    """
    known = METRICS.known()
    for wanted in (name, _ENDS.sub("", name)):
        if wanted in known:
            return known[wanted]
        for pattern, metric in known.items():
            if pattern.endswith(PLACE) and re.fullmatch(
                f"{re.escape(pattern[:-2])}[a-z_ ]+", wanted
            ):
                return metric
    raise ConfigError(f"There is no metric '{name}'; evaluate/metrics.py lists those there are.")


def offered(wells: pd.DataFrame, representation: str, *, space: str = "") -> list[dict]:
    """Rows of ``results.parquet`` for every metric that comes with a function of the wells.

    Parameters
    ----------
    wells : DataFrame
        Profile table of wells as they are compared.
    representation, space : str
        For the rows.

    Raises
    ------
    InputError
        If a function fails, or gives no number; names it.
    """
    rows = []
    for metric in METRICS.known().values():
        if metric.measure is None:
            continue
        try:
            given = metric.measure(wells)
            numbers = given if isinstance(given, tuple) else (given, np.nan, np.nan)
            value, low, high = map(float, numbers)
        except Exception as error:  # a stranger's function may raise anything
            what = f"{type(error).__name__}: {error}"
            raise InputError(f"Metric '{metric.name}' failed ({what}).") from error
        rows.append(
            result(
                representation,
                metric.task or metric.name,
                metric.name,
                value=value,
                n=len(wells),
                interval=(low, high),
                space=space,
            )
        )
    return rows


def _called() -> dict[str, names.Called]:
    """Labels by name; of those taken across something, by what stands before it."""
    found = {}
    for name, metric in METRICS.known().items():
        whole = "{}" in metric.label or not name.endswith(PLACE)
        key = name if whole else name.removesuffix(PLACE)
        found[key] = names.Called(metric.label, metric.rank)
    return found


names.learn("metric", _called)


def _share(name: str, label: str, meaning: str, **more: object) -> ResultMetric:
    """A metric from 0 to 1, of which more is better."""
    return ResultMetric(name, label, meaning, low=0.0, high=1.0, **more)  # type: ignore[arg-type]


_OURS = [
    _share(
        "balanced_accuracy", "Balanced accuracy",
        "Mean over classes of the share of held-out wells that are given their class.", panel=True,
    ),
    _share(
        "accuracy", "Accuracy", "Share of held-out wells that are given their class.", panel=True
    ),
    _share(
        "accuracy_without_controls", "Accuracy without controls",
        "Accuracy where controls are left out of training and test.", panel=True,
    ),
    _share(
        "top5_accuracy", "Top-5 accuracy",
        "Share of held-out wells whose class is among the five likeliest.", panel=True,
    ),
    _share(
        "macro_f1", "Macro F1",
        "Mean over classes of the harmonic mean of precision and recall.", panel=True,
    ),
    _share("accuracy_treated", "Accuracy on treated wells", "Accuracy among treated wells."),
    _share("train_accuracy", "Training accuracy", "Accuracy on the wells that were learned from."),
    ResultMetric(
        "train_test_gap", "Training minus test accuracy",
        "Training accuracy minus accuracy: how much was learned by heart.", "lower", -1.0, 1.0,
    ),
    _share(
        "fraction_active", "Share active",
        "Share of tested treatments with q below alpha.", source="kalinin2025", panel=True,
    ),
    _share(
        "fraction_active_plain", "Share active, wells permuted",
        "The same by permuting wells, where position takes part.", panel=True,
    ),
    _share("fraction_p", "Share with p below alpha", "Share of tested treatments, uncorrected."),
    _share(
        "mean_map", "Mean mAP",
        "Mean over treatments of the mean average precision among controls.",
        source="kalinin2025", panel=True,
    ),
    ResultMetric(
        "mean_map_normalized", "Mean normalized mAP",
        "The same on a scale where chance is 0 and perfect is 1.", "higher", None, 1.0, panel=True,
    ),
    _share("map", "mAP", "Mean average precision of a treatment's wells.", source="kalinin2025"),
    ResultMetric(
        "map_normalized", "Normalized mAP",
        "mAP on a scale where chance is 0 and perfect is 1.", "higher", None, 1.0,
    ),
    ResultMetric(
        "map_normalized_{}", "Normalized mAP, more than one {}",
        "Normalized mAP of treatments on more than one of these, all matches counted.",
        "higher", None, 1.0,
    ),
    ResultMetric(
        "map_across_normalized_{}", "Normalized mAP, another {}",
        "Normalized mAP where matches must differ in this.", "higher", None, 1.0,
    ),
    _share(
        "nearest_across_{}", "Nearest neighbour, another {}",
        "Share of wells whose nearest well that differs in this is of the same treatment.",
    ),
    ResultMetric(
        "drop_{}", "Drop of normalized mAP, another {}",
        "What normalized mAP loses where matches must differ in this.", "lower", -1.0,
    ),
    ResultMetric(
        "cross_position_drop", "Drop of mAP across positions",
        "What mAP loses where wells at one position do not count as matches.", "lower", -1.0, 1.0,
    ),
    *(
        _share(f"control_positions_called_{key}", label, "Share of held-out control positions that "
               "would be called active, which should be about alpha.", better="")
        for key, label in {
            "at_label_permutation": "By permuting wells",
            "at_position_null": "Against control positions",
            "at_smooth_tail": "Against control positions, smoothed",
            "at_smooth_tail_0.01": "Against control positions, smoothed, at 1 %",
            "interior": "Against control positions, inner wells",
            "outer_rings": "Against control positions, outer rings",
        }.items()
    ),
    _share(
        "fraction_matched", "Share of labels found",
        "Share of labels whose treatments retrieve one another, with q below alpha.", panel=True,
    ),
    _share(
        "nsc_accuracy", "1-NN of another compound",
        "Share of treatments whose nearest treatment of another compound has their label.",
    ),
    _share(
        "nscb_accuracy", "1-NN of another compound and batch",
        "The same where the nearest must be of another batch too.",
    ),
    ResultMetric(
        "silhouette", "Silhouette",
        "How much closer wells lie to their own treatment than to the nearest other.",
        "higher", -1.0, 1.0, "rousseeuw1987",
    ),
    *(
        ResultMetric(name, label, "Agreement of clusters with labels, corrected for chance.",
               "higher", None, 1.0, panel=not name.startswith("adjusted"))
        for name, label in {
            "ari": "Adjusted Rand index",
            "adjusted_rand_index": "Adjusted Rand index",
            "adjusted_rand": "Adjusted Rand index",
            "ami": "Adjusted mutual information",
        }.items()
    ),
    _share(
        "nmi", "Normalized mutual information", "Agreement of clusters with labels.", panel=True
    ),
    ResultMetric("n_clusters", "Number of clusters", "Clusters that were found.", "", 1.0),
    ResultMetric(
        "cluster_silhouette", "Silhouette of the clusters",
        "How much closer treatments lie to their own cluster than to the next.",
        "higher", -1.0, 1.0, "rousseeuw1987",
    ),
    ResultMetric(
        "replicate_correlation", "Replicate correlation",
        "Median correlation between wells of one treatment.", "higher", -1.0, 1.0,
    ),
    ResultMetric(
        "null_95", "Replicate correlation, 95 % of its null",
        "What 95 % of random groups of wells stay below.", "", -1.0, 1.0,
    ),
    _share(
        "percent_replicating", "Share replicating",
        "Share of treatments whose wells correlate above 95 % of random groups.",
    ),
    ResultMetric("grit", "Grit", "Distance of treated wells from controls, in their spreads."),
    ResultMetric("cell_count_cv", "Cell count, CV of controls", "Spread over mean.", "lower", 0.0),
    ResultMetric("ssmd", "SSMD of positive controls", "Difference of means over the joint spread."),
    _share(
        "positive_retrieval", "Retrieval of positive controls",
        "mAP of positive controls among negative ones.",
    ),
    ResultMetric("n_wells", "Wells", "Wells of a plate.", "", 0.0),
    ResultMetric("n_controls", "Controls", "Control wells of a plate.", "", 0.0),
    ResultMetric(
        "n_treatments", "Treatments", "Treatments with two wells or more on a plate.", "", 0.0
    ),
    _share("passed", "Passed", "Whether a plate is within every limit."),
    _share(
        "kbet_rejection_{}", "kBET rejection",
        "Share of wells whose neighbourhood is not mixed as the whole screen.", better="lower",
    ),
    ResultMetric(
        "lisi_{}", "LISI", "How many batches a neighbourhood seems to hold.", "higher", 1.0,
    ),
    _share(
        "nn_batch_accuracy_{}", "Nearest well is of the same",
        "Share of wells whose nearest other well is of the same batch.", better="lower",
    ),
    _share(
        "nn_label_accuracy_across_{}", "Nearest well elsewhere is of the same treatment, across",
        "Share of wells whose nearest well in another batch is of the same treatment.",
    ),
    ResultMetric(
        "variance_share_batch_{}", "Share of variance due to",
        "Share of the controls' variance between batches, corrected for chance.",
        "lower", None, 1.0,
    ),
    ResultMetric(
        "variance_share_label_{}", "Share of variance due to treatment, beside",
        "Share of variance between treatments within batches, corrected for chance.",
        "higher", None, 1.0,
    ),
    _share(
        "expected_calibration_error", "Expected calibration error",
        "How far confidence is from accuracy, on average over bins of confidence.", better="lower",
    ),
    _share(
        "conformal_coverage", "Prediction sets: share that hold the true class",
        "Should be the level that was asked for.", better="",
    ),
    ResultMetric(
        "conformal_set_size", "Prediction sets: number of classes",
        "Mean number of classes in a prediction set.", "lower", 0.0,
    ),
    _share(
        "conformal_single_share", "Prediction sets: share with one class",
        "Share of wells whose prediction set holds one class.",
    ),
    _share(
        "conformal_single_accuracy", "Prediction sets of one class: share right",
        "Share of those that hold the true class.",
    ),
    ResultMetric(
        "dose_order_correlation", "Order of doses, correlation",
        "Rank correlation of true and predicted dose among held-out wells.", "higher", -1.0, 1.0,
    ),
]  # fmt: skip

for _rank, _metric in enumerate(_OURS):
    METRICS.register(replace(_metric, rank=_rank))
