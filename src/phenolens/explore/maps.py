"""Maps to look at: wells, treatments and cells in two dimensions. Pictures, never tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.explore.cells import CellMap, cell_map, count, has_cells
from phenolens.explore.screen import Screen
from phenolens.profiles import PLATE, WELL
from phenolens.words import names
from phenolens.words.numbers import percent

MOST_LAID_OUT = 3_000
"""Treatments that a UMAP is made of when asked for; more take minutes."""
DRAWN_CELLS, FEWEST_CELLS = 10_000, 50
"""Cells that a UMAP is made of: so many are drawn, the same every time; fewer are not laid out."""
MOST_POINTS, TILE_POINTS, DEEPEST, BINS = 200_000, 20_000, 8, 256


_PART = "wells of the treatments that one network did not see labelled, and controls"


@dataclass(frozen=True)
class Map:
    """A map that can be asked for.

    Attributes
    ----------
    of : {"wells", "treatments", "cells"}
    representation : str
    method : {"UMAP", "PCA"}
    note : str
        In what space, in words.
    part, parts : int
        Which of the parts of the wells that cannot be compared with one another, from 1.
    """

    of: str
    representation: str
    method: str
    note: str = ""
    part: int = 1
    parts: int = 1

    @property
    def label(self) -> str:
        """What the page calls it."""
        which = f", part {self.part} of {self.parts}" if self.parts > 1 else ""
        return f"{self.method} of {self.of}, {names.label(self.representation)}{which}"


def maps_of(screen: Screen) -> list[Map]:
    """The maps of a screen, the one to show first at the front."""
    umap, found = screen.tables.umap, []
    for name in screen.representations:
        rows = None if umap is None else umap[umap["representation"] == name]
        if rows is not None and len(rows):
            space, parts = str(rows["space"].iloc[0]), screen.parts(name)
            told = f"{space}; {_PART}" if parts > 1 else space
            found.append(Map("wells", name, "UMAP", told, 1, parts))
    for name in screen.profiled:
        parts = screen.parts(name)
        note = _PART if parts > 1 else ""
        found += [Map("wells", name, "PCA", note, n, parts) for n in range(1, parts + 1)]
    for name in screen.representations:
        n = screen.described_treatments(name)
        if n > 2:
            found.append(Map("treatments", name, "PCA", "consensus profiles"))
            if 4 < n <= MOST_LAID_OUT:
                found.append(Map("treatments", name, "UMAP", "consensus profiles"))
    if has_cells(screen):
        found.append(Map("cells", screen.lead, "PCA", "cells, scaled on their plate's controls"))
        if (n := count(screen)) >= FEWEST_CELLS:
            found.append(Map("cells", screen.lead, "UMAP", _drawn_words(n)))
    return found


def _drawn_words(n: int) -> str:
    by = "by 12 principal components of cells, scaled on their plate's controls"
    return by if n <= DRAWN_CELLS else f"{DRAWN_CELLS:,} of {n:,} cells, drawn at random, {by}"


@dataclass(frozen=True)
class Places:
    """Where things lie on a map.

    Attributes
    ----------
    xy : ndarray of float32, shape (n, 2)
        In the order of wells or treatments; NaN where they have no place.
    axes : list of str
        What the axes are called.
    """

    xy: np.ndarray
    axes: list[str]


def places(screen: Screen, wanted: Map) -> Places:
    """Where wells or treatments lie; made once.

    Raises
    ------
    PhenolensError
        If profiles cannot be read or compared.
    """
    return screen.kept.get(wanted, lambda: _places(screen, wanted))


def _places(screen: Screen, wanted: Map) -> Places:
    if wanted.of == "treatments":
        medians = screen.consensus(wanted.representation)
        assert medians is not None  # else there is no such map
        order = medians.index.get_indexer(pd.Index(screen.treatment_names))
        return _laid_out(_features(medians), wanted.method, order)
    if wanted.method == "UMAP":
        umap = screen.tables.umap
        assert umap is not None  # else there is no such map
        rows = umap[umap["representation"] == wanted.representation]
        rows = rows.drop_duplicates([PLATE, WELL])
        xy = rows[["x", "y"]].to_numpy(np.float32)
        return Places(_rows(xy, screen.in_order(rows)), ["UMAP 1", "UMAP 2"])
    return _components_of_wells(screen, wanted)


def _features(frame: pd.DataFrame) -> np.ndarray:
    columns = [name for name in frame if not str(name).startswith(profiles.PREFIX)]
    return np.nan_to_num(frame[columns].to_numpy(np.float32))


def _laid_out(values: np.ndarray, method: str, order: np.ndarray) -> Places:
    if method == "PCA":
        xy, shares = components(values)
        return Places(_rows(xy, order), named(shares))
    from phenolens.stats.projection import umap

    index = pd.MultiIndex.from_arrays([np.arange(len(values)).astype(str)], names=[WELL])
    xy = umap(pd.DataFrame(values, index=index))[["x", "y"]].to_numpy(np.float32)
    return Places(_rows(xy, order), ["UMAP 1", "UMAP 2"])


def _components_of_wells(screen: Screen, wanted: Map) -> Places:
    """The study's own components of the compared wells, else those made here of the same wells."""
    beside = screen.tables.folder / "profiles" / f"{wanted.representation}.h5ad"
    if screen.given is None and wanted.parts == 1 and beside.is_file():
        import anndata

        found = anndata.read_h5ad(beside, backed="r")
        try:
            if "X_pca" in found.obsm and found.obsm["X_pca"].shape[1] > 1:
                xy = np.asarray(found.obsm["X_pca"])[:, :2].astype(np.float32)
                where = found.obs[[PLATE, WELL]].astype(str)
                return Places(_rows(xy, screen.in_order(where)), ["PC1", "PC2"])
        finally:
            found.file.close()
    wells = screen.profiles(wanted.representation).parts[wanted.part - 1]
    xy, shares = components(np.nan_to_num(wells.to_numpy(np.float32)))
    where = profiles.metadata(wells)[[PLATE, WELL]].astype(str)
    return Places(_rows(xy, screen.in_order(where)), named(shares))


