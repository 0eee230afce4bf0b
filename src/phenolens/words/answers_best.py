"""Which representation sees the treatments best."""

from __future__ import annotations

from typing import Any

from phenolens.words import names, noted, wording
from phenolens.words.answers import because
from phenolens.words.numbers import (
    count,
    fixed,
    interval,
    listed,
    missing,
    p_value,
    sentence,
    within,
)


@wording("best-not-scored")
def _(cause: str) -> str:
    return f"Representations were not compared: nothing was scored{because(cause)}."


@wording("best-baseline-ahead")
def _(*, representation: str, task: str, baseline: str, reached: float, value: float) -> str:
    return (
        f"A baseline outdoes every representation in {within(names.task(task))}: "
        f"{within(names.label(baseline))} reaches {fixed(reached)}, {names.label(representation)} "
        f"{fixed(value)}."
    )


@wording("best-no-baseline-beaten")
def _() -> str:
    return "In recognising held-out wells, no representation is shown to beat its baselines."


@wording("best-finds-most")
def _(representation: str, active: int) -> str:
    return f"{names.label(representation)} finds the most treatments active ({active})."


@wording("best-alone")
def _(representation: str) -> str:
    name = names.inside(representation)
    return f"Only {name} were studied, so they stand beside baselines only."


@wording("best-not-compared")
def _(representation: list[str]) -> str:
    best, other = map(names.label, representation)
    return f"{best} scores highest, followed by {other}; the difference was not tested."


@wording("best-ahead")
def _(representation: list[str], **_: object) -> str:
    best, other = map(names.label, representation)
    return f"{best}: ahead of {other}, the next best, beyond chance."


@wording("best-not-separable")
def _(representation: list[str], p_holm: float, **_: object) -> str:
    best, other = map(names.label, representation)
    return (
        f"{best} scores highest, but this design cannot separate it from {other} "
        f"(Holm-corrected p = {p_value(p_holm)})."
    )


@wording("best-active")
def _(representation: list[str], active: list[int]) -> str:
    found = [f"{names.label(who)} {n}" for who, n in zip(representation, active, strict=True)]
    return f"Treatments found active: {listed(found)}."


@wording("best-untestable")
def _(*, representation: str, treatments: int, note: str, **row: Any) -> str:
    n = count(treatments, "treatment")
    why = f": {noted(note, representation=representation, **row)}" if note else ""
    return sentence(f"By {names.inside(representation)} no treatment could be tested ({n}){why}")


@wording("best-score")
def _(
    *, representation: str, task: str, metric: str, value: float, low: float | None,
    high: float | None, baseline: str | None, reached: float | None, beyond: bool,
) -> str:  # fmt: skip
    between = interval(low, high, of=fixed)
    text = f"{names.task(task)}, {within(names.metric(metric))}: {names.label(representation)} "
    text += fixed(value) + (f" ({between})" if between else "")
    if baseline is None:
        return f"{text}, with no baseline beside it."
    text += f"; the best baseline, {within(names.label(baseline))}, reaches {fixed(reached)}"
    return text + ("." if beyond else ", so nothing is shown beyond it.")


@wording("best-pair-not-separable")
def _(
    *, representation: list[str], task: str, metric: str, difference: float, low: float,
    high: float, p: float, p_holm: float, smallest_p: float | None,
    smallest_detectable: float | None,
) -> str:  # fmt: skip
    one, other = map(names.label, representation)
    what = within(names.metric(metric))
    what += "" if task == "activity" else f" in {within(names.task(task))}"
    seen = ""
    if not missing(smallest_detectable):
        seen = f"; only a difference of {fixed(smallest_detectable)} or more would have been seen"
    text = (
        f"{one} and {other} cannot be separated on {what} (difference {fixed(difference)}, "
        f"{interval(low, high, of=fixed)}{seen}). P is {p_value(p)}"
    )
    if p_holm > p:
        text += f", and {p_value(p_holm)} over all comparisons"
    if not missing(smallest_p):
        text += f"; {p_value(smallest_p)} was the smallest possible"
    if low > 0 or high < 0:
        text += (
            ". The interval leaves out zero, but it is of this pair alone and is narrow where few "
            "units are compared: p decides"
        )
    return f"{text}."
