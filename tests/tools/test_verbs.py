"""The preprocessing verbs: the same kind of thing comes out as went in, and what they refuse."""

from __future__ import annotations

import doctest
import subprocess
import sys
from importlib import import_module

import anndata
import numpy as np
import pandas as pd
import pytest

from phenolens.errors import DesignError, InputError
from phenolens.normalize.tvn import tvn
from phenolens.tools.aggregate import aggregate
from phenolens.tools.consensus import consensus
from phenolens.tools.normalize import normalize
from phenolens.tools.select import select
from phenolens.tools.whiten import whiten

FEATURES = [f"Cells_Texture_T{number}" for number in range(6)]
MODULES = ["aggregate", "consensus", "normalize", "select", "whiten"]
CALLS = {
    "aggregate": (aggregate, {"by": ["Plate", "compound"]}),
    "consensus": (consensus, {"by": "compound"}),
    "normalize": (normalize, {}),
    "select": (select, {}),
    "whiten": (whiten, {}),
}


@pytest.fixture
def df() -> pd.DataFrame:
    """Two plates of 24 wells, columns named as people name them."""
    rng = np.random.default_rng(0)
    wells = [f"{'AB'[i // 12]}{i % 12 + 1:02d}" for i in range(24)]
    frame = pd.DataFrame(
        {
            "Plate": np.repeat(["P1", "P2"], 24),
            "Well": wells * 2,
            "compound": (["DMSO"] * 8 + [f"c{i % 4}" for i in range(16)]) * 2,
        }
    )
    values = rng.normal(size=(48, 6)) * 3 + np.repeat(rng.normal(size=(2, 6)) * 9, 24, axis=0)
    return pd.concat([frame, pd.DataFrame(values.astype("f4"), columns=FEATURES)], axis=1)


def as_anndata(df: pd.DataFrame) -> anndata.AnnData:
    obs = df[["Plate", "Well", "compound"]].set_axis(df.index.astype(str))
    var = pd.DataFrame({"channel": list("abcdef")}, index=FEATURES)
    return anndata.AnnData(df[FEATURES].to_numpy("f4"), obs=obs, var=var, uns={"study": "s"})


@pytest.mark.parametrize("verb", MODULES)
def test_the_same_kind_of_thing_comes_back(df, tmp_path, verb):
    call, how = CALLS[verb]
    df.to_parquet(tmp_path / "p.parquet")
    as_anndata(df).write_h5ad(tmp_path / "p.h5ad")
    columns = call(df, **how)
    assert columns.columns[0] in ("Plate", "compound")
    features = [name for name in columns if name.startswith("Cells_")]
    path = call(tmp_path / "p.parquet", **how)
    assert path.columns[0] in ("Metadata_Plate", "Metadata_compound")
    pd.testing.assert_frame_equal(path[features], columns[features])
    pd.testing.assert_frame_equal(call(str(tmp_path / "p.h5*"), **how), path)
    levels = call(df.set_index(["Plate", "Well", "compound"]), **how)
    assert set(levels.index.names) - {"Metadata_Count", "Metadata_Calibrated"} == {
        name for name in columns if name in ("Plate", "Well", "compound")
    }
    np.testing.assert_array_equal(levels, columns[features])
    held = call(as_anndata(df), **how)
    assert isinstance(held, anndata.AnnData)
    np.testing.assert_array_equal(held.X, columns[features])
    assert held.obs["compound"].tolist() == columns["compound"].tolist()
    assert list(held.var["channel"]) == list("abcdef")[: len(features)]
    assert held.uns == {"study": "s"}


@pytest.mark.parametrize("verb", MODULES)
def test_the_features_of_a_layer_or_an_embedding(df, verb):
    call, how = CALLS[verb]
    held = as_anndata(df)
    held.layers["raw"] = held.X.copy()
    held.obsm["X_dino"] = held.X.copy()
    first = call(held, **how)
    held.X = np.ones_like(held.X)
    np.testing.assert_array_equal(call(held, layer="raw", **how).X, first.X)
    seen = call(held, obsm="X_dino", **how)
    np.testing.assert_array_equal(seen.X, first.X)
    assert list(seen.var["family"].unique()) == ["dino"]


