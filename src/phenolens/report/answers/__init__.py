"""The questions a biologist asks first, answered in sentences made from the tables alone."""

from __future__ import annotations

from collections.abc import Callable

from phenolens.report.answers import active, alike, best, distrust, limits
from phenolens.report.answers.answer import Answer
from phenolens.report.tables import Tables

QUESTIONS: list[Callable[[Tables], Answer]] = [
    active.answer,
    alike.answer,
    distrust.answer,
    best.answer,
    limits.answer,
]

__all__ = ["QUESTIONS", "Answer"]
