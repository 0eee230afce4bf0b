"""What activation measures say about treatments, with wells as units."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.interpret.activation import measures
from phenolens.profiles import PLATE, TREATMENT, WELL

_WELLS_FOR_A_TEST = 2
_CLASSES_FOR_A_CORRELATION = 4


def well_means(table: pd.DataFrame, *, by: str = TREATMENT) -> pd.DataFrame:
    """Means over each well's images: plate, well, ``by``, ``n_images``, ``n_zero``, measures."""
    grouped = table.groupby([PLATE, WELL, by], sort=True, dropna=False)
    counts = grouped["zero_map"].agg(n_images="size", n_zero="sum")
    return pd.concat([counts, grouped[measures(table)].mean()], axis=1).reset_index()


def by_treatment(table: pd.DataFrame, *, by: str = TREATMENT) -> pd.DataFrame:
    """Mean and standard deviation over wells of every measure in every treatment.

    Returns
    -------
    DataFrame
        ``by``, ``measure``, ``mean``, ``sd`` (NaN for one well), ``n_wells``, ``n_images``,
        ``n_zero`` (all-zero maps).
    """
    wells = well_means(table, by=by)
    counts = wells.groupby(by, sort=True)[["n_images", "n_zero"]].sum()
    names = measures(wells)
    long = wells.melt(id_vars=[by], value_vars=names, var_name="measure")
    grouped = long.groupby([by, "measure"], sort=True)["value"]
    found = grouped.agg(mean="mean", sd="std", n_wells="count").reset_index()
    return found.merge(counts.reset_index(), on=by, validate="many_to_one")


def kruskal_wells(
    table: pd.DataFrame, *, by: str = TREATMENT, permutations: int = 1999, seed: int = 0
) -> pd.DataFrame:
    """Kruskal-Wallis test of every measure across treatments; each well is one observation.

    The p-value permutes treatments among the wells of each plate, because with two or three wells
    a treatment the chi-squared approximation is poor.

    Returns
    -------
    DataFrame
        ``measure``, ``h``, ``p``, ``n_wells``, ``n_treatments``, ``note`` (code of why there is no
        p; empty where there is one).
    """
    wells = well_means(table, by=by)
    rng = np.random.default_rng(seed)
    rows = [
        {"measure": name, **_kruskal(wells.dropna(subset=[name]), name, by, permutations, rng)}
        for name in measures(wells)
    ]
    return pd.DataFrame(rows, columns=["measure", "h", "p", "n_wells", "n_treatments", "note"])


def _kruskal(
    wells: pd.DataFrame, name: str, by: str, permutations: int, rng: np.random.Generator
) -> dict:
    codes, treatments = pd.factorize(wells[by], sort=True)
    counts = np.bincount(codes, minlength=len(treatments))
    found = {"h": np.nan, "p": np.nan, "n_wells": len(wells), "n_treatments": len(treatments)}
    if (counts >= _WELLS_FOR_A_TEST).sum() < 2:
        return found | {"note": "too-few-treated-twice"}
    ranks = wells[name].rank().to_numpy()
    if np.ptp(ranks) == 0:
        return found | {"note": "same-value-everywhere"}
    plates = wells[PLATE].to_numpy()
    observed = _h(ranks, codes, counts)
    drawn = np.array([_h(ranks, _within(codes, plates, rng), counts) for _ in range(permutations)])
    reached = int((drawn >= observed - 1e-9).sum())
    return found | {"h": observed, "p": (1 + reached) / (permutations + 1), "note": ""}


def _h(ranks: np.ndarray, codes: np.ndarray, counts: np.ndarray) -> float:
    """Kruskal and Wallis' H with the correction for ties: ``(n - 1) * between / total``."""
    means = np.bincount(codes, weights=ranks, minlength=len(counts)) / counts
    centre = ranks.mean()
    between = (counts * (means - centre) ** 2).sum()
    return float((len(ranks) - 1) * between / ((ranks - centre) ** 2).sum())


def _within(codes: np.ndarray, plates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    out = codes.copy()
    for plate in np.unique(plates):
        places = np.flatnonzero(plates == plate)
        out[places] = rng.permutation(codes[places])
    return out


def correct_against_wrong(
    table: pd.DataFrame, correct: np.ndarray, *, permutations: int = 9999, seed: int = 0
) -> pd.DataFrame:
    """Each measure where the network was right and where it was wrong, within the same wells.

    Only wells that hold both kinds of image are compared; the p-value flips the signs of their
    differences.

    Returns
    -------
    DataFrame
        ``measure``, ``correct``, ``wrong`` (means over those wells), ``difference``, ``p``,
        ``n_wells``.
    """
    marked = table.assign(correct=np.asarray(correct, dtype=bool))
    names = measures(table)
    means = marked.groupby([PLATE, WELL, "correct"], sort=True)[names].mean().unstack("correct")
    rng = np.random.default_rng(seed)
    rows = []
    for name in names:
        pair = means[name].reindex(columns=[True, False]).dropna()
        right, wrong = pair[True].to_numpy(), pair[False].to_numpy()
        rows.append(
            {
                "measure": name,
                "correct": right.mean() if len(pair) else np.nan,
                "wrong": wrong.mean() if len(pair) else np.nan,
                "difference": (right - wrong).mean() if len(pair) else np.nan,
                "p": _sign_flip(right - wrong, permutations, rng),
                "n_wells": len(pair),
            }
        )
    return pd.DataFrame(rows)


def _sign_flip(differences: np.ndarray, permutations: int, rng: np.random.Generator) -> float:
    """Two-sided p of a mean difference; NaN for fewer than two wells."""
    if len(differences) < _WELLS_FOR_A_TEST:
        return np.nan
    signs = rng.choice([-1.0, 1.0], size=(permutations, len(differences)))
    drawn = np.abs(signs @ differences)
    reached = (drawn >= abs(differences.sum()) - 1e-12).sum()
    return float((1 + reached) / (permutations + 1))


def accuracy_correlation(
    table: pd.DataFrame, correct: np.ndarray, *, by: str = TREATMENT
) -> pd.DataFrame:
    """Rank correlation over treatments of each measure with the share of images told right.

    Returns
    -------
    DataFrame
        ``measure``, ``spearman``, ``p``, ``n_treatments``, ``note`` (a code, as above).
    """
    from scipy.stats import spearmanr

    accuracy = pd.Series(np.asarray(correct, dtype=float)).groupby(table[by].to_numpy()).mean()
    means = by_treatment(table, by=by).pivot(index=by, columns="measure", values="mean")
    rows = []
    for name in measures(table):
        pair = pd.concat([means[name], accuracy.rename("accuracy")], axis=1).dropna()
        row = {"measure": name, "spearman": np.nan, "p": np.nan, "n_treatments": len(pair)}
        if len(pair) < _CLASSES_FOR_A_CORRELATION or (pair.nunique() < 2).any():
            rows.append(row | {"note": "too-few-or-all-alike"})
            continue
        value, p = spearmanr(pair[name], pair["accuracy"])
        rows.append(row | {"spearman": value, "p": p, "note": ""})
    return pd.DataFrame(rows)
