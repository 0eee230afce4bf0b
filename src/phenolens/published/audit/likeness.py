"""Whether rows of one group are alike, under which order they are, and whether groups exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens.learn.nearest import unit_rows
from phenolens.profiles import CONTROL, OBJECT, PLATE, SITE, TREATMENT, WELL, well_position
from phenolens.published.audit.declared import FOLD, feature_frame, feature_values

COMPONENTS = 32
LARGEST = 3000


@dataclass(frozen=True)
class Likeness:
    """Mean cosine within groups, its mean when rows are shuffled, and how unusual it is."""

    value: float
    null: float
    z: float
    p: float


def standardized(features: pd.DataFrame) -> np.ndarray:
    """Rows of length one after columns were centred and scaled; constant columns are dropped."""
    values = feature_values(features)
    spread = values.std(axis=0)
    used = spread > 1e-12 * np.maximum(np.abs(values).max(axis=0, initial=0), 1e-300)
    return unit_rows((values[:, used] - values[:, used].mean(axis=0)) / spread[used])


def likeness(
    unit: np.ndarray,
    groups: np.ndarray,
    *,
    within: np.ndarray,
    apart: np.ndarray | None = None,
    draws: int = 199,
    seed: int = 0,
) -> Likeness:
    """Mean cosine of pairs of one group, against rows shuffled within their plate.

    Parameters
    ----------
    unit : ndarray of float64, shape (n_rows, n_features)
        Rows of length one.
    groups : ndarray of int, shape (n_rows,)
        Group of each row; -1 takes no part.
    within : ndarray of int, shape (n_rows,)
        Rows are shuffled within these (plates), so that plates alike do not pass for wells alike.
    apart : ndarray of int, shape (n_rows,), optional
        Pairs differ in this; by default two rows make a pair.
    """
    used = groups >= 0
    apart = np.arange(len(groups)) if apart is None else apart
    unit, within, apart = unit[used], within[used], apart[used]
    codes = np.unique(groups[used], return_inverse=True)[1]
    value = _pair_cosine(unit, codes, apart)
    rng = np.random.default_rng(seed)
    null = np.array([_pair_cosine(unit, codes[_shuffle(within, rng)], apart) for _ in range(draws)])
    p = (1 + (null >= value - 1e-12).sum()) / (1 + draws)
    return Likeness(value, null.mean(), (value - null.mean()) / max(null.std(), 1e-12), p)


def _pair_cosine(unit: np.ndarray, codes: np.ndarray, apart: np.ndarray) -> float:
    """All pairs of a group, less those that are not apart (a row and itself among them)."""
    both = codes * (int(apart.max()) + 1) + apart
    every = _group_sums(unit, codes)
    close = _group_sums(unit, np.unique(both, return_inverse=True)[1])
    return (every[0] - close[0]) / max(every[1] - close[1], 1)


def _group_sums(unit: np.ndarray, codes: np.ndarray) -> tuple[float, int]:
    """Sum over groups of |sum of rows| squared, and of squared sizes."""
    from scipy.sparse import csr_matrix

    n, size = len(codes), np.bincount(codes)
    member = csr_matrix((np.ones(n), (codes, np.arange(n))), shape=(len(size), n))
    return float(((member @ unit) ** 2).sum()), int((size**2).sum())


def treatment_likeness(unit: np.ndarray, placed: pd.DataFrame) -> Likeness | None:
    """Likeness of wells of one treatment on different plates; None where there are none.

    Fields are averaged to wells and wells centred on their plate: neither images of one well nor
    neighbours on one plate can pass for replicates.
    """
    wells = placed[[PLATE, WELL, TREATMENT, CONTROL]].drop_duplicates([PLATE, WELL])
    number = placed.groupby([PLATE, WELL], sort=False).ngroup().to_numpy()
    plate = pd.factorize(wells[PLATE])[0]
    label = pd.factorize(wells[TREATMENT].where(~wells[CONTROL]))[0]
    spread = wells.assign(plate=plate)[label >= 0].groupby(TREATMENT)["plate"].nunique()
    if spread.empty or spread.max() < 2:
        return None
    means = pd.DataFrame(unit).groupby(number).mean()
    centred = means - means.groupby(plate).transform("mean")
    return likeness(unit_rows(centred.to_numpy()), label, within=plate, apart=plate)


def _shuffle(within: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Row numbers shuffled within each plate."""
    sorted_rows = np.argsort(within, kind="stable")
    drawn = np.lexsort((rng.random(len(within)), within))
    out = np.empty(len(within), dtype=np.int64)
    out[sorted_rows] = drawn
    return out


