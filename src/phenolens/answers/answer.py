"""An answer: the findings that carry it, those that support or limit it, and where they stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from phenolens import words
from phenolens.findings import MARKS, Finding

State = Literal["answered", "doubtful", "open"]


@dataclass(frozen=True)
class Answer:
    """What the tables of a study say to one question.

    Attributes
    ----------
    key : str
        Short name of the question: ``active``.
    state : {"answered", "doubtful", "open"}
        ``doubtful``: there is an answer that asks for attention; ``open``: there is none.
    headline : tuple of Finding
        What carries the answer.
    details : tuple of Finding
        What supports or limits it, the most important first.
    evidence : tuple of str
        Sections of the report that show it, by key.
    """

    key: str
    state: State
    headline: tuple[Finding, ...]
    details: tuple[Finding, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """The question as a biologist asks it."""
        return words.say(f"question-{self.key}").what

    @property
    def short(self) -> str:
        """The answer in one or two sentences."""
        return " ".join(found.said.what for found in self.headline)

    @property
    def sentences(self) -> list[str]:
        """What follows from the headline, then each detail with what follows from it."""
        said = [found.said for found in self.headline]
        follow = [text for one in said for text in (one.consequence, one.remedy)]
        for found in self.details:
            mark = MARKS["ok"] if found.severity == "ok" else ""
            follow.append(" ".join(filter(None, [mark, found.said.what, found.said.consequence])))
        return [text for text in follow if text]

    def to_dict(self) -> dict[str, Any]:
        """The answer as data, with its words beside."""
        return {
            "key": self.key,
            "state": self.state,
            "question": self.question,
            "short": self.short,
            "sentences": self.sentences,
            "headline": [_data(found) for found in self.headline],
            "details": [_data(found) for found in self.details],
            "evidence": list(self.evidence),
        }


def _data(found: Finding) -> dict[str, Any]:
    """A finding as data, those it rests on too."""
    values = {
        name: _data(value) if isinstance(value, Finding) else value
        for name, value in found.values.items()
    }
    return found.to_dict() | {"values": values}
