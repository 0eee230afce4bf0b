"""Do treatments that cluster share a mechanism? k-means and Leiden on consensus profiles."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.results import result, result_table
from phenolens.findings import Finding
from phenolens.learn.nearest import nearest_rows, require_pairs, unit_rows
from phenolens.profiles import MECHANISM, TREATMENT

TASK = "clustering"


@dataclass(frozen=True)
class Clustering:
    """Clusters of consensus profiles, and what they have to do with mechanism.

    Attributes
    ----------
    results : DataFrame
        The result table: for each method ``ari``, ``nmi``, ``ami`` against mechanism, each with
        ``_null`` (mean under permuted mechanisms) and ``_p``; ``n_clusters`` and
        ``cluster_silhouette`` (how compact, which says nothing about biology).
    members : DataFrame
        One row per method and profile: ``method``, ``cluster`` (1 is the largest) and metadata.
    holds : DataFrame
        One row per method and cluster: ``method``, ``cluster``, ``n``, ``mechanism`` (the most
        frequent), ``mechanism_n``, ``share``, ``treatments``.
    """

    results: pd.DataFrame
    members: pd.DataFrame
    holds: pd.DataFrame


def cluster(
    consensus: pd.DataFrame,
    name: str,
    *,
    seed: int,
    label: str = MECHANISM,
    k: int = 10,
    n_permutations: int = 999,
) -> Clustering:
    """Cluster consensus profiles three ways and score each against mechanism.

    Methods are ``kmeans-K`` (K as given), ``kmeans-chosen`` (K from 5 to 30 by the silhouette of
    the clusters, which looks at no label; fewer only part strong effects from weak ones) and, where
    :func:`leiden_is_here`, ``leiden`` (10 nearest neighbours, modularity). Profiles are used at
    unit length, so that Euclidean distance is cosine.

    Parameters
    ----------
    consensus : DataFrame
        One row per treatment; controls are left out.
    name : str
    seed : int
    label : str
        Profiles without a value cluster too, but do not enter the scores.
    k : int
    n_permutations : int

    Raises
    ------
    DesignError
        If there are fewer than four profiles.
    """
    part = profiles.take(consensus, ~profiles.is_control(consensus))
    if len(part) < 4:
        counts = {"treatments": len(part), "needed": 4}
        raise DesignError(Finding("too-few-treatments", "error", {}, counts))
    unit = unit_rows(part.to_numpy(np.float64))
    found = {f"kmeans-{min(k, len(part) - 1)}": kmeans(unit, min(k, len(part) - 1), seed=seed)}
    found["kmeans-chosen"] = chosen_kmeans(unit, seed=seed)
    if leiden_is_here():
        found["leiden"] = leiden(unit, seed=seed)
    mechanism = _labels(part, label)
    rows, members, holds = [], [], []
    for method, codes in found.items():
        rows += _scores(codes, mechanism, name, method=method, seed=seed, draws=n_permutations)
        rows += _shape(codes, unit, name=name, method=method)
        members.append(profiles.metadata(part).assign(method=method, cluster=codes + 1))
        holds.append(_holds(codes, mechanism, part, method=method))
    return Clustering(result_table(rows), _stack(members), _stack(holds))


def _stack(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)


def _labels(table: pd.DataFrame, label: str) -> np.ndarray:
    """Mechanisms as text; None where unknown, or where there is no such column."""
    if label not in table.index.names:
        return np.full(len(table), None, dtype=object)
    values = profiles.column(table, label)
    known = values.astype(object)
    known[pd.isna(values)] = None
    return known


def kmeans(unit: np.ndarray, k: int, *, seed: int) -> np.ndarray:
    """k-means clusters 0..k-1 of unit profiles, the largest first."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct profiles than k
        return by_size(KMeans(k, n_init=10, random_state=seed).fit_predict(unit))


