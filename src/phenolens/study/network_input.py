"""What the networks of a study read: a crop around each measured cell, or images as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from phenolens.crops import X, Y, box_around, cell_crops, some_of_each_well
from phenolens.errors import DesignError, InputError
from phenolens.prepared import Prepared, safe_name
from phenolens.profiles import OBJECT, PLATE, SITE, WELL
from phenolens.represent.measuring.units import Unit
from phenolens.study.design import splits
from phenolens.study.session import Session

CALIBRATING = ("calibrate", "swap-a", "swap-b", "reused")
_CENTRE = {
    "Metadata_Nuclei_Location_Center_X": X,
    "Metadata_Nuclei_Location_Center_Y": Y,
}
_AREA = "Cells_AreaShape_Area"


def crops_of_cells(session: Session, prepared: Prepared, units: list[Unit]) -> Prepared:
    """The screen's fields read cell by cell, at most ``networks.cells_per_well`` of each well.

    The side of a crop is ``networks.box``, or follows from the cells of calibrating controls.

    Raises
    ------
    InputError
        If the cells were measured without their places, or no control cell has an area.
    DesignError
        If no control wells are marked and no side is given.
    """
    settings = session.study.networks
    cells = _measured(session, units)
    box = settings.box or box_around(_areas_of_controls(session, cells))
    some = some_of_each_well(cells, settings.cells_per_well, seed=session.seed)
    return cell_crops(prepared, some.drop(columns=_AREA), box=box)


def _measured(session: Session, units: list[Unit]) -> pd.DataFrame:
    """Key, centre and area of every measured cell."""
    columns = [PLATE, WELL, SITE, OBJECT, *_CENTRE, _AREA]
    folder = session.out / "cells"
    paths = [folder / f"{safe_name(plate)}.parquet" for plate in sorted({u.plate for u in units})]
    absent = sorted(set(columns) - set(pq.read_schema(paths[0]).names))
    if absent:
        raise InputError(
            f"The measured cells have no {absent[0]}, which crops for the networks need: add "
            "'AreaShape' and 'Location' to measure.families, or set networks.input = 'images'."
        )
    cells = pd.concat([pd.read_parquet(path, columns=columns) for path in paths])
    found = np.isfinite(cells[list(_CENTRE)].to_numpy()).all(axis=1)
    return cells[found].rename(columns=_CENTRE).reset_index(drop=True)


def _areas_of_controls(session: Session, cells: pd.DataFrame) -> np.ndarray:
    roles = splits(session).roles
    calibrating = roles.loc[roles["role"].isin(CALIBRATING), [PLATE, WELL]]
    if not len(calibrating):
        raise DesignError(
            "No control wells are marked, and controls set the size of the networks' crops and the "
            "scale of their stains. Mark controls ([data] controls = ...), or set networks.box "
            "and networks.scaling = 'image'."
        )
    return cells.merge(calibrating, on=[PLATE, WELL])[_AREA].to_numpy(np.float64)
