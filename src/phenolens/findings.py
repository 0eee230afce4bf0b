"""A finding as data: what was seen, how much it matters, what it is about, with which numbers.

No sentence is kept: :mod:`phenolens.words` makes one of the code and the values when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from phenolens import words
from phenolens.words.numbers import some

Severity = Literal["error", "warning", "info", "ok"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info", "ok")
MARKS: dict[Severity, str] = {"error": "✗", "warning": "!", "info": "·", "ok": "✓"}


@dataclass(frozen=True)
class Finding:
    """One thing that was seen.

    Attributes
    ----------
    code : str
        In kebab-case, the same wherever the same is found: ``controls-reused``.
    severity : {"error", "warning", "info", "ok"}
        ``error``: an answer that would be printed does not hold; ``warning``: it is weaker than it
        looks; ``info``: worth knowing; ``ok``: looked at, nothing found.
    about : mapping of str to value
        What it concerns, by kind: ``{"representation": "cnn"}``, ``{"plate": ["P1", "P2"]}``.
        Empty where the whole screen is meant. ``compared`` names that of several things compared
        of which something was found.
    values : mapping of str to value
        The numbers and names behind the sentence: all that its words need beside `about`.

    Examples
    --------
    >>> from phenolens.findings import Finding
    >>> found = Finding("few-wells-compared", "warning", {"plate": "P1"}, {"n": 3})
    >>> found.text, found.values["n"]
    ('only 3 comparable well(s)', 3)
    """

    code: str
    severity: Severity
    about: Mapping[str, Any] = field(default_factory=dict, hash=False)
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def text(self) -> str:
        """What was seen, as a sentence, behind the name of the thing compared if there is one."""
        of = self.about.get("compared")
        return f"{of}: {self.said.what}" if of else self.said.what

    @property
    def where(self) -> str:
        """Names of what it is about, the first few; empty where all is in order."""
        if self.severity == "ok":
            return ""
        for names in self.about.values():
            listed = [names] if isinstance(names, str) else list(names or ())
            if listed:
                return some(listed)
        return ""

    @property
    def said(self) -> words.Said:
        """What was seen, what follows, and what to do, as sentences."""
        about = {kind: names for kind, names in self.about.items() if kind != "compared"}
        return words.say(self.code, **about, **self.values)

    def __str__(self) -> str:
        """What was seen, where, and what follows."""
        said = self.said
        if not said.consequence:
            return self.text
        where = f" ({self.where})" if self.where and self.severity != "info" else ""
        return f"{self.text.rstrip('.')}{where}. {said.consequence}"

    def data(self) -> dict[str, Any]:
        """Code, severity, about and values: all but the words."""
        own = {"code": self.code, "severity": self.severity}
        return own | {"about": dict(self.about), "values": dict(self.values)}

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that :meth:`data` gave."""
        return cls(data["code"], data["severity"], data["about"], data["values"])

    def named(self) -> dict[str, Any]:
        """Its code and what it is about with its values, as another finding's words take it up."""
        return {"code": self.code} | {**self.about, **self.values}

    def to_dict(self) -> dict[str, Any]:
        """Code, severity, about and values, with the sentences beside them."""
        said = self.said
        return {
            "code": self.code,
            "severity": self.severity,
            "where": self.where,
            "about": dict(self.about),
            "values": dict(self.values),
            "what": said.what,
            "consequence": said.consequence,
            "remedy": said.remedy,
        }


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, then warnings, infos and what is in order; within each as they came."""
    return sorted(findings, key=lambda found: SEVERITIES.index(found.severity))
