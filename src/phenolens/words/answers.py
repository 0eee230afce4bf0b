"""The questions of the report, and why there is nothing to answer them with."""

from __future__ import annotations

from typing import Any

from phenolens import words
from phenolens.words import names, wording
from phenolens.words.numbers import sentence

_CAUSES = {
    "unlabelled": "no well is labelled with a treatment",
    "uncontrolled": "the screen has no control wells",
}


def because(cause: str) -> str:
    """``, because ...``, to end a sentence with; empty where no cause is known."""
    return f", because {_CAUSES[cause]}" if cause else ""


def for_readers(why: Any) -> str:
    """What a finding saw, with columns and representations called as on the page."""
    said = {**why.about, **why.values}
    return words.say(why.code, **{key: names.plain(key, value) for key, value in said.items()}).what


@wording("question-refused")
def _(why: Any) -> str:
    return sentence(for_readers(why))


@wording("question-active")
def _() -> str:
    return "Which treatments are active?"


@wording("question-similar")
def _() -> str:
    return "Which are similar?"


@wording("question-doubts")
def _() -> str:
    return "What should be doubted?"


@wording("question-best")
def _() -> str:
    return "Which representation sees them best?"


@wording("question-fusion")
def _() -> str:
    return "Does fusing help?"


@wording("question-limits")
def _() -> str:
    return "What can this design not answer?"


@wording("measured-in-own-spread")
def _() -> str:
    return (
        "Without control wells there is no untreated state to measure from: the map and the "
        "similarities read in the screen's own spread (standard deviations over all its wells), "
        "and show only which wells differ from one another."
    )
