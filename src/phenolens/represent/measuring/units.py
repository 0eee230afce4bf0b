"""Measured fields on disk: one finished file a unit, read a well at a time, written a plate a file.

A unit is one field, or the crops of one well and site: ``<plate>/<well>_<site>.npz``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import DamagedError
from phenolens.files import atomic_path, digest, file_digest, read_arrays, read_sealed, write_sealed
from phenolens.prepared import safe_name
from phenolens.profiles import CELL_COUNT, OBJECT, PLATE, SITE, WELL

_ROWS_PER_GROUP = 4096


NOTHING = pd.DataFrame({OBJECT: np.zeros(0, np.int64)})


@dataclass(frozen=True)
class Measured:
    """Cells of one unit, the quality of its field (empty for crops), and what gave no cell.

    A fault has a ``reason``, and the ``object`` number of the crop or the ``file`` it is about.
    """

    cells: pd.DataFrame
    quality: dict[str, float]
    faults: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class Unit:
    """One measured field, or the measured crops of one well and site.

    ``weight`` is how much its cells count in their well, beside those of the well's other units.
    """

    plate: str
    well: str
    site: str
    path: Path
    weight: float = 1.0

    def read(self) -> pd.DataFrame:
        """One row a cell: ``Metadata_*`` columns, then features (float32)."""
        stored = read_arrays(self.path, ["features", "feature_names", "metadata", "metadata_names"])
        features = pd.DataFrame(stored["features"], columns=_unpack(stored["feature_names"]))
        details = pd.DataFrame(stored["metadata"], columns=_unpack(stored["metadata_names"]))
        keys = pd.DataFrame(
            {PLATE: self.plate, WELL: self.well, SITE: self.site}, index=details.index
        )
        details[OBJECT] = details[OBJECT].astype(np.int64)
        return pd.concat([keys, details, features], axis=1)

    def n_cells(self) -> int:
        """Number of cells, without reading their features."""
        return len(read_arrays(self.path, ["metadata"])["metadata"])

    def made_of(self) -> str:
        """Names all that the unit was measured from."""
        return self._text("made_of")

    def content(self) -> str:
        """Digest of what was measured."""
        return self._text("content")

    def faults(self) -> list[dict[str, str]]:
        """Plate, well, site, reason, and object or file, of what could not be measured."""
        found = json.loads(self._text("faults"))
        place = {"plate": self.plate, "well": self.well, "site": self.site}
        return [place | fault for fault in found]

    def quality(self) -> dict[str, float]:
        """Quality of the field: ``Metadata_Quality_*``; empty for crops."""
        stored = read_arrays(self.path, ["quality", "quality_names"])
        return dict(zip(_unpack(stored["quality_names"]), stored["quality"].tolist(), strict=True))

    def _text(self, name: str) -> str:
        return read_arrays(self.path, [name])[name].tobytes().decode()


@dataclass(frozen=True)
class Cells:
    """The measured cells of a study: the units they were measured in, and a file a plate.

    Attributes
    ----------
    units : list of Unit
    folder : Path
        Where :func:`write_plates` put them.
    """

    units: list[Unit]
    folder: Path

    @cached_property
    def digest(self) -> str:
        """Digest of all that was measured, unit by unit."""
        return _digest(self.units)

    @property
    def plates(self) -> list[str]:
        """Names of the plates, sorted."""
        return sorted({unit.plate for unit in self.units})

    def columns(self, plate: str) -> list[str]:
        """Names of a plate's columns."""
        import pyarrow.parquet as pq

        return list(pq.read_schema(self._path(plate)).names)

    def read(self, plate: str, columns: Sequence[str]) -> pd.DataFrame:
        """These columns of a plate's cells, one row a cell."""
        return pd.read_parquet(self._path(plate), columns=list(columns))

    def _path(self, plate: str) -> Path:
        return self.folder / f"{safe_name(plate)}.parquet"


def _digest(units: Sequence[Unit]) -> str:
    return digest([[unit.plate, unit.well, unit.site, unit.content()] for unit in units])


def write_unit(measured: Measured, path: Path, *, made_of: str = "") -> None:
    """Write a unit atomically, with the name of what it was made of."""
    cells = measured.cells
    details = [name for name in cells if str(name).startswith("Metadata_")]
    features = [name for name in cells if name not in details]
    arrays = {
        "features": cells[features].to_numpy(np.float32),
        "feature_names": _pack(features),
        "metadata": cells[details].to_numpy(np.float64),
        "metadata_names": _pack(details),
        "quality": np.array(list(measured.quality.values()), np.float64),
        "quality_names": _pack(list(measured.quality)),
        "faults": _pack([json.dumps(measured.faults)]),
    }
    held = [[name, digest(array)] for name, array in arrays.items()]
    arrays |= {"made_of": _pack([made_of]), "content": _pack([digest(held)])}
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


def fields(units: Sequence[Unit]) -> pd.DataFrame:
    """One row a unit: plate, well, site, ``Metadata_CellCount`` and the quality of the field."""
    rows = [
        {PLATE: unit.plate, WELL: unit.well, SITE: unit.site, CELL_COUNT: unit.n_cells()}
        | unit.quality()
        for unit in units
    ]
    return pd.DataFrame(rows)


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

    path, mark = folder / f"{safe_name(units[0].plate)}.parquet", _mark(units)
    source = _digest(units)
    if _is_written(path, mark, source=source):
        return path
    with atomic_path(path) as partial:
        writer: Any = None
        for cells in _chunks(units):
            block = _arrow(cells, writer)
            writer = writer or pq.ParquetWriter(partial, block.schema)
            writer.write_table(block)
        writer.close()
    write_sealed(mark, {"units": source, "file": file_digest(path)})
    return path


def _mark(units: Sequence[Unit]) -> Path:
    """Beside the units of a plate: what they are, and the file that was written of them."""
    folder = units[0].path.parent
    return folder.with_name(f"{folder.name}.written.json")


def _is_written(path: Path, mark: Path, *, source: str) -> bool:
    """Whether the file was written of these units, and is as it was written."""
    try:
        known = read_sealed(mark)
    except (FileNotFoundError, DamagedError):
        return False
    return path.is_file() and known == {"units": source, "file": file_digest(path)}


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


def _arrow(cells: pd.DataFrame, writer: Any = None) -> Any:
    import pyarrow as pa

    block = pa.Table.from_pandas(cells, preserve_index=False)
    names = [f.with_type(pa.string()) if pa.types.is_null(f.type) else f for f in block.schema]
    block = block.cast(pa.schema(names)).replace_schema_metadata()  # texts of no row have no type
    return block if writer is None else block.cast(writer.schema)
