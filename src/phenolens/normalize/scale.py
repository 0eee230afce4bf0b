"""Calibrating each plate on its own negative controls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numba
import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.profiles import PLATE

CALIBRATED = "Metadata_Calibrated"
METHODS = ("mad", "standard", "center")
SPREADS = ("auto", "plate", "screen")
# Fewer calibrating controls than this say where a plate's centre is, but hardly how wide it is.
FEW_CALIBRATORS = 16
# A spread below a millionth of the value is float32 rounding, not variation between wells.
_ROUNDING = 1e-6


def robust_scale(
    table: pd.DataFrame,
    calibrators: np.ndarray,
    *,
    by: Sequence[str] = (PLATE,),
    spread_by: Sequence[str] | None = None,
    method: str = "mad",
    clip: float | None = None,
) -> tuple[pd.DataFrame, dict]:
    """Scale each plate's features by the centre and spread of its calibrating control wells.

    ``mad`` is RobustMAD, ``(x - median) / (1.4826 MAD)``, with the standard deviation where more
    than half of the controls share a value (MAD 0); ``standard`` uses mean and standard deviation;
    ``center`` only subtracts the median. NaN in controls is ignored.

    Parameters
    ----------
    table : DataFrame, shape (n_rows, n_features)
        A profile table.
    calibrators : ndarray of bool, shape (n_rows,)
        The rows that may speak (see :func:`phenolens.splits.control_roles`).
    by : sequence of str
        Metadata columns of the group that calibrates itself, by default the plate.
    spread_by : sequence of str, optional
        Columns of the wider group whose centred controls give the spread, ``()`` for all of them.
        By default `by`. Six controls say where a plate's centre is, but hardly how wide it is.
    method : {'mad', 'standard', 'center'}
    clip : float, optional
        Values are limited to ``[-clip, clip]`` afterwards.

    Returns
    -------
    table : DataFrame
        float32 of the same shape; ``Metadata_Calibrated`` is false on rows of groups with fewer
        than two calibrating rows, whose values are as they came. A feature that does not vary
        among a group's calibrators has no scale there: it becomes 0 there, and is counted.
    report : dict
        ``groups`` (one entry each: key, ``n_calibrators``, ``n_constant``), ``uncalibrated`` (keys)
        and ``constant_everywhere`` (feature names).
    """
    calibrators = _mask(table, calibrators)
    if method not in METHODS:
        raise InputError(f"Unknown scaling {method!r}; choose one of {', '.join(METHODS)}.")
    codes, keys = profiles.groups(table, by)
    values = np.ascontiguousarray(table.to_numpy(np.float32))
    calibrating = np.where(calibrators, codes, -1)
    center, scale = group_statistics(values, calibrating, n_groups=len(keys), method=method)
    counts = np.bincount(codes[calibrators], minlength=len(keys))
    done = counts >= 2
    if spread_by is not None:
        centred = _apply(values, codes, center=center, scale=np.ones_like(scale), calibrated=done)
        wide = _spread(table, centred, rows=calibrators & done[codes], by=spread_by, method=method)
        scale = wide[np.unique(codes, return_index=True)[1]]
    scaled = _apply(values, codes, center=center, scale=scale, calibrated=done)
    if clip is not None:
        np.clip(scaled, -clip, clip, out=scaled, where=done[codes][:, None])
    out = pd.DataFrame(scaled, index=table.index, columns=table.columns)
    report = _report(keys, counts, constant=np.isinf(scale), names=list(table.columns))
    return profiles.with_metadata(out, {CALIBRATED: done[codes]}), report


def _spread(
    table: pd.DataFrame, centred: np.ndarray, *, rows: np.ndarray, by: Sequence[str], method: str
) -> np.ndarray:
    """Spread of the centred controls of each row's wider group, one row per table row."""
    codes = profiles.groups(table, by)[0]
    calibrating = np.where(rows, codes, -1)
    _, scale = group_statistics(centred, calibrating, n_groups=int(codes.max()) + 1, method=method)
    return scale[codes]


