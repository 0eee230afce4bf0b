"""Does the test hold on controls? Groups of them, in the treatments' shape, tested as treatments.

A group's own wells take no part in its null, as a treatment's do not. No more than one group in
twenty should be called at p <= 0.05; where more are, the test takes something else for an effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.evaluate.activity.control_groups import Shape, control_groups, shape_of
from phenolens.evaluate.found import Found
from phenolens.stats.intervals import exact_interval
from phenolens.stats.p_values import p_values
from phenolens.stats.ranking import Ranking

LEVEL = 0.05
FEWEST_GROUPS = 19
_UNKNOWN = {profiles.PLATE: "no-plates-known", profiles.WELL: "no-positions-known"}
OUTCOMES = ("calibrated", "calls-controls", "too-few-groups", "not-possible")


@dataclass(frozen=True)
class ControlCheck:
    """How often groups of controls are called active, beside how often treatments are.

    Attributes
    ----------
    test : str
        Name of the test, as in the table of activity.
    shape : str
        How the wells of a group lie, as most treatments do; see
        :class:`phenolens.evaluate.activity.control_groups.Shape`. Empty where no treatment has two
        wells.
    wells, groups : int
        Wells in a group; groups tested.
    called : int
        Groups with p <= 0.05.
    share, low, high : float or None
        Of the groups, with the exact 95 % interval (Clopper and Pearson); None without a group.
    called_at_alpha : int
        Groups with p <= alpha of the settings.
    p_attainable : float or None
        Smallest p that every group could have had.
    rows, rows_used, columns, columns_used : int
        Rows (columns) of the plate that hold wells of the groups, and those in use at all.
    treatments, treatments_called : int
        Treatments tested, and those with p <= 0.05.
    outcome : {"calibrated", "calls-controls", "too-few-groups", "not-possible"}
        ``calls-controls`` where so many would be called in less than one of twenty sound tests.
    why : str
        Codes of why no group could be tested, if none was, parted by blanks.
    covered : bool or None
        Whether controls lie where the treatments lie, as far as the caller knows.
    """

    test: str
    shape: str
    wells: int
    groups: int
    called: int
    share: float | None
    low: float | None
    high: float | None
    called_at_alpha: int
    p_attainable: float | None
    rows: int
    rows_used: int
    columns: int
    columns_used: int
    treatments: int
    treatments_called: int
    outcome: str
    why: str = ""
    covered: bool | None = None


@dataclass(frozen=True)
class Grouped:
    """Wells of a ranking on their plates, and controls in groups of the treatments' shape.

    Attributes
    ----------
    place : ndarray of int64, shape (n_wells, 2)
        Zero-based rows and columns; empty where they are not known.
    shape : Shape or None
    groups : list of ndarray of int64
        Rows of each group.
    why : str
        Codes of why there is no group, if there is none.
    """

    place: np.ndarray
    shape: Shape | None
    groups: list[np.ndarray]
    why: str = ""


def grouped(ranking: Ranking, *, seed: int = 0) -> Grouped:
    """Deal the controls of a ranking into groups that lie as most of its treatments do."""
    table = ranking.wells.table
    nowhere = Grouped(np.empty((0, 2), np.int64), None, [])
    missing = [name for name in profiles.WELL_KEY if name not in table.index.names]
    if missing:
        return replace(nowhere, why=" ".join(_UNKNOWN[name] for name in missing))
    names = profiles.column(table, profiles.WELL)
    try:
        known = {name: profiles.well_name(name) for name in dict.fromkeys(names)}
    except InputError:
        return replace(nowhere, why="wells-not-named")
    place = profiles.well_position(known[name] for name in names)
    plate = ranking.wells.codes(profiles.PLATE)
    shape = shape_of(plate, place, ranking.group)
    if shape is None:
        return Grouped(place, None, [], "no-treatment-in-two-wells")
    groups = control_groups(
        shape, plate, place, group=ranking.group, control=ranking.control, seed=seed
    )
    return Grouped(place, shape, groups, "" if groups else "no-controls-in-shape")


def check_by_null(
    ranking: Ranking,
    treated: np.ndarray,
    *,
    null: str,
    permutations: int,
    alpha: float = 0.05,
    seed: int = 0,
) -> Found:
    """Test groups of controls by the null that the treatments of a ranking were tested by.

    Parameters
    ----------
    ranking : Ranking
    treated : ndarray of float64
        p of the treatments.
    null, permutations, seed
        Those of :func:`phenolens.stats.p_values.p_values`.
    alpha : float
        Level of the settings, beside 0.05.

    Returns
    -------
    Found
        As :func:`control_check_of`.
    """
    found = grouped(ranking, seed=seed)
    p = floor = np.empty(0)
    if found.groups:
        p, floor = p_of_groups(
            ranking, found.groups, null=null, permutations=permutations, seed=seed
        )
    return control_check_of(ranking, found, p, floor=floor, treated=treated, test=null, alpha=alpha)


def p_of_groups(
    ranking: Ranking, groups: Sequence[np.ndarray], *, null: str, permutations: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """p of groups of controls among the other controls, and the smallest it could have been."""
    code = np.full(len(ranking.group), -1, dtype=np.int64)
    for number, rows in enumerate(groups):
        code[rows] = number
    ranking = replace(ranking, group=code, reference=ranking.control)
    scores = ranking.scores()
    group = ranking.group[scores.query]
    mean = np.bincount(group, weights=scores.value) / np.bincount(group)
    return p_values(ranking, scores, mean, null=null, times=permutations, seed=seed)


def control_check_of(
    ranking: Ranking,
    found: Grouped,
    p: np.ndarray,
    *,
    floor: np.ndarray,
    treated: np.ndarray,
    test: str,
    alpha: float,
) -> Found:
    """What the p of groups of controls say of a test.

    Parameters
    ----------
    ranking : Ranking
    found : Grouped
    p, floor : ndarray of float64, shape (n_groups,)
        p of each group, NaN where it could not be tested, and the smallest it could have been.
    treated : ndarray of float64
        p of the treatments.
    test : str
    alpha : float

    Returns
    -------
    Found
        ``summary``: the fields of :class:`ControlCheck`; ``table``: one row a group, ``wells``
        (``plate/well`` of each), ``n``, ``p``, ``p_attainable``.
    """
    from scipy.stats import binom

    asked = np.isfinite(p)
    groups, called = int(asked.sum()), int((p[asked] <= LEVEL).sum())
    low, high = exact_interval(called, groups) if groups else (None, None)
    smallest = float(floor[asked].max()) if groups else None
    why = found.why or ("" if groups else "groups-without-others")
    if not why and smallest is not None and smallest > LEVEL:
        why = "groups-p-too-large"
    if why:
        outcome = "not-possible"
    elif binom.sf(called - 1, groups, LEVEL) < LEVEL:
        outcome = "calls-controls"
    else:
        outcome = "too-few-groups" if groups < FEWEST_GROUPS else "calibrated"
    treated = treated[np.isfinite(treated)]
    held = [found.groups[k] for k in np.flatnonzero(asked)]
    wells = found.place[np.concatenate(held)] if held else np.empty((0, 2), np.int64)
    used = found.place[(ranking.group >= 0) | ranking.control] if len(found.place) else wells
    (rows, columns), (rows_used, columns_used) = (
        tuple(len(np.unique(line)) for line in places.T) for places in (wells, used)
    )
    check = ControlCheck(
        test=test,
        shape=found.shape.code if found.shape else "",
        wells=sum(found.shape.wells) if found.shape else 0,
        groups=groups,
        called=called,
        share=called / groups if groups else None,
        low=low,
        high=high,
        called_at_alpha=int((p[asked] <= alpha).sum()),
        p_attainable=smallest,
        rows=rows,
        rows_used=rows_used,
        columns=columns,
        columns_used=columns_used,
        treatments=len(treated),
        treatments_called=int((treated <= LEVEL).sum()),
        outcome=outcome,
        why=why,
    )
    names = profiles.well_names(ranking.wells.table) if found.groups else []
    table = pd.DataFrame(
        {
            "wells": [" ".join(names[row] for row in rows) for rows in found.groups],
            "n": np.array([len(rows) for rows in found.groups], dtype=np.int64),
            "p": p,
            "p_attainable": floor,
        }
    )
    return Found(table, asdict(check))


def certifies(check: Mapping[str, object]) -> bool:
    """Whether a control check shows that a test of these treatments holds its level."""
    elsewhere = check.get("covered") in (True, False) and not check["covered"]
    return check["outcome"] == "calibrated" and not elsewhere
