"""Write a simulated screen to disk, in parallel, resumable, the same bytes every time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import tifffile

from phenolens.errors import InputError
from phenolens.files import atomic_path, plain, read_json, write_json
from phenolens.profiles import write_frame
from phenolens.simulate.design import ScreenDesign
from phenolens.simulate.field import SimulatedField, count_cells, simulate_field
from phenolens.simulate.gallery import image_paths, write_tables
from phenolens.simulate.layout import Well, conditions, field_seed, wells
from phenolens.simulate.stains import STAINS
from phenolens.simulate.treatments import truth_table
from phenolens.workers import in_processes

TRUTH = "truth"
_TRUTH_IMAGES = ("nuclei", "cells", "mask")


@dataclass(frozen=True)
class _FieldTask:
    """One field to write."""

    design: ScreenDesign
    folder: Path
    well: Well
    site: int
    truth_images: bool


def write_screen(
    design: ScreenDesign,
    folder: str | Path,
    *,
    jobs: int = 1,
    truth_images: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a screen in the Cell Painting Gallery layout, with the truth beside it.

    Below ``folder``::

        <project>/<source>/images/<batch>/images/<plate>/Images/rXXcXXfXXp01-chNsk1fk1fl1.tiff
        <project>/<source>/workspace/load_data_csv/<batch>/<plate>/load_data.csv
        <project>/<source>/workspace/metadata/platemaps/<batch>/barcode_platemap.csv
        <project>/<source>/workspace/metadata/platemaps/<batch>/platemap/<name>.txt
        <project>/<source>/workspace/metadata/external_metadata/external_metadata.tsv
        truth/design.json, truth.parquet, wells.parquet, fields.parquet, images/

    ``PathName_*`` in the LoadData tables is relative to ``folder``, so it can be moved as a whole.

    Parameters
    ----------
    design : ScreenDesign
    folder : path
        Made when absent. An unfinished screen of the same design is completed: fields whose files
        are all there are not written again.
    jobs : int
        Processes. The bytes do not depend on it.
    truth_images : bool
        Also write label images (``nuclei``, ``cells``) and the ``mask`` of changed pixels (bit
        ``c`` for stain ``c`` of DNA, ER, RNA, AGP, Mito) under ``truth/images/<plate>/``.
    progress : callable, optional
        Called with (fields done, fields in all).

    Returns
    -------
    Path
        ``folder/<project>/<source>``.

    Raises
    ------
    InputError
        If ``folder`` holds a screen of another design.
    """
    folder = Path(folder)
    _require_same_design(design, folder)
    everything = wells(design)
    write_json(folder / TRUTH / "design.json", asdict(design))
    write_tables(design, folder, wells=everything)
    write_frame(truth_table(design), folder / TRUTH / "truth.parquet")
    tasks = [
        _FieldTask(design, folder, well, site, truth_images)
        for well in everything
        for site in range(1, design.sites + 1)
    ]
    fields = pd.DataFrame(_collect(tasks, jobs=jobs, progress=progress))
    write_frame(fields, folder / TRUTH / "fields.parquet")
    write_frame(_wells_table(design, everything, fields), folder / TRUTH / "wells.parquet")
    return folder / design.project / design.source


def _require_same_design(design: ScreenDesign, folder: Path) -> None:
    path = folder / TRUTH / "design.json"
    if path.exists() and read_json(path) != plain(asdict(design)):
        raise InputError(
            f"{folder} already holds a simulated screen of another design ({path}). "
            "Choose an empty folder or delete the old screen."
        )


def _collect(
    tasks: list[_FieldTask], *, jobs: int, progress: Callable[[int, int], None] | None
) -> list[dict[str, object]]:
    rows = []
    for row in _run(tasks, jobs=jobs):
        rows.append(row)
        if progress:
            progress(len(rows), len(tasks))
    return rows


