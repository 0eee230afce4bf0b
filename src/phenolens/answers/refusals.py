"""Questions that the study asked and could not answer, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from phenolens.answers.read import read_finding
from phenolens.answers.tables import Tables
from phenolens.findings import Finding


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
        Refusal(item["question"], item["representation"], read_finding(item))
        for item in tables.unanswered or []
        if not questions or item["question"] in questions
    ]


def reasons(found: list[Refusal]) -> list[tuple[Finding, list[str]]]:
    """Why the questions have no answer, each reason once, with the representations it holds for."""
    known: list[tuple[Finding, list[str]]] = []
    for one in found:
        whose = next((whose for why, whose in known if why == one.why), None)
        if whose is None:
            known.append((one.why, whose := []))
        whose.append(one.representation)
    return [
        (Finding("question-refused", "warning", {}, {"why": why}), whose) for why, whose in known
    ]


def unsplit(tables: Tables) -> Finding | None:
    """Why wells could not be held out; None where they were."""
    refused = (tables.splits or {}).get("refused")
    if not refused or isinstance(refused, list):
        return None
    if tables.wells is not None and not tables.treatments:
        return Finding("nothing-to-recognise", "warning")
    return Finding("question-refused", "warning", {}, {"why": read_finding(refused)})
