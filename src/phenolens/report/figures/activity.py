"""How far each treatment is from its controls, against how sure that is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phenolens.answers.quality import LOST, lost_cells
from phenolens.answers.tables import Tables
from phenolens.answers.treatments import best_first
from phenolens.profiles import TREATMENT
from phenolens.report import colours
from phenolens.report.figures.marks import Marks
from phenolens.report.figures.style import GRID, INK, MUTED, Drawn, file_name, new_figure, wrapped
from phenolens.words import names
from phenolens.words.numbers import p_value, percent

LABELLED = 12
LEAST_Q = 1e-12  # smaller ones are drawn here
LEADER = {"arrowstyle": "-", "color": "#b6bfc8", "lw": 0.7, "relpos": (0, 0.5), "shrinkB": 3}


def draw(tables: Tables) -> Iterator[Drawn]:
    """mAP against -log10 q for each representation."""
    palette = colours.palette(tables)
    for name in filter(lambda name: not names.is_noise(name), tables.real):
        rows = tested(tables, name)
        if len(rows):
            figure = volcano(rows, colour=palette[name], alpha=tables.alpha)
            yield Drawn(
                name=f"activity-{file_name(name)}",
                figure=figure,
                label=names.label(name),
                alt=_alt(rows, name, tables.alpha),
                caption=_caption(rows, tables.alpha),
                marks=(Marks(figure.axes[0], rows["map"].to_numpy(), _height(rows),
                             rows[TREATMENT].tolist()),),
            )  # fmt: skip


def tested(tables: Tables, name: str) -> pd.DataFrame:
    """The treatments of one representation that have both an mAP and a q."""
    if tables.activity is None:
        return pd.DataFrame(columns=["map", "q"])
    rows = tables.activity[tables.activity["representation"] == name]
    return testable(best_first(rows, features=tables.features))


def testable(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of a table of activity that have both an mAP and a q, smallest q first."""
    return rows.dropna(subset=["map", "q"]).sort_values(
        ["q", "map"], ascending=[True, False], kind="stable"
    )


def _height(rows: pd.DataFrame) -> np.ndarray:
    return -np.log10(rows["q"].clip(lower=LEAST_Q).to_numpy())


def _caption(rows: pd.DataFrame, alpha: float) -> str:
    below = int((rows["q"] < LEAST_Q).sum())
    clipped = f" {below} with q below {p_value(LEAST_Q)} stand at it." if below else ""
    return (
        "Right: wells of the treatment resemble one another more than they resemble controls. Up: "
        f"less likely by chance. Filled dots are active (q below {alpha:g}, dashed line); the "
        "dotted line is the smallest q this design can reach. Triangles lost cells: fewer than "
        f"{percent(LOST)} of their controls' (read them as possible toxicity).{clipped}"
    )


def volcano(rows: pd.DataFrame, *, colour: str, alpha: float) -> Figure:
    """mAP against -log10 q, one dot a treatment, those with the smallest q named.

    Parameters
    ----------
    rows : DataFrame
        As :func:`testable` gives it, at least one row: ``Metadata_Treatment``, ``map``, ``q``,
        ``p_attainable``, ``active``, and ``cell_count_ratio`` where cells are counted.
    colour : str
        Of the active treatments.
    alpha : float
        The level at which a treatment counts as active.
    """
    figure = new_figure(4.9)
    axes = figure.add_axes((0.06, 0.115, 0.64, 0.855))
    height = _height(rows)
    top = max(height.max(), -np.log10(alpha)) * 1.1 + 0.1
    axes.set_xlim(min(0.0, rows["map"].min() - 0.03), 1.03)
    axes.set_ylim(-0.04 * top, top)
    _points(axes, rows.assign(height=height), colour)
    _lines(axes, rows, alpha)
    hits = rows.assign(height=height)[rows["active"].to_numpy(dtype=bool)]
    name_points(axes, named_places(hits)[:LABELLED])
    axes.set_xlabel("mean average precision against controls (mAP)")
    axes.set_ylabel("−log₁₀ q")
    axes.grid(visible=True, color=GRID, lw=0.8)
    axes.set_axisbelow(True)
    return figure


