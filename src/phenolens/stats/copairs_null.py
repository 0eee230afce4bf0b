"""The null of copairs 0.5.5, kept for comparison with published numbers.

It compares the mean of m average precisions with lists drawn at random: one list per pair
(positives, length), shared by all queries with that pair. The mean of m dependent values is thus
compared with a single one (conservative), or with a mean of independent ones where the pairs
differ (anti-conservative). Use :mod:`phenolens.stats.permutation` for a test.
"""

from __future__ import annotations

import numpy as np


def random_average_precision(n_positive: int, n_total: int, *, size: int, seed: int) -> np.ndarray:
    """Average precisions of lists in random order, float64 of shape (size,)."""
    rng = np.random.default_rng(seed)
    step = max(1, 4_000_000 // max(n_total, 1))
    parts = []
    for first in range(0, size, step):
        keys = rng.random((min(step, size - first), n_total))
        ranks = np.sort(np.argpartition(keys, n_positive - 1, axis=1)[:, :n_positive], axis=1) + 1
        parts.append((np.arange(1, n_positive + 1) / ranks).mean(axis=1))
    return np.concatenate(parts)


def p_values(
    mean: np.ndarray, configurations: list[np.ndarray], *, size: int = 100_000, seed: int = 0
) -> np.ndarray:
    """p of each mean average precision against the null of copairs.

    Parameters
    ----------
    mean : ndarray of float64, shape (n_groups,)
    configurations : list of ndarray of int64, shape (n_queries, 2)
        Positives and list length of each query, per group.
    size : int
        Lists drawn for each configuration.
    seed : int

    Returns
    -------
    ndarray of float64, shape (n_groups,)
        ``(1 + #{null > observed}) / (size + 1)``; strictly greater, as copairs counts.
    """
    nulls: dict[tuple[int, int], np.ndarray] = {}
    out = np.full(len(mean), np.nan)
    for place, pairs in enumerate(configurations):
        rows = [_null_of(nulls, pair, size=size, seed=seed) for pair in map(tuple, pairs.tolist())]
        if rows:
            null = rows[0] if all(row is rows[0] for row in rows) else np.mean(rows, axis=0)
            out[place] = (1 + (null > mean[place]).sum()) / (size + 1)
    return out


def _null_of(
    nulls: dict[tuple[int, int], np.ndarray], pair: tuple[int, int], *, size: int, seed: int
) -> np.ndarray:
    if pair not in nulls:
        stream = np.random.SeedSequence([seed, *pair]).generate_state(1)[0]
        nulls[pair] = random_average_precision(*pair, size=size, seed=int(stream))
    return nulls[pair]


def well_p_values(
    value: np.ndarray,
    configuration: np.ndarray,
    group: np.ndarray,
    *,
    size: int = 100_000,
    seed: int = 0,
) -> np.ndarray:
    """p of each group as CPJUMP1 was published: the geometric mean of its wells' p.

    Parameters
    ----------
    value : ndarray of float64, shape (n_queries,)
        Average precision of each well.
    configuration : ndarray of int64, shape (n_queries, 2)
        Positives and list length of each well.
    group : ndarray of int64, shape (n_queries,)
        Group numbers 0 ... n_groups - 1.
    size, seed : int

    Returns
    -------
    ndarray of float64, shape (n_groups,)

    References
    ----------
    Chandrasekaran et al., Nat. Methods 21:1114-1121 (2024).
    """
    nulls: dict[tuple[int, int], np.ndarray] = {}
    pairs = [
        _null_of(nulls, pair, size=size, seed=seed) for pair in map(tuple, configuration.tolist())
    ]
    above = [(null > one + 1e-9).sum() for null, one in zip(pairs, value, strict=True)]
    logs = np.log((1 + np.array(above)) / (size + 1))
    return np.exp(np.bincount(group, weights=logs) / np.bincount(group))
