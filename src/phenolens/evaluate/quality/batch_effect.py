"""How much of a representation is plate or batch, beside how much is biology."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from phenolens import profiles
from phenolens.evaluate.results import result, result_table
from phenolens.learn.nearest import nearest_rows, row_blocks, unit_rows
from phenolens.profiles import PLATE, TREATMENT
from phenolens.stats.intervals import bootstrap_mean

TASK = "batch effect"
_MOST_MEMBERS = 5 * 10**7  # numbers of a table of groups by rows


def batch_effect(
    table: pd.DataFrame,
    name: str,
    *,
    seed: int,
    batch: str = PLATE,
    label: str = TREATMENT,
    n_neighbors: int = 30,
) -> pd.DataFrame:
    """Variance shares, nearest-neighbour accuracies and mixing of batches among control wells.

    Batches are judged on negative controls, where nothing but the batch differs; biology kept is
    judged on treated wells across batches.

    Parameters
    ----------
    table : DataFrame
        One row per well.
    name : str
    seed : int
    batch : str
        The metadata column of batches.
    label : str
    n_neighbors : int
        Neighbourhood of the mixing scores (at most a third of the controls).

    Returns
    -------
    DataFrame
        Metrics: ``variance_share_batch`` (controls) and ``variance_share_label`` (treated), both
        adjusted for degrees of freedom; ``nn_batch_accuracy`` (is a control's nearest control of
        its batch?) and its ``_chance``; ``lisi`` (effective number of batches near a control;
        Korsunsky, Nat. Methods 16, 1289, 2019) and its ``_expected``; ``kbet_rejection`` (share of
        neighbourhoods whose batch mix a chi-square test rejects at 5 %; Büttner, Nat. Methods 16,
        43, 2019); ``nn_label_accuracy_across`` (nearest treated well of another batch shares the
        label). Empty where there is a single batch.
    """
    batches = pd.factorize(profiles.column(table, batch), sort=True)[0]
    controls = profiles.is_control(table)
    if batches.max(initial=0) < 1:
        return result_table([])
    unit = unit_rows(table.to_numpy(np.float64))
    rows = []
    if np.unique(batches[controls]).size > 1:
        rows += _mixing(unit[controls], batches[controls], name, seed=seed, k=n_neighbors)
        share = variance_share(table.to_numpy(np.float64)[controls], batches[controls])
        rows.append(result(name, TASK, "variance_share_batch", value=share, n=int(controls.sum())))
    labels = pd.factorize(profiles.column(table, label), sort=True)[0]
    treated = ~controls & (labels >= 0)
    rows += _biology(table, unit, name, keep=treated, batches=batches, labels=labels, seed=seed)
    return result_table([row | {"split": batch.removeprefix("Metadata_").lower()} for row in rows])


def variance_share(values: np.ndarray, codes: np.ndarray) -> float:
    """Share of all features' variance that lies between groups, less chance (omega squared).

    Negative values mean less than chance.
    """
    groups, codes = np.unique(codes, return_inverse=True)
    n, k = len(values), len(groups)
    if k < 2 or n <= k:
        return float("nan")
    means = _group_sums(values, codes, k) / np.bincount(codes)[:, None]
    total = np.square(values - values.mean(axis=0)).sum()
    within = np.square(values - means[codes]).sum()
    noise = within / (n - k)
    return float((total - within - (k - 1) * noise) / (total + noise)) if total > 0 else 0.0


def _group_sums(values: np.ndarray, codes: np.ndarray, k: int) -> np.ndarray:
    """Sum of the rows of each group; of many rows in many groups without a number for each pair."""
    n = len(values)
    if k * n > _MOST_MEMBERS:
        return csr_array((np.ones(n), (codes, np.arange(n))), shape=(k, n)) @ values
    member = np.zeros((k, n))
    member[codes, np.arange(n)] = 1.0
    return member @ values


def _nearest(unit: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Nearest row of each, by cosine, among those of other groups; -1 where there are none."""
    near = np.empty(len(unit), dtype=np.int64)
    for here in row_blocks(len(unit)):
        barred = group[here][:, None] == group[None, :]
        similar = np.where(barred, -np.inf, unit[here] @ unit.T)
        near[here] = np.where(barred.all(axis=1), -1, similar.argmax(axis=1))
    return near


def _mixing(unit: np.ndarray, batches: np.ndarray, name: str, *, seed: int, k: int) -> list[dict]:
    n = len(unit)
    near = _nearest(unit, np.arange(n))
    same = batches[near] == batches
    counts = np.bincount(batches)
    chance = float((counts * (counts - 1)).sum() / (n * (n - 1)))
    k = min(max(2, min(k, n // 3)), n - 1)
    found = neighbour_counts(unit, batches, k=k)
    mix = 1.0 / np.square(found / k).sum(axis=1)
    share = counts[counts > 0] / n
    expected = 1.0 / (np.square(share).sum() * (1 - 1 / k) + 1 / k)
    rejected = kbet_rejected(found[:, counts > 0], share)
    rows = [
        _mean(name, "nn_batch_accuracy", same, seed=seed),
        result(name, TASK, "nn_batch_accuracy_chance", value=chance, n=n),
        _mean(name, "lisi", mix, seed=seed),
        result(name, TASK, "lisi_expected", value=expected, n=n),
    ]
    return [*rows, _mean(name, "kbet_rejection", rejected, seed=seed)]


def neighbour_counts(unit: np.ndarray, batches: np.ndarray, *, k: int) -> np.ndarray:
    """Batches among the k nearest neighbours of each row, shape (n_rows, n_batches)."""
    near, _ = nearest_rows(unit, k=k)
    out = np.zeros((len(unit), int(batches.max()) + 1))
    np.add.at(out, (np.repeat(np.arange(len(unit)), k), batches[near].ravel()), 1.0)
    return out


def kbet_rejected(found: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Whether each neighbourhood's batch counts differ from the whole's by chi-square at 5 %."""
    from scipy.stats import chi2

    expected = found.sum(axis=1, keepdims=True) * share
    statistic = (np.square(found - expected) / expected).sum(axis=1)
    return chi2.sf(statistic, len(share) - 1) < 0.05


def _biology(
    table: pd.DataFrame,
    unit: np.ndarray,
    name: str,
    *,
    keep: np.ndarray,
    batches: np.ndarray,
    labels: np.ndarray,
    seed: int,
) -> list[dict]:
    labels, batches = labels[keep], batches[keep]
    if np.unique(labels).size < 2:
        return []
    share = variance_share(table.to_numpy(np.float64)[keep], labels)
    rows = [result(name, TASK, "variance_share_label", value=share, n=int(keep.sum()))]
    near = _nearest(unit[keep], batches)
    apart = pd.DataFrame({"label": labels, "batch": batches}).groupby("label")["batch"]
    asked = (near >= 0) & (apart.transform("nunique").to_numpy() > 1)
    if asked.any():
        hit = labels[near[asked]] == labels[asked]
        rows.append(_mean(name, "nn_label_accuracy_across", hit, seed=seed))
    return rows


def _mean(name: str, metric: str, values: np.ndarray, *, seed: int) -> dict:
    values = np.asarray(values, dtype=np.float64)
    interval = bootstrap_mean(values, draws=1000, seed=seed)
    return result(name, TASK, metric, value=values.mean(), n=len(values), interval=interval)
