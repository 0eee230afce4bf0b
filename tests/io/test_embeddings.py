"""AnnData files whose features lie beside ``X``: which study `init` writes for them."""

from __future__ import annotations

import anndata
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from phenolens.errors import InputError
from phenolens.io.discovery.discover import discover
from phenolens.io.given import open_table
from phenolens.io.integrate import integrate

WELLS = [f"{row}{column:02d}" for row in "AB" for column in (1, 2, 3)]


def file(path, *, obsm=None, layers=None, names: int = 0) -> None:
    """A plate of six wells without ``X``."""
    obs = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": WELLS}, index=map(str, range(6)))
    obs["Metadata_compound"] = ["DMSO", "a", "b"] * 2
    var = pd.DataFrame(index=[f"f{k}" for k in range(names)])
    anndata.AnnData(None, obs=obs, var=var, obsm=obsm, layers=layers).write_h5ad(path)


def values(width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(6, width)).astype(np.float32)


def study(folder):
    found = discover(folder)
    return found, integrate(found.section(), folder)


def test_the_one_embedding_is_named_in_the_study(tmp_path):
    given = values(12)
    file(tmp_path / "p.h5ad", obsm={"X_dino": given})
    found, screen = study(tmp_path)
    block = found.profiles[0]
    assert (block["name"], block["obsm"]) == ("dino", "X_dino")
    np.testing.assert_array_equal(screen.profiles["dino"].table.to_numpy(), given)


def test_several_embeddings_are_a_kind_of_profiles_each_and_pictures_none(tmp_path):
    obsm = {"X_dino": values(12), "X_vit": values(9, 1), "X_umap": values(2, 2)}
    file(tmp_path / "p.h5ad", obsm=obsm)
    found, screen = study(tmp_path)
    assert [(b["name"], b["obsm"]) for b in found.profiles] == [
        ("dino", "X_dino"), ("vit", "X_vit"),
    ]  # fmt: skip
    assert {name: block.table.shape for name, block in screen.profiles.items()} == {
        "dino": (6, 12), "vit": (6, 9),
    }  # fmt: skip


def test_a_sparse_embedding_and_a_table_count_their_columns(tmp_path):
    obs_names = [str(k) for k in range(6)]
    named = pd.DataFrame(values(10), index=obs_names, columns=[f"g{k}" for k in range(10)])
    file(tmp_path / "p.h5ad", obsm={"X_a": sparse.csr_matrix(values(8)), "X_b": named})
    found, _ = study(tmp_path)
    assert [block["obsm"] for block in found.profiles] == ["X_a", "X_b"]


def test_a_layer_without_x(tmp_path):
    file(tmp_path / "p.h5ad", layers={"raw": values(10)}, names=10)
    found, screen = study(tmp_path)
    assert found.profiles[0]["layer"] == "raw"
    assert screen.profiles["raw"].table.shape == (6, 10)


def test_a_file_with_neither_is_refused_in_one_line(tmp_path):
    file(tmp_path / "p.h5ad", obsm={"X_umap": values(2)})
    with pytest.raises(InputError, match=r"p\.h5ad: has no X; obsm has X_umap"):
        discover(tmp_path)
    with pytest.raises(InputError, match=r"p\.h5ad has no X; obsm has X_umap: name one with obsm"):
        open_table(tmp_path / "p.h5ad")
