"""The four research questions of the published study, for representations of any name.

One file a question: it reads tables and gives an :class:`~phenolens.answers.answer.Answer`, which
is findings. What a representation is follows from its card, never from its name.
"""

from __future__ import annotations

from collections.abc import Callable

from phenolens.answers.answer import Answer
from phenolens.published.questions import apart, attention, fusion, unsupervised
from phenolens.published.questions.inputs import Inputs

QUESTIONS: tuple[Callable[[Inputs], Answer], ...] = (
    apart.answer,
    fusion.answer,
    unsupervised.answer,
    attention.answer,
)


def answers(inputs: Inputs) -> list[Answer]:
    """All four, in order; those that lack an input say what they would need."""
    return [question(inputs) for question in QUESTIONS]


__all__ = ["QUESTIONS", "Inputs", "answers"]
