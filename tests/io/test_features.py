"""Which columns are features, of which family, and which numbers never are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.io.features import find_families, recognise
from phenolens.io.given import open_table
from phenolens.io.names import measured_object, parse_feature
from phenolens.io.row_words import describes_row

WELLS = [f"{row}{column:02d}" for row in "ABCDEFGH" for column in range(1, 13)]


def wells(**columns: object) -> pd.DataFrame:
    """A plate of 96 wells with further columns."""
    frame = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": WELLS})
    return frame.assign(**columns)


def numbers(*names: str, seed: int = 0) -> dict[str, np.ndarray]:
    """Noise under these names."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=len(WELLS)) for name in names}


def embedding(prefix: str, n: int = 16) -> dict[str, np.ndarray]:
    return numbers(*(f"{prefix}{i}" for i in range(n)))


CELLS = ("Cells_AreaShape_Area", "Cells_Intensity_MeanIntensity_DNA", "Nuclei_AreaShape_Area")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Cells_AreaShape_Area", "Cells"),
        ("PH3_Intensity_MeanIntensity_PH3", "PH3"),
        ("Cell_Body_Intensity_MeanIntensity_DNA", "Cell_Body"),
        ("Organoids_AreaShape_FormFactor", "Organoids"),
        ("Cells_Mean_Nucleoli_AreaShape_Area", "Cells_Mean_Nucleoli"),
        ("Image_Granularity_1_DNA", "Image"),
        ("Nuclei_Location_CenterMassIntensity_X_DNA", "Nuclei"),
        ("Nucleoli_Distance_Minimum_Cells", "Nucleoli"),
        ("Large Cells_Texture_Contrast_DNA_3_00_256", "Large Cells"),
        ("Large Cells_Mean_Small Nucleoli_AreaShape_Area", "Large Cells_Mean_Small Nucleoli"),
        ("Large Cells_Parent_Small Nuclei", ""),
        ("Large Cells_Children_Small Spots_Count", ""),
        ("Large Cells_Number_Object_Number", ""),
        ("Large Cells_Location_Center_X", ""),
        ("Cells_Parent_Nuclei", ""),
        ("Cell_Body_Parent_Nuclei", ""),
        ("Nuclei_Children_Cytoplasm_Count", ""),
        ("Cell_Body_Children_Spots_Count", ""),
        ("Cytoplasm_Number_Object_Number", ""),
        ("Cells_Mean_Nucleoli_Number_Object_Number", ""),
        ("Cells_Mean_Nucleoli_Location_Center_X", ""),
        ("Cells_Location_Center_X", ""),
        ("Cells_Neighbors_FirstClosestObjectNumber_5", ""),
        ("Image_Metadata_Well", ""),
        ("Image_Count_Cells", ""),
        ("Image_ImageQuality_PowerLogLogSlope_DNA", ""),
        ("Metadata_Cells_AreaShape_Area", ""),
        ("ImageNumber", ""),
        ("Plate_Number", ""),
    ],
)
def test_measurements_of_any_object_are_told_from_bookkeeping(name, expected):
    assert measured_object(name) == expected


def test_names_of_any_object_are_taken_apart():
    assert parse_feature("Cell_Body_Intensity_MeanIntensity_DNA") == (
        "Cell_Body", "Intensity", "DNA", "",
    )  # fmt: skip
    assert parse_feature("Large Cells_Texture_Contrast_DNA_3_00_256")[:3] == (
        "Large Cells", "Texture", "DNA",
    )  # fmt: skip
    assert parse_feature("Organoids_Correlation_RWC_AGP_DNA")[2:] == ("AGP", "DNA")
    assert parse_feature("Cells_Mean_Nucleoli_AreaShape_Area").family == "AreaShape"


@pytest.mark.parametrize(
    "name",
    [
        "Row", "row", "Metadata_Row", "Column", "col", "WellRow", "well_col", "Site", "FieldID",
        "fov", "tile", "dose", "Dose (uM)", "dose_uM", "Dose[nM]", "Concentration [µM]", "conc.",
        "pert_dose", "log10_dose", "Time", "Time [s]", "time_h", "Timepoint", "TimePoint",
        "hours_post_treatment", "day", "Plane", "z", "X", "Replicate", "rep", "rep1",
        "bio_rep", "replicate_id", "n_cells",
        "nCells", "CellCount", "Count_Cells", "spot_count", "Cells - Number of Objects",
        "Number of Analyzed Fields", "ObjectNumber", "Object No", "object_id", "ImageNumber",
        "Image_Number", "well index", "WellID", "batch", "Batch_ID", "PlateID", "Plate Number",
        "plate_nr", "Unnamed: 0", "index", "Temperature", "Target CO2", "uM", "compound_id",
        "label",
    ],
)  # fmt: skip
def test_names_that_describe_the_row(name):
    assert describes_row(name)
    found = recognise(wells(**{name: np.arange(96) % 7 + 0.5}, **embedding("emb_")), source="t")
    assert name not in found.names
    assert recognise(wells(**{name: 0.5}, **numbers("alpha")), source="t").names == ["alpha"]


