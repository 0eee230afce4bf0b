"""What wells that were chosen on a plot have in common: features that differ, mechanisms."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import hypergeom

from phenolens import profiles
from phenolens.errors import InputError, PhenolensError
from phenolens.evaluate.matching.labels import find_separator, indicator_of, parted
from phenolens.explore.screen import Screen
from phenolens.explore.wells import fields_of_wells
from phenolens.interpret.changes import group_changes
from phenolens.io.names import parse_feature
from phenolens.profiles import PLATE, WELL
from phenolens.stats.multiple_testing import benjamini_hochberg
from phenolens.tools.compared import never_scaled, tested_rows
from phenolens.words.numbers import plural

SHOWN_FIELDS = 24
_CHOSEN = "Metadata_Chosen"
_GROUP = ("compartment", "family", "stain", "property", "features", "change", "effect", "low",
          "high", "n", "n_references")  # fmt: skip


def group(screen: Screen, wells: Sequence[int]) -> dict:
    """Feature groups against same-plate controls, and mechanisms, of some wells.

    Parameters
    ----------
    screen : Screen
    wells : sequence of int
        Ids.

    Returns
    -------
    dict
        See ``api/group`` in docs/explore.md.

    Raises
    ------
    InputError
        If no well is chosen, or one is not there.

    Notes
    -----
    There is no p of features: the wells were chosen by how they look. Mechanisms took no part in
    that; they are counted over treatments, for wells of one treatment are not independent.
    """
    ids = np.unique(np.asarray(wells, dtype=np.int64)) if len(wells) else np.array([], np.int64)
    if not len(ids) or ids[0] < 0 or ids[-1] >= len(screen.wells):
        raise InputError("Choose wells of this screen, one at least.")
    chosen = np.zeros(len(screen.wells), dtype=bool)
    chosen[ids] = True
    inside = treatments_inside(screen, chosen)
    known = fields_of_wells(screen)
    return {
        "n_wells": len(ids),
        "n_treatments": int(inside.sum()),
        "n_plates": int(screen.wells["plate"].iloc[ids].nunique()),
        "features": _features(screen, chosen),
        "mechanisms": mechanisms(screen, inside),
        "fields": [known[int(one)][0] for one in ids if int(one) in known][:SHOWN_FIELDS],
    }


def treatments_inside(screen: Screen, chosen: np.ndarray) -> np.ndarray:
    """Treatments of which at least half the wells are chosen, bool (n_treatments,)."""
    of = screen.wells["treatment"].to_numpy()
    n = len(screen.treatment_names)
    total = np.bincount(of[of >= 0], minlength=n)
    held = np.bincount(of[(of >= 0) & chosen], minlength=n)
    return (held > 0) & (2 * held >= total)


def mechanisms(screen: Screen, inside: np.ndarray) -> dict:
    """Mechanisms that the chosen treatments hold more often than all treatments do.

    Parameters
    ----------
    screen : Screen
    inside : ndarray of bool, shape (n_treatments,)

    Notes
    -----
    One-sided Fisher's exact test (hypergeometric) over treatments, of each mechanism that a chosen
    one holds; q by Benjamini and Hochberg over these. Controls are no treatments.
    """
    told, control = screen.treatments["mechanism"], screen.treatments["control"].to_numpy()
    asked = told.fillna("").ne("").to_numpy() & ~control
    if not asked.any():
        return {"rows": [], "note": "No mechanism is known."}
    labels = told.where(asked)
    held, names = indicator_of(parted(labels, separator=find_separator(labels)))
    drawn = inside & asked
    hits, sizes = held[drawn].sum(axis=0), held[asked].sum(axis=0)
    found = hits > 0
    p = hypergeom.sf(hits - 1, asked.sum(), sizes, drawn.sum())
    q = np.full(len(p), np.nan)
    q[found] = benjamini_hochberg(p[found])
    order = [int(k) for k in np.lexsort((-hits, p)) if found[k]]
    rows = [
        {"mechanism": names[k], "inside": int(hits[k]), "of": int(sizes[k]),
         "expected": float(sizes[k] * drawn.sum() / asked.sum()), "p": float(p[k]),
         "q": float(q[k]), "treatments": np.flatnonzero(held[:, k] & drawn).tolist()}
        for k in order
    ]  # fmt: skip
    note = (
        f"{plural(int(drawn.sum()), 'treatment')} of {int(asked.sum()):,} with a known mechanism "
        "have half of their wells or more in the selection. One-sided Fisher's exact test over "
        "treatments; q by Benjamini and Hochberg over the mechanisms met. Compounds that are alike "
        "count as independent."
    )
    return {"rows": rows, "note": note}


def _features(screen: Screen, chosen: np.ndarray) -> dict:
    representation = next((r for r in screen.profiled if _is_measured(screen, r)), None)
    if representation is None:
        return {"groups": [], "note": "No features have names that say what they measure."}
    try:
        item = screen.profiles(representation)
    except PhenolensError as error:
        return {"groups": [], "note": str(error)}
    wells = item.normalized.wells
    if never_scaled(item.normalized, wells):
        return {"groups": [], "note": "No control gives the features a scale."}
    mine = profiles.keys(screen.wells[chosen], [PLATE, WELL])
    own = profiles.keys(profiles.metadata(wells), [PLATE, WELL]).isin(mine)
    plates = profiles.column(wells, PLATE).astype(str)
    controls = profiles.is_control(wells)
    tested = tested_rows(wells, item.design, calibrated_elsewhere=item.elsewhere)
    near = np.isin(plates, plates[own]) & (own | (controls & tested))
    part = profiles.take(wells, near)
    names = np.full(int(near.sum()), None, dtype=object)
    names[own[near] & ~controls[near]] = "chosen"
    part = profiles.with_metadata(part, {_CHOSEN: names})
    found = group_changes(part, controls[near], by=_CHOSEN, permutations=1).table
    if not len(found):
        why = "The selection holds no treated well that a control is left to be compared with."
        return {"groups": [], "note": why}
    found = found.sort_values("change", ascending=False, kind="stable")
    note = (
        f"{plural(int(found['n'].iloc[0]), 'treated well')} against "
        f"{plural(int(found['n_references'].iloc[0]), 'control')} of the same plates, in standard "
        "deviations of controls, with Welch's 95 % intervals over wells. No p is given: the wells "
        "were chosen by how they look."
    )
    return {"groups": found[list(_GROUP)].to_dict("records"), "note": note}


def _is_measured(screen: Screen, representation: str) -> bool:
    names = screen.feature_names(representation)
    return any(parse_feature(name).compartment for name in names[:: max(1, len(names) // 50)])
