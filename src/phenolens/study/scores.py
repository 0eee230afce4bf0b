"""Parts of step `evaluate` that ask every representation the same questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import (
    BATCH,
    CELL_COUNT,
    COMPOUND,
    CONCENTRATION,
    CONTROL,
    MECHANISM,
    TREATMENT,
)
from phenolens.study.analysis import analysed
from phenolens.study.blocks import Block
from phenolens.study.design import splits
from phenolens.study.disjoint import refuse_seen_wells
from phenolens.study.fusion import compared_parts, fused_pipeline, fusions, is_fusion
from phenolens.study.profiling import normalize
from phenolens.study.session import Session, once

_TASKS = {
    "classification: logistic": "classification",
    "classification: nearest": "nearest-neighbour",
}


_DESCRIBED = (TREATMENT, COMPOUND, CONCENTRATION, MECHANISM, "Metadata_Target", BATCH)


@dataclass(frozen=True)
class Examined:
    """A representation ready for similarity-based questions: finite, selected, all wells.

    What learned labels has several ``parts``, each the wells of some treatments as seen by a
    network that never saw their labels; rows of two parts must not be compared, and ``wells`` is
    the first.
    """

    name: str
    block: Block
    parts: tuple[pd.DataFrame, ...]

    @property
    def wells(self) -> pd.DataFrame:
        """The wells, or those of the first part."""
        return self.parts[0]

    @property
    def whole(self) -> bool:
        """Whether all wells can be compared with one another."""
        return len(self.parts) == 1


@once
def examined(session: Session) -> list[Examined]:
    """Every representation as it is compared: see :mod:`phenolens.study.analysis`."""
    design, whitening = splits(session), session.study.normalize.whitening
    blocks = {
        name: analysed(block, design, whitening=whitening)
        for name, block in normalize(session).items()
    }
    blocks |= fusions(session, blocks)
    return [Examined(name, b, compared_parts(b, design)) for name, b in blocks.items()]


def classification(session: Session):
    """Classify held-out wells by every representation and baseline; None without folds."""
    from phenolens.evaluate.baselines import baselines, chance, shuffled
    from phenolens.evaluate.calibration import calibration_results
    from phenolens.evaluate.classification import classify
    from phenolens.evaluate.dose_order import dose_order
    from phenolens.evaluate.results import join_results

    folds = splits(session).folds
    if folds is None:
        return None
    session.progress.say(f"Classifying held-out wells (leave-{folds.leave_out}-out)")
    blocks = [item.block for item in examined(session)]
    candidates = [_candidate(block) for block in blocks]
    for block in blocks:
        refuse_seen_wells(block, folds)
    lead = next((block for block in blocks if not block.judged), blocks[0])
    raw = _finite(normalize(session)[lead.name].wells)
    others = baselines(_countable(session, _finite(lead.wells)), seed=session.seed, raw=raw)
    controls = [shuffled(candidate) for candidate in candidates if not is_fusion(candidate.name)]
    draws = session.study.evaluate.bootstrap
    scored = classify(
        [*candidates, *others, *controls],
        folds,
        seed=session.seed,
        heads=_heads(folds),
        n_bootstrap=draws,
    )
    sure = calibration_results(scored, split=folds.leave_out, seed=session.seed, n_bootstrap=draws)
    ordered = dose_order(scored, lead.wells, split=folds.leave_out)
    results = join_results([scored.results, chance(folds), sure, ordered])
    named = {"task": results["task"].replace(_TASKS), "split": f"leave-{folds.leave_out}-out"}
    return scored.predictions.replace({"task": _TASKS}), join_results([results.assign(**named)])


def _countable(session: Session, wells: pd.DataFrame) -> pd.DataFrame:
    """The wells without their cell counts where some are missing: that baseline is left out."""
    if CELL_COUNT not in wells.index.names:
        return wells
    missing = pd.isna(profiles.column(wells, CELL_COUNT)).sum()
    if not missing:
        return wells
    session.progress.say(f"{missing} wells have no cell count: no cell-count baseline")
    kept = [name for name in wells.index.names if name != CELL_COUNT]
    return profiles.keep_metadata(wells, kept)


def _heads(folds: object) -> dict:
    """Readouts for every representation; each class weighs alike, or controls would drown all."""
    from phenolens.learn.logistic import LogisticPath
    from phenolens.learn.nearest import NearestProfile

    unit = folds.unit if folds.leave_out != "well" else None
    return {"logistic": LogisticPath(unit=unit, balanced=True), "nearest": NearestProfile()}


def _candidate(block: Block):
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from phenolens.evaluate.classification import Candidate
    from phenolens.learn.select import FeatureSelector

    pipeline = make_pipeline(
        FeatureSelector(), StandardScaler(), PCA(0.95, svd_solver="full", random_state=0)
    )
    if block.features:
        pipeline = fused_pipeline(block)
    by_fold = {int(fold): table for fold, table in block.tables.items() if fold.isdigit()}
    return Candidate(block.name, block.wells, pipeline, by_fold=by_fold)


def _finite(wells: pd.DataFrame) -> pd.DataFrame:
    """Columns without missing values: baselines take no part in imputing.

    Where every column misses some, 0 stands in: the centre of the controls.
    """
    known = np.isfinite(wells.to_numpy()).all(axis=0)
    return wells.loc[:, known] if known.any() else wells.fillna(0.0)


def consensus_of(item: Examined) -> pd.DataFrame:
    """Median profile of each treatment, controls left out; its batches joined as ``A|B``."""
    from phenolens.evaluate import labels

    treated = ~profiles.column(item.wells, CONTROL).astype(bool)
    treated &= pd.notna(profiles.column(item.wells, TREATMENT))
    wells = profiles.take(item.wells, treated)
    known = [name for name in _DESCRIBED if name in wells.index.names]
    medians = profiles.aggregate(profiles.keep_metadata(wells, known), [TREATMENT])
    if BATCH in known:
        codes, _ = profiles.groups(wells, [TREATMENT])
        batches = pd.Series(profiles.column(wells, BATCH)).groupby(codes).agg(labels.join)
        medians = profiles.with_metadata(medians, {BATCH: batches.to_numpy()})
    return medians


def similar(name: str, consensus: pd.DataFrame, *, nearest: int = 10) -> pd.DataFrame:
    """The nearest treatments of each treatment by cosine, as in ``similarity.parquet``."""
    values = consensus.to_numpy(np.float64)
    norms = np.linalg.norm(values, axis=1, keepdims=True)
    unit = values / np.where(norms > 0, norms, 1)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    order = np.argsort(-cosine, axis=1, kind="stable")[:, : min(nearest, len(values) - 1)]
    names = profiles.column(consensus, TREATMENT)
    rows, ranks = np.repeat(np.arange(len(names)), order.shape[1]), order.shape[1]
    return pd.DataFrame(
        {
            "representation": name,
            TREATMENT: names[rows],
            "neighbour": names[order.ravel()],
            "rank": np.tile(np.arange(1, ranks + 1), len(names)),
            "cosine": cosine[rows, order.ravel()],
            "same_mechanism": _same_mechanism(consensus, rows, order.ravel()),
        }
    )


def _same_mechanism(consensus: pd.DataFrame, left: np.ndarray, right: np.ndarray) -> pd.Series:
    if profiles.MECHANISM not in consensus.index.names:
        return pd.Series(pd.NA, index=range(len(left)), dtype="boolean")
    mechanism = pd.Series(profiles.column(consensus, profiles.MECHANISM)).replace("", np.nan)
    a, b = (mechanism.iloc[rows].reset_index(drop=True) for rows in (left, right))
    return (a == b).astype("boolean").mask(a.isna() | b.isna())
