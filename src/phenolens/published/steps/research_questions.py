"""The four research questions of the published study, asked of this one."""

from __future__ import annotations

from phenolens.findings import Finding
from phenolens.published.questions import Inputs, answers
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.attention import Attention
from phenolens.study.steps.evaluate import Evaluation
from phenolens.tools.representation import Profiles


@step("questions.json", verb="interpret")
def research_questions(
    session: Session,
    *,
    normalize: dict[str, Profiles],
    evaluate: Evaluation,
    attention: Attention,
    blocks: list[Finding],
) -> Made:
    """All four answers, as ``questions.json`` holds them; their value is the answers themselves."""
    cards = {name: next(iter(item.block.cards.values())) for name, item in normalize.items()}
    kinds = {name: card.kind for name, card in cards.items()}
    tables = evaluate.tables
    found = answers(
        Inputs(
            tables["results"],
            tables["comparisons"],
            tables["activity"],
            tables["share_active"],
            kinds,
            unlearned=tuple(n for n, card in cards.items() if _unlearned(card.kind, card.learns)),
            attention=attention.summary,
            alpha=session.study.evaluate.alpha,
            doubts=blocks,
        )
    )
    return Made(found, {"questions.json": [item.to_dict() for item in found]})


def _unlearned(kind: str, learns: str) -> bool:
    return kind == "baseline" and learns == "nothing"
