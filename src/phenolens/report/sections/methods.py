"""Methods text and references."""

from __future__ import annotations

from pathlib import Path

from phenolens.answers.tables import Tables
from phenolens.report.methods import methods
from phenolens.report.sections import Section, register


def view(tables: Tables) -> dict:
    return {"methods": methods(tables)}


register(
    Section(
        key="methods",
        title="Methods",
        order=140,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
