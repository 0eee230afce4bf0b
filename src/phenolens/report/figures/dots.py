"""Dots with intervals, one row a thing: a plain picture for questions that need no other."""

from __future__ import annotations

from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, StrMethodFormatter

from phenolens.report.figures.activity import name_points
from phenolens.report.figures.style import GRID, INK, MUTED, most_lines, new_figure, wrapped

WIDE, ROW, LETTER = 8.6, 0.24, 0.068  # inches: the figure, a row, a letter of a label
LINE = 0.13  # inches: another line of a label
BLUE, ORANGE = "#0072B2", "#D55E00"
ACROSS, NAMED, LONGEST = 3, 8, 46
LEAST = 0.01  # a fall below this cannot be seen


def dots(rows: pd.DataFrame, *, axis: str, note: str, at: float | None = None) -> Figure:
    """One row a thing: a dot, its interval, and words at the right.

    Parameters
    ----------
    rows : DataFrame
        From top to bottom: ``label``, ``value`` (NaN draws no dot), ``filled`` (bool), ``text``
        (written at the right), and ``low`` and ``high`` where there are intervals.
    axis : str
        What the horizontal axis measures.
    note : str
        How to read it, above the axes.
    at : float, optional
        Where a line stands for what chance gives.
    """
    labels = [wrapped(label, LONGEST) for label in rows["label"]]
    left = _left(labels)
    right = LETTER * max(map(len, rows["text"])) + 0.25
    height = (ROW + LINE * (most_lines(labels) - 1)) * len(rows) + 0.95
    figure = new_figure(height, width=WIDE)
    axes = figure.add_axes(
        (left / WIDE, 0.5 / height, 1 - (left + right) / WIDE, 1 - 0.85 / height)
    )
    y = np.arange(len(rows))
    if at is not None:
        axes.axvline(at, color=MUTED, lw=1, ls=(0, (4, 3)), zorder=1)
    if {"low", "high"} <= set(rows):
        axes.hlines(y, rows["low"], rows["high"], color=BLUE, lw=2, alpha=0.5, zorder=2)
    face = np.where(rows["filled"].to_numpy(dtype=bool), BLUE, "white")
    axes.scatter(rows["value"], y, s=34, color=face, edgecolor=BLUE, lw=1.3, zorder=3)
    for row, text in zip(y, rows["text"], strict=True):
        axes.annotate(
            text, (1, row), (8, 0), xycoords=axes.get_yaxis_transform(), fontsize=8, color=MUTED,
            textcoords="offset points", va="center", annotation_clip=False,
        )  # fmt: skip
    _rows(axes, labels)
    axes.set_xlabel(axis)
    figure.text(0.1 / WIDE, 1 - 0.08 / height, note, fontsize=8, color=MUTED, va="top")
    return figure


def _left(labels: list[str]) -> float:
    """Inches that labels need."""
    return LETTER * max(len(line) for label in labels for line in label.split("\n")) + 0.2


