"""Figures, one file a kind; each ``draw(tables)`` yields what the tables of a study allow."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from phenolens.answers.tables import Tables
from phenolens.report.figures import (
    activation,
    activity,
    assay,
    attention,
    bubbles,
    clusters,
    comparisons,
    curves,
    doses,
    elsewhere,
    kmeans,
    matching,
    montage,
    plates,
    reconstructions,
    scores,
    similarity,
    umap,
)
from phenolens.report.figures.style import Drawn, house_style, save

GROUPS: dict[str, Callable[[Tables], Iterator[Drawn]]] = {
    "scores": scores.draw,
    "comparisons": comparisons.draw,
    "activity": activity.draw,
    "elsewhere": elsewhere.draw,
    "doses": doses.draw,
    "features": bubbles.draw,
    "similarity": similarity.draw,
    "umap": umap.draw,
    "clusters": clusters.draw,
    "matching": matching.draw,
    "montage": montage.draw,
    "attention": attention.draw,
    "curves": curves.draw,
    "plates": plates.draw,
    "assay": assay.draw,
    "kmeans": kmeans.draw,
    "activation": activation.draw,
    "reconstructions": reconstructions.draw,
}

__all__ = ["GROUPS", "Drawn", "house_style", "save", "unique"]


def unique(figures: Iterable[Drawn]) -> Iterator[Drawn]:
    """The figures, with a number added to a file name that was taken."""
    taken: dict[str, int] = {}
    for drawn in figures:
        taken[drawn.name] = taken.get(drawn.name, 0) + 1
        again = taken[drawn.name]
        yield drawn if again == 1 else drawn.called(f"{drawn.name}-{again}")
