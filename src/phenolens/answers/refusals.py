"""Questions that the study asked and could not answer, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from phenolens.answers.read import Quoted, read_finding
from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.words import Said


@dataclass(frozen=True)
class Refusal:
    """A question that was not answered by a representation.

    Attributes
    ----------
    question : str
        What was asked: a task, or a metric of one.
    representation : str
    why : Finding
    """

    question: str
    representation: str
    why: Finding


def refusals(tables: Tables, *questions: str) -> list[Refusal]:
    """What ``unanswered.json`` holds of these questions, or all of it."""
    return [
        Refusal(item["question"], item.get("representation", ""), _why(item))
        for item in tables.unanswered or []
        if not questions or item["question"] in questions
    ]


def reasons(found: list[Refusal]) -> list[Finding]:
    """Why the questions have no answer, each reason once."""
    return [one.why for n, one in enumerate(found) if one.why not in [o.why for o in found[:n]]]


def unsplit(tables: Tables) -> Finding | None:
    """Why wells could not be held out; None where they were."""
    refused = (tables.splits or {}).get("refused")
    if not refused or isinstance(refused, list):
        return None
    if tables.wells is not None and not tables.treatments:
        return Finding("nothing-to-recognise", "warning")
    return _why({"why": refused})


def _why(item: dict) -> Finding:
    why = item["why"]
    if isinstance(why, dict):
        return read_finding({"severity": "warning"} | why)
    if item.get("code"):
        return read_finding({"severity": "warning"} | item)
    return Quoted("as-written", "warning", quoted=Said(why))
