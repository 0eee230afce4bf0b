"""Which rows of a table that was handed in are negative controls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens.errors import DesignError, InputError
from phenolens.io.join import Source
from phenolens.io.labels import conventional_controls, label_wells
from phenolens.io.ledger import Ledger
from phenolens.io.roles import gene_column, role_columns
from phenolens.profiles import CONCENTRATION
from phenolens.query import evaluate_query, values_asked

ROLES = ("batch", "compound", "concentration", "mechanism", "target", "cell_count")


def control_rows(
    rows: pd.DataFrame,
    controls: str | Sequence[bool] | np.ndarray | None,
    *,
    name: str = "controls",
) -> np.ndarray:
    """The rows that a query, a mask or the field's conventions call controls.

    Parameters
    ----------
    rows : DataFrame
        Metadata in columns, as :meth:`phenolens.io.given.Given.metadata` gives it.
    controls : str, sequence of bool or None
        A query (``"Metadata_control_type == 'negcon'"``; ``Metadata_`` may be left out), ``"all"``
        for every row, or one true or false per row. By convention (None): a column
        ``Metadata_Control`` that says so, ``pert_type`` or ``control_type`` that says ``negcon``,
        a compound DMSO or a gene ``untreated``, a blank ``broad_sample``.
    name : str
        What the setting is called in errors.

    Returns
    -------
    ndarray of bool, shape (n_rows,)

    Raises
    ------
    InputError
        If the query cannot be evaluated, or the mask has another shape.
    DesignError
        If no row is a control.
    """
    if controls is None:
        found = _by_convention(rows)
        if not found.any():
            raise DesignError(
                "No row is a negative control by convention (Metadata_Control, pert_type or "
                f"control_type negcon, compound DMSO, untreated); name them with {name}=, or take "
                f"every row with {name}='all'."
            )
        return found
    if isinstance(controls, str):
        if controls == "all":
            return np.ones(len(rows), dtype=bool)
        found = evaluate_query(rows, controls, name)
    else:
        found = np.asarray(controls)
        if found.dtype != bool or found.shape != (len(rows),):
            raise InputError(
                f"{name} is a query or one true or false per row ({len(rows)} rows); got "
                f"{found.dtype} of shape {found.shape}."
            )
    if not found.any():
        if not isinstance(controls, str):
            raise DesignError(f"{name} matches none of {len(rows)} rows.")
        held = values_asked(rows, controls)
        raise DesignError(f"{name} = {controls!r} matches none of {len(rows)} rows{held}.")
    return found


def _by_convention(rows: pd.DataFrame) -> np.ndarray:
    """Controls of the wells as a study would label them; doses play no part."""
    names = list(map(str, rows.columns))
    treated = role_columns(names).get("compound") or gene_column(names)
    labelled = label_wells(
        rows.drop(columns=CONCENTRATION, errors="ignore"),
        dict.fromkeys(ROLES) | {"compound": treated},
        modality="compound",
        source=Source(name="", ledger=Ledger()),
    )
    return conventional_controls(labelled).to_numpy(bool)
