"""Zernike moments of shape and of intensity, through moments of x and y.

A Zernike polynomial of degree d is a sum of monomials x^a y^b with a + b <= d. Each pixel adds to
ten powers of x within its row, each row to the table of monomials, and one product with a fixed
matrix turns the table into all polynomials: an order of magnitude fewer operations than evaluating
every polynomial at every pixel.

The circle runs through pixels of the object, and rounding says whether those lie inside, as in
CellProfiler: at another place of the image a small object's moments can differ.

Reference: Boland & Murphy, Bioinformatics 17 (2001) 1213; circle and normalization as CellProfiler.
"""

from __future__ import annotations

from functools import cache
from math import comb, factorial

import numba
import numpy as np

from phenolens.measure.regions import Regions


def zernike_orders(degree: int) -> list[tuple[int, int]]:
    """Pairs (n, m) with n <= degree, m <= n and n - m even."""
    return [(n, m) for n in range(degree + 1) for m in range(n % 2, n + 1, 2)]


def shape_zernikes(regions: Regions, circles: np.ndarray, degree: int) -> np.ndarray:
    """Magnitudes over the area of the enclosing circle, shape (n, K); NaN for single pixels."""
    moments = _shape_moments(regions, circles, degree)
    real, imaginary = _project(moments, degree)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.hypot(real, imaginary) / (np.pi * circles[:, 2:] ** 2)


def intensity_zernikes(
    regions: Regions, circles: np.ndarray, values: np.ndarray, *, degree: int
) -> tuple[np.ndarray, np.ndarray]:
    """Magnitude and phase of the intensity's Zernike moments.

    Parameters
    ----------
    regions : Regions
        n objects.
    circles : ndarray, shape (n, 3)
        Enclosing circles.
    values : ndarray of float64, shape (C, P)
        Intensities of the objects' pixels.
    degree : int
        Highest degree.

    Returns
    -------
    magnitude, phase : ndarray of float64, shape (C, n, K)
        Magnitude over the number of pixels; phase is ``arctan2(real, imaginary)``, CellProfiler's
        order of arguments, in radians. NaN for single pixels.
    """
    arrays = (regions.rows, regions.columns, regions.starts, circles)
    moments = np.stack([_moments(*arrays, channel, degree) for channel in values])
    real, imaginary = _project(moments, degree)
    area = regions.areas[:, None]
    return np.hypot(real, imaginary) / area, np.arctan2(real, imaginary)


def _shape_moments(regions: Regions, circles: np.ndarray, degree: int) -> np.ndarray:
    weights = np.ones(len(regions.pixels))
    return _moments(regions.rows, regions.columns, regions.starts, circles, weights, degree)


def _project(moments: np.ndarray, degree: int) -> tuple[np.ndarray, np.ndarray]:
    flat = moments.reshape(*moments.shape[:-2], -1)
    table = _monomials(degree)
    # einsum, not matmul: BLAS rounds differently with the number of objects and of threads
    parts = (np.ascontiguousarray(table.real), np.ascontiguousarray(table.imag))
    return tuple(np.einsum("...i,ki->...k", flat, part) for part in parts)


@cache
def _monomials(degree: int) -> np.ndarray:
    """Coefficients of x^a y^b in each Zernike polynomial, complex, shape (K, (degree + 1)^2)."""
    size = degree + 1
    orders = zernike_orders(degree)
    table = np.zeros((len(orders), size, size), complex)
    for index, (n, m) in enumerate(orders):
        for k in range((n - m) // 2 + 1):
            radial = (-1) ** k * factorial(n - k) / factorial(k)
            radial /= factorial((n + m) // 2 - k) * factorial((n - m) // 2 - k)
            power = (n - m) // 2 - k
            for i in range(power + 1):
                for j in range(m + 1):
                    a, b = 2 * i + j, 2 * (power - i) + m - j
                    table[index, a, b] += radial * comb(power, i) * comb(m, j) * 1j**j
    return table.reshape(len(orders), -1)


@numba.njit(cache=True)
def _moments(rows, columns, starts, circles, weights, degree):
    """Weighted sums of x^a y^b over the unit disk of every object, shape (n, a, b)."""
    n = len(starts) - 1
    size = degree + 1
    out = np.zeros((n, size, size))
    line = np.empty(size)
    for k in range(n):
        cy, cx, radius = circles[k, 0], circles[k, 1], circles[k, 2]
        if radius == 0.0:
            out[k] = np.nan
            continue
        i = starts[k]
        while i < starts[k + 1]:
            row = rows[i]
            y = (row - cy) / radius
            yy = y * y
            line[:] = 0.0
            while i < starts[k + 1] and rows[i] == row:
                x = (columns[i] - cx) / radius
                # pixels that define the circle may fall outside by rounding, as in CellProfiler
                if x * x + yy <= 1.0:
                    term = weights[i]
                    for a in range(size):
                        line[a] += term
                        term *= x
                i += 1
            power = 1.0
            for b in range(size):
                for a in range(size - b):
                    out[k, a, b] += line[a] * power
                power *= y
    return out
