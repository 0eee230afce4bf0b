"""Is one representation better than another? Paired, with what the design could have seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.stats.intervals import bootstrap_weights, percentile_interval
from phenolens.stats.multiple_testing import holm

COLUMNS = (
    "task", "metric", "split", "unit", "cluster", "a", "b", "n", "n_clusters", "value_a", "value_b",
    "difference", "low", "high", "p", "p_holm", "smallest_p", "detectable", "won", "lost",
)  # fmt: skip
_TWO_SIDED_80 = 2.8016  # z(0.975) + z(0.8)


def compare_pairs(
    values: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    *,
    key: Sequence[str],
    seed: int,
    value: str = "value",
    cluster: str | None = None,
    n_draws: int = 9999,
) -> pd.DataFrame:
    """Compare representations on the same units: a minus b, paired, corrected over all pairs.

    A cluster (a compound with its doses, a treatment with its wells) flips its sign and is drawn as
    a whole, because wells of one compound are not independent. The difference is the mean over
    units; its p-value is a two-sided sign-flip permutation, exact when the signs can be enumerated.

    Parameters
    ----------
    values : DataFrame
        One row per representation and unit: ``representation``, the `key` columns, the value and
        the `cluster` column. Optional ``task``, ``metric``, ``split`` are copied.
    pairs : sequence of (a, b)
    key : sequence of str
        Columns that name a unit; units that lack either value are left out (see ``n``).
    seed : int
    value, cluster : str
    n_draws : int
        Sign flips and bootstrap draws.

    Returns
    -------
    DataFrame
        One row per pair, columns ``COLUMNS``: values and their difference (``low``, ``high``: 95 %
        cluster bootstrap), ``p``, ``p_holm`` (Holm over the pairs), ``smallest_p`` attainable, and
        ``detectable``, the smallest true difference found with 80 % power at 5 %; ``won`` and
        ``lost``, the clusters in which a is ahead of b, and behind.
    """
    rows = [
        _compare(_paired(values, pair, key=key, value=value, cluster=cluster), seed, n_draws)
        | _labels(values, pair, key=key, cluster=cluster)
        for pair in pairs
    ]
    table = pd.DataFrame(rows)
    if rows:
        table["p_holm"] = holm(table["p"].to_numpy())
    return table.reindex(columns=list(COLUMNS))


def _labels(
    values: pd.DataFrame, pair: tuple[str, str], *, key: Sequence[str], cluster: str | None
) -> dict:
    part = values[values["representation"].isin(pair)]
    found = {c: part[c].iloc[0] if c in part else "" for c in ("task", "metric", "split")}
    unit = "+".join(name.removeprefix("Metadata_").lower() for name in key)
    return found | {"unit": unit, "cluster": cluster or unit, "a": pair[0], "b": pair[1]}


def _paired(
    values: pd.DataFrame,
    pair: tuple[str, str],
    *,
    key: Sequence[str],
    value: str,
    cluster: str | None,
) -> pd.DataFrame:
    """Columns a, b, cluster: one row per unit that both have, sorted by key."""
    sides = []
    for name in pair:
        part = values[values["representation"] == name].set_index(list(key))
        if part.index.duplicated().any():
            raise InputError(f"{name!r} has several values for one unit; take one per {key}.")
        sides.append(part)
    left, right = sides
    frame = pd.DataFrame({"a": left[value], "b": right[value].reindex(left.index)})
    frame["cluster"] = left[cluster].to_numpy() if cluster else np.arange(len(frame))
    frame = frame.sort_index().dropna(subset=["a", "b"])
    if frame.empty:
        raise InputError(f"{pair[0]!r} and {pair[1]!r} share no unit, so they cannot be compared.")
    return frame


def _compare(frame: pd.DataFrame, seed: int, n_draws: int) -> dict:
    difference = (frame["a"] - frame["b"]).to_numpy(np.float64)
    codes = pd.factorize(frame["cluster"], use_na_sentinel=False)[0]
    sums, sizes = np.bincount(codes, weights=difference), np.bincount(codes)
    p, smallest = sign_flip(sums, seed=seed, n_draws=n_draws)
    low = high = spread = np.nan
    tolerance = 1e-12
    if len(sums) > 1:
        weights = bootstrap_weights(len(sums), n_draws=n_draws, seed=seed)[1:]
        draws = (weights @ sums) / (weights @ sizes)
        low, high = percentile_interval(draws)
        spread = float(draws.std())
    return {
        "n": len(frame),
        "n_clusters": len(sums),
        "value_a": float(frame["a"].mean()),
        "value_b": float(frame["b"].mean()),
        "difference": float(difference.mean()),
        "low": low,
        "high": high,
        "p": p,
        "smallest_p": smallest,
        "detectable": _TWO_SIDED_80 * spread,
        "won": int((sums > tolerance).sum()),
        "lost": int((sums < -tolerance).sum()),
    }


def sign_flip(sums: np.ndarray, *, seed: int, n_draws: int = 9999) -> tuple[float, float]:
    """Two-sided p of the total when each cluster's sign is arbitrary, and the smallest possible p.

    Parameters
    ----------
    sums : ndarray, shape (n_clusters,)
        Sum of paired differences in each cluster. Clusters that do not differ tell nothing.
    """
    moving = sums[sums != 0]
    if not moving.size:
        return 1.0, 1.0
    tolerance = 1e-12 * np.abs(moving).sum()
    if 2**moving.size <= n_draws:
        signs = 1 - 2 * ((np.arange(2**moving.size)[:, None] >> np.arange(moving.size)) & 1)
        extreme = np.abs(signs @ moving) >= abs(moving.sum()) - tolerance
        return float(extreme.mean()), 2.0 / len(signs)
    rng = np.random.default_rng(seed)
    hits = 0
    for start in range(0, n_draws, 1000):
        signs = rng.integers(0, 2, size=(min(1000, n_draws - start), moving.size)) * 2 - 1
        hits += int((np.abs(signs @ moving) >= abs(moving.sum()) - tolerance).sum())
    return (1 + hits) / (n_draws + 1), 1 / (n_draws + 1)


def fusion_pairs(
    values: pd.DataFrame, fused: str, *, blocks: Sequence[str], noise: str | None = None
) -> list[tuple[str, str]]:
    """What a fusion must be compared with: the best single block, and itself with noise added.

    Parameters
    ----------
    values : DataFrame
        As for :func:`compare_pairs`, with a column ``value``.
    fused : str
    blocks : sequence of str
        The single blocks; the one with the highest mean value is the rival.
    noise : str, optional
        The same fusion with the added block replaced by noise of its width.
    """
    known = values[values["representation"].isin(list(blocks))]
    if known.empty:
        raise InputError(f"None of the blocks {', '.join(blocks)} has values to compare with.")
    means = known.groupby("representation", sort=True)["value"].mean()
    pairs = [(fused, str(means.idxmax()))]
    return [*pairs, (fused, noise)] if noise else pairs
