"""One well: its fields, their sizes and quality, and the control fields to put beside them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from phenolens.errors import InputError
from phenolens.explore.cells import box, ids, of_well
from phenolens.explore.pictures import GoneError, levels_of
from phenolens.explore.screen import Screen
from phenolens.profiles import CELL_COUNT, PLATE, PREFIX, SITE, WELL

_QUALITY = f"{PREFIX}Quality_"
MOST_CONTROLS = 24
_NONE = "No image of this well was prepared."


def fields_of_wells(screen: Screen) -> dict[int, list[int]]:
    """Numbers of the fields of each well that has some."""

    def make() -> dict[int, list[int]]:
        found = defaultdict(list)
        known = ids(screen).wells
        places = screen.pictures.fields[[PLATE, WELL]].astype(str).itertuples(index=False)
        for number, place in enumerate(places):
            if (well_ := known.get(tuple(place))) is not None:
                found[well_].append(number)
        return dict(found)

    return screen.kept.get("fields of wells", make)


def plate_controls(screen: Screen, plate: int) -> list[int]:
    """Fields of a plate's control wells; of all its wells where it has none."""
    on_plate = (screen.wells["plate"] == plate).to_numpy()
    control = screen.wells["control"].to_numpy() & on_plate
    known = fields_of_wells(screen)
    for mask in (control, on_plate):
        found = [field for well_ in np.flatnonzero(mask) for field in known.get(int(well_), [])]
        if found:
            return found
    return []


def contrast(screen: Screen, plate: int) -> list[tuple[float, float]]:
    """Where each stain of a plate is black and where it is white, by its control fields."""
    return screen.kept.get(
        ("contrast", plate), lambda: screen.pictures.contrast(plate_controls(screen, plate))
    )


def typical_controls(screen: Screen, plate: int) -> list[int]:
    """One field of each control well of a plate, the well with the most usual intensities first."""

    def make() -> list[int]:
        mask = screen.wells["control"].to_numpy() & (screen.wells["plate"] == plate).to_numpy()
        wells, known = np.flatnonzero(mask), fields_of_wells(screen)
        columns = [name for name in screen.wells if str(name).startswith("intensity_")]
        if columns and len(wells):
            values = screen.wells.loc[wells, columns].to_numpy(dtype=float)
            with np.errstate(all="ignore"):
                scaled = (values - np.nanmedian(values, axis=0)) / np.nanstd(values, axis=0)
            order = np.argsort(np.abs(np.nan_to_num(scaled)).mean(axis=1), kind="stable")
            wells = wells[order]
        return [known[int(one)][0] for one in wells if int(one) in known][:MOST_CONTROLS]

    return screen.kept.get(("typical controls", plate), make)


def well(screen: Screen, number: int) -> dict:
    """What the page shows of a well.

    Raises
    ------
    InputError
        If there is none of this number.
    """
    if not 0 <= number < len(screen.wells):
        raise InputError("There is no such well.")
    found, gone = [], screen.pictures.words
    if screen.pictures.level == "cell":
        return _well_of_crops(screen, number)
    for field in fields_of_wells(screen).get(number, []):
        try:
            found.append(_field(screen, field))
        except GoneError as error:
            gone = gone or str(error)
    controls = typical_controls(screen, int(screen.wells["plate"].iloc[number]))
    beside = [one for one in controls if one not in fields_of_wells(screen).get(number, [])]
    return {
        "fields": found,
        "controls": list(_those_there(screen, beside)),
        "crops": None,
        "gone": "" if found else gone or _NONE,
    }


def _well_of_crops(screen: Screen, number: int) -> dict:
    listed = of_well(screen, number)
    there = listed.as_data()
    crops = {"path": f"crops/w{number}.bin", "size": box(screen), "cells": there}
    return {
        "fields": [],
        "controls": [],
        "crops": crops if there else None,
        "gone": "" if there else _NONE,
    }


def _those_there(screen: Screen, numbers: list[int]) -> Iterator[dict]:
    known = {field: one for one, fields in fields_of_wells(screen).items() for field in fields}
    for number in numbers:
        with suppress(GoneError):
            yield _field(screen, number) | {"well": known[number]}


def _field(screen: Screen, number: int) -> dict:
    row = screen.pictures.fields.iloc[number]
    height, width = screen.pictures.shape(number)
    quality = {
        str(name).removeprefix(_QUALITY): row[name]
        for name in row.index
        if name.startswith(_QUALITY)
    }
    return {
        "id": number,
        "site": str(row[SITE]),
        "height": height,
        "width": width,
        "levels": levels_of((height, width)),
        "objects": screen.pictures.objects(number),
        "n_cells": int(row[CELL_COUNT]) if CELL_COUNT in row.index else None,
        "quality": quality,
    }
