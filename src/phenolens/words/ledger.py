"""What sources disagree on, and what of labels and doses is doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from phenolens.words import Said, wording
from phenolens.words.numbers import plural
from phenolens.words.sentences import ended


@wording("labels-disagree", "plates-kept-apart", "plates-similar-by-one")
def labels_disagree(
    *, column: str, source: str, wells: int, examples: Sequence[str], consequence: str
) -> Said:
    """One column about which the sources, or the rows of one well, disagree."""
    line = _line("conflict", column, source, wells, examples, consequence)
    return Said(ended(line), phrase=line)


@wording(
    "compound-spellings", "doses-implausible", "doses-not-molar", "doses-not-read",
    "vehicle-not-control",
)  # fmt: skip
def doubtful(
    *,
    column: str,
    wells: int,
    examples: Sequence[str],
    consequence: str = "",
    source: str = "",
    of: str = "screen",
) -> Said:
    """A label or dose that is hardly so: of a screen's sources, of a list, or as a question met it.

    `of` is ``screen``, ``list`` (of treatments to lay out, whose rows are counted) or ``question``.
    """
    if of == "list":
        such = "; ".join(text.replace("row/", "row ") for text in examples)
        return Said(ended(f"{plural(wells, 'row')} of the list, e.g. {such}: {consequence}"))
    if of == "question":
        return Said(
            f"{wells} treated wells have a dose of 10 mM or more (or below 0) in {column}, such as "
            f"{examples[0]}: a stock concentration, or another unit?"
        )
    line = _line("doubt", column, source, wells, examples, consequence)
    return Said(ended(line), phrase=line)


def _line(
    what: str, column: str, source: str, wells: int, examples: Sequence[str], consequence: str
) -> str:
    return (
        f"{what} in {column} ({source}): {wells} wells, e.g. {'; '.join(examples)}; {consequence}"
    )


# Why an image, a profile or a well is set aside.


@wording("image-not-read")
def _(*, fault: str, image: str = "") -> str:
    return f"{image}: {fault}" if image else fault


@wording("image-not-usable")
def _(*, fault: str) -> str:
    return fault


@wording("images-incomplete")
def _() -> str:
    return "none of its images is complete, so the well takes no part"


@wording("images-not-readable")
def _() -> str:
    return "none of its images can be used, so the well takes no part in what is made of images"


@wording("file-missing")
def _() -> str:
    return "missing file"


@wording("plane-missing")
def plane_missing(*, plane: int) -> str:
    """The field has no plane of the number that the study file names."""
    return f"there is no plane {plane}"


@wording("file-not-named")
def _() -> str:
    return "no file named"


@wording("plate-not-named")
def _() -> str:
    return "no plate (images)"


@wording("well-not-named")
def _() -> str:
    return "not a well name (images)"


@wording("profile-not-placed")
def _() -> str:
    return "no plate or no well name (profiles)"


@wording("excluded")
def _(*, query: str) -> str:
    return f"excluded by {query!r}"


@wording("excluded-by-mark")
def _(*, mark: str, note: str, of: str) -> str:
    whose = "" if of == "well" else "its treatment was "
    return f"{whose}marked as {mark!r}" + (f": {note}" if note else "")


@wording("identity-conflicts")
def _(*, column: str) -> str:
    return f"conflicting {column}"


@wording("not-measured-each-time")
def _(*, same_plate: str) -> str:
    return f"not measured each time (same_plate {same_plate})"


@wording("measured-again")
def _(*, same_plate: str) -> str:
    return f"another measurement of {same_plate} (same_plate)"


@wording("labels-unusable")
def _(*, fault: str) -> str:
    return fault


@wording("no-nucleus")
def _() -> str:
    return "no nucleus near the middle of the crop"


@wording("too-few-cells")
def _(*, needed: int, representation: str) -> str:
    why = f"fewer than {needed} cells found" if needed > 1 else "no cell found"
    return _not_in(why, representation)


@wording("nothing-to-crop")
def _(*, representation: str) -> str:
    return _not_in("no cell found to crop", representation)


@wording("no-feature-measured")
def _(*, representation: str = "") -> str:
    return _not_in("no feature has a value there", representation)


@wording("not-calibrated")
def _(*, representation: str = "") -> str:
    why = "fewer than two other control wells on its plate, so it cannot be calibrated"
    return _not_in(why, representation)


def _not_in(why: str, representation: str) -> str:
    return f"{why}: not in {representation!r}" if representation else why
