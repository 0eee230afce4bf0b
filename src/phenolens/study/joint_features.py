"""CellProfiler-type features beside pixels: a joint network reads those of the very cells it sees.

The features of a well beside each of its cells would name the well: a network that sees a hundred
training wells learns them by heart and nothing else.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.normalize.scale import robust_scale, soften
from phenolens.prepared import Prepared
from phenolens.profiles import OBJECT, PLATE, SITE, WELL, WELL_KEY
from phenolens.represent.base import evenly
from phenolens.represent.measuring.units import Cells
from phenolens.splits.roles import CALIBRATING
from phenolens.tools.compared import FEWEST_CALIBRATORS
from phenolens.tools.design import Design

_COMPONENTS, _FITTED_ON = 50, 2000
IMAGE = [PLATE, WELL, SITE]


def joint_features(
    images: Prepared, cells: Cells, *, wells: pd.DataFrame, design: Design
) -> pd.DataFrame:
    """Features of each image (each cell, where images are cells), scaled on calibrating controls.

    Parameters
    ----------
    images : Prepared
        What the networks read.
    cells : Cells
        The measured cells.
    wells : DataFrame
        Calibrated CellProfiler-type profiles of the wells; among them the calibrating controls
        choose the features.
    design : Design
        Control roles.

    Returns
    -------
    DataFrame
        A profile table; images without measured cells have no row. For whole images the values are
        medians over their cells.
    """
    chosen = _chosen(wells, design)
    plates = sorted(set(images.images.table[PLATE].astype(str)))
    tables = [
        _plate(cells.read(plate, [*IMAGE, OBJECT, *chosen]), images, design=design)
        for plate in plates
    ]
    return profiles.stack([table for table in tables if len(table)])


def components(features: pd.DataFrame, images: pd.DataFrame, train: np.ndarray) -> pd.DataFrame:
    """The features as few principal components of the training rows, which see no label.

    Thousands of features beside an embedding of a hundred would be learned by heart.

    Parameters
    ----------
    features : DataFrame
        From :func:`joint_features`.
    images : DataFrame
        Key columns of all images.
    train : ndarray of int
        Rows of images that the network may learn from; those without features do not count.
    """
    from phenolens.learn.components import Components

    key = [name for name in images if name in features.index.names]
    known = profiles.keys(profiles.metadata(features), key)
    places = known.get_indexer(profiles.keys(images.iloc[train], key))
    places = np.unique(places[places >= 0])
    some = evenly(places, _FITTED_ON)
    fitted = Components(n_components=_COMPONENTS).fit(profiles.take(features, some))
    return fitted.transform(features)


def _chosen(wells: pd.DataFrame, design: Design) -> list[str]:
    """Features that vary among calibrating controls and do not repeat one another there."""
    from phenolens.learn.select import FeatureSelector

    rows = (design.role_of(wells) == "calibrate").to_numpy()
    if rows.sum() < FEWEST_CALIBRATORS:
        return [str(name) for name in wells.columns]
    selector = FeatureSelector().fit(profiles.take(soften(wells), rows))
    return [str(name) for name in selector.transform(wells.iloc[:1]).columns]


def _plate(cells: pd.DataFrame, images: Prepared, *, design: Design) -> pd.DataFrame:
    """Rows of one plate: its cells or images, scaled on its own calibrating control cells."""
    features = [name for name in cells if name not in (*IMAGE, OBJECT)]
    table = profiles.from_frame(cells.astype(dict.fromkeys(IMAGE, str)), features=features)
    if images.images.level != "cell":
        table = profiles.aggregate(table, IMAGE)
    calibrating = design.roles[design.roles["role"].isin(CALIBRATING)]
    own = profiles.keys(profiles.metadata(table), WELL_KEY)
    scaled, _ = robust_scale(table, own.isin(profiles.keys(calibrating, WELL_KEY)))
    return _of_images(soften(scaled.fillna(0.0)), images)


def _of_images(table: pd.DataFrame, images: Prepared) -> pd.DataFrame:
    """Only rows of images that are read, with their key as metadata."""
    key = images.images.key
    wanted = profiles.keys(images.images.table, key)
    own = profiles.keys(profiles.metadata(table), key)
    return profiles.keep_metadata(profiles.take(table, own.isin(wanted)), key)
