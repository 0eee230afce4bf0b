"""Maps of wells as published: coloured by what was done, and by the clusters k-means makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from phenolens.answers.tables import Tables
from phenolens.report.figures.groups import MARKERS, SHADES, Group, by_mechanism, controls
from phenolens.report.figures.style import Drawn, file_name, new_figure
from phenolens.report.figures.umap import legend_height, name_below, scatter
from phenolens.words import names

KEY = ["Metadata_Plate", "Metadata_Well"]
CAPTION = (
    "The same wells twice: by what was done to them, and by k-means clusters of their "
    "profiles (not of this map). k-means cuts any cloud into pieces that look tidy, so a tidy "
    "right half says nothing; what would count is pieces that are the colours of the left half. "
)
PARTS = (
    "Only wells seen by one of the networks are drawn: profiles of two networks cannot be compared."
)


def draw(tables: Tables) -> Iterator[Drawn]:
    """One figure a representation that has a map and clusters of wells."""
    clusters = tables.table("well_clusters")
    if tables.umap is None or clusters is None:
        return
    for name in tables.real:
        points = placed(tables.umap, clusters, name)
        if len(points):
            own = clusters[clusters["representation"] == name]
            several = own["part"].nunique() > 1
            yield Drawn(
                name=f"kmeans-{file_name(name)}",
                figure=_two(points),
                label=names.label(name),
                alt=f"UMAP of {len(points)} wells by {names.label(name)}, coloured by what was "
                f"done and by {points['cluster'].nunique()} k-means clusters.",
                caption=CAPTION + PARTS * several,
                vector=len(points) <= 800,
            )


def placed(umap: pd.DataFrame, clusters: pd.DataFrame, name: str) -> pd.DataFrame:
    """Places of a representation's wells with their clusters."""
    points = umap[umap["representation"] == name]
    own = clusters[(clusters["representation"] == name) & (clusters["part"] == 0)]
    return points.merge(own[[*KEY, "cluster"]], on=KEY, how="inner")


def _two(points: pd.DataFrame) -> Figure:
    clusters = ("k-means clusters", _by_cluster(points), 4)
    views = [(*_done(points), 2), clusters]
    under = max(legend_height(groups, columns=across) for _, groups, across in views)
    height = 3.9 + under
    figure = new_figure(height, width=9.0)
    for number, (title, groups, across) in enumerate(views):
        axes = figure.add_axes((0.02 + 0.5 * number, under / height, 0.46, 3.55 / height))
        scatter(axes, points, groups)
        axes.set_title(title)
        name_below(axes, groups, columns=across)
    return figure


def _done(points: pd.DataFrame) -> tuple[str, list[Group]]:
    """Wells by mechanism, or by treatment in a screen that names no mechanism."""
    named = points.get("Metadata_Mechanism", pd.Series(dtype=object))
    if len(named) and named[~controls(points)].notna().any():
        return "Mechanism", by_mechanism(points)
    groups = by_mechanism(points.assign(Metadata_Mechanism=points["Metadata_Treatment"]))
    other = {"other or no mechanism": "other treatments", "no mechanism known": "not named"}
    return "Treatment", [replace(g, label=other.get(g.label, g.label)) for g in groups]


def _by_cluster(points: pd.DataFrame) -> list[Group]:
    found = sorted(points["cluster"].unique())
    return [
        Group(
            f"cluster {cluster}",
            SHADES[place % len(SHADES)],
            (points["cluster"] == cluster).to_numpy(),
            MARKERS[place // len(SHADES) % len(MARKERS)],
        )
        for place, cluster in enumerate(found)
    ]
