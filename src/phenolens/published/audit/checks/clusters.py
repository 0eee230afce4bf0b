"""Silhouettes of k-means labels that were reported as if of treatments."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.audit.basis import AuditFinding, Basis, unchecked
from phenolens.findings import Severity
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import TREATMENT
from phenolens.published.audit.audit import check
from phenolens.published.audit.declaration import Score
from phenolens.published.audit.declared import Declared, feature_values, placed_in

CODE = "clusters-as-labels"
NEAR, APART = 0.05, 0.1
LARGEST = 1500
TRIED = range(2, 13)
DISTANCES = ("euclidean", "cosine")


@check(50)
def check_clusters(declared: Declared) -> Iterable[AuditFinding]:
    """Silhouettes of k-means labels that were reported as if of treatments."""
    scores = declared.declaration.reported("silhouette", "silhouette_score")
    if not scores:
        yield unchecked(CODE, "silhouette")
    for score in scores:
        again = _reproduced(declared, score)
        yield _as_declared(score) if again is None else _recomputed(score, *again)


def _reproduced(declared: Declared, score: Score) -> tuple[float, float, int] | None:
    """Nearest silhouettes to the reported one: against treatment, against k-means, and that k.

    None where there are too few labels or distinct rows to compute either.
    """
    rows, table = declared.rows, declared.embeddings.get(score.representation)
    place = None if rows is None or table is None else placed_in(rows, table)
    if rows is None or table is None or place is None:
        return None
    values, labels = _sample(feature_values(table), rows[TREATMENT], place)
    distinct = len(np.unique(unit_rows(values).round(9), axis=0))
    tried = [k for k in ([score.k] if score.k else TRIED) if k < distinct]
    if len(np.unique(labels)) < 2 or not tried:
        return None
    own, clustered = [], []
    for how in DISTANCES:
        points = unit_rows(values) if how == "cosine" else values
        distance = _distances(values, how)
        own.append(_mean_silhouette(distance, labels))
        clustered += [(_mean_silhouette(distance, _kmeans(points, k)), k) for k in tried]
    near = min(clustered, key=lambda pair: abs(pair[0] - score.value))
    return (min(own, key=lambda value: abs(value - score.value)), *near)


def _sample(
    values: np.ndarray, label: pd.Series, place: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """At most ``LARGEST`` labelled rows, and codes of their labels."""
    known = place >= 0
    codes = np.full(len(place), -1)
    codes[known] = pd.factorize(label)[0][place[known]]
    used = np.flatnonzero(codes >= 0)
    if len(used) > LARGEST:
        used = np.sort(np.random.default_rng(0).permutation(used)[:LARGEST])
    return values[used], np.unique(codes[used], return_inverse=True)[1]


def _distances(values: np.ndarray, how: str) -> np.ndarray:
    from scipy.spatial.distance import cdist

    return (
        cdist(values, values) if how == "euclidean" else 1 - unit_rows(values) @ unit_rows(values).T
    )


def _mean_silhouette(distance: np.ndarray, codes: np.ndarray) -> float:
    from phenolens.evaluate.structure.silhouette import silhouette_values

    return float(silhouette_values(distance, codes).mean())


def _kmeans(points: np.ndarray, k: int) -> np.ndarray:
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        return KMeans(k, n_init=3, random_state=0).fit_predict(points).astype(np.int64)


def _recomputed(score: Score, treatment: float, clustered: float, k: int) -> AuditFinding:
    """Whether the reported value comes out against treatments, against clusters, or neither."""
    of_clusters = abs(score.value - clustered) < NEAR and score.value - treatment > APART
    if of_clusters or score.labels == "kmeans":
        found = "clusters"
    elif abs(score.value - treatment) < NEAR:
        found = "treatments"
    else:
        found = "neither"
    about = {"representation": score.representation}
    again = {"treatment": treatment, "clustered": clustered, "k": k}
    values = {"value": score.value, "again": again, "found": found}
    severities: dict[str, Severity] = {
        "clusters": "error",
        "treatments": "ok",
        "neither": "warning",
    }
    basis: Basis = "declaration" if found == "clusters" and not of_clusters else "data"
    return AuditFinding(CODE, severities[found], about, values, basis, "declared-silhouette")


def _as_declared(score: Score) -> AuditFinding:
    about = {"representation": score.representation}
    if score.labels is None:
        return unchecked(CODE, "silhouette-labels", value=score.value, **about)
    found = "clusters" if score.labels == "kmeans" else "treatments"
    values = {"value": score.value, "again": None, "found": found}
    severity: Severity = "error" if found == "clusters" else "ok"
    return AuditFinding(CODE, severity, about, values, "declaration", "declared-silhouette")
