"""Do replicates find each other elsewhere: at another position, on another plate or batch?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.found import Found
from phenolens.findings import Finding
from phenolens.stats.average_precision import (
    TIE,
    AveragePrecision,
    average_precision,
    members_of,
    query_blocks,
)
from phenolens.stats.intervals import bootstrap_mean
from phenolens.stats.ranking import Ranking, rank_against
from phenolens.stats.wells import as_list

POSITION = f"{profiles.PREFIX}Position"


def retrieval(
    table: pd.DataFrame,
    *,
    same_by: str | Sequence[str],
    controls: np.ndarray | str,
    across: str | Sequence[str],
    within: str | Sequence[str] | None = None,
    references: str = "controls",
    similarity: str = "cosine",
    seed: int = 0,
) -> Found:
    """Replicate retrieval with matches that share ``across`` left out, beside all matches.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well.
    same_by : str or sequence of str
        Columns that name a perturbation.
    controls : ndarray of bool, or str
        Negative controls.
    across : str or sequence of str
        ``"position"`` (row and column of the plate), or metadata columns such as the plate or
        batch. Perturbations that have one value only are not asked.
    within : str or sequence of str, optional
        References share these columns with the query.
    references : {"controls", "others"}
    similarity : {"cosine", "abs_cosine", "correlation"}
    seed : int

    Returns
    -------
    Found
        ``table``: the ``same_by`` columns, ``n``, ``map`` and ``map_across`` (all matches, and
        those from elsewhere), both also ``_normalized`` (chance is 0 whatever the number of
        matches), ``nearest`` and ``nearest_across`` (share of wells whose nearest neighbour,
        references included, is a replicate), ``drop`` (of the normalized mAP). ``summary``: the
        means with bootstrap intervals over perturbations.

    Raises
    ------
    DesignError
        If no perturbation has two values of ``across``.
    """
    name = " + ".join(as_list(across))
    if across == "position":
        table, across = with_position(table), POSITION
    ranking = rank_against(
        table, same_by=same_by, controls=controls, within=within, references=references,
        similarity=similarity,
    )  # fmt: skip
    return retrieval_across(ranking, ranking.wells.codes(across), name=name, seed=seed)


def with_position(table: pd.DataFrame) -> pd.DataFrame:
    """The table with ``Metadata_Position``, the canonical name of the well on its plate."""
    wells = profiles.column(table, profiles.WELL)
    return profiles.with_metadata(table, {POSITION: [profiles.well_name(w) for w in wells]})


def retrieval_across(ranking: Ranking, place: np.ndarray, *, name: str, seed: int = 0) -> Found:
    """Retrieval of a ranking's groups with and without matches of the same place.

    Parameters
    ----------
    ranking : Ranking
    place : ndarray of int64, shape (n_wells,)
    name : str
        What the place is called in the error message.
    seed : int

    Returns
    -------
    Found
        As :func:`retrieval`.

    Raises
    ------
    DesignError
        If no perturbation sits at two places.
    """
    asked = np.zeros(len(ranking.group), dtype=bool)
    for rows in ranking.groups():
        asked[rows] = len(np.unique(place[rows])) > 1
    if not asked.any():
        raise DesignError(Finding("one-place-only", "error", {}, {"place": name}))
    options = {"reference": ranking.reference, "query": asked, "within": ranking.within}
    every = average_precision(ranking.wells, ranking.group, **options)
    away = average_precision(ranking.wells, ranking.group, differ=place[:, None], **options)
    result = _per_group(ranking, every, "")
    result = pd.concat([result, _per_group(ranking, away, "_across").iloc[:, -2:]], axis=1)
    code = np.unique(ranking.group[every.query], return_inverse=True)[1]
    for column, apart in (("nearest", None), ("nearest_across", place)):
        result[column] = _mean_by(_nearest(ranking, every.query, apart), code)
    result["drop"] = result["map_normalized"] - result["map_across_normalized"]
    return Found(result, _summary(result, name, seed))


def _per_group(ranking: Ranking, scores: AveragePrecision, suffix: str) -> pd.DataFrame:
    codes, group = np.unique(ranking.group[scores.query], return_inverse=True)
    result = ranking.names.iloc[codes].reset_index(drop=True)
    result["n"] = np.bincount(group)
    result[f"map{suffix}"] = _mean_by(scores.value, group)
    result[f"map{suffix}_normalized"] = _mean_by(scores.normalized, group)
    return result


def _mean_by(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    valid = np.isfinite(values)
    total = np.bincount(group, weights=np.where(valid, values, 0))
    return total / np.maximum(np.bincount(group, weights=valid), 1)


def _nearest(ranking: Ranking, queries: np.ndarray, place: np.ndarray | None) -> np.ndarray:
    """Share of each query's tied nearest wells that are its replicates."""
    out = np.full(len(ranking.group), np.nan)
    members, start = members_of(ranking.group)
    for block, references in query_blocks(queries, ranking.within, ranking.reference):
        similar = ranking.wells.similarity(block, references)
        for row, q in enumerate(block):
            code = ranking.group[q]
            own = members[start[code] : start[code + 1]]
            own = own[own != q] if place is None else own[place[own] != place[q]]
            others = similar[row][ranking.group[references] != code]
            replicates = ranking.wells.similarity(np.array([q]), own)[0]
            best = max(replicates.max(initial=-np.inf), others.max(initial=-np.inf)) - TIE
            found = (replicates >= best).sum()
            out[q] = found / (found + (others >= best).sum())
    return out[queries]


def _summary(result: pd.DataFrame, name: str, seed: int) -> dict[str, object]:
    out: dict[str, object] = {"across": name, "perturbations": len(result)}
    shown = ("map_normalized", "map_across_normalized", "nearest", "nearest_across", "drop")
    for column in shown:
        values = result[column].to_numpy()
        out[column] = float(values.mean())
        out[f"{column}_low"], out[f"{column}_high"] = bootstrap_mean(values, seed=seed)
    return out
