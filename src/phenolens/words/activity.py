"""Which treatments are active: the test that was made, its control check, and why none is named."""

from __future__ import annotations

from collections.abc import Mapping

from phenolens.words import wording

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


def shape_in_words(shape: str) -> str:
    """``neighbouring wells``, ``wells of one column, the same on all plates``, ..."""
    kept = ", the same on all plates" if shape.endswith("-kept") else ""
    return _SHAPES.get(shape.removesuffix("-kept"), "wells") + kept


@wording("control-check")
def control_check(
    verdict: str, groups: int, called: int, wells: int, shape: str, treatments: int,
    treatments_called: int, rows: int, rows_used: int, columns: int, columns_used: int,
    p_attainable: float | None = None, why: str = "", share: float = 0.0, low: float = 0.0,
    high: float = 0.0, covered: object = None,
    level: float = 0.05, groups_needed: int = 19, by_permuting: dict | None = None, **_: object,
) -> str:  # fmt: skip
    """Groups of controls tested as treatments: how many are called, and what that says."""
    if verdict == "not-possible":
        return f"A control check is not possible with this layout: {why}."
    groups = int(groups)
    told = (
        f"Control check: {int(called)} of {groups} groups of controls "
        f"({int(wells)} {shape_in_words(str(shape))}, as most treatments lie) "
        f"have p <= {level:g} ({100 * float(share):.0f} %; exact 95 % interval "
        f"{100 * float(low):.0f} to {100 * float(high):.0f} %), beside {int(treatments_called)} of "
        f"{int(treatments)} treatments. The groups cover {int(rows)} of {int(rows_used)} rows and "
        f"{int(columns)} of {int(columns_used)} columns."
    )
    if covered in (True, False) and not covered:
        told += " They do not lie where the treatments lie, of which they say little."
    if verdict == "calls-controls":
        told += (
            " More are called than the 5 % that are due: the test takes something else, such as "
            "position, for an effect."
        )
    if groups < groups_needed:
        told += f" {groups} group{'s' if groups != 1 else ''} cannot certify 5 %: "
        told += f"{groups_needed} are needed."
    if by_permuting is not None:
        told += (
            f" By permuting wells {by_permuting['called']} of {by_permuting['groups']} would be "
            "called."
        )
    return told


def why_no_hit(
    alpha: float, tests: int, needed: int, p_attainable: float, limit: str,
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
    told = (
        f"This design cannot name single hits: the smallest p it can give is {smallest}, so that "
        f"with {tests} tests "
    )
    if not needed:
        return f"{told}no number of treatments could have q < {alpha:g}."
    return f"{told}{needed} must reach it together before one has q < {alpha:g}."


def share_in_words(
    limit: str, called: int, tests: int, threshold: float, withheld: str, groups: int,
    groups_called: int, low: float | None, share: float | None, certainty: float = 0.95,
    unknown: Mapping[str, object] | None = None, **_: object,
) -> str:  # fmt: skip
    """How many treatments are active, or why that is not said, in a sentence; may be empty."""
    if limit == "permutations":
        return ""
    counts = f"{int(called)} of {int(tests)} treatments have p <= {float(threshold):.2g}"
    if withheld:
        return f"{counts}; no share of active treatments is given: {withheld}."
    told = (
        f"{counts}, and {int(groups_called)} of {int(groups)} groups of controls by the same test"
    )
    if float(low) <= 0:
        return f"{told}: no more than chance may give, which is not to say that none is active."
    return (
        f"{told}: at least {100 * float(low):.0f} % of the treatments are active (one-sided "
        f"{100 * certainty:.0f} % bound; all are compared with the same controls, which it counts; "
        f"the excess itself is {100 * float(share):.0f} %)."
    )


def remedy(limit: str, plates_needed: int, positions_needed: int, **_: object) -> str:
    """What would do to name hits, in a sentence; empty where permutations would."""
    if limit == "permutations":
        return ""
    plates = f"{int(plates_needed)} replicate plates with a layout of their own each"
    if positions_needed:
        return f"To name hits: {plates}, or about {int(positions_needed):,} control positions."
    return f"To name hits: {plates}, or more controls on each."
