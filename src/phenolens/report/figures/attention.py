"""Overlays: treated images and controls beside the map of where the network looked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.montage import GAMMA, composite, show
from phenolens.report.figures.network_pixels import intensities, name_inside, outline
from phenolens.report.figures.style import (
    INK,
    MUTED,
    WIDTH,
    Drawn,
    file_name,
    new_figure,
    wrapped,
)
from phenolens.words.numbers import interval, percent

CELL, GAP, LEFT, TOP = 2.35, 0.06, 1.3, 0.32
MOST, BETWEEN = 6, 0.25
STRENGTH = 0.6  # of the map's colour where it is at its maximum
CAPTION = (
    " of the same plate, as the network reads them, with maps for the class it was asked "
    "about. Contrast is one a stain for all pictures shown. Each map runs from 0 (dark) to its own "
    "maximum (bright), so brightness does not compare between images."
)


def draw(tables: Tables) -> Iterator[Drawn]:
    """One figure a treatment: fields line by line, single cells side by side."""
    stored = tables.attention_pictures
    if tables.attention is None or stored is None:
        return
    rate = hit_rate(tables.activation)
    outlined = " White lines are outlines of nuclei." if np.any(stored.get("nuclei", False)) else ""
    for treatment, rows in tables.attention.groupby("shown_for", sort=False):
        several = rows["role"].duplicated().any()
        who = f"{treatment} and " + ("controls" if several else "a control")
        yield Drawn(
            name=f"attention-{file_name(treatment)}",
            figure=(_columns if several else _rows)(rows, pictures(rows, stored)),
            label=treatment,
            alt=f"Images of {who}, with the map of each.",
            caption=who + CAPTION + rate + outlined,
            photo=True,
        )


def hit_rate(found: dict | None) -> str:
    """How often such maps point at planted changes, as a sentence; empty where nothing was."""
    truth, method = (found or {}).get("truth") or {}, (found or {}).get("method")
    for row in truth.get("rates") or ():
        asked = (row["method"], row["kind"], row["measure"]) == (method, "all", "hit")
        if asked and row["n"]:
            between = interval(row["low"], row["high"], of=percent)
            return (
                f" Of {row['n']} changes planted in control cells that the network sees, such maps "
                f"point at {percent(row['value'])} (95 % interval {between})."
            )
    return ""


def pictures(rows: pd.DataFrame, stored: dict[str, np.ndarray]) -> dict[str, Any]:
    """Intensities, maps, nuclei (or None) and stain names of the images in these rows."""
    places = rows["position"].to_numpy(dtype=int)
    nuclei = stored["nuclei"][places] if "nuclei" in stored else [None] * len(places)
    return {
        "images": intensities(stored["pixels"][places]),
        "maps": stored["maps"][places].astype(np.float32) / 255,
        "nuclei": nuclei,
        "channels": [str(name) for name in stored["channels"]],
    }


def _rows(rows: pd.DataFrame, given: dict) -> Figure:
    """One line an image: composite, map over it, map, and each stain small."""
    channels = given["channels"]
    small = CELL / 3
    wide = LEFT + 3 * CELL + -(-len(channels) // 3) * small
    figure = new_figure(CELL * len(rows) + TOP + 0.03, width=wide + 0.05)
    for line, (_, row) in enumerate(rows.iterrows()):
        y = TOP + line * CELL
        image, seen = given["images"][line], given["maps"][line]
        for place, (title, panel) in enumerate(panels(image, seen, channels).items()):
            axes = show(figure, panel, (LEFT + place * CELL, y, CELL - GAP, CELL - GAP))
            if place:
                outline(axes, given["nuclei"][line])
            if line == 0:
                axes.set_title(title, fontsize=8.5, loc="center", pad=3)
            if place == 0:
                _label(axes, row)
        for place in range(len(channels)):
            x = LEFT + 3 * CELL + place // 3 * small
            box = (x, y + place % 3 * small, small - GAP / 2, small - GAP / 2)
            name_inside(show(figure, image[place] ** GAMMA, box), channels, place)
    return figure


def _columns(rows: pd.DataFrame, given: dict) -> Figure:
    """One column an image: treated at the left, controls at the right; lines as named."""
    channels = given["channels"]
    titles = ["Composite", "Map over image", *channels]
    cell = min((WIDTH - LEFT - BETWEEN - 0.05) / (2 * MOST), 1.0)
    figure = new_figure(cell * len(titles) + 0.5)
    for side, role in enumerate(("treated", "control")):
        places = np.flatnonzero(rows["role"] == role)[:MOST]
        for column, number in enumerate(places):
            x = LEFT + side * (MOST * cell + BETWEEN) + column * cell
            image = given["images"][number]
            shown = panels(image, given["maps"][number], channels)
            stack = [shown["Composite"], shown["Map over image"], *image**GAMMA]
            for line, panel in enumerate(stack):
                axes = show(figure, panel, (x, 0.45 + line * cell, cell - GAP / 2, cell - GAP / 2))
                if line == 1:
                    outline(axes, given["nuclei"][number])
                if column == 0:
                    _name_line(axes, (side, line, titles), rows.iloc[number])
    return figure


def panels(image: np.ndarray, seen: np.ndarray, channels: list[str]) -> dict[str, np.ndarray]:
    """Composite, map over the grey image, and map alone, each RGB (H, W, 3)."""
    colour = mpl.colormaps["inferno"](seen)[..., :3]
    grey = np.repeat(image.mean(axis=0)[..., None], 3, axis=2)
    cover = STRENGTH * seen[..., None]
    over = (1 - cover) * grey + cover * colour
    return {"Composite": composite(image, channels), "Map over image": over, "Map": colour}


def _label(axes: Axes, row: pd.Series) -> None:
    asked = f"class: {wrapped(row['target'], 15)}\n{'right' if row['correct'] else 'wrong'}"
    where = f"{wrapped(row['Metadata_Plate'], 16)} {row['Metadata_Well']}\n{asked}"
    kind: dict[str, Any] = {"transform": axes.transAxes, "ha": "right", "fontsize": 8}
    axes.text(-0.04, 0.54, row["role"], va="bottom", fontweight="bold", color=INK, **kind)
    axes.text(-0.04, 0.50, where, va="top", color=MUTED, **kind)


def _name_line(axes: Axes, what: tuple[int, int, list[str]], row: pd.Series) -> None:
    side, line, titles = what
    if line == 0:
        axes.set_title(f"{row['role']}, {wrapped(row['Metadata_Plate'], 40)}", fontsize=8.5)
    if side == 0:
        kind: dict[str, Any] = {
            "transform": axes.transAxes,
            "ha": "right",
            "va": "center",
            "fontsize": 8,
        }
        axes.text(-0.08, 0.5, titles[line], **kind)
