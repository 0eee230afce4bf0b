"""From prepared images to measured cells, one finished file a field, and from cells to wells.

A unit is one field (or the crops of one well and site). It is segmented and measured in one go and
kept as ``<plate>/<well>_<site>.npz``; a killed run resumes at the next unit, and memory holds one
unit (writing) or one well (aggregating) at a time.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.files import atomic_path
from phenolens.prepared import Prepared, safe_name, save_labels
from phenolens.profiles import CELL_COUNT, OBJECT, PLATE, SITE, WELL, from_frame

Progress = Callable[[int, int], None]

_SOURCE = b"phenolens_units"
_ROWS_PER_GROUP = 4096


@dataclass(frozen=True)
class Recipe:
    """How a field is measured: which stain shows nuclei, segmentation settings, families."""

    nuclei: str
    segmentation: dict
    families: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unit:
    """One measured field, or the measured crops of one well and site."""

    plate: str
    well: str
    site: str
    path: Path

    def read(self) -> pd.DataFrame:
        """One row a cell: ``Metadata_*`` columns, then features (float32)."""
        with np.load(self.path, allow_pickle=False) as stored:
            features = pd.DataFrame(stored["features"], columns=_unpack(stored["feature_names"]))
            details = pd.DataFrame(stored["metadata"], columns=_unpack(stored["metadata_names"]))
        keys = pd.DataFrame(
            {PLATE: self.plate, WELL: self.well, SITE: self.site}, index=details.index
        )
        details[OBJECT] = details[OBJECT].astype(np.int64)
        return pd.concat([keys, details, features], axis=1)


def measure_cells(
    prepared: Prepared,
    folder: str | Path,
    recipe: Recipe,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> list[Unit]:
    """Segment and measure every prepared image; finished units are kept.

    Parameters
    ----------
    prepared : Prepared
    folder : path
        Where the units go; belongs to one store and recipe.
    recipe : Recipe
    jobs : int
        Processes, each with one BLAS thread.
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    list of Unit
        Sorted by plate, well and site.
    """
    from joblib import Parallel, delayed, parallel_config

    units = _units(prepared, Path(folder))
    tasks = (delayed(_measure_unit)(prepared, rows, unit, recipe) for unit, rows in units)
    with parallel_config(backend="loky", inner_max_num_threads=1):
        done = Parallel(n_jobs=jobs, return_as="generator")(tasks)
        for number, _ in enumerate(done, start=1):
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


def _measure_unit(prepared: Prepared, rows: np.ndarray, unit: Unit, recipe: Recipe) -> None:
    if unit.path.is_file() and unit.path.stat().st_mtime_ns >= prepared.changed(int(rows[0])):
        return
    if prepared.images.level == "cell":
        cells = pd.concat([_measure_crop(prepared, row, recipe) for row in rows], ignore_index=True)
    else:
        cells = _measure_field(prepared, int(rows[0]), recipe)
    _write(cells, unit.path)


def _measure_field(prepared: Prepared, row: int, recipe: Recipe) -> pd.DataFrame:
    from phenolens.measure import measure_objects
    from phenolens.segment import SegmentSettings, segment_field

    pixels = _unit_range(prepared, row)
    settings = SegmentSettings(nuclei_channel=recipe.nuclei, **recipe.segmentation)
    labels = segment_field(pixels, prepared.channels, settings=settings)
    save_labels(prepared, row, labels)
    return measure_objects(pixels, prepared.channels, labels, families=recipe.families or None)


def _measure_crop(prepared: Prepared, row: int, recipe: Recipe) -> pd.DataFrame:
    from phenolens.measure import measure_objects
    from phenolens.segment import SegmentSettings, crop_labels

    pixels = _unit_range(prepared, row)
    settings = SegmentSettings(nuclei_channel=recipe.nuclei, **recipe.segmentation)
    labels = crop_labels(pixels, prepared.channels, settings=settings)
    cells = measure_objects(pixels, prepared.channels, labels, families=recipe.families or None)
    number = prepared.images.table[OBJECT].iloc[row] if OBJECT in prepared.images.table else row
    return cells.head(1).assign(**{OBJECT: int(number)})


def _unit_range(prepared: Prepared, row: int) -> np.ndarray:
    """Corrected pixels as CellProfiler scales them: 1 is the largest value the file can hold."""
    raw_kind = prepared.raw(row).dtype
    pixels = prepared.pixels(row)
    if np.issubdtype(raw_kind, np.integer):
        pixels = pixels / np.float32(np.iinfo(raw_kind).max)
    return pixels


def _write(cells: pd.DataFrame, path: Path) -> None:
    details = [name for name in cells if str(name).startswith("Metadata_")]
    features = [name for name in cells if name not in details]
    arrays = {
        "features": cells[features].to_numpy(np.float32),
        "feature_names": _pack(features),
        "metadata": cells[details].to_numpy(np.float64),
        "metadata_names": _pack(details),
    }
    with atomic_path(path) as partial, partial.open("wb") as stream:
        np.savez(stream, **arrays)


def _pack(names: Sequence[str]) -> np.ndarray:
    return np.frombuffer("\n".join(names).encode(), dtype=np.uint8)


def _unpack(packed: np.ndarray) -> list[str]:
    return packed.tobytes().decode().split("\n") if packed.size else []


def by_well(units: Sequence[Unit]) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
    """Cells of one well after another, with (plate, well)."""
    wells: dict[tuple[str, str], list[Unit]] = {}
    for unit in units:
        wells.setdefault((unit.plate, unit.well), []).append(unit)
    for key in sorted(wells):
        yield key, pd.concat([unit.read() for unit in wells[key]], ignore_index=True)


def well_profiles(
    units: Sequence[Unit], *, how: str = "median", min_cells: int = 0
) -> pd.DataFrame:
    """One row a well: the median (or mean) over its cells, and ``Metadata_CellCount``.

    Wells with fewer than ``min_cells`` cells, or none, are left out; they keep their count in
    :func:`cell_counts`.

    Raises
    ------
    InputError
        If no well is left.
    """
    rows, keys = [], []
    for (plate, well), cells in by_well(units):
        if len(cells) < max(min_cells, 1):
            continue
        features = [name for name in cells if not name.startswith("Metadata_")]
        rows.append(_centre(cells[features].to_numpy(), how))
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


def cell_counts(units: Sequence[Unit]) -> pd.DataFrame:
    """Plate, well and ``Metadata_CellCount`` of every well, zero included."""
    counts = [(unit.plate, unit.well, len(unit.read())) for unit in units]
    frame = pd.DataFrame(counts, columns=[PLATE, WELL, CELL_COUNT])
    return frame.groupby([PLATE, WELL], as_index=False, sort=True).sum()


def write_plates(units: Sequence[Unit], folder: str | Path) -> list[Path]:
    """Write single cells as ``<plate>.parquet``; a file made of the same units is kept.

    Returns
    -------
    list of Path
        One a plate, sorted.
    """
    plates = sorted({unit.plate for unit in units})
    return [
        _write_plate([unit for unit in units if unit.plate == plate], Path(folder))
        for plate in plates
    ]


def _write_plate(units: Sequence[Unit], folder: Path) -> Path:
    import pyarrow.parquet as pq

    path = folder / f"{safe_name(units[0].plate)}.parquet"
    source = ",".join([units[0].path.parts[-3], *(unit.path.name for unit in units)]).encode()
    if path.is_file() and (pq.read_schema(path).metadata or {}).get(_SOURCE) == source:
        return path
    with atomic_path(path) as partial:
        writer = None
        for cells in _chunks(units):
            block = _arrow(cells, source) if writer is None else _arrow(cells, source, writer)
            writer = writer or pq.ParquetWriter(partial, block.schema)
            writer.write_table(block)
        writer.close()
    return path


def _chunks(units: Sequence[Unit]) -> Iterator[pd.DataFrame]:
    """Cells of whole wells, some thousand rows together: many columns make row groups dear."""
    waiting: list[pd.DataFrame] = []
    for _, cells in by_well(units):
        waiting.append(cells)
        if sum(map(len, waiting)) >= _ROWS_PER_GROUP:
            yield pd.concat(waiting, ignore_index=True)
            waiting = []
    if waiting:
        yield pd.concat(waiting, ignore_index=True)


def _arrow(cells: pd.DataFrame, source: bytes, writer: object | None = None):
    import pyarrow as pa

    block = pa.Table.from_pandas(cells, preserve_index=False)
    block = block.replace_schema_metadata({_SOURCE: source})
    return block if writer is None else block.cast(writer.schema)


def jobs_here(jobs: int | None) -> int:
    """Number of processes: what was asked for, else the cores this process may use."""
    return jobs or len(os.sched_getaffinity(0))
