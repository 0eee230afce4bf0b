"""Why the segmentation finds next to nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phenolens.words import Said, wording
from phenolens.words.numbers import plural

Why = Mapping[str, Any]


def _what(why: Why) -> tuple[str, str]:
    """What was looked for and what is there; and what to do."""
    if why["reason"] == "labels":
        return (
            "Its given label images hold no object.",
            "Look at the label images that [data.images] labels names.",
        )
    stain, contrast, needed = why["stain"], why["contrast"], why["needed"]
    expected = f"{why['expected']:.0f} pixels" if why["expected"] else "any size"
    looked = f"Nuclei of {expected} were looked for in {stain}"
    others = f"; {', '.join(why['others'])} stand out further" if why["others"] else ""
    seen = {
        "no-contrast": f"nothing stands out there (contrast {contrast:.2f}, {needed:g} is needed)",
        "darker": f"what stands out is darker than its surroundings (contrast {contrast:.2f})",
        "size": f"{plural(why['objects'], 'object')} of {why['diameter']:.0f} pixels "
        f"{'stands' if why['objects'] == 1 else 'stand'} out (contrast {contrast:.2f})",
        "few": f"{plural(why['objects'], 'object')} of any size stand out "
        f"(contrast {contrast:.2f})",
    }[why["reason"]]
    remedy = {
        "no-contrast": "Look at the picture: if nuclei are in another stain, name it with "
        "[data.images] nuclei; if they are there but dim, try [segment] method = 'cellpose'.",
        "darker": "Name a fluorescent stain of nuclei with [data.images] nuclei.",
        "size": f"Set [segment] nucleus_diameter = {why['diameter']:.0f}, or leave it out.",
        "few": "Look at the picture: wells may be empty; else name the stain of nuclei with "
        "[data.images] nuclei.",
    }[why["reason"]]
    return f"{looked}; {seen}{others}.", remedy


@wording("cells-none")
def _(*, fields: int, why: Why, example: str, crops: bool = False) -> Said:
    what, remedy = _what(why)
    where = "crop" if crops else "field"
    return Said(
        f"No cell was found in any {where} of {fields}. {what} (e.g. {example})",
        "What is made of cells is left out; what reads images whole goes on.",
        remedy,
    )


@wording("cells-few")
def _(*, fields: int, empty: int, usual: float, why: Why, example: str) -> Said:
    what, remedy = _what(why)
    return Said(
        f"Next to no cell was found: usually {usual:g} in a field, none in {empty} of {fields}. "
        f"{what} (e.g. {example})",
        "Profiles of so few cells are noise.",
        remedy,
    )


@wording("fields-empty")
def _(*, fields: int, empty: int, why: Why, example: str, crops: bool = False) -> Said:
    what, remedy = _what(why)
    unit = "well's crop" if crops else "field"
    return Said(
        f"No cell was found in {empty} of {plural(fields, unit)}. {what} (e.g. {example})",
        "They count as fields without cells.",
        remedy,
    )