def test_rows_that_come_mixed_are_scaled_as_sorted_ones(df):
    order = np.random.default_rng(1).permutation(len(df))
    mixed = normalize(df.iloc[order])
    assert list(mixed.index) == order.tolist()
    pd.testing.assert_frame_equal(mixed.sort_index(), normalize(df))


def test_the_plate_is_found_under_its_usual_names(df):
    renamed = df.rename(columns={"Plate": "Assay_Plate_Barcode"})
    pd.testing.assert_frame_equal(normalize(renamed)[FEATURES], normalize(df)[FEATURES])


def test_whole_tables_need_no_plate(df):
    whole = normalize(df.drop(columns="Plate"), by=(), method="center")
    middle = df.loc[df["compound"] == "DMSO", FEATURES].median()
    np.testing.assert_allclose(whole[FEATURES], df[FEATURES] - middle, atol=1e-5)


def test_the_mask_of_controls_may_be_given_and_the_features_named(df):
    mask = (df["compound"] == "DMSO").to_numpy()
    pd.testing.assert_frame_equal(normalize(df, controls=mask), normalize(df))
    few = normalize(df, features=FEATURES[:2], clip=None)
    pd.testing.assert_frame_equal(few[FEATURES[:2]], normalize(df, clip=None)[FEATURES[:2]])
    assert set(FEATURES[2:]) <= set(few)


def test_selection_on_controls_looks_at_them_only(df):
    flat = df.copy()
    flat.loc[flat["compound"] == "DMSO", FEATURES[0]] = 1.0
    assert FEATURES[0] in select(flat)
    assert FEATURES[0] not in select(flat, rows="controls")
    assert FEATURES[0] not in select(flat, rows="compound == 'DMSO'")
    assert FEATURES[0] not in select(flat, rows=(flat["compound"] == "DMSO").tolist())


def test_whitened_controls_do_not_covary(df):
    white = whiten(df, regularization=0, method="pca")
    part = white.loc[white["compound"] == "DMSO"].filter(like="whitened")
    np.testing.assert_allclose(np.cov(part.T), np.eye(6), atol=1e-5)
    assert list(whiten(df, method="pca", n_components=2).filter(like="whitened")) == [
        "whitened0000", "whitened0001",
    ]  # fmt: skip


def test_typical_variation_normalization_is_the_functions(df):
    ours = whiten(df, method="tvn", n_components=3, regularization=0.2)
    table = df.set_index(["Plate", "Well", "compound"])
    table.index.names = [f"Metadata_{name}" for name in table.index.names]
    controls = (df["compound"] == "DMSO").to_numpy()
    theirs, _ = tvn(table, controls, n_components=3, shrinkage=0.2)
    np.testing.assert_array_equal(ours.filter(like="tvn"), theirs)
    whole = whiten(df.drop(columns="Plate"), method="tvn", by=())
    assert whole.filter(like="tvn").shape == (48, 6)


def test_modz_leaves_a_replicate_that_went_wrong_behind(df):
    part = df[df["compound"] == "c0"].copy()
    part[FEATURES] = np.arange(6.0) + 0.01 * np.random.default_rng(0).normal(size=(len(part), 6))
    part.iloc[0, -6:] = [50, 10, 40, 0, 30, -60]
    merged = consensus(part, by="compound", how="modz")[FEATURES].to_numpy()
    np.testing.assert_allclose(merged, [np.arange(6.0)], atol=0.2)
    plain = consensus(part, by="compound", how="mean")[FEATURES].to_numpy()
    assert np.abs(plain - np.arange(6.0)).max() > 5


