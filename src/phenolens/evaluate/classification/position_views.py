"""Profiles that know only where a well lies, to be asked what representations are asked.

A view is a profile table of the same wells. Two wells are as similar as their positions are close
(``near``: ``exp(-(distance / 1.5)**2 / 2)``, in wells), or lie in one row, in one column or as far
from the edge (outermost ring, next ring, the rest). Where the question scores replicates or
treatments one by one, each is scored by the view that does best on the half that it is not in, so
that the choice gains nothing where position has nothing to say.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.profiles import WELL

REACH = 1.5


def position_views(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The wells of a profile table as position knows them: near, by row, column and edge.

    Parameters
    ----------
    table : DataFrame
        Profile table with ``Metadata_Well``.

    Returns
    -------
    dict of str to DataFrame
        Float64, rows of length one.

    Raises
    ------
    InputError
        If the name of a well cannot be read.
    """
    place = profiles.well_position(profiles.column(table, WELL))
    low, high = place.min(axis=0), place.max(axis=0)
    row, column = (place - low).T
    ring = np.minimum(place - low, high - place).min(axis=1)
    rows, columns = high - low + 1
    near = np.einsum("ni,nj->nij", _close(rows)[row], _close(columns)[column])
    views = {
        "near": near.reshape(len(table), -1),
        "row": np.eye(rows)[row],
        "column": np.eye(columns)[column],
        "edge": np.eye(3)[np.minimum(ring, 2)],
    }
    return {name: pd.DataFrame(values, index=table.index) for name, values in views.items()}


def _close(count: int) -> np.ndarray:
    """Rows whose products are the closeness of `count` lines of wells; shape (count, count)."""
    line = np.arange(count)
    return np.linalg.cholesky(np.exp(-(((line[:, None] - line) / REACH) ** 2) / 2))


def best_of_views(
    table: pd.DataFrame,
    ask: Callable[[pd.DataFrame], pd.DataFrame],
    *,
    score: str,
    seed: int,
    test: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
) -> pd.DataFrame:
    """The answer of every unit by the view that does best on the other half of the units.

    Parameters
    ----------
    table : DataFrame
        Profile table of the wells.
    ask : callable
        From a view to a table with one row a unit (treatment, label), the same for all views.
    score : str
        Column by whose mean views are compared; NaN takes no part.
    seed : int
        Of the halves.
    test : callable, optional
        As `ask`, with what takes long; asked of the views that were taken only.

    Returns
    -------
    DataFrame
        As `test` (or `ask`) gives it, with the ``view`` of each unit.
    """
    views = position_views(table)
    answers = {name: ask(view) for name, view in views.items()}
    scores = pd.DataFrame({name: answer[score] for name, answer in answers.items()}).astype(float)
    half = np.random.default_rng(seed).permutation(len(scores)) % 2
    taken = np.empty(len(scores), dtype=object)
    for side in (0, 1):
        means = scores[half != side].mean().fillna(-np.inf)  # one unit alone: the first view
        taken[half == side] = means.idxmax()
    parts = []
    for name in np.unique(taken):
        answer = answers[name] if test is None else test(views[name])
        parts.append(answer[taken == name].assign(view=name))
    return pd.concat(parts).sort_index()
