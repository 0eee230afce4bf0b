"""Methods text and references."""

from __future__ import annotations

from phenolens.answers.tables import Tables
from phenolens.report.methods import methods


def view(tables: Tables) -> dict:
    return {"methods": methods(tables)}
