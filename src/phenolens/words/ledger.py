"""What sources disagree on, and what of labels and doses is doubtful."""

from __future__ import annotations

from collections.abc import Sequence

from phenolens.words import Said, wording
from phenolens.words.numbers import plural
from phenolens.words.sentences import ended


@wording("labels-disagree")
def labels_disagree(
    *, column: str, source: str, wells: int, examples: Sequence[str], consequence: str
) -> Said:
    """One column about which the sources, or the rows of one well, disagree."""
    line = _line("conflict", column, source, wells, examples, consequence)
    return Said(ended(line), phrase=line)


@wording("compound-spellings", "doses-not-read", "doses-implausible", "vehicle-not-control")
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
