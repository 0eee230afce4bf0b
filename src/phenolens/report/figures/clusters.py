"""What each cluster of treatments holds."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from phenolens.answers.tables import Tables
from phenolens.report.figures.groups import NONE, mechanism_looks
from phenolens.report.figures.style import GRID, INK, STEPS, Drawn, file_name, new_figure, wrapped

METHODS = {
    "leiden": "Leiden",
    "kmeans-chosen": "k-means, k chosen by silhouette",
    "kmeans-10": "k-means, k = 10",
}


def draw(tables: Tables) -> Iterator[Drawn]:
    """Stacked bars, one figure a method, for the lead representation."""
    rows = tables.of_lead(tables.clusters)
    if rows is None:
        return
    for method in methods(rows):
        part = rows[rows["method"] == method]
        yield Drawn(
            name=f"clusters-{file_name(method)}",
            figure=_bars(part, mechanism_looks(_mechanisms(rows))),
            label=METHODS.get(method, method),
            alt=f"Stacked bars: mechanisms within {part['cluster'].nunique()} clusters of "
            f"{len(part)} treatments ({METHODS.get(method, method)}).",
            caption="Treatments in each cluster, coloured by mechanism. A bar of one colour is a "
            "cluster that the images alone would have put together.",
        )


def methods(rows: pd.DataFrame) -> list[str]:
    """Clustering methods in the order shown."""
    found = set(rows["method"])
    return [m for m in METHODS if m in found] + sorted(found - set(METHODS))


def _mechanisms(rows: pd.DataFrame) -> pd.Series:
    if "Metadata_Mechanism" not in rows:
        return pd.Series([None] * len(rows), index=rows.index, dtype=object)
    return rows["Metadata_Mechanism"]


def contents(rows: pd.DataFrame) -> pd.DataFrame:
    """Number of treatments by cluster (rows, largest first) and mechanism (columns)."""
    filled = _mechanisms(rows).astype(object).where(_mechanisms(rows).notna(), "none known")
    table = pd.crosstab(rows["cluster"], filled)
    order = sorted(table.index, key=lambda c: (-table.loc[c].sum(), c))
    return table.loc[order]


def _bars(rows: pd.DataFrame, looks: dict[str, tuple[str, str]]) -> Figure:
    table = contents(rows)
    height = 0.27 * len(table) + 0.75
    told = [wrapped(mechanism, 38) for mechanism in looks]
    lines = sum(text.count("\n") + 1 for text in told)
    height = max(height, 0.19 * (lines + 1) + 0.4)
    figure = new_figure(height)
    axes = figure.add_axes((0.08, 0.5 / height, 0.6, 1 - 0.58 / height))
    _stack(axes, table, looks)
    axes.set_xlabel("treatments")
    handles = [Patch(color=c, label=t) for t, (c, _) in zip(told, looks.values(), strict=True)]
    figure.legend(
        handles=[*handles, Patch(color=NONE, label="other or none known")], loc="upper left",
        bbox_to_anchor=(0.7, 0.99), labelcolor=INK,
    )  # fmt: skip
    return figure


def _stack(axes: Axes, table: pd.DataFrame, looks: dict[str, tuple[str, str]]) -> None:
    known = [m for m in looks if m in table]
    other = table.drop(columns=known).sum(axis=1)
    left = pd.Series(0, index=table.index)
    for counts, colour in [*((table[m], looks[m][0]) for m in known), (other, NONE)]:
        axes.barh(
            range(len(table)), counts, left=left, color=colour, height=0.72, edgecolor="white",
            lw=0.8,
        )  # fmt: skip
        left = left + counts
    axes.set_yticks(range(len(table)), [f"cluster {c}" for c in table.index])
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.grid(visible=True, color=GRID)
    axes.xaxis.set_major_locator(MaxNLocator("auto", steps=STEPS, integer=True))
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
