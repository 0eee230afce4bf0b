"""Do predictions put the doses of a compound in order? Descriptive: wells are few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.evaluate.classification.classification import Classification
from phenolens.evaluate.results import result, result_table
from phenolens.profiles import COMPOUND, CONCENTRATION, CONTROL, TREATMENT

METRIC = "dose_order_correlation"
_FEWEST_DOSES = 2


def dose_order(scored: Classification, wells: pd.DataFrame, *, split: str = "none") -> pd.DataFrame:
    """Rank correlation of the expected with the true dose of held-out wells.

    For each compound with two doses or more, among its wells and the controls (dose zero): the
    expected place in the order of doses, by the probabilities of those classes alone, against the
    true one (Spearman). The mean over compounds is given; it has no interval, and where a dose
    always sits at one position it is the position's as much as the dose's.

    Parameters
    ----------
    scored : Classification
        Of treatments.
    wells : DataFrame
        Profile table whose index names treatment, compound and concentration of each well.
    split : str
        What was left out.

    Returns
    -------
    DataFrame
        The long result table, metric ``dose_order_correlation``, `n` wells; empty without doses.
    """
    ladders = _ladders(profiles.metadata(wells))
    keys = scored.predictions.groupby(["representation", "task"], sort=True).indices
    rows = []
    for (name, task), places in keys.items():
        shares = scored.probabilities.get((name, task))
        if shares is None:
            continue
        truth = scored.predictions["label"].to_numpy(str)[places]
        found = [
            record for record in _correlations(ladders, truth, shares) if np.isfinite(record[0])
        ]
        if found:
            value, n = np.mean([one for one, _ in found]), sum(count for _, count in found)
            rows.append(result(name, task, METRIC, value=float(value), n=n, split=split))
    return result_table(rows)


def _ladders(known: pd.DataFrame) -> list[Mapping[str, int]]:
    """For each compound with several doses: its treatments' place in their order, controls at 0."""
    if not {TREATMENT, COMPOUND, CONCENTRATION, CONTROL} <= set(known):
        return []
    control = known[CONTROL].astype(bool)
    zero = dict.fromkeys(known.loc[control, TREATMENT].dropna().astype(str), 0)
    treated = known[~control].dropna(subset=[TREATMENT, COMPOUND, CONCENTRATION])
    found: list[Mapping[str, int]] = []
    for _, part in treated.groupby(COMPOUND, sort=True):
        doses = part.drop_duplicates(TREATMENT).set_index(TREATMENT)[CONCENTRATION].astype(float)
        if doses.nunique() >= _FEWEST_DOSES:
            places = doses.rank(method="dense").astype(int)
            found.append(zero | {str(name): int(place) for name, place in places.items()})
    return found


def _correlations(
    ladders: list[Mapping[str, int]], truth: np.ndarray, shares: pd.DataFrame
) -> Iterator[tuple[float, int]]:
    """Spearman's correlation along each ladder, and the number of its wells."""
    from scipy.stats import spearmanr

    for ladder in ladders:
        names = [name for name in shares.columns if str(name) in ladder]
        rows = np.flatnonzero(np.isin(truth, list(ladder)))
        order = np.array([ladder[str(name)] for name in names])
        own = shares[names].to_numpy(np.float64)[rows]
        expected = (own @ order) / np.maximum(own.sum(axis=1), 1e-12)
        true = np.array([ladder[name] for name in truth[rows]])
        if len(np.unique(true)) > 1 and len(np.unique(expected)) > 1:
            yield float(spearmanr(true, expected).statistic), len(rows)
