"""What things are called, the same in every sentence, figure and table."""

from __future__ import annotations

import re
from collections.abc import Iterable

from phenolens.words.numbers import within

BASELINE, NOISE = "baseline:", "noise"
LABELS = {
    "cellprofiler": "CellProfiler-type",
    "pixel-pca": "Pixel PCA",
    "cnn": "CNN",
    "vae": "VAE",
    "cnn+cellprofiler": "CNN + CellProfiler-type",
    "vae+cellprofiler": "VAE + CellProfiler-type",
    "cnn-with-cellprofiler": "CNN trained with CellProfiler-type",
    "cnn+noise": "CNN + noise",
    "vae+noise": "VAE + noise",
    "cnn-shuffled": "CNN, labels shuffled",
    "untrained": "Untrained network",
    "baseline:majority": "Majority class",
    "baseline:cell-count": "Cell count only",
    "baseline:intensity": "Mean intensity only",
    "baseline:position": "Position only",
    "baseline:random-projection": "Random projection",
    "baseline:shuffled-labels": "Shuffled labels",
    "baseline:one-over-classes": "One over classes",
    "baseline:untrained-network": "Untrained network",
}
_BASELINES = re.compile(r"baseline:[a-z0-9:+-]*[a-z0-9]")
SHUFFLED = "baseline:shuffled-labels:"
METRICS = {
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "top5_accuracy": "Top-5 accuracy",
    "macro_f1": "Macro F1",
    "accuracy_without_controls": "Accuracy without controls",
    "train_accuracy": "Training accuracy",
    "train_test_gap": "Training minus test accuracy",
    "mean_map": "Mean mAP",
    "mean_map_normalized": "Mean normalized mAP",
    "map": "mAP",
    "map_normalized": "Normalized mAP",
    "fraction_active": "Share active",
    "fraction_active_plain": "Share active, wells permuted",
    "cross_position_drop": "Drop of mAP across positions",
    "control_positions_called_at_label_permutation": "By permuting wells",
    "control_positions_called_at_position_null": "Against control positions",
    "control_positions_called_at_smooth_tail": "Against control positions, smoothed",
    "control_positions_called_at_smooth_tail_0.01": "Against control positions, smoothed, at 1 %",
    "control_positions_called_interior": "Against control positions, inner wells",
    "control_positions_called_outer_rings": "Against control positions, outer rings",
    "accuracy_treated": "Accuracy on treated wells",
    "silhouette": "Silhouette",
    "ari": "Adjusted Rand index",
    "ami": "Adjusted mutual information",
    "nmi": "Normalized mutual information",
    "replicate_correlation": "Replicate correlation",
    "null_95": "Replicate correlation, 95 % of its null",
    "percent_replicating": "Share replicating",
    "grit": "Grit",
    "cell_count_cv": "Cell count, CV of controls",
    "ssmd": "SSMD of positive controls",
    "positive_retrieval": "Retrieval of positive controls",
    "n_wells": "Wells",
    "n_controls": "Controls",
    "n_treatments": "Treatments",
    "kbet_rejection": "kBET rejection",
    "lisi": "LISI",
    "nn_batch_accuracy": "Nearest well is of the same",
    "nn_label_accuracy_across": "Nearest well elsewhere is of the same treatment, across",
    "variance_share_batch": "Share of variance due to",
    "variance_share_label": "Share of variance due to treatment, beside",
    "adjusted_rand_index": "Adjusted Rand index",
    "adjusted_rand": "Adjusted Rand index",
    "nsc_accuracy": "1-NN of another compound",
    "nscb_accuracy": "1-NN of another compound and batch",
    "fraction_matched": "Share of labels found",
    "fraction_p": "Share with p below alpha",
    "n_clusters": "Number of clusters",
    "cluster_silhouette": "Silhouette of the clusters",
    "conformal_coverage": "Prediction sets: share that hold the true class",
    "conformal_set_size": "Prediction sets: number of classes",
    "conformal_single_share": "Prediction sets: share with one class",
    "conformal_single_accuracy": "Prediction sets of one class: share right",
    "dose_order_correlation": "Order of doses, correlation",
}
# Metrics of retrieval end in what matches may not share: ``drop_plate``.
_RETRIEVAL = {
    "map_normalized": "Normalized mAP, more than one {}",
    "map_across_normalized": "Normalized mAP, another {}",
    "nearest_across": "Nearest neighbour, another {}",
    "drop": "Drop of normalized mAP, another {}",
}
_ENDS = {"_without_controls": " without controls", "_null": ", labels shuffled", "_p": ", p"}
_RETRIEVED = re.compile(rf"({'|'.join(_RETRIEVAL)})_([a-z_ ]+)")
TASKS = {
    "classification": "Classification",
    "classification: logistic": "Logistic regression",
    "classification: nearest": "Nearest profile",
    "nearest-neighbour": "Nearest neighbour",
    "activity": "Activity",
    "retrieval": "Retrieval",
    "silhouette": "Separation",
    "clustering": "Clustering",
    "matching": "Matching",
    "clustering: leiden": "Leiden",
    "clustering: kmeans-chosen": "k-means, k chosen by silhouette",
    "clustering: kmeans-10": "k-means, k = 10",
    "batch effect": "Batch effect",
    "assay quality": "Assay quality",
}


