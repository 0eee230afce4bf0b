"""Pictures: treated wells above controls of the same plate, with one contrast for both."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.report.figures.style import INK, MUTED, Drawn, bare, file_name, new_figure, shortened
from phenolens.report.tables import Tables

MOST_PAIRS = 2
# Colours of the composite: apart in hue and in lightness, near what microscopists are used to.
STAIN_COLOURS = {
    "DNA": (0.20, 0.45, 1.00),
    "ER": (0.10, 0.85, 0.45),
    "RNA": (0.70, 0.75, 0.15),
    "AGP": (1.00, 0.55, 0.10),
    "Mito": (0.95, 0.15, 0.75),
}
SPARE = [(0.9, 0.9, 0.9), (0.3, 0.8, 0.9), (0.9, 0.3, 0.3), (0.5, 0.4, 0.9)]


def draw(tables: Tables) -> Iterator[Drawn]:
    """One figure a treatment that has exemplars."""
    if tables.exemplars is None or tables.pictures is None:
        return
    channels = [str(name) for name in tables.pictures["channels"]]
    for treatment in order(tables):
        rows = pairs(tables.exemplars[tables.exemplars["Metadata_Treatment"] == treatment])
        yield Drawn(
            name=f"montage-{file_name(treatment)}",
            figure=_montage(rows, tables.pictures, channels),
            label=shortened(treatment, 24),
            alt=f"Pictures of {treatment} above controls of the same plate: composite and "
            f"{', '.join(channels)}.",
            caption=f"{treatment} above controls of the same plate. Contrast is set once a plate "
            "and stain, the same for treated and control. " + _scale_note(tables.pictures),
            vector=False,
        )


def order(tables: Tables) -> list[str]:
    """Treatments with pictures, best hits first."""
    found = list(dict.fromkeys(tables.exemplars["Metadata_Treatment"]))
    if tables.hits is None:
        return found
    rank = {name: i for i, name in enumerate(tables.hits["treatment"])}
    return sorted(found, key=lambda name: rank.get(name, len(rank)))


def pairs(rows: pd.DataFrame) -> pd.DataFrame:
    """Treated and control exemplars in turn, plate by plate, at most so many of each."""
    number = rows.groupby(["role", "Metadata_Plate"]).cumcount()
    spread = rows.assign(number=number).sort_values(["number", "Metadata_Plate"], kind="stable")
    treated = spread[spread["role"] == "treated"].head(MOST_PAIRS)
    chosen = []
    for index, row in treated.iterrows():
        same = spread[
            (spread["role"] == "control") & (spread["Metadata_Plate"] == row["Metadata_Plate"])
        ]
        chosen += [index, *same.index[row["number"] : row["number"] + 1]]
    return rows.loc[chosen]


def _montage(rows: pd.DataFrame, pictures: dict[str, np.ndarray], channels: list[str]) -> Figure:
    pixels = pictures["pixels"]
    across = len(channels) + 1
    left, cell = 0.95, 9.4 / across
    tall = cell * pixels.shape[2] / pixels.shape[3]
    height = (tall + 0.05) * len(rows) + 0.3
    figure = new_figure(height)
    for line, (_, row) in enumerate(rows.iterrows()):
        image = pixels[int(row["position"])].astype(np.float32) / 255
        panels = [composite(image, channels), *image]
        for place, panel in enumerate(panels):
            x = (left + place * cell) / figure.get_figwidth()
            y = 1 - (0.28 + (line + 1) * (tall + 0.05)) / height
            axes = figure.add_axes((x, y, (cell - 0.05) / figure.get_figwidth(), tall / height))
            _picture(axes, panel, title=(["Composite", *channels][place] if line == 0 else None))
            if place == 0:
                _row_label(axes, row)
            if place == 0 and line == len(rows) - 1:
                scale_bar(axes, pixels.shape[3], float(pictures["pixel_size_um"]))
    return figure


def composite(image: np.ndarray, channels: list[str]) -> np.ndarray:
    """An RGB picture (H, W, 3) of a stack of stains (C, H, W), both from 0 to 1."""
    spare = iter(SPARE * len(channels))
    colours = np.array([STAIN_COLOURS.get(name) or next(spare) for name in channels])
    colours = colours / np.maximum(colours.sum(axis=0) / 2.2, 1)
    return np.clip(np.einsum("chw,cr->hwr", image, colours), 0, 1)


def _picture(axes: Axes, panel: np.ndarray, *, title: str | None) -> None:
    axes.imshow(panel, cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect="auto")
    bare(axes)
    if title:
        axes.set_title(title, fontsize=8.5, loc="center", pad=3)


def _row_label(axes: Axes, row: pd.Series) -> None:
    role = "treated" if row["role"] == "treated" else "control"
    where = f"{shortened(row['Metadata_Plate'], 14)}\n{row['Metadata_Well']}"
    kind = {"transform": axes.transAxes, "ha": "right", "fontsize": 8}
    axes.text(-0.06, 0.54, role, va="bottom", fontweight="bold", color=INK, **kind)
    axes.text(-0.06, 0.50, where, va="top", color=MUTED, **kind)


def bar_length(width: int, pixel_size: float) -> tuple[float, str]:
    """Length in pixels, and text, of a round scale bar about a fifth of the picture wide."""
    unit, name = (pixel_size, "µm") if np.isfinite(pixel_size) else (1.0, "px")
    target = width * unit / 4
    step = 10 ** np.floor(np.log10(target))
    length = max(s * step for s in (1, 2, 5) if s * step <= target)
    return length / unit, f"{length:g} {name}"


def scale_bar(axes: Axes, width: int, pixel_size: float) -> None:
    """Draw a scale bar in the lower right corner."""
    length, text = bar_length(width, pixel_size)
    end, (low, _) = width * 0.95, axes.get_ylim()
    axes.plot([end - length, end], [low * 0.94] * 2, color="white", lw=2.2, solid_capstyle="butt")
    axes.text(
        end - length / 2, low * 0.91, text, color="white", fontsize=7, ha="center", va="bottom"
    )


def _scale_note(pictures: dict[str, np.ndarray]) -> str:
    known = np.isfinite(float(pictures["pixel_size_um"]))
    return "" if known else "The pixel size is not known, so the scale bar is in pixels."
