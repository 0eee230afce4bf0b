"""Which treatments look alike?"""

from __future__ import annotations

import pandas as pd

from phenolens.report import names
from phenolens.report.answers.answer import Answer
from phenolens.report.tables import Tables
from phenolens.report.words import count, fixed, listed

QUESTION = "Which look alike?"
CAUTION = "Looking alike in these stains is a reason to test a shared mechanism, not proof of one."
PAIRS = 3


def answer(tables: Tables) -> Answer:
    """Nearest treatments of another compound, among the active ones, against mechanism."""
    nearest = nearest_other(tables)
    if nearest is None:
        return Answer("alike", QUESTION, _why_not(tables), tone="none")
    known = nearest.dropna(subset=["mechanism", "neighbour_mechanism"])
    groups = together(nearest)
    details = [_groups(groups), _surprises(nearest), _clusters(tables), CAUTION]
    return Answer(
        key="alike",
        question=QUESTION,
        short=_headline(nearest, known),
        details=[text for text in details if text],
        links=[("alike", "What looks alike")],
    )


def _why_not(tables: Tables) -> str:
    if names.of_lead(tables, tables.similarity) is None:
        return "This study holds no similarities between treatments (similarity.parquet)."
    return "Fewer than two treatments are active, so there is nothing to compare."


def nearest_other(tables: Tables) -> pd.DataFrame | None:
    """The nearest active treatment of another compound, for each active treatment.

    Returns
    -------
    DataFrame or None
        ``treatment, neighbour, cosine, mechanism, neighbour_mechanism``, one row a treatment.
    """
    similar, rows = (names.of_lead(tables, t) for t in (tables.similarity, tables.activity))
    if similar is None or rows is None:
        return None
    facts = rows.set_index("Metadata_Treatment")
    active = set(facts.index[facts["active"]])
    pairs = similar[similar["Metadata_Treatment"].isin(active) & similar["neighbour"].isin(active)]
    pairs = pairs[~_same_compound(pairs, facts)].sort_values(["Metadata_Treatment", "rank"])
    first = pairs.drop_duplicates("Metadata_Treatment")
    if first.empty:
        return None
    return _with_mechanisms(first, facts)


def _same_compound(pairs: pd.DataFrame, facts: pd.DataFrame) -> pd.Series:
    if "Metadata_Compound" not in facts:
        return pd.Series(data=False, index=pairs.index)
    compound = facts["Metadata_Compound"]
    left, right = pairs["Metadata_Treatment"].map(compound), pairs["neighbour"].map(compound)
    return (left == right) & left.notna()


def _with_mechanisms(first: pd.DataFrame, facts: pd.DataFrame) -> pd.DataFrame:
    blank = pd.Series(None, index=facts.index, dtype=object)
    mechanism = facts.get("Metadata_Mechanism", blank)
    return pd.DataFrame(
        {
            "treatment": first["Metadata_Treatment"],
            "neighbour": first["neighbour"],
            "cosine": first["cosine"],
            "mechanism": first["Metadata_Treatment"].map(mechanism),
            "neighbour_mechanism": first["neighbour"].map(mechanism),
        }
    ).reset_index(drop=True)


def _headline(nearest: pd.DataFrame, known: pd.DataFrame) -> str:
    if known.empty:
        pairs = listed(_unordered(nearest.nlargest(PAIRS, "cosine")))
        return f"Closest active treatments of different compounds: {pairs}."
    same = int((known["mechanism"] == known["neighbour_mechanism"]).sum())
    return (
        f"Of {count(len(known), 'active treatment')} whose nearest active neighbour (another "
        f"compound) has a known mechanism, {same} share that mechanism."
    )


def together(nearest: pd.DataFrame) -> dict[str, list[str]]:
    """Mechanisms with at least two members whose nearest neighbour shares the mechanism."""
    same = nearest[
        nearest["mechanism"].notna() & (nearest["mechanism"] == nearest["neighbour_mechanism"])
    ]
    groups = {name: sorted(part["treatment"]) for name, part in same.groupby("mechanism")}
    kept = {name: members for name, members in groups.items() if len(members) > 1}
    return dict(sorted(kept.items(), key=lambda item: (-len(item[1]), item[0])))


def _groups(groups: dict[str, list[str]]) -> str:
    if not groups:
        return ""
    parts = [f"{name} ({listed(members, 4)})" for name, members in list(groups.items())[:8]]
    return f"Mechanisms that stand together: {'; '.join(parts)}."


def _surprises(nearest: pd.DataFrame) -> str:
    odd = nearest[(nearest["mechanism"] != nearest["neighbour_mechanism"])]
    odd = odd.dropna(subset=["mechanism", "neighbour_mechanism"]).nlargest(PAIRS, "cosine")
    if odd.empty:
        return ""
    return f"Alike though annotated differently, worth a second look: {listed(_unordered(odd))}."


def _unordered(pairs: pd.DataFrame) -> list[str]:
    seen: dict[frozenset, str] = {}
    for row in pairs.itertuples():
        text = f"{row.treatment} and {row.neighbour} (cosine {fixed(row.cosine)})"
        seen.setdefault(frozenset((row.treatment, row.neighbour)), text)
    return list(seen.values())


def _clusters(tables: Tables) -> str:
    rows = names.of_lead(tables, tables.clusters)
    if rows is None or "leiden" not in set(rows["method"]):
        return ""
    leiden = rows[rows["method"] == "leiden"]
    n = leiden["cluster"].nunique()
    return f"Leiden clustering puts {count(len(leiden), 'treatment')} in {count(n, 'cluster')}."
