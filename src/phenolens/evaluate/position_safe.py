"""Activity where treatment and position cannot be told apart by the layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.exam import Exam, set_exam
from phenolens.evaluate.found import Found
from phenolens.evaluate.label_permutation import permuted
from phenolens.evaluate.multiple_testing import benjamini_hochberg, share_interval
from phenolens.evaluate.position_model import FEWEST
from phenolens.evaluate.position_null import Screen, Verdict, deal, examine
from phenolens.evaluate.retrieval import POSITION, across_exam, with_position
from phenolens.evaluate.summary import means, summarize
from phenolens.evaluate.wells import select

JUDGES = 8
FORMATS = ((8, 12), (16, 24), (32, 48))


def position_safe(
    table: pd.DataFrame,
    *,
    same_by: str | Sequence[str],
    controls: np.ndarray | str,
    within: str | Sequence[str] | None = None,
    permutations: int = 1_000,
    alpha: float = 0.05,
    seed: int = 0,
) -> Found:
    """Activity against control wells that share a position across plates.

    Parameters
    ----------
    table : DataFrame
        Profile table, one row a well, with ``Metadata_Plate`` and ``Metadata_Well``.
    same_by : str or sequence of str
        Columns that name a perturbation.
    controls : ndarray of bool, or str
        Negative controls; at least 16 positions, repeated on the plates.
    within : str or sequence of str, optional
        References share these columns with the query. Plate means are taken out beforehand, so
        the controls of all the perturbation's plates may compete; the plate leaves a quarter of
        its controls per query.
    permutations : int
        Choices of control positions tried for a perturbation that sits at several.
    alpha : float
    seed : int

    Returns
    -------
    Found
        As :func:`phenolens.evaluate.activity.activity`; ``map`` is that of the wells less the
        position model, in the metric of the controls. ``p`` counts control positions and has the
        floor ``p_attainable``; ``p_smooth`` and ``q_smooth`` continue it by Student's t.
        ``summary`` adds ``type_1`` (control positions that neither fitted nor formed the null,
        called at ``alpha``: by this test, by its smoothed tail, and by the plain label
        permutation), by ring, and ``cross_position`` (the drop of retrieval at a second position).
        ``more["judged"]``: the judged control positions, as :func:`judge` gives them, and
        ``p_plain`` (label permutation).

    Raises
    ------
    DesignError
        If there are too few control positions, or the per-position means have been subtracted.
    """
    require_plate_and_well(table)
    table, control, dropped = _calibrated(with_position(table), select(table, controls))
    exam = set_exam(table, same_by=same_by, controls=control, within=within)
    screen = screen_of(exam)
    control = np.flatnonzero(exam.control)
    refuse_centred_positions(screen, control)
    verdict = examine(screen, list(exam.groups()), control, labellings=permutations, seed=seed)
    result = _result(exam, verdict)
    judged = judge(screen, control, seed=seed)
    judged["p_plain"] = _plain(exam, judged, permutations=permutations, seed=seed)
    summary = _summary(exam, result, judged, alpha=alpha, seed=seed) | {
        "null": "control positions",
        "permutations": permutations,
        "seed": seed,
        "excluded": exam.excluded | dropped,
    }
    return Found(result, summary, {"judged": judged})


def _calibrated(
    table: pd.DataFrame, control: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray, dict[str, int]]:
    """Wells of plates with enough controls to tell their mean, in every deal of roles."""
    plate, _ = profiles.groups(table, [profiles.PLATE])
    enough = np.bincount(plate, weights=control)[plate] >= FEWEST
    if not enough.any():
        raise DesignError(f"No plate has {FEWEST} control wells, as position-safe activity needs.")
    reason = f"wells of plates with fewer than {FEWEST} controls"
    dropped = {reason: int((~enough).sum())} if not enough.all() else {}
    return profiles.take(table, enough), control[enough], dropped


def screen_of(exam: Exam) -> Screen:
    """Wells of an exam by plate and position (needs ``Metadata_Position``)."""
    table = exam.wells.table
    position = profiles.well_position(profiles.column(table, POSITION))
    spot = position[:, 0] * 48 + position[:, 1]
    shape = next(f for f in FORMATS if (position.max(axis=0) < f).all())
    plate = exam.wells.codes(profiles.PLATE)
    return Screen(exam.wells.values(), plate, position, spot, shape, exam.within)


def _result(exam: Exam, verdict: Verdict) -> pd.DataFrame:
    order = np.concatenate(list(exam.groups()))
    result = means(exam.names, exam.group[order], verdict.scores)
    result["p"], result["p_attainable"] = verdict.p, verdict.floor
    result["q"] = benjamini_hochberg(verdict.p)
    result["p_smooth"] = verdict.p_smooth
    result["q_smooth"] = benjamini_hochberg(verdict.p_smooth)
    return result


def judge(
    screen: Screen, controls: np.ndarray, *, judges: int = JUDGES, seed: int = 0
) -> pd.DataFrame:
    """Test every control position as if it were a perturbation, with all roles kept apart.

    A position that is judged has neither fitted nor formed the null nor been a reference.

    Returns
    -------
    DataFrame
        ``position`` (well name), ``outer`` (in the two outer rings), ``n``, ``map``, ``p``,
        ``p_smooth``, ``p_attainable``.
    """
    parts = []
    dealt = deal(screen, controls, judges, seed=seed + 1)
    for fold in range(dealt.max() + 1):
        groups = _replicated(screen, controls[dealt == fold])
        if groups:
            verdict = examine(screen, groups, controls[dealt != fold], seed=seed)
            parts.append(_judged(screen, groups, verdict))
    if not parts:
        raise DesignError("No control position is repeated on two plates, so none can be judged.")
    return pd.concat(parts, ignore_index=True).sort_values("position", ignore_index=True)


def _replicated(screen: Screen, rows: np.ndarray) -> list[np.ndarray]:
    groups = [rows[screen.spot[rows] == spot] for spot in np.unique(screen.spot[rows])]
    return [group for group in groups if len(group) > 1]


def _judged(screen: Screen, groups: list[np.ndarray], verdict: Verdict) -> pd.DataFrame:
    first = [group[0] for group in groups]
    names = [profiles.row_letters(r) + f"{c + 1:02d}" for r, c in screen.position[first]]
    code = np.repeat(np.arange(len(groups)), list(map(len, groups)))
    return pd.DataFrame(
        {
            "position": names,
            "outer": screen.outer[first] > 0,
            "n": list(map(len, groups)),
            "map": np.bincount(code, weights=verdict.scores.value) / np.bincount(code),
            "p": verdict.p,
            "p_smooth": verdict.p_smooth,
            "p_attainable": verdict.floor,
        }
    )


def _plain(exam: Exam, judged: pd.DataFrame, *, permutations: int, seed: int) -> np.ndarray:
    """Label-permutation p of the judged positions: what position alone does to the usual test."""
    position = pd.Series(profiles.column(exam.wells.table, POSITION))
    number = position.map({name: k for k, name in enumerate(judged["position"])})
    group = np.where(exam.control & number.notna(), number.fillna(-1), -1).astype(np.int64)
    exam = replace(exam, group=group, reference=exam.control)
    scores = exam.scores()
    code = exam.group[scores.query]
    mean = np.bincount(code, weights=scores.value) / np.bincount(code)
    return permuted(exam, mean, permutations=max(permutations, 999), seed=seed)[0]


def _summary(
    exam: Exam, result: pd.DataFrame, judged: pd.DataFrame, *, alpha: float, seed: int
) -> dict[str, object]:
    smooth = result.assign(p=result["p_smooth"], q=result["q_smooth"])
    called = summarize(smooth, alpha=alpha)
    return summarize(result, alpha=alpha) | {
        "smooth": {key: called[key] for key in called if key.startswith("fraction")},
        "type_1": {
            "at_position_null": _called(judged["p"], alpha),
            "at_smooth_tail": _called(judged["p_smooth"], alpha),
            "at_smooth_tail_0.01": _called(judged["p_smooth"], 0.01),
            "at_label_permutation": _called(judged["p_plain"], alpha),
            "outer_rings": _called(judged["p"][judged["outer"]], alpha),
            "interior": _called(judged["p"][~judged["outer"]], alpha),
        },
        "nested_share": nested_share(exam),
        "cross_position": _cross_position(exam, seed),
    }


def _called(p: pd.Series, alpha: float) -> dict[str, float]:
    p = p[np.isfinite(p)]
    count = int((p < alpha).sum())
    low, high = share_interval(count, len(p))
    return {"called": count, "judged": len(p), "share": count / max(len(p), 1),
            "low": low, "high": high}  # fmt: skip


def _cross_position(exam: Exam, seed: int) -> dict[str, object]:
    try:
        place = exam.wells.codes(POSITION)
        return across_exam(exam, place, name="position", seed=seed).summary
    except DesignError:
        return {"across": "position", "perturbations": 0}


def nested_share(exam: Exam) -> float:
    """Share of perturbations that sit at one position on every plate, where no control sits."""
    spot = exam.wells.codes(POSITION)
    of_controls = np.unique(spot[exam.control])
    nested = [
        len(np.unique(spot[rows])) == 1 and spot[rows[0]] not in of_controls
        for rows in exam.groups()
    ]
    return float(np.mean(nested))


def refuse_position_means(
    table: pd.DataFrame, *, same_by: str | Sequence[str], controls: np.ndarray | str
) -> None:
    """Raise where subtracting per-position means would erase the treatments.

    Raises
    ------
    DesignError
        If perturbations sit at one position on every plate, alone there.
    """
    exam = set_exam(with_position(table), same_by=same_by, controls=controls)
    share = nested_share(exam)
    if share > 0:
        raise DesignError(
            f"Subtracting each position's mean would erase {share:.0%} of the perturbations: each "
            "sits at one position on every plate, so its mean is its effect. Fit position on "
            "controls only, or randomise the layout between plates."
        )


def refuse_centred_positions(screen: Screen, controls: np.ndarray) -> None:
    """Raise where the table shows that per-position means have already been subtracted.

    Raises
    ------
    DesignError
        If the plates' mean is zero at every control position, feature by feature.
    """
    spots, code = np.unique(screen.spot[controls], return_inverse=True)
    values = screen.values[controls]
    if len(spots) == len(controls):
        return
    total = np.zeros((len(spots), values.shape[1]))
    np.add.at(total, code, values)
    left = (total / np.bincount(code)[:, None]).std()
    if left < 1e-4 * max(values.std(), np.finfo(float).tiny):
        raise DesignError(
            "Every position has mean zero over the plates: per-position means were subtracted, "
            "which erases treatments that keep their position. Use the profiles before that step."
        )


def require_plate_and_well(table: pd.DataFrame) -> None:
    """Raise :class:`InputError` where wells cannot be placed on plates."""
    missing = [name for name in profiles.WELL_KEY if name not in table.index.names]
    if missing:
        raise InputError(f"Position-safe activity needs the columns {', '.join(missing)}.")