def components(values: np.ndarray, *, n: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Principal components of rows, with the sign by which the largest loading is positive.

    Parameters
    ----------
    values : ndarray of float, shape (n_rows, n_features)
    n : int

    Returns
    -------
    scores : ndarray of float32, shape (n_rows, n)
        Zero where there are not so many.
    shares : ndarray of float64, shape (n,)
        Of the variance.
    """
    centred = values.astype(np.float64) - values.mean(axis=0, dtype=np.float64)
    rows, columns = centred.shape
    if columns <= rows:
        variance, loadings = np.linalg.eigh(centred.T @ centred)
        variance, loadings = variance[::-1][:n], loadings[:, ::-1][:, :n]
    else:
        variance, left = np.linalg.eigh(centred @ centred.T)
        variance, left = variance[::-1][:n], left[:, ::-1][:, :n]
        loadings = centred.T @ left / np.sqrt(np.maximum(variance, 1e-12))
    largest = np.abs(loadings).argmax(axis=0)
    signs = np.where(np.take_along_axis(loadings, largest[None], axis=0)[0] < 0, -1.0, 1.0)
    scores = np.zeros((rows, n), np.float32)
    scores[:, : loadings.shape[1]] = centred @ (loadings * signs)
    shares = np.zeros(n)
    shares[: len(variance)] = np.maximum(variance, 0) / max(np.square(centred).sum(), 1e-12)
    return scores, shares


def named(shares: np.ndarray) -> list[str]:
    """What the axes of components are called, with their shares of the variance."""
    return [f"PC{number} ({percent(share)})" for number, share in enumerate(shares, start=1)]


def _rows(xy: np.ndarray, order: np.ndarray) -> np.ndarray:
    found = np.full((len(order), 2), np.nan, np.float32)
    known = order >= 0
    found[known] = xy[order[known]]
    return found


def umap_of_cells(screen: Screen) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the cells that were drawn, int64 (n,), and where UMAP lays them, float32 (n, 2).

    Drawn without replacement with one seed, so that every page shows the same cells; made once.
    """

    def make() -> tuple[np.ndarray, np.ndarray]:
        from phenolens.stats.projection import embedded

        known = screen.kept.get("cells", lambda: cell_map(screen))
        n = len(known.x)
        rows = np.sort(np.random.default_rng(0).permutation(n)[:DRAWN_CELLS])
        return rows, embedded(known.scores[rows], metric="euclidean")

    return screen.kept.get("umap of cells", make)


@dataclass(frozen=True)
class Tiled:
    """A map of more points than a page draws, in squares that are cut in four on zooming in.

    Attributes
    ----------
    cells : CellMap
    extent : tuple of float
        x0, y0, x1, y1.
    """

    cells: CellMap
    extent: tuple[float, float, float, float]

    def tile(self, level: int, x: int, y: int) -> tuple[str, np.ndarray]:
        """``points`` and their rows; or ``density`` and counts of a grid, uint32, from y0 up.

        The deepest squares hold points, however many there are of one place.
        """
        x0, y0, x1, y1 = self.extent
        across, down = (x1 - x0) / 2**level, (y1 - y0) / 2**level
        left, low = x0 + x * across, y0 + y * down
        px, py = self.cells.x, self.cells.y
        last_x, last_y = x == 2**level - 1, y == 2**level - 1
        inside = (px >= left) & (py >= low)
        inside &= (px <= left + across) if last_x else (px < left + across)
        inside &= (py <= low + down) if last_y else (py < low + down)
        rows = np.flatnonzero(inside)
        if len(rows) <= TILE_POINTS or level == DEEPEST:
            return "points", rows
        edges = [np.linspace(low, low + down, BINS + 1), np.linspace(left, left + across, BINS + 1)]
        counts, _, _ = np.histogram2d(py[rows], px[rows], bins=edges)
        return "density", counts.astype(np.uint32).ravel()


def tiled(screen: Screen) -> Tiled | None:
    """The map of cells in tiles, where there are more of them than are drawn as points."""
    cells = screen.kept.get("cells", lambda: cell_map(screen))
    if len(cells.x) <= MOST_POINTS:
        return None
    (x0, x1), (y0, y1) = _span(cells.x), _span(cells.y)
    return Tiled(cells, (x0, y0, x1, y1))


def _span(values: np.ndarray) -> tuple[float, float]:
    """From the smallest to the largest; of one value alone, one wide."""
    low, high = float(values.min()), float(values.max())
    return low, high if high > low else low + 1
