"""What should be doubted."""

from __future__ import annotations

from typing import Any

from phenolens.words import noted, wording
from phenolens.words.numbers import count, listed, percent, plural


@wording("doubts-none")
def _() -> str:
    return "The audit raised no error or warning, and no hit lost many cells."


@wording("doubts-some")
def _(doubts: int) -> str:
    return f"{count(doubts, 'thing')} to keep in mind before acting on a hit.".capitalize()


@wording("doubts-not-audited")
def _() -> str:
    return "The design was not audited, so nothing here is vouched for."


@wording("doubts-cells-lost")
def _(treatments: list[dict[str, Any]], active: int, limit: float) -> str:
    named = [f"{one['treatment']} ({percent(one['kept'])})" for one in treatments]
    return (
        f"{len(named)} of {count(active, 'active treatment')} kept less than {percent(limit)} of "
        f"their controls' cells and may simply be toxic: {listed(named)}."
    )


@wording("doubts-plates-flagged")
def _(flagged: list[dict[str, Any]], plates: int) -> str:
    named = [f"{one['plate']} ({noted(one['flags'], **one['numbers'])})" for one in flagged]
    return f"{len(named)} of {plural(plates, 'plate')} flagged: {listed(named, 4)}."


@wording("doubts-set-aside")
def _(items: int) -> str:
    n = count(items, "image, profile or well", "images, profiles or wells")
    return f"Set aside because they could not be used: {n}."


@wording("doubts-conflicts")
def _(items: int) -> str:
    return f"{count(items, 'conflicting label').capitalize()} in the metadata."
