"""Which treatments look alike?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.answers.answer import Answer
from phenolens.answers.doubts import findings
from phenolens.answers.reasons import because
from phenolens.answers.tables import Tables
from phenolens.words.numbers import count, fixed, listed, plural

QUESTION = "Which look alike?"
CAUTION = "Looking alike in these stains is a reason to test a shared mechanism, not proof of one."
PAIRS = 3
KEPT = frozenset({"layout-confounded", "layout-block", "layout-edge", "layout-order"})
NEIGHBOUR = {"neighbour_treatment": "neighbour"}


def answer(tables: Tables) -> Answer:
    """Nearest treatments of another compound, among the active ones, against mechanism."""
    nearest = nearest_other(tables)
    if nearest is None:
        return Answer("similar", QUESTION, _why_not(tables), tone="none")
    facts = active_facts(tables.of_lead(tables.activity))
    groups, position = together(nearest), _by_position(tables)
    details = [_groups(groups), _surprises(nearest), _labels(tables), _clusters(tables), CAUTION]
    return Answer(
        key="similar",
        question=QUESTION,
        short=_headline(nearest, facts) + position,
        details=[text for text in details if text],
        tone="warn" if position else "plain",
        links=[("similar", "What looks similar")],
    )


def _by_position(tables: Tables) -> str:
    """That treatments in one place may look alike for it, where they keep their places."""
    if not any(found["code"] in KEPT for found in findings(tables, "error", "warning")):
        return ""
    return " Position could explain some of it: treatments that keep their places look alike."


def _why_not(tables: Tables) -> str:
    if tables.of_lead(tables.similarity) is None:
        return f"Treatments were not compared with one another{because(tables)}."
    return "Fewer than two treatments are active, so there is nothing to compare."


def nearest_other(tables: Tables) -> pd.DataFrame | None:
    """The nearest active treatment of another compound, for each active treatment.

    Returns
    -------
    DataFrame or None
        ``treatment, neighbour, cosine``, their ``compound``s and ``mechanism``s (those of the
        neighbour under ``neighbour_...``), one row a treatment.
    """
    similar, rows = (tables.of_lead(t) for t in (tables.similarity, tables.activity))
    if similar is None or rows is None:
        return None
    facts = active_facts(rows)
    pairs = similar.rename(columns={"Metadata_Treatment": "treatment"}).merge(facts, on="treatment")
    pairs = pairs.merge(facts.add_prefix("neighbour_").rename(columns=NEIGHBOUR), on="neighbour")
    pairs = pairs[pairs["compound"] != pairs["neighbour_compound"]]
    first = pairs.sort_values(["treatment", "rank"]).drop_duplicates("treatment")
    return first.reset_index(drop=True) if len(first) else None


def active_facts(rows: pd.DataFrame) -> pd.DataFrame:
    """Treatment, compound (the treatment itself where none is given) and mechanism, if active."""
    active = rows[rows["active"]]
    blank = pd.Series(None, index=active.index, dtype=object)
    facts = pd.DataFrame(
        {
            "treatment": active["Metadata_Treatment"],
            "compound": active.get("Metadata_Compound", blank).astype(object),
            "mechanism": active.get("Metadata_Mechanism", blank).astype(object),
        }
    )
    return facts.assign(compound=facts["compound"].fillna(facts["treatment"]))


def _headline(nearest: pd.DataFrame, facts: pd.DataFrame) -> str:
    known = nearest.dropna(subset=["mechanism", "neighbour_mechanism"])
    if known.empty:
        pairs = listed(_unordered(nearest.nlargest(PAIRS, "cosine")))
        return f"Closest active treatments of different compounds: {pairs}."
    same = int(_agree(known).sum())
    return (
        f"{same} of {count(len(known), 'active treatment')} with a known mechanism have their "
        "nearest neighbour (of another compound) in the same mechanism; neighbours picked blindly "
        f"would give about {blind(known, facts):.0f}."
    )


def blind(known: pd.DataFrame, facts: pd.DataFrame) -> float:
    """How many treatments would find their mechanism if neighbours were picked blindly."""
    others = facts.dropna(subset=["mechanism"])
    labels = [labels_of(mechanism) for mechanism in others["mechanism"]]
    total = 0.0
    for row in known.itertuples():
        own = labels_of(row.mechanism)
        choice = [bool(own & labels[i]) for i in np.flatnonzero(others["compound"] != row.compound)]
        total += float(np.mean(choice)) if choice else 0.0
    return total


def labels_of(mechanism: str) -> set[str]:
    """The labels of a mechanism; several stand separated by ``|``."""
    return set(str(mechanism).split("|"))


def _agree(known: pd.DataFrame) -> np.ndarray:
    """Whether a treatment and its neighbour share a label, bool of shape (n,)."""
    pairs = zip(known["mechanism"], known["neighbour_mechanism"], strict=True)
    return np.array([bool(labels_of(a) & labels_of(b)) for a, b in pairs], dtype=bool)


def together(nearest: pd.DataFrame) -> dict[str, list[str]]:
    """Compounds that are nearest neighbours within a mechanism, by mechanism, largest first."""
    groups: dict[str, set[str]] = {}
    for row in nearest.dropna(subset=["mechanism", "neighbour_mechanism"]).itertuples():
        for name in labels_of(row.mechanism) & labels_of(row.neighbour_mechanism):
            groups.setdefault(name, set()).update([row.compound, row.neighbour_compound])
    kept = {name: sorted(members) for name, members in groups.items() if len(members) > 1}
    return dict(sorted(kept.items(), key=lambda item: (-len(item[1]), item[0])))


def _groups(groups: dict[str, list[str]]) -> str:
    if not groups:
        return ""
    parts = [f"{name} ({listed(members, 5)})" for name, members in list(groups.items())[:8]]
    return f"Mechanisms that stand together: {'; '.join(parts)}."


def _surprises(nearest: pd.DataFrame) -> str:
    """Pairs of different mechanisms as alike as neighbours of one mechanism usually are."""
    known = nearest.dropna(subset=["mechanism", "neighbour_mechanism"])
    agree = _agree(known)
    odd = known[~agree & (known["cosine"] >= known.loc[agree, "cosine"].median())]
    odd = odd.nlargest(PAIRS, "cosine")
    if odd.empty:
        return ""
    return f"Alike though annotated differently, worth a second look: {listed(_unordered(odd))}."


def _unordered(pairs: pd.DataFrame) -> list[str]:
    seen: dict[frozenset, str] = {}
    for row in pairs.itertuples():
        text = f"{row.treatment} and {row.neighbour} (cosine {fixed(row.cosine)})"
        seen.setdefault(frozenset((row.treatment, row.neighbour)), text)
    return list(seen.values())


def _labels(tables: Tables) -> str:
    """How many mechanisms are found among all treatments, active or not."""
    rows = tables.of_lead(tables.matching)
    if rows is None:
        return ""
    found = rows[rows["q"] < tables.alpha].sort_values(["q", "label"])
    shared = f"{plural(len(rows), 'mechanism')} that several treatments share"
    named = f": {listed(found['label'], 6)}" if len(found) else ""
    return f"Found among all treatments at q < {tables.alpha:g}: {len(found)} of {shared}{named}."


def _clusters(tables: Tables) -> str:
    rows = tables.of_lead(tables.clusters)
    if rows is None or "leiden" not in set(rows["method"]):
        return ""
    leiden = rows[rows["method"] == "leiden"]
    n = leiden["cluster"].nunique()
    return f"Leiden clustering puts {count(len(leiden), 'treatment')} in {count(n, 'cluster')}."
