"""Wells of cells in files are those of all cells read at once, wherever the cells lie."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import phenolens as pl
from phenolens import profiles
from phenolens.errors import InputError
from phenolens.io import profile_files
from phenolens.io.given import open_table

PLATE, WELL = profiles.PLATE, profiles.WELL
FEATURES = [
    "Cells_AreaShape_Area",
    "Cells_Intensity_MeanIntensity_DNA",
    "Cells_Neighbors_NumberOfNeighbors_5",
    "Nuclei_Texture_Contrast_DNA_3_00",
    "Nuclei_Texture_Entropy_DNA_3_00",
]


def cells(plate="P1", *, rows=400, seed=0, wells=6):
    """Cells with gaps, infinities and a feature of whole numbers."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, len(FEATURES))).astype(np.float32) * np.float32(1e3)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[rng.integers(0, rows, 5), 1] = np.inf
    well = rng.integers(0, wells, rows)
    values[well == 2, 3] = np.nan
    frame = pd.DataFrame(values, columns=FEATURES)
    frame[FEATURES[2]] = rng.integers(0, 9, rows)
    return pd.concat(
        [
            pd.DataFrame(
                {
                    PLATE: plate,
                    WELL: [f"A{k + 1:02d}" for k in well],
                    "Metadata_Site": rng.integers(1, 4, rows),
                    "Metadata_compound": np.where(well < 3, "DMSO", "taxol"),
                    "Metadata_note": np.where(well < 3, None, "x"),
                    "Cells_Number_Object_Number": np.arange(rows) + 1,
                }
            ),
            frame,
        ],
        axis=1,
    )


def at_once(paths, by=(PLATE, WELL), how="median", **options):
    """All cells in memory, and pandas over them."""
    given = open_table(paths, **options)
    return profiles.to_frame(profiles.aggregate(given.table(), given.columns(by), how=how))


def written(folder, parts):
    """Each part as a Parquet file of row groups of 64 rows."""
    for number, part in enumerate(parts):
        part.to_parquet(folder / f"{number}.parquet", index=False, row_group_size=64)
    return [folder / f"{number}.parquet" for number in range(len(parts))]


@pytest.fixture
def small_blocks(monkeypatch):
    """One column at a time."""
    monkeypatch.setattr(profile_files, "BLOCK_BYTES", 1)


@pytest.mark.parametrize("how", ["median", "mean"])
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_wherever_the_cells_of_a_well_lie(tmp_path, small_blocks, how, data):
    frame = pd.concat([cells("P1"), cells("P2", seed=1)], ignore_index=True)
    seed = data.draw(st.integers(0, 99))
    files = data.draw(st.integers(1, 4))
    of_file = np.random.default_rng(seed).integers(0, files, len(frame))
    parts = [frame[of_file == k] for k in np.unique(of_file)]
    if len(parts) > 1:  # one file lacks a feature and a column
        parts[1] = parts[1].drop(columns=[FEATURES[0], "Metadata_note"])
    paths = written(tmp_path, parts)
    found = pl.aggregate(paths, how=how)
    pd.testing.assert_frame_equal(found, at_once(paths, how=how), check_exact=True)
    assert found["Metadata_Count"].sum() == len(frame)


def test_a_plate_a_file_is_what_pandas_gives(tmp_path):
    parts = [cells("P1"), cells("P2", seed=1, rows=301)]
    found = pl.aggregate(written(tmp_path, parts)).set_index([PLATE, WELL])
    frame = pd.concat(parts).replace([np.inf, -np.inf], np.nan)
    theirs = frame.groupby([PLATE, WELL])[FEATURES].median().astype(np.float32)
    pd.testing.assert_frame_equal(found[FEATURES], theirs, check_exact=True)
    assert found["Metadata_Count"].tolist() == frame.groupby([PLATE, WELL]).size().tolist()
    assert list(found.columns)[:2] == ["Metadata_compound", "Metadata_note"]
    assert found.loc[("P1", "A03"), FEATURES[3]] != found.loc[("P1", "A03"), FEATURES[3]]


def test_as_pycytominer(tmp_path):
    pycytominer = pytest.importorskip("pycytominer")
    parts = [cells("P1"), cells("P2", seed=1)]
    frame = pd.concat(parts, ignore_index=True).replace([np.inf, -np.inf], np.nan)
    found = pl.aggregate(written(tmp_path, parts))
    theirs = pycytominer.aggregate(frame, strata=[PLATE, WELL], features=FEATURES)
    np.testing.assert_array_equal(found[FEATURES], theirs[FEATURES].astype(np.float32))


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_text_is_read_whole_and_files_that_share_wells_together(tmp_path, ending):
    frame = pd.concat([cells("P1"), cells("P2", seed=1)], ignore_index=True)
    parts = [frame[:300], frame[300:500], frame[500:]]
    for number, part in enumerate(parts):
        part.to_csv(tmp_path / f"{number}.{ending}", index=False)
    paths = [tmp_path / f"{number}.{ending}" for number in range(3)]
    pd.testing.assert_frame_equal(pl.aggregate(paths), at_once(paths), check_exact=True)
    alone = [paths[2]]
    pd.testing.assert_frame_equal(pl.aggregate(alone), at_once(alone), check_exact=True)


