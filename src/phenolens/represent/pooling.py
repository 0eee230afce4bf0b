"""From images to wells: the mean of what was extracted, or what a few images move less."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import WELL_KEY

Pooling = Literal["mean", "median", "trimmed", "attention"]
CUT = 0.1


def pooled(images: pd.DataFrame, how: Literal["mean", "median", "trimmed"]) -> pd.DataFrame:
    """Wells of a profile table of images.

    Parameters
    ----------
    images : DataFrame
    how : {"mean", "median", "trimmed"}
        Of each feature on its own; ``trimmed`` is the mean of what is left when a tenth of a well's
        images is cut off at either end.
    """
    if how != "trimmed":
        return profiles.aggregate(images, list(WELL_KEY), how=how)
    wells = profiles.aggregate(images, list(WELL_KEY), how="mean")
    codes, _ = profiles.groups(images, list(WELL_KEY))
    values, out = images.to_numpy(dtype=np.float64), np.empty(wells.shape)
    for number in range(len(wells)):
        own = np.sort(values[codes == number], axis=0)
        cut = int(CUT * len(own))
        out[number] = own[cut : len(own) - cut].mean(axis=0)
    return pd.DataFrame(out.astype(np.float32), index=wells.index, columns=wells.columns)


def weighted(images: pd.DataFrame, weights: np.ndarray) -> pd.DataFrame:
    """Wells as weighted means of their images.

    Parameters
    ----------
    images : DataFrame
    weights : ndarray of float, shape (len(images),)
        Not negative; those of a well need not sum to one.
    """
    wells = profiles.aggregate(images, list(WELL_KEY), how="mean")
    codes, _ = profiles.groups(images, list(WELL_KEY))
    sums = np.bincount(codes, weights=weights, minlength=len(wells))
    shares = weights / sums[codes]
    values = pd.DataFrame(images.to_numpy(dtype=np.float64) * shares[:, None])
    summed = values.groupby(codes).sum().to_numpy(dtype=np.float32)
    return pd.DataFrame(summed, index=wells.index, columns=wells.columns)
