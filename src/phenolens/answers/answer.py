"""An answer: a question, one sentence that carries it, and what supports or limits it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """One block of the overview.

    Parameters
    ----------
    key : str
        Short name, used as the block's anchor.
    question : str
    short : str
        The answer in one sentence.
    details : list of str
        Sentences that support or limit it, the most important first.
    tone : {"plain", "warn", "none"}
        ``warn`` asks for attention; ``none`` means the question has no answer here.
    links : list of (str, str)
        Section anchors and labels where the evidence stands.
    """

    key: str
    question: str
    short: str
    details: list[str] = field(default_factory=list)
    tone: str = "plain"
    links: list[tuple[str, str]] = field(default_factory=list)
