"""Quality of each plate: one panel a metric, one dot a plate, flagged plates marked."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.quality import flags, of_plates
from phenolens.answers.tables import Tables
from phenolens.report.figures.style import GRID, MUTED, WIDTH, Drawn, new_figure, wrapped
from phenolens.words import names
from phenolens.words.numbers import natural

ACROSS, MOST_LABELS = 3, 24
FLAGGED, PASSED = "#D55E00", "passed"


def draw(tables: Tables) -> Iterator[Drawn]:
    """Dot plots over plates, for the lead representation and what belongs to none."""
    rows = of_plates(tables)
    if rows is None:
        return
    flagged = rows.loc[marked(rows), "Metadata_Plate"].nunique()
    yield Drawn(
        name="assay",
        figure=panels(rows),
        label="Assay quality",
        alt=f"Dot plots of {len(measured(rows))} quality metrics over "
        f"{rows['Metadata_Plate'].nunique()} plates; {flagged} of them are flagged.",
        caption="One dot a plate, bars are 95 % intervals where there are any. Orange diamonds are "
        "plates that were flagged; the table below says why.",
    )


def measured(rows: pd.DataFrame) -> list[str]:
    """Metrics that are measurements, not counts of wells."""
    found = list(dict.fromkeys(rows["metric"]))
    return [name for name in found if not name.startswith("n_") and name != PASSED] or found


def marked(rows: pd.DataFrame) -> pd.Series:
    """Which values to mark: those flagged themselves, and all of a plate that did not pass."""
    failed = set(rows.loc[flags(rows) & (rows["metric"] == PASSED), "Metadata_Plate"])
    return flags(rows) | rows["Metadata_Plate"].isin(failed)


def panels(rows: pd.DataFrame) -> Figure:
    """One panel a metric, one dot a plate, flagged plates marked.

    Parameters
    ----------
    rows : DataFrame
        One row a plate and metric: ``Metadata_Plate``, ``metric``, ``value``, ``flag`` (text, empty
        where there is none), and ``low`` and ``high`` where there are intervals.
    """
    metrics = measured(rows)
    plates = sorted(rows["Metadata_Plate"].astype(str).unique(), key=natural)
    rows = rows.assign(marked=marked(rows))
    across = min(ACROSS, len(metrics))
    down = -(-len(metrics) // across)
    each = float(np.clip(0.2 * len(plates), 0.9, 4.2)) + 0.75
    figure = new_figure(each * down)
    grid = figure.subplots(down, across, squeeze=False)
    figure.subplots_adjust(
        left=_left(plates), right=0.985, top=1 - 0.32 / (each * down), bottom=0.32 / (each * down),
        wspace=0.1, hspace=0.75 / (each - 0.75),
    )  # fmt: skip
    for number, axes in enumerate(grid.flat):
        if number < len(metrics):
            part = rows[rows["metric"] == metrics[number]]
            _panel(axes, part, (plates, number % across == 0))
            axes.set_title(names.metric(metrics[number]), fontsize=9)
        else:
            axes.set_visible(False)
    return figure


def _left(plates: list[str]) -> float:
    """Share of the width that the names of plates need."""
    longest = max(len(line) for plate in plates for line in wrapped(plate, 36).split("\n"))
    return max(0.12, (0.066 * longest + 0.2) / WIDTH)


def _panel(axes: Axes, rows: pd.DataFrame, look: tuple[list[str], bool]) -> None:
    plates, labelled = look
    y = np.array([plates.index(str(plate)) for plate in rows["Metadata_Plate"]])
    flagged = rows["marked"].to_numpy()
    if {"low", "high"} <= set(rows):
        axes.hlines(y, rows["low"], rows["high"], color="#9aa5b1", lw=1.6, zorder=2)
    axes.scatter(rows["value"][~flagged], y[~flagged], s=30, color="#0072B2", zorder=3)
    axes.scatter(rows["value"][flagged], y[flagged], s=40, marker="D", color=FLAGGED, zorder=4)
    step = -(-len(plates) // MOST_LABELS)
    shown = list(range(0, len(plates), step))
    axes.set_yticks(shown, [wrapped(plates[i], 36) for i in shown] if labelled else [])
    axes.set_ylim(len(plates) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=True, color=GRID)
    axes.set_axisbelow(True)
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=4)
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelcolor=MUTED, axis="x")
