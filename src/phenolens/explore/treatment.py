"""Everything that is known of one treatment, from the tables that the study wrote."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens import words
from phenolens.errors import InputError, PhenolensError
from phenolens.explore import cells
from phenolens.explore.screen import Screen
from phenolens.interpret.changes import ALPHA
from phenolens.profiles import PLATE, SITE, TREATMENT, WELL
from phenolens.tools.describe import changed_groups
from phenolens.words.activity import scored
from phenolens.words.numbers import missing, plural

MOST_NEIGHBOURS, MOST_FEATURES = 10, 20
_TESTED = ("n", "map", "low", "high", "p", "q", "cell_count_ratio")
_DRAWN = "Evenly drawn from the crops of the wells."
_CHOSEN = (
    "By {features}, in robust z of control cells of the plate: typical cells are nearest to the "
    "median, extreme ones farthest from controls."
)
_MOVED, _COMPARED = "the features that this treatment moved most", "features that are compared"
_GROUP = (
    "compartment", "family", "stain", "property", "features", "change", "effect", "low", "high",
    "p", "p_adjusted", "direction", "n", "n_references",
)  # fmt: skip


def treatment(screen: Screen, number: int) -> dict:
    """What the page shows of a treatment.

    Raises
    ------
    InputError
        If there is none of this number.
    """
    if not 0 <= number < len(screen.treatment_names):
        raise InputError("There is no such treatment.")
    name = screen.treatment_names[number]
    tested = {r: _tested(screen, r, number) for r in screen.representations}
    groups = _groups(screen, name)
    return {
        "id": number,
        "name": name,
        "wells": np.flatnonzero(screen.wells["treatment"].to_numpy() == number).tolist(),
        "words": _words(screen, number, groups),
        "in": {r: row for r, row in tested.items() if row is not None},
        "neighbours": {
            r: found for r in screen.representations if (found := neighbours(screen, r, number))
        },
        "groups": [_group(row) for row in groups.to_dict("records")],
        "groups_note": _groups_note(groups),
        "features": _features(screen, name),
        "cells": _cells(screen, number),
        "attribution": attribution(screen, name),
    }


def _tested(screen: Screen, representation: str, number: int) -> dict | None:
    row = screen.tested(representation).get(screen.treatment_names[number])
    if row is None:
        return None
    return {name: row.get(name) for name in _TESTED} | {
        "effect": row.get("map_normalized"),
        "active": None if missing(row["active"]) else bool(row["active"]),
        "note": words.noted(row.get("note"), **row),
        "space": row.get("space", ""),
    }


def _words(screen: Screen, number: int, groups: pd.DataFrame) -> list[str]:
    row, said = screen.treatments.iloc[number], []
    tested = _tested(screen, screen.lead, number)
    if row["control"]:
        said.append(f"A negative control, in {plural(int(row['n_wells']), 'well')}.")
    elif tested is None or missing(tested["q"]):
        why = f": {tested['note']}" if tested and tested["note"] else ""
        said.append(f"Not tested for activity{why}.")
    else:
        called = "Active" if tested["active"] else "Not called active"
        compared = plural(int(tested["n"]), "well")
        said.append(f"{called}: {scored(tested).whole}, {compared} compared.")
    if len(groups) and (groups["p_adjusted"] < ALPHA).any():
        said.append(str(changed_groups(str(row["name"]), groups)))
    if row["flags"]:
        said.append(f"To doubt: {row['flags']}.")
    return said


def neighbours(screen: Screen, representation: str, number: int) -> list[dict]:
    """The nearest treatments, with what was found of them; empty where none are known."""
    own = _nearest(screen, representation).get(screen.treatment_names[number])
    rows, found = screen.activity(representation), []
    for row in own.head(MOST_NEIGHBOURS).itertuples() if own is not None else ():
        place = screen.treatment_ids.get(str(row.neighbour))
        if place is None:
            continue
        tested = None if rows is None else rows.iloc[place]
        same = row.same_mechanism
        found.append(
            {
                "id": place,
                "cosine": float(row.cosine),
                "q": None if tested is None else tested["q"],
                "active": None
                if tested is None or missing(tested["active"])
                else bool(tested["active"]),
                "same_mechanism": None if missing(same) else bool(same),
            }
        )
    return found


def _nearest(screen: Screen, representation: str) -> dict[str, pd.DataFrame]:
    """Rows of ``similarity.parquet`` by treatment, nearest first; of profiles alone the same."""

    def make() -> dict[str, pd.DataFrame]:
        if screen.given is not None:
            table = _nearest_of(screen, representation)
        else:
            table = screen.tables.similarity
        if table is None:
            return {}
        own = table[table["representation"] == representation].sort_values("rank", kind="stable")
        return {str(name): rows for name, rows in own.groupby(TREATMENT, sort=False)}

    return screen.kept.get(("nearest treatments", representation), make)


def _nearest_of(screen: Screen, representation: str) -> pd.DataFrame | None:
    """The rows that a study would have written, of profiles that no study is around."""
    from phenolens.study.steps.evaluate import similar

    assert screen.given is not None
    try:
        medians = screen.given.consensus()
    except PhenolensError:
        return None
    return similar(representation, medians) if len(medians) > 1 else None


def _groups(screen: Screen, name: str) -> pd.DataFrame:
    table = screen.tables.table("feature_groups")
    if table is None:
        return pd.DataFrame(columns=[*_GROUP, "rank", "representation"])
    own = table[table[TREATMENT] == name]
    own = own[own["representation"] == own["representation"].iloc[0]] if len(own) else own
    return own.sort_values("rank")


def _group(row: dict) -> dict:
    found = {name: row.get(name) for name in _GROUP}
    return found | {"called": bool(row["direction"] != "")}


def _groups_note(groups: pd.DataFrame) -> str:
    if not len(groups):
        return ""
    row = groups.iloc[0]
    return (
        f"{plural(int(row['n']), 'well')} against {plural(int(row['n_references']), 'control')} of "
        "the same plates, in standard deviations of controls; labels permuted within plates, "
        "Westfall and Young over the groups."
    )


def _features(screen: Screen, name: str) -> list[dict]:
    table = screen.tables.features
    if table is None:
        return []
    own = table[table[TREATMENT] == name]
    if not len(own):
        return []
    own = own[own["representation"] == own["representation"].iloc[0]].sort_values("rank")
    return [
        {"name": row.feature, "effect": float(row.effect)}
        for row in own.head(MOST_FEATURES).itertuples()
    ]


def cell_lists(screen: Screen, number: int) -> list[cells.Listed]:
    """Cells to show of a treatment; none where none were measured or pixels are gone."""
    if screen.pictures.level and cells.has_cells(screen):
        make = cells.listed
    elif screen.pictures.level == "cell":
        make = cells.drawn
    else:
        return []
    return screen.kept.get(("listed", number), lambda: make(screen, number))


def _cells(screen: Screen, number: int) -> dict | None:
    lists = cell_lists(screen, number)
    if not lists:
        return None
    return {
        "size": cells.box(screen),
        "pixel_size_um": screen.pictures.pixel_size_um,
        "lists": [
            {"kind": one.kind, "label": one.label, "path": f"crops/t{number}-{one.kind}.bin",
             "cells": one.as_data()}
            for one in lists
        ],
        "note": _chosen(screen, number) if cells.has_cells(screen) else _DRAWN,
    }  # fmt: skip


def _chosen(screen: Screen, number: int) -> str:
    """By what features cells are called typical: the study may know none that moved."""
    return _CHOSEN.format(features=_MOVED if cells.moved(screen, number) else _COMPARED)


def attribution(screen: Screen, name: str) -> dict | None:
    """Where the network looked in pictures of a treatment; None where nothing was explained."""
    table = screen.tables.attention
    if table is None:
        return None
    own = table[table["shown_for"] == name].sort_values("position")
    held = screen.tables.attention_pictures
    if not len(own) or held is None:
        return None
    images = [
        {"role": row["role"], "plate": str(row[PLATE]), "well": str(row[WELL]),
         "site": str(row[SITE]), "target": str(row["target"]), "correct": bool(row["correct"])}
        for row in own.to_dict("records")
    ]  # fmt: skip
    parts = screen.tables.table("activation_compartments")
    parts = parts[parts[TREATMENT] == name].sort_values("rank") if parts is not None else None
    columns = ["compartment", "stain", "enrichment", "low", "high", "p_adjusted"]
    told = (screen.tables.activation or {}).get("method", "")
    return {
        "path": f"attribution/t{screen.treatment_ids[name]}.bin"
        if name in screen.treatment_ids
        else "",
        "n": len(own),
        "size": int(held["pixels"].shape[-1]),
        "stains": held["channels"].tolist(),
        "images": images,
        "note": f"Maps by {told}, made by a network that never saw these wells." if told else "",
        "compartments": [] if parts is None else parts[columns].head(12).to_dict("records"),
    }


def attribution_pixels(screen: Screen, number: int) -> np.ndarray:
    """Stains, map and nuclei of the pictures of a treatment, uint8 (n, stains + 2, size, size).

    Raises
    ------
    InputError
        If there are none.
    """
    table, held = screen.tables.attention, screen.tables.attention_pictures
    name = screen.treatment_names[number] if number < len(screen.treatment_names) else ""
    own = None if table is None else table[table["shown_for"] == name].sort_values("position")
    if own is None or held is None or not len(own):
        raise InputError("No picture of this treatment was explained.")
    rows = own["position"].to_numpy(dtype=int)
    nuclei = held["nuclei"] if "nuclei" in held else np.zeros(held["maps"].shape, bool)
    parts = [held["pixels"][rows], held["maps"][rows][:, None], nuclei[rows][:, None]]
    return np.concatenate([part.astype(np.uint8) for part in parts], axis=1)
