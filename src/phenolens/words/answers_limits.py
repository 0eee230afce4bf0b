"""What a design leaves open."""

from __future__ import annotations

from typing import Any

from phenolens.words import names, wording
from phenolens.words.answers import because, for_readers
from phenolens.words.numbers import count, listed, sentence, within

OPEN = {
    "class-is-one-well": "Whether a treatment would be recognised in any well but its own",
    "layout-confounded": "Whether an effect is the treatment's or that of its place on the plate",
    "layout-block": "Whether an effect is the treatment's or that of its part of the plate",
    "layout-edge": "Whether an effect is the treatment's or that of the edge of the plate",
    "layout-order": "Whether treatments are similar, or only always side by side",
    "controls-elsewhere": "Whether treatments differ from controls, or parts of the plate do",
    "layout-doses": "Whether a trend follows the dose or the plate",
    "no-controls": "Whether any treatment differs from untreated cells",
    "few-controls": "How large weak effects are, with so few controls to set the scale",
    "controls-reused": "How surprising an effect is: the same controls both scale and compare",
    "no-replicate-plates": "Whether an effect repeats on another plate",
    "single-plate": "Whether anything holds beyond this one plate",
    "split-shares-wells": "Whether scores hold for wells that were not trained on",
    "cell-count-missing": "Whether a phenotype is more than a loss of cells",
    "batch-confounded": "Whether likeness within a mechanism is more than that of its batch",
    "no-labels": "What the treatments do: none is named",
    "no-well-interval": "How sure scores are: too few wells for an interval",
}


@wording("limits-some")
def _(questions: int) -> str:
    return f"{count(questions, 'question')} this study leaves open.".capitalize()


@wording("limits-unknown")
def _() -> str:
    return "Unknown: the design was not audited."


@wording("limits-none")
def _() -> str:
    return "Nothing in the audit closes a question; each answer says what stays uncertain."


@wording("limits-no-hit")
def _(why: Any) -> str:
    said = why.said
    return " ".join(filter(None, ["Which treatments are active.", said.what, said.remedy]))


@wording("limits-audited")
def _(why: Any) -> str:
    said = why.said
    remedy = f" To find out: {sentence(said.remedy)}" if said.remedy else ""
    return f"{OPEN[why.code]}. {sentence(said.what)}{remedy}"


@wording("nothing-to-recognise")
def _() -> str:
    return "No well is labelled with a treatment, so there is nothing to recognise."


@wording("limits-not-split")
def _(why: Any) -> str:
    return f"Whether treatments are recognised in wells not seen before. {why.text}"


@wording("limits-refused")
def _(representation: list[str], questions: list[str], why: Any) -> str:
    asked = listed([within(names.metric(question)) for question in questions], 12)
    who = listed([names.label(name) for name in representation])
    return f"{sentence(f'{asked}, for {who}')} {sentence(for_readers(why))}"


@wording("limits-no-mechanism")
def _() -> str:
    return "Whether treatments of one mechanism are similar. No mechanism is annotated."


@wording("limits-no-activity")
def _(cause: str) -> str:
    return f"Which treatments are active. None was tested{because(cause)}."


@wording("limits-no-results")
def _(cause: str) -> str:
    return f"How representations do beside baselines. Nothing was scored{because(cause)}."


@wording("limits-no-pictures")
def _(**_: object) -> str:
    return "What the cells look like. There are no images in this study."


@wording("limits-no-features")
def _(cause: str) -> str:
    return f"Which features moved. No features with names were compared{because(cause)}."
