"""Separation and retrieval as published studies print them.

Published tables print the silhouette of k-means labels, which any cloud of points reaches, and a
mean average precision over all wells without what chance gives, which frequent controls raise.
Both are computed here only to stand beside the numbers that hold: silhouette against treatment and
retrieval against controls.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL
from phenolens.study.session import Session
from phenolens.tools.names import is_fusion, is_fusion_proper
from phenolens.tools.representation import Profiles

_FEWEST_WELLS = 5
_KEY = ["representation", PLATE, WELL]
_FROM_RESULTS = {
    "silhouette": ("silhouette", "silhouette"),
    "silhouette_null": ("silhouette", "silhouette_null"),
    "map": ("activity", "mean_map"),
    "map_normalized": ("activity", "mean_map_normalized"),
}


def well_clusters(session: Session, items: list[Profiles]) -> pd.DataFrame:
    """Assign every well of a representation to one of k clusters, for ``well_clusters.parquet``.

    Where several networks saw the treatments, the wells of each (``part``) are clustered apart.

    Returns
    -------
    DataFrame
        ``representation, part, Metadata_Plate, Metadata_Well, Metadata_Treatment,
        Metadata_Control, cluster`` (1 is the largest), ``silhouette`` (of the cluster labels),
        ``space``.
    """
    tables = [
        _clustered(part, k=session.study.evaluate.clusters, seed=session.seed).assign(
            representation=item.name, part=number, space=item.space
        )
        for item in _shown(items)
        for number, part in enumerate(item.parts)
        if len(part) >= _FEWEST_WELLS
    ]
    if not tables:
        return pd.DataFrame()
    columns = ["representation", "part", PLATE, WELL, TREATMENT, CONTROL, "cluster", "silhouette",
               "space"]  # fmt: skip
    joined = pd.concat(tables, ignore_index=True)
    known = [name for name in columns if name in joined]
    return joined[known].sort_values([*_KEY, "part"], ignore_index=True)


def embedding_scores(
    items: list[Profiles],
    results: pd.DataFrame,
    *,
    activity: pd.DataFrame,
    clusters: pd.DataFrame,
) -> pd.DataFrame:
    """Each representation's published numbers beside those that hold, one row each.

    Returns
    -------
    DataFrame
        As ``embedding_scores.parquet``; empty where nothing was scored.
    """
    pooled = results[results["fold"].astype(str) == "all"]
    known = {item.name: item for item in _shown(items)}
    rows = [_row(i, pooled, activity=activity, clusters=clusters) for i in known.values()]
    table = pd.DataFrame([row for row in rows if len(row) > 1])
    if table.empty:
        return table
    table = table.sort_values("representation", ignore_index=True)
    return table.assign(space=[known[name].space for name in table["representation"]])


def _shown(items: list[Profiles]) -> Iterator[Profiles]:
    """Representations and fusions; what stands beside noise is no representation of its own."""
    for item in items:
        labelled = {TREATMENT, CONTROL} <= set(item.wells.index.names)
        proper = is_fusion_proper(item.name) or not is_fusion(item.name)
        if labelled and proper and any(map(len, item.parts)):
            yield item


def _clustered(part: pd.DataFrame, *, k: int, seed: int) -> pd.DataFrame:
    from phenolens.evaluate.structure.clustering import kmeans
    from phenolens.evaluate.structure.silhouette import silhouette_values
    from phenolens.learn.nearest import unit_rows

    unit = unit_rows(part.to_numpy(np.float64))
    codes = kmeans(unit, min(k, len(part) - 1, _distinct(unit)), seed=seed)
    values = silhouette_values(1.0 - unit @ unit.T, codes)
    return profiles.metadata(part).assign(cluster=codes + 1, silhouette=values)


def _distinct(unit: np.ndarray) -> int:
    """Number of different rows, told apart by a random projection."""
    weights = np.random.default_rng(0).standard_normal(unit.shape[1])
    return len(np.unique((unit @ weights).round(12)))


def _row(
    item: Profiles, results: pd.DataFrame, *, activity: pd.DataFrame, clusters: pd.DataFrame
) -> dict:
    row: dict[str, object] = {"representation": item.name}
    own = results[results["representation"] == item.name].set_index(["task", "metric"])
    for name, key in _FROM_RESULTS.items():
        if key in own.index:
            found = own.loc[[key]].iloc[0]
            row |= {name: found["value"], f"{name}_low": found["low"]}
            row |= {f"{name}_high": found["high"], f"{name}_n": int(found["n"])}
    if len(activity):
        tested = activity[(activity["representation"] == item.name) & activity["map"].notna()]
        row["map_chance"] = tested["map_chance"].mean()
    if len(clusters):
        mine = clusters[clusters["representation"] == item.name]
        row |= {"silhouette_clusters": mine["silhouette"].mean(), "n_wells": len(mine)}
    return row | _as_published(item)


def _as_published(item: Profiles) -> dict[str, float]:
    """Mean average precision of all wells among all others, controls being one more treatment."""
    found = [part for part in map(_retrieved, item.parts) if part is not None]
    if not found:
        return {}
    values = pd.concat(found)
    return {"map_all": values["value"].mean(), "map_all_chance": values["chance"].mean()}


def _retrieved(part: pd.DataFrame) -> pd.DataFrame | None:
    from phenolens.stats.average_precision import average_precision
    from phenolens.stats.wells import prepare

    labels = pd.Series(profiles.column(part, TREATMENT)).astype("string")
    labels = labels.mask(profiles.is_control(part), "control")
    named = profiles.take(part, labels.notna().to_numpy())
    codes = pd.factorize(labels.dropna(), sort=True)[0]
    repeated = np.bincount(codes, minlength=1)[codes] > 1
    if repeated.sum() < 2:
        return None
    wells = prepare(profiles.with_metadata(named, {"Metadata_Class": codes}))
    classes = profiles.column(wells.table, "Metadata_Class").astype(np.int64)
    scores = average_precision(wells, classes, reference=np.ones(len(classes), dtype=bool))
    return pd.DataFrame({"value": scores.value, "chance": scores.expected}).dropna()
