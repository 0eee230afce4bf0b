"""Which treatments look alike: the whole matrix of similarities, in the order of its tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from phenolens import profiles
from phenolens.explore.screen import Screen
from phenolens.learn.nearest import unit_rows

MOST, ORDERED = 2_000, 400


@dataclass(frozen=True)
class Similarity:
    """Cosines of consensus profiles, clustered by average linkage.

    Attributes
    ----------
    given : list of int
        Ids of treatments as the tree counts them.
    leaves : list of int
        Ids of treatments in the order of the tree's leaves.
    merges : ndarray of float64, shape (n - 1, 4)
        As scipy's linkage.
    cosine : ndarray of float32, shape (n, n)
        In the order of the leaves.
    left_out : int
        Treatments beyond the most that are shown, the last in rank.
    """

    given: list[int]
    leaves: list[int]
    merges: np.ndarray
    cosine: np.ndarray
    left_out: int


def similarity(screen: Screen, representation: str) -> Similarity | None:
    """The similarities of a representation; None where no three treatments have consensus."""
    return screen.kept.get(
        ("similarity", representation), lambda: _similarity(screen, representation)
    )


def has_similarity(screen: Screen, representation: str) -> bool:
    """Whether there are three treatments to compare."""
    return screen.described_treatments(representation) > 2


def _similarity(screen: Screen, representation: str) -> Similarity | None:
    medians = screen.consensus(representation)
    if medians is None or len(medians) < 3:
        return None
    ids = pd.Series(medians.index.map(screen.treatment_ids), medians.index).dropna().astype(int)
    rank = screen.treatments["rank"].to_numpy()
    rank = np.where(rank < 0, len(rank) + 1, rank)
    kept = sorted(sorted(ids, key=lambda number: (rank[number], number))[:MOST])
    names = [screen.treatment_names[number] for number in kept]
    columns = [name for name in medians if not str(name).startswith(profiles.PREFIX)]
    values = medians[~medians.index.duplicated()].loc[names, columns].to_numpy(np.float64)
    unit = unit_rows(np.nan_to_num(values))
    cosine = np.clip(unit @ unit.T, -1, 1)
    cosine = (cosine + cosine.T) / 2
    distance = np.clip(squareform(1 - cosine, checks=False), 0, None)
    merges = linkage(distance, "average", optimal_ordering=len(kept) <= ORDERED)
    leaves = leaves_list(merges)
    return Similarity(
        kept,
        [kept[leaf] for leaf in leaves],
        merges,
        cosine[np.ix_(leaves, leaves)].astype(np.float32),
        len(ids) - len(kept),
    )
