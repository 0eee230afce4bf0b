"""Dose-response of activity: how far, from which dose on, and whether cells are lost first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.found import Found
from phenolens.findings import Finding
from phenolens.stats.distance import activity_distance
from phenolens.stats.multiple_testing import benjamini_hochberg
from phenolens.stats.wells import as_list

FEWEST_DOSES = 3
BENCHMARK = 3.0


@dataclass(frozen=True)
class Curve:
    """A rise fitted to distances by dose, never falling.

    Attributes
    ----------
    dose, level : ndarray of float64, shape (n_doses,)
        Logarithmic doses, and the fitted distance at each.
    """

    dose: np.ndarray
    level: np.ndarray

    def crossing(self, height: float) -> float:
        """Smallest logarithmic dose at which the curve reaches a height; NaN if it never does."""
        above = np.flatnonzero(self.level >= height)
        if not len(above):
            return np.nan
        k = above[0]
        if k == 0:
            return float(self.dose[0])
        rise = (height - self.level[k - 1]) / (self.level[k] - self.level[k - 1])
        return float(self.dose[k - 1] + rise * (self.dose[k] - self.dose[k - 1]))


def rising_curve(dose: np.ndarray, distance: np.ndarray) -> Curve:
    """Isotonic least squares of distance on logarithmic dose (Barlow et al. 1972)."""
    from scipy.optimize import isotonic_regression

    doses, code = np.unique(dose, return_inverse=True)
    count = np.bincount(code)
    mean = np.bincount(code, weights=distance) / count
    return Curve(doses, isotonic_regression(mean, weights=count).x)


def dose_response(
    table: pd.DataFrame,
    *,
    same_by: str | Sequence[str],
    dose: str = profiles.CONCENTRATION,
    controls: np.ndarray | str,
    plate: str = profiles.PLATE,
    cell_count: str | None = None,
    benchmark: float = BENCHMARK,
    cell_loss: float = 0.2,
    resamples: int = 500,
    permutations: int = 2_000,
    seed: int = 0,
) -> Found:
    """From which dose on a compound is active, and whether cells are lost before.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well.
    same_by : str or sequence of str
        Columns that name a compound (without its dose).
    dose : str
        Column of the dose, positive, on its natural scale.
    controls : ndarray of bool, or str
        Negative controls.
    plate : str
    cell_count : str, optional
        Column of the number of cells; ``Metadata_CellCount`` is used where it exists.
    benchmark : float
        Distance that counts as a response, in standard deviations of the controls.
    cell_loss : float
        Share of cells lost, against the plate's controls, that counts as loss.
    resamples, permutations, seed : int

    Returns
    -------
    Found
        ``table``: the ``same_by`` columns; ``n``, ``doses``; ``distance_top`` (fitted, at the
        highest dose); ``benchmark_dose`` with ``low`` and ``high`` (95 % bootstrap of the scatter
        about the curve; infinity where it is not reached); ``rho`` (Spearman), ``p`` (one-sided,
        permuting doses) and ``q``; ``cell_loss_dose`` (NaN where cells are not lost or not
        counted); ``order``: ``activity first``, ``cells first``, ``together`` (the bootstrap does
        not tell), ``no cell loss``, ``cells not counted`` or ``inactive``.
        ``summary``: ``excluded``, how many compounds have fewer than three doses.

    Raises
    ------
    InputError
        If a column is missing or no dose is positive.
    DesignError
        If no compound has three doses.

    References
    ----------
    Crump, Fundam. Appl. Toxicol. 4:854 (1984), for the benchmark dose; Nyffeler et al., Toxicol.
    Appl. Pharmacol. 389:114876 (2020), for its use with Cell Painting.
    """
    wells = activity_distance(table, controls=controls, plate=plate)
    names = as_list(same_by)
    treated = _treated(wells, names, dose)
    treated["cells"] = _cells_left(wells, plate, cell_count)[treated.index]
    rng = np.random.default_rng(seed)
    limits = _Limits(benchmark, cell_loss, resamples, permutations)
    rows, left_out = [], 0
    for key, part in treated.groupby(names, sort=True):
        if part[DOSE].nunique() < FEWEST_DOSES:
            left_out += 1
        else:
            rows.append(dict(zip(names, key, strict=True)) | _compound(part, limits, rng))
    if not rows:
        needed = {"needed": FEWEST_DOSES}
        raise DesignError(Finding("too-few-doses", "error", {"column": dose}, needed))
    result = pd.DataFrame(rows)
    result.insert(result.columns.get_loc("p") + 1, "q", benjamini_hochberg(result["p"].to_numpy()))
    return Found(result, {"excluded": {"compounds with fewer than three doses": left_out}})


DOSE = "log dose"


@dataclass(frozen=True)
class _Limits:
    benchmark: float
    cell_loss: float
    resamples: int
    permutations: int


def _treated(wells: pd.DataFrame, names: list[str], dose: str) -> pd.DataFrame:
    for name in [*names, dose]:
        if name not in wells:
            raise InputError(f"The table has no metadata column {name!r}.")
    amount = pd.to_numeric(wells[dose], errors="coerce")
    rows = ~wells["control"] & (amount > 0) & wells[names].notna().all(axis=1)
    if not rows.any():
        said = wells.loc[~wells["control"], dose].dropna()
        got = repr(str(said.iloc[0])) if len(said) else "nothing"
        raise InputError(Finding("doses-not-positive", "error", {"column": dose}, {"got": got}))
    return wells[rows].assign(**{DOSE: np.log10(amount[rows])})


def _cells_left(wells: pd.DataFrame, plate: str, column: str | None) -> pd.Series:
    """Number of cells over the median of the plate's controls; NaN where cells are not counted."""
    name = column or profiles.CELL_COUNT
    if name not in wells:
        if column:
            raise InputError(f"The table has no metadata column {column!r}.")
        return pd.Series(np.nan, index=wells.index)
    count = pd.to_numeric(wells[name], errors="coerce")
    usual = count[wells["control"]].groupby(wells[plate]).median()
    return count / wells[plate].map(usual)


