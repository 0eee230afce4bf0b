"""Findings of an audit, which say what they rest on: tables, a declaration, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from phenolens import words
from phenolens.findings import SEVERITIES, Finding

Basis = Literal["data", "declaration", "nothing"]
SHARE = "majority-class"


@dataclass(frozen=True)
class AuditFinding(Finding):
    """A finding of an audit, which says what it rests on.

    Attributes
    ----------
    basis : {"data", "declaration", "nothing"}
        Whether tables show it, the design declares it, or neither was given (not checked).
    worded : str
        Code of its words, where several ways of finding the same have words of their own.
    """

    basis: Basis = "data"
    worded: str = ""

    @property
    def said(self) -> words.Said:
        """What was seen, what follows, and what to do, as sentences."""
        return words.say(self.worded or self.code, **self.about, **self.values)

    @property
    def where(self) -> str:
        """The representation concerned, in order or not; else as of any finding."""
        return str(self.about.get("representation", "")) or super().where

    def to_dict(self) -> dict[str, Any]:
        """As of any finding, and what it rests on."""
        return super().to_dict() | {"basis": self.basis}


def unchecked(code: str, needs: str, **values: Any) -> AuditFinding:
    """Says that something could not be looked at, and what would allow it.

    Parameters
    ----------
    code : str
        Of the finding.
    needs : str
        What is lacking; its words are those of ``unchecked-<needs>``.
    **values
        What these words need.
    """
    return AuditFinding(code, "info", {}, values, basis="nothing", worded=f"unchecked-{needs}")


def seen(findings: Iterable[Finding]) -> list[AuditFinding]:
    """Findings of the design audit, which reads tables only."""
    return [AuditFinding(f.code, f.severity, f.about, f.values) for f in findings]


def merged(layout: Iterable[AuditFinding], findings: Iterable[AuditFinding]) -> list[AuditFinding]:
    """Findings of the design audit and of scores, the gravest first, each answered once.

    Where accuracies were compared with the majority share, the share alone says no more; and a
    code that was answered need not be called unchecked as well.
    """
    found = list(findings)
    compared = any(f.code == SHARE and f.basis != "nothing" for f in found)
    both = found + [f for f in layout if not (compared and f.code == SHARE)]
    answered = {finding.code for finding in both if finding.basis != "nothing"}
    return gravest_first(f for f in both if f.basis != "nothing" or f.code not in answered)


def gravest_first(findings: Iterable[AuditFinding]) -> list[AuditFinding]:
    """Errors, warnings, notes, then what is in order; what was not checked after the notes."""
    return sorted(findings, key=lambda f: (SEVERITIES.index(f.severity), f.basis == "nothing"))
