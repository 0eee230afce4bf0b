"""Activity where treatment and position are not separated by the layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.activity.control_check import control_check_of, grouped, p_of_groups
from phenolens.evaluate.activity.position_null import (
    PlacedWells,
    PositionTest,
    position_folds,
    position_test,
)
from phenolens.evaluate.found import Found
from phenolens.evaluate.matching.retrieval import POSITION, retrieval_across, with_position
from phenolens.findings import Finding
from phenolens.normalize.position import FEWEST
from phenolens.stats.intervals import wilson_interval
from phenolens.stats.label_permutation import permuted
from phenolens.stats.multiple_testing import benjamini_hochberg
from phenolens.stats.ranking import Ranking, rank_against
from phenolens.stats.summary import means, summarize
from phenolens.stats.wells import select

HELD_OUT_FOLDS = 8
PLAIN_PERMUTATIONS = 999


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
        As :func:`phenolens.evaluate.activity.activity.activity`; ``map`` is that of the wells less
        the position model, in the metric of the controls. ``p`` counts control positions and has
        the floor ``p_attainable``; ``p_smooth`` and ``q_smooth`` continue it by Student's t.
        ``summary`` adds ``type_1`` (control positions that neither fitted nor formed the null,
        called at ``alpha``: by this test, by its smoothed tail, and by the plain label
        permutation), by ring, ``cross_position`` (the drop of retrieval at a second position), and
        ``control_check`` (:class:`phenolens.evaluate.activity.control_check.ControlCheck`: controls
        grouped as the treatments lie, which may be at several positions), and
        ``control_check_plain`` (the same groups by label permutation).
        ``more["held_out"]``: the control positions, as :func:`held_out_positions` gives them, and
        ``p_plain`` (label permutation). ``more["control_groups"]``: those of the control check.

    Raises
    ------
    DesignError
        If there are too few control positions, or the per-position means have been subtracted.
    """
    require_plate_and_well(table)
    table, control, dropped = _calibrated(with_position(table), select(table, controls))
    ranking = rank_against(table, same_by=same_by, controls=control, within=within)
    screen = placed_wells(ranking)
    control = np.flatnonzero(ranking.control)
    refuse_centred_positions(screen, control)
    tested = position_test(
        screen, list(ranking.groups()), control, labellings=permutations, seed=seed
    )
    result = _result(ranking, tested)
    held_out = held_out_positions(screen, control, seed=seed)
    held_out["p_plain"], floor = _plain(ranking, held_out, permutations=permutations, seed=seed)
    check, plainly = _checks(
        ranking,
        screen,
        held_out.assign(floor_plain=floor),
        treated=tested.p,
        alpha=alpha,
        seed=seed,
    )
    summary = _summary(ranking, result, held_out, alpha=alpha, seed=seed) | {
        "control_check": check.summary,
        "control_check_plain": plainly.summary,
        "null": "control positions",
        "permutations": permutations,
        "seed": seed,
        "excluded": ranking.excluded | dropped,
    }
    return Found(result, summary, {"held_out": held_out, "control_groups": check.table})


def _calibrated(
    table: pd.DataFrame, control: np.ndarray
) -> tuple[pd.DataFrame, np.ndarray, dict[str, int]]:
    """Wells of plates with enough controls to estimate their mean, whatever the roles."""
    plate, _ = profiles.groups(table, [profiles.PLATE])
    enough = np.bincount(plate, weights=control)[plate] >= FEWEST
    if not enough.any():
        raise DesignError(Finding("no-plate-with-controls", "error", {}, {"needed": FEWEST}))
    reason = f"wells of plates with fewer than {FEWEST} controls"
    dropped = {reason: int((~enough).sum())} if not enough.all() else {}
    return profiles.take(table, enough), control[enough], dropped


def placed_wells(ranking: Ranking) -> PlacedWells:
    """Wells of a ranking by plate and position (needs ``Metadata_Position``)."""
    table = ranking.wells.table
    position = profiles.well_position(profiles.column(table, POSITION))
    spot = position[:, 0] * 48 + position[:, 1]
    shape = profiles.plate_shape(position, fewest=96)
    plate = ranking.wells.codes(profiles.PLATE)
    return PlacedWells(ranking.wells.values(), plate, position, spot, shape, ranking.within)


