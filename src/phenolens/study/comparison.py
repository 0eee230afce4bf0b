"""Part of step `evaluate`: is one representation better than another, on the same units?"""

from __future__ import annotations

from itertools import combinations

import pandas as pd

from phenolens.profiles import COMPOUND, PLATE, TREATMENT, WELL
from phenolens.study.fusion import is_fusion, is_fusion_proper, noise_name
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
    from phenolens.evaluate.compare import compare_pairs

    tables = []
    if len(activity):
        values = activity.rename(columns={"map_normalized": "value"}).dropna(subset=["value"])
        values = values.assign(task="activity", metric="map_normalized", split="none")
        cluster = COMPOUND if COMPOUND in values else TREATMENT
        pairs = _pairs(values)
        tables.append(
            compare_pairs(values, pairs, key=[TREATMENT], seed=session.seed, cluster=cluster)
        )
    if predictions is not None:
        tables += [_classified(session, part) for _, part in predictions.groupby("task", sort=True)]
    tables = [table for table in tables if len(table)]
    return _named(pd.concat(tables, ignore_index=True)) if tables else pd.DataFrame()


def _pairs(values: pd.DataFrame) -> list[tuple[str, str]]:
    """All pairs of single representations; a fusion with its best block, and with its control."""
    from phenolens.evaluate.compare import fusion_pairs

    names = list(dict.fromkeys(values["representation"]))
    pairs = list(combinations((name for name in names if not is_fusion(name)), 2))
    for name in filter(is_fusion_proper, names):
        pairs += fusion_pairs(values, name, blocks=name.split("+"), noise=noise_name(name))
    return pairs


def _classified(session: Session, part: pd.DataFrame) -> pd.DataFrame:
    from phenolens.evaluate.compare import compare_pairs

    treated = part[~part["control"]]
    values = treated.assign(value=treated["correct"].astype(float), metric="accuracy_treated")
    values["split"] = "leave-" + session.taken["splits"].folds.leave_out + "-out"
    own = values[~values["representation"].str.startswith("baseline:")]
    how = {"key": [PLATE, WELL], "seed": session.seed, "cluster": "label"}
    tables = [
        compare_pairs(own, _pairs(own), **how),
        compare_pairs(values, _against_baselines(values), **how),
    ]
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


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
