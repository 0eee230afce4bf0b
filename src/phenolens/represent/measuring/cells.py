"""From prepared images to measured cells, and from cells to wells.

A unit (one field, or the crops of one well and site) is segmented and measured in one go and kept;
a killed run resumes at the next unit, and memory holds one unit (measuring) or one well
(aggregating) at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.files import digest
from phenolens.normalize.quality import weighted_middle
from phenolens.prepared import Prepared, Progress, labels_made_of, safe_name, save_labels
from phenolens.profiles import CELL_COUNT, OBJECT, PLATE, SITE, WELL, from_frame
from phenolens.represent.measuring.labelling import Recipe, UnusableLabelsError, field_labels
from phenolens.represent.measuring.units import NOTHING, Measured, Unit, by_well, write_unit
from phenolens.workers import Elsewhere, Watch, in_processes

if TYPE_CHECKING:
    from phenolens.measure.settings import MeasureSettings

NO_NUCLEUS = "no nucleus near the middle of the crop"


def measure_cells(
    prepared: Prepared,
    folder: str | Path,
    recipe: Recipe,
    *,
    jobs: int = 1,
    cluster: Elsewhere | None = None,
    progress: Progress | None = None,
    foresee: Callable[[int], Watch] | None = None,
) -> list[Unit]:
    """Segment and measure every prepared image; finished units are kept.

    Given label images take the place of segmentation. A field whose label images cannot be used,
    and a crop without a nucleus, give no cells; :meth:`Unit.faults` names them.

    Parameters
    ----------
    prepared : Prepared
    folder : path
        Where the units go; belongs to one store and recipe.
    recipe : Recipe
    jobs : int
        Processes, each with one BLAS thread.
    cluster : Elsewhere, optional
        Workers in their place.
    progress : callable, optional
        Called with (done, total).
    foresee : callable, optional
        Called with the number of units to be measured; what it gives, with what each took.

    Returns
    -------
    list of Unit
        Sorted by plate, well and site.
    """
    units = _units(prepared, Path(folder))
    made_of = _made_of(prepared, units, recipe)
    waiting = [
        (unit, rows, source)
        for (unit, rows), source in zip(units, made_of, strict=True)
        if not _is_measured(prepared, int(rows[0]), unit, made_of=source)
    ]
    tasks = (
        partial(_measure_unit, *_alone(prepared, rows), unit, recipe, made_of=source)
        for unit, rows, source in waiting
    )
    watch = foresee(len(waiting)) if foresee else None
    done = in_processes(tasks, jobs=jobs, watch=watch, cluster=cluster)
    for number, _ in enumerate(done, start=1 + len(units) - len(waiting)):
        if progress:
            progress(number, len(units))
    return [unit for unit, _ in units]


def _units(prepared: Prepared, folder: Path) -> list[tuple[Unit, np.ndarray]]:
    table = prepared.images.table
    grouped = table.groupby([PLATE, WELL, SITE], sort=True).indices
    found = []
    for (plate, well, site), rows in grouped.items():
        path = folder / safe_name(plate) / f"{well}_{safe_name(site)}.npz"
        found.append((Unit(str(plate), str(well), str(site), path), np.sort(rows)))
    return found


def _alone(prepared: Prepared, rows: np.ndarray) -> tuple[Prepared, np.ndarray]:
    """What one task needs of a screen, which may be large, and its rows in that."""
    alone = prepared.only(rows)
    if prepared.images.level == "cell":  # crops without a number have that of their row
        numbers = [_number(prepared, int(row)) for row in rows]
        images = replace(alone.images, table=alone.images.table.assign(**{OBJECT: numbers}))
        alone = replace(alone, images=images)
    return alone, np.arange(len(rows))


def _made_of(prepared: Prepared, units: list[tuple[Unit, np.ndarray]], recipe: Recipe) -> list[str]:
    """Names all that each unit is measured from: what was read, its illumination, the recipe."""
    lights = {plate: prepared.light(plate) for plate in {unit.plate for unit, _ in units}}
    depths = [asdict(depth) for depth in prepared.depths]
    how = [prepared.channels, prepared.images.level, vars(recipe), depths]
    found = []
    for unit, rows in units:
        held = vars(prepared.content(int(rows[0])))
        numbers = [_number(prepared, int(row)) for row in rows]
        found.append(digest(how, held, lights[unit.plate], numbers))
    return found


def _is_measured(prepared: Prepared, row: int, unit: Unit, *, made_of: str) -> bool:
    """Whether a unit was made of this, and so were the label images that lie with its field."""
    if not unit.path.is_file() or unit.made_of() != made_of:
        return False
    unlabelled = prepared.images.level == "cell" or unit.faults()
    return bool(unlabelled) or labels_made_of(prepared, row) == made_of


def _measure_unit(
    prepared: Prepared, rows: np.ndarray, unit: Unit, recipe: Recipe, *, made_of: str
) -> None:
    if prepared.images.level == "cell":
        measured = _measure_crops(prepared, rows, recipe)
    else:
        measured = _measure_field(prepared, int(rows[0]), recipe, made_of=made_of)
    write_unit(measured, unit.path, made_of=made_of)


def _measure_field(prepared: Prepared, row: int, recipe: Recipe, *, made_of: str) -> Measured:
    from phenolens.measure import cell_quality, field_quality, measure_objects

    pixels, channels = _unit_range(prepared, row), prepared.channels
    try:
        labels = field_labels(prepared, row, pixels, recipe)
    except UnusableLabelsError as error:
        return Measured(NOTHING, {}, ({"file": error.file, "reason": str(error)},))
    save_labels(prepared, row, labels, made_of=made_of)
    families = recipe.families or None
    cells = measure_objects(
        pixels, channels, labels, families=families, settings=_settings(prepared)
    )
    flags = cell_quality(pixels, channels, labels)
    cells = cells.merge(flags, on=OBJECT, how="left", validate="one_to_one")
    return Measured(cells, field_quality(pixels, channels, labels))


def _measure_crops(prepared: Prepared, rows: np.ndarray, recipe: Recipe) -> Measured:
    crops = {_number(prepared, row): _measure_crop(prepared, row, recipe) for row in rows}
    empty = [number for number, cells in crops.items() if not len(cells)]
    faults = tuple({"object": str(number), "reason": NO_NUCLEUS} for number in empty)
    return Measured(pd.concat(crops.values(), ignore_index=True), {}, faults)


def _number(prepared: Prepared, row: int) -> int:
    table = prepared.images.table
    return int(table[OBJECT].iloc[row]) if OBJECT in table else int(row)


def _measure_crop(prepared: Prepared, row: int, recipe: Recipe) -> pd.DataFrame:
    from phenolens.measure import measure_objects
    from phenolens.segment import crop_labels

    pixels = _unit_range(prepared, row)
    labels = crop_labels(pixels, prepared.channels, settings=recipe.settings())
    families, settings = recipe.families or None, _settings(prepared)
    channels = prepared.channels
    cells = measure_objects(pixels, channels, labels, families=families, settings=settings)
    return cells.head(1).assign(**{OBJECT: _number(prepared, row)})


def _unit_range(prepared: Prepared, row: int) -> np.ndarray:
    """Corrected pixels as CellProfiler scales them, by the depth of the whole screen."""
    pixels = prepared.pixels(row)
    for plane, depth in zip(pixels, prepared.depths, strict=True):
        plane /= np.float32(depth.scale)
        if depth.low < 0:
            np.maximum(plane, 0, out=plane)
    return pixels


def _settings(prepared: Prepared) -> MeasureSettings:
    """Gray levels of texture over what a stain holds, where it would have next to none."""
    from phenolens.measure.settings import MeasureSettings

    spans = zip(prepared.channels, (depth.span for depth in prepared.depths), strict=True)
    return MeasureSettings(texture_spans={name: span for name, span in spans if span != 1})


def well_profiles(
    units: Sequence[Unit], *, how: str = "median", min_cells: int = 0
) -> pd.DataFrame:
    """One row a well: the median (or mean) over its cells, and ``Metadata_CellCount``.

    Cells weigh as their unit does; where all of a well weigh alike the middle is the plain one.
    Wells with fewer than ``min_cells`` cells, or none, are left out; they keep their count in
    :func:`phenolens.represent.measuring.units.fields`.

    Raises
    ------
    InputError
        If no well is left.
    """
    rows, keys = [], []
    weight_of = {(unit.plate, unit.well, unit.site): unit.weight for unit in units}
    for (plate, well), cells in by_well(units):
        if len(cells) < max(min_cells, 1):
            continue
        features = [name for name in cells if not name.startswith("Metadata_")]
        weights = np.array([weight_of[plate, well, site] for site in cells[SITE]])
        values = cells[features].to_numpy()
        alike = (weights == weights[0]).all()
        rows.append(_centre(values, how) if alike else weighted_middle(values, weights, how=how))
        keys.append({PLATE: plate, WELL: well, CELL_COUNT: len(cells)})
    if not rows:
        raise InputError(
            "No cell was found in any well, so there are no CellProfiler-type features. Check "
            "data.images.nuclei (the stain that shows nuclei) and segment.nucleus_diameter."
        )
    frame = pd.concat([pd.DataFrame(keys), pd.DataFrame(np.stack(rows), columns=features)], axis=1)
    return from_frame(frame, features=features)


def _centre(values: np.ndarray, how: str) -> np.ndarray:
    """Column medians or means that ignore NaN; NaN where a column holds nothing else."""
    known = np.isfinite(values)
    out = np.full(values.shape[1], np.nan, dtype=np.float32)
    some = known.any(axis=0)
    function = np.nanmedian if how == "median" else np.nanmean
    out[some] = function(np.where(known, values, np.nan)[:, some], axis=0)
    return out


def jobs_here(jobs: int | None) -> int:
    """Number of processes: what was asked for, else the cores this process may use."""
    return jobs or len(os.sched_getaffinity(0))
