"""Where on a plate controls lie: in every row, column and ring as often as others, far apart.

Positions drawn at random are improved one by one: a control moves where that brings the numbers in
rows, columns and rings nearer to their shares, on this plate and over all plates so far, and takes
it farther from its like.
"""

from __future__ import annotations

import numba
import numpy as np

ROUNDS = 12  # how often each control is offered each position, on average ...
MOST_OFFERS = 400_000  # ... but no more often than this in all
EVEN = np.array([3.0, 3.0, 1.0])  # weights of rows, columns and rings
OVER_PLATES = 0.5
NEAR = 3.0  # of two that lie close, over a row that holds one too many
AGAIN = 0.2  # for a position that held the same control on an earlier plate


class Spread:
    """Positions of one control on plate after plate.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns of a plate.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.surplus = np.zeros((3, max(*shape, 3)))
        self.held = np.zeros(shape[0] * shape[1])

    def place(self, count: int, free: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Positions for so many wells on the next plate.

        Parameters
        ----------
        count : int
        free : ndarray of int64
            Positions (row * columns + column) that may be taken.
        rng : Generator

        Returns
        -------
        ndarray of int64, shape (count,)
        """
        row, column = np.divmod(free, self.shape[1])
        ring = np.minimum.reduce(
            [row - row.min(), row.max() - row, column - column.min(), column.max() - column]
        )
        code = np.stack([row, column, np.minimum(ring, 2)])
        wanted = np.zeros(self.surplus.shape)
        for axis in range(3):
            np.add.at(wanted[axis], code[axis], count / len(free))
        chosen = rng.permutation(len(free))[:count]
        times = min(ROUNDS * count * len(free), MOST_OFFERS)
        offers = rng.integers([max(count, 1), len(free)], size=(times, 2))
        reach = np.sqrt(len(free) / max(count, 1)) / 2
        near = NEAR * np.exp(-np.arange(self.shape[0] ** 2 + self.shape[1] ** 2) / (2 * reach**2))
        count_of = _settle(
            chosen, offers, code, wanted, self.surplus, AGAIN * self.held[free], near
        )
        self.surplus += count_of - wanted
        self.held[free[chosen]] += 1
        return free[chosen]


@numba.njit(cache=True)
def _settle(chosen, offers, code, wanted, surplus, again, near):
    """Move controls (`chosen`, in place) wherever that lowers the cost; numbers by row, column."""
    count = np.zeros(wanted.shape)
    taken = np.zeros(code.shape[1], np.bool_)
    for k in chosen:
        taken[k] = True
        for axis in range(3):
            count[axis, code[axis, k]] += 1
    for number in range(len(offers)):
        place, new = offers[number]
        old = chosen[place]
        if taken[new]:
            continue
        change = again[new] - again[old]
        for axis in range(3):
            a, b = code[axis, old], code[axis, new]
            if a != b:
                change += EVEN[axis] * _moved(count[axis], wanted[axis], surplus[axis], a, b)
        for other in chosen:
            if other != old:
                change += near[_square(code, other, new)] - near[_square(code, other, old)]
        if change < -1e-9:
            chosen[place] = new
            taken[old], taken[new] = False, True
            for axis in range(3):
                count[axis, code[axis, old]] -= 1
                count[axis, code[axis, new]] += 1
    return count


@numba.njit(cache=True)
def _moved(count, wanted, surplus, a, b):
    """Change of the squared distances from the shares when one goes from line a to line b."""
    here = 2 * (count[b] - wanted[b]) - 2 * (count[a] - wanted[a]) + 2
    whole = here + 2 * surplus[b] - 2 * surplus[a]
    return here + OVER_PLATES * whole


@numba.njit(cache=True)
def _square(code, one, other):
    down, along = code[0, one] - code[0, other], code[1, one] - code[1, other]
    return down * down + along * along
