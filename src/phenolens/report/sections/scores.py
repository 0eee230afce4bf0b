"""Scores with baselines, and paired comparisons."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phenolens.answers.refusals import unsplit
from phenolens.answers.scores import NOT_TASKS, asked, shown
from phenolens.answers.tables import Tables
from phenolens.report.figures import comparisons, scores
from phenolens.report.sections import Section, register
from phenolens.report.spaces import by_task, sides, spaces_of
from phenolens.words import names
from phenolens.words.numbers import fixed, interval, number, p_value, within


def view(tables: Tables) -> dict:
    return {
        "questions": [_question(key, scores, tables) for key, scores in asked(tables)],
        "unsplit": unsplit(tables),
        "folds": _folds(tables),
        "others": _others(tables),
        "comparisons": _comparisons(tables),
        "spaces": by_task(_in_panels(tables)),
        "spaced": tables.results is not None and "space" in tables.results,
        "paired": by_task(sides(tables.comparisons)),
    }


def _in_panels(tables: Tables) -> pd.DataFrame | None:
    rows = tables.results
    return None if rows is None else rows[~rows["task"].str.startswith(NOT_TASKS)]


def _question(key: tuple, scores: pd.DataFrame, tables: Tables) -> dict:
    order = [name for name in tables.representations if name in scores.index]
    spaces = spaces_of(scores.reset_index())
    rows = [score_shown(name, scores.loc[name]) for name in order]
    if not spaces.several:
        common = next(iter(spaces.by.values()), "")
        rows = [row | {"space": row["space"] if row["space"] != common else ""} for row in rows]
    return {
        "title": f"{names.task(key[0])}: {within(names.metric(key[1]))}",
        "split": names.split(key[2]),
        "unit": key[3],
        "space": spaces.line,
        "rows": rows,
    }


def score_shown(name: str, row: pd.Series) -> dict:
    """A score with its interval and what it counts, as a table of the page shows it."""
    return {
        "representation": name,
        "baseline": names.is_baseline(name),
        "value": fixed(row["value"], 3),
        "between": interval(row["low"], row["high"], of=lambda v: fixed(v, 3)),
        "n": number(int(row["n"])),
        "space": row.get("space", ""),
    }


def _folds(tables: Tables) -> dict | None:
    """Scores fold by fold: one row a question and representation, one column a fold."""
    if tables.results is None:
        return None
    rows = tables.results[tables.results["fold"].astype(str) != "all"]
    folds = sorted(set(rows["fold"].astype(str)), key=lambda fold: (len(fold), fold))
    keys = ["task", "metric", "split", "representation"]
    return {
        "folds": folds,
        "rows": [_by_fold(key, part, folds) for key, part in rows.groupby(keys)],
    }


def _by_fold(key: tuple, part: pd.DataFrame, folds: list[str]) -> dict:
    values = dict(zip(part["fold"].astype(str), part["value"], strict=True))
    return {
        "representation": key[3],
        "task": names.task(key[0]),
        "metric": names.metric(key[1]),
        "split": names.split(key[2]),
        "values": [fixed(values.get(fold), 3) for fold in folds],
    }


def _others(tables: Tables) -> list[dict]:
    """Pooled scores that stand in no panel: training accuracy, p-values, references."""
    if tables.results is None:
        return []
    pooled = tables.results[tables.results["fold"].astype(str) == "all"]
    aside = ~shown(pooled) & ~pooled["task"].str.startswith(NOT_TASKS)
    return [_listed(row) for _, row in pooled[aside].iterrows()]


def _listed(row: pd.Series) -> dict:
    return score_shown(row["representation"], row) | {
        "task": names.task(row["task"]),
        "metric": names.metric(row["metric"]),
    }


def _comparisons(tables: Tables) -> list[dict]:
    if tables.comparisons is None:
        return []
    return [_comparison(row, tables.alpha) for _, row in tables.comparisons.iterrows()]


def _comparison(row: pd.Series, alpha: float) -> dict:
    return {
        "a": row["a"],
        "b": row["b"],
        "what": f"{names.task(row['task'])}, {within(names.metric(row['metric']))}",
        "n": f"{int(row['n']):,}",
        "difference": fixed(row["difference"], 3),
        "between": interval(row["low"], row["high"], of=lambda v: fixed(v, 3)),
        "p": p_value(row["p"]),
        "p_holm": p_value(row["p_holm"]),
        "sure": bool(row["p_holm"] < alpha),
        "least": fixed(row["smallest_detectable"], 3),
    }


register(
    Section(
        key="scores",
        title="Scores and baselines",
        order=50,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={"scores": scores.draw, "comparisons": comparisons.draw},
    )
)