def _rows(axes: Axes, labels: list[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.grid(visible=True, color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def doses(rows: pd.DataFrame, *, note: str) -> Figure:
    """Benchmark doses on a logarithmic axis, and the doses from which on cells are lost.

    Parameters
    ----------
    rows : DataFrame
        As for :func:`dots`, ``value``, ``low`` and ``high`` in the dose's unit, infinite where a
        dose was not reached; ``lost``, the dose of cell loss, NaN where there is none.
    note : str
    """
    known = rows[["value", "low", "high", "lost"]].to_numpy(dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (known.min(), known.max()) if known.size else (0.1, 10.0)
    limits = low / 1.5, high * 1.8
    reached = rows["value"].where(np.isfinite(rows["value"]))
    open_ended = np.isposinf(rows["high"].to_numpy(dtype=float)) & np.isfinite(rows["low"])
    drawn = rows.assign(value=reached, low=rows["low"].where(np.isfinite(rows["low"])))
    figure = dots(
        drawn.assign(high=rows["high"].clip(upper=limits[1])), axis="benchmark dose", note=note
    )
    (axes,) = figure.axes
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(*limits)
    y = np.arange(len(rows))
    axes.scatter(
        np.full(open_ended.sum(), limits[1]), y[open_ended], marker=">", s=26, color=BLUE,
        alpha=0.5, lw=0, clip_on=False, zorder=2,
    )  # fmt: skip
    axes.scatter(
        rows["lost"], y, marker="^", s=46, facecolor="none", edgecolor=ORANGE, lw=1.4, zorder=4
    )
    return figure


def against_itself(rows: pd.DataFrame, *, by: str, axes: tuple[str, str]) -> Figure:
    """Two scores of each thing against one another, with the line on which they are equal.

    Parameters
    ----------
    rows : DataFrame
        ``label``, ``x``, ``y``; those with the greatest ``x - y`` are named.
    by : str
        Column that parts the rows into panels.
    axes : tuple of str
        What the axes measure; ``{}`` stands for the panel's value of `by`.
    """
    parts = list(rows.groupby(by, sort=False))
    figure = new_figure(5.2 * len(parts), width=WIDE)
    low = min(0.0, float(rows[["x", "y"]].min().min())) - 0.03
    for number, (value, part) in enumerate(parts):
        bottom = (len(parts) - 1 - number + 0.11) / len(parts)
        panel = figure.add_axes((0.09, bottom, 0.56, 0.85 / len(parts)))
        panel.plot([low, 1.03], [low, 1.03], color=MUTED, lw=1, ls=(0, (4, 3)), zorder=1)
        panel.scatter(part["x"], part["y"], s=34, color=BLUE, edgecolor="white", lw=0.8, zorder=3)
        panel.set(xlabel=axes[0].format(value), ylabel=axes[1].format(value))
        panel.set(xlim=(low, 1.03), ylim=(low, 1.03))
        panel.grid(visible=True, color=GRID, lw=0.8)
        panel.set_axisbelow(True)
        fell = part.assign(fall=part["x"] - part["y"])
        fell = fell[fell["fall"] > LEAST].nlargest(NAMED, "fall")
        fell = fell.sort_values("y", ascending=False).assign(label=fell["label"].map(wrapped))
        name_points(panel, list(fell[["x", "y", "label"]].itertuples(index=False, name=None)))
    return figure


def panels(rows: pd.DataFrame) -> Figure:
    """One panel a metric, one row a thing: value, interval, and what chance gives.

    Parameters
    ----------
    rows : DataFrame
        ``label`` (one of the rows, the same in all panels), ``metric`` (a panel's title),
        ``value``, ``low``, ``high``, ``reference`` (what chance gives; NaN where that is not
        known) and ``text`` (beside the dot).
    """
    metrics, labels = (list(dict.fromkeys(rows[name])) for name in ("metric", "label"))
    told = [wrapped(label, LONGEST) for label in labels]
    left = _left(told)
    across = min(ACROSS, len(metrics))
    titles = [fill(metric, 30 * ACROSS // across) for metric in metrics]
    down = -(-len(metrics) // across)
    over = 0.2 + 0.15 * max(title.count("\n") + 1 for title in titles)
    tall = (0.34 + LINE * (most_lines(told) - 1)) * len(labels) + 0.2
    each = over + tall + 0.35
    figure = new_figure(each * down + 0.25, width=max(WIDE, left + 7.4))
    width, height = figure.get_size_inches()
    wide = (width - left - 0.1) / across
    for number, (metric, title) in enumerate(zip(metrics, titles, strict=True)):
        line, column = divmod(number, across)
        bottom = height - line * each - over - tall
        box = (left + column * wide, bottom, wide - 0.25, tall)
        axes = figure.add_axes(np.array(box) / (width, height, width, height))
        _panel(axes, rows[rows["metric"] == metric], labels)
        axes.set_title(title, fontsize=9)
        if column:
            axes.set_yticklabels([])
    figure.legend(handles=_marks(rows), loc="lower right", ncols=3, labelcolor=INK)
    return figure


def _marks(rows: pd.DataFrame) -> list[Line2D]:
    """What the marks mean, of those that are drawn."""
    marks = [Line2D([], [], marker="o", color=BLUE, lw=0, label="score")]
    if rows["low"].notna().any():
        marks.append(Line2D([], [], color=BLUE, lw=2, alpha=0.5, label="95 % interval"))
    if rows["reference"].notna().any():
        bar: dict[str, Any] = {"marker": "|", "color": MUTED, "lw": 0, "ms": 9, "mew": 1.8}
        marks.append(Line2D([], [], label="what chance gives", **bar))
    return marks


def _panel(axes: Axes, rows: pd.DataFrame, labels: list[str]) -> None:
    y = np.array([labels.index(label) for label in rows["label"]])
    _rows(axes, [wrapped(label, LONGEST) for label in labels])
    axes.hlines(y, rows["low"], rows["high"], color=BLUE, lw=2, alpha=0.5, zorder=2)
    axes.scatter(rows["reference"], y, marker="|", s=130, color=MUTED, lw=1.8, zorder=2)
    axes.scatter(rows["value"], y, s=34, color=BLUE, zorder=3)
    for row, value, text in zip(y, rows["value"], rows["text"], strict=True):
        axes.annotate(
            text, (value, row), (0, 6), textcoords="offset points", ha="center", fontsize=7.5,
            color=MUTED,
        )  # fmt: skip
    found = rows[["value", "low", "high", "reference"]].to_numpy(dtype=float)
    low, high = min(0.0, np.nanmin(found)), max(0.0, np.nanmax(found))
    room = (high - low or 1.0) * 0.22
    axes.set_xlim(low - room * (0.2 if low == 0 else 1), high + room)
    axes.locator_params(axis="x", nbins=4)
