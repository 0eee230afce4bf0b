"""One table through every door, back in the form it came, and what is refused."""

from __future__ import annotations

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.io.anndata import write_h5ad
from phenolens.io.columns import nearest
from phenolens.io.given import Given, open_table, put_back

FEATURES = [
    "Cells_AreaShape_Area",
    "Nuclei_Texture_Contrast_ER_3_00_256",
    "Cell_Body_Intensity_Mean_ER",
]


def columns(seed: int = 0) -> pd.DataFrame:
    """Six wells with text, numbers, truth values and gaps, features of two kinds."""
    frame = pd.DataFrame(
        {
            "Metadata_Plate": ["P1", "P1", "P1", "P2", "P2", "P2"],
            "Metadata_Well": ["A01", "A02", "B01", "A01", "A02", "B01"],
            "Metadata_Compound": ["DMSO", " taxol ", None, "DMSO", "taxol", "n/a"],
            "Metadata_Dose": [0.0, 0.3, np.nan, 0.0, 12.5, 3.0],
            "Metadata_Passage": [1, 1, 1, 2, 2, 2],
            "Metadata_Control": [True, False, False, True, False, False],
        }
    )
    values = np.random.default_rng(seed).normal(size=(6, 3)).astype(np.float32)
    values[2, 1] = np.nan
    values[4, 0] = np.inf
    return pd.concat([frame, pd.DataFrame(values, columns=FEATURES)], axis=1)


def doors(frame: pd.DataFrame, folder: Path) -> dict[str, object]:
    """The same table in every form."""
    described = [name for name in frame if name not in FEATURES]
    table = frame.set_index(described)
    frame.to_parquet(folder / "profiles.parquet", index=False)
    frame.to_csv(folder / "profiles.csv", index=False)
    frame.to_csv(folder / "profiles.csv.gz", index=False)
    frame.to_csv(folder / "profiles.tsv", index=False, sep="\t")
    for name in ("semicolons", "commas"):
        (folder / name).mkdir(exist_ok=True)
    frame.to_csv(folder / "semicolons" / "profiles.csv", index=False, sep=";")
    frame.to_csv(folder / "commas" / "profiles.csv", index=False, sep=";", decimal=",")
    (folder / "levels").mkdir(exist_ok=True)
    (folder / "numbered").mkdir(exist_ok=True)
    table.to_parquet(folder / "levels" / "profiles.parquet")
    frame.to_csv(folder / "numbered" / "profiles.csv")
    write_h5ad(table, folder / "profiles.h5ad")
    obs = frame[described].astype({"Metadata_Plate": "category", "Metadata_Passage": "category"})
    obs.index = obs.index.astype(str)
    values = frame[FEATURES].to_numpy(np.float32)
    held = anndata.AnnData(
        values,
        obs=obs.rename(columns={name: name.removeprefix("Metadata_") for name in obs}),
        var=pd.DataFrame(index=FEATURES),
        layers={"again": sparse.csr_matrix(values)},
        obsm={"X_frame": pd.DataFrame(values, columns=FEATURES, index=obs.index)},
    )
    bare = anndata.AnnData(obs=held.obs, obsm=dict(held.obsm))
    bare.write_h5ad(folder / "bare.h5ad")
    return {
        "parquet": folder / "profiles.parquet",
        "parquet with levels": str(folder / "levels" / "profiles.parquet"),
        "csv": folder / "profiles.csv",
        "csv with row numbers": folder / "numbered" / "profiles.csv",
        "csv.gz": folder / "profiles.csv.gz",
        "tsv": [folder / "profiles.tsv"],
        "csv with semicolons": folder / "semicolons" / "profiles.csv",
        "csv with decimal commas": folder / "commas" / "profiles.csv",
        "pattern": str(folder / "profiles.p*"),
        "h5ad": folder / "profiles.h5ad",
        "h5ad on disk": anndata.read_h5ad(folder / "profiles.h5ad", backed="r"),
        "columns": frame,
        "nullable": frame[described].convert_dtypes().join(frame[FEATURES].astype("Float32")),
        "objects": frame.astype(object),
        "categories": frame.astype(dict.fromkeys(described, "category")),
        "features first": frame[FEATURES + described],
        "index": table,
        "both": frame.set_index(described[:2]),
        "anndata": held,
        "sparse": anndata.AnnData(sparse.csr_matrix(values), obs=held.obs, var=held.var),
        "layer": (held, {"layer": "again"}),
        "obsm": (held, {"obsm": "X_frame"}),
        "obsm in a file": (folder / "bare.h5ad", {"obsm": "X_frame"}),
    }


