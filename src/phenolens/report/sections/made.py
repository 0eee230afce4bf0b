"""How each number was made: versions, seeds, digests, settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from phenolens.answers.tables import Tables
from phenolens.report.sections import Section, register

MOST, LONG = 150, 12


def view(tables: Tables) -> dict:
    given = {"provenance.json": tables.provenance, "study.resolved.toml": tables.settings}
    return {"groups": [_group(name, value) for name, value in given.items() if value]}


def _group(source: str, value: dict) -> dict:
    parts = []
    for name, item in value.items():
        rows = list(_flat(item, ""))
        parts.append({"name": name, "rows": rows[:MOST], "more": max(len(rows) - MOST, 0)})
    return {"source": source, "parts": sorted(parts, key=lambda part: len(part["rows"]))}


def _flat(value: object, path: str) -> Iterator[tuple[str, str]]:
    """Dotted names and texts of everything in nested settings."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _flat(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for i, item in enumerate(value):
            yield from _flat(item, f"{path}[{i}]")
    else:
        yield path, _text(value)


def _text(value: object) -> str:
    if isinstance(value, list) and len(value) > LONG:
        return f"{', '.join(map(str, value[:3]))}, ... ({len(value)} in all)"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, {}, "") else str(value)


register(
    Section(
        key="made",
        title="How each number was made",
        order=150,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
