"""Maps are the same every time, and tiles hold every cell once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

from phenolens.explore import maps
from phenolens.explore.once import Once

from .conftest import arrow


@pytest.mark.parametrize("shape", [(30, 8), (8, 30), (3, 1)])
def test_components_are_those_of_a_library_up_to_their_sign(shape):
    values = np.random.default_rng(3).normal(size=shape).astype(np.float32)
    values[:, 0] *= 5
    found, shares = maps.components(values)
    kept = min(2, *shape)
    other = PCA(kept, svd_solver="full").fit(values.astype(np.float64))
    np.testing.assert_allclose(np.abs(found[:, :kept]), np.abs(other.transform(values)), atol=1e-4)
    if min(shape) > 1:
        np.testing.assert_allclose(shares[:kept], other.explained_variance_ratio_, atol=1e-6)
    np.testing.assert_array_equal(found, maps.components(values)[0])


def test_tiles_hold_every_cell_once_and_count_those_that_are_not_drawn(site, monkeypatch):
    monkeypatch.setattr(maps, "MOST_POINTS", 20)
    monkeypatch.setattr(maps, "TILE_POINTS", 10)
    fresh = replace(site, screen=replace(site.screen, kept=Once()))
    number = len(maps.maps_of(fresh.screen)) - 1
    first = arrow(fresh.answer(f"data/maps/{number}/0-0-0.arrow").body)
    total = len(maps.tiled(fresh.screen).cells.x)
    assert first["about"]["kind"] == "density"
    assert (len(first["count"]), sum(first["count"])) == (maps.BINS**2, total)
    waiting, seen = [(0, 0, 0)], []
    while waiting:
        level, x, y = waiting.pop()
        found = arrow(fresh.answer(f"data/maps/{number}/{level}-{x}-{y}.arrow").body)
        if found["about"]["kind"] == "points":
            assert len(found["x"]) <= 10
            seen += list(zip(found["well"], found["field"], found["object"], strict=True))
        else:
            waiting += [(level + 1, 2 * x + i, 2 * y + j) for i in (0, 1) for j in (0, 1)]
    assert len(seen) == len(set(seen)) == total


def test_what_is_kept_is_made_once_and_bounded():
    made = []
    kept = Once(250)
    for name in "abcabdd":
        kept.get(name, lambda name=name: made.append(name) or b"x" * 100)
    assert made == ["a", "b", "c", "a", "b", "d"]  # two fit: each comes back after two others
    assert kept.get("d", lambda: pytest.fail("it is kept")) == b"x" * 100
