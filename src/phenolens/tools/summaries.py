"""A summary as text: its main numbers with their intervals, all of it as lines, or as rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

NONE = "–"


def in_text(value: object) -> str:
    """A value for a person: four digits of a number, a dash for none, lists with commas."""
    value = value.tolist() if hasattr(value, "tolist") else value  # NumPy's scalars and arrays
    if isinstance(value, list | tuple | set):
        return ", ".join(map(in_text, sorted(value) if isinstance(value, set) else value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NONE
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.0f}" if value.is_integer() or abs(value) >= 1000 else f"{value:.4g}"
    return str(value)


def headline(summary: Mapping[str, Any], settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The numbers of a summary with their intervals, as text, less what settings repeat.

    Returns
    -------
    list of (name, value)
        ``("fraction retrieved", "0.42 (0.31 to 0.55)")``; of nested parts only those that hold a
        ``value``.
    """
    found = []
    for name, value in summary.items():
        whole = name.removesuffix("_low").removesuffix("_high")
        if name in settings or (whole != name and whole in summary):
            continue
        low, high = (summary.get(f"{name}_{end}") for end in ("low", "high"))
        if isinstance(value, dict):
            if "value" not in value:
                continue
            value, low, high = (value.get(part) for part in ("value", "low", "high"))
        low, high = in_text(low), in_text(high)
        limits = "" if NONE in (low, high) else f" ({low} to {high})"
        found.append((_label(name), in_text(value) + limits))
    return found


def lines(summary: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """A line a value, nested ones indented, of these only what is known and said once."""
    for name, value in summary.items():
        if not isinstance(value, dict):
            yield f"{indent}{_label(name)}: {in_text(value)}"
        elif any(part not in summary or summary[part] is not value[part] for part in value):
            yield f"{indent}{_label(name)}:"
            known = {part: held for part, held in value.items() if in_text(held) not in (NONE, "")}
            yield from lines(known, indent + "  ")


def rows(values: Mapping[str, Any], before: str = "") -> list[tuple[str, object]]:
    """Names and values in order; a nested name follows the one it belongs to."""
    found: list[tuple[str, object]] = []
    for name, value in values.items():
        nested = isinstance(value, dict) and value
        found += rows(value, f"{before}{name}: ") if nested else [(f"{before}{name}", value)]
    return found


def _label(name: object) -> str:
    return str(name).replace("_", " ")
