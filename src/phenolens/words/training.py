"""What profiles made elsewhere were trained on, and what is therefore not scored."""

from __future__ import annotations

from collections.abc import Sequence

from phenolens.words import Said, wording
from phenolens.words.numbers import p_value, percent, plural

_SAY = "Say trained_on and labels_seen, in [[data.profiles]] or as options."


@wording("training-unknown")
def _(*, of: str = "", unknown: Sequence[str] = ("trained_on",), **_: object) -> Said:
    wells = "trained_on" in unknown
    what = "what it was trained on" if wells else "whose labels it saw"
    said = f"Nothing says {what.replace('it', repr(of), 1) if of else what}."
    return Said(
        said,
        "Where it learned from these wells or their labels, every number of it is too good.",
        _SAY,
        phrase="training unknown",
    )


@wording("trained-on-wells")
def _(*, of: str, wells: int, learns: str) -> Said:
    scored = "they are left out" if learns == "labels" else "they are not classified"
    return Said(f"{of!r} was trained on {plural(wells, 'well')} of this screen: {scored}.")


@wording("trained-on-well")
def _(*, representation: str = "", **_: object) -> str:
    return f"it was trained on: not in {representation!r}" if representation else "trained on"


@wording("trained-on-all-wells")
def _(*, representation: str, wells: int, labels: bool) -> Said:
    learned = "learned labels of" if labels else "was trained on"
    return Said(
        f"{representation!r} {learned} every well that it would be scored on ({wells}).",
        remedy="Give profiles of wells that it has not seen, or leave it out of the study.",
    )


@wording("fused-on-everything")
def _(*, representation: str, wells: int, **_: object) -> Said:
    return Said(
        f"{representation!r} was fused on everything: the labels of all wells that it would be "
        f"scored on ({wells}) weighed its blocks. It is not for scoring.",
        remedy="Hand the blocks to fuse, or to a study, which score inside folds.",
    )


@wording("labels-seen")
def _(*, representation: str = "", **_: object) -> Said:
    who = repr(representation) if representation else "It"
    return Said(
        f"{who} saw the label of every treatment on the wells that it was not trained on, and "
        "pulls the wells of each together.",
        remedy="Held-out wells are classified all the same.",
    )


@wording("agreement-jumps")
def _(
    *, representation: str, plate: Sequence[str], against: str, measured: str, same_well: float,
    same_well_others: float, measured_same_well: float, measured_same_well_others: float,
    twins: int, same_treatment: float, p: float, **_: object,
) -> Said:  # fmt: skip
    beside = (
        f"; by {measured!r} {percent(measured_same_well)} and {percent(measured_same_well_others)} "
        f"(p = {p_value(p)})."
    )
    other = (
        f" Of {twins} wells whose treatment is in another well there too, "
        f"{percent(same_treatment)} are nearest to that one."
    )
    return Said(
        _nearest(representation, plate, against, same_well, same_well_others)
        + beside
        + (other if twins else ""),
        "It knows these wells in a way that what was measured in them does not explain: training "
        "on these plates, their batch, or how the features were built could. No score across them "
        "counts as held out.",
        "Find out what it was trained on and say so (trained_on), or compare on other plates.",
        phrase=f"knows {' and '.join(plate)} better than what was measured there explains",
    )


@wording("agreement-uneven")
def _(
    *, representation: str, plate: Sequence[str], against: str, same_well: float,
    same_well_others: float, **_: object,
) -> Said:  # fmt: skip
    return Said(
        _nearest(representation, plate, against, same_well, same_well_others) + ".",
        "A batch could explain it, and so could training on these plates; without measured "
        "features of the same wells nobody can tell.",
        "Give measured features too (CellProfiler's), or say what it was trained on (trained_on).",
    )


def _nearest(name: str, plate: Sequence[str], against: str, here: float, there: float) -> str:
    return (
        f"By {name!r}, {percent(here)} of the wells of {' and '.join(plate)} are nearest to "
        f"themselves on the other of the two, and {percent(there)} on {against}"
    )


@wording("agreement-even")
def _(*, representation: str, measured: str, plates: int, of: int) -> str:
    beside = f", beside {measured!r}" if measured else ""
    looked = f"{plates} plates" if plates == of else f"{plates} plates of {of} that were looked at"
    return (
        f"No pair of {looked} on which {representation!r} knows its wells better than the "
        f"others do explain{beside}."
    )