def through(door: object) -> Given:
    data, where = door if isinstance(door, tuple) else (door, {})
    return open_table(data, **where)


def test_the_same_table_from_every_door(tmp_path):
    frame = columns()
    before = frame.copy()
    opened = {name: through(door) for name, door in doors(frame, tmp_path).items()}
    first = opened["parquet"]
    assert first.features == FEATURES
    assert list(first.frame.columns[:6]) == list(frame.columns[:6])
    assert first.frame["Metadata_Compound"].tolist() == [
        "DMSO",
        "taxol",
        None,
        "DMSO",
        "taxol",
        None,
    ]
    assert first.frame["Metadata_Passage"].dtype == np.int64
    assert first.notes[0].startswith("1 infinite values") and len(first.notes) == 1
    for name, one in opened.items():
        theirs = one.frame.assign(_file="profiles") if name == "obsm in a file" else one.frame
        pd.testing.assert_frame_equal(theirs, first.frame, check_exact=True, obj=name)
        assert one.features == FEATURES, name
        commas = ("decimal commas read",) if name == "csv with decimal commas" else ()
        assert one.notes == (*commas, *first.notes), name
        assert one.name == ("bare" if name == "obsm in a file" else "profiles"), name
    pd.testing.assert_frame_equal(frame, before)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.floats(width=32, allow_nan=True, allow_infinity=True),
            st.sampled_from(["DMSO", "", "nan", " a b ", "ü", "x|y"]),
            st.one_of(st.none(), st.integers(-5, 5)),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_values_and_gaps_from_every_door(tmp_path, rows):
    frame = pd.DataFrame(rows, columns=["f1", "Metadata_Text", "Metadata_Number"])
    frame = frame[["Metadata_Text", "Metadata_Number", "f1"]].assign(Metadata_Plate="P1")
    frame["f1"] = frame["f1"].astype(np.float32)
    frame.to_parquet(tmp_path / "profiles.parquet")
    frame.to_csv(tmp_path / "profiles.csv", index=False)
    first = open_table(frame).frame
    levels = ["Metadata_Text", "Metadata_Number", "Metadata_Plate"]
    for door in (
        tmp_path / "profiles.parquet", tmp_path / "profiles.csv", frame.set_index(levels)
    ):  # fmt: skip
        pd.testing.assert_frame_equal(open_table(door).frame, first)


def test_names_and_kinds(tmp_path):
    for name in ("cnn_plate-1", "cnn_plate-2", "other"):
        columns().to_csv(tmp_path / f"{name}.csv", index=False)
    assert open_table(tmp_path / "other.csv").name == "other"
    assert open_table(str(tmp_path / "cnn*.csv")).name == "cnn_plate"
    given = open_table([tmp_path / "cnn_plate-1.csv", str(tmp_path / "other.csv")])
    assert (given.name, given.kind, len(given.frame)) == ("profiles", "file", 12)
    assert given.frame["_file"].unique().tolist() == ["cnn_plate-1", "other"]
    assert open_table(columns()).kind == "columns"
    assert open_table(columns().set_index("Metadata_Plate")).kind == "index"


def test_a_column_that_one_file_leaves_empty_is_that_of_the_others(tmp_path):
    frame = columns()
    for name, gap in (("a", ["Metadata_Dose", "Metadata_Compound"]), ("b", [])):
        frame.assign(**dict.fromkeys(gap, None)).to_parquet(tmp_path / f"{name}.parquet")
    both = open_table([tmp_path / "a.parquet", tmp_path / "b.parquet"]).frame
    assert both["Metadata_Dose"].dtype == np.float64
    assert both["Metadata_Compound"].tolist() == [None] * 6 + [
        "DMSO", "taxol", None, "DMSO", "taxol", None,
    ]  # fmt: skip


