"""Images above what the autoencoder rebuilds of them, stain by stain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.montage import GAMMA, composite, show
from phenolens.report.figures.network_pixels import intensities
from phenolens.report.figures.style import INK, MUTED, WIDTH, Drawn, new_figure, wrapped

LEFT, GAP, BETWEEN = 1.25, 0.04, 0.14
KINDS = ("pixels", "reconstructions")
WORDS = ("among the best", "typical", "among the worst")


def draw(tables: Tables) -> Iterator[Drawn]:
    """One figure: three held-out images, each above its reconstruction."""
    stored = tables.arrays("reconstructions")
    rows = tables.table("reconstructions")
    if rows is None or stored is None:
        return
    rows = rows.dropna(subset=["position"]).sort_values("position")
    channels = [str(name) for name in stored["channels"]]
    yield Drawn(
        name="reconstructions",
        figure=_pairs(rows, stored, channels),
        label="Reconstructions",
        alt=f"{len(rows)} images above their reconstructions: composite and {', '.join(channels)}.",
        caption="Images of wells that the network never saw, as it reads them (upper) and as it "
        "rebuilds them from its code (lower), both with one contrast a stain. Chosen by mean "
        "correlation over stains: at the 5th, 50th and 95th percentile from the best.",
        photo=True,
    )


def _pairs(rows: pd.DataFrame, stored: dict[str, np.ndarray], channels: list[str]) -> Figure:
    titles = ["Composite", *channels]
    cell = min((WIDTH - LEFT - 0.05) / len(titles), 1.4)
    tall = 2 * cell + BETWEEN
    figure = new_figure(0.32 + tall * len(rows), width=LEFT + cell * len(titles) + 0.05)
    kinds = [stored[kind][rows["position"].to_numpy(dtype=int)] for kind in KINDS]
    pictures = [intensities(stack, kinds[0]) for stack in kinds]
    for number, (_, row) in enumerate(rows.iterrows()):
        for line, stack in enumerate(pictures):
            image = stack[number]
            for place, panel in enumerate([composite(image, channels), *image**GAMMA]):
                corner = (LEFT + place * cell, 0.3 + number * tall + line * cell)
                axes = show(figure, panel, (*corner, cell - GAP, cell - GAP))
                if number == line == 0:
                    axes.set_title(titles[place], fontsize=8.5, loc="center", pad=3)
                if place == 0:
                    _label(axes, row, (number, line, len(rows)))
    return figure


def _label(axes: Axes, row: pd.Series, where: tuple[int, int, int]) -> None:
    number, line, n = where
    kind: dict[str, Any] = {"transform": axes.transAxes, "ha": "right", "fontsize": 8}
    if line:
        axes.text(-0.05, 0.5, "reconstruction", va="center", color=MUTED, **kind)
        return
    said = WORDS[number] if n == len(WORDS) else "image"
    plate = f"{wrapped(row['Metadata_Plate'], 14)}\n{row['Metadata_Well']}"
    below = f"{plate}\n{wrapped(str(row.get('Metadata_Treatment', '')), 14)}"
    axes.text(-0.05, 0.56, said, va="bottom", fontweight="bold", color=INK, **kind)
    axes.text(-0.05, 0.52, below, va="top", color=MUTED, **kind)
