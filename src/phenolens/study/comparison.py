"""Part of step `evaluate`: is one representation better than another, on the same units?"""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from phenolens.profiles import COMPOUND, PLATE, TREATMENT, WELL
from phenolens.study.fusion import control_of, is_fusion, is_fusion_proper
from phenolens.study.session import Session


def comparisons(
    session: Session, activity: pd.DataFrame, predictions: pd.DataFrame | None
) -> pd.DataFrame:
    """Paired differences of activity (by treatment) and of classification (by well).

    Returns
    -------
    DataFrame
        As ``comparisons.parquet``; empty where there is one representation only.
    """
    tables = []
    if len(activity):
        values = activity.rename(columns={"map_normalized": "value"}).dropna(subset=["value"])
        values = values.assign(task="activity", metric="map_normalized", split="none")
        cluster = COMPOUND if COMPOUND in values else TREATMENT
        how = {"key": [TREATMENT], "seed": session.seed, "cluster": cluster}
        tables += _compared(values, _families(values), **how)
    if predictions is not None:
        for _, part in predictions.groupby("task", sort=True):
            tables += _classified(session, part)
    return _named(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame()


def _families(values: pd.DataFrame) -> list[list[tuple[str, str]]]:
    """Pairs corrected together: single representations; fusions and what they must beat."""
    names = list(dict.fromkeys(values["representation"]))
    singles = list(combinations((name for name in names if not is_fusion(name)), 2))
    fused = [pair for name in filter(is_fusion_proper, names) for pair in _rivals(values, name)]
    return [singles, fused]


def _rivals(values: pd.DataFrame, fusion: str) -> list[tuple[str, str]]:
    """A fusion with its best block, and with that block beside noise."""
    from phenolens.evaluate.compare import fusion_pairs

    (pair,) = fusion_pairs(values, fusion, blocks=fusion.split("+"))
    return [pair, (fusion, control_of(fusion, best=pair[1]))]


def _compared(
    values: pd.DataFrame, families: list[list[tuple[str, str]]], **how: object
) -> list[pd.DataFrame]:
    from phenolens.evaluate.compare import compare_pairs

    return [compare_pairs(values, pairs, **how) for pairs in families if pairs]


def _classified(session: Session, part: pd.DataFrame) -> list[pd.DataFrame]:
    treated = part[~part["control"]]
    values = treated.assign(value=treated["correct"].astype(float), metric="accuracy_treated")
    values["split"] = "leave-" + session.taken["splits"].folds.leave_out + "-out"
    own = values[~values["representation"].str.startswith("baseline:")]
    families = [*_families(own), _against_baselines(values)]
    return _compared(values, families, key=[PLATE, WELL], seed=session.seed, cluster="label")


def _against_baselines(values: pd.DataFrame) -> list[tuple[str, str]]:
    """Each single representation with the best of its baselines."""
    from phenolens.evaluate.baselines import COUNT, INTENSITY, MAJORITY, POSITION, SHUFFLED

    common = (MAJORITY, COUNT, INTENSITY, POSITION)
    means = values.groupby("representation", sort=True)["value"].mean()
    pairs = []
    for name in dict.fromkeys(values["representation"]):
        if name.startswith("baseline:") or is_fusion(name):
            continue
        known = [b for b in (*common, f"{SHUFFLED}:{name}") if b in means.index]
        pairs += [(name, means[known].idxmax())] if known else []
    return pairs


def _named(table: pd.DataFrame) -> pd.DataFrame:
    table = table.rename(columns={"detectable": "smallest_detectable"})
    return table.sort_values(["task", "metric", "a", "b"], ignore_index=True)
