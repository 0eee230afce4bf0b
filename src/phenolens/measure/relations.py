"""Numbers, parents and children: one nucleus, one cell and one cytoplasm share an id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

_PARENTS = (("Cells", "Nuclei"), ("Cytoplasm", "Cells"), ("Cytoplasm", "Nuclei"))


def relations(present: Mapping[str, np.ndarray], ids: np.ndarray) -> dict[str, np.ndarray]:
    """CellProfiler's bookkeeping columns as metadata.

    Parameters
    ----------
    present : mapping of str to ndarray of bool, shape (n,)
        For every compartment, which ids it holds.
    ids : ndarray of int64, shape (n,)

    Returns
    -------
    dict of str to ndarray of float64, shape (n,)
        NaN where the object does not exist; parent 0 where only the parent is missing.
    """
    columns = {}
    for name, here in present.items():
        columns[f"{name}_Number_Object_Number"] = _where(here, ids)
    for child, parent in _PARENTS:
        if child in present and parent in present:
            both = np.where(present[child] & present[parent], ids, 0)
            columns[f"{child}_Parent_{parent}"] = _where(present[child], both)
            count = present[child].astype(float)
            columns[f"{parent}_Children_{child}_Count"] = _where(present[parent], count)
    if "Nuclei" in present:
        columns["Nuclei_Parent_NucleiIncludingEdges"] = _where(present["Nuclei"], ids)
    return {f"Metadata_{name}": values for name, values in columns.items()}


def relation_names(compartments: Sequence[str]) -> list[str]:
    """Columns of :func:`relations`."""
    nobody = np.zeros(0, bool)
    return list(relations(dict.fromkeys(compartments, nobody), np.zeros(0, np.int64)))


def _where(condition: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(condition, values, np.nan)
