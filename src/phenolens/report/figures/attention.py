"""Grad-CAM overlays: a treated image and a control beside the map of where the network looked."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.report.figures.montage import composite, show
from phenolens.report.figures.style import INK, MUTED, Drawn, file_name, new_figure, shortened
from phenolens.report.tables import Tables

CELL, GAP, LEFT = 2.6, 0.08, 1.3
STRENGTH = 0.6  # of the map's colour where it is at its maximum


def draw(tables: Tables) -> Iterator[Drawn]:
    """One figure a treatment: composite, map over it in grey, and the map alone."""
    if tables.attention is None or tables.attention_pictures is None:
        return
    for treatment, rows in tables.attention.groupby("shown_for", sort=False):
        yield Drawn(
            name=f"attention-{file_name(treatment)}",
            figure=_rows(rows, tables.attention_pictures),
            label=shortened(treatment, 24),
            alt=f"Images of {treatment} and a control, with the Grad-CAM map of each.",
            caption=f"{treatment} and a control of the same plate, as the network reads them, with "
            "its Grad-CAM map for the class it was asked about. Each map runs from 0 (dark) to its "
            "own maximum (bright), so brightness does not compare between images.",
            photo=True,
        )


def _rows(rows: pd.DataFrame, stored: dict[str, np.ndarray]) -> Figure:
    figure = new_figure(CELL * len(rows) + 0.35, width=LEFT + 3 * CELL + 0.1)
    for line, (_, row) in enumerate(rows.iterrows()):
        for place, (title, panel) in enumerate(_panels(row, stored).items()):
            box = (LEFT + place * CELL, 0.32 + line * CELL, CELL - GAP, CELL - GAP)
            axes = show(figure, panel, box)
            if line == 0:
                axes.set_title(title, fontsize=8.5, loc="center", pad=3)
            if place == 0:
                _label(axes, row)
    return figure


def _panels(row: pd.Series, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    place = int(row["position"])
    image = stored["pixels"][place].astype(np.float32) / 255
    seen = stored["maps"][place].astype(np.float32) / 255
    colour = mpl.colormaps["inferno"](seen)[..., :3]
    grey = np.repeat(image.mean(axis=0)[..., None], 3, axis=2)
    cover = STRENGTH * seen[..., None]
    channels = [str(name) for name in stored["channels"]]
    over = (1 - cover) * grey + cover * colour
    return {"Composite": composite(image, channels), "Map over image": over, "Map": colour}


def _label(axes: Axes, row: pd.Series) -> None:
    asked = f"class: {shortened(row['target'], 18)}\n{'right' if row['correct'] else 'wrong'}"
    where = f"{shortened(row['Metadata_Plate'], 16)} {row['Metadata_Well']}\n{asked}"
    kind = {"transform": axes.transAxes, "ha": "right", "fontsize": 8}
    axes.text(-0.04, 0.54, row["role"], va="bottom", fontweight="bold", color=INK, **kind)
    axes.text(-0.04, 0.50, where, va="top", color=MUTED, **kind)
