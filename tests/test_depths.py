"""Depth: one scale for a screen, whatever container its pixels came in."""

from __future__ import annotations

import re

import numpy as np
import pytest

from phenolens.depths import depths, fault_of, look

RAMP = np.arange(400).reshape(20, 20)


def scaled(*images: np.ndarray):
    return depths([[look(image)] for image in images])[0]


@pytest.mark.parametrize(
    ("dtype", "factor", "scale", "bits"),
    [
        ("uint8", 0.5, 255, 8),
        ("uint16", 0.5, 65_535, 8),
        ("uint16", 10, 65_535, 12),
        ("uint16", 100, 65_535, 16),
        ("int16", 10, 65_535, 12),
        ("int32", 10, 65_535, 12),
        ("uint32", 10, 65_535, 12),
        ("uint32", 0.5, 255, 8),
        ("uint32", 1000, 2**19 - 1, 19),
        ("float32", 10, 65_535, 12),
        ("float64", 0.5, 255, 8),
        ("float32", 0.002, 1, 0),
        ("float32", 0.01, 1, 0),
    ],
)
def test_the_scale_of_a_screen(dtype, factor, scale, bits):
    found = scaled((RAMP * factor).astype(dtype))
    assert (found.dtype, found.scale, found.bits) == (dtype, scale, bits)


def test_the_scale_is_one_for_all_images_dim_ones_too():
    dim, bright = (RAMP // 4).astype(np.int32), (RAMP * 90).astype(np.int32)
    assert scaled(dim, dim, dim, bright).scale == 65_535


def test_stains_of_one_dtype_share_their_scale_and_others_do_not():
    dim, bright, small = (RAMP // 4).astype("i4"), (RAMP * 90).astype("i4"), RAMP.astype("u1")
    found = depths([[look(dim), look(bright), look(small)]])
    assert [one.scale for one in found] == [65_535, 65_535, 255]


def test_one_odd_image_does_not_change_the_scale_of_the_others():
    usual, odd = (RAMP * 10).astype(np.uint16), (RAMP * 10).astype(np.uint32)
    found = scaled(usual, usual, odd)
    assert (found.dtype, found.scale) == ("uint16", 65_535)


@pytest.mark.parametrize(
    ("image", "span"),
    [
        ((RAMP * 100).astype(np.uint16), 1),
        ((RAMP * 10).astype(np.uint16), 1),  # 12 bits: 16 gray levels, as CellProfiler has them
        (RAMP.astype(np.uint16), 511 / 65_535),
        ((RAMP / 65_535).astype(np.float32), 2.0**-7),
        (np.zeros((20, 20), np.uint16), 1),
        (RAMP.astype(np.uint8), 1),
    ],
)
def test_gray_levels_span_what_a_dim_stain_reaches(image, span):
    assert scaled(image).span == pytest.approx(span)


def test_a_hot_pixel_or_a_speck_does_not_decide_about_gray_levels():
    dim = np.tile(RAMP, (10, 10)).astype(np.uint16)
    hot = dim.copy()
    hot[1, 1] = 60_000
    assert scaled(*[hot] * 3).span == pytest.approx(511 / 65_535)
    speck = dim.copy()
    speck[:40, :40] = 60_000
    assert scaled(speck, *[dim] * 30).span == pytest.approx(511 / 65_535)


def test_values_below_zero_are_known():
    found = scaled((RAMP - 40).astype(np.int16))
    assert found.low == -40
    assert not fault_of((RAMP - 40).astype(np.int16))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (np.nan, r"NaN or infinite intensities \(1 of 400 pixels\)"),
        (np.inf, "NaN or infinite"),
        (-np.inf, "NaN or infinite"),
        (3.4e38, r"up to 3.4e\+38, which no camera writes"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_pixels_that_are_no_intensities(wrong, said, dtype):
    image = RAMP.astype(dtype)
    with np.errstate(over="ignore"):
        image[3, 4] = dtype(wrong)
    if np.isinf(image[3, 4]):
        said = "NaN or infinite"
    assert re.search(said, fault_of(image))


def test_negatives_and_complex_numbers_are_no_intensities():
    assert "negative (down to -500, int16)" in fault_of((RAMP - 500).astype(np.int16))
    assert "complex128" in fault_of(RAMP.astype(complex))
    assert not fault_of(RAMP > 10)


def test_a_look_at_byte_orders_and_flat_planes():
    big = look((RAMP * 10).astype(">u2"))
    assert (big.dtype, big.high, big.size) == ("uint16", 3990, "20x20")
    flat = look(np.full((20, 30), 7, np.uint8))
    assert (flat.flat, flat.size) == (True, "30x20")
    assert look(RAMP).digest == look(RAMP.copy()).digest != look(RAMP + 1).digest
