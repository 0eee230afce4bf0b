"""Which features moved: each treatment's shift from its plates' controls, feature by feature."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.io.names import parse_feature
from phenolens.profiles import TREATMENT

CALIBRATED = "Metadata_Calibrated"
_COLUMNS = ["feature", "compartment", "family", "channel", "effect", "rank"]


def changed_features(table: pd.DataFrame, *, by: str = TREATMENT) -> pd.DataFrame:
    """Median shift of every feature in every treatment.

    Parameters
    ----------
    table : DataFrame
        Calibrated well profiles: a value is the distance from the plate's controls in robust
        standard deviations. Rows that ``Metadata_Calibrated`` says were not are left out.
    by : str
        Metadata column that names treatments.

    Returns
    -------
    DataFrame
        ``by``, ``feature``, ``compartment``, ``family``, ``channel``, ``effect`` (median over
        wells), ``rank`` (1 = largest absolute effect of that treatment), sorted by treatment and
        rank.
    """
    if CALIBRATED in table.index.names:
        table = profiles.take(table, profiles.column(table, CALIBRATED).astype(bool))
    if not len(table):
        return pd.DataFrame(columns=[by, *_COLUMNS])
    medians = profiles.aggregate(table, [by])
    effects = medians.to_numpy()
    order = np.argsort(-np.abs(np.nan_to_num(effects)), axis=1, kind="stable")
    names = _parsed(medians.columns)
    parts = [
        names.iloc[rows].assign(effect=values[rows], rank=np.arange(1, len(rows) + 1))
        for rows, values in zip(order, effects, strict=True)
    ]
    long = pd.concat(parts, ignore_index=True)
    long.insert(0, by, np.repeat(profiles.column(medians, by), medians.shape[1]))
    return long


def _parsed(columns: pd.Index) -> pd.DataFrame:
    names = [parse_feature(column) for column in columns]
    return pd.DataFrame(
        {
            "feature": list(columns),
            "compartment": [name.compartment for name in names],
            "family": [name.family for name in names],
            "channel": [name.channel for name in names],
        }
    )
