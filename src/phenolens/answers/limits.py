"""What can this design not answer?"""

from __future__ import annotations

from collections.abc import Iterator

from phenolens.answers.active import no_single_hit
from phenolens.answers.answer import Answer
from phenolens.answers.doubts import audited
from phenolens.answers.reasons import cause
from phenolens.answers.refusals import refusals, unsplit
from phenolens.answers.tables import Tables
from phenolens.findings import Finding

LEFT_OPEN = (
    "class-is-one-well", "layout-confounded", "layout-block", "layout-edge", "layout-order",
    "controls-elsewhere", "layout-doses", "no-controls", "few-controls", "controls-reused",
    "no-replicate-plates", "single-plate", "split-shares-wells", "cell-count-missing",
    "batch-confounded", "no-labels", "no-well-interval",
)  # fmt: skip
"""Findings of the audit that leave a question open; ``words/answers_limits.py`` says which."""


def answer(tables: Tables) -> Answer:
    """Questions left open by the audit, by missing labels and by missing tables."""
    left = [*_unnamed(tables), *_audited(tables), *_unsplit(tables), *_refused(tables)]
    left += [*_unlabelled(tables), *_absent(tables)]
    if left:
        some = Finding("limits-some", "warning", {}, {"questions": len(left)})
        return Answer("limits", "doubtful", (some,), tuple(left), ("audit",))
    if tables.audit is None:
        return Answer("limits", "open", (Finding("limits-unknown", "warning"),))
    return Answer("limits", "answered", (Finding("limits-none", "info"),), evidence=("audit",))


def _unnamed(tables: Tables) -> Iterator[Finding]:
    """Why no single hit can be named, where that is so."""
    why = no_single_hit(tables)
    if why is not None:
        yield Finding("limits-no-hit", "warning", {}, {"why": why})


def _audited(tables: Tables) -> Iterator[Finding]:
    for found in audited(tables, "error", "warning", "info"):
        if found.code in LEFT_OPEN:
            yield Finding("limits-audited", found.severity, {}, {"why": found})


def _unsplit(tables: Tables) -> Iterator[Finding]:
    why = unsplit(tables)
    if why is not None:
        yield Finding("limits-not-split", "warning", {}, {"why": why})


def _refused(tables: Tables) -> Iterator[Finding]:
    """Refused questions, those together that the same representations lack for the same reason."""
    by_reason: list[tuple[str, Finding, list[str]]] = []
    for one in refusals(tables):
        for question, why, who in by_reason:
            if (question, why) == (one.question, one.why):
                who.append(one.representation)
                break
        else:
            by_reason.append((one.question, one.why, [one.representation]))
    together: list[tuple[list[str], Finding, list[str]]] = []
    for question, why, who in by_reason:
        for questions, known, others in together:
            if (known, others) == (why, who):
                questions.append(question)
                break
        else:
            together.append(([question], why, who))
    for questions, why, who in together:
        values = {"questions": questions, "why": why}
        yield Finding("limits-refused", "warning", {"representation": who}, values)


def _unlabelled(tables: Tables) -> Iterator[Finding]:
    rows = tables.of_lead(tables.activity)
    if rows is None:
        return
    column = rows.get("Metadata_Mechanism")
    if column is None or column.isna().all():
        yield Finding("limits-no-mechanism", "info")


def _absent(tables: Tables) -> Iterator[Finding]:
    absent = {
        "activity": tables.activity,
        "results": tables.results,
        "pictures": tables.pictures,
        "features": tables.features,
    }
    for name, table in absent.items():
        if table is None:
            yield Finding(f"limits-no-{name}", "info", {}, {"cause": cause(tables)})