def orders(rows: pd.DataFrame, *, fold: np.ndarray | None) -> Iterator[tuple[str, np.ndarray]]:
    """Orders that a notebook may have left rows in, but for the one they are given in.

    Yields
    ------
    how : str
        In words, such as ``sorted by label``.
    order : ndarray of int64, shape (n_rows,)
        Row ``i`` of the embedding belongs to row ``order[i]``.
    """
    for how, keys in _sorts(rows, fold).items():
        order = np.lexsort(keys[::-1])
        if not np.array_equal(order, np.arange(len(rows))):
            yield f"sorted by {how}", order
    yield "read backwards", np.arange(len(rows))[::-1]


def _sorts(rows: pd.DataFrame, fold: np.ndarray | None) -> dict[str, list[np.ndarray]]:
    name = {key: _codes(rows[key]) for key in (PLATE, WELL, SITE, OBJECT) if key in rows}
    as_number = pd.to_numeric(rows.get(SITE, pd.Series(0, index=rows.index)), errors="coerce")
    site, column = as_number.fillna(0).to_numpy(), well_position(rows[WELL])[:, 1]
    label, plate, well = _codes(rows[TREATMENT]), name[PLATE], name[WELL]
    sorts = {
        "plate, well and site": [plate, well, site],
        "plate, well and site as text": [*name.values()],
        "plate, column, row and site": [plate, column, well, site],
        "plate, site and well": [plate, site, well],
        "site": [site],
        "label": [label],
        "label, plate, well and site": [label, plate, well, site],
    }
    return sorts if fold is None else sorts | {FOLD: [fold], f"{FOLD}, last first": [-fold]}


def _codes(values: pd.Series) -> np.ndarray:
    return pd.factorize(values.astype(str), sort=True)[0]


def aligned_by_values(
    table: pd.DataFrame, known: Mapping[str, pd.DataFrame]
) -> dict[str, np.ndarray]:
    """Orders read off a column whose values a table with keys holds too.

    A fused table repeats columns of its parts; sorted by such a column, both have one order.
    """
    found = {}
    columns = _distinct(table)
    for name, other in known.items():
        for column, values in _distinct(other).items():
            for own, mine in columns.items():
                if len(mine) == len(values) and np.allclose(
                    np.sort(mine), np.sort(values), rtol=1e-5, atol=1e-12
                ):
                    order = np.empty(len(mine), dtype=np.int64)
                    order[np.argsort(mine)] = np.argsort(values)
                    found[f"placed by column {own}, which is {column} of {name},"] = order
    return found


def _distinct(table: pd.DataFrame, *, limit: int = 50) -> dict[str, np.ndarray]:
    """The last columns whose values (almost) all differ: fused features stand behind embeddings."""
    values = pd.DataFrame(feature_values(table), columns=feature_frame(table).columns)
    chosen = [c for c in values if values[c].nunique() > 0.99 * len(values)]
    return {str(c): values[c].to_numpy() for c in chosen[-limit:]}


def structure(unit: np.ndarray, *, draws: int = 19, seed: int = 0) -> tuple[float, list[float]]:
    """Mean cosine of nearest neighbours, and the same after breaking up whatever groups there are.

    Principal components are permuted independently of each other: each keeps its distribution, no
    row keeps its neighbours.
    """
    rng = np.random.default_rng(seed)
    rows = unit if len(unit) <= LARGEST else unit[np.sort(rng.permutation(len(unit))[:LARGEST])]
    vectors = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :COMPONENTS]
    scores = (rows @ vectors).astype(np.float32)
    null = [_nearest(rng.permuted(scores, axis=0)) for _ in range(draws)]
    return _nearest(scores), null


def _nearest(scores: np.ndarray) -> float:
    unit = unit_rows(scores)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -1)
    return float(similar.max(axis=1).mean())
