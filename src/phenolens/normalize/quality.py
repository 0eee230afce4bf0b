"""Weights of fields and cells by the quality of their image, and wells as weighted middles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from phenolens.errors import DesignError, InputError
from phenolens.normalize.scale import group_statistics
from phenolens.profiles import PLATE, WELL

PREFIX = "Metadata_Quality_"
# Which way each measure is worse (measure.quality); others, of other programs, either way.
WORSE = {"PowerLogLogSlope": -1, "LaplacianVariance": -1, "SaturatedShare": 1, "DebrisShare": 1}
# Robust standard deviations of control fields within which a field counts fully.
LIMIT = 3.0
# Shares of pixels are often 0 in every control field: one in a thousand is told from none.
FINEST = {"SaturatedShare": 1e-3, "DebrisShare": 1e-3}
FEWEST = 8


def quality_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of optical quality: focus, saturation and debris of each stain.

    Numbers of cells and covered area are left out: they are what a treatment may change.
    """
    return [
        name
        for name in map(str, frame)
        if name.startswith(PREFIX) and name.removeprefix(PREFIX).partition("_")[0] in WORSE
    ]


def quality_weights(
    rows: pd.DataFrame, references: np.ndarray, *, measures: Sequence[str] | None = None
) -> tuple[np.ndarray, dict[str, int | list[str]]]:
    """Weights from 0 to 1 of fields (or of cells, by their field).

    A field whose measures lie within three robust standard deviations of its plate's control
    fields counts fully; one that is worse in some measure by ``d`` of them, ``(3 / d)**2``. Where a
    plate has fewer than eight control fields, those of all plates take their place. Only controls
    say what is usual; what is aggregated is one well's, so that only differences between the fields
    of a well matter: a treatment that blurs all of them is not weighed down.

    Parameters
    ----------
    rows : DataFrame
        Plain frame, one row a field or cell, with ``Metadata_Plate``, ``Metadata_Well`` and the
        measures. Rows of one well that share all measures are one field.
    references : ndarray of bool, shape (n_rows,)
        Rows of the controls that may speak.
    measures : sequence of str, optional
        By default :func:`quality_columns`. Of those that are not ours, both sides are bad.

    Returns
    -------
    weights : ndarray of float64, shape (n_rows,)
        1 where nothing was measured.
    report : dict
        ``measures`` used; ``constant``, those that vary among no plate's controls and weigh
        nothing; ``fields`` and ``weighed_down``, how many weigh less than 1; ``unmeasured``.

    Raises
    ------
    InputError
        If there is no measure.
    DesignError
        If there are fewer than eight control fields.

    References
    ----------
    Bray et al., J. Biomol. Screen. 17:266 (2012), for the measures; Huber, Robust Statistics
    (1981), for weights that decline beyond a limit.
    """
    names = quality_columns(rows) if measures is None else list(measures)
    if not names:
        raise InputError(
            f"There is no column of quality to weigh by: none begins with {PREFIX}"
            f"{{{', '.join(WORSE)}}}. Name the columns, or aggregate without weights."
        )
    fields = rows[[PLATE, WELL, *names]].astype(dict.fromkeys(names, float))
    number = fields.groupby([PLATE, WELL, *names], dropna=False).ngroup().to_numpy()
    first = np.unique(number, return_index=True)[1]  # one row a field, fields by their number
    values = fields[names].to_numpy()[first]
    known = np.asarray(references, dtype=bool)[first]
    if known.sum() < FEWEST:
        raise DesignError(
            f"Weights by quality need {FEWEST} control fields to say what is usual; there are "
            f"{int(known.sum())}."
        )
    plates = pd.factorize(fields[PLATE].to_numpy()[first], sort=True)[0]
    few = np.bincount(plates[known], minlength=plates.max() + 1) < FEWEST
    centre, scale = group_statistics(values, np.where(known, plates, -1), n_groups=plates.max() + 1)
    whole_centre, whole_scale = group_statistics(values, np.where(known, 0, -1), n_groups=1)
    centre[few], scale[few] = whole_centre[0], whole_scale[0]
    kinds = [name.removeprefix(PREFIX).partition("_")[0] for name in names]
    finest = np.array([FINEST.get(kind, 0.0) for kind in kinds])
    scale = np.where((finest > 0) & (np.isinf(scale) | (scale < finest)), finest, scale)
    away = (values - centre[plates]) / scale[plates]
    ways = np.array([WORSE.get(kind, 0) for kind in kinds])
    worse = np.where(ways == 0, np.abs(away), away * ways)
    worst = np.nan_to_num(worse, nan=0.0).max(axis=1)
    weights = np.where(worst > LIMIT, (LIMIT / np.maximum(worst, LIMIT)) ** 2, 1.0)
    report: dict[str, int | list[str]] = {
        "measures": names,
        "constant": [n for n, s in zip(names, scale.T, strict=True) if np.isinf(s).all()],
        "fields": len(first),
        "weighed_down": int((weights < 1).sum()),
        "unmeasured": int(np.isnan(values).all(axis=1).sum()),
    }
    return weights[number], report


def weighted_middle(values: np.ndarray, weights: np.ndarray, *, how: str = "median") -> np.ndarray:
    """Weighted median or mean of each column; NaN has no weight.

    The median is where the weights on either side balance; equal weights give the plain one, the
    mean of the two in the middle where their number is even.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_features)
    weights : ndarray, shape (n_rows,)
        Not negative.
    how : {'median', 'mean'}

    Returns
    -------
    ndarray of float32, shape (n_features,)
        NaN where nothing with a weight is known.
    """
    known = np.isfinite(values)
    weight = np.where(known, weights[:, None], 0.0)
    total = weight.sum(axis=0)
    held = np.where(known, values, 0.0).astype(np.float64)
    if how == "mean":
        summed = (weight * held).sum(axis=0)
        return np.where(total > 0, summed / np.where(total > 0, total, 1), np.nan).astype(
            np.float32
        )
    order = np.argsort(np.where(weight > 0, held, np.inf), axis=0, kind="stable")
    ranked = np.take_along_axis(held, order, axis=0)
    share = np.cumsum(np.take_along_axis(weight, order, axis=0), axis=0)
    share /= np.where(total > 0, total, 1)
    # Sums of equal weights must meet one half, whatever their rounding.
    low = np.argmax(share > 0.5 - 1e-9, axis=0)
    high = np.argmax(share > 0.5 + 1e-9, axis=0)
    each = np.arange(values.shape[1])
    middle = (ranked[low, each] + ranked[high, each]) / 2
    return np.where(total > 0, middle, np.nan).astype(np.float32)