def _compound(part: pd.DataFrame, limits: _Limits, rng: np.random.Generator) -> dict[str, object]:
    dose, distance = part[DOSE].to_numpy(), part["distance"].to_numpy()
    curve, drawn = _resampled(dose, distance, times=limits.resamples, rng=rng)
    found = np.array([one.crossing(limits.benchmark) for one in drawn])
    at = curve.crossing(limits.benchmark)
    low, high = np.quantile(np.nan_to_num(found, nan=np.inf), (0.025, 0.975), method="nearest")
    rho, p = _monotone(dose, distance, times=limits.permutations, rng=rng)
    loss, order = _loss(
        dose, part["cells"].to_numpy(), active_at=at, active_draws=found, limits=limits, rng=rng
    )
    return {
        "n": len(part),
        "doses": len(curve.dose),
        "distance_top": float(curve.level[-1]),
        "benchmark_dose": 10**at if np.isfinite(at) else np.inf,
        "low": 10.0**low,
        "high": 10.0**high,
        "rho": rho,
        "p": p,
        "cell_loss_dose": 10**loss,
        "order": order,
    }


def _resampled(
    dose: np.ndarray, value: np.ndarray, *, times: int, rng: np.random.Generator
) -> tuple[Curve, list[Curve]]:
    """The curve, and curves of values redrawn with the scatter about it."""
    curve = rising_curve(dose, value)
    fitted = curve.level[np.searchsorted(curve.dose, dose)]
    spare = max(len(value) - len(np.unique(curve.level)), 1)
    scatter = (value - fitted) * np.sqrt(len(value) / spare)
    draws = rng.choice(scatter - scatter.mean(), size=(times, len(value)))
    return curve, [rising_curve(dose, fitted + draw) for draw in draws]


def _monotone(
    dose: np.ndarray, distance: np.ndarray, *, times: int, rng: np.random.Generator
) -> tuple[float, float]:
    """Spearman's correlation with dose, and its one-sided p by permuting the doses."""
    from scipy.stats import rankdata

    x, y = (rankdata(v) - (len(v) + 1) / 2 for v in (dose, distance))
    scale = np.sqrt((x @ x) * (y @ y))
    if scale == 0:
        return np.nan, np.nan
    drawn = rng.permuted(np.tile(x, (times, 1)), axis=1) @ y
    return float(x @ y / scale), float((1 + (drawn >= x @ y - 1e-9).sum()) / (times + 1))


def _loss(
    dose: np.ndarray,
    cells: np.ndarray,
    *,
    active_at: float,
    active_draws: np.ndarray,
    limits: _Limits,
    rng: np.random.Generator,
) -> tuple[float, str]:
    """Dose at which cells are lost, and whether activity comes before it."""
    counted = np.isfinite(cells)
    if len(np.unique(dose[counted])) < FEWEST_DOSES:
        return np.nan, "inactive" if np.isnan(active_at) else "cells not counted"
    curve, drawn = _resampled(dose[counted], 1 - cells[counted], times=limits.resamples, rng=rng)
    at = curve.crossing(limits.cell_loss)
    if np.isnan(active_at):
        return at, "inactive"
    if np.isnan(at):
        return at, "no cell loss"
    lost = np.nan_to_num([one.crossing(limits.cell_loss) for one in drawn], nan=np.inf)
    first = np.nan_to_num(active_draws, nan=np.inf)
    before, after = (first < lost).mean(), (first > lost).mean()
    return at, "activity first" if before > 0.95 else "cells first" if after > 0.95 else "together"
