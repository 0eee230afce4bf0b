"""Part of step `evaluate`: which treatments are active, representation by representation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.results import result
from phenolens.profiles import CELL_COUNT, CONTROL, PLATE, TREATMENT
from phenolens.study.activity_tests import TESTED, Tested, run_tests
from phenolens.study.design import Design
from phenolens.study.session import Session

JUDGES = ("judge", "swap-a", "swap-b")
CONTROLS_REUSED = "the controls also normalized these profiles (controls-reused)"
_DESCRIBED = ("Metadata_Compound", "Metadata_Concentration", "Metadata_Mechanism")
_UNIT = "treatment"
_MEANS = ("map", "map_normalized")


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
) -> tuple[pd.DataFrame, dict]:
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

    Returns
    -------
    table : DataFrame
    summary : dict
        What the tests say as a whole: share called, attainable p, type-I on control positions.
    """
    treated = _treatments(wells)
    rows = judged(wells, design, calibrated_elsewhere=elsewhere)
    part = profiles.take(wells, rows)
    try:
        tested = run_tests(session, part)
    except (DesignError, InputError) as error:
        tested = Tested(_untested(treated), "none", {}, str(error))
    table = treated.merge(tested.table, on=TREATMENT, how="left")
    table = table.merge(_references(part), on=TREATMENT, how="left")
    table = table.merge(_cell_loss(wells), on=TREATMENT, how="left")
    table["n"] = table["n"].fillna(0).astype(np.int64)
    table["active"] = (table["q"] < session.study.evaluate.alpha).fillna(False)
    notes = [tested.note, CONTROLS_REUSED if elsewhere and tested.test != "none" else ""]
    note = "; ".join(filter(None, notes))
    table["note"] = np.where(table["p"].notna(), note, note or "fewer than two comparable wells")
    table.insert(0, "representation", name)
    return table.assign(test=tested.test).sort_values(TREATMENT, ignore_index=True), tested.summary


def _treatments(wells: pd.DataFrame) -> pd.DataFrame:
    part = profiles.metadata(wells)[~profiles.column(wells, CONTROL).astype(bool)]
    known = [TREATMENT, *(name for name in _DESCRIBED if name in part)]
    return part[known].dropna(subset=[TREATMENT]).drop_duplicates(TREATMENT)


def _untested(treated: pd.DataFrame) -> pd.DataFrame:
    return treated[[TREATMENT]].assign(**dict.fromkeys(TESTED, np.nan))


def _references(wells: pd.DataFrame) -> pd.DataFrame:
    """How many judging controls stand on the plates of each treatment."""
    metadata = profiles.metadata(wells)
    controls = metadata[CONTROL].astype(bool)
    counts = controls.groupby(metadata[PLATE]).sum()
    plates = metadata.loc[~controls, [TREATMENT, PLATE]].drop_duplicates()
    references = plates.assign(n_references=plates[PLATE].map(counts))
    return references.groupby(TREATMENT, as_index=False)["n_references"].sum()


def _cell_loss(wells: pd.DataFrame) -> pd.DataFrame:
    """Cell count of each treatment over that of its plates' controls, with a rank-sum p."""
    metadata = profiles.metadata(wells)
    columns = [TREATMENT, "cell_count_ratio", "cell_count_p"]
    if CELL_COUNT not in metadata:
        return pd.DataFrame(columns=columns).astype(dict.fromkeys(columns[1:], float))
    return pd.DataFrame(_cell_losses(metadata), columns=columns)


def _cell_losses(metadata: pd.DataFrame) -> Iterator[tuple[str, float, float]]:
    from scipy.stats import mannwhitneyu

    controls = metadata[CONTROL].astype(bool)
    middle = metadata[controls].groupby(PLATE)[CELL_COUNT].median()
    ratio = metadata[CELL_COUNT].astype(float) / metadata[PLATE].map(middle)
    base = ratio[controls].dropna()
    for treatment, part in ratio[~controls].groupby(metadata[TREATMENT]):
        known = part.dropna()
        testable = len(known) > 1 and len(base) > 1
        p = mannwhitneyu(known, base).pvalue if testable else np.nan
        yield treatment, known.median(), p


def activity_results(table: pd.DataFrame, *, alpha: float) -> list[dict]:
    """Rows of ``results.parquet`` for one representation's activity table."""
    from phenolens.evaluate.matching import bootstrap_mean
    from phenolens.evaluate.multiple_testing import share_interval

    name, tested = table["representation"].iloc[0], table[table["p"].notna()]
    if not len(tested):
        return []
    shares = {"fraction_active": "q", "fraction_p": "p", "fraction_active_plain": "q_plain"}
    rows = []
    for metric, column in shares.items():
        if column in tested:
            found, n = int((tested[column] < alpha).sum()), len(tested)
            interval = share_interval(found, n)
            rows.append(_row(name, metric, found / n, n=n, interval=interval))
    return rows + [_mean_row(name, tested[metric], bootstrap_mean) for metric in _MEANS]


def position_results(name: str, summary: dict) -> list[dict]:
    """Type-I on control positions and the cross-position drop, as rows of ``results.parquet``."""
    safe = summary.get("position_safe", {})
    rows = []
    for test, told in safe.get("type_1", {}).items():
        interval = (told["low"], told["high"])
        metric = f"control_positions_called_{test}"
        rows.append(_row(name, metric, told["share"], n=told["judged"], interval=interval))
    crossed = safe.get("cross_position") or {}
    if "drop" in crossed:
        interval = (crossed["drop_low"], crossed["drop_high"])
        n = crossed["perturbations"]
        rows.append(_row(name, "cross_position_drop", crossed["drop"], n=n, interval=interval))
    return rows


def _row(name: str, metric: str, value: float, **rest: object) -> dict:
    return result(name, "activity", metric, value=value, unit=_UNIT, **rest)


def _mean_row(name: str, values: pd.Series, interval_of: Callable) -> dict:
    known = values.dropna().to_numpy()
    metric = f"mean_{values.name}"
    return _row(name, metric, known.mean(), n=len(known), interval=interval_of(known, seed=0))
