"""scanpy takes the files that a study leaves and what Result.join gives, as they are."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot

import phenolens as pl
from phenolens import profiles, study

SETTINGS = """
[evaluate]
permutations = 200
bootstrap = 10
"""


@pytest.fixture(scope="module")
def sc() -> ModuleType:
    import scanpy

    scanpy.settings.autoshow = False
    return scanpy


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """The .h5ad that a small study of a table leaves."""
    folder = tmp_path_factory.mktemp("screen")
    screen, _ = pl.simulate_profiles(treatments=10, features=40, effect=2.5, seed=3)
    profiles.write_frame(profiles.to_frame(screen), folder / "wells.parquet")
    pl.init(folder / "wells.parquet", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(SETTINGS)
    study.evaluate(pl.open_study(folder / "study.toml", out=folder / "out", jobs=1))
    (path,) = (folder / "out" / "profiles").glob("*.h5ad")
    return path


@pytest.fixture
def adata(file) -> anndata.AnnData:
    return anndata.read_h5ad(file)


def mapped(sc: ModuleType, adata: anndata.AnnData) -> anndata.AnnData:
    sc.pp.neighbors(adata, use_rep="X_whitened", metric="cosine")
    sc.tl.umap(adata, random_state=0)
    sc.tl.leiden(adata, flavor="igraph", n_iterations=2, directed=False, random_state=0)
    return adata


def drawn(sc: ModuleType, adata: anndata.AnnData, *colours: str) -> int:
    """Draw on the map; how many panels there are."""
    axes = sc.pl.umap(adata, color=list(colours), show=False)
    pyplot.close("all")
    return len(axes)


# scanpy 1.11 sets a colour of a copied colour map in a way that matplotlib 3.11 gives up
SET_BAD = "ignore:The set_bad function will be deprecated:PendingDeprecationWarning"


@pytest.mark.filterwarnings(SET_BAD)
def test_neighbours_maps_and_clusters_are_made_of_a_study_s_file(sc, adata):
    mapped(sc, adata)
    assert adata.obsm["X_umap"].shape == (adata.n_obs, 2)
    assert adata.obsp["connectivities"].nnz > 0
    assert adata.obs["leiden"].nunique() > 1
    assert drawn(sc, adata, "Metadata_Treatment", "Metadata_Plate", "Metadata_Role", "leiden") == 4


def test_components_are_those_of_the_layer_that_is_asked(sc, adata):
    kept = adata[:, adata.var["selected"]].copy()
    sc.pp.pca(kept, layer="normalized", n_comps=5)
    values = kept.layers["normalized"] - kept.layers["normalized"].mean(axis=0)
    sizes = np.linalg.svd(values, compute_uv=False)[:5]
    found = np.sqrt(kept.uns["pca"]["variance"] * (adata.n_obs - 1))
    np.testing.assert_allclose(found, sizes, rtol=1e-4)


@pytest.mark.filterwarnings(SET_BAD)
def test_what_an_answer_joins_is_drawn_on_the_map_and_written(sc, file, adata, tmp_path):
    found = pl.activity(file)
    wells = mapped(sc, found.join(adata))
    assert drawn(sc, wells, "activity_active", "activity_map_normalized", "activity_q") == 3
    wells.write_h5ad(tmp_path / "wells.h5ad")
    again = sc.read_h5ad(tmp_path / "wells.h5ad")
    treated = again.obs[~again.obs["Metadata_Control"]]
    shown = treated.groupby("Metadata_Treatment", observed=True)["activity_map"].first()
    expected = found.table.set_index("Metadata_Treatment")["map"]
    pd.testing.assert_series_equal(
        shown.sort_index(), expected.sort_index(), check_names=False, check_index_type=False,
        check_categorical=False,
    )  # fmt: skip


def test_what_scanpy_adds_changes_no_answer(sc, file, adata):
    study_s = pl.activity(file).table
    again = pl.activity(mapped(sc, adata)).table
    pd.testing.assert_frame_equal(study_s, again)


@pytest.mark.filterwarnings(SET_BAD)
def test_the_lines_of_the_page_for_those_who_come_from_scanpy_run(sc, file, tmp_path, monkeypatch):
    page = (Path(__file__).parents[2] / "docs" / "migrate.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```py\n(import scanpy.*?)^```", page, re.DOTALL | re.M)
    there = tmp_path / "study-out" / "profiles" / "cellprofiler.h5ad"
    there.parent.mkdir(parents=True)
    there.write_bytes(file.read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict = {"pl": pl}
    exec(lines, names)
    assert {"leiden", "activity_active"} <= set(names["adata"].obs)
    pyplot.close("all")


def test_components_of_profiles_that_are_no_study_s(sc):
    screen, _ = pl.simulate_profiles(treatments=10, features=40, seed=3)
    obs = screen.index.to_frame(index=False).set_axis([str(n) for n in range(len(screen))])
    given = anndata.AnnData(
        screen.to_numpy(copy=True), obs=obs, var=pd.DataFrame(index=screen.columns)
    )
    given.X[3, 2] = np.nan
    ready = pl.whiten(pl.select(pl.normalize(given), fill=True))
    sc.pp.pca(ready, n_comps=5)
    assert ready.obsm["X_pca"].shape == (len(screen), 5)


def test_embeddings_beside_one_another_are_compared(sc, adata):
    sc.pp.pca(adata, layer="normalized", n_comps=10, key_added="X_components")
    found = pl.compare(adata, obsm=["X_components", "X_whitened"])
    assert found.summary["representations"] == ["components", "whitened"]
    assert set(found.table["task"]) == {"activity", "classification", "nearest-neighbour"}
    assert (found.table.loc[found.table["task"] == "activity", "n"] == 10).all()
