"""Well profiles without images: a fast simulator for testing statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import DesignError
from phenolens.profiles import PLATE_SHAPES, from_frame, row_letters
from phenolens.settings import in_range

N_FACTORS = 12
_COUNT_SD = 0.12
_COMPARTMENTS = ("Cells", "Cytoplasm", "Nuclei")


@dataclass(frozen=True)
class ProfileDesign:
    """What :func:`simulate_profiles` simulates; effects are in standard deviations of the noise.

    Attributes
    ----------
    plates, batches, treatments, replicates, controls, features : int
        Replicate plates, batches they are spread over, treatments, wells per treatment and plate,
        control wells per plate, features.
    active : float
        Share of the treatments that change features.
    mechanisms : int
        Mechanisms the active treatments share; a mechanism shifts the same features the same way.
    effect : float
        Standard deviation of the shifts among shifted features.
    shifted : float
        Share of the features that a mechanism shifts.
    toxic : float
        Share of the treatments (active or not) that halve the cell count.
    count_effect : float
        Change of a typical feature per standard deviation of the log cell count of controls.
    plate_effect, batch_effect, position_effect : float
        Standard deviations of the shifts by plate, by batch and over the positions of a plate.
    correlation : float
        Share of the noise variance that features share through common factors.
    layout : {"scrambled", "fixed"}
    seed : int
    """

    plates: int = 4
    batches: int = 1
    treatments: int = 40
    replicates: int = 1
    controls: int = 16
    features: int = 200
    active: float = 0.5
    mechanisms: int = 5
    effect: float = 1.5
    shifted: float = 0.2
    toxic: float = 0.0
    count_effect: float = 0.0
    plate_effect: float = 0.5
    batch_effect: float = 0.5
    position_effect: float = 0.0
    correlation: float = 0.5
    layout: str = "scrambled"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("plates", "batches", "treatments", "replicates", "features", "mechanisms"):
            if getattr(self, name) < 1:
                raise DesignError(f"{name} is {getattr(self, name)}; it must be at least 1.")
        for name in ("active", "shifted", "toxic", "correlation"):
            if not 0 <= getattr(self, name) <= 1:
                raise DesignError(f"{name} is {getattr(self, name)}; it must lie in 0 to 1.")
        in_range("seed", self.seed)
        if self.layout not in ("scrambled", "fixed"):
            raise DesignError(f"layout is {self.layout!r}; choose 'scrambled' or 'fixed'.")
        if self.wells > 1536:
            raise DesignError(f"{self.wells} wells a plate; the largest plates have 1536.")

    @property
    def wells(self) -> int:
        """Wells in use on each plate."""
        return self.treatments * self.replicates + self.controls


def simulate_profiles(
    design: ProfileDesign | None = None, **settings: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate Gaussian well profiles with known effects and nuisances.

    Parameters
    ----------
    design : ProfileDesign, optional
        By default built from ``settings``, which are its attributes:
        ``simulate_profiles(plates=8, layout="fixed", position_effect=1.0, seed=3)``.

    Returns
    -------
    table : profile table, shape (plates * wells, features)
        Index levels ``Metadata_Batch``, ``_Plate``, ``_Well``, ``_Treatment``, ``_Mechanism``
        (null for controls and where there is none), ``_Control`` and ``_CellCount``.
    truth : DataFrame
        One row per treatment: ``treatment``, ``mechanism``, ``active``, ``toxic``, ``effect``
        (Euclidean length of the planted shift) and ``n_shifted`` (features).

    Raises
    ------
    DesignError
        If a setting is impossible.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(plates=2, treatments=10, controls=16, seed=3)
    >>> screen.shape, int(truth["active"].sum())
    ((52, 200), 5)
    >>> screen.index.get_level_values("Metadata_Treatment").value_counts()["DMSO"].item()
    32
    """
    design = design or ProfileDesign(**settings)
    rng = np.random.default_rng(design.seed)
    truth, shifts = _plant(design, rng)
    keys = _wells(design, truth, rng)
    code = keys.pop("code").to_numpy()
    z = _count_scores(design, truth, code=code, rng=rng)
    values = (
        shifts[code]
        + _nuisance(design, keys, rng)
        + noise(len(keys), design.features, correlation=design.correlation, rng=rng)
    )
    values += np.outer(z, design.count_effect * rng.standard_normal(design.features))
    keys["Metadata_CellCount"] = np.rint(120 * np.exp(_COUNT_SD * z)).astype(np.int64)
    frame = pd.DataFrame(values.astype(np.float32), columns=feature_names(design.features))
    return from_frame(pd.concat([keys, frame], axis=1)), truth


def feature_names(count: int) -> list[str]:
    """Names in the field's form: ``Cells_Simulated_0001`` and on."""
    return [f"{_COMPARTMENTS[k % 3]}_Simulated_{k + 1:04d}" for k in range(count)]


