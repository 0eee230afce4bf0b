"""Pooled scores as questions: one task and metric, every representation and baseline beside."""

from __future__ import annotations

import pandas as pd

from phenolens.answers.tables import Tables
from phenolens.evaluate.metrics import METRICS, metric_of
from phenolens.words import names

NOT_TASKS = ("assay", "batch")
REFERENCES = ("_null", "_chance", "_expected")
KEY = ["task", "metric", "split", "unit"]
HEADLINES = ["balanced_accuracy", "fraction_active", "mean_map"]
Question = tuple[tuple, pd.DataFrame]


def first_metrics() -> list[str]:
    """The metrics that are drawn first, in order."""
    return [name for name, metric in METRICS.known().items() if metric.panel]


def family(key: tuple) -> str:
    """Tasks shown together: ``clustering: leiden`` belongs to ``clustering``."""
    return key[0].split(": ")[0]


def headlines(questions: list[Question]) -> list[Question]:
    """The questions a reader asks first: the headline metrics, or a family's first question."""
    firsts = {}
    for key, _ in reversed(questions):
        firsts[family(key)] = key
    return [q for q in questions if q[0][1] in HEADLINES or q[0] == firsts[family(q[0])]]


def asked(tables: Tables) -> list[Question]:
    """Pooled scores grouped by question, in the order a reader asks them."""
    return [] if tables.results is None else asked_of(tables.results)


def asked_of(results: pd.DataFrame) -> list[Question]:
    """The same of one long result table."""
    rows = _spread(results[results["fold"].astype(str) == "all"])
    references = _references(rows)
    rows = rows[~rows["task"].str.startswith(NOT_TASKS) & shown(rows)]
    rows = rows.assign(reference=[references.get(k) for k in _keys(rows)])
    groups = [
        (key, part.drop_duplicates("representation").set_index("representation"))
        for key, part in rows.groupby(KEY, sort=True)
        if not all(map(names.is_baseline, part.loc[part["value"].notna(), "representation"]))
    ]
    return sorted(groups, key=lambda item: _rank(item[0]))


def shown(rows: pd.DataFrame) -> pd.Series:
    """Rows whose metric gets a panel: scores of what was held out, not p-values or references."""
    metric, task = rows["metric"], rows["task"]
    aside = metric.str.endswith("_without_controls") & (metric != "accuracy_without_controls")
    aside |= metric.str.startswith("train_") | metric.str.endswith(("_p", *REFERENCES))
    aside |= task.eq("activity") & ~metric.isin(first_metrics())
    aside |= task.eq("retrieval") & ~metric.str.startswith("map_across")
    return ~(aside | (task.str.startswith("clustering") & ~metric.isin(first_metrics())))


def _references(rows: pd.DataFrame) -> dict[tuple, float]:
    """What a score would be by chance, where the table says: under the score's own key."""
    found = rows[rows["metric"].str.endswith(REFERENCES)]
    plain = found["metric"].str.replace(f"({'|'.join(REFERENCES)})$", "", regex=True)
    return dict(zip(_keys(found.assign(metric=plain)), found["value"], strict=True))


def _keys(rows: pd.DataFrame) -> list[tuple]:
    return list(zip(rows["representation"], rows["task"], rows["metric"], strict=True))


def _spread(rows: pd.DataFrame) -> pd.DataFrame:
    """A baseline of a whole task (1 / classes) stands beside each of the task's readouts."""
    tasks = [task for task in sorted(set(rows["task"])) if ": " in task]
    common = [
        rows[rows["task"] == task.split(": ")[0]].assign(task=task)
        for task in tasks
        if task.split(": ")[0] in set(rows["task"])
    ]
    return pd.concat([rows, *common], ignore_index=True)


def _rank(key: tuple) -> tuple:
    task, metric = key[:2]
    order = first_metrics()
    first = order.index(metric) if metric in order else len(order)
    return (*names.task_rank(task), first, *map(str, key))


def better(metric: str) -> str:
    """Which way a metric is better: ``higher``, ``lower``, or neither (empty)."""
    return metric_of(metric).better


def best(scores: pd.DataFrame, *, lowest: bool = False) -> tuple[str, float] | None:
    """Name and value of the highest (or lowest) score, or None where there is none."""
    known = scores["value"].dropna()
    if not len(known):
        return None
    return (known.idxmin(), float(known.min())) if lowest else (known.idxmax(), float(known.max()))


def best_baseline(scores: pd.DataFrame, *, lowest: bool = False) -> tuple[str, float] | None:
    """Name and value of the highest (or lowest) baseline of one question, or None."""
    return best(scores[[names.is_baseline(name) for name in scores.index]], lowest=lowest)


def has_baseline(scores: pd.DataFrame) -> bool:
    """Whether any baseline was put to this question."""
    return any(map(names.is_baseline, scores.index))
