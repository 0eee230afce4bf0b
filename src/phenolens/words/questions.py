"""What the questions found beside their tables: assay, match, cluster, classify, compare, dose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from phenolens.words import Said, names, noted, say, wording
from phenolens.words.names import NOISE
from phenolens.words.numbers import fixed, interval, listed, within
from phenolens.words.sentences import named


@wording("not-asked")
def _(*, question: str, why: Mapping[str, Any], of: Sequence[str] = ()) -> str:
    said = say(why["code"], **why["about"], **why["values"]).advice
    if of:
        return f"{question} of {', '.join(of)}: {said}"
    return f"Not answered, {question}: {said.rstrip('.')}."


@wording("no-cell-count")
def _(*, wells: int) -> str:
    return f"{wells} wells have no cell count: no cell-count baseline."


@wording("blocks-chosen")
def _(*, folds: int, alone: int, chosen: Sequence[str]) -> str:
    taken = ", ".join(f"{name} ({count}x)" for name, count in Counter(chosen).most_common())
    return f"Blocks were chosen on training wells; in {alone} of {folds} folds one alone: {taken}."


@wording("blocks-not-judged")
def _(*, blocks: Sequence[str]) -> Said:
    if all(name.startswith(NOISE) for name in blocks):  # in the place of one that learned labels
        return Said(f"{NOISE} is treated as the block whose place it takes, which learned labels.")
    return Said(
        f"{', '.join(blocks)} learned labels and cannot be judged on the wells learned from.",
        consequence="It takes no part in the fusion's classification.",
        remedy="Three folds or more let it be fitted without some training wells too.",
    )


@wording("wells-missing-in-block")
def _(*, block: str, wells: int, examples: Sequence[str], why: str) -> str:
    which = listed(examples) + (", ..." if wells > len(examples) else "")
    if why == "not-usable":
        return f"{wells} wells are left out: without a usable value in some block ({which})."
    return f"{wells} wells are left out: block {block!r} lacks them ({which})."


@wording("fused")
def _(*, words: str, best: str, gain: float, errors: float, alone: bool) -> str:
    if alone:
        return f"Nothing is clearly better than {best} alone on held-out wells, so it stands alone."
    return (
        f"Fused: {words}. On the held-out wells that chose it, {gain:.3f} of reciprocal rank "
        f"({errors:.1f} standard errors) more than {best} alone; of fresh wells expect less."
    )


@wording("fused-on-all-wells")
def _(*, wells: int) -> Said:
    return Said(
        f"The fused table was fitted on everything ({wells} wells and their labels): it is not for "
        "scoring, and questions refuse it.",
    )


@wording("fused-late-better")
def _(*, candidate: str, beyond: float) -> str:
    what = {
        "late-scores": "the mean of the blocks' class scores",
        "late-ranks": "the mean of the blocks' class ranks",
        "stacking": "stacking the blocks' class scores",
    }[candidate]
    return (
        f"In naming held-out wells, {what} did better than what is written (by {beyond:.3f} of "
        "reciprocal rank); it gives a classifier and no profiles."
    )


@wording("fusion-compared")
def _(
    *, representation: str, against: str, task: str, metric: str, difference: float,
    low: float | None, high: float | None, p_holm: float | None, won: int, lost: int,
    n_clusters: int,
) -> str:  # fmt: skip
    what = f"{names.task(task)}, {within(names.metric(metric))}"
    between = interval(low, high, of=fixed)
    return (
        f"{what}: {names.label(representation)} less {names.label(against)} {fixed(difference)}"
        f"{f' ({between})' if between else ''}; {won} won, {lost} lost of {n_clusters}."
    )


@wording("wells-not-tested")
def _(*, wells: int, reasons: Sequence[str], leave_out: str) -> str:
    said = [say(code, leave_out=leave_out).what for code in reasons]
    return f"{wells} wells are never tested: {', '.join(said)}."


@wording("class-in-one-unit-only")
def _(*, leave_out: str = "unit") -> str:
    return f"class in one {leave_out} only"


@wording("class-in-one-fold-only")
def _() -> str:
    return "class in one fold only"


@wording("no-unit-known")
def _() -> str:
    return "no unit to leave out"


@wording("no-label-known")
def _() -> str:
    return "no label"


@wording("not-tested-in-study")
def _() -> str:
    return "not tested in the study"


@wording("fewer-clusters")
def _(*, clusters: int, asked: int) -> str:
    return f"k-means makes {clusters} clusters, not {asked}: there are {clusters + 1} treatments."


@wording("no-label")
def _(*, column: str) -> str:
    return (
        f"Clusters are held against no label: fewer than two values of {column!r} are known; "
        f"name another column with {named('label')}."
    )


@wording("labels-parted")
def _(*, treatments: int, column: str, separator: str, example: str) -> str:
    return (
        f"{treatments} treatments have several values in {column}, parted at {separator!r}, such "
        f"as {example!r}; separator sets another mark, or none."
    )


@wording("wells-without-dose")
def _(*, wells: int, treated: int, example: object) -> str:
    such = " above 0" if example is None else f", e.g. {example!r}"
    return f"{wells} of {treated} treated wells have no readable dose{such}."


@wording("plate-not-passed")
def _(*, plate: str, reasons: str, **row: Any) -> str:
    return f"Plate {plate} did not pass: {noted(reasons, **row)}."


# Codes of the column ``reasons`` (``flag`` of a study), in the plate's own numbers.


@wording("few-control-wells")
def _(*, n_controls: float, needed: int = 6) -> str:
    return f"{n_controls:.0f} control wells, fewer than {needed}"


@wording("few-replicating")
def _(*, percent_replicating: float) -> str:
    return f"{percent_replicating:.0%} of treatments replicate"


@wording("cell-count-varies")
def _(*, cell_count_cv: float) -> str:
    return f"cell count of controls varies by {cell_count_cv:.0%}"


@wording("positive-controls-weak")
def _(*, ssmd: float) -> str:
    return f"positive controls stand out by SSMD {ssmd:.1f} only"


@wording("plates-not-passed")
def _(*, plates: int) -> str:
    return f"{plates} more plates did not pass; the table says why."


@wording("plates-passed")
def _(*, plate: Sequence[str], plates: int) -> str:
    more = f" and {plates - len(plate)} more" if plates > len(plate) else ""
    return f"{'Plate' if plates == 1 else 'Plates'} passed: {', '.join(plate)}{more}."


# Codes of the column ``note`` of tests of where a network looked.


@wording("too-few-treated-twice")
def _() -> str:
    return "fewer than two treatments with two wells"


@wording("same-value-everywhere")
def _() -> str:
    return "the same value in every well"


@wording("too-few-or-all-alike")
def _() -> str:
    return "too few treatments, or all alike"
