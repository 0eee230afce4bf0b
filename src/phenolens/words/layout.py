"""What a layout alone says: replicates, other locations, controls, doses; and what it cannot say.

The reasons why something cannot be asked of a layout are phrases, to stand behind a colon.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from phenolens.words import Said, say, wording
from phenolens.words.numbers import plural, portion, some

_PLACES = {
    "near": {"on a plate": "side by side", "": "in the same or neighbouring wells"},
    "row": {"": "in one row"},
    "column": {"": "in one column"},
    "region": {"": "in one part of the plate"},
    "quadrant": {"": "in one quadrant of the plate"},
    "edge": {"": "at the edge"},
}
_NOT_ITS_OWN = (
    "Their effect cannot be told from the position's (edge, gradients, dispensing order); "
    "correcting for position would remove the effect with it."
)
_SCRAMBLE = (
    "Scramble the layout between plates; until then compare with control wells of the same "
    "position, and read the position baseline beside every score."
)


@wording("layout-confounded")
def same_positions(
    *, replicated: int, one_position: int, named: int, observed: float = 0.0,
    plate: Sequence[str] = ()
) -> Said:  # fmt: skip
    """Replicates at one position on all plates, or nothing that would show them."""
    if not replicated:
        return Said(
            "Replicates share no position, block, edge or order beyond what scrambling gives."
        )
    several = plural(replicated, "replicated treatment")
    if one_position:
        what = f"{one_position} of {several} sit at the same position on every plate"
        more = named - one_position
        what += f", and {more} more at positions that plates share." if more > 0 else "."
    elif named:
        what = f"{named} of {several} sit at positions that plates share."
    else:
        what = f"Of two wells of a treatment {portion(observed)} share their position."
    return Said(_on_plates(plate, what), _NOT_ITS_OWN, _SCRAMBLE)


@wording("layout-block", "layout-edge")
def same_part(
    *, statistic: str, where: str, replicated: int, named: int, complete: bool, share: float,
    plate: Sequence[str] = ()
) -> Said:  # fmt: skip
    """Replicates side by side, in one row, column or part of the plate, or at the edge."""
    places = _PLACES[statistic]
    place = places.get(where, places[""])
    if named:
        least = "" if complete else "At least "
        several = plural(replicated, "replicated treatment")
        what = f"{least}{named} of {several} have their wells {place}."
    elif statistic == "edge":
        what = "Some treatments stay at the edge, others off it, more than scrambling would do."
    else:
        what = (
            f"Wells of one treatment lie {place} more often than scrambling would put them "
            f"({portion(min(share, 1.0))} of the way to all of them)."
        )
    return Said(_on_plates(plate, what), _NOT_ITS_OWN, _SCRAMBLE)


def _on_plates(plate: Sequence[str], what: str) -> str:
    return f"On {some(plate)}: {what[0].lower()}{what[1:]}" if plate else what


@wording("layout-order")
def same_neighbours(*, observed: float, expected: float) -> Said:
    """The same neighbours again."""
    return Said(
        f"Treatments have the same neighbours again {observed / max(expected, 1e-9):.1f} times as "
        "often as scrambling would give, as in one order of dispensing.",
        "What neighbours share (gradients, carry-over) repeats with them: treatments that lie side "
        "by side may look alike for that.",
        "Scramble the order between plates.",
    )


@wording("compared-elsewhere")
def other_locations(*, elsewhere: int, replicated: int, enough: bool, reach_mm: float) -> Said:
    """How many treatments lie at another location too."""
    several = plural(replicated, "replicated treatment")
    if enough:
        return Said(f"{elsewhere} of {several} lie at other locations too.")
    return Said(
        f"{replicated - elsewhere} of {several} lie at one location only.",
        "Nothing shows that they would look the same elsewhere on a plate.",
        f"Repeat them more than {reach_mm:g} mm away, best on another plate.",
    )


@wording("controls-elsewhere")
def controls_elsewhere(*, elsewhere: bool, **places: Any) -> Said:
    """Controls apart from the treatments: by rows and columns, or by the two outer rings."""
    if "outer_controls" in places:
        return _outer_rings(elsewhere=elsewhere, **places)
    return _covered(elsewhere=elsewhere, **places)


def _outer_rings(
    *, elsewhere: bool, outer_controls: float, outer_treated: float, **_: object
) -> Said:
    controls, treated = portion(outer_controls), portion(outer_treated)
    if not elsewhere:
        return Said(f"{controls} of controls and {treated} of treated wells are outer.")
    return Said(
        f"{controls} of the control wells but {treated} of the treated wells lie in the two outer "
        "rings.",
        "An edge effect looks like an effect of treatments.",
        "Spread controls over the plate as treatments are spread.",
    )


def _covered(
    *, elsewhere: bool, rows: float, columns: float, far: float, reach_mm: float, **_: object
) -> Said:
    held = f"{plural(int(rows), 'row')} and {plural(int(columns), 'column')}"
    if not elsewhere:
        return Said(f"The controls lie among the treated wells, in {held}.")
    return Said(
        f"The controls lie in {held}; {portion(far)} of the treated positions have none within "
        f"{reach_mm:g} mm.",
        "A difference from controls may be one between parts of the plate, however well treatments "
        "are scrambled.",
        "Spread controls over rows, columns and edges, as treatments are spread.",
    )


@wording("layout-doses")
def doses_together(*, statistic: str, where: str, compounds: int, keep: float) -> Said:
    """Doses of a compound close to one another."""
    places = _PLACES[statistic]
    place = places.get(where, places[""])
    moved = "" if keep > 0.5 else ", though not in the same wells on every plate"
    return Said(
        f"Doses of a compound lie {place} ({plural(compounds, 'compound')}){moved}.",
        "Doses are no replicates at independent positions: a trend over doses may be one over the "
        "plate.",
        "Give doses another order or location on each plate.",
    )


@wording("position-could-explain")
def could_explain(*, finding: str = "", **values: object) -> Said:
    """Of any comparison of wells: what position could explain of it, by the layout's finding."""
    phrase = "position could explain this"
    if not finding:
        return Said(phrase, phrase=phrase)
    what = say(finding, **values).what
    return Said(f"{phrase}: {what[0].lower()}{what[1:]}", phrase=phrase)


@wording("layout-not-seen")
def not_seen(*, why: str, **values: object) -> str:
    """Replicates whose location cannot be asked about."""
    return f"Whether position explains replicates cannot be seen: {say(why, **values).what}."


@wording("no-well-treated")
def _() -> str:
    return "no well carries a treatment"


@wording("doses-are-the-replicates")
def _() -> str:
    return "doses are a treatment's only replicates"


@wording("no-treatment-in-two-wells")
def _() -> str:
    return "no treatment has two wells"


@wording("one-position-for-all")
def _() -> str:
    return "all treated wells are at one position"


@wording("one-treatment-for-all")
def _() -> str:
    return "every treated well carries the same treatment"


@wording("one-treatment-a-plate")
def _() -> str:
    return "no plate holds two treatments"


@wording("no-well-a-control")
def _() -> str:
    return "no well is a control"


@wording("few-control-positions")
def _(*, controls: int, used: int, controls_needed: int, used_needed: int) -> str:
    return (
        f"{controls} control positions among {used} in use are too few "
        f"({controls_needed} of {used_needed} needed)"
    )
