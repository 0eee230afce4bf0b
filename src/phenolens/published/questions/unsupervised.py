"""Are unsupervised embeddings any good, and does fusion help them?"""

from __future__ import annotations

from phenolens.answers.answer import Answer
from phenolens.findings import Finding
from phenolens.published.questions.fusion import helped, lacking, tasks
from phenolens.published.questions.inputs import ACTIVITY, Inputs

KEY = "research-unsupervised"


def answer(inputs: Inputs) -> Answer:
    """The share active by the best of them, beside random weights, and its fusions."""
    names = inputs.of_kind("unsupervised")
    if not names:
        return Answer(KEY, "open", (Finding("research-needs-unsupervised", "info"),))
    scored = [found for name in names if (found := inputs.active(name)) is not None]
    if not scored:
        return Answer(KEY, "open", (Finding("research-needs-tested", "info"),))
    if inputs.confounded:
        return Answer(KEY, "open", (Finding("research-by-position", "warning"),))
    best = max(scored, key=lambda found: found.values["value"])
    if best.code == "research-no-single-hit":
        return Answer(KEY, "open", (best,), evidence=("activity",))
    details = (*_beside_random(inputs, names), *_fused(inputs))
    return Answer(KEY, "answered", (best,), details, ("activity", "scores"))


def _beside_random(inputs: Inputs, names: list[str]) -> list[Finding]:
    pairs = [inputs.compared(one, other, ACTIVITY) for one in names for other in inputs.unlearned]
    found = [pair for pair in pairs if pair is not None]
    return found or [Finding("research-needs-unlearned", "info")]


def _fused(inputs: Inputs) -> list[Finding]:
    made = inputs.fusions(labelled=False)
    if not made:
        return [Finding("research-needs-fusion", "info", {}, {"of": "pixels"})]
    found = [pair for task in tasks(inputs) for pair in helped(inputs, made, task)]
    return found or [lacking(inputs, made)]