def chosen_kmeans(
    unit: np.ndarray, *, seed: int, smallest: int = 5, largest: int = 30
) -> np.ndarray:
    """k-means with the k whose clusters have the highest silhouette; no label is looked at."""
    from phenolens.evaluate.structure.silhouette import silhouette_values

    require_pairs(len(unit), of="treatments")
    distance = 1.0 - unit @ unit.T
    last = min(largest, len(unit) - 1)
    tried = [kmeans(unit, k, seed=seed) for k in range(min(smallest, last), last + 1)]
    scores = [silhouette_values(distance, codes).mean() for codes in tried]
    return tried[int(np.argmax(scores))]


def leiden_is_here() -> bool:
    """Whether Leiden's implementation, which is under the GPL and so an extra, is installed."""
    return all(find_spec(name) is not None for name in ("igraph", "leidenalg"))


def leiden(
    unit: np.ndarray, *, seed: int, n_neighbors: int = 10, resolution: float = 1.0
) -> np.ndarray:
    """Leiden communities of the nearest-neighbour graph (Traag, Sci. Rep. 9, 5233, 2019)."""
    import igraph
    import leidenalg

    near, _ = nearest_rows(unit, k=n_neighbors)
    pairs = np.column_stack([np.repeat(np.arange(len(unit)), near.shape[1]), near.ravel()])
    edges, counts = np.unique(np.sort(pairs, axis=1), axis=0, return_counts=True)
    graph = igraph.Graph(n=len(unit), edges=edges.tolist())
    parts = leidenalg.find_partition(
        graph,
        leidenalg.RBConfigurationVertexPartition,
        weights=counts.astype(float).tolist(),
        resolution_parameter=resolution,
        seed=seed,
        n_iterations=-1,
    )
    return by_size(np.array(parts.membership))


def by_size(codes: np.ndarray) -> np.ndarray:
    """Renumber clusters so that 0 is the largest; ties by first member."""
    names, first, counts = np.unique(codes, return_index=True, return_counts=True)
    order = np.lexsort((first, -counts))
    number = np.empty(len(names), dtype=np.int64)
    number[order] = np.arange(len(names))
    return number[np.searchsorted(names, codes)]


def _scores(
    codes: np.ndarray, mechanism: np.ndarray, name: str, *, method: str, seed: int, draws: int
) -> list[dict]:
    """ARI, NMI and AMI against mechanism, each beside its permutation null."""
    known = np.array([value is not None for value in mechanism])
    if len(set(mechanism[known])) < 2:
        return []
    truth = np.unique(mechanism[known].astype(str), return_inverse=True)[1]
    rng = np.random.default_rng(seed)
    found = agreement(codes[known], [truth, *(rng.permutation(truth) for _ in range(draws))])
    rows = []
    for metric, (value, *null) in found.items():
        drawn = np.array(null)
        p = (1 + (drawn >= value).sum()) / (1 + draws)
        for suffix, number in (("", value), ("_null", drawn.mean()), ("_p", p)):
            rows.append(_row(name, method, metric + suffix, value=number, n=int(known.sum())))
    return rows


