"""What the results of one of our own studies show, read from its long table of scores."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from phenolens.published.scores import GAP
from phenolens.published.tables import Evidence, unchecked
from phenolens.words.numbers import portion as percent

BASELINE = "baseline:"
EXPECTED = ("majority", "cell-count", "intensity", "position", "shuffled-labels")


def audit_results(results: pd.DataFrame) -> list[Evidence]:
    """Findings about scores: majority share, baselines, training gap, mAP and silhouette.

    Parameters
    ----------
    results : DataFrame
        Columns of :data:`phenolens.evaluate.results.COLUMNS`.
    """
    pooled = results[results["fold"] == "all"]
    checks = (_majority, _beaten, _baselines, _gaps, _maps, _silhouettes)
    return [finding for check in checks for finding in check(pooled)]


def _scores(pooled: pd.DataFrame, task: str, metric: str) -> pd.DataFrame:
    return pooled[(pooled["task"] == task) & (pooled["metric"] == metric)]


def _is_baseline(frame: pd.DataFrame) -> pd.Series:
    return frame["representation"].str.startswith(BASELINE)


def _majority(pooled: pd.DataFrame) -> Iterable[Evidence]:
    found = _scores(pooled, "classification", "accuracy")
    known = found[found["representation"] == f"{BASELINE}majority"].set_index("split")["value"]
    if known.empty:
        yield unchecked("majority-class", "the results hold no accuracy beside the majority's")
    for row in found[~_is_baseline(found)].to_dict("records"):
        if row["split"] not in known:
            continue
        share, bad = float(known[row["split"]]), row["low"] <= float(known[row["split"]])
        yield Evidence(
            "majority-class", "warning" if bad else "ok", row["representation"],
            f"Accuracy of {row['representation']}: {percent(row['value'])} "
            f"({percent(row['low'])} to {percent(row['high'])}); the majority class alone "
            f"{percent(share)} ({row['split']}, {row['n']:,} wells).",
            "It cannot be told from always naming the most frequent class." if bad else "",
            "Read balanced accuracy and accuracy without controls." if bad else "",
        )  # fmt: skip


def _beaten(pooled: pd.DataFrame) -> Iterable[Evidence]:
    """Representations that do not beat the best baseline, classes weighing equally."""
    found = _scores(pooled, "classification", "balanced_accuracy")
    rivals = found[_is_baseline(found)].sort_values("value", kind="stable")
    for row in found[~_is_baseline(found)].to_dict("records"):
        same = rivals[rivals["split"] == row["split"]]
        if same.empty:
            continue
        best = same.iloc[-1]
        bad = row["low"] <= best["value"]
        yield Evidence(
            "baseline-not-beaten", "warning" if bad else "ok", row["representation"],
            f"Balanced accuracy of {row['representation']}: {percent(row['value'])} "
            f"({percent(row['low'])} to {percent(row['high'])}); best baseline "
            f"{best['representation'].removeprefix(BASELINE)}: {percent(best['value'])}.",
            "It need not have seen more than that baseline." if bad else "",
            "Call it better only where a paired comparison says so." if bad else "",
        )  # fmt: skip


def _baselines(pooled: pd.DataFrame) -> Iterable[Evidence]:
    found = _scores(pooled, "classification", "accuracy")
    if found.empty:
        return
    given = {name.removeprefix(BASELINE).split(":")[0] for name in found["representation"]}
    absent = [name for name in EXPECTED if name not in given]
    what = f"Missing: {', '.join(absent)}." if absent else "Every score stands beside baselines."
    severity = "ok" if not absent else "warning" if "majority" in absent else "info"
    yield Evidence("missing-baselines", severity, ", ".join(absent), what)


def _gaps(pooled: pd.DataFrame) -> Iterable[Evidence]:
    found = _scores(pooled, "classification", "train_test_gap")
    for row in found[~_is_baseline(found)].to_dict("records"):
        wide = row["value"] > GAP
        yield Evidence(
            "train-test-gap", "warning" if wide else "ok", row["representation"],
            f"Training accuracy of {row['representation']} is {100 * row['value']:.0f} points "
            "above that of the tested wells.",
            "The classifier knows its training wells by heart." if wide else "",
            "Add replicate plates, or fewer components." if wide else "",
        )  # fmt: skip


def _maps(pooled: pd.DataFrame) -> Iterable[Evidence]:
    raw = _scores(pooled, "activity", "mean_map").set_index("representation")["value"]
    for row in _scores(pooled, "activity", "mean_map_normalized").to_dict("records"):
        name, chance = row["representation"], row["low"] <= 0
        seen = f", raw mAP {raw[name]:.3f}" if name in raw else ""
        yield Evidence(
            "label-noise-in-map", "warning" if chance else "ok", name,
            f"Normalized mAP of {name}: {row['value']:.3f} ({row['low']:.3f} to {row['high']:.3f};"
            f" 0 is chance){seen}.",
            "As a whole, replicates are no nearer to each other than to controls." if chance
            else "",
            "Read it by treatment, with q." if chance else "",
        )  # fmt: skip


def _silhouettes(pooled: pd.DataFrame) -> Iterable[Evidence]:
    chance = _scores(pooled, "silhouette", "silhouette_p").set_index("representation")["value"]
    for row in _scores(pooled, "silhouette", "silhouette").to_dict("records"):
        name = row["representation"]
        yield Evidence(
            "clusters-as-labels", "ok", name,
            f"Silhouette of {name} is against treatment: {row['value']:.3f}, permutation p "
            f"{chance.get(name, float('nan')):.3g}.",
        )  # fmt: skip
