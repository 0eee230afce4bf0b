"""How strong an effect a planned layout finds: simulated profiles, the package's own test."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens.profiles import CONTROL, PLATE, TREATMENT
from phenolens.simulate.planned import Background, simulate_planned
from phenolens.stats.intervals import wilson_interval
from phenolens.stats.permutation import StratifiedLabels, smallest_p
from phenolens.tools.activity import activity

EFFECTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)
EACH, FEWEST = 40, 20  # simulated treatments of each effect
MOST_WELLS = 1_500  # in all, but for the fewest of each effect
MOST_SCREENS = 24
POWER = 0.8
_DRAWS = 200


def evaluation_controls(controls: int) -> int:
    """How many of a plate's control wells evaluate: see :func:`phenolens.splits.control_roles`.

    Two to five take turns, but a half of one well calibrates nothing, so that three leave one
    evaluate and two none.
    """
    if controls >= 6:
        return controls // 3
    return {3: 1, 4: 4, 5: 5}.get(controls, 0)


def attainable(copies: Sequence[int], controls: int, *, permutations: int) -> float:
    """The smallest p that activity can give a treatment; NaN where it cannot be tested.

    Parameters
    ----------
    copies : sequence of int
        Wells of the treatment on each plate that holds it.
    controls : int
        Negative control wells on each plate.
    permutations : int
    """
    evaluating = evaluation_controls(controls)
    if evaluating == 0 or sum(copies) < 2:
        return math.nan
    labelled = tuple(int(count) for count in copies if count)
    return smallest_p(
        StratifiedLabels(tuple(evaluating + n for n in labelled), labelled), permutations
    )


def power_by_effect(
    wells: pd.DataFrame,
    treatments: Sequence[str],
    *,
    background: Background,
    tests: int,
    active: float,
    alpha: float,
    permutations: int,
    seed: int,
) -> pd.DataFrame:
    """Share of treatments that activity finds, by the size of their effect.

    Screens of the layout are simulated in which treatments have one of :data:`EFFECTS` each, and
    activity is asked. What survives the correction for all tests is drawn from the p found: so many
    treatments with the effect, the others uniform.

    Parameters
    ----------
    wells : DataFrame
        The layout, as :func:`phenolens.simulate.planned.simulate_planned` takes it.
    treatments : sequence of str
        Those that are not controls of either kind.
    background : Background
    tests : int
        Number of treatments tested together.
    active : float
        Share of them that have an effect.
    alpha : float
    permutations : int
    seed : int

    Returns
    -------
    DataFrame
        ``effect``, ``n`` (treatments simulated), ``power_p`` (share at p < alpha) with ``low`` and
        ``high`` (95 %), ``power_q`` (share at q < alpha), ``map_normalized`` (mean).

    Raises
    ------
    DesignError
        If activity cannot test this layout.
    """
    rng = np.random.default_rng([seed, 1])
    copies = int(wells[TREATMENT].isin(treatments).sum()) / len(treatments)
    each = int(np.clip(MOST_WELLS / len(EFFECTS) / copies, FEWEST, EACH))
    few = min(len(treatments), each * len(EFFECTS))
    screens = min(math.ceil(each * len(EFFECTS) / few), MOST_SCREENS)
    found = []
    for number in range(screens):
        chosen = [treatments[k] for k in rng.permutation(len(treatments))[:few]]
        turn = (np.arange(few) + number * few) % len(EFFECTS)
        effects = pd.Series(np.array(EFFECTS)[turn], index=chosen)
        part = wells[wells[CONTROL] | wells[TREATMENT].isin(chosen)]
        part = part[part[PLATE].isin(part.loc[~part[CONTROL], PLATE])]
        table = simulate_planned(part, effects, background=background, rng=rng)
        told = activity(
            table, same_by=TREATMENT, normalized=False, permutations=permutations, alpha=alpha,
            seed=seed,
        ).table  # fmt: skip
        found.append(told.assign(effect=told[TREATMENT].map(effects)))
    tested = pd.concat(found, ignore_index=True).dropna(subset=["p", "effect"])
    rows = []
    for effect, part in tested.groupby("effect"):
        p = part["p"].to_numpy()
        count = int((p < alpha).sum())
        low, high = wilson_interval(count, len(p))
        floor = float(part["p_attainable"].max())
        named = _found_together(p, floor, tests=tests, active=active, alpha=alpha, rng=rng)
        rows.append(
            (effect, len(p), count / len(p), low, high, named, part["map_normalized"].mean())
        )
    columns = ["effect", "n", "power_p", "low", "high", "power_q", "map_normalized"]
    return pd.DataFrame(rows, columns=columns)


def _found_together(
    p: np.ndarray, floor: float, *, tests: int, active: float, alpha: float,
    rng: np.random.Generator,
) -> float:  # fmt: skip
    """Share of the active treatments with q < alpha (Benjamini-Hochberg), on average."""
    count = min(max(round(active * tests), 1), tests)
    own = rng.choice(p, size=(_DRAWS, count))
    others = np.minimum(np.ceil(rng.random((_DRAWS, tests - count)) / floor) * floor, 1.0)
    ordered = np.sort(np.concatenate([own, others], axis=1), axis=1)
    rank = np.arange(1, tests + 1)
    passed = (ordered * tests / rank < alpha) * rank
    limit = np.take_along_axis(
        np.pad(ordered, ((0, 0), (1, 0)), constant_values=-1.0), passed.max(axis=1)[:, None], axis=1
    )
    return float((own <= limit).mean())


def effect_found(table: pd.DataFrame, column: str, *, power: float = POWER) -> float:
    """The smallest effect found with this power, between the simulated ones; NaN if none is."""
    effect, share = table["effect"].to_numpy(), np.maximum.accumulate(table[column].to_numpy())
    above = np.flatnonzero(share >= power)
    if not len(above):
        return math.nan
    k = int(above[0])
    if k == 0:
        return float(effect[0])
    step = (power - share[k - 1]) / max(share[k] - share[k - 1], 1e-12)
    return float(effect[k - 1] + step * (effect[k] - effect[k - 1]))
