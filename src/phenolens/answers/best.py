"""Which representation sees the treatments best?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from phenolens.answers.answer import Answer, State
from phenolens.answers.reasons import cause, notes
from phenolens.answers.scores import Question, asked, best_baseline, better, headlines
from phenolens.answers.tables import Tables
from phenolens.findings import Finding
from phenolens.words import names

MOST_SCORES, MOST_PAIRS = 4, 2
COMPARED = ("difference", "low", "high", "p", "p_holm", "smallest_p", "smallest_detectable")


def answer(tables: Tables) -> Answer:
    """The highest scores, beside their baselines, and whether the differences hold."""
    questions = [q for q in headlines(asked(tables)) if better(q[0][1]) == "higher"]
    scored = [
        found
        for question in questions
        if question[0][1] != "fraction_active"
        for found in _beside_baseline(question)
    ]
    details = [*_active(tables), *untestable(tables), *scored[:MOST_SCORES], *_unsure(tables)]
    if not details:
        none = Finding("best-not-scored", "warning", {}, {"cause": cause(tables)})
        return Answer("best", "open", (none,))
    beaten = beaten_by_baseline(questions)
    headline = [beaten, *_finds_most(tables)] if beaten else [_ahead(tables, questions)]
    state: State = "doubtful" if beaten else "answered"
    return Answer("best", state, tuple(headline), tuple(details), ("scores",))


def _ahead(tables: Tables, questions: list[Question]) -> Finding:
    """The representation that scores highest, and whether it is ahead of the next."""
    if len(tables.studied) < 2:
        return Finding("best-alone", "info", {"representation": tables.studied[0]})
    best, other = _first_two(questions, tables.studied)
    about = {"representation": [best, other]}
    row = _comparison(tables, best, other)
    if row is None:
        return Finding("best-not-compared", "info", about)
    ahead = row["p_holm"] < tables.alpha and row["difference"] > 0
    code = "best-ahead" if ahead else "best-not-separable"
    return Finding(code, "info", about, {name: row.get(name) for name in COMPARED})


def beaten_by_baseline(questions: list[Question]) -> Finding | None:
    """That a baseline does as well or better, or that none is beaten; None otherwise."""
    beside = [(key, s, best) for key, s in questions if (best := best_baseline(s)) is not None]
    for key, scores, (name, value) in beside:
        top = _real(scores)["value"].dropna()
        if len(top) and value >= top.max():
            about = {"representation": top.idxmax()}
            values = {"task": key[0], "baseline": name, "reached": value, "value": top.max()}
            return Finding("best-baseline-ahead", "warning", about, values)
    if not beside or any(_rises(scores, best[1]) for _, scores, best in beside):
        return None
    return Finding("best-no-baseline-beaten", "warning")


def _real(scores: pd.DataFrame) -> pd.DataFrame:
    """What was studied: neither baselines nor controls of fusions, which hold noise."""
    aside = [names.is_baseline(name) or names.is_noise(name) for name in scores.index]
    return scores[[not one for one in aside]]


def _rises(scores: pd.DataFrame, baseline: float) -> bool:
    """Whether a representation's interval (or score, where it has none) lies above a baseline."""
    real = _real(scores)
    return bool((real["low"].fillna(real["value"]) > baseline).any())


def _finds_most(tables: Tables) -> Iterator[Finding]:
    """The representation by which most treatments are active, when one is ahead."""
    found = found_active(tables)
    if len(found) > 1 and found.iloc[0] != found.iloc[1]:
        about = {"representation": found.index[0]}
        yield Finding("best-finds-most", "info", about, {"active": int(found.iloc[0])})


def _first_two(questions: list[Question], real: list[str]) -> list[str]:
    for _, scores in questions:
        values = scores["value"].reindex(real).dropna().sort_values(ascending=False, kind="stable")
        if len(values) > 1:
            return list(values.index[:2])
    return real[:2]


def _comparison(tables: Tables, a: str, b: str) -> pd.Series | None:
    """The comparison of a with b, turned so that a comes first; that of activity before others."""
    if tables.comparisons is None:
        return None
    rows = tables.comparisons.dropna(subset=["p_holm"])
    rows = rows.sort_values("task", key=lambda task: task != "activity", kind="stable")
    straight = rows[(rows["a"] == a) & (rows["b"] == b)]
    if len(straight):
        return straight.iloc[0]
    turned = rows[(rows["a"] == b) & (rows["b"] == a)]
    if turned.empty:
        return None
    row = turned.iloc[0]
    signs = {"difference": -row["difference"], "low": -row["high"], "high": -row["low"]}
    return pd.Series(row.to_dict() | signs | {"a": a, "b": b})


def found_active(tables: Tables) -> pd.Series:
    """Number of active treatments by representation, most first."""
    if tables.activity is None:
        return pd.Series(dtype=int)
    rows = tables.activity[tables.activity["q"].notna()]
    counts = rows.groupby("representation")["active"].sum().astype(int)
    order = [name for name in tables.studied if name in counts.index]
    return counts[order].sort_values(ascending=False, kind="stable")


def _active(tables: Tables) -> Iterator[Finding]:
    found = found_active(tables)
    if len(found) > 1:
        about = {"representation": list(found.index)}
        yield Finding("best-active", "info", about, {"active": found.tolist()})


def untestable(tables: Tables) -> Iterator[Finding]:
    """Representations by which no treatment could be tested, each with the table's reason."""
    if tables.activity is None:
        return
    rows = tables.activity[tables.activity["representation"].isin(tables.studied)]
    for name, part in rows.groupby("representation"):
        if part["q"].isna().all():
            values = {"note": "", "treatments": len(part)} | next(iter(notes(part)), {})
            yield Finding("best-untestable", "warning", {"representation": name}, values)


def _beside_baseline(question: Question) -> Iterator[Finding]:
    """The highest score of a question with its interval, and the best baseline's."""
    (task, metric, *_), scores = question
    real = _real(scores).dropna(subset=["value"])
    if real.empty:
        return
    top = real.loc[real["value"].idxmax()]
    name, reached = best_baseline(scores) or (None, None)
    values: dict[str, Any] = {
        "task": task,
        "metric": metric,
        "value": top["value"],
        "low": top["low"],
        "high": top["high"],
        "baseline": name,
        "reached": reached,
        "beyond": reached is not None and bool(top["low"] > reached),
    }
    yield Finding("best-score", "info", {"representation": top.name}, values)


def _unsure(tables: Tables) -> Iterator[Finding]:
    """Pairs that this design does not separate."""
    if tables.comparisons is None:
        return
    rows = tables.comparisons.dropna(subset=["p_holm"])
    for row in rows[rows["p_holm"] >= tables.alpha].head(MOST_PAIRS).to_dict("records"):
        values = {name: row.get(name) for name in ("task", "metric", *COMPARED)}
        about = {"representation": [row["a"], row["b"]]}
        yield Finding("best-pair-not-separable", "info", about, values)
