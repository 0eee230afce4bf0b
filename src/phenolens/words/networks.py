"""Why nothing is shown of what a network looked at, or of what it rebuilt."""

from __future__ import annotations

from phenolens.words import names, wording


@wording("maps-nothing-held-out")
def _() -> str:
    return "No held-out wells were classified."


@wording("maps-not-better")
def _(
    *, representation: str, value: float, baseline: str, reached: float, low: float, high: float
) -> str:
    return (
        f"{names.label(representation)} names the treatment of {value:.1%} of held-out treated "
        f"wells and the baseline {names.inside(baseline)} of {reached:.1%} (difference {low:.1%} "
        f"to {high:.1%}): a map of what it looks at would explain nothing it knows."
    )


@wording("maps-as-shuffled")
def _(*, representation: str, named: float, shuffled: float, p: float, n_wells: int) -> str:
    return (
        f"{names.label(representation)} itself gives {named:.1%} of the images of {n_wells} "
        f"held-out treated wells their treatment, and {shuffled:.1%} where labels are shuffled "
        f"among the wells of a plate (p = {p:.2g}): it is not known to have learned what a map "
        "would explain."
    )


@wording("maps-miss")
def _(
    *, method: str, hit: float, low: float, high: float, n: int, least: float, chance: float
) -> str:
    return (
        f"Of {n} changes that were planted in control cells and that the network sees, maps by "
        f"{method.replace('-', ' ')} point at {hit:.0%} ({low:.0%} to {high:.0%}; {chance:.0%} by "
        f"chance). Below {least:.0%} a map misleads more often than not."
    )


@wording("maps-untested")
def _(*, method: str, n: int, planted: int, fewest: int) -> str:
    return (
        f"How often maps by {method.replace('-', ' ')} are right is not known here: of {planted} "
        f"changes that were planted in control cells the network sees {n}, and {fewest} are needed."
    )


@wording("rebuilt-nothing-held-out")
def _() -> str:
    return "No wells were held out, so every image had been learned from."
