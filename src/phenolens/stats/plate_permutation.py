"""Differences between treated wells and controls of their own plates, labels permuted in plates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from phenolens.stats.permutation import StratifiedLabels, labellings, smallest_p

_CHUNK = 256


@dataclass(frozen=True)
class PlateDifferences:
    """Mean distance of labelled wells from the other wells of their plate, by measure.

    Attributes
    ----------
    observed : ndarray of float32, shape (n_measures,)
    null : ndarray of float32, shape (n_labellings, n_measures)
        Under each labelling that gives every plate as many labelled wells.
    enumerated : bool
        Whether these are all labellings.
    p_attainable : float
    """

    observed: np.ndarray
    null: np.ndarray
    enumerated: bool
    p_attainable: float


def plate_differences(
    values: np.ndarray, own: np.ndarray, plates: np.ndarray, *, permutations: int, seed: int
) -> PlateDifferences:
    """Differences of one treatment's wells from same-plate controls, and their null.

    Parameters
    ----------
    values : ndarray, shape (n_wells, n_measures)
        Finite.
    own : ndarray of bool, shape (n_wells,)
        The treatment's wells; the others are controls. Every plate has both.
    plates : ndarray, shape (n_wells,)
    permutations : int
        Labellings drawn; all of them where there are not more.
    seed : int

    Notes
    -----
    The mean distance is a sum over labelled wells of one weight a plate, less a constant that is
    the same for all labellings.
    """
    rows = [np.flatnonzero(plates == plate) for plate in sorted(set(plates))]
    order = np.concatenate(rows)
    sizes = [len(part) for part in rows]
    labelled = [int(own[part].sum()) for part in rows]
    design = StratifiedLabels(tuple(sizes), tuple(labelled))
    picks, enumerated = labellings(design, permutations, seed=seed)
    picks = picks + np.repeat(np.cumsum([0, *sizes[:-1]]), labelled)
    n = sum(labelled)
    share = [c / (n * (size - c)) for c, size in zip(labelled, sizes, strict=True)]
    weight = np.repeat([1 / n + part for part in share], sizes).astype(np.float32)
    ordered = values[order].astype(np.float32)
    constant = np.repeat(share, sizes).astype(np.float32) @ ordered
    parts = []
    for first in range(0, len(picks) + 1, _CHUNK):
        chunk = picks[first : first + _CHUNK]
        places = np.zeros((len(chunk), len(ordered)), dtype=np.float32)
        np.put_along_axis(places, chunk, weight[chunk], axis=1)
        parts.append(places @ ordered - constant)
    mine = np.where(own[order], weight, 0).astype(np.float32) @ ordered - constant
    return PlateDifferences(
        mine, np.concatenate(parts), enumerated, smallest_p(design, permutations)
    )
