"""Which representation sees the treatments best?"""

from __future__ import annotations

import pandas as pd

from phenolens.answers.answer import Answer
from phenolens.answers.reasons import because, unjudged
from phenolens.answers.scores import asked, best_baseline, headlines
from phenolens.answers.tables import Tables
from phenolens.words import names
from phenolens.words.numbers import fixed, interval, listed, p_value, within

QUESTION = "Which representation sees them best?"


def answer(tables: Tables) -> Answer:
    """The highest scores, beside their baselines, and whether the differences hold."""
    questions = headlines(asked(tables))
    spoken = [_beside_baseline(item) for item in questions if item[0][1] != "fraction_active"]
    details = [_active(tables), *unjudged(tables), *spoken[:4], *_pairs(tables)]
    details = [text for text in details if text]
    if not details:
        short = f"Representations were not compared: nothing was scored{because(tables)}."
        return Answer("best", QUESTION, short, tone="none")
    links = [("scores", "Scores and baselines")]
    tone = "warn" if beaten_by_baseline(questions) else "plain"
    short = _headline(tables, questions)
    return Answer("best", QUESTION, short, details, tone=tone, links=links)


def _headline(tables: Tables, questions: list) -> str:
    beaten = beaten_by_baseline(questions)
    if beaten:
        return " ".join(text for text in (beaten, _finds_most(tables)) if text)
    real = tables.real
    if len(real) < 2:
        return f"Only {names.spoken(real[0])} were studied, so they stand beside baselines only."
    best, other = _first_two(questions, real)
    row = _comparison(tables, best, other)
    who, whom = names.label(best), names.label(other)
    if row is None:
        return f"{who} scores highest, followed by {whom}; the difference was not tested."
    if row["p_holm"] < tables.alpha and row["difference"] > 0:
        return f"{who}: ahead of {whom}, the next best, beyond chance."
    return (
        f"{who} scores highest, but this design cannot tell it from {whom} "
        f"(Holm-corrected p = {p_value(row['p_holm'])})."
    )


def beaten_by_baseline(questions: list) -> str:
    """The sentence for a study where a baseline does as well or better, or nothing."""
    judged = [(key, s, best_baseline(s)) for key, s in questions if best_baseline(s)]
    for key, scores, (name, value) in judged:
        top = _real(scores)["value"].dropna()
        if len(top) and value >= top.max():
            return (
                f"A baseline outdoes every representation in {within(names.task(key[0]))}: "
                f"{within(names.label(name))} reaches {fixed(value)}, {names.label(top.idxmax())} "
                f"{fixed(top.max())}."
            )
    if not judged or any(_rises(scores, best[1]) for _, scores, best in judged):
        return ""
    return "In recognising held-out wells, no representation is shown to beat its baselines."


