"""What the networks of a study read: a crop around each measured cell, or images as they are."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phenolens.crops import X, Y, box_around, cell_crops, some_of_each_well
from phenolens.errors import DesignError, InputError
from phenolens.prepared import Prepared
from phenolens.profiles import OBJECT, PLATE, SITE, WELL
from phenolens.represent.measuring.units import Cells
from phenolens.splits.roles import CALIBRATING
from phenolens.study.session import Session
from phenolens.tools.design import Design

_CENTRE = {
    "Metadata_Nuclei_Location_Center_X": X,
    "Metadata_Nuclei_Location_Center_Y": Y,
}
_AREA = "Cells_AreaShape_Area"


def reads_images_whole(session: Session, prepared: Prepared) -> bool:
    """Whether there is nothing to cut: the study says so, or the images are of cells already."""
    return session.study.networks.input == "images" or prepared.images.level == "cell"


def crops_of_cells(
    session: Session, prepared: Prepared, *, cells: Cells, design: Design | None
) -> Prepared:
    """The screen's fields read cell by cell, at most ``networks.cells_per_well`` of each well.

    The side of a crop is ``networks.box``, or follows from the cells of calibrating controls;
    without a design from all cells.

    Raises
    ------
    InputError
        If the cells were measured without their places, or no control cell has an area.
    DesignError
        If no control wells are marked and no side is given.
    """
    settings = session.study.networks
    found = _places(cells)
    box = settings.box
    if not box:
        areas = found[_AREA] if design is None else _areas_of_controls(found, design)
        box = box_around(np.asarray(areas, np.float64))
    some = some_of_each_well(found, settings.cells_per_well, seed=session.seed)
    return cell_crops(prepared, some.drop(columns=_AREA), box=box)


def _places(cells: Cells) -> pd.DataFrame:
    """Key, centre and area of every measured cell."""
    columns = [PLATE, WELL, SITE, OBJECT, *_CENTRE, _AREA]
    absent = sorted(set(columns) - set(cells.columns(cells.plates[0])))
    if absent:
        raise InputError(
            f"The measured cells have no {absent[0]}, which crops for the networks need: add "
            "'AreaShape' and 'Location' to measure.families, or set networks.input = 'images'."
        )
    table = pd.concat([cells.read(plate, columns) for plate in cells.plates])
    found = np.isfinite(table[list(_CENTRE)].to_numpy()).all(axis=1)
    return table[found].rename(columns=_CENTRE).reset_index(drop=True)


def _areas_of_controls(cells: pd.DataFrame, design: Design) -> np.ndarray:
    roles = design.roles
    calibrating = roles.loc[roles["role"].isin(CALIBRATING), [PLATE, WELL]]
    if not len(calibrating):
        raise DesignError(
            "No control wells are marked, and controls set the size of the networks' crops and the "
            "scale of their stains. Mark controls ([data] controls = ...), or set networks.box "
            "and networks.scaling = 'image'."
        )
    return cells.merge(calibrating, on=[PLATE, WELL])[_AREA].to_numpy(np.float64)
