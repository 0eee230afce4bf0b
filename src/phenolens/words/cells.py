"""Labels of cells: what they allow, and how well held-out cells are told apart."""

from __future__ import annotations

from collections.abc import Sequence

from phenolens.words import Said, names, wording
from phenolens.words.numbers import fixed, interval, listed, plural, within


@wording("question-cells")
def _() -> str:
    return "Is the class of a cell recognised?"


@wording("cell-classes-alone")
def _(*, leave_out: str, classes: int, alone: Sequence[str]) -> Said:
    lies = "lies" if len(alone) == 1 else "lie"
    only = f", {listed(alone)} {lies} in one {leave_out} only" if alone else ""
    more = "Label cells of every class in two wells or more"
    if leave_out != "well":
        more = f"Leave wells out ([splits] leave_out = 'well'), or label cells on more {leave_out}s"
    return Said(
        f"Cells cannot be classified with each {leave_out} held out whole: two classes or more "
        f"must lie in several {leave_out}s, and [data.columns] cell_label names {classes}{only}.",
        remedy=f"{more}; cells of one {leave_out} on both sides would test nothing.",
    )


@wording("no-cell-tested")
def _(*, representation: str) -> str:
    return f"No labelled cell is left to test by {representation!r}."


@wording("cells-not-independent")
def _(
    *, leave_out: str, cells: int, wells: int, plates: int, folds: int, over: str, units: int
) -> Said:
    drawn = f"intervals draw {plural(units, over)}" if over else "no interval is given"
    held = f"each {leave_out} is held out whole"
    more = ""
    if over == "well" and plates < 6:
        more = f" What differs between plates is not in them: there are {plates}."
    return Said(
        f"{plural(cells, 'cell')} of {plural(wells, 'well')} on {plural(plates, 'plate')} were "
        f"tested. Cells of a well are not independent: {held} ({folds} folds), and {drawn}.{more}"
    )


@wording("cells-without-interval")
def _(*, units: int) -> str:
    return (
        f"No interval is possible: {plural(units, 'well')} were tested, or a class in fewer than "
        "three of them, and many cells of few wells are no more wells. What is shown is "
        "descriptive."
    )


@wording("cell-classes-are-wells")
def _(*, wells: int) -> str:
    return (
        f"Each of the {wells} wells holds cells of one class only, so a class cannot be told from "
        "whatever else its wells share, such as their place, and intervals are too narrow; read "
        "the position baseline."
    )


@wording("cells-unlabelled")
def _(*, cells: int, of: int) -> str:
    return f"{cells:,} of {plural(of, 'cell')} have no label and take no part."


@wording("cell-class-never-tested")
def _(*, label: Sequence[str], reason: str, leave_out: str, cells: int) -> str:
    where = f"one {leave_out}" if reason == "class-in-one-unit-only" else "one fold"
    return (
        f"{listed(label)}: all cells lie in {where}, so none of these {plural(cells, 'cell')} is "
        "tested."
    )


@wording("cells-not-described")
def _(*, cells: int) -> str:
    return (
        f"{plural(cells, 'cell')} that not every representation describes (no nucleus was found "
        "in the crop) took no part, so that all are scored on the same cells."
    )


@wording("cells-scaled")
def _(*, cells: int) -> str:
    return (
        "Features of cells were scaled by the control wells of their plate that calibrate; the "
        f"{plural(cells, 'cell')} of wells that do nothing else took no part."
    )


@wording("cells-not-scaled")
def _() -> str:
    return (
        "Features of cells were taken as measured: some plate has no two control wells, so what "
        "scaled it would be tested too."
    )


@wording("cells-without-controls")
def _() -> str:
    return (
        "No well of this screen is a control: features of cells were taken as measured, and "
        "networks read pixels on the scale of all cells of a plate, whatever their labels."
    )


@wording("cells-recognised")
def _(
    *, representation: str, value: float, low: float, high: float, baseline: str, beside: float
) -> str:
    between = interval(low, high, of=fixed)
    sure = f" (95 % interval {between})" if between else ""
    return (
        f"By {names.inside(representation)} the classes of held-out cells are named with a "
        f"balanced accuracy of {fixed(value)}{sure}, where "
        f"{within(names.label(baseline))} reaches {fixed(beside)}."
    )