@pytest.mark.parametrize(
    "options",
    [
        {"by": "Metadata_compound"},
        {"by": ["Plate", "Well", "Site"]},
        {"by": [], "features": "Nuclei_"},
        {"features": [FEATURES[2], FEATURES[0]]},
        {"features": "cellprofiler"},
    ],
)
def test_other_keys_and_features(tmp_path, small_blocks, options):
    paths = written(tmp_path, [cells("P1"), cells("P2", seed=1)])
    found = pl.aggregate(paths, **options)
    pd.testing.assert_frame_equal(found, at_once(paths, **options), check_exact=True)


def test_rows_without_a_key_are_a_group(tmp_path):
    parts = [cells("P1"), cells("P2", seed=1).drop(columns=WELL)]
    parts[0].loc[::7, WELL] = None
    for order in (parts, parts[::-1]):
        paths = written(tmp_path, order)
        pd.testing.assert_frame_equal(pl.aggregate(paths), at_once(paths), check_exact=True)


def test_features_that_values_tell_are_read_whole(tmp_path):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"Plate": "P1", "Well": np.repeat(["A01", "A02"], 10),
                          "roundness": rng.normal(size=20), "size": rng.normal(size=20),
                          "dose": 1.0, "number": np.arange(20.0)})  # fmt: skip
    paths = written(tmp_path, [frame])
    found = pl.aggregate(paths)
    pd.testing.assert_frame_equal(found, at_once(paths), check_exact=True)
    assert "roundness" in found and "number" not in found


def test_a_row_index_in_the_file_is_read_along(tmp_path):
    cells().set_index([PLATE, WELL]).to_parquet(tmp_path / "a.parquet")
    found = pl.aggregate(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(found, at_once([tmp_path / "a.parquet"]), check_exact=True)


def test_what_single_precision_cannot_hold_is_missing_and_all_of_it_refused(tmp_path, small_blocks):
    frame = cells().astype(dict.fromkeys(FEATURES, np.float64))
    frame[FEATURES[0]] = 1e-60
    frame.loc[3, FEATURES[1]] = 1e60
    paths = written(tmp_path, [frame])
    found = pl.aggregate(paths)
    pd.testing.assert_frame_equal(found, at_once(paths), check_exact=True)
    assert found[FEATURES[0]].isna().all()
    paths = written(tmp_path, [frame.assign(**dict.fromkeys(FEATURES, 1e-60))])
    with pytest.raises(InputError, match=r"single precision holds none of its 5 feature\(s\)"):
        pl.aggregate(paths)


def test_refusals_name_the_column_and_the_file(tmp_path):
    paths = written(tmp_path, [cells()])
    with pytest.raises(InputError, match="no column 'Metadata_Wel'; did you mean"):
        pl.aggregate(paths, by="Metadata_Wel")
    with pytest.raises(InputError, match=r"There is no file .*none\.parquet"):
        pl.aggregate(tmp_path / "none.parquet")
    cells().iloc[:0].to_parquet(tmp_path / "empty.parquet")
    with pytest.raises(InputError, match="no rows"):
        pl.aggregate(tmp_path / "empty.parquet")
    held = bytearray(paths[0].read_bytes())
    held[60:2000] = bytes(len(held[60:2000]))
    (tmp_path / "broken.parquet").write_bytes(held)
    with pytest.raises(InputError, match=r"broken\.parquet cannot be read as a table"):
        pl.aggregate(tmp_path / "broken.parquet")


def test_values_of_categories_and_nullable_types_are_the_plain_ones(tmp_path):
    frame = cells().astype({FEATURES[0]: "Float32", FEATURES[2]: "Int64", WELL: "category"})
    frame.loc[:9, FEATURES[2]] = pd.NA
    paths = written(tmp_path, [frame])
    pd.testing.assert_frame_equal(pl.aggregate(paths), at_once(paths), check_exact=True)


def test_features_stay_on_the_disk_but_for_some_columns(tmp_path, monkeypatch):
    wide = pa.table(
        {PLATE: ["P1"] * 64, WELL: ["A01"] * 64}
        | {f"f{k}": np.arange(64, dtype=np.float32) + k for k in range(40)}
    )
    pq.write_table(wide, tmp_path / "a.parquet")
    monkeypatch.setattr(profile_files, "BLOCK_BYTES", 64 * 4 * 3 * 7)
    asked, read = [], pq.ParquetFile.read

    def noted(self, columns=None, **options):
        asked.append(len([name for name in columns if name.startswith("f")]))
        return read(self, columns=columns, **options)

    monkeypatch.setattr(pq.ParquetFile, "read", noted)
    found = pl.aggregate(tmp_path / "a.parquet")
    assert found["f39"].tolist() == [31.5 + 39]
    assert max(asked) == 7 and sum(asked) == 40


def test_tables_beyond_memory_are_refused_and_wells_made_of_them(tmp_path, monkeypatch):
    paths = written(tmp_path, [cells()])
    monkeypatch.setattr(profile_files, "available", lambda: 20_000)
    with pytest.raises(InputError, match=r"1 tables of 400 rows need about .*phenolens\.aggregate"):
        pl.read(paths)
    assert pl.aggregate(paths)["Metadata_Count"].sum() == 400


def test_large_tables_are_read_by_columns_with_the_same_values(tmp_path, small_blocks, monkeypatch):
    paths = written(tmp_path, [cells(), cells("P2", seed=1).astype({FEATURES[0]: np.float64})])
    whole = open_table(paths)
    monkeypatch.setattr(profile_files, "LARGE", 1)
    found = open_table(paths)
    pd.testing.assert_frame_equal(found.frame, whole.frame, check_exact=True)
    assert (found.found, found.notes) == (whole.found, whole.notes)
