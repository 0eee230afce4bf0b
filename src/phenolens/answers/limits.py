"""What can this design not tell?"""

from __future__ import annotations

from phenolens.answers.active import no_single_hit
from phenolens.answers.answer import Answer
from phenolens.answers.doubts import findings
from phenolens.answers.reasons import because, plainly, unsplit
from phenolens.answers.tables import Tables
from phenolens.evaluate.activity.share_active import remedy, why_no_hit
from phenolens.words import names
from phenolens.words.numbers import count, listed, sentence, within

QUESTION = "What can this design not tell?"
OPEN = {
    "class-is-one-well": "Whether a treatment would be recognised in any well but its own",
    "layout-confounded": "Whether an effect is the treatment's or that of its place on the plate",
    "layout-block": "Whether an effect is the treatment's or that of its part of the plate",
    "layout-edge": "Whether an effect is the treatment's or that of the edge of the plate",
    "layout-order": "Whether treatments are alike, or only always side by side",
    "controls-elsewhere": "Whether treatments differ from controls, or parts of the plate do",
    "layout-doses": "Whether a trend follows the dose or the plate",
    "no-controls": "Whether any treatment differs from untreated cells",
    "few-controls": "How large weak effects are, with so few controls to set the scale",
    "controls-reused": "How surprising an effect is: the same controls both scale and judge",
    "no-replicate-plates": "Whether an effect repeats on another plate",
    "single-plate": "Whether anything holds beyond this one plate",
    "split-shares-wells": "Whether scores hold for wells that were not trained on",
    "cell-count-missing": "Whether a phenotype is more than a loss of cells",
    "batch-confounded": "Whether likeness within a mechanism is more than that of its batch",
    "no-labels": "What the treatments do: none is named",
    "no-well-interval": "How sure scores are: too few wells for an interval",
}


def answer(tables: Tables) -> Answer:
    """Questions left open by the audit, by missing labels and by missing tables."""
    left = [*_unnamed(tables), *_audited(tables), *_unsplit(tables), *_refused(tables)]
    left += [*_unlabelled(tables), *_absent(tables)]
    links = [("audit", "Design audit")]
    if left:
        short = f"{count(len(left), 'question')} this study leaves open.".capitalize()
        return Answer("limits", QUESTION, short, left, tone="warn", links=links)
    if tables.audit is None:
        return Answer("limits", QUESTION, "Unknown: the design was not audited.", tone="none")
    short = "Nothing in the audit closes a question; what stays uncertain is said in each answer."
    return Answer("limits", QUESTION, short, links=links)


def _unnamed(tables: Tables) -> list[str]:
    """Why no single hit can be named, where that is so."""
    share = no_single_hit(tables)
    if share is None:
        return []
    why = why_no_hit(share, alpha=tables.alpha)
    return [" ".join(filter(None, ["Which treatments are active.", why, remedy(share)]))]


def _audited(tables: Tables) -> list[str]:
    return [
        f"{OPEN[f['code']]}. {sentence(f.get('what', ''))}{_remedy(f)}"
        for f in findings(tables, "error", "warning", "info")
        if f.get("code") in OPEN
    ]


def _remedy(finding: dict) -> str:
    return f" To find out: {sentence(finding['remedy'])}" if finding.get("remedy") else ""


def _unsplit(tables: Tables) -> list[str]:
    """Why wells could not be held out, in the words of ``splits.json``."""
    why = unsplit(tables)
    return [f"Whether treatments are recognised in wells not seen before. {why}"] if why else []


def _refused(tables: Tables) -> list[str]:
    """Questions the study asked and could not answer, with its reasons, said once each."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for item in tables.unanswered or []:
        key = (str(item.get("question", "")), plainly(str(item.get("why", "")), tables))
        reasons.setdefault(key, []).append(names.label(str(item.get("representation", ""))))
    together: dict[tuple[str, ...], list[str]] = {}
    for (what, why), who in reasons.items():
        together.setdefault((why, *who), []).append(within(names.metric(what)))
    return [
        f"{sentence(f'{listed(asked, 12)}, for {listed(who)}')} {sentence(why)}"
        for (why, *who), asked in together.items()
    ]


def _unlabelled(tables: Tables) -> list[str]:
    rows = tables.of_lead(tables.activity)
    if rows is None:
        return []
    column = rows.get("Metadata_Mechanism")
    if column is None or column.isna().all():
        return ["Whether treatments of one mechanism look alike. No mechanism is annotated."]
    return []


def _absent(tables: Tables) -> list[str]:
    why = because(tables)
    asked = [
        (tables.activity, f"Which treatments are active. None was tested{why}."),
        (tables.results, f"How representations do beside baselines. Nothing was scored{why}."),
        (tables.pictures, "What the cells look like. There are no images in this study."),
        (tables.features, f"Which features moved. No features with names were compared{why}."),
    ]
    return [text for table, text in asked if table is None]