def _points(axes: Axes, rows: pd.DataFrame, colour: str) -> None:
    lost = lost_cells(rows)
    size = 42 if len(rows) < 100 else 24
    for few, marker in ((False, "o"), (True, "^")):
        for active in (False, True):
            part = rows[(lost == few) & (rows["active"].to_numpy() == active)]
            face = colour if active else "white"
            edge = ("white" if not few else INK) if active else "#8a94a0"
            axes.scatter(
                part["map"], part["height"], s=size * (1.3 if few else 1), marker=marker,
                facecolor=face, edgecolor=edge, lw=0.8 if active else 1.1, zorder=3,
            )  # fmt: skip


def _lines(axes: Axes, rows: pd.DataFrame, alpha: float) -> None:
    x = axes.get_xlim()[0] + 0.01
    _line(axes, (-np.log10(alpha), "--", f"q = {alpha:g}"), x)
    floor = rows["p_attainable"].min()
    if np.isfinite(floor) and floor > 0:
        _line(axes, (-np.log10(floor), ":", f"smallest attainable q = {p_value(floor)}"), x)


def _line(axes: Axes, what: tuple[float, str, str], x: float) -> None:
    height, style, text = what
    axes.axhline(height, color=MUTED, lw=1, ls=style, zorder=1)
    top = max(axes.get_ylim()[1], height * 1.08)
    axes.set_ylim(axes.get_ylim()[0], top)
    axes.annotate(text, (x, height), (0, 3), textcoords="offset points", fontsize=7.5, color=MUTED)


def name_points(axes: Axes, places: list[tuple[float, float, str]]) -> None:
    """Names stand in a column beside the plot, so they cannot overlap; thin lines lead to dots.

    Parameters
    ----------
    axes : Axes
        Whose horizontal axis ends at about 1, with room for names to its right.
    places : list of (x, y, name)
        Highest first, at most ``LABELLED``.
    """
    heights = np.array([height for _, height, _ in places])
    for (x, y, text), at in zip(
        places, spread(heights, axes.get_ylim(), LABELLED + 2), strict=True
    ):
        axes.annotate(
            text, (x, y), (1.075, at), textcoords=("data", "data"), va="center", fontsize=8.5,
            color=INK, annotation_clip=False, arrowprops=LEADER,
        )  # fmt: skip


def named_places(hits: pd.DataFrame) -> list[tuple[float, float, str]]:
    """Each place of the plot that holds hits, highest first, and what to write beside it."""
    ordered = hits.sort_values(["height", "map"], ascending=False)
    return [
        (place[1], place[0], _together(part["Metadata_Treatment"]))
        for place, part in ordered.groupby(["height", "map"], sort=False)
    ]


def _together(names_here: pd.Series) -> str:
    first, more = wrapped(names_here.iloc[0], 36), len(names_here) - 1
    return f"{first} and {more} more" if more else first


def spread(heights: np.ndarray, limits: tuple[float, float], room: int) -> np.ndarray:
    """Heights for labels: as wished (falling), but at least 1/room of the axis apart and inside."""
    low, high = limits
    step = (high - low) / room
    places = np.minimum(heights.astype(float), high - step / 2)
    for i in range(1, len(places)):
        places[i] = min(places[i], places[i - 1] - step)
    if len(places) and places[-1] < low + step / 2:
        places[-1] = low + step / 2
        for i in range(len(places) - 2, -1, -1):
            places[i] = max(places[i], places[i + 1] + step)
    return places


def _alt(rows: pd.DataFrame, name: str, alpha: float) -> str:
    active = rows[rows["active"]]
    first = ", ".join(active["Metadata_Treatment"].head(5))
    return (
        f"Scatter of mAP against minus log10 q for {len(rows)} treatments by {names.label(name)}; "
        f"{len(active)} have q below {alpha:g}" + (f", led by {first}." if first else ".")
    )
