"""Every treatment, best first: its activity, neighbours, features, and what to doubt of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from phenolens.profiles import TREATMENT
from phenolens.words.numbers import missing

NEIGHBOURS, FEATURES = 3, 5
FEW_CELLS, FEW_WELLS = 0.6, 3
OF_ALL = frozenset({"controls-reused", "pixels-seen", "training-unknown"})
"""Notes that hold for every row of a table: no reason to doubt one of them."""
OWN = frozenset(
    {
        "few-cells-left", "few-wells-compared", "fewer-than-two-compared", "one-well-only",
        "too-many-to-permute",
        "wells-not-differing", "wells-not-usable", "wells-without-controls",
        "wells-without-values",
    }
)  # fmt: skip
"""Doubts of one treatment, worded with its own numbers."""


@dataclass(frozen=True)
class Treatment:
    """One treatment in the lead representation.

    Attributes
    ----------
    row : dict
        Its row of the table of activity.
    neighbours : tuple of (str, float)
        The most similar treatments with their cosine.
    features : tuple of (str, float)
        The features that moved most, with how far, in robust z.
    doubts : tuple of str
        Codes of why it may not be what it seems.
    """

    row: dict[str, Any]
    neighbours: tuple[tuple[str, float], ...]
    features: tuple[tuple[str, float], ...]
    doubts: tuple[str, ...]

    @property
    def name(self) -> str:
        """The treatment."""
        return str(self.row[TREATMENT])

    @property
    def tested(self) -> bool:
        """Whether it has a q-value."""
        return not missing(self.row["q"])

    @property
    def active(self) -> bool:
        """Whether it was called active; what was not tested was not."""
        return not missing(self.row["active"]) and bool(self.row["active"])


def treatments(
    rows: pd.DataFrame | None,
    *,
    similarity: pd.DataFrame | None = None,
    features: pd.DataFrame | None = None,
) -> list[Treatment]:
    """The treatments of one representation, best first.

    Parameters
    ----------
    rows, similarity : DataFrame or None
        Rows of the tables of activity and of similarity that belong to the representation.
    features : DataFrame or None
        The table of features that moved; of several representations the first counts.
    """
    if rows is None:
        return []
    near: dict[str, list[tuple[str, float]]] = {}
    if similarity is not None and len(similarity):
        for one in similarity[similarity["rank"] <= NEIGHBOURS].sort_values("rank").itertuples():
            near.setdefault(one.Metadata_Treatment, []).append((one.neighbour, one.cosine))
    moved: dict[str, list[tuple[str, float]]] = {}
    if features is not None and len(features):
        first = features["representation"] == features["representation"].iloc[0]
        for one in (
            features[first & (features["rank"] <= FEATURES)].sort_values("rank").itertuples()
        ):
            moved.setdefault(one.Metadata_Treatment, []).append((one.feature, one.effect))
    return [
        Treatment(
            row=row,
            neighbours=tuple(near.get(row[TREATMENT], ())),
            features=tuple(moved.get(row[TREATMENT], ())),
            doubts=tuple(doubts_of(row)),
        )
        for row in best_first(rows, features=features).to_dict("records")
    ]


def best_first(rows: pd.DataFrame, *, features: pd.DataFrame | None = None) -> pd.DataFrame:
    """By q, then mAP, then effect.

    Ties of a coarse position-safe test stand by what permuting wells says, and those that are left,
    such as of treatments whose wells find one another before any control, by how far their features
    moved.

    Parameters
    ----------
    rows : DataFrame
        Rows of the table of activity that belong to one representation.
    features : DataFrame, optional
        The table of features that moved, of which the median absolute effect counts.
    """
    keys = [name for name in ("q", "map_normalized", "map_plain") if name in rows]
    effect = f"{TREATMENT} effect"
    ranked = rows.assign(**{effect: rows[TREATMENT].map(effects(features))})
    ranked = ranked.sort_values(
        [*keys, effect], ascending=[name == "q" for name in (*keys, effect)], kind="stable"
    )
    return ranked.drop(columns=effect)


def effects(features: pd.DataFrame | None) -> dict[str, float]:
    """Median absolute effect over the features of each treatment, by the first representation."""
    if features is None or not len(features):
        return {}
    first = features[features["representation"] == features["representation"].iloc[0]]
    return first["effect"].abs().groupby(first[TREATMENT]).median().to_dict()


def doubts_of(row: dict[str, Any]) -> list[str]:
    """Codes of why a treatment may not be what it seems."""
    note = row.get("note")
    codes = [code for code in note.split() if code not in OF_ALL] if isinstance(note, str) else []
    kept: Any = row.get("cell_count_ratio")
    compared: Any = row.get("n", 0)
    if not missing(row["active"]) and row["active"] and not missing(kept) and kept < FEW_CELLS:
        codes.append("few-cells-left")
    if not missing(compared) and 0 < compared < FEW_WELLS:
        codes.append("few-wells-compared")
    return codes


def common_doubts(found: list[Treatment]) -> list[str]:
    """Doubts that every treatment shares, and that are the same for all."""
    if len(found) < 2:
        return []
    shared = [code for code in found[0].doubts if code not in OWN]
    return [code for code in shared if all(code in one.doubts for one in found)]
