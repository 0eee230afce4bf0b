"""Features of single cells as DeepProfiler writes them: one ``.npz`` a field of view."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import well_or_blank
from phenolens.io.formats.base import TableFormat, TableRead, register
from phenolens.profiles import OBJECT, PLATE, PREFIX, SITE, WELL, well_name

FALLBACK = "deepprofiler"
MODEL = f"{PREFIX}Model"
_NAMED = re.compile(r"(?:(?P<plate>.+)[_-])?(?P<well>[A-Za-z]{1,2}\d{1,3})[_-][sf]?(?P<site>\d+)")


def read_npz(path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Cells of one file: metadata, ``Metadata_ObjectNumber``, and features ``MODEL_0`` and on.

    Nothing is unpickled: a pickle can run any code. DeepProfiler pickles its metadata, so that of
    its own files is left closed, and plate, well and site come from their path,
    ``PLATE/WELL/SITE.npz``.

    Parameters
    ----------
    path : Path
        Holds ``features`` (n_cells, n_features). Metadata as ``metadata`` (a structured array, or
        a dictionary as JSON text) or as an array of text or numbers per column, of one value or
        one a cell.

    Returns
    -------
    frame : DataFrame
    notes : list of str
        For the ledger.

    Raises
    ------
    InputError
        If it cannot be read, has no features, or they or the metadata are pickled.
    """
    held, pickled = _arrays(path)
    features = held.pop("features", None)
    if features is None or features.ndim != 2 or features.dtype.kind not in "fiu":
        if "features" in pickled:
            raise InputError(_pickled(path, "features"))
        what = "no array 'features'" if features is None else f"features of {features.shape}"
        raise InputError(f"{path} has {what}; expected numbers, one row a cell.")
    held.pop("locations", None)
    said, notes = _metadata(held, len(features), path), []
    if "metadata" in pickled:
        place = _place(path)
        if place is None and not {PLATE, WELL} <= set(said):
            raise InputError(_pickled(path, "metadata"))
        said = (place or {}) | said
        notes.append("metadata is pickled and was left closed: plate, well and site are the path's")
    elif not {PLATE, WELL} <= set(said):
        said = (_place(path) or {}) | said
    model = str(np.atleast_1d(said.pop(MODEL, FALLBACK))[0])
    names = [f"{model}_{number}" for number in range(features.shape[1])]
    frame = pd.DataFrame(said, index=range(len(features)))
    frame[OBJECT] = np.arange(1, len(features) + 1)
    return pd.concat([frame, pd.DataFrame(features, columns=names)], axis=1), notes


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], set[str]]:
    """The arrays of a file, and the names of those that are pickled."""
    held: dict[str, np.ndarray] = {}
    pickled: set[str] = set()
    try:
        # NumPy leaves a damaged file open that it opened itself.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            for name in archive.files:
                try:
                    held[name] = archive[name]
                except ValueError:  # numpy's refusal to unpickle
                    pickled.add(name)
    except FileNotFoundError:
        raise InputError(f"There is no file {path}.") from None
    except Exception as error:  # zip and NumPy raise many kinds
        # NumPy takes every file that is no archive for a pickle, and says how to open that.
        plain = isinstance(error, (OSError, zipfile.BadZipFile))
        what = error if plain else "it is damaged, or no .npz file"
        raise InputError(f"{path} cannot be read as arrays of NumPy: {what}.") from None
    return held, pickled


def _metadata(held: dict[str, np.ndarray], rows: int, path: Path) -> dict[str, Any]:
    """Columns under ``Metadata_`` names; one value stands for all cells."""
    found: dict[str, Any] = dict(held)
    whole = found.pop("metadata", None)
    if whole is not None:
        found |= _columns(whole, path)
    out = {}
    for name, values in found.items():
        values = np.squeeze(np.asarray(values))
        if values.ndim > 1 or (values.ndim == 1 and len(values) != rows):
            raise InputError(
                f"{path}: {name!r} has shape {np.shape(values)}; expected one value, or one for "
                f"each of {rows} cells."
            )
        column = name if name.startswith(PREFIX) else f"{PREFIX}{name}"
        out[column] = values if values.ndim else values.item()
    return out


def _columns(whole: np.ndarray, path: Path) -> dict[str, Any]:
    if whole.dtype.names:
        return {name: whole[name] for name in whole.dtype.names}
    if whole.ndim == 0 and whole.dtype.kind in "US":
        try:
            found = json.loads(str(whole))
        except ValueError:
            found = None
        if isinstance(found, dict):
            return found
    raise InputError(
        f"{path}: 'metadata' is neither a structured array nor a dictionary as JSON text."
    )


def _place(path: Path) -> dict[str, str] | None:
    """Plate, well and site of a path.

    ``PLATE/WELL/SITE.npz``, ``PLATE/WELL_SITE.npz`` or ``PLATE_WELL_SITE.npz``; a name that says
    well and site comes first, as plates may be called like wells (``P1``).
    """
    folder = path.absolute().parent
    named = _NAMED.fullmatch(path.stem)
    if named is not None and _is_well(named["well"]):
        again = _is_well(folder.name) and well_name(folder.name) == well_name(named["well"])
        plate = named["plate"] or (folder.parent if again else folder).name
        return {PLATE: plate, WELL: named["well"], SITE: named["site"]} if plate else None
    if _is_well(folder.name):
        plate = folder.parent.name
        return {PLATE: plate, WELL: folder.name, SITE: path.stem} if plate else None
    well, mark, site = path.stem.replace("-", "_").partition("_")
    known = mark and _is_well(well)
    return {PLATE: folder.name, WELL: well, SITE: site} if known and folder.name else None


def _is_well(text: str) -> bool:
    return well_or_blank(text) != ""


def _pickled(path: Path, name: str) -> str:
    features, metadata = "d['features']", "d['metadata'].item()"
    if name == "features":
        features = f"numpy.array({features}.tolist(), dtype='float32')"
    return (
        f"{path}: {name!r} is pickled, and a pickle can run any code, so it is not opened. Where "
        "you trust it, convert it: d = numpy.load(file, allow_pickle=True); numpy.savez(new_file, "
        f"features={features}, metadata=json.dumps({metadata}, default=str))."
    )


@register
class DeepProfiler(TableFormat):
    """Arrays of NumPy with ``features``, a row a cell; nothing is unpickled."""

    name = "deepprofiler"
    describes: ClassVar[str] = "DeepProfiler's .npz: features of the cells of one field"
    endings = (".npz",)

    def recognises(self, path: Path) -> float | None:
        """By its ending."""
        return 1.0 if path.suffix.lower() == ".npz" else None

    def read(self, path: Path, **_: Any) -> TableRead:
        """The cells of one file; see :func:`read_npz`."""
        return TableRead(*read_npz(path))