def _plant(design: ProfileDesign, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Truth per treatment, and shifts of shape (treatments + 1, features); the last is control."""
    n = design.treatments
    active = np.arange(n) < round(design.active * n)
    mechanism = np.arange(n) % design.mechanisms
    toxic = rng.permutation(n) < round(design.toxic * n)
    hit = rng.random((design.mechanisms, design.features)) < design.shifted
    shift = design.effect * hit * rng.standard_normal(hit.shape)
    shifts = np.vstack([shift[mechanism] * active[:, None], np.zeros((1, design.features))])
    truth = pd.DataFrame(
        {
            "treatment": [f"treatment-{k + 1:03d}" for k in range(n)],
            "mechanism": [
                f"mechanism-{m + 1:02d}" if on else None
                for m, on in zip(mechanism, active, strict=True)
            ],
            "active": active & (np.abs(shifts[:-1]).sum(axis=1) > 0),
            "toxic": toxic,
            "effect": np.linalg.norm(shifts[:-1], axis=1),
            "n_shifted": (shifts[:-1] != 0).sum(axis=1),
        }
    )
    return truth, shifts


def _wells(design: ProfileDesign, truth: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Metadata of every well; ``code`` is the row of its treatment, the last for controls."""
    content = np.repeat(np.arange(design.treatments), design.replicates)
    content = np.concatenate([content, np.full(design.controls, design.treatments)])
    first = rng.permutation(content)
    plates = [
        first if design.layout == "fixed" else rng.permutation(content)
        for _ in range(design.plates)
    ]
    code = np.concatenate(plates)
    plate = np.repeat(np.arange(design.plates), design.wells)
    names = [*truth["treatment"], "DMSO"]
    mechanisms = [*truth["mechanism"], None]
    return pd.DataFrame(
        {
            "Metadata_Batch": [f"Batch{p * design.batches // design.plates + 1}" for p in plate],
            "Metadata_Plate": [f"P{p + 1:02d}" for p in plate],
            "Metadata_Well": _well_names(design.wells) * design.plates,
            "Metadata_Treatment": [names[k] for k in code],
            "Metadata_Mechanism": [mechanisms[k] for k in code],
            "Metadata_Control": code == design.treatments,
            "code": code,
        }
    )


def _columns(wells: int) -> int:
    """Columns of the smallest standard plate of 96 wells or more that holds so many."""
    return next(c for n, (_, c) in PLATE_SHAPES.items() if n >= max(wells, 96))


def _well_names(n: int) -> list[str]:
    """Wells of the smallest standard plate that holds ``n``, row by row."""
    columns = _columns(n)
    return [f"{row_letters(k // columns)}{k % columns + 1:02d}" for k in range(n)]


def _count_scores(
    design: ProfileDesign, truth: pd.DataFrame, *, code: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Log cell count of each well in standard deviations of the controls' log count."""
    killed = np.append(truth["toxic"].to_numpy(), False)[code]
    return rng.standard_normal(len(code)) - killed * (np.log(2) / _COUNT_SD)


def _nuisance(design: ProfileDesign, keys: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """Shifts by batch, plate and position, shape (wells, features)."""
    batch = pd.factorize(keys["Metadata_Batch"])[0]
    plate = pd.factorize(keys["Metadata_Plate"])[0]
    total = design.batch_effect * rng.standard_normal((design.batches, design.features))[batch]
    total += design.plate_effect * rng.standard_normal((design.plates, design.features))[plate]
    columns = _columns(design.wells)
    places = np.stack(np.divmod(np.arange(design.wells), columns), axis=1)
    basis = np.tile(position_basis(places), (design.plates, 1))
    loading = rng.standard_normal((basis.shape[1], design.features))
    return total + design.position_effect * basis @ loading


def position_basis(places: np.ndarray) -> np.ndarray:
    """Row, column and edge patterns of a plate, scaled so that their sum has unit variance.

    Parameters
    ----------
    places : ndarray of int64, shape (n_wells, 2)
        Zero-based row and column of the wells in use.

    Returns
    -------
    ndarray of float64, shape (n_wells, 3)
    """
    row, column = places.T
    edge = (row == 0) | (row == row.max()) | (column == 0) | (column == column.max())
    basis = np.stack([row, column, edge], axis=1).astype(float)
    basis -= basis.mean(axis=0)
    return basis / np.maximum(basis.std(axis=0), 1e-9) / np.sqrt(basis.shape[1])


def noise(n: int, features: int, *, correlation: float, rng: np.random.Generator) -> np.ndarray:
    """Unit-variance noise of n wells, partly shared between features through common factors."""
    loading = rng.standard_normal((N_FACTORS, features))
    loading /= np.linalg.norm(loading, axis=0)
    shared = rng.standard_normal((n, N_FACTORS)) @ loading
    own = rng.standard_normal((n, features))
    return np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
