"""Training curves, one figure a network."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from phenolens.answers.tables import Tables
from phenolens.report import colours
from phenolens.report.figures.style import GRID, STEPS, WIDTH, Drawn, file_name, new_figure
from phenolens.words import names
from phenolens.words.numbers import natural

LOSSES = {"train_loss": "-", "validation_loss": "--"}


def draw(tables: Tables) -> Iterator[Drawn]:
    """Loss by epoch, a line a fold, and beside it each score of held-back images."""
    if tables.curves is None:
        return
    for name, rows in tables.curves.groupby("representation"):
        rows = rows.dropna(axis="columns", how="all")
        yield Drawn(
            name=f"curves-{file_name(name)}",
            figure=_panels(rows),
            label=names.label(name),
            alt=f"Training curves of {names.label(name)}: loss by epoch in "
            f"{rows['fold'].nunique()} trainings.",
            caption="Solid: loss on the images trained on; dashed: on images held back, where some "
            "were. A line a training: one a fold, and one for profiles (all, or a group of "
            "treatments). Loss still falling at the end means training stopped early.",
        )


def _panels(rows: pd.DataFrame) -> Figure:
    scores = [c for c in rows if c.startswith("validation_") and c not in LOSSES]
    groups = [[c for c in LOSSES if c in rows], *([c] for c in scores)]
    told = [_training(fold) for fold in _folds(rows)]
    # The trainings' names stand below, in as many columns as their longest leaves room for.
    across = max(1, min(len(told), int(WIDTH / (0.7 + 0.075 * max(map(len, told))))))
    below = 0.35 + 0.18 * -(-len(told) // across)
    figure = new_figure(2.9 + below)
    wide = 0.96 / len(groups)
    low, tall = (0.5 + below) / (2.9 + below), 2.0 / (2.9 + below)
    for place, columns in enumerate(groups):
        axes = figure.add_axes((0.05 + place * wide, low, wide - 0.06, tall))
        _lines(axes, rows, columns)
        axes.set_title("Loss" if place == 0 else _title(columns[0]))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="lower left", bbox_to_anchor=(0.04, 0.0), ncols=across)
    return figure


def _folds(rows: pd.DataFrame) -> list[str]:
    return sorted(rows["fold"].astype(str).unique(), key=natural)


def _title(column: str) -> str:
    metric = column.removeprefix("validation_")
    return "Mean squared error" if metric == "mse" else names.metric(metric)


def _training(fold: str) -> str:
    return f"fold {fold}" if fold.isdigit() else fold.replace("-", " ")


def _lines(axes: Axes, rows: pd.DataFrame, columns: list[str]) -> None:
    for place, fold in enumerate(_folds(rows)):
        part = rows[rows["fold"].astype(str) == fold].sort_values("epoch")
        colour = colours.COLOURS[place % len(colours.COLOURS)]
        for number, column in enumerate(columns):
            style: dict[str, Any] = {
                "color": colour,
                "ls": LOSSES.get(column, "-"),
                "marker": "o",
                "ms": 2.5,
            }
            label = _training(fold) if number == 0 else None
            axes.plot(part["epoch"], part[column], lw=1.4, label=label, **style)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=STEPS, integer=True))
    axes.grid(visible=True, color=GRID)
    axes.set_axisbelow(True)
