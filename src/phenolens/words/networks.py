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


@wording("rebuilt-nothing-held-out")
def _() -> str:
    return "No wells were held out, so every image had been learned from."
