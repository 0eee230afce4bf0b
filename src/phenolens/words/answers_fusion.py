"""Does fusing help."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from phenolens.words import names, wording
from phenolens.words.numbers import fixed, interval, listed, p_value, plural, within


def _places(where: Sequence[Mapping[str, str]]) -> str:
    """``A + B in activity and matching``, fusions in their order."""
    tasks: dict[str, list[str]] = {}
    for one in where:
        tasks.setdefault(one["representation"], []).append(within(names.task(one["task"])))
    return "; ".join(f"{names.label(who)} in {listed(what)}" for who, what in tasks.items())


@wording("fusion-helps")
def _(*, where: Sequence[Mapping[str, str]]) -> str:
    return f"Fusing is better than the best block alone: {_places(where)}."


@wording("fusion-costs")
def _(*, where: Sequence[Mapping[str, str]]) -> str:
    return f"Fusing costs: the best block alone is better than {_places(where)}."


@wording("fusion-open")
def _(*, where: Sequence[Mapping[str, str]]) -> str:
    return f"No difference from the best block is shown for {_places(where)}."


@wording("fusion-alone")
def _(*, where: Sequence[Mapping[str, str]]) -> str:
    return (
        f"Nothing was clearly better than the best block, which was left alone: {_places(where)}."
    )


@wording("fusion-not-asked")
def _(*, tasks: Sequence[str]) -> str:
    asked = listed([within(names.task(task)) for task in tasks])
    return f"Fusions could not be compared in {asked}: what answers it is missing or refused."


@wording("fusion-beside-best")
def _(
    *, representation: str, against: str, task: str, metric: str, difference: float,
    low: float | None, high: float | None, p_holm: float | None, won: int, lost: int,
    n_clusters: int, cluster: str, parts: int, alone: int, blocks: Sequence[str],
    noise: Mapping[str, Any] | None, **_: object,
) -> str:  # fmt: skip
    unit = {"label": "labels" if task == "matching" else "treatments"}.get(
        cluster, f"{names.place(cluster)}s"
    )
    between = interval(low, high, of=fixed)
    known = f", p = {p_value(p_holm)}" if p_holm is not None and p_holm == p_holm else ""
    text = (
        f"{names.task(task)}, {within(names.metric(metric))}: {names.label(representation)} less "
        f"{names.label(against)} alone {fixed(difference)}"
        f"{f' ({between}{known})' if between else ''}; won {won} and lost {lost} of "
        f"{n_clusters} {unit}"
    )
    if noise is not None:
        own = interval(noise["low"], noise["high"], of=fixed)
        text += (
            f". Less {names.label(noise['representation'])} it is {fixed(noise['difference'])}"
            f"{f' ({own})' if own else ''}"
        )
    if parts:
        told = ", ".join(f"{name} ({n}x)" for name, n in Counter(blocks).most_common(3))
        text += f". The best block was left alone in {alone} of {plural(parts, 'choice')}: {told}"
    return f"{text}."
