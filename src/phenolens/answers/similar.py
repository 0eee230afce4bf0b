"""Which treatments are similar?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from phenolens.answers.answer import Answer
from phenolens.answers.doubts import audited
from phenolens.answers.reasons import cause
from phenolens.answers.tables import Tables
from phenolens.findings import Finding

PAIRS = 3
KEPT = frozenset({"layout-confounded", "layout-block", "layout-edge", "layout-order"})
NEIGHBOUR = {"neighbour_treatment": "neighbour"}


def answer(tables: Tables) -> Answer:
    """Nearest treatments of another compound, among the active ones, against mechanism."""
    nearest = nearest_other(tables)
    if nearest is None:
        return Answer("similar", "open", (_why_not(tables),))
    kept = any(found.code in KEPT for found in audited(tables, "error", "warning"))
    position = [Finding("similar-by-position", "warning")] if kept else []
    details = [*_together(nearest), *_surprises(nearest), *_labels(tables), *_clusters(tables)]
    return Answer(
        key="similar",
        state="doubtful" if kept else "answered",
        headline=(_headline(nearest, active_facts(tables.of_lead(tables.activity))), *position),
        details=(*details, Finding("similar-is-no-proof", "info")),
        evidence=("similar",),
    )


def _why_not(tables: Tables) -> Finding:
    if tables.of_lead(tables.similarity) is None:
        return Finding("similar-not-compared", "warning", {}, {"cause": cause(tables)})
    return Finding("similar-too-few-active", "info")


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


def _headline(nearest: pd.DataFrame, facts: pd.DataFrame) -> Finding:
    known = nearest.dropna(subset=["mechanism", "neighbour_mechanism"])
    if known.empty:
        return Finding("similar-closest", "info", {}, {"pairs": _unordered(_closest(nearest))})
    values = {"same": int(_agree(known).sum()), "known": len(known), "blind": blind(known, facts)}
    return Finding("similar-mechanism", "info", {}, values)


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


def labels_of(mechanism: object) -> set[str]:
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


def _together(nearest: pd.DataFrame) -> Iterator[Finding]:
    groups = together(nearest)
    if groups:
        mechanisms = [{"mechanism": name, "compounds": held} for name, held in groups.items()]
        yield Finding("similar-groups", "info", {}, {"mechanisms": mechanisms})


def _surprises(nearest: pd.DataFrame) -> Iterator[Finding]:
    """Pairs of different mechanisms as close as neighbours of one mechanism usually are."""
    known = nearest.dropna(subset=["mechanism", "neighbour_mechanism"])
    agree = _agree(known)
    odd = known[~agree & (known["cosine"] >= known.loc[agree, "cosine"].median())]
    if len(odd):
        pairs = _unordered(_closest(odd))
        yield Finding("similar-across-mechanisms", "info", {}, {"pairs": pairs})


def _closest(pairs: pd.DataFrame) -> pd.DataFrame:
    return pairs.nlargest(PAIRS, "cosine")


def _unordered(pairs: pd.DataFrame) -> list[dict]:
    """Each pair once: ``treatments`` and their ``cosine``."""
    seen: dict[frozenset, dict] = {}
    for row in pairs.itertuples():
        pair = {"treatments": [row.treatment, row.neighbour], "cosine": row.cosine}
        seen.setdefault(frozenset(pair["treatments"]), pair)
    return list(seen.values())


def _labels(tables: Tables) -> Iterator[Finding]:
    """How many mechanisms are found among all treatments, active or not."""
    rows = tables.of_lead(tables.matching)
    if rows is None:
        return
    found = rows[rows["q"] < tables.alpha].sort_values(["q", "label"])["label"].tolist()
    values = {"found": found, "mechanisms": len(rows), "alpha": tables.alpha}
    yield Finding("similar-mechanisms-found", "info", {}, values)


def _clusters(tables: Tables) -> Iterator[Finding]:
    rows = tables.of_lead(tables.clusters)
    leiden = None if rows is None else rows[rows["method"] == "leiden"]
    if leiden is not None and len(leiden):
        counts = {"treatments": len(leiden), "clusters": int(leiden["cluster"].nunique())}
        yield Finding("similar-clusters", "info", {}, counts)
