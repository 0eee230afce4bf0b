"""The four questions of the study, each answered in two sentences, or not, with the reason.

Answers are read off the tables of results alone: a number that stands in no table stands in no
answer. A difference counts when its interval leaves out zero and its Holm-corrected p is below
alpha; otherwise the smallest difference that the design could have seen is told instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from phenolens.represent.cnn_shuffled import ShuffledCNN
from phenolens.represent.cnn_with_cellprofiler import JointCNN
from phenolens.study.session import Session
from phenolens.study.step import Made, step
from phenolens.study.steps.attention import Attention
from phenolens.study.steps.evaluate import Evaluation
from phenolens.tools.names import is_fusion, is_fusion_proper

QUESTIONS = (
    "Do image features tell perturbations apart, and do deep ones beat handcrafted ones?",
    "Does fusing deep and handcrafted features help?",
    "Are unsupervised embeddings any good, and does fusion help them?",
    "Does the network look at biology?",
)
CANNOT = "This design cannot tell"
BY_POSITION = "by the layout alone, position could explain what most treatments show"
NO_HIT = "it can name no single hit, and an excess of small p is not certain"
JOINT, SHUFFLED = JointCNN.name, ShuffledCNN.name
_HAND, _PLAIN = "cellprofiler", "untrained"
_SUPERVISED, _UNSUPERVISED = ("cnn", JOINT), ("vae",)
_PARTS = {"cells": "cells", "nucleus": "nuclei"}
_UNITS = {"activity": "normalized mAP", "classification": "accuracy on treated wells"}


@dataclass
class Evidence:
    """The tables that answers are read from, and the numbers an answer has used."""

    results: pd.DataFrame
    comparisons: pd.DataFrame
    confounded: bool
    alpha: float
    share_active: pd.DataFrame = field(default_factory=pd.DataFrame)
    numbers: list[dict] = field(default_factory=list)

    def score(self, name: str, metric: str) -> dict | None:
        """A pooled score with its interval."""
        rows = self.results
        rows = rows[(rows["representation"] == name) & (rows["metric"] == metric)]
        rows = rows[rows["fold"].astype(str) == "all"]
        if not len(rows):
            return None
        kept = ["representation", "task", "metric", "value", "low", "high", "n", "space"]
        told = rows.iloc[0][kept].to_dict()
        self.numbers.append(told)
        return told

    def difference(self, one: str, other: str, task: str) -> dict | None:
        """How much better one is than the other, whichever way round the table has it."""
        rows = self.comparisons
        if not len(rows):
            return None
        rows = rows[rows["task"] == task]
        for a, b, sign in ((one, other, 1), (other, one, -1)):
            found = rows[(rows["a"] == a) & (rows["b"] == b)].to_dict("records")
            if found:
                told = _turned(found[0], sign)
                self.numbers.append(told)
                return told
        return None

    def unnamed(self, name: str) -> dict | None:
        """What holds of a representation by which no single hit could be named, or None."""
        rows = self.share_active
        rows = rows[rows["representation"] == name] if len(rows) else rows
        return rows.iloc[0].to_dict() if len(rows) else None

    def rivals(self, fusion: str, task: str) -> list[str]:
        """What a fusion is compared with: its best single block, then its noise control."""
        rows = self.comparisons
        if not len(rows):
            return []
        told = rows[(rows["a"] == fusion) & (rows["task"] == task)]["b"].tolist()
        return sorted(told, key=is_fusion)


def _turned(row: dict, sign: int) -> dict:
    ends = sorted((sign * row["low"], sign * row["high"]))
    one, other = (row["a"], row["b"]) if sign > 0 else (row["b"], row["a"])
    told = {name: row[name] for name in ("task", "metric", "n", "p", "p_holm")}
    told |= {"of": one, "against": other, "difference": sign * row["difference"]}
    told |= {"low": ends[0], "high": ends[1]}
    sides = ("space_of", "space_against") if sign > 0 else ("space_against", "space_of")
    told |= dict(zip(sides, (row["space_a"], row["space_b"]), strict=True))
    return told | {"smallest_detectable": row["smallest_detectable"]}


@step("questions.json", verb="interpret")
def questions(session: Session, *, evaluate: Evaluation, attention: Attention) -> Made:
    """Answer the four questions."""
    alpha = session.study.evaluate.alpha
    answers = [
        _answered(question, answer, _evidence(evaluate.tables, alpha))
        for question, answer in zip(QUESTIONS[:3], (_first, _second, _third), strict=True)
    ]
    answers.append(_fourth(attention.summary))
    return Made(answers, {"questions.json": answers})


def _evidence(tables: dict[str, pd.DataFrame], alpha: float) -> Evidence:
    activity = tables["activity"]
    tested = activity[activity["p"].notna()] if len(activity) else activity
    confounded = bool(len(tested) and (tested["position"] != "").mean() >= 0.5)
    return Evidence(
        tables["results"], tables["comparisons"], confounded, alpha, tables["share_active"]
    )


def _answered(question: str, answer, evidence: Evidence) -> dict:
    sentences, reason = answer(evidence)
    return {
        "question": question,
        "answer": " ".join(sentences) if sentences else f"{CANNOT}: {reason}.",
        "numbers": evidence.numbers,
        "withheld_because": reason or None,
    }


def _first(evidence: Evidence) -> tuple[list[str], str]:
    names = _singles(evidence)
    scores = [evidence.score(name, "fraction_active") for name in names]
    known = [score for score in scores if score]
    if not known:
        return [], "no treatment has replicate wells and judging controls to be tested against"
    if evidence.confounded:
        return [], BY_POSITION
    best = max(known, key=lambda score: score["value"])
    unnamed = evidence.unnamed(best["representation"])
    if unnamed is not None and not unnamed["low"] > 0:
        return [], NO_HIT
    says = "Yes" if best["value"] > 0 or unnamed is not None else "Not in this screen"
    if unnamed is not None:
        share = f"at least {unnamed['low']:.0%} of {best['n']} treatments differ from controls"
        first = (
            f"{says}, though it can name no single one: by {best['representation']} {share} "
            "(one-sided 95 % bound)."
        )
    else:
        first = (
            f"{says}: {best['representation']} finds {best['value']:.0%} of {best['n']} treatments "
            f"different from controls (95 % interval {best['low']:.0%} to {best['high']:.0%})."
        )
    deep = [name for name in (*_SUPERVISED, *_UNSUPERVISED) if name in names]
    told = [_compared(evidence, name, _HAND, "activity") for name in deep]
    told = [text for text in told if text]
    if not told:
        return [first, "Deep and handcrafted features were not both made, so which is better "
                "is open."], ""  # fmt: skip
    return [first, _sentence(told, "activity")], ""


def _second(evidence: Evidence) -> tuple[list[str], str]:
    return _fused(evidence, _SUPERVISED)


def _third(evidence: Evidence) -> tuple[list[str], str]:
    name = _UNSUPERVISED[0]
    score = evidence.score(name, "fraction_active")
    if score is None:
        made = name in _singles(evidence)
        return (
            [],
            f"no treatment could be tested with '{name}'" if made else f"'{name}' was not made",
        )
    if evidence.confounded:
        return [], BY_POSITION
    unnamed = evidence.unnamed(name)
    if unnamed is not None and not unnamed["low"] > 0:
        return [], NO_HIT
    found = f"{score['value']:.0%} of {score['n']} treatments active"
    if unnamed is not None:
        found = f"at least {unnamed['low']:.0%} of {score['n']} treatments active, none by name"
    first = f"{name} finds {found}"
    beside = _compared(evidence, name, _PLAIN, "activity")
    first += f"; {beside}." if beside else ", and no untrained network stands beside it."
    fused, reason = _fused(evidence, _UNSUPERVISED)
    return [first, fused[0] if fused else f"Whether fusion helps is open: {reason}."], ""


def _fused(evidence: Evidence, deep: tuple[str, ...]) -> tuple[list[str], str]:
    """A sentence on activity and one on classification, for fusions of these networks."""
    names = evidence.results["representation"].unique() if len(evidence.results) else []
    made = [n for n in names if is_fusion_proper(n) and n.split("+")[0] in deep]
    if not made:
        return [], f"no fusion of {' or '.join(deep)} with another representation was made"
    sentences = []
    for task in tuple(_UNITS)[1:] if evidence.confounded else _UNITS:
        told = [_helped(evidence, name, task) for name in made]
        told += [_trained_together(evidence, task)] if deep == _SUPERVISED else []
        if any(told):
            sentences.append(_sentence([text for text in told if text], task))
    return sentences, "" if sentences else "no fusion could be compared with its blocks"


def _helped(evidence: Evidence, fusion: str, task: str) -> str:
    rivals = evidence.rivals(fusion, task)
    return ", and ".join(filter(None, (_compared(evidence, fusion, r, task) for r in rivals)))


def _trained_together(evidence: Evidence, task: str) -> str:
    """The fusion at the classifier against the better of what it is made of."""
    row = evidence.difference(_SUPERVISED[0], _HAND, task)
    if row is None:
        return ""
    best = _SUPERVISED[0] if row["difference"] > 0 else _HAND
    return _compared(evidence, JOINT, best, task)


def _singles(evidence: Evidence) -> list[str]:
    if not len(evidence.results):
        return []
    names = evidence.results["representation"].unique()
    single = [n for n in names if not n.startswith("baseline:") and "+" not in n]
    return [n for n in single if n not in (_PLAIN, SHUFFLED)]


def _compared(evidence: Evidence, one: str, other: str, task: str) -> str:
    """One representation against another, in words that carry their numbers."""
    row = evidence.difference(one, other, task)
    if row is None:
        return ""
    sure = row["p_holm"] < evidence.alpha
    apart = row["low"] > 0 or row["high"] < 0
    verdict = "better" if row["difference"] > 0 else "worse"
    if apart and not sure:
        verdict = f"not surely {verdict} (p = {row['p_holm']:.2f} over all comparisons)"
    elif not apart:
        verdict = "neither better nor worse"
    told = f"{one} is {verdict} than {other} in {_UNITS[task]} ("
    told += f"{row['difference']:+.3f}, {row['low']:+.3f} to {row['high']:+.3f}; n = {row['n']}"
    seen = row["smallest_detectable"]
    return told + ("" if apart or not seen > 0 else f"; {seen:.2g} would have been seen") + ")"


def _sentence(parts: list[str], task: str) -> str:
    return f"By {task}, {'; '.join(parts)}."


def _fourth(told: dict) -> dict:
    reason = told.get("withheld_because", "" if told else "no network was explained")
    part, random = told.get("part", "cells"), told.get("randomised", {})
    found, over = told.get("enrichment", {}).get(part, {}), random.get(f"{part}_over_random", {})
    if not reason and (found.get("value") is None or over.get("value") is None):
        reason = "no cells were segmented in the images that the network explains"
    answer = f"{CANNOT}: {reason}." if reason else _looks(_PARTS[part], found, random, over=over)
    numbers = [] if reason else [{f"enrichment_{part}": found}, {"randomised": random}]
    return {
        "question": QUESTIONS[3],
        "answer": answer,
        "numbers": numbers,
        "withheld_because": reason or None,
    }


def _looks(what: str, found: dict, random: dict, *, over: dict) -> str:
    """A part of the cells above its share of the area, and above what a random network marks."""
    on_it = "more" if found["low"] > 1 else "less" if found["high"] < 1 else "not more"
    first = (
        f"Its maps mark {what} {on_it} than their share of the area "
        f"({found['value']:.2f} times, {found['low']:.2f} to {found['high']:.2f}; "
        f"{found['n_wells']} wells)."
    )
    learned = over["high"] < 0 if on_it == "less" else over["low"] > 0
    second = "That is learned" if learned else "A network of random weights does the same"
    return (
        f"{first} {second}: {over['value']:+.2f} ({over['low']:+.2f} to {over['high']:+.2f}) "
        f"against random weights, whose maps correlate at {random['correlation']:.2f} with its own."
    )