def spread_group(
    spread: str, table: pd.DataFrame, calibrators: np.ndarray, *, by: Sequence[str] = (PLATE,)
) -> tuple[str, ...] | None:
    """Whose controls give the spread, as ``spread_by`` of :func:`robust_scale`.

    Parameters
    ----------
    spread : {'auto', 'plate', 'screen'}
        Each plate's own, or the centred ones of all plates; ``auto`` takes those of all where
        plates have fewer than 16 calibrating controls (the median plate).
    table : DataFrame
    calibrators : ndarray of bool, shape (n_rows,)
    by : sequence of str
        What a plate is.

    Returns
    -------
    tuple or None
        ``()`` for all controls, None for each plate's own.
    """
    if spread not in SPREADS:
        raise InputError(f"Unknown spread {spread!r}; choose one of {', '.join(SPREADS)}.")
    codes, keys = profiles.groups(table, by)
    counts = np.bincount(codes[np.asarray(calibrators, dtype=bool)], minlength=len(keys))
    few = spread == "auto" and np.median(counts) < FEW_CALIBRATORS
    return () if few or spread == "screen" else None


def rescale(table: pd.DataFrame) -> tuple[pd.DataFrame, dict]:
    """Bring features of very large or very small scale near 1, where no control did.

    An embedding of 1e4 is wild by the rules for scaled features, and one of 1e-6 constant. Where
    the median feature's spread (1.4826 MAD over all rows, the standard deviation where that is 0)
    is not between 0.1 and 10, all features are divided by it, which changes no similarity. One that
    then still spreads less than 0.01 or more than 100 is divided by its own spread.

    Parameters
    ----------
    table : DataFrame, shape (n_rows, n_features)

    Returns
    -------
    table : DataFrame
    report : dict
        ``all_by`` (what all features were divided by; 1 for nothing) and ``own`` (name: spread of
        those divided by their own); empty where nothing was.
    """
    values = np.ascontiguousarray(table.to_numpy(np.float32))
    nobody = np.zeros(len(values), dtype=np.int64)
    _, spread = group_statistics(values, nobody, n_groups=1)
    spread = spread[0]
    varies = np.isfinite(spread)
    if not varies.any():
        return table, {}
    middle = float(np.median(spread[varies]))
    whole = 1.0 if 0.1 <= middle <= 10 else middle
    left = spread / whole
    far = varies & ((left < 0.01) | (left > 100))
    if whole == 1.0 and not far.any():
        return table, {}
    factor = np.where(far, spread, whole)
    names = [str(name) for name in table.columns[far]]
    own = dict(zip(names, map(float, spread[far]), strict=True))
    scaled = (values / factor).astype(np.float32)
    out = pd.DataFrame(scaled, index=table.index, columns=table.columns)
    return out, {"all_by": whole, "own": own}


def soften(table: pd.DataFrame, limit: float = 10.0) -> pd.DataFrame:
    """Draw extreme values in smoothly: ``limit * tanh(x / limit)``, value by value.

    Reads no other row. Values well below the limit stay as they are.
    """
    values = table.to_numpy(np.float32) / limit
    np.tanh(values, out=values)
    values *= limit
    return pd.DataFrame(values, index=table.index, columns=table.columns)


def calibrate(
    table: pd.DataFrame, roles: Sequence[str] | np.ndarray | pd.Series, **how: Any
) -> tuple[pd.DataFrame, dict]:
    """Scale plates by control roles, so that no control took part in its own calibration.

    On plates whose controls are swapped (two to five of them), each half is scaled by the other
    and treated wells by the mean of both scalings. A half of one well scales nothing: with three
    controls, two scale the third and the treated wells, and are not calibrated themselves.

    Parameters
    ----------
    table : DataFrame
    roles : sequence of str, length n_rows
        From :func:`phenolens.splits.control_roles`.
    **how
        Keywords of :func:`robust_scale`.

    Returns
    -------
    table, report
        As :func:`robust_scale`; the report adds ``swapped``, the number of rows scaled in turns.
    """
    role = np.asarray(roles, dtype=str)
    fixed = np.isin(role, ("calibrate", "reused"))
    in_a, in_b = (role == half for half in ("swap-a", "swap-b"))
    first, report = robust_scale(table, fixed | in_a, **how)
    if not (in_a | in_b).any():
        return first, report | {"swapped": 0}
    second, _ = robust_scale(table, fixed | in_b, **how)
    one, other = first.to_numpy(), second.to_numpy()
    by_one, by_other = (profiles.column(t, CALIBRATED).astype(bool) for t in (first, second))
    values = one / np.float32(2) + other / np.float32(2)  # halved first: no overflow
    values[by_one & ~by_other], values[by_other & ~by_one] = (
        one[by_one & ~by_other], other[by_other & ~by_one]
    )  # fmt: skip
    done = by_one | by_other
    values[in_a], values[in_b] = other[in_a], one[in_b]
    done[in_a], done[in_b] = by_other[in_a], by_one[in_b]
    plates = profiles.column(table, PLATE)
    swapped = np.isin(plates, np.unique(plates[in_a]))
    out = pd.DataFrame(values, index=first.index, columns=first.columns)
    out = profiles.with_metadata(out, {CALIBRATED: done})
    return out, report | {"swapped": int(swapped.sum())}