def _run(tasks: list[_FieldTask], *, jobs: int) -> Iterator[dict[str, object]]:
    """Rows in the order of the tasks. The first runs here, so that kernels are compiled once."""
    yield _write_field(tasks[0])
    yield from in_processes(
        (partial(_write_field, task) for task in tasks[1:]), jobs=jobs, at_once=8
    )


def _write_field(task: _FieldTask) -> dict[str, object]:
    """Write one field unless it is there, and count its cells."""
    paths = [task.folder / path for path in image_paths(task.design, task.well, task.site)]
    truth = _truth_paths(task) if task.truth_images else []
    if all(path.exists() for path in [*paths, *truth]):
        return _row(task, *_counts(task))
    simulated = _simulate(task)
    for path, image in zip(paths, simulated.pixels, strict=True):
        _write_tiff(path, image)
    for path, name in zip(truth, _TRUTH_IMAGES, strict=False):
        _write_tiff(path, getattr(simulated, name))
    return _row(task, simulated.n_cells, simulated.n_responding)


def _simulate(task: _FieldTask) -> SimulatedField:
    return simulate_field(
        field_seed(task.design, task.well, task.site),
        **_optics(task),
        with_mask=task.truth_images,
    )


def _counts(task: _FieldTask) -> tuple[int, int]:
    return count_cells(field_seed(task.design, task.well, task.site), **_optics(task))


def _optics(task: _FieldTask) -> dict[str, Any]:
    return {
        "field_size": task.design.field_size,
        "cell_diameter": task.design.cell_diameter,
        "confluence": task.design.confluence,
        "effect": task.well.treatment.effect,
        "conditions": conditions(task.design, task.well),
    }


def _truth_paths(task: _FieldTask) -> list[Path]:
    place = f"{task.well.name}-{task.site}"
    folder = task.folder / TRUTH / "images" / task.well.plate
    return [folder / f"{place}_{name}.tiff" for name in _TRUTH_IMAGES]


def _write_tiff(path: Path, image: np.ndarray) -> None:
    """One lossless TIFF, without the date and software tags that would differ between runs."""
    with atomic_path(path) as partial:
        tifffile.imwrite(
            partial,
            image,
            compression="zlib",
            compressionargs={"level": 4},
            predictor=image.dtype == np.uint16,
            photometric="minisblack",
            software="",
            metadata=None,
        )


def _row(task: _FieldTask, n_cells: int, n_responding: int) -> dict[str, object]:
    return {
        "Metadata_Batch": task.well.batch,
        "Metadata_Plate": task.well.plate,
        "Metadata_Well": task.well.name,
        "Metadata_Site": task.site,
        "n_cells": n_cells,
        "n_responding": n_responding,
    }


def _wells_table(
    design: ScreenDesign, everything: list[Well], fields: pd.DataFrame
) -> pd.DataFrame:
    """One row per well: what is in it, true cell counts, and the nuisances it met."""
    counts = fields.groupby(["Metadata_Plate", "Metadata_Well"], sort=False)
    sums = counts[["n_cells", "n_responding"]].sum().reset_index(drop=True)
    rows = [_well_row(design, well) for well in everything]
    return pd.concat([pd.DataFrame(rows), sums], axis=1)


def _well_row(design: ScreenDesign, well: Well) -> dict[str, object]:
    met = conditions(design, well)
    return {
        "Metadata_Batch": well.batch,
        "Metadata_Plate": well.plate,
        "Metadata_Well": well.name,
        "broad_sample": well.treatment.sample,
        "pert_iname": well.treatment.name,
        "concentration_um": well.treatment.concentration,
        "control": well.treatment.control,
        "active": well.treatment.active,
        "toxic": well.treatment.toxic,
        "density": met.density,
        **{f"gain_{stain}": gain for stain, gain in zip(STAINS, met.gain, strict=True)},
        **{f"background_{s}": level for s, level in zip(STAINS, met.background, strict=True)},
    }
