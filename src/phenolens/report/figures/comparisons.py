"""Paired differences between representations, with intervals."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.style import GRID, INK, MUTED, Drawn, new_figure
from phenolens.words import names
from phenolens.words.numbers import within

MOST = 30


def draw(tables: Tables) -> Iterator[Drawn]:
    """One row a comparison: the difference, its interval, and what could have been seen."""
    if tables.comparisons is None:
        return
    rows = compared(tables.comparisons)
    if rows.empty:
        return
    yield Drawn(
        name="comparisons",
        figure=forest(rows),
        label="Comparisons",
        alt="Forest plot of paired differences. "
        + " ".join(_sentence(row) for _, row in rows.iterrows()),
        caption="First minus second representation, paired over the same treatments or wells; bars "
        "are 95 % cluster-bootstrap intervals. The grey band is what this design could not have "
        "seen with 80 % power: a difference inside it is not evidence that two are equal.",
    )


def compared(rows: pd.DataFrame) -> pd.DataFrame:
    """The first comparisons that have a difference."""
    return rows[rows["difference"].notna()].head(MOST)


def _sentence(row: pd.Series) -> str:
    return f"{names.label(row['a'])} minus {names.label(row['b'])}: {row['difference']:.2f}."


def forest(rows: pd.DataFrame) -> Figure:
    """Differences with intervals, one row a comparison, over what could have been seen.

    Parameters
    ----------
    rows : DataFrame
        As :func:`compared` gives it: ``task``, ``metric``, ``a``, ``b``, ``difference``, ``low``,
        ``high``, ``p_holm``, ``smallest_detectable``.
    """
    height = 0.42 * len(rows) + 0.7
    figure = new_figure(height)
    axes = figure.add_axes((0.34, 0.42 / height, 0.63, 1 - 0.5 / height))
    y = np.arange(len(rows))
    band = rows["smallest_detectable"].to_numpy(dtype=float)
    axes.barh(y, 2 * band, left=-band, height=0.5, color="#edf0f3", zorder=1)
    axes.axvline(0, color=MUTED, lw=1, zorder=2)
    axes.hlines(y, rows["low"], rows["high"], color=INK, lw=2, zorder=3)
    sure = (rows["p_holm"] < 0.05).to_numpy()
    axes.scatter(
        rows["difference"],
        y,
        s=44,
        color=np.where(sure, "#D55E00", "white"),
        edgecolor=INK,
        zorder=4,
    )
    _labels(axes, rows)
    axes.set_xlabel("difference (filled: Holm-corrected p below 0.05)")
    return figure


def _labels(axes: Axes, rows: pd.DataFrame) -> None:
    labels = [
        f"{names.label(row['a'])} − {names.label(row['b'])}\n"
        f"{names.task(row['task'])}, {within(names.metric(row['metric']))}"
        for _, row in rows.iterrows()
    ]
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.grid(visible=True, color=GRID)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