def test_a_file_name_may_hold_the_marks_of_patterns(tmp_path, monkeypatch):
    columns().to_csv(tmp_path / "screen[1].csv", index=False)
    monkeypatch.chdir(tmp_path)
    assert open_table("screen[1].csv").name == "screen[1]"


def test_embeddings_are_named_as_learned_features():
    held = anndata.AnnData(
        obs=pd.DataFrame({"Plate": ["P1", "P1"]}, index=["0", "1"]),
        obsm={"X_dino": np.ones((2, 3))},
    )
    assert open_table(held, obsm="X_dino").features == [f"dino__all__000{i}" for i in (1, 2, 3)]


def test_features_by_prefix_by_name_and_by_convention():
    frame = columns().assign(f1=1.0, f2=2.0, field=3)
    assert open_table(frame, features="f").features == ["f1", "f2"]
    chosen = open_table(frame, features=["f2", "Cells_AreaShape_Area"])
    assert chosen.features == ["f2", "Cells_AreaShape_Area"]
    assert chosen.table().columns.tolist() == chosen.features
    assert "Metadata_f1" in chosen.frame
    plain = frame.drop(columns=FEATURES).assign(Plate=7, dose=0.1, is_hit=True)
    assert open_table(plain).features == ["f1", "f2"]
    measured = open_table(columns().assign(Metadata_count=5), features=["Metadata_count"])
    assert list(measured.table().columns) == ["Metadata_count"]


def test_names_of_the_matrix_that_are_no_features_are_told():
    names = ["Cells_AreaShape_Area", "Cells_Custom_1", "Cells_Parent_Nuclei"]
    obs = pd.DataFrame({"Plate": ["P1", "P1"]}, index=["0", "1"])
    held = anndata.AnnData(np.ones((2, 3), np.float32), obs=obs, var=pd.DataFrame(index=names))
    given = open_table(held)
    assert given.features == ["Cells_AreaShape_Area"]
    assert given.found.unused_line() == (
        "numeric columns not used: 2 (Cells_Parent_Nuclei: numbers of objects, or places in the "
        "image; Cells_Custom_1: names of no form that is known)"
    )
    assert open_table(held, features=names).found.unused_line() == ""


def test_what_float32_cannot_hold_is_missing_and_told():
    given = open_table(columns().assign(Cells_AreaShape_Area=1e300))
    (told,) = given.notes
    assert told.startswith("6 infinite values, or too large or small for single precision, taken")
    assert told.endswith("(in Cells_AreaShape_Area)")
    assert given.frame["Cells_AreaShape_Area"].isna().all()


def adata(**parts: object) -> anndata.AnnData:
    obs = pd.DataFrame({"Plate": ["P1", "P1"]}, index=["0", "1"])
    return anndata.AnnData(obs=obs, **parts)


X = np.ones((2, 1), np.float32)
EMBEDDED = {"X_dino": np.ones((2, 3)), "X_other": np.ones((2, 3))}


