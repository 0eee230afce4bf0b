"""Which treatments are active: the test that was made, its control check, and why none is named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from phenolens.words import Said, noted, say, wording
from phenolens.words.numbers import fixed, interval, p_value, plural
from phenolens.words.sentences import named, reasons

_POSITION = "position could explain this"
_SHAPES = {
    "same-position": "wells at one position on all plates",
    "same-positions": "wells at several positions, the same on all plates",
    "near-position": "wells side by side on different plates",
    "neighbours": "neighbouring wells",
    "column": "wells of one column",
    "row": "wells of one row",
    "region": "wells of one quarter of the plate",
    "scattered": "scattered wells",
}


@dataclass(frozen=True)
class FoundInNumbers:
    """What was found of a treatment in numbers: in short, and with the interval."""

    short: str
    whole: str


def scored(row: Mapping[str, Any]) -> FoundInNumbers:
    """The q and mAP of a treatment in words; the interval only where there is one.

    >>> scored({"q": 0.012, "map": 0.5, "low": 0.25, "high": 0.75}).whole
    'q 0.012, mAP 0.50 (0.25 to 0.75)'
    >>> scored({"q": 0.012, "map": 0.5}).whole
    'q 0.012, mAP 0.50'
    """
    short = f"q {p_value(row['q'])}, mAP {fixed(row['map'])}"
    between = interval(row.get("low"), row.get("high"), of=fixed)
    return FoundInNumbers(short, f"{short} ({between})" if between else short)


@wording("position-ignored")
def _(*, kept: int, replicated: int) -> str:
    return (
        f"{_POSITION}: {_keeping(kept, replicated)} on all plates, and {named('position_safe')} is "
        "'no'."
    )


@wording("position-safe")
def _(*, positions: int, kept: int, replicated: int) -> str:
    return (
        f"{_keeping(kept, replicated)} on all plates, so {positions} control positions are "
        "compared, not wells."
    )


def _keeping(kept: int, replicated: int) -> str:
    return f"{kept} of {replicated} replicated treatments keep their position"


@wording("doses-only")
def _(*, compounds: int, column: str) -> str:
    return (
        f"{plural(compounds, 'compound')} with each dose in one well only: with "
        f"{named('same_by')} {column!r}, a compound's doses are tested together as its wells."
    )


def shape_in_words(shape: str) -> str:
    """``neighbouring wells``, ``wells of one column, the same on all plates``, ..."""
    kept = ", the same on all plates" if shape.endswith("-kept") else ""
    return _SHAPES.get(shape.removesuffix("-kept"), "wells") + kept


@wording("control-check")
def control_check(
    *, outcome: str, groups: int, called: int, wells: int, shape: str, treatments: int,
    treatments_called: int, rows: int, rows_used: int, columns: int, columns_used: int,
    p_attainable: float | None = None, why: str = "", share: float = 0.0, low: float = 0.0,
    high: float = 0.0, covered: object = None,
    level: float = 0.05, groups_needed: int = 19, by_permuting: Mapping[str, int] | None = None
) -> str:  # fmt: skip
    """Groups of controls tested as treatments: how many are called, and what that says."""
    if outcome == "not-possible":
        said = noted(why, wells=wells, shape=shape, p_attainable=p_attainable)
        return f"A control check is not possible with this layout: {said}."
    groups = int(groups)
    found = (
        f"Control check: {int(called)} of {groups} groups of controls "
        f"({int(wells)} {shape_in_words(str(shape))}, as most treatments lie) "
        f"have p <= {level:g} ({100 * float(share):.0f} %; exact 95 % interval "
        f"{100 * float(low):.0f} to {100 * float(high):.0f} %), beside {int(treatments_called)} of "
        f"{int(treatments)} treatments. The groups cover {int(rows)} of {int(rows_used)} rows and "
        f"{int(columns)} of {int(columns_used)} columns."
    )
    if covered in (True, False) and not covered:
        found += " They do not lie where the treatments lie, of which they say little."
    if outcome == "calls-controls":
        found += (
            " More are called than the 5 % that are due: the test takes something else, such as "
            "position, for an effect."
        )
    if groups < groups_needed:
        found += f" {groups} group{'s' if groups != 1 else ''} cannot certify 5 %: "
        found += f"{groups_needed} are needed."
    if by_permuting is not None:
        found += (
            f" By permuting wells {by_permuting['called']} of {by_permuting['groups']} would be "
            "called."
        )
    return found


@wording("no-single-hit")
def no_single_hit(*, alpha: float, smooth: int | None = None, **share: Any) -> Said:
    """Why this design names no hit, how many treatments are active, and what would do."""
    found = [why_no_hit(alpha=alpha, **share), share_in_words(**share)]
    if smooth is not None:
        found.append(
            f"By the smoothed tail, which assumes normal scores, {smooth} have q < {alpha:g}."
        )
    found.append(remedy(**share))
    return Said(" ".join(filter(None, found)))


def why_no_hit(
    *, alpha: float, tests: int, needed: int, p_attainable: float, limit: str,
    permutations_needed: int, **_: object,
) -> str:  # fmt: skip
    """Why this design names no hit, in a sentence."""
    tests, needed = int(tests), int(needed)
    smallest = f"{float(p_attainable):.2g}"
    if limit == "permutations":
        return (
            f"Too few permutations to name a single hit: the smallest p is {smallest}, and with "
            f"{tests} tests a single hit takes {int(permutations_needed):,} permutations."
        )
    found = (
        f"This design cannot name single hits: the smallest p it can give is {smallest}, so that "
        f"with {tests} tests "
    )
    if not needed:
        return f"{found}no number of treatments could have q < {alpha:g}."
    return f"{found}{needed} must reach it together before one has q < {alpha:g}."


def share_in_words(
    *, limit: str, called: int, tests: int, threshold: float, withheld: str, groups: int,
    groups_called: int, low: Any, share: Any, certainty: float = 0.95,
    unknown: Mapping[str, object] | None = None, **_: object,
) -> str:  # fmt: skip
    """How many treatments are active, or why that is not said, in a sentence; may be empty."""
    if limit == "permutations":
        return ""
    counts = f"{int(called)} of {int(tests)} treatments have p <= {float(threshold):.2g}"
    if withheld or low is None or share is None:
        why = say(withheld, unknown=unknown).what
        return f"{counts}; no share of active treatments is given: {why}."
    found = (
        f"{counts}, and {int(groups_called)} of {int(groups)} groups of controls by the same test"
    )
    if float(low) <= 0:
        return f"{found}: no more than chance may give, which is not to say that none is active."
    return (
        f"{found}: at least {100 * float(low):.0f} % of the treatments are active (one-sided "
        f"{100 * certainty:.0f} % bound; all are compared with the same controls, which it counts; "
        f"the excess itself is {100 * float(share):.0f} %)."
    )


def remedy(*, limit: str, plates_needed: int, positions_needed: int, **_: object) -> str:
    """What would do to name hits, in a sentence; empty where permutations would."""
    if limit == "permutations":
        return ""
    plates = f"{int(plates_needed)} replicate plates with a layout of their own each"
    if positions_needed:
        return f"To name hits: {plates}, or about {int(positions_needed):,} control positions."
    return f"To name hits: {plates}, or more controls on each."


# Codes of the column ``note``: phrases of a row's own values, and of the settings of the question.


@wording("not-tested")
def _(*, why: Mapping[str, Any]) -> str:
    said = say(why["code"], **why["about"], **why["values"])
    return reasons([said.advice])


@wording("one-well-only")
def _() -> str:
    return "one well only; two are needed"


@wording("wells-without-values")
def _(*, usable: int, wells: int) -> str:
    return f"{usable} of its {wells} wells hold values; two are needed"


@wording("wells-without-controls")
def _(*, usable: int, wells: int, within: Sequence[str] = ()) -> str:
    shared = _listed(within) or "what they are compared within"
    return f"{usable} of its {wells} wells share {shared} with an evaluation control"


@wording("wells-not-differing")
def _(*, wells: int, diff_by: Sequence[str] = ()) -> str:
    return f"no two of its {wells} wells differ in {_listed(diff_by) or 'what they must differ by'}"


def _listed(columns: Sequence[str] | None) -> str:
    return " and ".join(name.removeprefix("Metadata_") for name in columns or ())


@wording("wells-not-usable")
def _(*, usable: int, wells: int) -> str:
    return f"{usable} of its {wells} wells could be used; two are needed"


@wording("fewer-than-two-compared")
def _() -> str:
    return "fewer than two of its wells can be compared"


@wording("too-many-to-permute")
def _() -> str:
    return (
        "too many of its wells and of the controls beside them to permute; compare inside plates "
        "(within)"
    )


@wording("pixels-seen")
def _() -> str:
    return "fitted on the images of all wells, without labels"


@wording("position-not-separated")
def position_not_separated(
    *, kept: int = 0, replicated: int = 0, why: str = "", **values: object
) -> Said:
    """A fixed layout whose positions could not be compared, and why; a row has why as a code."""
    phrase = f"{_POSITION}: the layout is fixed"
    if not why:
        return Said(phrase, phrase=phrase)
    said = say(why, **values).what.rstrip(".")
    return Said(
        f"{_POSITION}: {_keeping(kept, replicated)} on all plates, and {said}.", phrase=phrase
    )


@wording("other-test-asked")
def _() -> str:
    return f"{named('null')} and {named('diff_by')} name another test"


@wording("few-positions-to-compare")
def _(*, control_positions: int, needed: int = 19) -> str:
    return (
        f"position cannot be separated from effect with {control_positions} control positions "
        f"({needed} needed)"
    )


@wording("few-cells-left")
def _() -> str:
    return "few cells left: the profile may show dying cells"


@wording("few-wells-compared")
def _(*, n: int) -> str:
    return f"only {n} comparable well(s)"


# Why no group of controls could be tested, and why no share of active treatments is given.


@wording("no-plates-known")
def _() -> str:
    return "the wells have no Metadata_Plate"


@wording("no-positions-known")
def _() -> str:
    return "the wells have no Metadata_Well"


@wording("wells-not-named")
def _() -> str:
    return "the names of the wells cannot be read"


@wording("no-controls-in-shape")
def _(*, wells: int, shape: str) -> str:
    return f"no {wells} controls lie as the wells of most treatments do ({shape_in_words(shape)})"


@wording("groups-without-others")
def _() -> str:
    return "no group of controls has others to compare with"


@wording("groups-p-too-large")
def _(*, p_attainable: float) -> str:
    return f"the smallest p of a group of controls is {p_attainable:.2g}"


@wording("several-networks-tested")
def _() -> str:
    return "several networks saw the treatments"


@wording("several-weights-tested")
def _() -> str:
    return "blocks were weighed anew for each group of treatments"


@wording("control-places-unknown")
def _(*, unknown: Mapping[str, object] | None = None) -> str:
    why = f" ({say(str(unknown['code']), **unknown).what})" if unknown else ""
    return f"whether controls lie where treatments do is not known{why}"


@wording("controls-not-among-treatments")
def _() -> str:
    return "the controls do not lie where the treatments lie"


@wording("more-permutations-needed")
def _() -> str:
    return "more permutations would name hits"


@wording("no-group-like-treatments")
def _() -> str:
    return "no group of controls lies as the treatments do"
