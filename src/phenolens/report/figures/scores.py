"""Every score with its interval, representations and baselines on one scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.report import names
from phenolens.report.figures.style import GRID, INK, MUTED, WIDTH, Drawn, file_name, new_figure
from phenolens.report.tables import Tables
from phenolens.report.words import fixed

COLUMNS = 3
NOT_TASKS = {"assay", "batch"}
QUESTION = ["task", "metric", "split", "unit"]
METRICS = [
    "balanced_accuracy", "accuracy", "accuracy_without_controls", "top5_accuracy", "macro_f1",
    "fraction_active", "mean_map", "mean_map_normalized",
]  # fmt: skip
BOUNDED = (-0.02, 1.27)
HEADLINES = ["balanced_accuracy", "fraction_active", "mean_map"]
CAPTION = (
    "Dots are pooled scores, bars 95 % intervals over the unit named in each panel. Grey rows are "
    "baselines: what a score reaches without looking at morphology. The dashed line is the best of "
    "them; a representation whose interval touches it has shown nothing beyond it."
)
Question = tuple[tuple, pd.DataFrame]


def draw(tables: Tables) -> Iterator[Drawn]:
    """One panel a question (task, metric, split), one row a representation or baseline."""
    questions = asked(tables)
    if not questions:
        return
    tasks = list(dict.fromkeys(key[0] for key, _ in questions))
    if len(tasks) > 1:
        yield _drawn(tables, headlines(questions), ("scores", "Overview"))
    for task in tasks:
        part = [question for question in questions if question[0][0] == task]
        yield _drawn(tables, part, (f"scores-{file_name(task)}", names.task(task)))


def _drawn(tables: Tables, questions: list[Question], named: tuple[str, str]) -> Drawn:
    order = [n for n in names.representations(tables) if any(n in q.index for _, q in questions)]
    figure = _panels(questions, order, names.palette(tables))
    return Drawn(named[0], figure, named[1], _alt(questions), CAPTION)


def headlines(questions: list[Question]) -> list[Question]:
    """The questions a reader asks first: the headline metrics, or a task's first metric."""
    firsts = {}
    for key, _ in reversed(questions):
        firsts[key[0]] = key
    return [q for q in questions if q[0][1] in HEADLINES or q[0] == firsts[q[0][0]]]


def asked(tables: Tables) -> list[Question]:
    """Pooled scores grouped by question, in the order a reader asks them."""
    if tables.results is None:
        return []
    rows = _spread(tables.results[tables.results["fold"].astype(str) == "all"])
    rows = rows[~rows["task"].isin(NOT_TASKS) & shown(rows["metric"])]
    groups = [
        (key, part.drop_duplicates("representation").set_index("representation"))
        for key, part in rows.groupby(QUESTION, sort=True)
        if not all(map(names.is_baseline, part.loc[part["value"].notna(), "representation"]))
    ]
    return sorted(groups, key=lambda item: _rank(item[0]))


def shown(metric: pd.Series) -> pd.Series:
    """Metrics that get a panel: no training scores, and without controls only the accuracy."""
    aside = metric.str.endswith("_without_controls") & (metric != "accuracy_without_controls")
    return ~(aside | metric.str.startswith("train_"))


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
    tasks = list(names.TASKS)
    first = METRICS.index(metric) if metric in METRICS else len(METRICS)
    return (tasks.index(task) if task in tasks else len(tasks), task, first, *map(str, key))


def best_baseline(scores: pd.DataFrame) -> tuple[str, float] | None:
    """Name and value of the highest baseline of one question, or None."""
    kept = scores[[names.is_baseline(name) for name in scores.index]]["value"].dropna()
    return (kept.idxmax(), float(kept.max())) if len(kept) else None


