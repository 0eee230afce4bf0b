"""Every score with its interval, representations and baselines on one scale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.scores import (
    Question,
    asked,
    best,
    best_baseline,
    better,
    family,
    has_baseline,
    headlines,
)
from phenolens.answers.tables import Tables
from phenolens.report import colours
from phenolens.report.figures.style import (
    GRID,
    INK,
    MUTED,
    WIDTH,
    Drawn,
    file_name,
    most_lines,
    new_figure,
    wrapped,
)
from phenolens.words import names
from phenolens.words.numbers import fixed, plural

COLUMNS = 3
ROW, AROUND = 0.22, 0.95  # inches: one representation, and what surrounds a panel
LINE, LETTER = 0.15, 0.077  # inches: another line over a panel, a letter of its title
BOUNDED = (-0.02, 1.27)
CAPTION = (
    "Dots are pooled scores, bars 95 % intervals over the unit named in each panel. Grey rows are "
    "baselines: what a score reaches without looking at morphology. The dashed line is the best of "
    "them; a representation whose interval touches it has shown nothing beyond it. Short grey "
    "bars mark what chance gives where that was computed by shuffling."
)


def draw(tables: Tables) -> Iterator[Drawn]:
    """One panel a question (task, metric, split), one row a representation or baseline."""
    questions = asked(tables)
    if not questions:
        return
    families = list(dict.fromkeys(family(key) for key, _ in questions))
    if len(families) > 1:
        yield _drawn(tables, headlines(questions), ("scores", "Overview"))
    for name in families:
        part = [question for question in questions if family(question[0]) == name]
        yield _drawn(tables, part, (f"scores-{file_name(name)}", names.task(name)))


def _drawn(tables: Tables, questions: list[Question], named: tuple[str, str]) -> Drawn:
    order = [n for n in tables.representations if any(n in q.index for _, q in questions)]
    figure = panels(questions, order, colours.palette(tables))
    return Drawn(named[0], figure, named[1], _alt(questions), CAPTION)


def panels(questions: list[Question], order: list[str], palette: dict[str, str]) -> Figure:
    """Panels in lines; a line of questions that have no baselines does without their rows.

    Parameters
    ----------
    questions : list of Question
        One a panel, as :func:`phenolens.answers.scores.asked_of` gives them.
    order : list of str
        Representations and baselines from top to bottom.
    palette : dict
        Colour of each.
    """
    lines = lined_up(questions)
    rows = [_rows(line, order) for line in lines]
    across = max(map(len, lines))
    width = int((0.985 - _left(order)) * WIDTH / across / LETTER) - 2  # letters over a panel
    above = [LINE * _more_lines(line, width) for line in lines]
    heights = [
        ROW * len(names_here) + AROUND + more for names_here, more in zip(rows, above, strict=True)
    ]
    figure = new_figure(sum(heights))
    top = 0.0
    for line, names_here, height, more in zip(lines, rows, heights, above, strict=True):
        for column, question in enumerate(line):
            down = (top + 0.55 + more, height - AROUND - more)
            axes = figure.add_axes(_box(figure, (column, across), down, order))
            _panel(axes, question, (names_here, palette, column == 0))
            _name(axes, question, width)
        top += height
    return figure


def lined_up(questions: list[Question]) -> list[list[Question]]:
    """Lines of panels: questions with baselines first, then those without, two or three a line."""
    with_them = [q for q in questions if has_baseline(q[1])]
    without = [q for q in questions if not has_baseline(q[1])]
    widest = max(len(with_them), len(without))
    across = 2 if widest in (2, 4) else min(COLUMNS, widest)
    parts = (with_them, without)
    return [part[i : i + across] for part in parts for i in range(0, len(part), across)]


def _rows(line: list[Question], order: list[str]) -> list[str]:
    return [name for name in order if any(name in scores.index for _, scores in line)]


def _box(
    figure: Figure, place: tuple[int, int], down: tuple[float, float], order: list[str]
) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a panel as shares of the figure."""
    height, left = figure.get_figheight(), _left(order)
    wide = (0.985 - left) / place[1]
    top, tall = down
    return (left + place[0] * wide, 1 - (top + tall) / height, wide - 0.03, tall / height)


def _left(order: list[str]) -> float:
    """Share of the width that the longest label needs."""
    return (0.066 * max(len(names.label(name)) for name in order) + 0.12) / WIDTH


def _panel(axes: Axes, question: tuple, look: tuple) -> None:
    key, scores = question
    order, palette, labelled = look
    axes.set_ylim(len(order) - 0.4, -0.6)
    axes.set_xlim(*_limits(scores))
    _reference(axes, scores, lowest=better(key[1]) == "lower")
    for row, name in enumerate(order):
        if name in scores.index:
            _dot(axes, row, (scores.loc[name], palette[name], names.is_baseline(name)))
    _labels(axes, order, labelled=labelled)


def _name(axes: Axes, question: Question, width: int) -> None:
    """The metric above a panel, and below it what was asked of how many."""
    key, scores = question
    note = wrapped(_note(key, scores), width + 6)
    axes.set_title(
        wrapped(names.metric(key[1]), width), fontsize=9.5, pad=5 + 10 * most_lines([note])
    )
    axes.annotate(
        note, (0, 1), (0, 4), xycoords="axes fraction", textcoords="offset points", va="bottom",
        fontsize=7.5, color=MUTED,
    )  # fmt: skip


def _more_lines(line: list[Question], width: int) -> int:
    """Lines that the longest name over a panel of this line takes beyond two."""
    return max(
        most_lines([wrapped(names.metric(key[1]), width)])
        + most_lines([wrapped(_note(key, scores), width + 6)])
        - 2
        for key, scores in line
    )


def _note(key: tuple, scores: pd.DataFrame) -> str:
    units = plural(int(scores["n"].max()), key[3])
    parts = (names.task(key[0]), units, names.split(key[2]))
    return ", ".join(part for part in parts if part)


def _limits(scores: pd.DataFrame) -> tuple[float, float]:
    values = scores[["value", "low", "high", "reference"]].to_numpy(dtype=float)
    low, high = np.nanmin(values), np.nanmax(values)
    low = min(low, 0.0)
    room = (high - low or 1.0) * 0.05
    if 0.7 < high <= 1 and low >= 0:
        return BOUNDED
    return low - (room if low < 0 else room * 0.4), high + 5.5 * room


def _reference(axes: Axes, scores: pd.DataFrame, *, lowest: bool) -> None:
    found = best_baseline(scores, lowest=lowest)
    if found:
        axes.axvline(found[1], color=MUTED, lw=1, ls=(0, (4, 3)), zorder=1)


def _dot(axes: Axes, row: int, what: tuple) -> None:
    score, colour, baseline = what
    if pd.notna(score["reference"]):
        axes.plot([score["reference"]] * 2, [row - 0.3, row + 0.3], color=MUTED, lw=1.6, zorder=2)
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
    place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
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
        lowest = better(key[1]) == "lower"
        # Controls of fusions hold noise: what ties with them or falls behind is said elsewhere.
        found = best(scores[[not names.is_noise(name) for name in scores.index]], lowest=lowest)
        if found is not None:
            which = f"{'lowest' if lowest else 'highest'} {names.label(found[0])}"
            what = f"{names.task(key[0])}, {names.metric(key[1])}"
            parts.append(f"{what}: {which} at {fixed(found[1])}")
    return "Dot plots of scores with intervals. " + "; ".join(parts) + "."
