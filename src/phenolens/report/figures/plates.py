"""Plates as the microscope saw them: one quantity a figure, one panel a plate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.profiles import PLATE_SHAPES, row_letters, well_position
from phenolens.report.figures.marks import Marks
from phenolens.report.figures.style import INK, MUTED, Drawn, file_name, new_figure, wrapped
from phenolens.words.numbers import natural

MOST = 12
EMPTY = "#eef1f4"


def draw(tables: Tables) -> Iterator[Drawn]:
    """Plate maps of cell count, mean intensity of each stain, and activity."""
    if tables.wells is None:
        return
    for column, label, note in quantities(tables):
        wells = with_quantity(tables, column)
        figure = _maps(wells, label)
        yield Drawn(
            name=f"plates-{file_name(label)}",
            figure=figure,
            label=label,
            alt=_alt(wells, label),
            caption=note + _clipped(wells["value"]) + _shown(wells),
            vector=False,
            marks=_marks(figure, wells),
        )


def _marks(figure: Figure, wells: pd.DataFrame) -> tuple[Marks, ...]:
    """The wells of the plates that are drawn."""
    by_plate = dict(iter(wells.groupby("plate")))
    return tuple(
        Marks(axes, part["column"].to_numpy(), part["row"].to_numpy(),
              [(str(plate), well) for well in part["well"]])
        for axes, plate in zip(figure.axes, _drawn(wells), strict=False)
        if len(part := by_plate[plate])
    )  # fmt: skip


def _clipped(values: pd.Series) -> str:
    """How many values lie beyond the ends of the scale, which then stand for them."""
    norm, _ = _scale(values)
    below, above = int((values < norm.vmin).sum()), int((values > norm.vmax).sum())
    if not below + above:
        return ""
    return (
        f"{below} below {norm.vmin:.3g} and {above} above {norm.vmax:.3g} have the colour of the "
        "end. "
    )


def quantities(tables: Tables) -> list[tuple[str, str, str]]:
    """Column, label and note of everything that can be mapped onto the plates."""
    wells, found = tables.wells, []
    assert wells is not None  # drawn where there are wells
    shared = "All plates share one scale, from the 1st to the 99th percentile. "
    if "Metadata_CellCount" in wells and wells["Metadata_CellCount"].notna().any():
        found.append(("Metadata_CellCount", "Cell count", f"Cells a well. {shared}"))
    for name in [c for c in wells.columns if c.startswith("intensity_")]:
        if wells[name].notna().any():
            stain = name.removeprefix("intensity_")
            found.append((name, f"{stain} intensity", f"Mean intensity of {stain}. {shared}"))
    if tables.of_lead(tables.activity) is not None and tables.treatments:
        note = "Normalized mAP of the treatment in each well; controls are left open. "
        found.append(("_activity", "Activity", note))
    return found


def with_quantity(tables: Tables, column: str) -> pd.DataFrame:
    """Wells with plate row, plate column and the value to draw."""
    wells = tables.wells
    assert wells is not None  # a quantity is one of them
    place = well_position(wells["Metadata_Well"])
    values = wells[column] if column in wells else _activity(tables)
    return pd.DataFrame(
        {
            "plate": wells["Metadata_Plate"].astype(str),
            "well": wells["Metadata_Well"].astype(str),
            "row": place[:, 0],
            "column": place[:, 1],
            "control": tables.controls,
            "value": pd.to_numeric(values).to_numpy(dtype=float),
        }
    )


def _activity(tables: Tables) -> pd.Series:
    of_lead, wells = tables.of_lead(tables.activity), tables.wells
    assert of_lead is not None and wells is not None  # see quantities
    rows = of_lead.set_index("Metadata_Treatment")
    column = "map_normalized" if "map_normalized" in rows else "map"
    values = wells["Metadata_Treatment"].map(rows[column])
    return values.where(~tables.controls)


def plate_shape(wells: pd.DataFrame) -> tuple[int, int]:
    """Rows and columns of the usual plate that holds every well.

    A plate of fewer than 96 wells is believed only when a third of it is filled: a few wells near
    A01 are rather a part of a larger plate.
    """
    rows, columns = wells["row"].max() + 1, wells["column"].max() + 1
    most = wells.groupby("plate").size().max()
    return next(
        s for s in PLATE_SHAPES.values() if s[0] >= rows and s[1] >= columns and _likely(s, most)
    )


def _likely(shape: tuple[int, int], filled: int) -> bool:
    return shape[0] >= 8 or 3 * filled >= shape[0] * shape[1]


def _shown(wells: pd.DataFrame) -> str:
    plates = wells["plate"].nunique()
    ring = "Ringed wells are controls." if wells["control"].any() else ""
    if plates <= MOST:
        return ring
    return (
        f"{ring} The first {MOST} of {plates} plates are shown; `phenolens explore` shows all."
    ).strip()


def _maps(wells: pd.DataFrame, label: str) -> Figure:
    shape = plate_shape(wells)
    plates = _drawn(wells)
    figure, panels = plate_panels(len(plates), shape)
    scale = _scale(wells["value"])
    for axes, plate in zip(panels, plates, strict=True):
        _plate(axes, (plate, wells[wells["plate"] == plate]), (shape, scale))
    _bar(figure, scale, label)
    return figure


def _drawn(wells: pd.DataFrame) -> list[str]:
    return sorted(wells["plate"].unique(), key=natural)[:MOST]


def plate_panels(plates: int, shape: tuple[int, int]) -> tuple[Figure, list[Axes]]:
    """A figure with axes for each plate, and room at the right and above each."""
    across = _across(plates, wide=shape[0] > 8)
    down = -(-plates // across)
    each = (9.6 / across - 0.45) * shape[0] / shape[1] + 0.62
    height = min(each, 4.4) * down + 0.1
    figure = new_figure(height)
    grid = figure.subplots(down, across, squeeze=False)
    figure.subplots_adjust(
        left=0.035, right=0.915, top=1 - 0.45 / height, bottom=0.1 / height,
        wspace=0.1, hspace=0.62 / (min(each, 4.4) - 0.62),
    )  # fmt: skip
    for axes in list(grid.flat)[plates:]:
        axes.set_visible(False)
    return figure, list(grid.flat)[:plates]


def _across(plates: int, *, wide: bool) -> int:
    """Plates side by side: two where they fill the lines or are large and few, else three."""
    two = plates in (2, 4) or (wide and plates < 6)
    return min(plates, 2 if two else 3)


def _scale(values: pd.Series) -> tuple[Normalize, Colormap]:
    known = values.dropna()
    low, high = np.percentile(known, [1, 99]) if len(known) else (0, 1)
    high = high if high > low else low + (abs(low) * 0.01 or 1)
    return Normalize(low, high), _sequence()


def _sequence() -> Colormap:
    """Pale yellow to deep blue: its order by lightness holds for every kind of colour vision."""
    stops = ["#fdf6c9", "#c2e0a6", "#6fbfa5", "#2b8fa3", "#215c93", "#2a2a6c"]
    return LinearSegmentedColormap.from_list("wells", stops)


def _plate(axes: Axes, what: tuple[str, pd.DataFrame], look: tuple) -> None:
    (name, wells), (shape, (norm, colours)) = what, look
    image = np.full(shape, np.nan)
    image[wells["row"], wells["column"]] = wells["value"]
    axes.set_facecolor(EMPTY)
    axes.imshow(image, norm=norm, cmap=colours, interpolation="nearest", aspect="equal")
    rings = wells[wells["control"]]
    size, thin = {8: (30, 1), 16: (9, 0.8), 32: (2.2, 0.5)}.get(shape[0], (60, 1))
    for colour, wide in (("white", 2.0), (INK, 0.9)):
        ring: dict[str, Any] = {
            "s": size,
            "facecolor": "none",
            "edgecolor": colour,
            "lw": wide * thin,
        }
        axes.scatter(rings["column"], rings["row"], **ring)
    seams(axes, shape)
    axes.set_title(wrapped(name, 44), fontsize=9, pad=16)


def seams(axes: Axes, shape: tuple[int, int]) -> None:
    """Letters and numbers of a plate, and white lines between its wells."""
    every = {8: 1, 16: 1, 32: 2}.get(shape[0], 1)
    across = 1 if shape[1] <= 12 else 2 if shape[1] <= 24 else 4
    axes.set_yticks(range(0, shape[0], every), [row_letters(r) for r in range(0, shape[0], every)])
    axes.set_xticks(range(0, shape[1], across), [str(c + 1) for c in range(0, shape[1], across)])
    wide = 0.8 if shape[0] <= 16 else 0.3
    axes.hlines(np.arange(0.5, shape[0] - 1), -0.5, shape[1] - 0.5, color="white", lw=wide)
    axes.vlines(np.arange(0.5, shape[1] - 1), -0.5, shape[0] - 0.5, color="white", lw=wide)
    axes.tick_params(length=0, labelsize=6.5, pad=1, labelcolor=MUTED)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _bar(figure: Figure, scale: tuple[Normalize, Colormap], label: str) -> None:
    from matplotlib.cm import ScalarMappable

    height = figure.get_figheight()
    tall = min(2.2 / height, 0.8)
    axes = figure.add_axes((0.94, 1 - 0.45 / height - tall, 0.012, tall))
    bar = figure.colorbar(ScalarMappable(*scale), cax=axes)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=7.5, length=2)
    bar.set_label(label, fontsize=8)


def _alt(wells: pd.DataFrame, label: str) -> str:
    medians = wells.groupby("plate")["value"].median()
    return (
        f"Plate maps of {label.lower()} for {min(len(medians), MOST)} plates; plate medians run "
        f"from {medians.min():.3g} to {medians.max():.3g}."
    )