def _panels(questions: list, order: list[str], palette: dict[str, str]) -> Figure:
    columns = 2 if len(questions) in (2, 4) else min(COLUMNS, len(questions))
    lines = -(-len(questions) // columns)
    height = lines * (0.22 * len(order) + 0.95)
    figure = new_figure(height)
    grid = figure.subplots(lines, columns, squeeze=False)
    figure.subplots_adjust(
        left=_left(order), right=0.985, top=1 - 0.5 / height, bottom=0.38 / height,
        wspace=0.12, hspace=0.95 / (0.22 * len(order)),
    )  # fmt: skip
    for number, axes in enumerate(grid.flat):
        if number < len(questions):
            _panel(axes, questions[number], (order, palette, number % columns == 0))
        else:
            axes.set_visible(False)
    return figure


def _left(order: list[str]) -> float:
    """Share of the width that the longest label needs."""
    return (0.066 * max(len(names.label(name)) for name in order) + 0.12) / WIDTH


def _panel(axes: Axes, question: tuple, look: tuple) -> None:
    key, scores = question
    order, palette, labelled = look
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(*_limits(scores))
    _reference(axes, scores)
    for row, name in enumerate(order):
        if name in scores.index:
            _dot(axes, row, (scores.loc[name], palette[name], names.is_baseline(name)))
    _labels(axes, order, labelled=labelled)
    axes.set_title(names.metric(key[1]), fontsize=9.5, pad=15)
    _say_none(axes, order, scores)
    axes.text(0, 1.02, _note(key, scores), transform=axes.transAxes, fontsize=7.5, color=MUTED)


def _say_none(axes: Axes, order: list[str], scores: pd.DataFrame) -> None:
    """Say so where baselines were scored on other questions but not on this one."""
    rows = [i for i, name in enumerate(order) if names.is_baseline(name)]
    if rows and not any(map(names.is_baseline, scores.index)):
        place = {"transform": axes.get_yaxis_transform(), "ha": "center", "va": "center"}
        text = "no baseline for this question"
        axes.text(0.5, np.mean(rows), text, fontsize=8, color=MUTED, style="italic", **place)


def _note(key: tuple, scores: pd.DataFrame) -> str:
    unit = f"{int(scores['n'].max()):,} {key[3]}s"
    parts = (names.task(key[0]), unit, names.split(key[2]))
    return ", ".join(part for part in parts if part)


def _limits(scores: pd.DataFrame) -> tuple[float, float]:
    values = scores[["value", "low", "high"]].to_numpy(dtype=float)
    low, high = np.nanmin(values), np.nanmax(values)
    low = min(low, 0.0)
    room = (high - low or 1.0) * 0.05
    if 0.7 < high <= 1 and low >= 0:
        return BOUNDED
    return low - (room if low < 0 else room * 0.4), high + 5.5 * room


def _reference(axes: Axes, scores: pd.DataFrame) -> None:
    best = best_baseline(scores)
    if best:
        axes.axvline(best[1], color=MUTED, lw=1, ls=(0, (4, 3)), zorder=1)


def _dot(axes: Axes, row: int, what: tuple) -> None:
    score, colour, baseline = what
    axes.plot([score["low"], score["high"]], [row, row], color=colour, lw=2.2, alpha=0.55, zorder=2)
    fill = "white" if baseline else colour
    axes.plot(score["value"], row, "o", ms=6, mfc=fill, mec=colour, mew=1.4, zorder=3)
    weight = "normal" if baseline else "bold"
    _number(
        axes,
        row,
        {"s": fixed(score["value"]), "color": MUTED if baseline else INK, "fontweight": weight},
    )


def _number(axes: Axes, row: int, text: dict) -> None:
    place = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
    axes.text(0.995, row, fontsize=7.5, **place, **text)


def _labels(axes: Axes, order: list[str], *, labelled: bool) -> None:
    axes.set_yticks(range(len(order)), [names.label(n) for n in order] if labelled else [])
    axes.tick_params(axis="y", length=0)
    if axes.get_xlim() == BOUNDED:
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    axes.xaxis.grid(visible=True, color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    split = sum(not names.is_baseline(name) for name in order)
    if 0 < split < len(order):
        axes.axhline(split - 0.5, color=GRID, lw=1)


def _alt(questions: list) -> str:
    parts = []
    for key, scores in questions:
        best = scores["value"].idxmax()
        value = fixed(scores.loc[best, "value"])
        parts.append(
            f"{names.task(key[0])}, {names.metric(key[1])}: best {names.label(best)} at {value}"
        )
    return "Dot plots of scores with intervals. " + "; ".join(parts) + "."
