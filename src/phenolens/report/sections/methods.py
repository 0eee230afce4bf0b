"""Methods text and references."""

from __future__ import annotations

from phenolens.report.methods import methods
from phenolens.report.tables import Tables


def view(tables: Tables) -> dict:
    return {"methods": methods(tables)}
