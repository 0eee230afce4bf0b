"""Why a treatment could not be tested, from the wells that it has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import COMPOUND, TREATMENT


def why_untested(
    wells: pd.DataFrame, *, within: Sequence[str] = (), diff_by: Sequence[str] = ()
) -> pd.DataFrame:
    """The wells of each treatment, and why they could not be tested if they were not.

    Parameters
    ----------
    wells : DataFrame
        Profile table of treated wells and of the evaluation controls.
    within, diff_by : sequence of str
        As in :func:`phenolens.evaluate.activity.activity.activity`.

    Returns
    -------
    DataFrame
        ``Metadata_Treatment``, ``wells`` (int64, how many it has), ``usable`` (int64, how many of
        them could be compared: they hold values and, with `within`, have a control there) and
        ``reason`` (a code, empty where its wells do not show one).
    """
    metadata, control = profiles.metadata(wells), profiles.is_control(wells)
    asked = ~control & metadata[TREATMENT].notna().to_numpy()
    treated, controls = metadata[asked], metadata[control]
    treated = treated.assign(
        near=_near(treated, controls, within),
        usable=np.isfinite(wells[asked].to_numpy()).any(axis=1),
    )
    rows = [
        (treatment, len(part), *_reason(part, within=within, diff_by=diff_by))
        for treatment, part in treated.groupby(TREATMENT, sort=True)
    ]
    columns = [TREATMENT, "wells", "usable", "reason"]
    return pd.DataFrame(rows, columns=columns).astype({"wells": np.int64, "usable": np.int64})


def doses_only(wells: pd.DataFrame) -> pd.Series:
    """How many wells the compounds have that have no dose twice, but several doses.

    Parameters
    ----------
    wells : DataFrame
        Profile table.

    Returns
    -------
    Series of int64
        Wells by compound; empty where no compound is so, or compounds are not named.
    """
    metadata = profiles.metadata(wells)[~profiles.is_control(wells)]
    if not {COMPOUND, TREATMENT} <= set(metadata):
        return pd.Series(dtype=np.int64)
    treatment = metadata.groupby(COMPOUND)[TREATMENT]
    each, size = treatment.nunique(), treatment.size()
    return size[(each == size) & (size > 1)]


def _near(treated: pd.DataFrame, controls: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Treated wells that share these columns with a control."""
    if not columns:
        return np.ones(len(treated), dtype=bool)
    known = pd.MultiIndex.from_frame(controls[list(columns)].astype(str))
    return pd.MultiIndex.from_frame(treated[list(columns)].astype(str)).isin(known)


def _reason(
    part: pd.DataFrame, *, within: Sequence[str], diff_by: Sequence[str]
) -> tuple[int, str]:
    """How many wells could be compared, and the code of why they are too few."""
    usable = int(part["usable"].sum())
    if len(part) == 1:
        return usable, "one-well-only"
    if usable < 2:
        return usable, "wells-without-values"
    near = int(part["near"].sum())
    if near < 2:
        return near, "wells-without-controls"
    usable = int((part["usable"] & part["near"]).sum())
    if any(part[name].nunique() < 2 for name in diff_by):
        return usable, "wells-not-differing"
    return usable, ""
