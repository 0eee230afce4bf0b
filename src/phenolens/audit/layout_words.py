"""What a layout says, in words."""

from __future__ import annotations

from collections.abc import Callable

from phenolens.audit.finding import Finding, listed, number_of, percent
from phenolens.evaluate.layout.finding import LayoutFinding
from phenolens.evaluate.layout.grid import REACH_MM

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


def in_words(found: LayoutFinding) -> Finding:
    """The finding as the audit tells it."""
    what, consequence, remedy = _WORDS[found.code](found)
    where = listed(found.treatments) or listed(found.plates)
    if found.severity == "ok":
        return Finding(found.code, "ok", "", what)
    return Finding(found.code, found.severity, where, what, consequence, remedy)


def _confounded(found: LayoutFinding) -> tuple[str, str, str]:
    values = found.values
    replicated = number_of(values["replicated"], "replicated treatment")
    if values["one_position"]:
        what = f"{values['one_position']} of {replicated} sit at the same position on every plate"
        more = len(found.treatments) - values["one_position"]
        what += f", and {more} more at positions that plates share." if more > 0 else "."
    elif found.treatments:
        what = f"{len(found.treatments)} of {replicated} sit at positions that plates share."
    else:
        what = f"Of two wells of a treatment {percent(values['observed'])} share their position."
    return _on_plates(found, what), _NOT_ITS_OWN, _SCRAMBLE


def _block(found: LayoutFinding) -> tuple[str, str, str]:
    values = found.values
    places = _PLACES[values["statistic"]]
    place = places.get(values["where"], places[""])
    replicated = number_of(values["replicated"], "replicated treatment")
    if found.treatments:
        least = "" if values["complete"] else "At least "
        what = f"{least}{len(found.treatments)} of {replicated} have their wells {place}."
    elif values["statistic"] == "edge":
        what = "Some treatments stay at the edge, others off it, more than scrambling would do."
    else:
        what = (
            f"Wells of one treatment lie {place} more often than scrambling would put them "
            f"({percent(min(values['share'], 1.0))} of the way to all of them)."
        )
    return _on_plates(found, what), _NOT_ITS_OWN, _SCRAMBLE


def _order(found: LayoutFinding) -> tuple[str, str, str]:
    met, expected = found.values["observed"], found.values["expected"]
    return (
        f"Treatments have the same neighbours again {met / max(expected, 1e-9):.1f} times as often "
        "as scrambling would give, as in one order of dispensing.",
        "What neighbours share (gradients, carry-over) repeats with them: treatments that lie side "
        "by side may look alike for that.",
        "Scramble the order between plates.",
    )


def _elsewhere(found: LayoutFinding) -> tuple[str, str, str]:
    count, among = found.values["elsewhere"], found.values["replicated"]
    if found.severity == "ok":
        what = f"{count} of {number_of(among, 'replicated treatment')} lie at other locations too."
        return what, "", ""
    return (
        f"{among - count} of {number_of(among, 'replicated treatment')} lie at one location only.",
        "Nothing shows that they would look the same elsewhere on a plate.",
        f"Repeat them more than {REACH_MM:g} mm away, best on another plate.",
    )


def _controls(found: LayoutFinding) -> tuple[str, str, str]:
    values = found.values
    held = (
        f"{number_of(int(values['rows']), 'row')} and {number_of(int(values['columns']), 'column')}"
    )
    if found.severity == "ok":
        return f"The controls lie among the treated wells, in {held}.", "", ""
    return (
        f"The controls lie in {held}; {percent(values['far'])} of the treated positions have none "
        f"within {REACH_MM:g} mm.",
        "A difference from controls may be one between parts of the plate, however well treatments "
        "are scrambled.",
        "Spread controls over rows, columns and edges, as treatments are spread.",
    )


def _doses(found: LayoutFinding) -> tuple[str, str, str]:
    values = found.values
    places = _PLACES[values["statistic"]]
    place = places.get(values["where"], places[""])
    moved = "" if values["keep"] > 0.5 else ", though not in the same wells on every plate"
    return (
        f"Doses of a compound lie {place} ({number_of(values['compounds'], 'compound')}){moved}.",
        "Doses are no replicates at independent positions: a trend over doses may be one over the "
        "plate.",
        "Give doses another order or location on each plate.",
    )


def _on_plates(found: LayoutFinding, what: str) -> str:
    return f"On {listed(found.plates)}: {what[0].lower()}{what[1:]}" if found.plates else what


_WORDS: dict[str, Callable[[LayoutFinding], tuple[str, str, str]]] = {
    "layout-confounded": _confounded,
    "layout-block": _block,
    "layout-edge": _block,
    "layout-order": _order,
    "compared-elsewhere": _elsewhere,
    "controls-elsewhere": _controls,
    "layout-doses": _doses,
}
