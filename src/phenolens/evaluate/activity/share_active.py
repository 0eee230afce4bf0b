"""How many treatments are active where the design cannot say which.

With few control positions, or few plates, the smallest p that a test can give is too large for any
single treatment among many to reach q < alpha. An excess of small p still shows that some are
active. All treatments are compared with the same controls, so that their p rise and fall together:
by how much, groups of controls tested as treatments show. Those groups and the inactive treatments
are exchangeable, whatever the test makes of them, and the bound asks for the fewest active
treatments with which the excess of treatments called over groups called is no surprise (Fisher's
exact test, one-sided).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from phenolens.evaluate.activity.control_check import LEVEL
from phenolens.stats.multiple_testing import needed_before_one

CERTAINTY = 0.95


@dataclass(frozen=True)
class ShareActive:
    """Why no single hit can be named, and how many treatments are active all the same.

    Attributes
    ----------
    tests : int
        Treatments tested.
    p_attainable : float
        Smallest p that most treatments can have (the median of theirs).
    needed : int
        Treatments that would have to reach the smallest p before one has q < alpha; 0 where no
        number of them would do.
    limit : {"design", "permutations"}
        What sets the smallest p.
    threshold : float
        0.05, or the smallest p where that is larger.
    called : int
        Treatments with p at the threshold or below.
    groups, groups_called : int
        Groups of controls in the treatments' shape, and those called in the same way.
    share : float or None
        Excess of the treatments called, as a share of treatments; None where withheld.
    low : float or None
        One-sided lower bound of the share of active treatments, 95 %; None where withheld.
    withheld : str
        Code of why there is no share; empty otherwise.
    positions_needed : int
        Control positions with which hits could be named, if as many treatments reach the smallest
        p then; 0 where positions are not compared.
    plates_needed : int
        Replicate plates, each with a layout of its own and with controls as now, on which a single
        hit could be named.
    permutations_needed : int
        Labellings that the smallest p of a single hit takes.
    """

    tests: int
    p_attainable: float
    needed: int
    limit: str
    threshold: float
    called: int
    groups: int
    groups_called: int
    share: float | None
    low: float | None
    withheld: str
    positions_needed: int
    plates_needed: int
    permutations_needed: int


def lower_bound(
    called: int, tests: int, *, groups_called: int, groups: int, level: float = CERTAINTY
) -> float:
    """One-sided lower bound of the share of active treatments.

    Were A of K treatments active, at least called - A of the K - A others would be called. They are
    exchangeable with the groups of controls, so given how many of both are called, that number is
    hypergeometric: A is possible unless it would then be so large in one of twenty screens only.

    Parameters
    ----------
    called, tests : int
        Treatments called, of all tested.
    groups_called, groups : int
        Groups of controls called by the same test at the same threshold, of all.
    level : float

    Returns
    -------
    float
        0 where the excess is no surprise at all.

    References
    ----------
    Fisher, J. R. Stat. Soc. 98:39 (1935). That the ranks of controls and inactive treatments are
    exchangeable: Bates et al., Testing for outliers with conformal p-values, Ann. Stat. 51:149
    (2023).
    """
    from scipy.stats import hypergeom

    active = np.arange(called + 1)
    others = tests - active
    above = called - active
    p = hypergeom.sf(above - 1, others + groups, others, above + groups_called)
    return float(active[np.argmax(p > 1 - level)] / tests)


def share_active(
    table: pd.DataFrame,
    groups: pd.DataFrame,
    *,
    alpha: float,
    permutations: int,
    positions: bool,
    controls: float,
    wells: tuple[int, int],
    uncovered: str = "",
) -> ShareActive | None:
    """Say how many treatments are active where no single one can be named.

    Parameters
    ----------
    table : DataFrame
        ``p``, ``p_attainable`` and ``q`` of the treatments.
    groups : DataFrame
        ``p`` and ``p_attainable`` of the groups of controls in the treatments' shape.
    alpha : float
        Level of the false discovery rate.
    permutations : int
        Labellings drawn at most.
    positions : bool
        Whether control positions are compared, not wells.
    controls : float
        Control wells on a plate.
    wells : tuple of int
        Plates of a treatment, and wells on each.
    uncovered : str
        Code of why the controls may say nothing about the positions of the treatments; empty where
        they do.

    Returns
    -------
    ShareActive or None
        None where a treatment is called, or a single one could have been.
    """
    tested = table[table["p"].notna()]
    tests = len(tested)
    if not tests or (tested["q"] < alpha).any():
        return None
    floor = tested["p_attainable"].to_numpy(float)
    needed = needed_before_one(floor, alpha=alpha)
    if needed == 1:
        return None
    groups = groups[groups["p"].notna()]
    smallest = float(np.median(floor))
    reach = max(LEVEL, smallest, groups["p_attainable"].max() if len(groups) else 0.0)
    called = int((tested["p"] <= reach + 1e-12).sum())
    of_controls = int((groups["p"] <= reach + 1e-12).sum())
    limit = "design" if positions or smallest > 1.5 / (permutations + 1) else "permutations"
    withheld = uncovered
    if limit == "permutations":
        withheld = "more-permutations-needed"
    elif not len(groups):
        withheld = "no-group-like-treatments"
    share = low = None
    if not withheld:
        due = max(reach, of_controls / len(groups))
        share = max(0.0, (called / tests - due) / (1 - due)) if due < 1 else 0.0
        low = lower_bound(called, tests, groups_called=of_controls, groups=len(groups))
        share = max(share, low)
    at_floor = max(int((tested["p"] <= floor + 1e-12).sum()), 1)
    per_plate = math.comb(max(round(controls), 1) + wells[1], wells[1])
    plates = math.ceil(math.log(tests / alpha) / math.log(max(per_plate, 2)) - 1e-9)
    return ShareActive(
        tests=tests,
        p_attainable=smallest,
        needed=needed,
        limit=limit,
        threshold=reach,
        called=called,
        groups=len(groups),
        groups_called=of_controls,
        share=share,
        low=low,
        withheld=withheld,
        positions_needed=math.ceil(tests / (alpha * at_floor) - 1 - 1e-9) if positions else 0,
        plates_needed=max(plates, 2 if positions else wells[0] + 1),
        permutations_needed=math.ceil(tests / alpha - 1 - 1e-9),
    )


def as_values(found: ShareActive) -> dict[str, object]:
    """Plain values by name."""
    return asdict(found)
