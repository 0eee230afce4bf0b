"""Does the network look at biology?"""

from __future__ import annotations

from phenolens.answers.answer import Answer
from phenolens.findings import Finding
from phenolens.published.questions.inputs import Inputs

KEY = "research-attention"


def answer(inputs: Inputs) -> Answer:
    """A part of the cells above its share of the area, and above what random weights mark."""
    maps = inputs.attention
    if not maps:
        return Answer(KEY, "open", (Finding("research-needs-network", "info"),))
    if maps.get("withheld_because"):
        values = {"why": Finding.of(maps["withheld_because"])}
        why = Finding("research-maps-withheld", "warning", {}, values)
        return Answer(KEY, "open", (why,), evidence=("network",))
    part, random = maps.get("part", "cells"), maps.get("randomised", {})
    found, over = maps.get("enrichment", {}).get(part, {}), random.get(f"{part}_over_random", {})
    if found.get("value") is None or over.get("value") is None:
        return Answer(
            KEY, "open", (Finding("research-needs-cells", "info"),), evidence=("network",)
        )
    about = {"representation": maps["network"], "part": part}
    side = "more" if found["low"] > 1 else "less" if found["high"] < 1 else "similar"
    learned = over["high"] < 0 if side == "less" else over["low"] > 0
    headline = (
        Finding("research-maps", "info", about, {**found, "outcome": side}),
        Finding(
            "research-maps-random", "info", about,
            {**over, "learned": bool(learned), "correlation": random["correlation"]},
        ),
    )  # fmt: skip
    return Answer(KEY, "answered", headline, evidence=("network",))