def _real(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[[not names.is_baseline(name) for name in scores.index]]


def _rises(scores: pd.DataFrame, baseline: float) -> bool:
    """Whether a representation's interval (or score, where it has none) lies above a baseline."""
    real = _real(scores)
    return bool((real["low"].fillna(real["value"]) > baseline).any())


def _finds_most(tables: Tables) -> str:
    """The representation by which most treatments are active, when one is ahead."""
    found = found_active(tables)
    if len(found) < 2 or found.iloc[0] == found.iloc[1]:
        return ""
    return f"{names.label(found.index[0])} finds the most treatments active ({found.iloc[0]})."


def _first_two(questions: list, real: list[str]) -> list[str]:
    for _, scores in questions:
        values = scores["value"].reindex(real).dropna().sort_values(ascending=False, kind="stable")
        if len(values) > 1:
            return list(values.index[:2])
    return real[:2]


def _comparison(tables: Tables, a: str, b: str) -> pd.Series | None:
    """The comparison of a with b, turned so that a comes first."""
    if tables.comparisons is None:
        return None
    rows = tables.comparisons.dropna(subset=["p_holm"])
    rows = rows.iloc[sorted(range(len(rows)), key=lambda i: rows["task"].iloc[i] != "activity")]
    straight = rows[(rows["a"] == a) & (rows["b"] == b)]
    if len(straight):
        return straight.iloc[0]
    turned = rows[(rows["a"] == b) & (rows["b"] == a)]
    return None if turned.empty else _turned(turned.iloc[0])


def _turned(row: pd.Series) -> pd.Series:
    signs = {"difference": -row["difference"], "low": -row["high"], "high": -row["low"]}
    return pd.Series(row.to_dict() | signs | {"a": row["b"], "b": row["a"]})


def found_active(tables: Tables) -> pd.Series:
    """Number of active treatments by representation, most first."""
    if tables.activity is None:
        return pd.Series(dtype=int)
    rows = tables.activity[tables.activity["q"].notna()]
    counts = rows.groupby("representation")["active"].sum().astype(int)
    real = [name for name in tables.real if not names.is_noise(name)]
    order = [name for name in real if name in counts.index]
    return counts[order].sort_values(ascending=False, kind="stable")


def _active(tables: Tables) -> str:
    found = [f"{names.label(name)} {n}" for name, n in found_active(tables).items()]
    return f"Treatments found active: {listed(found)}." if len(found) > 1 else ""


def _beside_baseline(question: tuple) -> str:
    (task, metric, *_), scores = question
    real = _real(scores).dropna(subset=["value"])
    if real.empty:
        return ""
    top = real["value"].idxmax()
    between = interval(real.loc[top, "low"], real.loc[top, "high"], of=fixed)
    text = (
        f"{names.task(task)}, {within(names.metric(metric))}: {names.label(top)} "
        f"{fixed(real.loc[top, 'value'])}" + (f" ({between})" if between else "")
    )
    return f"{text}{_against(best_baseline(scores), real.loc[top, 'low'])}."


def _against(best: tuple[str, float] | None, low: float) -> str:
    if best is None:
        return ", with no baseline beside it"
    text = f"; the best baseline, {within(names.label(best[0]))}, reaches {fixed(best[1])}"
    return text + ("" if low > best[1] else ", so nothing is shown beyond it")


def _pairs(tables: Tables) -> list[str]:
    if tables.comparisons is None:
        return []
    rows = tables.comparisons.dropna(subset=["p_holm"])
    unsure = rows[rows["p_holm"] >= tables.alpha]
    return [_cannot(row) for _, row in unsure.head(2).iterrows()]


def _what(row: pd.Series) -> str:
    """``mAP``, or ``accuracy in classification``: what was compared, inside a sentence."""
    metric = within(names.metric(row["metric"]))
    return metric if row["task"] == "activity" else f"{metric} in {within(names.task(row['task']))}"


def _cannot(row: pd.Series) -> str:
    least = row["smallest_detectable"]
    seen = (
        f"; only a difference of {fixed(least)} or more would have been seen"
        if pd.notna(least)
        else ""
    )
    return (
        f"{names.label(row['a'])} and {names.label(row['b'])} are not told apart on "
        f"{_what(row)} (difference {fixed(row['difference'])}, "
        f"{interval(row['low'], row['high'], of=fixed)}{seen}). {_odds(row)}"
    )


def _odds(row: pd.Series) -> str:
    """The p that was reached and the smallest there could be, and an interval that says more."""
    text = f"p is {p_value(row['p'])}"
    if row["p_holm"] > row["p"]:
        text += f", and {p_value(row['p_holm'])} over all comparisons"
    if pd.notna(row.get("smallest_p")):
        text += f"; {p_value(row['smallest_p'])} was the smallest possible"
    if row["low"] > 0 or row["high"] < 0:
        text += (
            ". The interval leaves out zero, but it speaks of this pair alone and is narrow where "
            "few units are compared: p decides"
        )
    return f"{text[0].upper()}{text[1:]}."
