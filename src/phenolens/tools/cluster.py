"""Do treatments that lie together share a mechanism, and do wells of one treatment lie together?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from phenolens.errors import DesignError, InputError
from phenolens.evaluate.results import join_results
from phenolens.evaluate.structure import clustering
from phenolens.evaluate.structure.silhouette import silhouette
from phenolens.findings import Finding
from phenolens.profiles import MECHANISM, TREATMENT
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData


def cluster(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
    normalized: bool | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    trained_on: str | Sequence[str] | None = None,
    labels_seen: str | Sequence[str] | None = None,
    label: str | None = None,
    clusters: int | None = None,
    seed: int | None = None,
) -> Result:
    """Cluster treatments and hold the clusters against a label; silhouette of wells beside it.

    Consensus profiles are clustered by k-means (k as given, and k chosen by the silhouette of the
    clusters) and, where the extra ``leiden`` is installed, by Leiden; each is scored against the
    label with permuted labels beside it. The silhouette is that of wells against their treatment,
    never that of cluster labels.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        Profiles, one row a well (cells and fields become wells); see :func:`phenolens.read`.
    same_by : str or list of str, optional
        Columns that name a perturbation; found by their usual names by default.
    controls : str or list of bool, optional
        Query for negative controls, or a mask; by convention by default.
    features : str or list of str, optional
        Prefix of the feature columns, or their names; by convention by default.
    layer, obsm : str, optional
        Layer or embedding of an AnnData to take instead of ``X``.
    normalized : bool, optional
        Whether the profiles were scaled on controls already; the values tell by default.
    same_plate, distinct_plates : str or list of str, optional
        Plates that are one, measured again (``"P1=P1_again"``), and plates that are not.
    measurement : str, optional
        Which of several measurements of a well counts: a query, or ``"average"``.
    trained_on, labels_seen : str or list of str, optional
        Wells and labels of this screen that the features learned from; see :func:`phenolens.read`.
    label : str, optional
        Column that clusters are held against; the mechanism by default.
    clusters : int, optional
        Number of k-means clusters [10, or what the study used].
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a method and treatment, with its ``cluster``; ``scores``: ``ari``,
        ``nmi``, ``ami`` with their nulls and p, ``silhouette`` with interval, null and p.

    Raises
    ------
    DesignError
        If neither clusters nor a silhouette can be computed, with the reason.
    InputError
        If the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Traag et al., Sci. Rep. 9:5233 (2019), for Leiden; Hubert and Arabie, J. Classif. 2:193 (1985);
    Vinh et al., J. Mach. Learn. Res. 11:2837 (2010); Rousseeuw, J. Comput. Appl. Math. 20:53
    (1987).

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> found = pl.cluster(screen, clusters=10)
    >>> sorted(found.table["method"].unique())
    ['kmeans-10', 'kmeans-chosen', 'leiden']
    >>> round(found.summary["leiden"]["ari"], 2), round(found.summary["leiden"]["ari_p"], 3)
    (0.42, 0.001)
    """
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement,
        trained_on=trained_on, labels_seen=labels_seen, seed=seed,
    )  # fmt: skip
    item = item.with_settings(clusters=clusters)
    item.require_treatments()
    seed, k = item.settings.seed, item.settings.clusters
    scores, refused, members = [], [], pd.DataFrame()
    try:
        scores.append(_silhouettes(item, seed=seed))
    except (DesignError, InputError) as error:
        refused.append(("silhouette", error.finding))
    name = item.column(label, setting="label", usual=MECHANISM)
    try:
        consensus = item.consensus(keep=() if label is None else (name,))
        found = clustering.cluster(consensus, item.name, seed=seed, label=name, k=k)
        scores.append(found.results)
        if not clustering.leiden_is_here():
            refused.append(("leiden", Finding("no-leiden", "warning")))
        wanted = dict.fromkeys(("method", TREATMENT, name, "cluster"))
        kept = [column for column in wanted if column in found.members]
        members = found.members[kept].assign(space=item.space)
    except (DesignError, InputError) as error:
        refused.append(("clustering", error.finding))
    if not scores:
        raise DesignError(parts_refused(item.name, refused))
    rows = join_results([join_results(scores).assign(space=item.space)])
    pooled = rows[rows["fold"] == "all"]
    return Result(
        question="cluster",
        table=members,
        summary={
            "representation": item.name,
            "treatments": int(members[TREATMENT].nunique()) if len(members) else 0,
            "space": item.space,
        }
        | _summary_of(pooled),
        findings=(
            *item.findings,
            *item.position_findings,
            *map(not_asked, refused),
            *_about_clusters(members, rows, k=k, label=name),
            *item.space_findings(),
        ),
        settings=item.settings_with(label=name),
        scores=rows,
    )


def parts_refused(name: str, refused: Sequence[tuple[str, Finding]]) -> Finding:
    """That no part of a question has an answer, and why."""
    parts = [why.named() for _, why in refused]
    return Finding("parts-refused", "error", {"representation": name}, {"parts": parts})


def not_asked(refused: tuple[str, Finding]) -> Finding:
    """A part of a question that the design does not allow, and why."""
    question, why = refused
    return Finding("not-asked", "warning", {}, {"question": question, "why": why.data()})


def _summary_of(rows: pd.DataFrame) -> dict[str, Any]:
    """Scores by method and metric, and the silhouette of wells with its interval and chance."""
    found: dict[str, dict[str, Any]] = {}
    for row in rows.itertuples():
        method = row.task.removeprefix(f"{clustering.TASK}: ")
        found.setdefault(method, {})[row.metric] = row.value
        if row.metric == "silhouette":
            found[method] = {"value": row.value, "low": row.low, "high": row.high} | found[method]
    return found


def _about_clusters(
    members: pd.DataFrame, scores: pd.DataFrame, *, k: int, label: str
) -> Iterator[Finding]:
    """Fewer clusters than were asked for, and clusters that no label judges."""
    if not len(members):
        return
    most = members[TREATMENT].nunique() - 1
    if k > most:
        yield Finding("fewer-clusters", "warning", {}, {"clusters": most, "asked": k})
    if not (scores["metric"] == "ari").any():
        yield Finding("no-label", "warning", {"column": label})


def _silhouettes(item: Profiles, *, seed: int) -> pd.DataFrame:
    """Silhouette of wells; where several networks saw them, of each part and the mean of all."""
    if item.whole:
        return silhouette(item.wells, item.name, seed=seed).results
    tables = [silhouette(part, item.name, seed=seed).results for part in item.parts]
    parts = [table.assign(fold=f"group-{number}") for number, table in enumerate(tables)]
    return join_results([*parts, _mean_over_parts(pd.concat(tables, ignore_index=True))])


def _mean_over_parts(found: pd.DataFrame) -> pd.DataFrame:
    """Means weighted by wells; the p-values of groups stay apart."""
    found = found[found["metric"] != "silhouette_p"]
    weighted = found.assign(value=found["value"] * found["n"])
    key = [c for c in found.columns if c not in ("value", "low", "high", "n")]
    pooled = weighted.groupby(key, as_index=False, sort=True)[["value", "n"]].sum()
    return pooled.assign(value=pooled["value"] / pooled["n"], low=np.nan, high=np.nan)
