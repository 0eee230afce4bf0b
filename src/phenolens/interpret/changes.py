"""Which properties of which compartment and stain a treatment changed, how far, and which way.

A group is a compartment, a family of features, a stain and a property
(:mod:`phenolens.interpret.properties`). Wells are the units of every number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t as student

from phenolens import profiles
from phenolens.interpret.properties import GROUP, feature_properties
from phenolens.normalize.scale import soften
from phenolens.profiles import PLATE, TREATMENT
from phenolens.stats.multiple_testing import westfall_young
from phenolens.stats.plate_permutation import plate_differences

PERMUTATIONS = 1_000
ALPHA = 0.05
MORE, LESS, CHANGED = "more", "less", "changed"
WHOLE, PARTS = "Cells", ("Nuclei", "Cytoplasm")
NUMBERS = [
    "features", "directed", "change", "effect", "low", "high", "p", "p_adjusted", "p_attainable",
]  # fmt: skip
COUNTS = ["rank", "direction", "n", "plates", "n_references", "note"]


@dataclass(frozen=True)
class GroupChanges:
    """What changed, and what could not be asked.

    Attributes
    ----------
    table : DataFrame
        One row a treatment and group, see :func:`group_changes`.
    aside : dict of str to list of str
        Features that say nothing of a group, by code of the reason (``not-cellprofiler``,
        ``position``, ``bookkeeping``, ``constant``).
    unmeasured : int
        Features that were left out of at least one treatment, because a well lacks them.
    wells_left_out : int
        Treated wells on plates without a reference control.
    """

    table: pd.DataFrame
    aside: dict[str, list[str]]
    unmeasured: int
    wells_left_out: int


def group_changes(
    wells: pd.DataFrame,
    references: np.ndarray,
    *,
    by: str = TREATMENT,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> GroupChanges:
    """Size, direction and test of every group's change in every treatment.

    A well's value of a feature is its distance from the mean of the reference controls of its own
    plate. ``change`` is the mean over a group's features of the size of their mean over wells;
    ``effect`` is the mean over wells and the group's directed features of value times weight.

    Parameters
    ----------
    wells : DataFrame, shape (n_wells, n_features)
        Profile table of treated wells and controls in standard deviations of controls. Values far
        from 0 are drawn in (:func:`phenolens.normalize.scale.soften`, limit 10), so that one
        feature hardly any control varies in does not speak for its group.
    references : ndarray of bool, shape (n_wells,)
        Controls that are compared with: none of those that gave features their scale.
    by : str
        Metadata column that names treatments. Controls, and rows where it is null, are no
        treatment.
    permutations : int
        Labellings drawn; all of them where there are not more.
    seed : int

    Returns
    -------
    GroupChanges
        ``table`` has ``by``, ``compartment``, ``family``, ``stain``, ``property``; ``features`` and
        ``directed`` (those that have a direction); ``change``, ``effect`` with ``low`` and
        ``high``; ``p``, ``p_adjusted``, ``p_attainable``; ``rank`` (1 is the largest change of the
        treatment among groups with ``p_adjusted`` below 0.05, then among the others; the whole cell
        stands before a part of it whose effect cannot be told from its own);
        ``direction`` (``more`` or ``less`` of the property where the interval excludes 0,
        ``changed`` otherwise; empty where the group is not called); ``n``, ``plates``,
        ``n_references``; ``note`` (``one-well-only``: no interval).

    Notes
    -----
    The test is self-contained (Goeman and Buehlmann 2007): do a group's features differ between
    the treatment and same-plate controls at all? Labels of wells are permuted within plates, and
    ``p_adjusted`` is the step-down maximum p of Westfall and Young over the treatment's groups,
    which holds the chance of one false group a treatment at 5 % however groups correlate.
    Intervals are Welch's 95 %, with the spread of wells among treated and among controls.

    References
    ----------
    Goeman and Buehlmann, Bioinformatics 23:980 (2007); Wu et al., Bioinformatics 26:2176 (2010),
    for the mean of a set's statistics; Westfall and Young, Resampling-based multiple testing
    (1993); Ge, Dudoit and Speed, Test 12:1 (2003), for its algorithm; Welch, Biometrika 34:28
    (1947).
    """
    named = feature_properties(wells.columns)
    values = soften(wells).to_numpy(np.float32)
    constant = (np.nanmax(values, axis=0) == np.nanmin(values, axis=0)) if len(wells) else None
    if constant is not None:
        named.loc[(named["why"] == "") & constant, "why"] = "constant"
    aside = {why: rows["feature"].tolist() for why, rows in named.groupby("why") if why}
    kept = named[named["why"] == ""].sort_values(GROUP, kind="stable")
    values, named = values[:, kept.index], kept.reset_index(drop=True)
    empty = np.isfinite(values).mean(axis=1) < 0.5 if values.shape[1] else np.ones(len(wells), bool)
    plates = profiles.column(wells, PLATE).astype(str)
    names = profiles.column(wells, by)
    treated = ~profiles.is_control(wells) & pd.notna(names) & ~empty
    references = references & ~empty
    beside = np.isin(plates, plates[references])
    parts, unmeasured = [], np.zeros(len(named), dtype=bool)
    for number, name in enumerate(sorted(set(names[treated & beside]), key=str)):
        own = treated & beside & (names == name)
        pool = own | (references & np.isin(plates, plates[own]))
        whole = np.isfinite(values[pool]).all(axis=0)
        unmeasured |= ~whole
        if not whole.any():
            continue
        asked = _TreatedWells(values[pool][:, whole], own[pool], plates[pool], named[whole])
        found = asked.table(permutations, seed=seed + number)
        found.insert(0, by, name)
        parts.append(found)
    table = pd.concat(parts, ignore_index=True) if parts else _none(by)
    return GroupChanges(table, aside, int(unmeasured.sum()), int((treated & ~beside).sum()))


def _none(by: str) -> pd.DataFrame:
    return pd.DataFrame(columns=[by, *GROUP, *NUMBERS, *COUNTS])


@dataclass(frozen=True)
class _TreatedWells:
    """One treatment's wells beside the controls of its plates, features sorted by group."""

    values: np.ndarray
    own: np.ndarray
    plates: np.ndarray
    named: pd.DataFrame

    def table(self, permutations: int, *, seed: int) -> pd.DataFrame:
        groups = self.named.groupby(GROUP, sort=False, as_index=False)
        found = groups.agg(
            features=("weight", "size"),
            directed=("weight", lambda weight: int((weight != 0).sum())),
        )
        drawn = plate_differences(
            self.values, self.own, self.plates, permutations=permutations, seed=seed
        )
        found["change"] = self._sizes(drawn.observed[None])[0]
        tested = westfall_young(
            found["change"].to_numpy(), self._sizes(drawn.null), enumerated=drawn.enumerated
        )
        found["p"], found["p_adjusted"] = tested
        found["p_attainable"] = drawn.p_attainable
        found = found.join(self._effects(found))
        called = found["p_adjusted"] < ALPHA
        sign = np.where(found["low"] > 0, MORE, np.where(found["high"] < 0, LESS, CHANGED))
        found["direction"] = np.where(called, sign, "")
        found["rank"] = _ranked(_with_parts(found), called.to_numpy())
        counts = {"n": int(self.own.sum()), "plates": len(set(self.plates))}
        counts |= {"n_references": int((~self.own).sum())}
        note = "one-well-only" if counts["n"] < 2 else ""
        return found.assign(**counts, note=note)[[*GROUP, *NUMBERS, *COUNTS]].sort_values("rank")

    def _sizes(self, differences: np.ndarray) -> np.ndarray:
        """Mean size over each group's features, float64 of shape (n_labellings, n_groups)."""
        starts = _starts(self.named)
        sums = np.add.reduceat(np.abs(differences), starts, axis=1, dtype=np.float64)
        return sums / np.diff([*starts, differences.shape[1]])

    def _effects(self, groups: pd.DataFrame) -> pd.DataFrame:
        """Effect of each group with Welch's interval; NaN where no feature has a direction."""
        weight = self.named["weight"].to_numpy(np.float64)
        sums = np.add.reduceat(self.values * weight, _starts(self.named), axis=1)
        directed = groups["directed"].to_numpy()
        scores = sums / np.where(directed > 0, directed, np.nan)
        n, means, within = int(self.own.sum()), [], []
        for plate in sorted(set(self.plates)):
            rows = self.plates == plate
            own, others = scores[rows & self.own], scores[rows & ~self.own]
            centre = others.mean(axis=0)
            means.append(own - centre)
            within.append((others - centre, len(own) / n))
        distance = np.concatenate(means)
        effect = distance.mean(axis=0)
        free = sum(len(rest) - 1 for rest, _ in within)
        spread = np.concatenate([rest for rest, _ in within])
        with np.errstate(invalid="ignore", divide="ignore"):
            noise = (spread**2).sum(axis=0) / free
            a = distance.var(axis=0, ddof=1) / n if n > 1 else np.full(len(effect), np.nan)
            b = noise * sum(share**2 / len(rest) for rest, share in within)
            df = (a + b) ** 2 / (a**2 / max(n - 1, 1) + b**2 / max(free, 1))
            half = student.ppf(0.975, df) * np.sqrt(a + b)
        return pd.DataFrame({"effect": effect, "low": effect - half, "high": effect + half})