def label(representation: str) -> str:
    """The name of a representation or baseline for a reader."""
    if representation.startswith(SHUFFLED):
        return f"Shuffled, {label(representation.removeprefix(SHUFFLED))}"
    if f"+{NOISE}:" in representation:
        kept, other = representation.split(f"+{NOISE}:")
        return f"{label(kept)} + noise as wide as {label(other)}"
    if representation in LABELS or not is_baseline(representation):
        return LABELS.get(representation) or " + ".join(
            LABELS.get(part, part) for part in representation.split("+")
        )
    return representation.removeprefix(BASELINE).replace("-", " ")


def inside(representation: str) -> str:
    """The name of a representation inside a sentence."""
    name = within(label(representation))
    return f"{name} features" if name.endswith("-type") else name


def in_words(text: str) -> str:
    """The text with baselines called as on the rest of the page."""
    return _BASELINES.sub(lambda found: f"the baseline {within(label(found[0]))}", text)


def is_baseline(representation: str) -> bool:
    return representation.startswith(BASELINE)


def is_noise(representation: str) -> bool:
    """Whether this is the control of a fusion, with noise in place of one block."""
    return f"+{NOISE}" in representation


def read_out(text: str, representations: Iterable[str]) -> str:
    """The text with these representations called as on the rest of the page."""
    known = sorted(representations, key=len, reverse=True)
    if not known:
        return text
    either = "|".join(map(re.escape, known))
    pattern = re.compile(rf"(?<![\w:+-])(?:{either})(?![\w:+-])")
    return pattern.sub(lambda found: within(label(found[0])), text)


def metric(name: str) -> str:
    """The name of a metric for a reader."""
    for end, words in _ENDS.items():
        plain = name.removesuffix(end)
        if plain != name and name not in METRICS and (plain in METRICS or end != "_p"):
            return f"{metric(plain)}{words}"
    if found := _RETRIEVED.fullmatch(name):
        return _RETRIEVAL[found[1]].format(place(found[2]))
    return METRICS.get(name, name.replace("_", " ").capitalize())


def task(name: str) -> str:
    """The name of a task for a reader."""
    return TASKS.get(name, name.replace("-", " ").capitalize())


def place(across: str) -> str:
    """What matches may not share, for a reader: ``position``, ``plate``, ``batch``."""
    return across.removeprefix("Metadata_").replace("_", " ").lower()


def task_rank(name: str) -> tuple[int, str]:
    """Sort key that puts tasks in the order a reader asks them."""
    order = list(TASKS)
    return (order.index(name) if name in order else len(order), name)


def split(name: str) -> str:
    """How wells were held out, for a reader; empty where nothing was held out."""
    if name in ("none", ""):
        return ""
    unit = name.removeprefix("leave-").removesuffix("-out").replace("-", " ")
    return f"leave {unit} out"


def in_order(found: Iterable[str], *, first: str | None = None) -> list[str]:
    """Representations from top to bottom: the first, then the usual ones, baselines last."""
    return sorted(found, key=lambda n: (is_baseline(n), n != first, usual_rank(n), n))


def usual_rank(name: str) -> int:
    order = list(LABELS)
    return order.index(name) if name in order else len(order)
