"""Well profiles for a layout that is planned: noise, plates, positions and known effects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from phenolens.profiles import CONTROL, PLATE, TREATMENT, WELL, from_frame, well_position
from phenolens.simulate.features import feature_names, noise, position_basis

SHIFTED = 0.2


class Background(Protocol):
    """What untreated wells look like.

    Attributes
    ----------
    spread : ndarray of float64, shape (n_features,)
        Standard deviation of the noise.
    """

    @property
    def spread(self) -> np.ndarray: ...

    def draw(self, plate: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Profiles of untreated wells, (n_wells, n_features), by plate code and (row, column)."""
        ...


@dataclass(frozen=True)
class SimulatedBackground:
    """Unit noise with shared factors, shifts by plate, and row, column and edge patterns.

    Attributes
    ----------
    features : int
    correlation : float
        Share of the noise variance that features share.
    plate_effect, position_effect : float
        Standard deviations over the noise's.
    """

    features: int = 200
    correlation: float = 0.5
    plate_effect: float = 0.5
    position_effect: float = 0.5

    @property
    def spread(self) -> np.ndarray:
        """Standard deviation of the noise: 1."""
        return np.ones(self.features)

    def draw(self, plate: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Profiles of untreated wells; see :class:`Background`."""
        values = noise(len(plate), self.features, correlation=self.correlation, rng=rng)
        shift = rng.standard_normal((plate.max() + 1, self.features))
        loading = rng.standard_normal((3, self.features))
        surface = position_basis(place) @ loading
        return values + self.plate_effect * shift[plate] + self.position_effect * surface


def simulate_planned(
    wells: pd.DataFrame,
    effects: pd.Series,
    *,
    background: Background,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Simulate the profiles of a planned layout.

    Parameters
    ----------
    wells : DataFrame
        One row a well: ``Metadata_Plate``, ``_Well``, ``_Treatment``, ``_Control``.
    effects : Series of float64
        By treatment: standard deviation of its shifts, over that of the noise, in the fifth of
        the features that it shifts.
    background : Background
    rng : Generator

    Returns
    -------
    profile table, shape (n_wells, n_features)
    """
    plate = pd.factorize(wells[PLATE])[0]
    values = background.draw(plate, well_position(wells[WELL]), rng)
    width = values.shape[1]
    shift = rng.standard_normal((len(effects), width)) * background.spread
    shift *= (rng.random(shift.shape) < SHIFTED) * effects.to_numpy()[:, None]
    number = effects.index.get_indexer(wells[TREATMENT].where(~wells[CONTROL]))
    values[number >= 0] += shift[number[number >= 0]]
    frame = pd.DataFrame(values.astype(np.float32), columns=feature_names(width))
    keys = wells[[PLATE, WELL, TREATMENT, CONTROL]].reset_index(drop=True)
    return from_frame(pd.concat([keys, frame], axis=1))