def _mask(table: pd.DataFrame, calibrators: np.ndarray) -> np.ndarray:
    calibrators = np.asarray(calibrators)
    if calibrators.dtype != bool or calibrators.shape != (len(table),):
        raise InputError(
            f"Calibrators must be one true or false per row ({len(table)} rows); "
            f"got {calibrators.dtype} of shape {calibrators.shape}."
        )
    return calibrators


def _report(keys: pd.DataFrame, counts: np.ndarray, *, constant: np.ndarray, names: list) -> dict:
    found = keys.astype(str).to_dict("records") or [{}]  # one group without a name
    rows = [
        key | {"n_calibrators": int(n), "n_constant": int(c)}
        for key, n, c in zip(found, counts, constant.sum(axis=1), strict=True)
    ]
    used = constant[counts >= 2]
    everywhere = np.asarray(used.all(axis=0) if len(used) else np.zeros(len(names), dtype=bool))
    return {
        "groups": rows,
        "uncalibrated": [key for key, n in zip(found, counts, strict=True) if n < 2],
        "constant_everywhere": [name for name, gone in zip(names, everywhere, strict=True) if gone],
    }


def group_statistics(
    values: np.ndarray, codes: np.ndarray, *, n_groups: int, method: str = "mad"
) -> tuple[np.ndarray, np.ndarray]:
    """Centre and spread of each feature over the rows of each group (rows with code -1 are silent).

    Returns
    -------
    center, scale : ndarray of float64, shape (n_groups, n_features)
        ``scale`` is infinite where a feature does not vary, 1 for ``center``.
    """
    center = np.full((n_groups, values.shape[1]), np.nan)
    scale = np.full(center.shape, np.inf)
    for group in range(n_groups):
        part = np.ascontiguousarray(values[codes == group].T)
        if part.shape[1]:
            kernel = _mean_sd if method == "standard" else _median_mad
            center[group], scale[group] = kernel(part)
    tiny = scale <= _ROUNDING * np.abs(center)
    scale[tiny | (scale == 0) | np.isnan(scale)] = np.inf
    return center, np.ones_like(scale) if method == "center" else scale


@numba.njit(cache=True)
def _median_mad(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Median and 1.4826 MAD of each row of ``columns``, ignoring values that are not finite."""
    n_features = columns.shape[0]
    center = np.full(n_features, np.nan)
    spread = np.full(n_features, np.nan)
    for feature in range(n_features):
        kept = columns[feature][np.isfinite(columns[feature])].astype(np.float64)
        if kept.size:
            center[feature] = np.median(kept)
            spread[feature] = 1.4826 * np.median(np.abs(kept - center[feature]))
            if spread[feature] == 0.0:
                spread[feature] = np.std(kept)
    return center, spread


@numba.njit(cache=True)
def _mean_sd(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (n - 1) of each row of ``columns``, finite values only."""
    n_features = columns.shape[0]
    center = np.full(n_features, np.nan)
    spread = np.full(n_features, np.nan)
    for feature in range(n_features):
        kept = columns[feature][np.isfinite(columns[feature])].astype(np.float64)
        if kept.size:
            center[feature] = kept.mean()
        if kept.size > 1:
            spread[feature] = np.sqrt(((kept - center[feature]) ** 2).sum() / (kept.size - 1))
    return center, spread


def _apply(
    values: np.ndarray,
    codes: np.ndarray,
    *,
    center: np.ndarray,
    scale: np.ndarray,
    calibrated: np.ndarray,
) -> np.ndarray:
    center = np.where(calibrated[:, None], center, 0.0)
    factor = np.where(calibrated[:, None], 1.0 / scale, 1.0)
    return _shift_and_stretch(values, codes, center, factor)


@numba.njit(cache=True)
def _shift_and_stretch(
    values: np.ndarray, codes: np.ndarray, center: np.ndarray, factor: np.ndarray
) -> np.ndarray:
    out = np.empty(values.shape, dtype=np.float32)
    for row in range(values.shape[0]):
        group = codes[row]
        for feature in range(values.shape[1]):
            out[row, feature] = (values[row, feature] - center[group, feature]) * factor[
                group, feature
            ]
    return out