@pytest.mark.parametrize(
    ("data", "where", "words"),
    [
        (7, {}, r"a path, a DataFrame or an AnnData; got int\."),
        (None, {}, r"got NoneType\."),
        ([], {}, r"got an empty list\."),
        ([columns()], {}, r"got a list with pandas\.\S*DataFrame: hand in one"),
        (np.ones((2, 2)), {}, r"got numpy\.ndarray: make a DataFrame"),
        ("nowhere.parquet", {}, r"There is no file .*nowhere\.parquet\."),
        (columns().head(0), {}, r"The DataFrame has 0 rows"),
        (columns()[[]], {}, r"6 rows and 0 columns"),
        (columns().iloc[:, [0, 6, 6]], {}, r"more than once: Cells_AreaShape_Area\."),
        (columns().assign(l=[[1]] * 6), {}, r"1 column\(s\) hold lists.*such as l\."),
        (columns().assign(Metadata_d=[{}] * 6), {}, r"such as Metadata_d\."),
        (columns().assign(a=[np.ones(2)] * 6), {}, r"such as a\."),
        (columns().assign(Cells_AreaShape_Area=["x", *range(5)]), {}, r"_Area with 'x'"),
        (columns(), {"features": ["Cells_AreaShape_Aera"]}, r"did you mean 'Cells_AreaShape_Area'"),
        (columns(), {"features": ["x", "y"]}, r"no column 'x' \(and 1 more .*it has Meta"),
        (columns().assign(Cells_AreaShape_Area=1j), {}, r"such as Cells_AreaShape_Area with '1j'"),
        (columns(), {"features": []}, r"no columns among the features named"),
        (columns(), {"layer": "a"}, r"layer \(--layer\) is for AnnData; a DataFrame has none"),
        (adata(), {}, r"The AnnData has no X; it has no features\."),
        (adata(obsm=EMBEDDED), {}, r"no X; obsm has X_dino, X_other: name one with obsm"),
        (adata(X=X, layers={"raw": X}), {"layer": "row"}, r"no layer 'row'; did you mean 'raw'\?"),
        (adata(X=X), {"layer": "raw"}, r"no layer 'raw'; it has none\."),
        (adata(obsm=EMBEDDED), {"obsm": "X_vit"}, r"no obsm 'X_vit'; it has X_dino, X_other\."),
        (adata(obsm=EMBEDDED), {"obsm": "X_dino", "layer": "raw"}, r"not both"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_in_one_line(data, where, words):
    with pytest.raises(InputError, match=words) as refused:
        open_table(data, **where)
    assert "\n" not in str(refused.value)


def test_files_are_refused_in_one_line_too(tmp_path):
    columns().to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(InputError, match=r"p\.csv is no AnnData file \(\.h5ad\).*no layer 'raw'"):
        open_table(tmp_path / "p.csv", layer="raw")
    twice = (
        (tmp_path / "p.csv").read_text().replace("Nuclei_Texture_Contrast_ER_3_00_256", FEATURES[0])
    )
    (tmp_path / "twice.csv").write_text(twice)
    with pytest.raises(InputError, match=r"twice\.csv has 1 column.*once: Cells_AreaShape_Area"):
        open_table(tmp_path / "twice.csv")
    adata(obsm=EMBEDDED).write_h5ad(tmp_path / "bare.h5ad")
    with pytest.raises(InputError, match=r"bare\.h5ad has no X; obsm has X_dino, X_other: name"):
        open_table(tmp_path / "bare.h5ad")


def test_levels_that_contradict_columns_are_refused_and_others_taken_once():
    frame = columns()
    kept = frame.set_index("Metadata_Plate", drop=False)
    pd.testing.assert_frame_equal(open_table(kept).frame, open_table(frame).frame)
    with pytest.raises(InputError, match="'Metadata_Plate' twice, with different values"):
        open_table(kept.assign(Metadata_Plate="P9"))


def scaled(given: Given) -> pd.DataFrame:
    """What a step returns: other values, one feature less, one more metadata column."""
    table = profiles.with_metadata(given.table() * 2, {"Metadata_Calibrated": True})
    return table.iloc[:, :2]


def test_columns_come_back_under_their_own_names_and_row_index():
    frame = columns().rename(columns={"Metadata_Plate": "Plate", "Metadata_Well": "well"})
    frame.index = [3, 1, 4, 5, 9, 2]
    given = open_table(frame)
    out = put_back(given, scaled(given))
    assert list(out.columns) == [
        "Metadata_Compound", "Metadata_Dose", "Metadata_Passage", "Metadata_Control", "Plate",
        "well", "Metadata_Calibrated", *FEATURES[:2],
    ]  # fmt: skip
    assert list(out.index) == [3, 1, 4, 5, 9, 2]
    np.testing.assert_array_equal(out[FEATURES[1]], frame[FEATURES[1]] * 2)
    assert list(put_back(given, profiles.take(scaled(given), np.arange(2))).index) == [0, 1]


def test_the_row_index_comes_back_with_its_levels_and_new_ones():
    frame = columns().rename(columns={"Metadata_Plate": "Plate"})
    given = open_table(frame.set_index(["Plate", "Metadata_Well"]))
    out = put_back(given, scaled(given))
    assert out.index.names == ["Plate", "Metadata_Well", "Metadata_Calibrated"]
    assert list(out.columns[:2]) == ["Metadata_Compound", "Metadata_Dose"]
    one = profiles.aggregate(given.table(), ["Metadata_Plate"])
    assert put_back(given, one).index.names == ["Plate", "Metadata_Count"]


def test_a_table_from_a_file_comes_back_with_columns(tmp_path):
    columns().to_csv(tmp_path / "p.csv", index=False)
    given = open_table(tmp_path / "p.csv")
    out = put_back(given, given.table())
    pd.testing.assert_frame_equal(
        open_table(out).frame.drop(columns="_file"), given.frame.drop(columns="_file")
    )


@pytest.fixture
def rich(tmp_path) -> anndata.AnnData:
    """An AnnData with something in every corner."""
    held = doors(columns(), tmp_path)["anndata"]
    held.obs_names = [f"w{i}" for i in range(6)]
    held.obsm["X_frame"] = held.obsm["X_frame"].set_axis(held.obs_names)
    held.obsm["X_dino"] = np.arange(12.0).reshape(6, 2)
    held.var["kind"] = ["a", "b", "c"]
    held.uns["study"] = {"name": "s"}
    return held


def test_an_anndata_comes_back_with_all_it_held(rich):
    given = open_table(rich)
    out = put_back(given, scaled(given))
    assert list(out.var_names) == FEATURES[:2]
    assert list(out.var["kind"]) == ["a", "b"]
    assert list(out.obs_names) == list(rich.obs_names)
    pd.testing.assert_frame_equal(out.obs[rich.obs.columns], rich.obs)
    assert out.obs["Metadata_Calibrated"].tolist() == [True] * 6
    assert out.uns["study"] == {"name": "s"}
    assert set(out.obsm) == {"X_frame", "X_dino"}
    np.testing.assert_array_equal(out.X[:, 1], rich.X[:, 1] * 2)
    assert rich.shape == (6, 3)
    out.uns["study"]["name"] = "other"
    assert rich.uns["study"]["name"] == "s"


def test_an_anndata_with_other_features_or_rows_says_what_they_are(rich):
    given = open_table(rich, obsm="X_dino")
    out = put_back(given, given.table())
    assert list(out.var_names) == ["dino__all__0001", "dino__all__0002"]
    assert list(out.var["family"]) == ["dino", "dino"]
    assert list(out.obs_names) == list(rich.obs_names)
    given = open_table(rich)
    one = put_back(given, profiles.aggregate(given.table(), ["Metadata_Plate"]))
    assert one.shape == (2, 3)
    assert list(one.obs) == ["Plate", "Passage", "Metadata_Count"]
    assert list(one.var["kind"]) == ["a", "b", "c"]
    assert one.uns["study"] == {"name": "s"}


def test_metadata_that_a_step_replaced_is_written_into_obs(rich):
    given = open_table(rich)
    table = profiles.with_metadata(given.table(), {"Metadata_Compound": "none"})
    out = put_back(given, table)
    assert list(out.obs_names) == list(rich.obs_names)
    assert set(out.obs["Compound"]) == {"none"}


def test_the_nearest_name_is_found_without_prefix_and_case():
    known = ["Metadata_Plate", "Metadata_Compound", "f0"]
    assert nearest("compuond", known) == "; did you mean 'Metadata_Compound'?"
    assert nearest("zzz", known) == "; it has Metadata_Plate, Metadata_Compound, f0."
    assert nearest("zzz", map(str, range(20))).endswith("10, 11, ...")
