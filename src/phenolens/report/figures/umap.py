"""Wells laid out by similarity, coloured by what they are and by where they stood."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.profiles import PLATE, WELL
from phenolens.report.figures.groups import Group, by_control, by_mechanism, by_plate
from phenolens.report.figures.marks import Marks
from phenolens.report.figures.style import Drawn, bare, file_name, new_figure
from phenolens.words import names

MOST_NAMED = 18
MOST_MARKED = 3000


def draw(tables: Tables) -> Iterator[Drawn]:
    """One figure a representation or fusion: mechanism, plate, and control or treated."""
    if tables.umap is None:
        return
    for name in tables.real:
        if names.is_noise(name):
            continue
        points = tables.umap[tables.umap["representation"] == name]
        if len(points):
            figure = _three(points)
            yield Drawn(
                name=f"umap-{file_name(name)}",
                figure=figure,
                label=names.label(name),
                alt=f"UMAP of {len(points)} wells by {names.label(name)}, coloured by mechanism, "
                "by plate, and by control or treated.",
                caption="Each dot is a well. Wells that colour by plate rather than by mechanism "
                "are grouped by batch, not by biology. Distances between far groups and the sizes "
                "of groups carry no meaning in UMAP.",
                vector=len(points) <= 800,
                marks=_marks(figure, points),
            )


def _marks(figure: Figure, points: pd.DataFrame) -> tuple[Marks, ...]:
    """The wells, where they are few enough to be pointed at."""
    if len(points) > MOST_MARKED:
        return ()
    first, *others = figure.axes
    of = list(points[[PLATE, WELL]].astype(str).itertuples(index=False, name=None))
    x, y = (points[name].to_numpy() for name in "xy")
    return (Marks(first, x, y, of, tuple(others)),)


def _three(points: pd.DataFrame) -> Figure:
    views = [
        ("Mechanism", by_mechanism(points)),
        ("Plate", by_plate(points["Metadata_Plate"])),
        ("Control or treated", by_control(points)),
    ]
    legend = max(legend_height(groups) for _, groups in views)
    height = 3.75 + legend
    figure = new_figure(height)
    for number, (title, groups) in enumerate(views):
        left = 0.01 + number * 0.333
        axes = figure.add_axes((left, legend / height, 0.313, 3.4 / height))
        scatter(axes, points, groups)
        axes.set_title(title)
        name_below(axes, groups)
    return figure


def scatter(axes: Axes, points: pd.DataFrame, groups: list[Group]) -> None:
    """Draw each group's wells at ``x`` and ``y``."""
    size = 26 if len(points) < 500 else 12 if len(points) < 2000 else 5
    for group in groups:
        part = points[group.rows]
        axes.scatter(
            part["x"], part["y"], s=size, marker=group.marker, facecolor=group.colour,
            edgecolor="white", lw=0.35, alpha=group.alpha,
        )  # fmt: skip
    bare(axes)
    axes.margins(0.04)


def legend_height(groups: list[Group], *, columns: int = 2) -> float:
    """Inches that the names below a map take."""
    told = [group.told.count("\n") for group in named(groups)]
    rows = -(-len(told) // columns)
    lines = max(sum(told[i * rows : (i + 1) * rows]) for i in range(columns))
    return 0.19 * rows + 0.13 * lines + 0.12


def named(groups: list[Group]) -> list[Group]:
    """The groups a legend names: all, or the first, some between and the last when many."""
    if len(groups) <= MOST_NAMED:
        return groups
    return [groups[round(i * (len(groups) - 1) / 7)] for i in range(8)]


def name_below(axes: Axes, groups: list[Group], *, columns: int = 2) -> None:
    """Name the groups below the map."""
    handles = [group.handle() for group in named(groups)]
    axes.legend(
        handles=handles, loc="upper left", bbox_to_anchor=(-0.02, -0.01), ncols=columns,
        fontsize=7.5, handletextpad=0.3, columnspacing=0.9, borderpad=0.1, labelspacing=0.35,
    )  # fmt: skip
