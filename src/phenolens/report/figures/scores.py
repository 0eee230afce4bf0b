"""Every score with its interval, representations and baselines on one scale."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.report import names
from phenolens.report.figures.style import GRID, INK, MUTED, Drawn, new_figure
from phenolens.report.tables import Tables
from phenolens.report.words import fixed

COLUMNS = 3
NOT_SHOWN = {("classification", "train_accuracy")}
NOT_TASKS = {"assay", "batch"}
QUESTION = ["task", "metric", "split", "unit"]


def draw(tables: Tables) -> Iterator[Drawn]:
    """One panel a question (task, metric, split), one row a representation or baseline."""
    questions = asked(tables)
    if not questions:
        return
    order = [n for n in names.representations(tables) if any(n in q.index for _, q in questions)]
    yield Drawn(
        name="scores",
        figure=_panels(questions, order, names.palette(tables)),
        label="Scores",
        alt=_alt(questions),
        caption="Dots are pooled scores, bars 95 % intervals over the unit named in each panel. "
        "Grey rows are baselines: what a score reaches without looking at morphology. The dashed "
        "line is the best of them; a representation whose interval touches it has shown nothing "
        "beyond it.",
    )


def asked(tables: Tables) -> list[tuple[tuple, pd.DataFrame]]:
    """Pooled scores grouped by question, in the order a reader asks them."""
    if tables.results is None:
        return []
    rows = tables.results[tables.results["fold"].astype(str) == "all"]
    rows = rows[~rows["task"].isin(NOT_TASKS)]
    groups = [
        (key, part.set_index("representation"))
        for key, part in rows.groupby(QUESTION, sort=True)
        if key[:2] not in NOT_SHOWN and part["value"].notna().any()
    ]
    return sorted(groups, key=lambda item: _rank(item[0]))


def _rank(key: tuple) -> tuple:
    task, metric = key[:2]
    tasks = list(names.TASKS)
    first = names.FIRST.index(metric) if metric in names.FIRST else len(names.FIRST)
    return (tasks.index(task) if task in tasks else len(tasks), first, *map(str, key))


def best_baseline(scores: pd.DataFrame) -> tuple[str, float] | None:
    """Name and value of the highest baseline of one question, or None."""
    kept = scores[[names.is_baseline(name) for name in scores.index]]["value"].dropna()
    return (kept.idxmax(), float(kept.max())) if len(kept) else None


def _panels(questions: list, order: list[str], palette: dict[str, str]) -> Figure:
    lines = -(-len(questions) // COLUMNS)
    height = lines * (0.22 * len(order) + 0.95)
    figure = new_figure(height)
    grid = figure.subplots(lines, COLUMNS, squeeze=False)
    figure.subplots_adjust(
        left=0.165, right=0.985, top=1 - 0.5 / height, bottom=0.38 / height,
        wspace=0.12, hspace=0.95 / (0.22 * len(order)),
    )  # fmt: skip
    for number, axes in enumerate(grid.flat):
        if number < len(questions):
            _panel(axes, questions[number], (order, palette, number % COLUMNS == 0))
        else:
            axes.set_visible(False)
    return figure


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
    axes.set_title(f"{names.task(key[0])}: {names.metric(key[1]).lower()}", fontsize=9, pad=15)
    axes.text(0, 1.02, _note(key, scores), transform=axes.transAxes, fontsize=7.5, color=MUTED)


def _note(key: tuple, scores: pd.DataFrame) -> str:
    unit = f"{int(scores['n'].max()):,} {key[3]}s"
    return unit if key[2] == "none" else f"{unit}, {key[2].replace('-', ' ')}"


def _limits(scores: pd.DataFrame) -> tuple[float, float]:
    values = scores[["value", "low", "high"]].to_numpy(dtype=float)
    low, high = np.nanmin(values), np.nanmax(values)
    low = min(low, 0.0)
    room = (high - low or 1.0) * 0.05
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
    axes.text(
        0.995, row, fixed(score["value"]), transform=axes.get_yaxis_transform(), ha="right",
        va="center", fontsize=7.5, color=MUTED if baseline else INK,
        fontweight="normal" if baseline else "bold",
    )  # fmt: skip


def _labels(axes: Axes, order: list[str], *, labelled: bool) -> None:
    axes.set_yticks(range(len(order)), [names.label(n) for n in order] if labelled else [])
    axes.tick_params(axis="y", length=0)
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
