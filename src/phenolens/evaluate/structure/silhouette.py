"""Do wells of one treatment lie together? Silhouette against treatment, never against clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError
from phenolens.evaluate.results import result, result_table
from phenolens.findings import Finding
from phenolens.learn.nearest import require_pairs, unit_rows
from phenolens.profiles import TREATMENT
from phenolens.stats.intervals import bootstrap_mean


@dataclass(frozen=True)
class Silhouette:
    """Silhouette of wells against their treatment.

    Attributes
    ----------
    results : DataFrame
        The result table: ``silhouette`` (interval over wells), ``silhouette_p`` and
        ``silhouette_null`` (mean under permuted treatments).
    wells : DataFrame
        One row per well scored: its metadata and ``silhouette``.
    n_singletons : int
        Wells left out because no other well holds their treatment.
    """

    results: pd.DataFrame
    wells: pd.DataFrame
    n_singletons: int


def silhouette(
    table: pd.DataFrame,
    name: str,
    *,
    seed: int,
    label: str = TREATMENT,
    n_permutations: int = 999,
) -> Silhouette:
    """Cosine silhouette of treated wells against treatment, with a permutation p.

    Controls are left out (their one large class would decide the score); a treatment with a single
    well has no cohesion and is left out and counted. Labels are permuted over the wells.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row per well.
    name : str
        Representation, for the result table.
    seed : int
    label : str
    n_permutations : int

    Raises
    ------
    DesignError
        If fewer than two treatments have two wells.
    """
    treated = _treated(table, label)
    codes = pd.factorize(profiles.column(treated, label), sort=True)[0]
    repeated = np.bincount(codes)[codes] > 1
    part, codes = profiles.take(treated, repeated), codes[repeated]
    codes = np.unique(codes, return_inverse=True)[1]
    if codes.max(initial=0) < 1:
        found = {"label": label, "values": int(codes.max(initial=-1)) + 1}
        raise DesignError(Finding("too-few-values", "error", {}, found))
    require_pairs(len(part), of="wells")
    unit = unit_rows(part.to_numpy(np.float64))
    distance = 1.0 - unit @ unit.T
    values = silhouette_values(distance, codes)
    rng = np.random.default_rng(seed)
    null = [
        silhouette_values(distance, rng.permutation(codes)).mean() for _ in range(n_permutations)
    ]
    wells = profiles.metadata(part).assign(silhouette=values)
    rows = _rows(values, np.array(null), name, seed=seed)
    return Silhouette(result_table(rows), wells, int((~repeated).sum()))


def _treated(table: pd.DataFrame, label: str) -> pd.DataFrame:
    known = pd.notna(profiles.column(table, label))
    return profiles.take(table, known & ~profiles.is_control(table))


def silhouette_values(distance: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Silhouette of each row, from a distance matrix and labels 0..k-1 (Rousseeuw 1987)."""
    sizes = np.bincount(codes).astype(np.float64)
    return _silhouette(np.asarray(distance, dtype=np.float64), np.asarray(codes), sizes)


@numba.njit(cache=True)
def _silhouette(distance: np.ndarray, codes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """A row alone in its class has silhouette 0."""
    n, k = codes.size, sizes.size
    out = np.zeros(n)
    sums = np.zeros(k)
    for row in range(n):
        mine = codes[row]
        sums[:] = 0.0
        for other in range(n):
            sums[codes[other]] += distance[row, other]
        nearest = np.inf
        for group in range(k):
            if group != mine and sizes[group] > 0:
                nearest = min(nearest, sums[group] / sizes[group])
        if sizes[mine] > 1:
            own = (sums[mine] - distance[row, row]) / (sizes[mine] - 1)
            larger = max(own, nearest)
            out[row] = (nearest - own) / larger if larger > 0 else 0.0
    return out


def _rows(values: np.ndarray, null: np.ndarray, name: str, *, seed: int) -> list[dict]:
    n, mean = len(values), values.mean()
    p = (1 + (null >= mean).sum()) / (1 + len(null))
    interval = bootstrap_mean(values, draws=1000, seed=seed)
    return [
        result(name, "silhouette", "silhouette", value=mean, n=n, interval=interval),
        result(name, "silhouette", "silhouette_null", value=null.mean(), n=n),
        result(name, "silhouette", "silhouette_p", value=p, n=n),
    ]
