"""The sections of the page, in order. Each ``view(tables)`` returns what its template shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from phenolens.answers.tables import Tables
from phenolens.report.sections import (
    activity,
    audit,
    data,
    features,
    hits,
    made,
    methods,
    network,
    overview,
    pictures,
    plates,
    published,
    questions,
    scores,
    similar,
)


@dataclass(frozen=True)
class Section:
    """One section: anchor (and template name), heading, figure groups, view and short heading.

    A view of None leaves the section out: it is about something this study did not ask for.
    """

    key: str
    title: str
    view: Callable[[Tables], dict | None]
    figures: tuple[str, ...] = ()
    short: str = ""

    @property
    def entry(self) -> str:
        """The heading as the list of sections has it."""
        return self.short or self.title


SECTIONS = [
    Section("overview", "Overview", overview.view),
    Section("questions", "The four questions", questions.view),
    Section("hits", "Treatments", hits.view),
    Section("activity", "Activity", activity.view, ("activity", "elsewhere", "doses")),
    Section("scores", "Scores and baselines", scores.view, ("scores", "comparisons")),
    Section("features", "What changed", features.view, ("features",)),
    Section(
        "similar",
        "What looks similar",
        similar.view,
        ("similarity", "matching", "umap", "clusters"),
    ),
    Section("pictures", "Pictures", pictures.view, ("montage",)),
    Section("network", "Where the network looked", network.view, ("attention", "curves")),
    Section("plates", "Plates", plates.view, ("plates", "assay")),
    Section("audit", "Design audit", audit.view),
    Section("data", "Data integration", data.view),
    Section(
        "published",
        "Tables and figures as published studies print them",
        published.view,
        ("kmeans", "activation", "reconstructions"),
        short="As published",
    ),
    Section("methods", "Methods", methods.view),
    Section("made", "How each number was made", made.view),
]

__all__ = ["SECTIONS", "Section"]
