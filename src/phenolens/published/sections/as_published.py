"""Tables and figures that published studies print, each beside what answers the question."""

from __future__ import annotations

from pathlib import Path

from phenolens.answers.refusals import reasons, refusals
from phenolens.answers.tables import Tables
from phenolens.published.figures import activation as areas
from phenolens.published.figures import kmeans, reconstructions
from phenolens.published.sections.maps import activation, rebuilt
from phenolens.published.sections.scores import accuracies, embeddings, fusions
from phenolens.report.figures.clusters import METHODS, methods
from phenolens.report.sections import Section, register
from phenolens.report.sections.similar import holdings
from phenolens.report.spaces import spaces_of
from phenolens.words import names
from phenolens.words.numbers import listed


def view(tables: Tables) -> dict | None:
    """Every part that this study has; None where it has none."""
    parts = {
        "accuracy": accuracies(tables),
        "embedding": embeddings(tables),
        "fusions": fusions(tables),
        "maps": tables.umap is not None and tables.table("well_clusters") is not None,
        "clusters": _clusters(tables),
        "activation": activation(tables),
        "rebuilt": rebuilt(tables),
    }
    if not any(parts.values()):
        return None
    return parts | {
        "unclustered": _unclustered(tables) if parts["clusters"] else "",
        "spaces": spaces_of(tables.table("embedding_scores")),
    }


def _clusters(tables: Tables) -> list[dict]:
    """What the k-means clusters of treatments hold, by representation."""
    if tables.clusters is None:
        return []
    found = []
    for name in tables.real:
        rows = tables.clusters[tables.clusters["representation"] == name]
        fixed = [m for m in methods(rows) if m.startswith("kmeans-") and m != "kmeans-chosen"]
        if fixed and not names.is_noise(name):
            method = METHODS.get(fixed[0], f"k-means, k = {fixed[0].removeprefix('kmeans-')}")
            held = holdings(rows[rows["method"] == fixed[0]])
            found.append({"representation": name, "method": method, "rows": held})
    return found


def _unclustered(tables: Tables) -> str:
    """Whose treatments were not clustered and why, a sentence a reason."""
    found = [
        one for one in refusals(tables, "clustering") if not names.is_noise(one.representation)
    ]
    return " ".join(
        f"Not clustered: {listed(list(map(names.label, whose)))}: {why}"
        for why, whose in reasons(found)
    )


register(
    Section(
        key="published",
        title="Tables and figures as published studies print them",
        order=130,
        view=view,
        template=Path(__file__).with_suffix(".html"),
        figures={
            "kmeans": kmeans.draw,
            "activation": areas.draw,
            "reconstructions": reconstructions.draw,
        },
        short="As published",
    )
)
