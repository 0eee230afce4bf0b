"""Did the plate work? Per plate: replicates, controls, cell counts; pass, or flagged with why."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.evaluate.results import result, result_table
from phenolens.learn.nearest import unit_rows
from phenolens.profiles import CELL_COUNT, PLATE, TREATMENT, WELL

TASK = "assay quality"


@dataclass(frozen=True)
class Limits:
    """Below (or above) which a plate is flagged; each is a habit of the field, not a law.

    Attributes
    ----------
    percent_replicating : float
        At least this share of treatments must replicate (0.05 is chance).
    cell_count_cv : float
        Control wells' coefficient of variation of cell count, at most.
    ssmd : float
        Positive controls' strictly standardised mean difference, at least.
    controls : int
        Negative control wells, at least.
    """

    percent_replicating: float = 0.2
    cell_count_cv: float = 0.3
    ssmd: float = 2.0
    controls: int = 6


@dataclass(frozen=True)
class AssayQuality:
    """Quality of each plate.

    Attributes
    ----------
    plates : DataFrame
        One row per plate: ``Metadata_Plate``, ``n_wells``, ``n_controls``, ``n_treatments`` (with
        a replicate), ``replicate_correlation`` (median), ``null_95`` (95 % of the null),
        ``percent_replicating``, ``grit`` (median), ``cell_count_cv``, ``ssmd``,
        ``positive_retrieval``, ``passed``, ``reasons`` (codes, parted by blanks). What cannot be
        computed is NaN.
    results : DataFrame
        Their means over plates as result rows (unit: plate).
    """

    plates: pd.DataFrame
    results: pd.DataFrame


def assay_quality(
    table: pd.DataFrame,
    name: str,
    *,
    seed: int,
    positive: np.ndarray | None = None,
    limits: Limits | None = None,
    n_null: int = 1000,
) -> AssayQuality:
    """Judge each plate by its replicates and controls.

    Parameters
    ----------
    table : DataFrame
        One row per well, scaled on controls.
    name : str
        Representation, for the result table.
    seed : int
    positive : ndarray of bool, shape (n_rows,), optional
        Positive controls, for SSMD and retrieval.
    limits : Limits, optional
    n_null : int
        Random non-replicate groups per plate.

    Notes
    -----
    Replicate correlation of a treatment on a plate is the median cosine between its wells there
    and its other wells anywhere. Its null takes wells of other treatments instead, as many. Where
    one layout is repeated, position counts as replication too: read it beside the cross-position
    scores. Grit is the mean similarity to replicates in standard deviations of the similarity to
    the plate's controls (cytominer-eval). SSMD compares distances from the control median.
    """
    limits = limits or Limits()
    plates = profiles.column(table, PLATE).astype(str)
    screen = _ScreenProfiles(table, positive)
    rows = []
    for number, plate in enumerate(np.unique(plates)):
        rng = np.random.default_rng([seed, number])
        row = {PLATE: plate} | screen.measures(plates == plate, rng=rng, n_null=n_null)
        reasons = _reasons(row, limits)
        rows.append(row | {"passed": not reasons, "reasons": " ".join(reasons)})
    frame = pd.DataFrame(rows)
    return AssayQuality(frame, _results(frame, name))


class _ScreenProfiles:
    """What the measures of a plate need of the whole screen: similarities, labels, roles."""

    def __init__(self, table: pd.DataFrame, positive: np.ndarray | None) -> None:
        self.values = table.to_numpy(np.float64)
        self.unit = unit_rows(self.values)
        self.labels = pd.factorize(profiles.column(table, TREATMENT), sort=True)[0]
        self.controls = profiles.is_control(table)
        self.positive = np.zeros(len(table), bool) if positive is None else np.asarray(positive)
        self.treated = ~self.controls & (self.labels >= 0)
        self.wells = profiles.column(table, WELL).astype(str)
        counted = CELL_COUNT in table.index.names
        self.cells = profiles.column(table, CELL_COUNT).astype(float) if counted else None

    def measures(self, own: np.ndarray, *, rng: np.random.Generator, n_null: int) -> dict:
        controls = own & self.controls
        replicates = self._replicates(own, rng=rng, n_null=n_null)
        return {
            "n_wells": int(own.sum()),
            "n_controls": int(controls.sum()),
            **replicates,
            "cell_count_cv": self._count_variation(controls),
            **self._positives(own & self.positive, controls),
        }

    def _replicates(self, own: np.ndarray, *, rng: np.random.Generator, n_null: int) -> dict:
        similar = self.unit[own] @ self.unit.T
        here = np.flatnonzero(own)
        groups = [np.flatnonzero(self.labels[here] == g) for g in self._repeated(own)]
        noise = similar[:, own & self.controls]
        found, grit, sizes = [], [], []
        for group in groups:
            others = self.treated & (self.labels == self.labels[here[group[0]]])
            values = [similar[i][others & (np.arange(len(own)) != here[i])] for i in group]
            found.append(np.median(np.concatenate(values)))
            sizes.append((len(group), int(others.sum()) - 1))
            grit += [_standing(v, noise[i]) for i, v in zip(group, values, strict=True)]
        null = self._null(similar, own, sizes=sizes, rng=rng, n_null=n_null)
        limit = np.quantile(null, 0.95) if null.size else np.nan
        return {
            "n_treatments": len(groups),
            "replicate_correlation": _median(found),
            "null_95": float(limit),
            "percent_replicating": float(np.mean(np.array(found) > limit))
            if found and null.size
            else np.nan,
            "grit": _median(grit),
        }

    def _repeated(self, own: np.ndarray) -> np.ndarray:
        """Treatments on this plate that have another well somewhere."""
        total = np.bincount(self.labels[self.treated], minlength=self.labels.max(initial=0) + 1)
        here = np.unique(self.labels[own & self.treated])
        return here[total[here] > 1]

    def _null(
        self,
        similar: np.ndarray,
        own: np.ndarray,
        *,
        sizes: list[tuple[int, int]],
        rng: np.random.Generator,
        n_null: int,
    ) -> np.ndarray:
        """Medians between wells of this plate and as many wells of other treatments."""
        mine, anyone = np.flatnonzero(self.treated[own]), np.flatnonzero(self.treated)
        labels = self.labels[own]
        out = []
        for draw in range(n_null if sizes else 0):
            inside, outside = sizes[draw % len(sizes)]
            rows = rng.choice(mine, size=inside)
            columns = rng.choice(anyone, size=outside)
            apart = labels[rows][:, None] != self.labels[columns][None, :]
            if apart.any():
                out.append(np.median(similar[rows][:, columns][apart]))
        return np.array(out)

    def _count_variation(self, controls: np.ndarray) -> float:
        if self.cells is None or controls.sum() < 2:
            return float("nan")
        counts = self.cells[controls]
        return float(counts.std(ddof=1) / counts.mean()) if counts.mean() > 0 else float("nan")

    def _positives(self, positive: np.ndarray, controls: np.ndarray) -> dict:
        out = {"ssmd": np.nan, "positive_retrieval": np.nan}
        if positive.sum() >= 2 and controls.sum() >= 2:
            middle = np.median(self.values[controls], axis=0)
            far, near = (
                np.linalg.norm(self.values[rows] - middle, axis=1) for rows in (positive, controls)
            )
            spread = np.sqrt(far.var(ddof=1) + near.var(ddof=1))
            out["ssmd"] = float((far.mean() - near.mean()) / spread) if spread > 0 else np.nan
            out["positive_retrieval"] = self._retrieved(positive, controls)
        return out

    def _retrieved(self, positive: np.ndarray, controls: np.ndarray) -> float:
        """Share of positive controls whose nearest neighbour here is a positive, not a negative."""
        pool = np.flatnonzero(positive | controls)
        similar = self.unit[positive] @ self.unit[pool].T
        similar[np.flatnonzero(positive)[:, None] == pool[None, :]] = -np.inf
        return float(positive[pool[similar.argmax(axis=1)]].mean())


def _standing(values: np.ndarray, noise: np.ndarray) -> float:
    spread = noise.std(ddof=1) if noise.size > 1 else 0.0
    return float((values.mean() - noise.mean()) / spread) if spread > 0 else np.nan


def _median(values: list[float]) -> float:
    known = np.array(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(np.median(known)) if known.size else float("nan")


def _reasons(row: dict, limits: Limits) -> list[str]:
    """Codes of why a plate is flagged: missing controls flag it, what is not measured does not."""
    reasons = []
    if row["n_controls"] < limits.controls:
        reasons.append("few-control-wells")
    if row["percent_replicating"] < limits.percent_replicating:
        reasons.append("few-replicating")
    if row["cell_count_cv"] > limits.cell_count_cv:
        reasons.append("cell-count-varies")
    if row["ssmd"] < limits.ssmd:
        reasons.append("positive-controls-weak")
    return reasons


def _results(plates: pd.DataFrame, name: str) -> pd.DataFrame:
    measures = plates.drop(columns=[PLATE, "reasons", "n_wells"]).astype(float)
    rows = []
    for metric, values in measures.items():
        known = values.dropna()
        if len(known):
            value = float(known.mean())
            rows.append(result(name, TASK, str(metric), value=value, n=len(known), unit="plate"))
    return result_table(rows)
