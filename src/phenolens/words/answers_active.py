"""Which treatments are active."""

from __future__ import annotations

from typing import Any

from phenolens.words import Said, activity, names, noted, wording
from phenolens.words.answers import because
from phenolens.words.numbers import (
    count,
    fixed,
    interval,
    listed,
    p_value,
    percent,
    plural,
    sentence,
)


@wording("active-none-tested")
def _(cause: str) -> str:
    return f"No treatment was tested for activity{because(cause)}."


@wording("active-none-testable")
def _(treatments: int) -> str:
    several = count(treatments, "treatment")
    return f"No treatment could be tested: none of the {several} has a q-value."


@wording("active-share")
def _(
    *, representation: str, active: int, tested: int, untested: int, alpha: float,
    low: float | None, high: float | None,
) -> str:  # fmt: skip
    by = f"at q < {alpha:g}, by {names.inside(representation)}."
    rest = f" ({untested} more could not be tested)" if untested else ""
    if not active and tested == 1:
        return f"The one treatment tested{rest} does not differ from its controls {by}"
    if not active:
        return f"None of the {tested} treatments tested{rest} differs from its controls {by}"
    between = interval(low, high, of=percent)
    share = percent(active / tested) + (f"; 95 % interval {between}" if between else "")
    several = plural(tested, "treatment") + " tested" * bool(untested)
    return f"{active} of {several} ({share}){rest} differ from the controls on their plates {by}"


@wording("active-no-single-hit")
def _(alpha: float, called_smoothed: int | None, **share: Any) -> Said:
    follows = activity.share_in_words(**share)
    if called_smoothed is not None:
        follows += (
            f" By a tail continued below the smallest p (normal scores assumed) {called_smoothed} "
            f"of {plural(share['tests'], 'treatment')} would have q < {alpha:g}."
        )
    why = activity.why_no_hit(alpha=alpha, **share)
    return Said(why, follows, activity.remedy(**share))


@wording("active-by-position")
def _(marked: int, among: int) -> str:
    which = "it" if marked == among else f"{marked} of them"
    return f"Position could explain {which}: the layout alone does not rule it out."


@wording("active-strongest")
def _(treatments: list[str], tied: int, map: float, most: int) -> str:
    if tied > most:
        first = listed(treatments[:most], most)
        return f"{tied} share the first place (mAP {fixed(map)}), among them {first}."
    return f"Strongest first: {listed(treatments, most)}."


@wording("active-farthest")
def _(treatments: list[str], most: int) -> str:
    return f"Farthest from controls first, none of them certain: {listed(treatments, most)}."


@wording("active-against-positions")
def _(*, treatments_called: int, treatments: int, called: int, groups: int, level: float) -> str:
    text = (
        "One layout is repeated on every plate, so treatments were tested against control wells "
        "that share a position, not by permuting wells."
    )
    if not groups:
        return text
    return (
        f"{text} At p <= {level:g}, permuting wells would call {treatments_called} of "
        f"{plural(treatments, 'treatment')}, but also {called} of {plural(groups, 'group')} of "
        "controls."
    )


@wording("active-smallest-p")
def _(*, smallest: float, needed: int, tests: int, alpha: float) -> str:
    text = f"The smallest p this design can give is {p_value(smallest)}"
    if not needed:
        return (
            f"{text}, so no treatment could have been called active at q < {alpha:g}: more "
            "replicate wells or controls are needed."
        )
    if needed == 1:
        return f"{text}, low enough to call a single treatment active."
    return (
        f"{text}; with {tests} tests, at least {count(needed, 'treatment')} must reach it before "
        "any can be called active."
    )


@wording("active-others")
def _(treatments: int, wells: int) -> str:
    return (
        f"The other {treatments} could not be separated from controls with {count(wells, 'well')} "
        "each; that is not evidence that they do nothing."
    )


@wording("active-untested")
def _(treatments: int) -> str:
    return f"{count(treatments, 'treatment').capitalize()} could not be tested."


@wording("active-noted")
def _(*, note: str, carry: int, of: int, **row: Any) -> str:
    return sentence(f"{carry} of {of}: {noted(note, **row)}")


@wording("active-noted-all")
def _(*, note: str, **row: Any) -> str:
    return sentence(f"for all of them: {noted(note, **row)}")


@wording("doses-reached")
def _(*, representation: str, compounds: int, reached: int, rising: int, alpha: float) -> str:
    return (
        f"{reached} of {plural(compounds, 'compound')} with three doses or more reach three "
        f"standard deviations of controls, and {count(rising, 'compound')} "
        f"{'moves' if rising == 1 else 'move'} further with dose (q below {alpha:g}), by "
        f"{names.inside(representation)}."
    )
