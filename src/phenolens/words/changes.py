"""What treatments changed, in the words of someone who looks at cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from phenolens.words import Said, wording
from phenolens.words.numbers import fixed, missing, p_value, plural, some

# More and less of each property; what has no direction is said as changed.
PROPERTIES = {
    "size": ("larger", "smaller"),
    "roundness": ("rounder", "less round"),
    "outline": ("outline changed", "outline changed"),
    "brightness": ("brighter", "dimmer"),
    "unevenness": ("more uneven", "more even"),
    "displacement": ("further off-centre", "more centred"),
    "texture": ("texture coarser", "texture smoother"),
    "granularity": ("grains coarser", "grains finer"),
    "radial distribution": ("towards the edge", "towards the centre"),
    "pattern": ("pattern changed", "pattern changed"),
    "likeness": ("more alike", "less alike"),
    "crowding": ("denser", "sparser"),
    "branching": ("more branched", "less branched"),
}
_STAINS = {
    "mito": "mitochondria",
    "agp": "actin and Golgi",
    "actin": "actin",
    "tubulin": "tubulin",
    "tub": "tubulin",
    "dapi": "DNA",
}
_IMAGE = re.compile(r"^(?:Corr|Orig|Crop|Illum)(?=[A-Z])")
_COMPARTMENTS = {"Nuclei": "nuclei", "Cells": "cells", "Cytoplasm": "cytoplasm"}
NO_STAIN = "none"


def how(name: str, direction: str) -> str:
    """A property and its direction: ``larger``, ``texture coarser``; ``size changed`` without one.

    >>> how("size", "more"), how("radial distribution", "less"), how("size", "changed")
    ('larger', 'towards the centre', 'size changed')
    """
    more, less = PROPERTIES.get(name, (f"{name} changed",) * 2)
    if direction == "more":
        return more
    return less if direction == "less" else f"{name} changed"


def stain(name: str) -> str:
    """A stain as a reader calls what it shows; of two joined by ``+`` one with the other.

    >>> stain("Mito"), stain("CorrActin"), stain("AGP+DNA")
    ('mitochondria', 'actin', 'actin and Golgi with DNA')
    """
    plain = [_IMAGE.sub("", part) for part in name.split("+")]
    parts = [_STAINS.get(part.lower(), part) for part in plain]
    return " with ".join(parts)


def compartment(name: str) -> str:
    """A compartment inside a sentence."""
    return _COMPARTMENTS.get(name, name)


def described(groups: Sequence[Mapping[str, Any]], *, most: int = 8) -> str:
    """Changed groups as a phrase: those with a direction first, what is said of a stain together.

    Parameters
    ----------
    groups : sequence of mappings
        ``compartment``, ``stain``, ``property`` and ``direction``, in the order that counts.
    most : int
        Groups that are told.

    Examples
    --------
    >>> of = ["compartment", "stain", "property", "direction"]
    >>> rows = [("Nuclei", "none", "size", "more"), ("Cells", "Mito", "texture", "more"),
    ...         ("Cytoplasm", "Mito", "texture", "more"), ("Cells", "Mito", "brightness", "less")]
    >>> described([dict(zip(of, row)) for row in rows])
    'nuclei larger; mitochondria texture coarser (cells, cytoplasm), dimmer (cells)'
    """
    places: dict[str, dict[str, list[str]]] = {}
    for group in sorted(groups, key=lambda group: group["direction"] == "changed")[:most]:
        place, own = compartment(group["compartment"]), group["stain"]
        subject = place if own == NO_STAIN else stain(own)
        said = places.setdefault(subject, {}).setdefault(
            how(group["property"], group["direction"]), []
        )
        said += [place] if own != NO_STAIN else []
    phrases = []
    for subject, properties in places.items():
        told = [f"{text} ({', '.join(where)})" if where else text for text, where in
                properties.items()]  # fmt: skip
        phrases.append(f"{subject} {', '.join(told)}")
    return "; ".join(phrases)


@wording("features-changed")
def _(*, treatment: str, groups: Sequence[Mapping[str, Any]], called: int) -> Said:
    more = called - len(groups)
    rest = f"; and {plural(more, 'group')} more" if more else ""
    return Said(f"{treatment}: {described(groups)}{rest}.")


@wording("more-changed")
def _(*, treatments: int) -> str:
    return f"{plural(treatments, 'more treatment')} changed features: see the table."


@wording("features-aside")
def _(*, why: str, features: int, examples: Sequence[str]) -> str:
    reasons = {
        "not-cellprofiler": "have no name of CellProfiler's form and are in no group",
        "position": "say where an object lies in its image and are in no group",
        "bookkeeping": "are CellProfiler's bookkeeping and are in no group",
        "constant": "have one value in all wells and are in no group",
    }
    return f"{plural(features, 'feature')} {reasons[why]}, such as {some(examples)}."


@wording("features-unmeasured")
def _(*, features: int) -> str:
    return (
        f"{plural(features, 'feature')} lack a value in a well of some treatment, or of its "
        "controls, and are left out of its groups."
    )


@wording("groups-untestable")
def _(*, treatments: int, p: float) -> Said:
    return Said(
        f"Of {plural(treatments, 'treatment')} no group can be called: their wells and controls "
        f"give no p below {p_value(p)}.",
        remedy="More wells, or more controls on their plates, let effects be told from chance.",
    )


@wording("no-controls-beside")
def _(*, wells: int) -> str:
    return f"{plural(wells, 'treated well')} lie on plates without a control to compare with."


@wording("network-and-features")
def _(*, compartment: Mapping[str, Any], stain: Mapping[str, Any]) -> str:
    told = [
        _agreed(what, found)
        for what, found in (("compartment", compartment), ("stain", stain))
        if found["n"]
    ]
    if not told:
        return "No treatment has both a map and a group of features that changed."
    return f"Where it looked most and what changed most name {'; '.join(told)}."


def _agreed(what: str, found: Mapping[str, Any]) -> str:
    told = f"the same {what} in {found['agree']:.0f} of {plural(found['n'], 'treatment')}"
    if missing(found["p"]):
        return told
    return f"{told} ({fixed(found['expected'], 1)} by chance, p = {p_value(found['p'])})"
