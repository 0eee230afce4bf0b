"""Does fusing learned and handcrafted features help?"""

from __future__ import annotations

from phenolens.answers.answer import Answer
from phenolens.findings import Finding
from phenolens.published.questions.inputs import ACTIVITY, CLASSIFICATION, Inputs, Task
from phenolens.tools.names import is_fusion

KEY = "research-fusion"


def answer(inputs: Inputs) -> Answer:
    """Fusions of representations that learned labels, against their best block and noise."""
    made, joint = inputs.fusions(labelled=True), inputs.of_kind("fusion")
    if not made and not joint:
        return Answer(
            KEY, "open", (Finding("research-needs-fusion", "info", {}, {"of": "labels"}),)
        )
    found = [pair for task in tasks(inputs) for pair in _of_task(inputs, task)]
    if not found:
        return Answer(KEY, "open", (lacking(inputs, made or joint),))
    headline = [pair for pair in found if not is_fusion(pair.about["against"])] or found
    details = [pair for pair in found if pair not in headline]
    if any("given" in pair.values["kinds"] for pair in found):
        details += inputs.unknown
    better = [pair for pair in found if pair.values["outcome"] == "better"]
    doubts = inputs.doubted(*(pair.about["representation"] for pair in better))
    if not doubts:
        return Answer(KEY, "answered", tuple(headline), tuple(details), ("scores",))
    by = [doubt.about["representation"] for doubt in doubts]
    doubtful = Finding(
        "research-gain-doubtful", "warning", {"representation": [*dict.fromkeys(by)]}
    )
    evidence = ("scores", "audit")
    return Answer(KEY, "doubtful", (*headline, doubtful), (*doubts, *details), evidence)


def tasks(inputs: Inputs) -> tuple[Task, ...]:
    """Tasks whose comparisons hold: where position could explain activity, classification only."""
    return (CLASSIFICATION,) if inputs.confounded else (ACTIVITY, CLASSIFICATION)


def lacking(inputs: Inputs, names: list[str]) -> Finding:
    """Why fusions that were made are not compared."""
    if inputs.confounded:
        return Finding("research-by-position", "warning")
    return Finding("research-not-compared", "info", {"representation": names})


def helped(inputs: Inputs, fusions: list[str], task: Task) -> list[Finding]:
    """Each fusion against its best single block and its noise control."""
    pairs = [
        inputs.compared(one, other, task) for one in fusions for other in inputs.rivals(one, task)
    ]
    return [pair for pair in pairs if pair is not None]


def _of_task(inputs: Inputs, task: Task) -> list[Finding]:
    """Fusions of finished blocks, then those trained together against the better of their parts."""
    found = helped(inputs, inputs.fusions(labelled=True), task)
    parts = inputs.of_kind("supervised", "measured")
    for joint in inputs.of_kind("fusion"):
        pair = inputs.compared(joint, inputs.best_of(parts, task), task) if parts else None
        found += [] if pair is None else [pair]
    return found