def _result(ranking: Ranking, tested: PositionTest) -> pd.DataFrame:
    order = np.concatenate(list(ranking.groups()))
    result = means(ranking.names, ranking.group[order], tested.scores)
    result["p"], result["p_attainable"] = tested.p, tested.floor
    result["q"] = benjamini_hochberg(tested.p)
    result["p_smooth"] = tested.p_smooth
    result["q_smooth"] = benjamini_hochberg(tested.p_smooth)
    return result


def held_out_positions(
    screen: PlacedWells,
    controls: np.ndarray,
    *,
    groups: Sequence[np.ndarray] | None = None,
    folds: int = HELD_OUT_FOLDS,
    seed: int = 0,
) -> pd.DataFrame:
    """Test every control position as if it were a perturbation, with all roles kept apart.

    A position that is held out has neither fitted nor formed the null nor been a reference.

    Parameters
    ----------
    screen : PlacedWells
    controls : ndarray of int64
        Rows of control wells.
    groups : sequence of ndarray of int64, optional
        Rows of the groups that are tested; by default the wells of each position.
    folds : int
        Folds of positions (or groups) that are held out in turn.
    seed : int

    Returns
    -------
    DataFrame
        ``position`` (well name), ``outer`` (in the two outer rings), ``n``, ``map``, ``p``,
        ``p_smooth``, ``p_attainable``; of given groups in their order, with the first position.
    """
    parts, turns = [], []
    if groups is None:
        fold_of = position_folds(screen, controls, folds, seed=seed + 1)
        for fold in range(fold_of.max() + 1):
            own = controls[fold_of == fold]
            turns.append((_replicated(screen, own), own))
    else:
        fold_of = np.random.default_rng(seed + 1).permutation(len(groups)) % folds
        for fold in range(min(folds, len(groups))):
            own = [rows for rows, turn in zip(groups, fold_of, strict=True) if turn == fold]
            spots = screen.spot[np.concatenate(own)]
            turns.append((own, controls[np.isin(screen.spot[controls], spots)]))
    for own, out in turns:
        if own:
            found = position_test(screen, own, np.setdiff1d(controls, out), seed=seed)
            parts.append(_tested(screen, own, found))
    if not parts:
        raise DesignError(Finding("no-position-repeated", "error"))
    table = pd.concat(parts, ignore_index=True)
    if groups is None:
        return table.sort_values("position", ignore_index=True)
    return table.set_axis(np.argsort(fold_of, kind="stable")).sort_index()


def _replicated(screen: PlacedWells, rows: np.ndarray) -> list[np.ndarray]:
    groups = [rows[screen.spot[rows] == spot] for spot in np.unique(screen.spot[rows])]
    return [group for group in groups if len(group) > 1]


def _tested(screen: PlacedWells, groups: list[np.ndarray], found: PositionTest) -> pd.DataFrame:
    first = [group[0] for group in groups]
    names = [profiles.row_letters(r) + f"{c + 1:02d}" for r, c in screen.position[first]]
    code = np.repeat(np.arange(len(groups)), list(map(len, groups)))
    return pd.DataFrame(
        {
            "position": names,
            "outer": screen.outer[first] > 0,
            "n": list(map(len, groups)),
            "map": np.bincount(code, weights=found.scores.value) / np.bincount(code),
            "p": found.p,
            "p_smooth": found.p_smooth,
            "p_attainable": found.floor,
        }
    )


