"""Accuracies, separation and retrieval as published, beside their baselines and chance."""

from __future__ import annotations

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.report.spaces import spaces_of
from phenolens.words import names
from phenolens.words.numbers import count, fixed, interval, listed, missing, p_value, percent

TASK, TREATED = "classification", "accuracy_treated"
MAJORITY, ONE_OVER = "baseline:majority", "baseline:one-over-classes"
METRICS = ("accuracy", "accuracy_without_controls", "top5_accuracy", "train_test_gap")


def accuracies(tables: Tables) -> dict | None:
    """Table 1: accuracy, and what it is beside the majority class and the best baseline."""
    if tables.results is None:
        return None
    rows = tables.results[tables.results["fold"].astype(str) == "all"]
    rows = rows[(rows["task"] == TASK) & rows["metric"].isin(METRICS)]
    scores = rows.drop_duplicates(["representation", "metric"]).set_index(
        ["representation", "metric"]
    )
    found = set(rows["representation"])
    order = [n for n in tables.representations if n in found and not _aside(n)]
    if all(map(names.is_baseline, order)):
        return None
    return {
        "rows": [_accuracy(tables, name, scores) for name in order],
        "said": _majority(scores, [n for n in order if not names.is_baseline(n)]),
        "split": names.split(rows["split"].iloc[0]),
        "spaces": spaces_of(rows),
    }


def _aside(name: str) -> bool:
    """Controls of a fusion and shuffled labels stand under the scores."""
    return names.is_noise(name) or name.startswith(names.SHUFFLED)


def _accuracy(tables: Tables, name: str, scores: pd.DataFrame) -> dict:
    baseline = names.is_baseline(name)
    return {
        "representation": name,
        "baseline": baseline,
        "cells": [_cell(scores, (name, metric)) for metric in METRICS],
        "alone": "" if baseline else _alone(scores, name),
        "beside": "" if baseline else _beside(tables, name),
    }


def _cell(scores: pd.DataFrame, key: tuple[str, str]) -> dict:
    if key not in scores.index:
        return {"value": "–", "between": ""}
    row = scores.loc[key]
    between = interval(row["low"], row["high"], of=lambda v: fixed(v, 2))
    return {"value": fixed(row["value"], 3), "between": between}


def _value(scores: pd.DataFrame, name: str) -> float | None:
    key = (name, "accuracy")
    return float(scores.loc[key, "value"]) if key in scores.index else None


def _alone(scores: pd.DataFrame, name: str) -> str:
    """How a reader without baselines would praise the accuracy."""
    value, chance = _value(scores, name), _value(scores, ONE_OVER)
    if value is None or missing(value) or not chance:
        return ""
    return f"“{percent(value)} right, {value / chance:.0f} times chance”"


def _beside(tables: Tables, name: str) -> str:
    """What the paired comparison with the best baseline or the best block says."""
    if tables.comparisons is None:
        return ""
    asked = tables.comparisons
    asked = asked[(asked["task"] == TASK) & (asked["metric"] == TREATED) & (asked["a"] == name)]
    rivals = [b for b in asked["b"] if names.is_baseline(b) or b in name.split("+")]
    if not rivals:
        return ""
    return outcome(asked[asked["b"] == rivals[0]].iloc[0], tables.alpha)


def outcome(row: pd.Series, alpha: float) -> str:
    """One comparison in words: ``better than Position only (+0.100, p = 0.002)``."""
    sure = not missing(row["p_holm"]) and row["p_holm"] < alpha
    word = ("better than" if row["difference"] > 0 else "worse than") if sure else "not told from"
    sign = "+" if row["difference"] > 0 else ""
    size = f"{sign}{fixed(row['difference'], 3)}, p = {p_value(row['p_holm'])}"
    return f"{word} {names.label(row['b'])} ({size})"


def _majority(scores: pd.DataFrame, real: list[str]) -> str:
    """What naming the commonest class always gives, and who does not exceed it."""
    common = _value(scores, MAJORITY)
    if common is None:
        return ""
    below = [names.label(n) for n in real if (_value(scores, n) or 0) <= common]
    start = f"Always naming the commonest class is right for {percent(common)} of wells"
    return f"{start}; {listed(below)} {_do(below)} no better." if below else f"{start}."


def _do(who: list[str]) -> str:
    return "does" if len(who) == 1 else "do"


def embeddings(tables: Tables) -> list[dict]:
    """Table 2: silhouette and mean average precision, as published and as they hold."""
    scores = tables.table("embedding_scores")
    if scores is None:
        return []
    rows = scores.set_index("representation")
    order = [name for name in tables.real if name in rows.index]
    return [_embedding(name, rows.loc[name]) for name in order]


def _embedding(name: str, row: pd.Series) -> dict:
    def cell(key: str) -> dict:
        between = interval(row.get(f"{key}_low"), row.get(f"{key}_high"), of=lambda v: fixed(v, 2))
        return {"value": fixed(row.get(key), 3), "between": between}

    keys = ("silhouette_clusters", "silhouette", "silhouette_null", "map_all", "map_all_chance",
            "map", "map_chance", "map_normalized")  # fmt: skip
    return {"representation": name} | {key: cell(key) for key in keys}


def fusions(tables: Tables) -> list[dict]:
    """Treatments won and lost by each fusion against its best single block."""
    classes = tables.table("fusion_classes")
    if classes is None:
        return []
    rows = classes[classes["task"] == TASK]
    parts = rows.groupby(["fusion", "block"], sort=True)
    return [_fusion(tables, key, part) for key, part in parts]


def _fusion(tables: Tables, pair: tuple[str, str], part: pd.DataFrame) -> dict:
    fusion, block = pair
    net = part["gained"] - part["lost"]
    changed = part[(part["gained"] > 0) | (part["lost"] > 0)]
    return {
        "fusion": fusion,
        "block": block,
        "won": count(int((net > 0).sum()), "treatment"),
        "lost": count(int((net < 0).sum()), "treatment"),
        "even": count(int((net == 0).sum()), "treatment"),
        "outcome": _beside(tables, fusion),
        "rows": [_class(row) for _, row in _by_gain(changed).iterrows()],
    }


def _by_gain(rows: pd.DataFrame) -> pd.DataFrame:
    order = (rows["lost"] - rows["gained"]).sort_values(kind="stable").index
    return rows.loc[order]


def _class(row: pd.Series) -> dict:
    return {
        "treatment": row["Metadata_Treatment"],
        "cells": [int(row[n]) for n in ("n", "right_fusion", "right_block", "gained", "lost")],
    }
