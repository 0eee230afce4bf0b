"""Findings of an audit, which say what they rest on: tables, a declaration, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from phenolens.findings import SEVERITIES, Finding, Severity

DATA, DECLARATION, NOTHING = "data", "declaration", "nothing"
SHARE = "majority-class"


@dataclass(frozen=True)
class AuditFinding:
    """A finding of an audit in words, which says what it rests on.

    Attributes
    ----------
    code : str
        Stable name, such as ``layout-confounded``.
    severity : {"error", "warning", "info", "ok"}
    where : str
        Plates, treatments or columns concerned.
    what, consequence, remedy : str
        One sentence each.
    basis : {"data", "declaration", "nothing"}
        Whether tables show it, the design declares it, or neither was given (not checked).
    """

    code: str
    severity: Severity
    where: str
    what: str
    consequence: str = ""
    remedy: str = ""
    basis: str = DATA


def unchecked(code: str, needs: str) -> AuditFinding:
    """Says that something could not be looked at, and what would allow it."""
    return AuditFinding(code, "info", "", f"Not checked: {needs}.", basis=NOTHING)


def seen(findings: Iterable[Finding]) -> list[AuditFinding]:
    """Findings of the design audit, which reads tables only."""
    return [
        AuditFinding(
            code=found.code,
            severity=found.severity,
            where=found.where,
            what=found.said.what,
            consequence=found.said.consequence,
            remedy=found.said.remedy,
        )
        for found in findings
    ]


def merged(layout: Iterable[AuditFinding], findings: Iterable[AuditFinding]) -> list[AuditFinding]:
    """Findings of the design audit and of scores, the gravest first, each answered once.

    Where accuracies were compared with the majority share, the share alone says no more; and a
    code that was answered need not be called unchecked as well.
    """
    found = list(findings)
    compared = any(f.code == SHARE and f.basis != NOTHING for f in found)
    both = found + [f for f in layout if not (compared and f.code == SHARE)]
    answered = {finding.code for finding in both if finding.basis != NOTHING}
    return worst_first(f for f in both if f.basis != NOTHING or f.code not in answered)


def worst_first(findings: Iterable[AuditFinding]) -> list[AuditFinding]:
    """Errors, warnings, notes, then what is in order; what was not checked after the notes."""
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.basis == NOTHING))
