"""Whether profiles were scaled on each plate's controls, or wells, before they came here."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import PLATE, PREFIX

CENTRED = 0.01
SHARE = 0.8
FEWEST = 3


def is_normalized(table: pd.DataFrame) -> bool:
    """Whether the values show that another tool has normalized them.

    They do where, on every plate, most features of the negative controls (or of all wells) have
    their median or their mean at 0, to a hundredth of their spread: no raw measurement and no
    embedding comes so by itself. They do, too, where a column says which wells are controls and
    none is: the controls were taken out after they had served.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well, with ``Metadata_Plate`` and ``Metadata_Control``.
    """
    control = profiles.is_control(table)
    if not control.any() and _says_what_controls_are(table):
        return True
    plates, _ = profiles.groups(table, [PLATE])
    return any(_centred(table, plates, rows=rows) for rows in (control, np.ones_like(control)))


def _says_what_controls_are(table: pd.DataFrame) -> bool:
    names = {str(name).removeprefix(PREFIX).lower() for name in table.index.names}
    return bool(names & {"control_type", "pert_type", "broad_sample"})


def _centred(table: pd.DataFrame, plates: np.ndarray, *, rows: np.ndarray) -> bool:
    """Whether medians, or means, of these rows are at 0 on every plate that has enough of them."""
    values = table.to_numpy(np.float64)
    shares = []
    for plate in np.unique(plates):
        part = values[rows & (plates == plate)]
        if len(part) < FEWEST:
            continue
        known = np.isfinite(part).sum(axis=0) >= FEWEST
        part = np.where(np.isfinite(part), part, np.nan)[:, known]
        spread = np.nanstd(part, axis=0)
        part, spread = part[:, spread > 0], spread[spread > 0]
        if part.shape[1]:
            middle = np.stack([np.nanmedian(part, axis=0), np.nanmean(part, axis=0)])
            shares.append((np.abs(middle) <= CENTRED * spread).mean(axis=1))
    return bool(shares) and bool((np.min(shares, axis=0) >= SHARE).any())
