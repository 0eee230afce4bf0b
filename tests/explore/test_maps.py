"""Maps are the same every time, and tiles hold every cell once."""

from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from phenolens.explore import described, maps
from phenolens.explore.cells import CellMap
from phenolens.explore.once import Once
from phenolens.explore.site import NotThereError

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
    known = [(one.of, one.method) for one in maps.maps_of(fresh.screen)]
    number = known.index(("cells", "PCA"))
    first = arrow(fresh.answer(f"data/maps/{number}/0-0-0.arrow").body)
    total = len(maps.tiled(fresh.screen).cells.x)
    table = pd.read_csv(io.BytesIO(fresh.answer(f"data/maps/{number}.csv").body))
    assert len(table.drop_duplicates(table.columns[:4].tolist())) == total
    assert first["about"]["kind"] == "density"
    assert (len(first["count"]), sum(first["count"])) == (maps.BINS**2, total)
    waiting, seen, held = [(0, 0, 0)], [], {}
    while waiting:
        level, x, y = waiting.pop()
        found = arrow(fresh.answer(f"data/maps/{number}/{level}-{x}-{y}.arrow").body)
        if found["about"]["kind"] == "points":
            assert len(found["x"]) <= 10
            seen += list(zip(found["well"], found["field"], found["object"], strict=True))
            held[level, x, y] = len(found["x"])
        else:
            waiting += [(level + 1, 2 * x + i, 2 * y + j) for i in (0, 1) for j in (0, 1)]
            held[level, x, y] = sum(found["count"])
    assert len(seen) == len(set(seen)) == total
    cut = [one for one in held if (one[0] + 1, 2 * one[1], 2 * one[2]) in held]
    assert len(cut) > 2
    for level, x, y in cut:
        quarters = [held[level + 1, 2 * x + i, 2 * y + j] for i in (0, 1) for j in (0, 1)]
        assert held[level, x, y] == sum(quarters)


def test_a_grid_of_counts_is_where_its_cells_are():
    """Rows of the grid go up from y0: a cell at the lower right is counted there."""
    xy = np.array([[0, 0], [9, 1], [9, 1], [10, 10]], np.float32)
    nothing = np.zeros(4, np.int32)
    known = CellMap(xy, nothing, nothing, nothing, xy, np.ones(2))
    grid = maps.Tiled(known, (0.0, 0.0, 10.0, 10.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(maps, "TILE_POINTS", 1)
        kind, counts = grid.tile(0, 0, 0)
        lower_right = grid.tile(1, 1, 0)[1].reshape(maps.BINS, maps.BINS)
    counts = counts.reshape(maps.BINS, maps.BINS)
    assert kind == "density"
    assert (counts[0, 0], counts[25, 230], counts[-1, -1]) == (1, 2, 1)
    assert (lower_right.sum(), lower_right[51, 204]) == (2, 2)


def test_cells_of_one_place_are_all_there(site, monkeypatch):
    """However deep one looks, more of them lie in one square than are drawn elsewhere."""
    nothing = np.zeros(30, np.int32)
    same = np.ones((30, 2), np.float32)
    monkeypatch.setattr(maps, "MOST_POINTS", 20)
    monkeypatch.setattr(maps, "TILE_POINTS", 10)
    screen = replace(site.screen, kept=Once())
    screen.kept.get("cells", lambda: CellMap(same, nothing, nothing, nothing, same, np.ones(2)))
    found = maps.tiled(screen)
    assert found.extent == (1.0, 1.0, 2.0, 2.0)
    kind, rows = found.tile(maps.DEEPEST, 0, 0)
    assert (kind, len(rows)) == ("points", 30)


def test_wells_that_two_networks_see_have_a_map_each(site):
    """What learned labels has parts that cannot be compared; none is left out."""
    wells = site.screen.profiles("cellprofiler").wells
    halves = SimpleNamespace(parts=(wells.iloc[:12], wells.iloc[8:]))
    kept = Once()
    kept.get(("parts", "cellprofiler"), lambda: 2)
    kept.get(("profiles", "cellprofiler"), lambda: halves)
    screen = replace(site.screen, kept=kept)
    found = [m for m in maps.maps_of(screen) if (m.of, m.method) == ("wells", "PCA")]
    assert [m.label.rpartition(", ")[2] for m in found] == ["part 1 of 2", "part 2 of 2"]
    placed = [np.isfinite(maps.places(screen, m).xy).all(axis=1).sum() for m in found]
    assert placed == [12, len(wells) - 8]


def test_a_umap_of_cells_is_of_some_drawn_at_random_and_says_so(site, monkeypatch):
    monkeypatch.setattr(maps, "DRAWN_CELLS", 60)
    monkeypatch.setattr(described, "DRAWN_CELLS", 60)
    fresh = replace(site, screen=replace(site.screen, kept=Once()))
    told = fresh.described(mode="served")["maps"]
    number = next(n for n, m in enumerate(told) if (m["of"], m["method"]) == ("cells", "UMAP"))
    total = fresh.described(mode="served")["counts"]["cells"]
    assert (told[number]["n"], told[number]["tiles"]) == (60, None)
    assert told[number]["note"].startswith(f"60 of {total:,} cells, drawn at random")
    found = arrow(fresh.answer(f"data/maps/{number}.arrow").body)
    assert np.isfinite(found["x"]).all()
    assert np.isfinite(found["y"]).all()
    keys = list(zip(found["well"], found["field"], found["object"], strict=True))
    assert len(set(keys)) == 60
    table = pd.read_csv(io.BytesIO(fresh.answer(f"data/maps/{number}.csv").body))
    assert table["UMAP1"].to_numpy() == pytest.approx(found["x"], rel=1e-4)
    wells = fresh.screen.wells.iloc[found["well"]]
    assert table["Metadata_Well"].tolist() == wells["Metadata_Well"].tolist()
    with pytest.raises(NotThereError, match="no such tile"):
        fresh.answer(f"data/maps/{number}/0-0-0.arrow")


def test_what_is_kept_is_made_once_and_bounded():
    made = []
    kept = Once(250)
    for name in "abcabdd":
        kept.get(name, lambda name=name: made.append(name) or b"x" * 100)
    assert made == ["a", "b", "c", "a", "b", "d"]  # two fit: each comes back after two others
    assert kept.get("d", lambda: pytest.fail("it is kept")) == b"x" * 100
