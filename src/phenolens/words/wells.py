"""What was assumed and left out when profiles were read, and what is compared of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from phenolens.words import say, wording
from phenolens.words.numbers import percent, plural
from phenolens.words.sentences import named

NO_FEATURES = {
    "row": "describing the row",
    "number": "numbers of objects, or places in the image",
    "placed": "whole numbers that stay the same, number the rows or follow the plate",
    "strange": "names of no form that is known",
    "not-named": "not named",
    "text": "words, no numbers",
}
_DROPPED = {
    "blocked": "not wanted",
    "missing": "missing in more than 5 % of the wells",
    "constant": "that hardly vary",
    "repetitive": "of few values",
    "wild": "with a value beyond 500",
    "correlated": "that repeat another",
    "empty": "without a value",
}


@wording("wells-read")
def _(*, wells: int, plates: int, how: Sequence[str]) -> str:
    size = f"{plural(wells, 'well')} on {plural(plates, 'plate')}"
    return f"{'; '.join([size, *how])}."


@wording("features")
def _(*, features: int, described: Sequence[str]) -> str:
    return f"{features:,} features: {' and '.join(described)}."


@wording("columns-not-used")
def columns_not_used(*, counts: Mapping[str, int], examples: Mapping[str, Sequence[str]]) -> str:
    """Numeric columns that are no features, why, and the first of each."""
    parts = []
    for why, count in counts.items():
        more = ", ..." if count > len(examples[why]) else ""
        parts.append(f"{', '.join(examples[why])}{more}: {NO_FEATURES[why]}")
    what = "Columns" if "text" in counts else "Numeric columns"
    return f"{what} not used: {sum(counts.values()):,} ({'; '.join(parts)})."


@wording("doses-with-units")
def _(*, wells: int) -> str:
    return f"{plural(wells, 'well')} with the unit of the dose: all doses are in micromolar."


@wording("aggregated")
def _(*, level: str) -> str:
    return f"Rows are {level}s: wells are their medians."


@wording("rows-repeated")
def _(*, rows: int) -> str:
    return f"{plural(rows, 'row')} repeat another exactly and count once."


@wording("alike-plates")
def _(*, example: str, consequence: str) -> str:
    return f"{example}: {consequence}."


@wording("set-aside")
def _(*, n: int, why: Mapping[str, Any]) -> str:
    return f"{n} set aside: {say(why['code'], **why['about'], **why['values']).what}."


@wording("treatments-by-name")
def _(*, column: str, concentration: str | None) -> str:
    dose = f" with its dose {concentration}" if concentration else ""
    return (
        f"A treatment is {column}{dose}, found by its name; name other columns with "
        f"{named('same_by')}."
    )


@wording("wells-without-treatment")
def _(*, wells: int) -> str:
    return f"{plural(wells, 'well')} without a treatment take part in no question about them."


@wording("controls")
def _(*, wells: int, found: str) -> str:
    how = {
        "mask": "as marked",
        "query": "by the query",
        "convention": "by convention (DMSO, negcon)",
    }
    return f"{plural(wells, 'control well')}, {how[found]}."


@wording("normalized-already")
def _(*, centred: bool) -> str:
    on_controls = "each plate's controls or wells are centred on 0"
    why = on_controls if centred else "no well is a control"
    return (
        f"Taken as normalized already: {why}; normalized=False (--no-normalized) scales them on "
        "controls."
    )


@wording("of-a-study")
def _() -> str:
    return "Read as the study left them: normalized, with its roles, folds and settings."


@wording("space")
def _(*, space: str, whitened_on: int | None) -> str:
    on = f" on {whitened_on} calibrating controls" if whitened_on else ""
    return f"Wells are compared as: {space}{on}."


@wording("position-removed")
def _(*, n_positions: int, share: float, farthest: int, could_explain: bool) -> str:
    said = (
        f"What position adds was subtracted as calibrating controls at {n_positions} positions "
        f"show it: {percent(share)} of their variance within plates."
    )
    if could_explain:
        said += (
            f" Wells lie up to {plural(farthest, 'well')} from the nearest of these positions, and "
            "treatments share positions: what is left there cannot be told from an effect."
        )
    return said


@wording("position-not-removed")
def _(*, why: str, positions: int, needed: int) -> str:
    reason = {
        "normalized-elsewhere": "the profiles were normalized elsewhere, on unknown controls",
        "few-positions": (
            f"calibrating controls sit at {plural(positions, 'position')}, and {needed} are needed"
        ),
    }
    return f"Position was not removed: {reason[why]}."


@wording("cell-count-removed")
def _(*, n_calibrators: int, share: float, beyond: int, unknown: int) -> str:
    said = (
        f"What follows the cell count was subtracted as {n_calibrators} calibrating controls show "
        f"it: {percent(share)} of their variance within plates."
    )
    if beyond:
        said += (
            f" {plural(beyond, 'well')} with fewer or more cells than any control counted as the "
            "nearest of them."
        )
    if unknown:
        said += f" {plural(unknown, 'well')} without a count stayed as they were."
    return said


@wording("cell-count-not-removed")
def _(*, why: str, controls: int, needed: int) -> str:
    reason = {
        "normalized-elsewhere": "the profiles were normalized elsewhere, on unknown controls",
        "no-counts": "no well has a cell count",
        "few-controls": (
            f"{plural(controls, 'calibrating control')} with a count, and {needed} are needed"
        ),
    }
    return f"The cell count was not removed: {reason[why]}."


@wording("wells-left-out")
def _(*, wells: int, well: str, why: str) -> str:
    return f"{wells} wells left out, such as {well}: {say(why).what}."


@wording("features-rescaled")
def _(*, all_by: float, own: int, first: str, spread: float) -> str:
    said = [] if all_by == 1 else [f"all features by {all_by:.2g}"]
    if own:
        said.append(f"{own:,} by their own spread, such as {first} ({spread:.2g})")
    return f"Features of another scale were divided: {' and '.join(said)}."


@wording("features-dropped")
def _(*, kept: int, dropped: Mapping[str, int], examples: Mapping[str, Sequence[str]]) -> str:
    parts = [
        f"{count:,} {_DROPPED[why]} (such as {', '.join(examples[why])})"
        for why, count in dropped.items()
    ]
    return f"{kept:,} features are compared; dropped: {', '.join(parts)}."
