"""Part of step `evaluate`: which treatments are active, representation by representation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.results import result
from phenolens.profiles import CELL_COUNT, CONTROL, PLATE, TREATMENT
from phenolens.study.design import Design
from phenolens.study.session import Session

JUDGES = ("judge", "swap-a", "swap-b")
_DESCRIBED = ("Metadata_Compound", "Metadata_Concentration", "Metadata_Mechanism")
_UNIT = "treatment"
_MEANS = ("map", "map_normalized")
_TESTED = ["n", "map", "map_normalized", "low", "high", "p", "q", "p_attainable"]


def judged(wells: pd.DataFrame, design: Design, *, calibrated_elsewhere: bool) -> np.ndarray:
    """Rows that take part in tests against controls: treated wells and the controls that judge.

    Controls that calibrated a plate must not be the references of the test. Profiles that were
    normalized elsewhere have no controls left that did not; they keep all of them, and the note
    says so.
    """
    controls = profiles.column(wells, CONTROL).astype(bool)
    if calibrated_elsewhere:
        return np.ones(len(wells), dtype=bool)
    roles = design.role_of(wells).to_numpy()
    calibrated = np.ones(len(wells), dtype=bool)
    if "Metadata_Calibrated" in wells.index.names:
        calibrated = profiles.column(wells, "Metadata_Calibrated").astype(bool)
    return np.where(controls, np.isin(roles, JUDGES), True) & calibrated


def activity_table(
    session: Session, name: str, wells: pd.DataFrame, design: Design, *, elsewhere: bool
) -> pd.DataFrame:
    """Activity of every treatment in one representation, in the form of ``activity.parquet``.

    Parameters
    ----------
    session : Session
    name : str
        The representation.
    wells : DataFrame
        Calibrated, finite well profiles.
    design : Design
    elsewhere : bool
        Whether the profiles were normalized by another tool.
    """
    treated = _treatments(wells)
    try:
        rows = judged(wells, design, calibrated_elsewhere=elsewhere)
        tested = _test(session, profiles.take(wells, rows))
        note = "the controls also normalized these profiles (controls-reused)" if elsewhere else ""
    except (DesignError, InputError) as error:
        tested, note = _untested(treated), str(error)
    table = treated.merge(tested, on=TREATMENT, how="left").merge(
        _cell_loss(wells), on=TREATMENT, how="left"
    )
    table["n"] = table["n"].fillna(0).astype(np.int64)
    table["active"] = (table["q"] < session.study.evaluate.alpha).fillna(False)
    table["note"] = np.where(table["p"].notna(), note, note or "fewer than two comparable wells")
    table.insert(0, "representation", name)
    return table.sort_values(TREATMENT, ignore_index=True)


def _treatments(wells: pd.DataFrame) -> pd.DataFrame:
    part = profiles.metadata(wells)[~profiles.column(wells, CONTROL).astype(bool)]
    known = [TREATMENT, *(name for name in _DESCRIBED if name in part)]
    return part[known].dropna(subset=[TREATMENT]).drop_duplicates(TREATMENT)


def _test(session: Session, wells: pd.DataFrame) -> pd.DataFrame:
    from phenolens.evaluate.activity import activity

    settings = session.study.evaluate
    controls = profiles.column(wells, CONTROL).astype(bool)
    if not controls.any():
        raise DesignError("No control well is left to judge, so activity cannot be tested.")
    tested = activity(
        wells,
        same_by=TREATMENT,
        controls=controls,
        within=PLATE if _controls_on_every_plate(wells, controls) else None,
        permutations=settings.permutations,
        alpha=settings.alpha,
        seed=session.seed,
    )
    references = pd.Series(controls).groupby(profiles.column(wells, PLATE)).sum()
    plates = profiles.metadata(wells).loc[~controls, [TREATMENT, PLATE]].drop_duplicates()
    counts = plates.assign(n_references=plates[PLATE].map(references)).groupby(TREATMENT)
    return tested[[TREATMENT, *_TESTED]].merge(
        counts["n_references"].sum().reset_index(), on=TREATMENT, how="left"
    )


def _controls_on_every_plate(wells: pd.DataFrame, controls: np.ndarray) -> bool:
    plates = profiles.column(wells, PLATE)
    return set(plates[controls]) == set(plates)


def _untested(treated: pd.DataFrame) -> pd.DataFrame:
    empty = dict.fromkeys([*_TESTED, "n_references"], np.nan)
    return treated[[TREATMENT]].assign(**empty)


def _cell_loss(wells: pd.DataFrame) -> pd.DataFrame:
    """Cell count of each treatment over that of its plates' controls, with a rank-sum p."""
    from scipy.stats import mannwhitneyu

    metadata = profiles.metadata(wells)
    columns = ["cell_count_ratio", "cell_count_p"]
    if CELL_COUNT not in metadata:
        return pd.DataFrame({TREATMENT: []} | {name: [] for name in columns})
    controls = metadata[CONTROL].astype(bool)
    middle = metadata[controls].groupby(PLATE)[CELL_COUNT].median()
    ratio = metadata[CELL_COUNT].astype(float) / metadata[PLATE].map(middle)
    rows = []
    for treatment, part in ratio[~controls].groupby(metadata[TREATMENT]):
        part, base = part.dropna(), ratio[controls].dropna()
        p = mannwhitneyu(part, base).pvalue if len(part) > 1 and len(base) > 1 else np.nan
        rows.append((treatment, part.median(), p))
    return pd.DataFrame(rows, columns=[TREATMENT, *columns])


def activity_results(table: pd.DataFrame, *, alpha: float) -> list[dict]:
    """Rows of ``results.parquet`` for one representation's activity table."""
    from phenolens.evaluate.matching import bootstrap_mean
    from phenolens.evaluate.multiple_testing import share_interval

    name, tested = table["representation"].iloc[0], table[table["p"].notna()]
    if not len(tested):
        return []
    found, n = int((tested["q"] < alpha).sum()), len(tested)
    interval = share_interval(found, n)
    row = result(
        name, "activity", "fraction_active", value=found / n, interval=interval, n=n, unit=_UNIT
    )
    return [row] + [_mean_row(name, tested[metric], bootstrap_mean) for metric in _MEANS]


def _mean_row(name: str, values: pd.Series, interval_of: Callable) -> dict:
    known = values.dropna().to_numpy()
    interval = interval_of(known, seed=0)
    metric = f"mean_{values.name}"
    return result(
        name, "activity", metric, value=known.mean(), interval=interval, n=len(known), unit=_UNIT
    )
