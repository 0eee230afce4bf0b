"""Which treatments are similar."""

from __future__ import annotations

from typing import Any

from phenolens.words import names, wording
from phenolens.words.answers import because
from phenolens.words.numbers import count, fixed, listed, plural


@wording("similar-not-compared")
def _(cause: str) -> str:
    return f"Treatments were not compared with one another{because(cause)}."


@wording("similar-too-few-active")
def _() -> str:
    return "Fewer than two treatments are active, so there is nothing to compare."


@wording("similar-mechanism")
def _(same: int, known: int, blind: float) -> str:
    return (
        f"{same} of {count(known, 'active treatment')} with a known mechanism have their nearest "
        "neighbour (of another compound) in the same mechanism; neighbours picked blindly would "
        f"give about {blind:.0f}."
    )


@wording("similar-closest")
def _(pairs: list[dict[str, Any]]) -> str:
    return f"Closest active treatments of different compounds: {_named(pairs)}."


@wording("similar-by-position")
def _() -> str:
    return "Position could explain some of it: treatments that keep their places look similar."


@wording("similar-groups")
def _(mechanisms: list[dict[str, Any]]) -> str:
    parts = [f"{group['mechanism']} ({listed(group['compounds'], 5)})" for group in mechanisms[:8]]
    return f"Mechanisms that stand together: {'; '.join(parts)}."


@wording("similar-across-mechanisms")
def _(pairs: list[dict[str, Any]]) -> str:
    return f"Similar though annotated differently, worth a second look: {_named(pairs)}."


@wording("similar-mechanisms-found")
def _(found: list[str], mechanisms: int, alpha: float) -> str:
    shared = f"{plural(mechanisms, 'mechanism')} that several treatments share"
    which = f": {listed(found, 6)}" if found else ""
    return f"Found among all treatments at q < {alpha:g}: {len(found)} of {shared}{which}."


@wording("similar-clusters")
def _(treatments: int, clusters: int) -> str:
    return (
        f"Leiden clustering puts {count(treatments, 'treatment')} in {count(clusters, 'cluster')}."
    )


@wording("similar-is-no-proof")
def _() -> str:
    return "Being similar in these stains is a reason to test a shared mechanism, not proof of one."


def _named(pairs: list[dict[str, Any]]) -> str:
    return listed(
        [f"{listed(pair['treatments'])} (cosine {fixed(pair['cosine'])})" for pair in pairs]
    )


@wording("mechanisms-found")
def _(representation: str, found: int, mechanisms: int, alpha: float) -> str:
    are = "is" if found == 1 else "are"
    by = names.inside(representation)
    return f"By {by}, {found} of {plural(mechanisms, 'mechanism')} {are} found at q < {alpha:g}."