@pytest.mark.parametrize(
    ("call", "how", "error", "words"),
    [
        (aggregate, {"how": "max"}, InputError, r"aggregate 'max'; choose median or mean"),
        (aggregate, {"by": "Wel"}, InputError, r"no column 'Wel'; did you mean 'Metadata_Well'\?"),
        (consensus, {"by": "compound", "how": "sum"}, InputError, r"'sum'; choose one of median"),
        (normalize, {"method": "robust"}, InputError, r"Unknown scaling 'robust'"),
        (normalize, {"spread": "well"}, InputError, r"Unknown spread 'well'; choose one of auto"),
        (normalize, {"controls": "compound == 'DMSO' and Plate == 'P1'"}, DesignError,
         r"1 of 2 groups \(Metadata_Plate\) have fewer than two controls.*: P2\. Name"),
        (normalize, {"controls": "Well == 'A01' and Plate == 'P1'", "by": ()}, DesignError,
         r"1 of 1 groups \(the table\) have fewer than two controls.*: the table\. Name"),
        (select, {"rows": "Well == 'A01' and Plate == 'P1'"}, InputError, r"two rows or more"),
        (select, {"min_variance": 1e9}, InputError, r"left none of the 6 features"),
        (select, {"rows": "compound == 'none'"}, DesignError, r"rows = .* matches none of 48"),
        (whiten, {"method": "sphere"}, InputError, r"'sphere'; choose one of zca, .*tvn"),
        (whiten, {"controls": "Well == 'A01'"}, DesignError, r"3 or more controls; got 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told_in_one_line(df, call, how, error, words):
    with pytest.raises(error, match=words) as refused:
        call(df, **how)
    assert "\n" not in str(refused.value)


def test_whitening_says_which_values_are_missing_and_what_fills_them(df):
    df.loc[3, FEATURES[2]] = np.nan
    with pytest.raises(InputError, match=r"1 feature\(s\) .* such as Cells_Texture_T2.*fill=True"):
        whiten(df)
    filled = whiten(select(df, fill=True))
    assert filled[FEATURES].notna().all(axis=None)


@pytest.mark.parametrize("name", [*(f"tools.{name}" for name in MODULES), "io.given", "io.columns"])
def test_the_examples_of_the_docstrings_hold(name):
    told = doctest.testmod(import_module(f"phenolens.{name}"), optionflags=doctest.REPORT_NDIFF)
    assert told.attempted and not told.failed


def test_the_verbs_load_no_library_before_they_are_called():
    code = "import sys\n" + "\n".join(f"import phenolens.tools.{name}" for name in MODULES)
    code += "\nprint(sorted({'numpy', 'pandas', 'pydantic', 'sklearn'} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_rows_of_poor_quality_weigh_less_in_their_well():
    rng = np.random.default_rng(0)
    n, focus = 60, "Metadata_Quality_PowerLogLogSlope_DNA"
    fields = pd.DataFrame({"Plate": "P1", "Well": [f"A{1 + i // 3:02d}" for i in range(n)],
                           "compound": np.where(np.arange(n) < 30, "DMSO", "taxol"),
                           focus: rng.normal(-2, 0.05, n), "f0": rng.normal(size=n)})  # fmt: skip
    fields.loc[40, [focus, "f0"]] = [-20.0, 900.0]
    plain = aggregate(fields, how="mean").set_index("Well")
    found = aggregate(fields, how="mean", quality="all").set_index("Well")
    assert plain.loc["A14", "f0"] > 200
    assert abs(found.loc["A14", "f0"]) < 3
    assert found.loc["A14", "Metadata_Weight"] == pytest.approx(2, abs=0.6)
    assert (found["Metadata_Count"] == 3).all()
    named = aggregate(fields, how="mean", quality=focus).set_index("Well")
    pd.testing.assert_frame_equal(found, named)
    with pytest.raises(DesignError, match="8 control fields"):
        aggregate(fields, quality="all", controls=[True, *[False] * (n - 1)])
    with pytest.raises(InputError, match="no column of quality"):
        aggregate(fields.drop(columns=focus), quality="all")


def test_the_cell_count_is_removed_by_the_verb_too(df):
    counts = np.tile(np.arange(24) * 9 + 50, 2)
    frame = df.assign(Metadata_CellCount=counts)
    frame[FEATURES[0]] = 2 * np.log2(counts + 1)
    plain, found = normalize(frame), normalize(frame, cell_count="remove")
    own = frame["compound"] == "DMSO"
    assert found.loc[own, FEATURES[0]].std() < 0.4 * plain.loc[own, FEATURES[0]].std()
    with pytest.raises(DesignError, match="there are 0"):
        normalize(df, cell_count="remove")


@pytest.mark.parametrize("method", ["zca", "pca", "tvn"])
def test_controls_may_say_how_far_whitening_is_held_back(df, method):
    given = df.assign(**{name: df[name].fillna(0) for name in FEATURES})
    found = whiten(given, method=method, shrinkage="ledoit-wolf")
    assert np.isfinite(found.select_dtypes("number").to_numpy()).all()
    other = whiten(given, method=method, shrinkage="ledoit-wolf", regularization=0.9)
    pd.testing.assert_frame_equal(found, other)
