"""Numbers and lists as a reader wants them in a sentence or a cell."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from numbers import Integral
from typing import Any

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
    if type(value).__name__ in ("bool", "bool_"):  # NumPy's own without NumPy
        return "yes" if value else "no"
    if isinstance(value, Integral) or abs(value) >= 1000:
        return f"{value:,.0f}".replace("-", "−")
    return _short(float(value), digits).replace("-", "−")


def _short(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    if abs(value) < 1e-3:
        return f"{value:.{max(digits - 2, 0)}e}".replace("e-0", "e-")
    places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
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


def size(amount: float) -> str:
    """Bytes as people say them.

    >>> size(512), size(3 * 2**20), size(2.5 * 2**30)
    ('512 bytes', '3 MiB', '2.5 GiB')
    """
    for unit in ("bytes", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def duration(seconds: float) -> str:
    """Seconds as people say them.

    >>> duration(0.2), duration(100), duration(9000)
    ('1 s', '2 min', '2.5 h')
    """
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def missing(value: object) -> bool:
    """Whether a value is none: None, NaN, or what pandas has for them."""
    return value is None or type(value).__name__ in ("NAType", "NaTType") or value != value


def portion(share: float) -> str:
    """A share as a percentage with the digits that matter: ``12 %``, ``1.2 %``."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.1f} %"


def some(names: Iterable[object], *, most: int = 5) -> str:
    """The first few names, sorted, and how many more there are."""
    shown = sorted(map(str, names))
    more = f" and {len(shown) - most} more" if len(shown) > most else ""
    return ", ".join(shown[:most]) + more


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