def _plain(
    ranking: Ranking, held_out: pd.DataFrame, *, permutations: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Label-permutation p of the held-out positions: what position alone does to the usual test."""
    position = pd.Series(profiles.column(ranking.wells.table, POSITION))
    number = position.map({name: k for k, name in enumerate(held_out["position"])})
    groups = [np.flatnonzero(ranking.control & (number == k)) for k in range(len(held_out))]
    times = max(permutations, PLAIN_PERMUTATIONS)
    return p_of_groups(ranking, groups, null="label-permutation", permutations=times, seed=seed)


def _checks(
    ranking: Ranking,
    screen: PlacedWells,
    held_out: pd.DataFrame,
    *,
    treated: np.ndarray,
    alpha: float,
    seed: int,
) -> tuple[Found, Found]:
    """Control check of this test and of label permutation.

    Its groups are the held-out positions, or several positions each where treatments lie so.
    """
    found = grouped(ranking, seed=seed)
    at_one = found.shape is not None and found.shape.code == "same-position"
    if at_one and sorted(map(len, found.groups)) == sorted(held_out["n"]):
        names = profiles.column(ranking.wells.table, POSITION)
        by_name = {names[rows[0]]: rows for rows in found.groups}
        found = replace(found, groups=[by_name[name] for name in held_out["position"]])
    elif found.groups:
        try:
            held_out = held_out_positions(
                screen, np.flatnonzero(ranking.control), groups=found.groups, seed=seed
            )
            p, floor = p_of_groups(
                ranking,
                found.groups,
                null="label-permutation",
                permutations=PLAIN_PERMUTATIONS,
                seed=seed,
            )
            held_out = held_out.assign(p_plain=p, floor_plain=floor)
        except DesignError as error:
            found = replace(found, groups=[], why=str(error).rstrip("."))
    groups_p = (held_out if found.groups else held_out.iloc[:0]).astype(
        {"p": float, "p_plain": float}
    )
    scores = ranking.scores()
    group = ranking.group[scores.query]
    size = np.maximum(np.bincount(group), 1)
    mean = (np.bincount(group, weights=scores.value) / size)[np.unique(group)]
    plain, _ = permuted(ranking, mean, permutations=PLAIN_PERMUTATIONS, seed=seed)
    check = control_check_of(
        ranking, found, groups_p["p"].to_numpy(), floor=groups_p["p_attainable"].to_numpy(),
        treated=treated, test="position-safe", alpha=alpha,
    )  # fmt: skip
    plainly = control_check_of(
        ranking, found, groups_p["p_plain"].to_numpy(), floor=groups_p["floor_plain"].to_numpy(),
        treated=plain, test="label-permutation", alpha=alpha,
    )  # fmt: skip
    return check, plainly


def _summary(
    ranking: Ranking, result: pd.DataFrame, held_out: pd.DataFrame, *, alpha: float, seed: int
) -> dict[str, object]:
    smooth = result.assign(p=result["p_smooth"], q=result["q_smooth"])
    called = summarize(smooth, alpha=alpha)
    return summarize(result, alpha=alpha) | {
        "smooth": {key: called[key] for key in called if key.startswith("fraction")},
        "type_1": {
            "at_position_null": _called(held_out["p"], alpha),
            "at_smooth_tail": _called(held_out["p_smooth"], alpha),
            "at_smooth_tail_0.01": _called(held_out["p_smooth"], 0.01),
            "at_label_permutation": _called(held_out["p_plain"], alpha),
            "outer_rings": _called(held_out["p"][held_out["outer"]], alpha),
            "interior": _called(held_out["p"][~held_out["outer"]], alpha),
        },
        "nested_share": nested_share(ranking),
        "cross_position": _cross_position(ranking, seed),
    }


def _called(p: pd.Series, alpha: float) -> dict[str, float]:
    p = p[np.isfinite(p)]
    count = int((p < alpha).sum())
    low, high = wilson_interval(count, len(p))
    return {"called": count, "tested": len(p), "share": count / max(len(p), 1),
            "low": low, "high": high}  # fmt: skip


def _cross_position(ranking: Ranking, seed: int) -> dict[str, object]:
    try:
        place = ranking.wells.codes(POSITION)
        return retrieval_across(ranking, place, name="position", seed=seed).summary
    except DesignError:
        return {"across": "position", "perturbations": 0}


def nested_share(ranking: Ranking) -> float:
    """Share of perturbations that sit at one position on every plate, where no control sits."""
    spot = ranking.wells.codes(POSITION)
    of_controls = np.unique(spot[ranking.control])
    nested = [
        len(np.unique(spot[rows])) == 1 and spot[rows[0]] not in of_controls
        for rows in ranking.groups()
    ]
    return float(np.mean(nested))


def refuse_centred_positions(screen: PlacedWells, controls: np.ndarray) -> None:
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
        raise DesignError(Finding("positions-centred", "error"))


def require_plate_and_well(table: pd.DataFrame) -> None:
    """Raise :class:`InputError` where wells cannot be placed on plates."""
    missing = [name for name in profiles.WELL_KEY if name not in table.index.names]
    if missing:
        raise InputError(f"Position-safe activity needs the columns {', '.join(missing)}.")