def _with_parts(groups: pd.DataFrame) -> np.ndarray:
    """Changes by which groups are ranked: the whole cell's where no part is told apart from it.

    What is measured over nuclei varies least among controls, so that a change all over the cell
    would be named after them. Where the same property of the same stain changed the same way in
    the whole cell, and the intervals of part and whole overlap, the whole stands before the part.
    """
    found = groups["change"].to_numpy(np.float64).copy()
    keys = pd.MultiIndex.from_frame(groups[[*GROUP[1:], "direction"]])
    directed = groups["direction"].isin((MORE, LESS)).to_numpy()
    low, high = groups["low"].to_numpy(), groups["high"].to_numpy()
    part = groups["compartment"].isin(PARTS).to_numpy()
    for place in np.flatnonzero((groups["compartment"] == WHOLE).to_numpy() & directed):
        alike = part & (keys == keys[place]) & (low <= high[place]) & (high >= low[place])
        if alike.any():
            found[place] = max(found[place], np.nextafter(found[alike].max(), np.inf))
    return found


def _starts(named: pd.DataFrame) -> np.ndarray:
    """Where each group's features begin, in the order of the groups."""
    codes = named.groupby(GROUP, sort=False).ngroup().to_numpy()
    return np.flatnonzero(np.diff(codes, prepend=-1))


