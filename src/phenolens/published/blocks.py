"""Fused tables in which one block drowns the others; silhouettes of clusters, not treatments."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import TREATMENT
from phenolens.published.design import Representation, Score
from phenolens.published.tables import (
    DATA,
    DECLARATION,
    Declared,
    Evidence,
    feature_frame,
    feature_values,
    placed_in,
    unchecked,
)
from phenolens.words.numbers import plural as number_of

BLOCKS, CLUSTERS = "unscaled-blocks", "clusters-as-labels"
DROWNED, WEIGHTLESS = 0.1, 0.02
NEAR, APART = 0.05, 0.1
LARGEST = 1500
TRIED = range(2, 13)
DISTANCES = ("euclidean", "cosine")


def check_blocks(declared: Declared) -> Iterable[Evidence]:
    """Blocks of a fused table that cannot move a cosine."""
    fused = [item for item in declared.design.representations if item.blocks]
    found = [finding for item in fused for finding in _of_fused(declared, item)]
    told = [i for i in declared.design.representations if not i.blocks and i.scaled is not None]
    found += [finding for item in told for finding in _by_word(item)]
    yield from found or [unchecked(BLOCKS, "no representation names the blocks it was fused from")]


def _of_fused(declared: Declared, item: Representation) -> Iterable[Evidence]:
    if item.name not in declared.embeddings:
        yield from _by_word(item)
        return
    table = feature_frame(declared.embeddings[item.name])
    columns = block_columns(item, list(table.columns))
    shares = block_shares(feature_values(table), columns)
    sizes = {name: len(where) for name, where in columns.items()}
    yield _weighed(item.name, shares, sizes)


def _by_word(item: Representation) -> Iterable[Evidence]:
    if item.scaled is None:
        yield unchecked(BLOCKS, f"neither the table nor the scaling of {item.name} is given")
        return
    if item.scaled:
        what = f"Blocks of {item.name} are scaled, as declared."
        yield Evidence(BLOCKS, "ok", item.name, what, basis=DECLARATION)
        return
    yield Evidence(
        BLOCKS, "error", item.name, f"Blocks of {item.name} are joined unscaled, as declared.",
        "Columns of the largest unit decide every distance: it is no fusion.",
        "Scale every column on control wells, and every block to equal weight.",
        basis=DECLARATION,
    )  # fmt: skip


def block_columns(item: Representation, names: list[str]) -> dict[str, list[int]]:
    """Column numbers of each block: so many in turn, those with a prefix, or those named.

    Raises
    ------
    InputError
        If blocks do not cover the columns, each once.
    """
    out, start = {}, 0
    for block, said in item.blocks.items():
        if isinstance(said, int):
            out[block] = list(range(start, min(start + said, len(names))))
        elif isinstance(said, str):
            out[block] = [k for k, name in enumerate(names) if str(name).startswith(said)]
        else:
            out[block] = [names.index(name) for name in said if name in names]
        start += len(out[block])
    used = sorted(k for where in out.values() for k in where)
    if used != list(range(len(names))) or not all(out.values()):
        raise InputError(
            f"Blocks of {item.name!r} ({', '.join(f'{k}: {len(v)}' for k, v in out.items())}) do "
            f"not cover its {len(names)} columns, each once. Correct 'blocks' in design.toml."
        )
    return out


def block_shares(values: np.ndarray, columns: dict[str, list[int]]) -> dict[str, float]:
    """Share of each block in what a cosine sees: the mean of squared rows of length one."""
    squares = (unit_rows(values) ** 2).mean(axis=0)
    return {name: float(squares[where].sum() / squares.sum()) for name, where in columns.items()}


def _weighed(name: str, shares: dict[str, float], sizes: dict[str, int]) -> Evidence:
    """Judge shares against those of equal columns and of equal blocks, whichever is smaller."""
    total = sum(sizes.values())
    told = ", ".join(f"{b}: {s:.2%} ({sizes[b]} of {total} columns)" for b, s in shares.items())
    what = f"What a cosine of {name} sees comes from {told}."
    fair = {b: min(size / total, 1 / len(sizes)) for b, size in sizes.items()}
    drowned = [b for b in shares if shares[b] < DROWNED * fair[b]]
    weightless = [b for b in shares if shares[b] < WEIGHTLESS]
    if not drowned and not weightless:
        return Evidence(BLOCKS, "ok", name, what)
    lost = ", ".join(drowned or weightless)
    return Evidence(
        BLOCKS, "error" if drowned else "warning", name, what,
        f"{lost} cannot change a neighbour or a cluster: what is called fusion is the other block.",
        "Scale every column on control wells, and every block to equal weight.",
    )  # fmt: skip


def check_clusters(declared: Declared) -> Iterable[Evidence]:
    """Silhouettes of k-means labels that were reported as if of treatments."""
    scores = declared.design.reported("silhouette", "silhouette_score")
    if not scores:
        yield unchecked(CLUSTERS, "no silhouette is reported")
    for score in scores:
        yield _silhouette_finding(score, _reproduced(declared, score))


def _reproduced(declared: Declared, score: Score) -> tuple[float, float, int] | None:
    """Nearest silhouettes to the reported one: against treatment, against k-means, and that k.

    None where there are too few labels or distinct rows to compute either.
    """
    rows, table = declared.rows, declared.embeddings.get(score.representation)
    place = None if rows is None or table is None else placed_in(rows, table)
    if place is None:
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


def _silhouette_finding(score: Score, told: tuple[float, float, int] | None) -> Evidence:
    said = f"Silhouette of {score.representation}: {score.value:.2f} reported"
    if told is None:
        return _by_label_source(score, said)
    treatment, clustered, k = told
    what = (
        f"{said}; {clustered:.2f} against {number_of(k, 'k-means cluster')}, {treatment:.2f} "
        "against treatment, recomputed."
    )
    of_clusters = abs(score.value - clustered) < NEAR and score.value - treatment > APART
    if of_clusters or score.labels == "kmeans":
        return _clusters(score, what, DATA if of_clusters else DECLARATION)
    if abs(score.value - treatment) < NEAR:
        return Evidence(CLUSTERS, "ok", score.representation, what)
    return Evidence(
        CLUSTERS, "warning", score.representation, what,
        "The reported value comes from neither.", "Say which rows, labels and distance it is of.",
    )  # fmt: skip


def _by_label_source(score: Score, said: str) -> Evidence:
    if score.labels == "kmeans":
        return _clusters(score, f"{said}, against k-means labels, as declared.", DECLARATION)
    if score.labels == "treatment":
        what = f"{said}, against treatment, as declared."
        return Evidence(CLUSTERS, "ok", score.representation, what, basis=DECLARATION)
    return unchecked(CLUSTERS, f"{said}, but neither its labels nor its embedding are given")


def _clusters(score: Score, what: str, basis: str) -> Evidence:
    return Evidence(
        CLUSTERS, "error", score.representation, what,
        "k-means draws its clusters where they are compact: the value says nothing of treatments.",
        "Report the silhouette against treatment, beside its value for permuted treatments.",
        basis=basis,
    )  # fmt: skip
