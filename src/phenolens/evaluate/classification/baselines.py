"""What a score must beat: candidates that know next to nothing, on the same folds and readouts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.random_projection import GaussianRandomProjection

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.evaluate.classification.classification import Candidate
from phenolens.evaluate.classification.position_baseline import BestPosition
from phenolens.evaluate.results import result, result_table
from phenolens.profiles import CELL_COUNT, WELL
from phenolens.splits import Folds

MAJORITY = "baseline:majority"
CHANCE = "baseline:one-over-classes"
COUNT = "baseline:cell-count"
INTENSITY = "baseline:intensity"
POSITION = "baseline:position"
PROJECTION = "baseline:random-projection"
SHUFFLED = "baseline:shuffled-labels"
_INTENSITY = re.compile(r"(^|_)Intensity_MeanIntensity_")


def baselines(
    table: pd.DataFrame,
    *,
    seed: int,
    unit: str | None = None,
    intensity: Sequence[str] | None = None,
    raw: pd.DataFrame | None = None,
) -> list[Candidate]:
    """The baselines a table allows: majority, cell count, mean intensity, position, projection.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row per well, finite.
    seed : int
        Of the random projection.
    unit : str, optional
        What the folds leave out whole (``Metadata_Plate``): inner folds, on which the position
        model is chosen, do so too.
    intensity : sequence of str, optional
        Mean intensity features; by default those named ``*Intensity_MeanIntensity_*``.
    raw : DataFrame, optional
        Where the intensity features are looked up, when selection dropped them from `table`.

    Returns
    -------
    list of Candidate
        Cell count only with ``Metadata_CellCount``, intensity only with such features.
    """
    out = [Candidate(MAJORITY, _constant(table), DummyClassifier(strategy="prior"))]
    out.append(Candidate(POSITION, _positions(table), BestPosition(unit=unit)))
    if CELL_COUNT in table.index.names:
        out.append(Candidate(COUNT, _counts(table), StandardScaler()))
    if (bright := _bright(table if raw is None else raw, intensity)) is not None:
        out.append(Candidate(INTENSITY, bright, StandardScaler()))
    projection = GaussianRandomProjection(projections(table), random_state=seed)
    out.append(Candidate(PROJECTION, table, make_pipeline(StandardScaler(), projection)))
    return out


def projections(table: pd.DataFrame) -> int:
    """How many directions the features are projected on: 64, or as many as there are."""
    return min(64, table.shape[1])


def shuffled(candidate: Candidate) -> Candidate:
    """The candidate with the labels of its training wells permuted: the chance it would score."""
    name = f"{SHUFFLED}:{candidate.name}"
    return replace(candidate, name=name, shuffle_labels=True)


def chance(table: pd.DataFrame, folds: Folds) -> pd.DataFrame:
    """One over the number of classes in training, averaged over the table's tested wells."""
    labels = pd.Series(profiles.column(table, str(folds.label))).astype(str).to_numpy()
    shares: list[float] = []
    for _, train, test in folds.iterate(table):
        classes = np.unique(labels[train])
        shares += [1.0 / len(classes)] * int(np.isin(labels[test], classes).sum())
    value, n = float(np.mean(shares)), len(shares)
    rows = [result(CHANCE, "classification", "accuracy", value=value, n=n, split=folds.leave_out)]
    return result_table(rows)


def _frame(table: pd.DataFrame, values: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(values.astype(np.float32), index=table.index, columns=list(names))


def _constant(table: pd.DataFrame) -> pd.DataFrame:
    return _frame(table, np.zeros((len(table), 1)), ["nothing"])


def _positions(table: pd.DataFrame) -> pd.DataFrame:
    return _frame(table, profiles.well_position(profiles.column(table, WELL)), ["row", "column"])


def _counts(table: pd.DataFrame) -> pd.DataFrame:
    counts = profiles.column(table, CELL_COUNT).astype(float)
    if not np.isfinite(counts).all():
        raise InputError(f"{CELL_COUNT!r} is not known for every well; leave it out or fill it in.")
    return _frame(table, np.column_stack([counts, np.log1p(counts)]), ["count", "log_count"])


def _bright(table: pd.DataFrame, names: Sequence[str] | None) -> pd.DataFrame | None:
    if names is None:
        names = [name for name in table.columns if _INTENSITY.search(str(name))]
    part = table[list(names)]
    finite = np.isfinite(part.to_numpy()).all(axis=0)
    if not finite.any():
        return None
    # However the table lies in memory: sums in another order end in another fit, where a hundred
    # steps do not end at the optimum.
    values = np.asfortranarray(part.to_numpy()[:, finite])
    return pd.DataFrame(values, index=table.index, columns=part.columns[finite], copy=False)
