"""Findings as the files of a study hold them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from phenolens import words
from phenolens.findings import Finding


@dataclass(frozen=True)
class Quoted(Finding):
    """A finding of a code without words here (somebody's own check), as the file words it."""

    quoted: words.Said = field(default_factory=lambda: words.Said(""))

    @property
    def said(self) -> words.Said:
        """The sentences of the file."""
        return self.quoted


def read_finding(data: Mapping[str, Any]) -> Finding:
    """A finding from what :meth:`phenolens.findings.Finding.to_dict` gave."""
    if data["code"] in words.known():
        return Finding.of(data)
    texts = {name: data.get(name) or "" for name in ("what", "consequence", "remedy")}
    own = (data["code"], data["severity"], data["about"], data["values"])
    return Quoted(*own, quoted=words.Said(**texts))
