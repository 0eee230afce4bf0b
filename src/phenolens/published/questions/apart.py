"""Do image features tell perturbations apart, and do learned ones beat handcrafted ones?"""

from __future__ import annotations

from phenolens.answers.answer import Answer, State
from phenolens.findings import Finding
from phenolens.published.questions.inputs import ACTIVITY, LEARNED, Inputs

KEY = "research-apart"


def answer(inputs: Inputs) -> Answer:
    """The representation that finds most treatments, and learned ones against measured ones."""
    names = inputs.of_kind("measured", "given", "fusion", *LEARNED)
    scored = [found for name in names if (found := inputs.active(name)) is not None]
    if not scored:
        return Answer(KEY, "open", (Finding("research-needs-tested", "info"),))
    if inputs.confounded:
        return Answer(KEY, "open", (Finding("research-by-position", "warning"),))
    best = max(scored, key=lambda found: found.values["value"])
    if best.code == "research-no-single-hit":
        return Answer(KEY, "open", (best,), evidence=("activity",))
    compared = _learned_or_measured(inputs)
    named = [best, *(pair for pair in compared if pair.values.get("outcome") == "better")]
    doubts = inputs.doubted(*(found.about["representation"] for found in named))
    details = (*doubts, *compared, *inputs.unknown)
    state: State = "doubtful" if doubts else "answered"
    return Answer(KEY, state, (best,), details, ("activity", "scores"))


def _learned_or_measured(inputs: Inputs) -> list[Finding]:
    learned, measured = inputs.of_kind(*LEARNED), inputs.of_kind("measured")
    if not learned or not measured:
        lacking = "learned" if not learned else "measured"
        return [Finding("research-needs-kind", "info", {}, {"lacking": lacking})]
    pairs = [inputs.compared(one, other, ACTIVITY) for one in learned for other in measured]
    found = [pair for pair in pairs if pair is not None]
    return found or [Finding("research-not-compared", "info", {"representation": learned})]
