"""What a proposed layout could show, what position leaves open of it, and what power assumes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from phenolens.words import say, wording
from phenolens.words.numbers import plural


@wording("no-p-possible")
def _(*, replicates: int, controls: int, evaluation: int) -> str:
    why = (
        "a treatment has a single well"
        if replicates < 2
        else f"{plural(evaluation, 'control well')} of a plate's {controls} would evaluate"
    )
    return f"Activity can give no p with this design: {why}."


@wording("single-hits-can-be-named")
def _(*, p_attainable: float, tests: int, alpha: float) -> str:
    can = f"one treatment among {tests} tests can be named at q < {alpha:g}"
    return f"{_smallest(p_attainable)}: {can}."


@wording("single-hits-cannot-be-named")
def _(
    *, p_attainable: float, tests: int, needed: int, alpha: float, enough: Mapping[str, int],
    permutations_enough: int | None
) -> str:  # fmt: skip
    if permutations_enough is not None:
        remedy = (
            f"ask activity with permutations={permutations_enough} "
            f"(--permutations {permutations_enough})"
        )
    else:
        offers = [f"{count} {name}" for name, count in enough.items()]
        remedy = f"{' or '.join(offers)} would do" if offers else "more replicate plates are needed"
    before = f"{needed} of {tests} tests must reach it before one treatment can be named"
    if needed > tests:
        before = f"no treatment could be named, if all {tests} reached it,"
    return f"{_smallest(p_attainable)}: {before} at q < {alpha:g}; {remedy}."


def _smallest(p: float) -> str:
    return f"The smallest p that activity can give is {p:.2g}"


@wording("position-audited")
def _(*, sound: Sequence[str]) -> str:
    said = {
        "replicates": "replicates share no position, block, edge or order",
        "elsewhere": "treatments lie at other locations too",
        "controls": "controls lie among them",
    }
    return f"Audited: {'; '.join(said[what] for what in sound)}."


@wording("position-not-asked")
def _(*, unasked: Mapping[str, Mapping[str, Any]]) -> str:
    said = [f"{what} ({say(why['code'], **why).what})" for what, why in unasked.items()]
    return f"Position could not be audited of {'; '.join(said)}."


@wording("several-sets")
def _(*, treatments: int, sets: int, plates_a_set: int) -> str:
    return (
        f"{treatments} treatments make {sets} sets of {plates_a_set} replicate plates, each with "
        "treatments of its own; every plate is scrambled anew."
    )


@wording("edge-empty")
def _(*, asked: bool | None = None, wells: int | None = None) -> str:
    if wells is not None:
        return f"{wells} wells of a plate stay empty, all at the edge."
    why = "as asked" if asked else "for there is room"
    return f"The outermost wells stay empty, {why}."


@wording("power-not-simulated")
def _(*, why: str) -> str:
    return f"Power is not known: {why}"


@wording("power-assumes")
def power_assumes(
    *, shifted: float, power: float, largest: float, active: float,
    features: int | None = None, position_effect: float = math.nan,
    controls: int | None = None, position_share: float = math.nan, modelled: bool = False,
) -> str:  # fmt: skip
    """What power takes for granted: simulated noise, or that of a pilot's controls."""
    if controls is None:
        source = (
            f"simulated noise ({features} features, half of its variance shared; "
            f"position adds {position_effect:g} of its standard deviation)"
        )
    else:
        source = f"the noise of the pilot's {plural(controls, 'control well')}"
        source += (
            f" (position makes {position_share:.0%} of the variance)"
            if modelled
            else " (at too few positions to tell what position does)"
        )
    return (
        f"Power is that of treatments which shift {shifted:.0%} of the features, over {source}; "
        f"'found' is {power:.0%} of them (–: no effect up to {largest:g} is); at q, "
        f"{active:.0%} of all treatments have the effect."
    )