@pytest.mark.parametrize(
    "name",
    [
        "Area", "Mean", "alpha", "f0", "x1", "t3", "z0", "emb_1", "Cell Area", "Total Object Area",
        "Field Intensity", "Edge Sharpness", "Nuclei - Nucleus Area [µm²] - Mean per Well", "PC1",
        "nuclear_to_cell_ratio", "Number of Spots - Mean per Well",
    ],
)  # fmt: skip
def test_names_that_measure(name):
    assert not describes_row(name)


@pytest.mark.parametrize(
    ("prefix", "told"),
    [
        ("f", "of embedding 'f'"),
        ("feature_", "of embedding 'feature'"),
        ("efficientnet_", "of embedding 'efficientnet'"),
        ("dinov2_", "of embedding 'dinov2'"),
        ("z", "of embedding 'z'"),
        ("cell_", "of embedding 'cell'"),
        ("", "of a numbered embedding"),
        ("cnn__all__000", "of embedding 'cnn'"),
    ],
)
def test_embeddings_of_any_prefix_beside_columns_of_position_and_dose(prefix, told):
    columns = embedding(prefix, 10)
    frame = wells(row=np.arange(96) // 12 + 1.0, col=1.5, dose=0.1, **columns)
    found = recognise(frame, source="t")
    assert found.names == list(columns)
    assert [family.name for family in found.families] == [told]
    assert found.used_line().startswith(f"10 features: 10 {told} (such as {prefix}0, {prefix}1)")
    line = "numeric columns not used: 3 (row, col, dose: describing the row)"
    assert found.unused_line() == line


def test_columns_numbered_under_a_word_for_place_or_dose_are_no_embedding():
    frame = wells(**embedding("dose_"), **embedding("rep"), **numbers("alpha"))
    found = recognise(frame, source="t")
    assert found.names == ["alpha"]
    assert found.unused_line().startswith("numeric columns not used: 32 (dose_0, dose_1, dose_2, ")


def test_an_embedding_may_hold_a_column_of_whole_numbers_and_one_of_text_is_named():
    frame = wells(**embedding("f")).assign(f3=0)
    assert len(recognise(frame, source="t").names) == 16
    with pytest.raises(InputError, match=r"t: 1 feature column.*such as f5 with 'n\.d\.'"):
        recognise(frame.assign(f5="n.d."), source="t")


def test_a_row_a_feature_is_refused_with_what_to_do():
    frame = wells(**numbers("alpha", "beta"))
    kept = [name for name in frame if name not in ("alpha", "beta")]
    for called in ("feature", "Metadata_Parameter", "variable"):
        long = frame.melt(id_vars=kept, var_name=called)
        with pytest.raises(InputError, match=f"a row a feature: '{called}' names it, 'value' ho"):
            recognise(long, source="t")


def test_words_under_the_name_of_a_measurement_are_left_out_and_told():
    frame = wells(**numbers(*CELLS)).assign(Cells_Classify_Phase="G1")
    found = recognise(frame, source="t")
    assert "Cells_Classify_Phase" not in found.names
    assert found.unused_line() == "columns not used: 1 (Cells_Classify_Phase: words, no numbers)"
    frame[CELLS[0]] = ["<LOD", *range(len(frame) - 1)]
    with pytest.raises(InputError, match=rf"'<LOD'. Leave that cell.*{CELLS[0]}"):
        recognise(frame, source="t")


def test_measurements_and_what_is_beside_them():
    frame = wells(
        **numbers(*CELLS, "Cell_Body_AreaShape_Area", "Cells_Mean_Nucleoli_AreaShape_Area"),
        **numbers("Cells_Number_Object_Number", "Custom_7", "Row", "Cells_Own_1", "Cells_Own_2"),
    )
    found = recognise(frame, source="t")
    assert found.lines() == [
        "5 features: 5 CellProfiler-type (Cell_Body, Cells, Cells_Mean_Nucleoli, Nuclei; such as "
        "Cells_AreaShape_Area, Cells_Intensity_MeanIntensity_DNA)",
        "numeric columns not used: 5 (Row: describing the row; Cells_Number_Object_Number: numbers "
        "of objects, or places in the image; Custom_7, Cells_Own_1, Cells_Own_2: names of no form "
        "that is known)",
    ]


def test_what_is_named_after_a_measured_object_is_no_embedding():
    columns = {name.replace("bin", "Cells_Bin_"): v for name, v in embedding("bin", 20).items()}
    found = recognise(wells(**numbers(*CELLS), **columns), source="t")
    assert found.names == list(CELLS)
    assert "numeric columns not used: 20 (Cells_Bin_0, " in found.unused_line()


def test_columns_numbered_per_compartment_are_one_table_s():
    names = [f"{part}_Simulated_{i:04d}" for i in range(20) for part in ("Cells", "Nuclei")]
    found = recognise(wells(**numbers(*names)), source="t")
    assert found.names == names
    assert found.used_line() == (
        "40 features: 40 CellProfiler-type (Cells, Nuclei; such as Cells_Simulated_0000, "
        "Cells_Simulated_0001)"
    )
    assert recognise(wells(**numbers(*names)), features="Nuclei", source="t").names == names[1::2]


MIXED = wells(**numbers(*CELLS), **embedding("emb_"), **embedding("12b_"))


def test_two_families_are_refused_until_one_is_named():
    with pytest.raises(InputError) as refused:
        recognise(MIXED, source="p.csv")
    line = str(refused.value)
    assert "\n" not in line
    assert line.startswith("p.csv holds 3 families of features")
    for part in (
        "3 CellProfiler-type (Cells, Nuclei;", "16 of embedding 'emb'", "16 of embedding '12b'",
        "features='cellprofiler' or features='emb_' or features='12b_'",
    ):  # fmt: skip
        assert part in line
    assert recognise(MIXED, features="cellprofiler", source="t").names == list(CELLS)
    assert recognise(MIXED, features="emb", source="t").names == list(embedding("emb_"))
    both = recognise(MIXED, features=["12b_", "emb_"], source="t")
    assert len(both.names) == 32
    assert "16 of embedding 'emb' (such as emb_0, emb_1) and 16 of embedding '12b'" in str(
        both.used_line()
    )
    assert both.unused_line() == (
        "numeric columns not used: 3 (Cells_AreaShape_Area, Cells_Intensity_MeanIntensity_DNA, "
        "Nuclei_AreaShape_Area: not named)"
    )


def test_a_bare_numbered_embedding_beside_measurements_can_be_named():
    frame = wells(**numbers(*CELLS), **embedding(""))
    with pytest.raises(InputError, match="features='cellprofiler' or features='numbered'"):
        recognise(frame, source="t")
    assert recognise(frame, features="numbered", source="t").names == [str(i) for i in range(16)]


def test_the_blocks_of_a_study_s_fusion_are_one_family():
    measured = {f"cellprofiler__{name}": v for name, v in numbers(*CELLS).items()}
    learned = numbers(*(f"cnn__cnn__all__{i:04d}" for i in range(1, 9)))
    found = recognise(wells(**measured, **learned), source="t")
    assert len(found.names) == 11
    only = recognise(wells(**measured, **learned), features="cnn", source="t")
    assert only.names == list(learned)


def test_several_files_of_different_families_are_refused(tmp_path):
    wells(**numbers(*CELLS)).to_csv(tmp_path / "p1.csv", index=False)
    wells(**embedding("f")).assign(Metadata_Plate="P2").to_csv(tmp_path / "p2.csv", index=False)
    with pytest.raises(InputError, match=r"p1\.csv and 1 more holds 2 families.*16 of embedding"):
        open_table(str(tmp_path / "p*.csv"))


def test_numbers_without_a_known_name_are_judged_by_what_they_hold():
    row = np.repeat(np.arange(8), 12)
    frame = wells(
        **numbers("alpha", "beta"),
        first=np.arange(96) + 7,
        down=20 - row,
        across=np.tile(np.arange(12), 8) * 1.0,
        always=4,
        levels=np.random.default_rng(1).integers(0, 5, 96),
        flag=np.arange(96) % 2 == 0,
    )
    found = recognise(frame, source="t")
    assert found.names == ["alpha", "beta", "levels"]
    assert found.used_line() == "3 features: 3 numeric columns (such as alpha, beta)"
    assert found.unused_line() == (
        "numeric columns not used: 4 (first, down, across, ...: whole numbers that stay the same, "
        "number the rows or follow the plate)"
    )


def test_nearly_all_wells_on_a_line_are_enough():
    place = np.tile(np.arange(12), 8)
    frame = wells(
        **numbers("alpha"), nearly=np.where(np.arange(96) < 3, 50, place), other=place % 5
    )
    assert recognise(frame, source="t").names == ["alpha", "other"]


def test_few_rows_say_nothing_by_their_values():
    frame = pd.DataFrame({"alpha": [1.0], "beta": [2], "Metadata_Well": ["A01"], "note": ["x"]})
    assert recognise(frame, source="t").names == ["alpha", "beta"]


HARMONY = (
    "Nuclei - Nucleus Area [µm²] - Mean per Well", "Nuclei - Nucleus Roundness - StdDev per Well",
    "Cells - Spots - Number of Spots - Mean per Well",
)  # fmt: skip


def test_harmony_s_measured_columns():
    told = ("Nuclei - Number of Objects", "Number of Analyzed Fields", "Height [µm]", "Time [s]")
    frame = wells(**numbers(*HARMONY, *told, "Row", "Plane", "Concentration", "Percent Positive"))
    found = recognise(frame, source="t")
    assert found.names == list(HARMONY)
    assert found.families[0].key == "harmony"
    assert set(found.unused["row"]) == {
        "Nuclei - Number of Objects", "Number of Analyzed Fields", "Time [s]", "Row", "Plane",
        "Concentration",
    }  # fmt: skip
    assert recognise(frame, features="harmony", source="t").names == list(HARMONY)


def test_a_prefix_takes_no_column_that_describes_the_row():
    frame = wells(**numbers(*CELLS, "Cells_Number_Object_Number", "Cells_Count"))
    assert recognise(frame, features="Cells", source="t").names == list(CELLS[:2])
    assert recognise(frame, features="Cells_Count", source="t").names == ["Cells_Count"]


def test_a_prefix_takes_numbered_columns_only():
    frame = pd.DataFrame({"f0": [1.0], "f1": [2.0], "field": [3.0], "Metadata_Plate": ["P"]})
    assert recognise(frame, features="f", source="t").names == ["f0", "f1"]


def test_a_prefix_nobody_has_is_named():
    with pytest.raises(InputError, match=r"no columns with the prefix 'z'"):
        recognise(pd.DataFrame({"f0": [1.0]}), features="z", source="t")


def test_a_table_of_descriptions_alone_has_no_features():
    with pytest.raises(InputError, match="t has no columns of features; it has Metadata_Plate"):
        recognise(wells(dose=0.1, n_cells=np.arange(96) * 3.7), source="t")


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["row", "Col", "dose_uM", "Time [h]", "rep", "n_cells", "f0", "f1", "alpha", *CELLS]
        ),
        unique=True,
        min_size=1,
    )
)
def test_every_numeric_column_is_used_or_told(names):
    frame = wells(**numbers(*names))
    try:
        found = recognise(frame, source="t")
    except InputError:
        assert not {"f0", "f1", "alpha", *CELLS} & set(names)
        return
    unused = [name for names in found.unused.values() for name in names]
    assert sorted([*found.names, *unused]) == sorted(names)
    assert not {"row", "Col", "dose_uM", "Time [h]", "rep", "n_cells"} & set(found.names)
    assert [n for n in names if n in set(found.names)] == found.names


def test_families_of_a_head_with_repeated_and_numbered_names():
    frame = pd.DataFrame(np.zeros((2, 3)), columns=["Cells_AreaShape_Area", 5, 5])
    assert [family.key for family in find_families(frame)] == ["cellprofiler"]


def test_every_jump_feature_is_known(real_data):
    path = real_data("reference") / "jump_cpg0016_feature_names.txt"
    names = path.read_text(encoding="utf-8").split()
    found = recognise(pd.DataFrame(np.zeros((1, len(names))), columns=names), source="t")
    (numbers_and_places,) = found.unused.values()  # 14 of 3,672
    assert found.names == [name for name in names if name not in numbers_and_places]
    assert "Nuclei_Location_Center_X" in numbers_and_places
    assert found.used_line().startswith(
        "3,658 features: 3,658 CellProfiler-type (Cells, Cytoplasm, Nuclei; such as "
    )