def _ranked(change: np.ndarray, called: np.ndarray) -> np.ndarray:
    """1 is the largest change among the groups that are called; the others follow."""
    order = np.lexsort((-change, ~called))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(1, len(order) + 1)
    return rank


def pooled_changes(table: pd.DataFrame, pools: pd.Series, *, by: str = TREATMENT) -> pd.DataFrame:
    """The changes of several treatments as one: of a cluster, or of a mechanism.

    Treatments are the units. There is no p: clusters are made of treatments that changed alike, so
    that a test of the same features would find what put them together.

    Parameters
    ----------
    table : DataFrame
        As :func:`group_changes` gives it.
    pools : Series
        Name of the pool by treatment (its index).
    by : str

    Returns
    -------
    DataFrame
        ``pool``, the group's columns, ``change`` (mean over treatments), ``effect`` (mean over
        treatments) with Student's 95 % interval over them, ``called`` (share of treatments in which
        the group is called), ``rank``, ``direction`` (that of all treatments in which the group is
        called, ``changed`` where they differ; empty where it is called in less than half of them)
        and ``n`` (treatments).
    """
    rows = table.assign(pool=table[by].map(pools), called=table["direction"] != "")
    rows = rows.assign(more=rows["direction"] == MORE, less=rows["direction"] == LESS)
    rows = rows.dropna(subset=["pool"])
    grouped = rows.groupby(["pool", *GROUP], sort=True)
    found = grouped.agg(
        change=("change", "mean"), effect=("effect", "mean"), sd=("effect", "std"),
        called=("called", "mean"), more=("more", "mean"), less=("less", "mean"),
        n=("change", "size"),
    ).reset_index()  # fmt: skip
    half = student.ppf(0.975, (found["n"] - 1).clip(lower=1)) * found["sd"] / np.sqrt(found["n"])
    found["low"], found["high"] = found["effect"] - half, found["effect"] + half
    often = found["called"] >= 0.5
    all_more, all_less = (found[sign] == found["called"] for sign in (MORE, LESS))
    sign = np.where(all_more, MORE, np.where(all_less, LESS, CHANGED))
    found["direction"] = np.where(often, sign, "")
    ranks = [
        pd.Series(_ranked(part["change"].to_numpy(), often[part.index].to_numpy()), part.index)
        for _, part in found.groupby("pool")
    ]
    found["rank"] = pd.concat(ranks) if ranks else pd.Series(dtype="int64")
    columns = [
        "pool",
        *GROUP,
        "change",
        "effect",
        "low",
        "high",
        "called",
        "rank",
        "direction",
        "n",
    ]
    return found[columns].sort_values(["pool", "rank"], ignore_index=True)
