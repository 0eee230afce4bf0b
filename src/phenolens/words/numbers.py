"""Numbers and lists as a reader wants them in a sentence or a cell."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

NONE = "–"
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
SMALL = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def number(value: Any, digits: int = 3) -> str:
    """A number with so many significant digits; a dash when it is missing.

    >>> number(0.123456), number(1234.5), number(float("nan"))
    ('0.123', '1,234', '–')
    """
    if missing(value):
        return NONE
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer) or abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return _short(float(value), digits).replace("-", "−")


def _short(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.{max(digits - 2, 0)}e}".replace("e-0", "e-")
    places = max(digits - 1 - int(np.floor(np.log10(abs(value)))), 0)
    return f"{value:.{min(places, digits)}f}"


def fixed(value: object, places: int = 2) -> str:
    """A number with so many decimal places; a dash when it is missing.

    >>> fixed(-1.5), fixed(-0.001)
    ('−1.50', '0.00')
    """
    return NONE if missing(value) else f"{value:z.{places}f}".replace("-", "−")


def p_value(value: Any) -> str:
    """A p- or q-value: three decimals, four when small, a power of ten when tiny.

    >>> p_value(0.0432), p_value(0.0004), p_value(2e-06)
    ('0.043', '0.0004', '2×10⁻⁶')
    """
    if missing(value):
        return NONE
    if value >= 5e-5 or value <= 0:
        return f"{value:.3f}" if value >= 0.001 else f"{value:.4f}"
    digits, power = f"{value:.0e}".split("e")
    return f"{digits}×10{str(int(power)).translate(RAISED)}"


def percent(share: Any) -> str:
    """A share as a percentage; a dash when it is missing."""
    return NONE if missing(share) else f"{100 * share:.0f} %"


def interval(low: object, high: object, *, of: Callable[[Any], str] = number) -> str:
    """``low to high`` in the given format; empty when there is no interval."""
    return "" if missing(low) or missing(high) else f"{of(low)} to {of(high)}"


def missing(value: object) -> bool:
    return value is None or bool(pd.isna(value))


def count(n: int, noun: str, plural: str | None = None) -> str:
    """``one well``, ``2,867 fields``: small numbers in words."""
    name = noun if n == 1 else plural or f"{noun}s"
    return f"{SMALL[n] if n < len(SMALL) else f'{n:,}'} {name}"


def plural(n: int, noun: str) -> str:
    """``1 well``, ``2,867 fields``: always in figures."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def listed(items: Sequence[str], most: int = 8) -> str:
    """``a, b and c``; when there are too many, the first ones and how many more."""
    items = [str(item) for item in items]
    if len(items) > most:
        return f"{', '.join(items[:most])} and {len(items) - most} more"
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def within(name: str) -> str:
    """A label as it stands inside a sentence: ``Macro F1`` becomes ``macro F1``, ``CNN`` stays."""
    proper = name[:1].islower() or name[1:2].isupper() or name.startswith("CellProfiler")
    return name if proper else name[:1].lower() + name[1:]


def natural(text: object) -> list[str | int]:
    """Sort key by which ``Week2`` stands before ``Week10``."""
    parts = re.split(r"(\d+)", str(text))
    return [part if i % 2 == 0 else int(part) for i, part in enumerate(parts)]


def sentence(text: str) -> str:
    """The text with a capital first letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".")
