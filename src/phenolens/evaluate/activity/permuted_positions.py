"""Where else on the plates a group of wells could sit."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np


def permuted_positions(
    plate: np.ndarray, spot: np.ndarray, n_null: int, *, labellings: int, seed: int
) -> np.ndarray:
    """Rows that would carry the label if the group's positions were others.

    Each position of the group keeps its plates and is sent to another position that has wells
    on all of them; what is sent to the group's own positions counts as well, but not the group
    itself. All choices where they are few, otherwise a random sample.
    """
    at = {(s, p): row for row, (s, p) in enumerate(zip(spot.tolist(), plate.tolist(), strict=True))}
    own = list(dict.fromkeys(spot[n_null:].tolist()))
    plates = [plate[n_null:][spot[n_null:] == s].tolist() for s in own]
    others = list(dict.fromkeys(spot.tolist()))
    found = []
    for chosen in _choices(others, len(own), labellings=labellings, seed=seed):
        rows = [at.get((s, p), -1) for s, ps in zip(chosen, plates, strict=True) for p in ps]
        if min(rows) >= 0 and min(rows) < n_null:
            found.append(rows)
    return np.array(found, dtype=np.int64).reshape(len(found), len(plate) - n_null)


def _choices(
    spots: list[int], count: int, *, labellings: int, seed: int
) -> Iterable[Sequence[int]]:
    size = 1
    for k in range(count):
        size *= len(spots) - k
    if size <= labellings:
        return itertools.permutations(spots, count)
    rng = np.random.default_rng(seed)
    drawn = rng.random((labellings, len(spots))).argsort(axis=1)[:, :count]
    return np.asarray(spots)[drawn].tolist()
