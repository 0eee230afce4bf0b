"""Montages."""

from __future__ import annotations

from phenolens.answers.tables import Tables


def view(tables: Tables) -> dict:
    return {"present": tables.exemplars is not None and tables.pictures is not None}
