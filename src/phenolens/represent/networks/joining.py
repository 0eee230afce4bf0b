"""CellProfiler-type features beside images: joined by key, scaled on the training rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.images import IMAGE_KEY
from phenolens.prepared import Prepared

_LARGEST = 10.0
_FULL = 0.95


@dataclass(frozen=True)
class FeatureBlock:
    """Names and scale of a block of features: centre and spread of training rows.

    Attributes
    ----------
    names : list of str
    centre, spread : list of float
        Median and 1.4826 times the median absolute deviation of each feature; features that are
        constant on the training rows, or missing in more than 5 % of them, are left out.
    """

    names: list[str]
    centre: list[float]
    spread: list[float]

    @classmethod
    def fit(cls, table: pd.DataFrame, prepared: Prepared, rows: np.ndarray) -> FeatureBlock:
        """Scale on the features of these rows of the store; each row of the table counts once."""
        places = np.unique(_places(table, prepared, rows))
        values = table.to_numpy(dtype=np.float64)[places]
        kept = np.isfinite(values).mean(axis=0) >= _FULL
        values = np.where(np.isfinite(values[:, kept]), values[:, kept], np.nan)
        centre = np.nanmedian(values, axis=0)
        spread = 1.4826 * np.nanmedian(np.abs(values - centre), axis=0)
        varying = spread > 1e-6
        if not varying.any():
            raise InputError("No feature varies over the training rows; give other features.")
        kept[kept], centre, spread = varying, centre[varying], spread[varying]
        names = [str(name) for name in table.columns[kept]]
        return cls(names, centre.tolist(), spread.tolist())

    def as_dict(self) -> dict:
        """Plain values, for JSON."""
        return asdict(self)

    def of(
        self,
        table: pd.DataFrame | None,
        prepared: Prepared,
        rows: np.ndarray,
        *,
        gaps: bool = False,
    ) -> np.ndarray:
        """Scaled features of these rows, float32 (len(rows), len(names)), within ±10; NaN is 0.

        With `gaps`, so are all features of a row that has none: those of a middling training image.

        Raises
        ------
        InputError
            If there is no table, a feature is missing, or a row of images has none.
        """
        absent = [name for name in self.names if table is None or name not in table]
        if absent:
            raise InputError(f"The network was fitted with feature '{absent[0]}'; give its table.")
        assert table is not None  # a block has a feature at least
        places = _places(table, prepared, rows, gaps=gaps)
        values = table[self.names].to_numpy(dtype=np.float64)[places]
        values[places < 0] = np.nan
        scaled = (values - self.centre) / np.asarray(self.spread)
        scaled = np.nan_to_num(scaled, nan=0.0, posinf=_LARGEST, neginf=-_LARGEST)
        return np.clip(scaled, -_LARGEST, _LARGEST).astype(np.float32)


def _places(
    table: pd.DataFrame, prepared: Prepared, rows: np.ndarray, *, gaps: bool = False
) -> np.ndarray:
    """The table's row of each image, by the part of the key that both have; -1 is none."""
    images = prepared.images.metadata.iloc[rows]
    key = [name for name in IMAGE_KEY if name in images and name in table.index.names]
    profiles.require_unique(table, key)
    known = profiles.keys(profiles.metadata(table), key)
    places = known.get_indexer(profiles.keys(images, key))
    if (places < 0).any() and not gaps:
        where = prepared.images.where(int(np.asarray(rows)[np.argmin(places)]))
        raise InputError(
            f"{int((places < 0).sum())} of {len(rows)} images have no features (key: "
            f"{', '.join(key)}), the first: {where}. Measure them, or leave those images out."
        )
    return places
