"""What wells that were chosen on a plot have in common: features that differ, mechanisms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import hypergeom

from phenolens import profiles
from phenolens.errors import InputError, PhenolensError
from phenolens.evaluate.matching.labels import find_separator, indicator_of, parted
from phenolens.explore.columns import clusters
from phenolens.explore.screen import Screen
from phenolens.explore.treatment import neighbours
from phenolens.explore.wells import fields_of_wells
from phenolens.interpret.changes import group_changes
from phenolens.io.names import parse_feature
from phenolens.profiles import PLATE, WELL
from phenolens.stats.multiple_testing import benjamini_hochberg
from phenolens.tools.compared import never_scaled, tested_rows
from phenolens.words.numbers import plural

SHOWN_FIELDS, MOST_MECHANISMS = 24, 40
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
    return _described(screen, chosen, inside) | {
        "features": _features(screen, chosen, why="the wells were chosen by how they look"),
        "mechanisms": mechanisms(screen, inside),
    }


def _described(screen: Screen, chosen: np.ndarray, inside: np.ndarray) -> dict:
    known, ids = fields_of_wells(screen), np.flatnonzero(chosen).tolist()
    return {
        "n_wells": len(ids),
        "n_treatments": int(inside.sum()),
        "n_plates": int(screen.wells["plate"].iloc[ids].nunique()),
        "fields": [known[one][0] for one in ids if one in known][:SHOWN_FIELDS],
    }


@dataclass(frozen=True)
class KnownGroup:
    """A group of treatments that can be foreseen, so that an export has an answer for it.

    Attributes
    ----------
    path : str
        Of the answer.
    kind : {"mechanism", "cluster", "neighbourhood"}
    name : str
    treatments : list of int
    """

    path: str
    kind: str
    name: str
    treatments: list[int]


def known_groups(screen: Screen) -> list[KnownGroup]:
    """Mechanisms of two treatments or more, the 40 largest, and the clusters of the lead."""
    return screen.kept.get(
        "groups",
        lambda: [
            KnownGroup(f"data/group/g{number}.json", kind, name, treatments)
            for number, (kind, name, treatments) in enumerate(
                [*_of_mechanisms(screen), *_of_clusters(screen)]
            )
        ],
    )


def _of_mechanisms(screen: Screen) -> Iterator[tuple[str, str, list[int]]]:
    told, control = screen.treatments["mechanism"], screen.treatments["control"].to_numpy()
    labels = told.where(told.fillna("").ne("").to_numpy() & ~control)
    if not labels.notna().any():
        return
    held, names = indicator_of(parted(labels, separator=find_separator(labels)))
    sizes = held.sum(axis=0)
    for place in np.argsort(-sizes, kind="stable")[:MOST_MECHANISMS]:
        if sizes[place] > 1:
            yield "mechanism", str(names[place]), np.flatnonzero(held[:, place]).tolist()


def _of_clusters(screen: Screen) -> Iterator[tuple[str, str, list[int]]]:
    found = clusters(screen, screen.lead)
    for number in [] if found is None else sorted(set(found.tolist()) - {0}):
        yield "cluster", f"Cluster {number}", np.flatnonzero(found == number).tolist()


def neighbourhood(screen: Screen, number: int) -> KnownGroup | None:
    """A treatment and its nearest neighbours in the lead; None where it has none."""
    near = [one["id"] for one in neighbours(screen, screen.lead, number)]
    name = f"{screen.treatment_names[number]} and its neighbours"
    path = f"data/group/t{number}.json"
    return KnownGroup(path, "neighbourhood", name, sorted({number, *near})) if near else None


def about(screen: Screen, one: KnownGroup) -> dict:
    """What :func:`group` says, of a group that is known by name.

    Notes
    -----
    A mechanism's own treatments are not asked for their mechanisms.
    """
    inside = np.zeros(len(screen.treatment_names), dtype=bool)
    inside[one.treatments] = True
    of = screen.wells["treatment"].to_numpy()
    chosen = (of >= 0) & inside[of]
    if one.kind != "mechanism":
        return group(screen, np.flatnonzero(chosen).tolist())
    why = "treatments of one mechanism are no replicates of each other"
    note = "These treatments were chosen by their mechanism, so that it is not tested."
    return _described(screen, chosen, inside) | {
        "features": _features(screen, chosen, why=why),
        "mechanisms": {"rows": [], "note": note},
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


def _features(screen: Screen, chosen: np.ndarray, *, why: str) -> dict:
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
        none = "The selection holds no treated well that a control is left to be compared with."
        return {"groups": [], "note": none}
    found = found.sort_values("change", ascending=False, kind="stable")
    note = (
        f"{plural(int(found['n'].iloc[0]), 'treated well')} against "
        f"{plural(int(found['n_references'].iloc[0]), 'control')} of the same plates, in standard "
        f"deviations of controls, with Welch's 95 % intervals over wells. No p is given: {why}."
    )
    return {"groups": found[list(_GROUP)].to_dict("records"), "note": note}


def _is_measured(screen: Screen, representation: str) -> bool:
    names = screen.feature_names(representation)
    return any(parse_feature(name).compartment for name in names[:: max(1, len(names) // 50)])
