"""What untreated wells look like, learned from the controls of a pilot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phenolens import profiles
from phenolens.errors import DesignError, named
from phenolens.normalize.position import PositionModel, fit_position
from phenolens.normalize.scale import CALIBRATED
from phenolens.profiles import PLATE, WELL, plate_shape, well_position
from phenolens.tools.representation import Profiles

FEWEST = 8


@dataclass(frozen=True, eq=False)
class PilotBackground:
    """Noise with the covariance of a pilot's controls, and its surface over the plate.

    Attributes
    ----------
    spread : ndarray of float64, shape (n_features,)
        Standard deviation of what position does not explain.
    residual : ndarray of float64, shape (n_controls, n_features)
        What it leaves over at each control well, in units of `spread`.
    shrinkage : float
        Share of independent noise mixed in (Ledoit and Wolf, 2004).
    model : PositionModel or None
        None where controls stand at too few positions to fit one.
    """

    spread: np.ndarray
    residual: np.ndarray
    shrinkage: float
    model: PositionModel | None

    def draw(self, plate: np.ndarray, place: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Profiles of untreated wells, (n_wells, n_features), by plate code and (row, column)."""
        weights = rng.standard_normal((len(plate), len(self.residual)))
        shared = weights @ self.residual / np.sqrt(len(self.residual))
        own = rng.standard_normal((len(plate), len(self.spread)))
        noise = np.sqrt(1 - self.shrinkage) * shared + np.sqrt(self.shrinkage) * own
        return noise * self.spread + self.surface(place)

    def surface(self, place: np.ndarray) -> np.ndarray:
        """What position adds; places of another format are taken where they lie on the pilot's."""
        if self.model is None:
            return np.zeros((len(place), len(self.spread)))
        rows, columns = plate_shape(place, fewest=96)
        scale = np.array(self.model.shape) / (rows, columns)
        there = np.floor((place + 0.5) * scale).astype(np.int64)
        return self.model.surface(there)

    def position_share(self, place: np.ndarray) -> float:
        """Share of the variance of untreated wells that position makes, averaged over features."""
        made = self.surface(place).var(axis=0)
        return float((made / (made + self.spread**2)).mean())


def learn_background(item: Profiles) -> PilotBackground:
    """Noise and position effect from the control wells of a pilot, scaled on their plates.

    Raises
    ------
    DesignError
        If fewer than eight control wells can be used.
    """
    wells = item.normalized.wells
    keep = profiles.is_control(wells)
    if CALIBRATED in wells.index.names:
        keep = keep & profiles.column(wells, CALIBRATED).astype(bool)
    if keep.sum() < FEWEST:
        raise DesignError(
            f"{named('pilot')}: {item.name!r} has {int(keep.sum())} control wells on calibrated "
            f"plates; {FEWEST} are needed to tell noise from position."
        )
    table = profiles.take(wells, keep)
    values = table.to_numpy(np.float64)
    known = np.isfinite(values).all(axis=0)
    known &= values.std(axis=0) > 1e-6 * np.abs(values).max(axis=0, initial=1e-12)
    values = values[:, known]
    plate = np.unique(profiles.column(table, PLATE).astype(str), return_inverse=True)[1]
    place = well_position(profiles.column(table, WELL))
    shape = plate_shape(place, fewest=96)
    try:
        model = fit_position(values, plate, place, shape=shape)
        residual = model.error
    except DesignError:
        model = None
        sums = np.zeros((plate.max() + 1, values.shape[1]))
        np.add.at(sums, plate, values)
        residual = values - (sums / np.bincount(plate)[:, None])[plate]
    from sklearn.covariance import ledoit_wolf_shrinkage

    residual = residual - residual.mean(axis=0)
    spread = residual.std(axis=0, ddof=1)
    residual = residual / spread
    return PilotBackground(spread, residual, float(ledoit_wolf_shrinkage(residual)), model)
