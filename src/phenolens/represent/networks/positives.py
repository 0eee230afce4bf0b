"""Which two images are one thing for a network that learns what views of it share.

Two views of one cell, two cells of a well, or cells of two wells of one treatment.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from phenolens.errors import DesignError
from phenolens.profiles import PLATE, WELL
from phenolens.represent.networks.feed import Positives

Kinds = Literal["views", "well", "treatment"]


def positives_of(kind: Kinds, metadata: pd.DataFrame, labels: np.ndarray | None) -> Positives:
    """Partners among images.

    Parameters
    ----------
    kind : {"views", "well", "treatment"}
        Another view of the image; another image of its well; an image of another plate of its
        treatment, or of another well where a treatment is on one plate only.
    metadata : DataFrame
        Plate and well of the images.
    labels : ndarray of object, optional
        Their treatments.

    Raises
    ------
    DesignError
        If treatments are needed and are not there.
    """
    if kind == "views":
        return Positives()
    wells = metadata.groupby([PLATE, WELL], sort=True).ngroup().to_numpy()
    if kind == "well":
        return Positives(wells)
    if labels is None or pd.isna(labels).any():
        raise DesignError(
            "Positives of the same treatment need the treatment of every training image, and some "
            "are missing. Take those wells out, or choose positives = 'well'."
        )
    treatments = np.unique(np.asarray(labels).astype(str), return_inverse=True)[1]
    plates = np.unique(metadata[PLATE].astype(str), return_inverse=True)[1]
    several = pd.Series(plates).groupby(treatments).transform("nunique").to_numpy() > 1
    return Positives(treatments, np.where(several, plates, wells))


def alone(positives: Positives) -> float:
    """Share of the images that have no partner but themselves."""
    if positives.groups is None:
        return 1.0
    rows = np.arange(len(positives.groups))
    known = pd.DataFrame({"group": positives.groups})
    known["part"] = rows if positives.apart is None else positives.apart
    whole = known.groupby("group")["part"].transform("size")
    own = known.groupby(["group", "part"])["part"].transform("size")
    return float((whole == own).mean()) if len(rows) else 1.0
