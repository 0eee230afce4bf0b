"""Whether treatments keep their position on all plates, so that it cannot be told from them."""

from __future__ import annotations

import pandas as pd

from phenolens.profiles import PLATE, WELL

FIXED_SHARE = 0.1


def keeping_positions(treated: pd.DataFrame, label: str) -> pd.Series:
    """Whether each replicated treatment keeps its position, or its positions, on all its plates.

    It does where it is on two plates or more and holds no more positions in all than on a single
    one of them: one well at the same place everywhere, or several scattered ones repeated.

    Parameters
    ----------
    treated : DataFrame
        Plain frame, one row a treated well, with ``Metadata_Plate`` and ``Metadata_Well``.
    label : str
        Column of the treatment.

    Returns
    -------
    Series of bool
        By treatment; those in a single well are left out.
    """
    found = treated.groupby(label).agg(
        wells=(WELL, "size"), plates=(PLATE, "nunique"), positions=(WELL, "nunique")
    )
    most = treated.groupby([label, PLATE])[WELL].nunique().groupby(label).max()
    kept = (found["plates"] > 1) & (found["positions"] <= most)
    return kept[found["wells"] > 1]


def layout_is_fixed(kept: pd.Series) -> bool:
    """Whether so many treatments keep their position that it cannot be told from their effect."""
    return bool(len(kept)) and bool(kept.mean() > FIXED_SHARE)