def agreement(codes: np.ndarray, truths: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Adjusted Rand index, normalised and adjusted mutual information of clusters with labelings.

    The values are those of scikit-learn. Permuting labels keeps their counts, and with them the
    entropies and the expected mutual information, which are computed once: they are what takes
    time, beside checks of every input.

    Parameters
    ----------
    codes : ndarray of int, shape (n,)
        Clusters.
    truths : sequence of ndarray of int, shape (n,)
        A labeling 0..k-1 and permutations of it.

    Returns
    -------
    dict of str to ndarray of float64, shape (n_truths,)
        ``ari`` (Hubert & Arabie, J. Classif. 2, 193, 1985), ``nmi`` (arithmetic mean) and ``ami``
        (Vinh, Epps & Bailey, J. Mach. Learn. Res. 11, 2837, 2010).
    """
    from scipy.sparse import csr_array
    from sklearn.metrics.cluster import expected_mutual_information

    tables = [contingency(truth, codes) for truth in truths]
    sides = tables[0].sum(axis=1), tables[0].sum(axis=0)
    shared = np.array([mutual_information(table) for table in tables])
    entropy = np.mean([_entropy(side) for side in sides])
    expected = expected_mutual_information(csr_array(tables[0]), len(codes))
    found = {
        "ari": np.array([adjusted_rand(table) for table in tables]),
        "nmi": shared / entropy if entropy else np.zeros(len(tables)),
        "ami": _off_zero(shared - expected) / _off_zero(entropy - expected),
    }
    if min(map(len, sides)) == 1:  # nothing is split on one side: alike if nothing is on the other
        alike = np.full(len(tables), float(len(sides[0]) == len(sides[1])))
        found |= {"nmi": alike, "ami": alike}
    return found


def _off_zero(values: np.ndarray) -> np.ndarray:
    """A perfect match is 1 also where chance would match as well."""
    return np.copysign(np.maximum(np.abs(values), np.finfo(float).eps), values)


def contingency(truth: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How often each label meets each cluster, int64 of shape (labels, clusters)."""
    _, codes = np.unique(codes, return_inverse=True)
    shape = int(truth.max()) + 1, int(codes.max()) + 1
    return np.bincount(truth * shape[1] + codes, minlength=shape[0] * shape[1]).reshape(shape)


def mutual_information(table: np.ndarray) -> float:
    """Mutual information of a contingency table, in nats."""
    rows, columns = np.nonzero(table)
    met, log_total = table[rows, columns], np.log(table.sum())
    share = met / table.sum()
    apart = table.sum(axis=1)[rows] * table.sum(axis=0)[columns]
    parts = share * (np.log(met) - log_total) + share * (-np.log(apart) + log_total + log_total)
    return float(np.clip(np.where(np.abs(parts) < np.finfo(float).eps, 0.0, parts).sum(), 0, None))


def _entropy(counts: np.ndarray) -> float:
    return float(-(counts / counts.sum() * (np.log(counts) - np.log(counts.sum()))).sum())


def adjusted_rand(table: np.ndarray) -> float:
    """Adjusted Rand index of a contingency table (Hubert & Arabie, J. Classif. 2, 193, 1985)."""
    pairs = (table * (table - 1)).sum()
    rows, columns = (np.array(table.sum(axis=a)) for a in (1, 0))
    one, other = (rows * (rows - 1)).sum(), (columns * (columns - 1)).sum()
    total = table.sum()
    expected = one * other / max(total * (total - 1), 1)
    top = (one + other) / 2
    return float((pairs - expected) / (top - expected)) if top != expected else 1.0


def _shape(codes: np.ndarray, unit: np.ndarray, *, name: str, method: str) -> list[dict]:
    from phenolens.evaluate.structure.silhouette import silhouette_values

    k = int(codes.max()) + 1
    rows = [_row(name, method, "n_clusters", value=k, n=len(codes))]
    if k > 1:
        compact = silhouette_values(1.0 - unit @ unit.T, codes).mean()
        rows.append(_row(name, method, "cluster_silhouette", value=compact, n=len(codes)))
    return rows


def _row(name: str, method: str, metric: str, *, value: float, n: int) -> dict:
    return result(name, f"{TASK}: {method}", metric, value=value, n=n, unit="treatment")


def _holds(
    codes: np.ndarray, mechanism: np.ndarray, part: pd.DataFrame, *, method: str
) -> pd.DataFrame:
    has_name = TREATMENT in part.index.names
    names = profiles.column(part, TREATMENT).astype(str) if has_name else np.arange(len(part))
    rows = []
    for number in range(int(codes.max()) + 1):
        own = codes == number
        counts = pd.Series(mechanism[own]).dropna().value_counts(sort=False).sort_index()
        top = counts.idxmax() if len(counts) else None
        most = int(counts.max()) if len(counts) else 0
        row = {"method": method, "cluster": number + 1, "n": int(own.sum()), "mechanism": top}
        row |= {"mechanism_n": most, "share": most / own.sum()}
        rows.append(row | {"treatments": "; ".join(sorted(map(str, names[own])))})
    return pd.DataFrame(rows)
