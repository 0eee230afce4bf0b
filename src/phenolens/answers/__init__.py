"""The questions a biologist asks first, answered in sentences made from the tables alone."""

from __future__ import annotations

from collections.abc import Callable

from phenolens.answers import active, best, doubts, limits, similar
from phenolens.answers.answer import Answer
from phenolens.answers.tables import Tables

QUESTIONS: list[Callable[[Tables], Answer]] = [
    active.answer,
    similar.answer,
    doubts.answer,
    best.answer,
    limits.answer,
]

__all__ = ["QUESTIONS", "Answer"]
