"""The four research questions, and what the tables say to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from phenolens.words import names, wording
from phenolens.words.numbers import fixed, interval, listed, percent, within

UNITS = {"activity": "normalized mAP", "classification": "accuracy on treated wells"}
PARTS = {"cells": "cells", "nucleus": "nuclei", "cytoplasm": "cytoplasm"}


def _name(representation: str) -> str:
    return within(names.label(representation))


@wording("question-research-apart")
def _() -> str:
    return "Do image features tell perturbations apart, and do deep ones beat handcrafted ones?"


@wording("question-research-fusion")
def _() -> str:
    return "Does fusing deep and handcrafted features help?"


@wording("question-research-unsupervised")
def _() -> str:
    return "Are unsupervised embeddings any good, and does fusion help them?"


@wording("question-research-attention")
def _() -> str:
    return "Does the network look at biology?"


@wording("research-active")
def _(*, representation: str, value: float, low: float, high: float, n: int, **_: object) -> str:
    start = "Yes: by" if value > 0 else "Not in this screen: by"
    between = interval(low, high, of=percent)
    return (
        f"{start} {_name(representation)}, {percent(value)} of {n:,} treatments differ from "
        f"controls{f' (95 % interval {between})' if between else ''}."
    )


@wording("research-active-unnamed")
def _(*, representation: str, bound: float, n: int, **_: object) -> str:
    return (
        f"Yes, though no single one can be named: by {_name(representation)}, at least "
        f"{percent(bound)} of {n:,} treatments differ from controls (one-sided 95 % bound)."
    )


@wording("research-no-single-hit")
def _(*, representation: str, **_: object) -> str:
    return (
        f"This design cannot say: by {_name(representation)} no single treatment can be named, and "
        "an excess of small p is not certain."
    )


@wording("research-by-position")
def _() -> str:
    return (
        "This design cannot say: by the layout alone, position could explain what most treatments "
        "show."
    )


@wording("research-compared")
def _(
    *, representation: str, against: str, task: str, outcome: str, difference: float, low: float,
    high: float, n: int, p_holm: float, smallest_detectable: float, **_: object,
) -> str:  # fmt: skip
    found = {
        "better": "is better than",
        "worse": "is worse than",
        "similar": "is neither better nor worse than",
        "unsure": f"is not surely {'better' if difference > 0 else 'worse'} "
        f"(p = {p_holm:.2f} over all comparisons) than",
    }[outcome]
    seen = ""
    if outcome == "similar" and smallest_detectable > 0:
        seen = f"; {smallest_detectable:.2g} would have been seen"
    return (
        f"{names.label(representation)} {found} {_name(against)} in {UNITS[task]} "
        f"({difference:+.3f}, {low:+.3f} to {high:+.3f}; n = {n:,}{seen})."
    )


@wording("research-gain-doubtful")
def _(representation: Sequence[str]) -> str:
    who = listed([_name(name) for name in representation])
    return f"That is doubtful: {who} may have learned from the wells that it is scored on."


@wording("research-kind-unknown")
def _(representation: Sequence[str]) -> str:
    who = listed([_name(name) for name in representation])
    was = "was" if len(representation) == 1 else "were"
    counts = "it counts" if len(representation) == 1 else "they count"
    return (
        f"Nothing says how {who} {was} made, so {counts} as given: neither as deep nor as "
        "handcrafted. The line 'kind' of [[data.profiles]] would say it."
    )


@wording("research-needs-tested")
def _() -> str:
    return "It would need treatments with replicate wells, and control wells to test them against."


@wording("research-needs-kind")
def _(lacking: str) -> str:
    other = {"learned": "deep", "measured": "handcrafted"}[lacking]
    return (
        f"Which of deep and handcrafted is better is open: no {other} features are in this study."
    )


@wording("research-not-compared")
def _(representation: Sequence[str]) -> str:
    who = listed([_name(name) for name in representation])
    return f"No comparison of {who} with another representation could be made."


@wording("research-needs-fusion")
def _(of: str) -> str:
    kinds = {"labels": "a supervised or pretrained", "pixels": "an unsupervised"}[of]
    return (
        f"Whether fusion helps would need a fusion of {kinds} representation with another, such as "
        f"{'cnn' if of == 'labels' else 'vae'}+cellprofiler."
    )


@wording("research-needs-unsupervised")
def _() -> str:
    return "It would need an embedding that was learned without labels, such as vae."


@wording("research-needs-unlearned")
def _() -> str:
    return "No network of random weights stands beside, so what learning added is open."


@wording("research-needs-network")
def _() -> str:
    return "It would need images and a network that learned treatments from them, such as cnn."


@wording("research-needs-cells")
def _() -> str:
    return "It would need cells segmented in the images that the network explains."


@wording("research-maps-withheld")
def _(why: Any) -> str:
    return f"This design cannot say: {within(why.text)}"


@wording("research-maps")
def _(
    *, part: str, value: float, low: float, high: float, n_wells: int, outcome: str, **_: object
) -> str:
    how = {"more": "more", "less": "less", "similar": "not more"}[outcome]
    return (
        f"Its maps mark {PARTS[part]} {how} than their share of the area ({fixed(value)} times, "
        f"{interval(low, high, of=fixed)}; {n_wells:,} wells)."
    )


@wording("research-maps-random")
def _(
    *, value: float, low: float, high: float, learned: bool, correlation: float, **_: object
) -> str:
    start = "That is learned" if learned else "A network of random weights does the same"
    return (
        f"{start}: {value:+.2f} ({low:+.2f} to {high:+.2f}) against random weights, whose maps "
        f"correlate at {fixed(correlation)} with its own."
    )
