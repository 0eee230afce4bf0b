"""Pictures: a treatment beside controls of the same plate, with one contrast for both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from phenolens.answers.tables import Tables
from phenolens.report.figures.style import (
    INK,
    MUTED,
    WIDTH,
    Drawn,
    bare,
    file_name,
    new_figure,
    wrapped,
)

MOST_FIELDS, MOST_CELLS = 2, 6
GAP = 0.05
GAMMA = 0.75  # lifts dim structures; the same for every picture
# Colours of the composite: apart in hue and in lightness, near what microscopists are used to.
STAIN_COLOURS = {
    "DNA": (0.20, 0.45, 1.00),
    "ER": (0.10, 0.85, 0.45),
    "RNA": (0.70, 0.75, 0.15),
    "AGP": (1.00, 0.55, 0.10),
    "Mito": (0.95, 0.15, 0.75),
}
SPARE = [(0.1, 0.8, 0.3), (0.9, 0.2, 0.8), (0.9, 0.7, 0.1), (0.2, 0.8, 0.9), (0.9, 0.3, 0.2)]


def draw(tables: Tables) -> Iterator[Drawn]:
    """One figure a treatment that has exemplars."""
    if tables.exemplars is None or tables.pictures is None:
        return
    channels = [str(name) for name in tables.pictures["channels"]]
    for treatment in order(tables):
        rows = tables.exemplars[tables.exemplars["Metadata_Treatment"] == treatment]
        if not _labelled(tables, treatment):
            rows = rows.assign(role=rows["role"].replace("treated", "well"))
        several = rows[rows["role"] != "control"].duplicated(["Metadata_Plate", "Metadata_Well"])
        layout = _cells if several.any() else _fields
        yield Drawn(
            name=f"montage-{file_name(treatment)}",
            figure=layout(rows, tables.pictures, channels),
            label=treatment,
            alt=f"Pictures of {_who(treatment, rows)}: composite and {', '.join(channels)}.",
            caption=_caption(treatment, rows) + _scale_note(tables.pictures),
            photo=True,
        )


def _labelled(tables: Tables, treatment: str) -> bool:
    """Whether the name is a treatment of the plate map; a well without one shows as itself."""
    if tables.wells is None or "Metadata_Treatment" not in tables.wells:
        return tables.wells is None
    return bool(tables.wells["Metadata_Treatment"].eq(treatment).any())


def _who(treatment: str, rows: pd.DataFrame) -> str:
    """What the pictures show: ``compound-11 and controls of the same plate``, ``well P1 A01``."""
    roles = set(rows["role"])
    name = f"well {treatment}, whose treatment is not given" if "well" in roles else treatment
    return f"{name} and controls of the same plate" if "control" in roles else name


def _caption(treatment: str, rows: pd.DataFrame) -> str:
    who = _who(treatment, rows)
    start = who if who.startswith(treatment) else f"W{who[1:]}"
    shared = ", the same for treated and control" if "control" in set(rows["role"]) else ""
    return (
        f"{start}. Contrast is set once a plate and stain{shared}; grey pictures have gamma "
        f"{GAMMA:g}. "
    )


def order(tables: Tables) -> list[str]:
    """Treatments with pictures, best hits first."""
    exemplars = tables.exemplars
    assert exemplars is not None  # drawn where there are some
    found = list(dict.fromkeys(exemplars["Metadata_Treatment"]))
    rank = {one.name: i for i, one in enumerate(tables.ranked)}
    return sorted(found, key=lambda name: rank.get(name, len(rank)))


def pairs(rows: pd.DataFrame, most: int) -> pd.DataFrame:
    """Treated and control exemplars in turn, plate by plate, at most so many of each."""
    number = rows.groupby(["role", "Metadata_Plate"]).cumcount()
    spread = rows.assign(number=number).sort_values(["number", "Metadata_Plate"], kind="stable")
    controls = spread[spread["role"] == "control"].set_index(
        ["Metadata_Plate", "number"], drop=False
    )
    chosen = []
    for _, row in spread[spread["role"] != "control"].head(most).iterrows():
        key = (row["Metadata_Plate"], row["number"])
        chosen += [row, controls.loc[key]] if key in controls.index else [row]
    return pd.DataFrame(chosen)


def _fields(rows: pd.DataFrame, pictures: dict[str, np.ndarray], channels: list[str]) -> Figure:
    """One line a picture, one column a stain: treated above its control, plate by plate."""
    rows = pairs(rows, MOST_FIELDS)
    titles = ["Composite", *channels]
    left, cell = 0.95, (WIDTH - 1.0) / len(titles)
    tall = cell * _aspect(pictures)
    figure = new_figure(tall * len(rows) + 0.3)
    for line, (_, row) in enumerate(rows.iterrows()):
        for place, panel in enumerate(_panels(row, pictures, channels)):
            corner = (left + place * cell, 0.28 + line * tall)
            axes = show(figure, panel, (*corner, cell - GAP, tall - GAP))
            if line == 0:
                axes.set_title(titles[place], fontsize=8.5, loc="center", pad=3)
            if place == 0:
                _row_label(axes, row)
            if place == 0 and line == len(rows) - 1:
                scale_bar(axes, pictures)
    return figure


def _cells(rows: pd.DataFrame, pictures: dict[str, np.ndarray], channels: list[str]) -> Figure:
    """One line a stain, one column a picture: treated at the left, controls at the right."""
    control = rows["role"] == "control"
    sides = [rows[side].head(MOST_CELLS) for side in (~control, control)]
    titles = ["Composite", *channels]
    left, between = 0.95, 0.25
    cell = min((WIDTH - left - between - 0.05) / (2 * MOST_CELLS), 1.0)
    tall = cell * _aspect(pictures)
    figure = new_figure(tall * len(titles) + 0.5)
    for number, side in enumerate(sides):
        start = left + number * (MOST_CELLS * cell + between)
        for column, (_, row) in enumerate(side.iterrows()):
            for line, panel in enumerate(_panels(row, pictures, channels)):
                corner = (start + column * cell, 0.45 + line * tall)
                axes = show(figure, panel, (*corner, cell - GAP, tall - GAP))
                if column == 0:
                    _side_labels(axes, row, (line, titles[line], number))
                if column == line == number == 0:
                    scale_bar(axes, pictures)
    return figure


def _aspect(pictures: dict[str, np.ndarray]) -> float:
    return pictures["pixels"].shape[2] / pictures["pixels"].shape[3]


def _panels(row: pd.Series, pictures: dict[str, np.ndarray], channels: list[str]) -> list:
    image = pictures["pixels"][int(row["position"])].astype(np.float32) / 255
    return [composite(image, channels), *image**GAMMA]


def composite(image: np.ndarray, channels: list[str]) -> np.ndarray:
    """An RGB picture (H, W, 3) of a stack of stains (C, H, W), both from 0 to 1."""
    spare = iter(SPARE * len(channels))
    colours = np.array([STAIN_COLOURS.get(name) or next(spare) for name in channels])
    colours = colours / np.maximum(colours.sum(axis=0) / 1.8, 1)
    return np.clip(np.einsum("chw,cr->hwr", image, colours), 0, 1)


def show(figure: Figure, panel: np.ndarray, box: tuple[float, float, float, float]) -> Axes:
    """Show a panel in a box given in inches from the upper left corner of the figure."""
    x, y, wide, tall = box
    width, height = figure.get_size_inches()
    axes = figure.add_axes((x / width, 1 - (y + tall) / height, wide / width, tall / height))
    axes.imshow(panel, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    bare(axes)
    return axes


def _row_label(axes: Axes, row: pd.Series) -> None:
    where = f"{wrapped(row['Metadata_Plate'], 14)}\n{row['Metadata_Well']}"
    kind: dict[str, Any] = {"transform": axes.transAxes, "ha": "right", "fontsize": 8}
    axes.text(-0.06, 0.54, row["role"], va="bottom", fontweight="bold", color=INK, **kind)
    axes.text(-0.06, 0.50, where, va="top", color=MUTED, **kind)


def _side_labels(axes: Axes, row: pd.Series, what: tuple[int, str, int]) -> None:
    line, stain, side = what
    if line == 0:
        where = f"{row['role']}  {wrapped(row['Metadata_Plate'], 40)} {row['Metadata_Well']}"
        axes.set_title(where, fontsize=8.5)
    if side == 0:
        axes.text(-0.08, 0.5, stain, transform=axes.transAxes, ha="right", va="center", fontsize=8)


def bar_length(width: int, pixel_size: float) -> tuple[float, str]:
    """Length in pixels, and text, of a round scale bar at most a quarter of the picture wide."""
    unit, name = (pixel_size, "µm") if np.isfinite(pixel_size) else (1.0, "px")
    target = width * unit / 4
    step = 10 ** np.floor(np.log10(target))
    length = max(s * step for s in (1, 2, 5) if s * step <= target)
    return length / unit, f"{length:g} {name}"


def scale_bar(axes: Axes, pictures: dict[str, np.ndarray]) -> None:
    """Draw a scale bar in the lower right corner."""
    height, width = pictures["pixels"].shape[2:]
    length, text = bar_length(width, float(pictures["pixel_size_um"]))
    end, y = width * 0.95, height * 0.94
    outline = [withStroke(linewidth=2, foreground="black")]
    for colour, wide in (("black", 4.2), ("white", 2.2)):
        axes.plot([end - length, end], [y, y], color=colour, lw=wide, solid_capstyle="butt")
    kind: dict[str, Any] = {"color": "white", "fontsize": 7, "ha": "right", "va": "bottom"}
    axes.text(end, height * 0.91, text, path_effects=outline, **kind)


def _scale_note(pictures: dict[str, np.ndarray]) -> str:
    known = np.isfinite(float(pictures["pixel_size_um"]))
    return "" if known else "The pixel size is not known, so the scale bar is in pixels."
