"""The questions a biologist asks first, answered as data from the tables of a study alone.

One file a question: it gives an :class:`Answer`, which is findings, and writes no sentence. Their
words are in ``words/answers_*.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import phenolens.evaluate.metrics
import phenolens.represent.base  # noqa: F401  (words learn from both what things are called)
from phenolens.answers import active, best, cells, doubts, fusion, limits, similar
from phenolens.answers.answer import Answer
from phenolens.answers.tables import Tables

QUESTIONS: tuple[Callable[[Tables], Answer | None], ...] = (
    active.answer,
    similar.answer,
    doubts.answer,
    best.answer,
    fusion.answer,
    cells.answer,
    limits.answer,
)


def answers(tables: Tables) -> list[Answer]:
    """The answers of a study, in the order a reader asks; what it did not ask for is left out."""
    found = (question(tables) for question in QUESTIONS)
    return [answer for answer in found if answer is not None]


__all__ = ["QUESTIONS", "Answer", "answers"]
