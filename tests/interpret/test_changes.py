"""Groups of features: what they are of, which way they changed, and what is only chance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phenolens import profiles
from phenolens.interpret.changes import group_changes, pooled_changes
from phenolens.interpret.properties import GROUP, PROPERTIES, feature_properties
from phenolens.measure.names import feature_names
from phenolens.words import changes as words

NAMES = [
    "Nuclei_AreaShape_Area", "Nuclei_AreaShape_Perimeter", "Nuclei_AreaShape_Zernike_2_2",
    "Cells_Intensity_MeanIntensity_Mito", "Cells_Intensity_MaxIntensity_Mito",
    "Cytoplasm_Texture_Contrast_ER_3_00_256", "Cytoplasm_Texture_AngularSecondMoment_ER_3_00_256",
    "Cells_Neighbors_FirstClosestDistance_5", "Nuclei_AreaShape_Center_X",
    "Cells_Number_Object_Number", "embedding_7",
]  # fmt: skip
JUMP = Path(__file__).resolve().parents[2].parent / "shared/data/reference"


def screen(
    shifts: dict[str, dict[str, float]],
    *,
    plates: int = 3,
    seed: int = 0,
    names: list[str] = NAMES,
) -> pd.DataFrame:
    """Two wells of each treatment and twelve controls a plate, in standard deviations."""
    rng = np.random.default_rng(seed)
    rows = []
    for plate in range(plates):
        for number, name in enumerate(["DMSO"] * 12 + [n for n in shifts for _ in range(2)]):
            values = dict(zip(names, rng.normal(size=len(names)) + plate, strict=True))
            for feature, shift in shifts.get(name, {}).items():
                values[feature] += shift
            rows.append(
                {"Metadata_Plate": f"P{plate}", "Metadata_Well": f"A{number + 1:02d}",
                 "Metadata_Treatment": name, "Metadata_Control": name == "DMSO"} | values
            )  # fmt: skip
    return profiles.from_frame(pd.DataFrame(rows), features=names)


def changed(table: pd.DataFrame, **options: int) -> pd.DataFrame:
    return group_changes(table, profiles.is_control(table), **options).table


def test_signs_are_those_of_the_property():
    named = feature_properties(NAMES).set_index("feature")
    assert named.loc["Cells_Neighbors_FirstClosestDistance_5", "weight"] == -1.0
    assert named.loc["Cytoplasm_Texture_AngularSecondMoment_ER_3_00_256", "weight"] == -1.0
    assert named.loc["Nuclei_AreaShape_Zernike_2_2", "property"] == "outline"
    assert named["why"].tolist()[-3:] == ["position", "bookkeeping", "not-cellprofiler"]


def test_a_spectrum_rises_where_it_moves_to_larger_grains_and_to_the_edge():
    names = [f"Cells_Granularity_{scale}_ER" for scale in (1, 2, 4)]
    names += [f"Cells_RadialDistribution_FracAtD_ER_{ring}of4" for ring in (1, 2, 3, 4)]
    weights = feature_properties(names)["weight"].to_numpy()
    np.testing.assert_allclose(weights[:3], [-1.5, 0, 1.5])
    assert (np.diff(weights[3:]) > 0).all()
    assert abs(weights[3:].sum()) < 1e-12
    alone = feature_properties(["Cells_Granularity_3_ER"])
    assert alone["weight"].tolist() == [0.0]


def test_every_feature_that_is_measured_here_has_a_property_that_has_words():
    named = feature_properties(feature_names(["DNA", "Mito"]))
    used = named[named["why"] == ""]
    assert set(named["why"]) == {"", "position"}
    assert set(used["property"]) <= set(words.PROPERTIES)
    assert {name for _, _, name, _ in PROPERTIES} == set(words.PROPERTIES)
    assert set(used.loc[used["family"] == "ObjectSkeleton", "stain"]) <= {"Mito"}


@pytest.mark.skipif(not JUMP.is_dir(), reason=f"{JUMP} is not there")
def test_the_names_of_production_profiles_are_known():
    listed = (JUMP / "jump_cpg0016_feature_names.txt").read_text().split()
    named = feature_properties(listed)
    assert (named["why"] == "not-cellprofiler").sum() == 0
    assert set(named.loc[named["why"] == "", "property"]) <= set(words.PROPERTIES)


@settings(max_examples=30)
@given(st.lists(st.text(max_size=40), max_size=8))
def test_any_text_is_a_name_or_set_aside(names):
    named = feature_properties(names)
    assert named["feature"].tolist() == names
    assert ((named["why"] != "") | (named["property"] != "")).all()


def test_a_planted_change_comes_first_with_its_direction():
    shifts = {
        "large": {"Nuclei_AreaShape_Area": 4, "Nuclei_AreaShape_Perimeter": 4},
        "smooth": {
            "Cytoplasm_Texture_Contrast_ER_3_00_256": -4,
            "Cytoplasm_Texture_AngularSecondMoment_ER_3_00_256": 4,
        },
        "sparse": {"Cells_Neighbors_FirstClosestDistance_5": 5},
        "outline": {"Nuclei_AreaShape_Zernike_2_2": 5},
        "nothing": {},
    }
    found = changed(screen(shifts))
    first = found[found["rank"] == 1].set_index("Metadata_Treatment")
    told = {name: words.how(row["property"], row["direction"]) for name, row in first.iterrows()
            if row["direction"]}  # fmt: skip
    assert told == {
        "large": "larger", "smooth": "texture smoother", "sparse": "sparser",
        "outline": "outline changed",
    }  # fmt: skip
    sizes = found[(found["property"] == "size") & (found["Metadata_Treatment"] == "large")]
    assert sizes["low"].item() < 3.7 < sizes["high"].item()
    assert sizes["effect"].item() > 3


def test_a_change_all_over_the_cell_is_named_after_the_cell_and_one_of_nuclei_after_them():
    names = ["MeanIntensity_Mito", "MaxIntensity_Mito"]
    everywhere = {f"Nuclei_Intensity_{name}": 4.4 for name in names}
    everywhere |= {f"Cells_Intensity_{name}": 4.0 for name in names}
    nuclei = {name: size * (1.5 if name.startswith("Nuclei") else 0.4)
              for name, size in everywhere.items()}  # fmt: skip
    table = screen({"everywhere": everywhere, "nuclei": nuclei}, names=[*everywhere])
    first = changed(table).query("rank == 1").set_index("Metadata_Treatment")["compartment"]
    assert first.to_dict() == {"everywhere": "Cells", "nuclei": "Nuclei"}


def test_one_group_in_twenty_treatments_is_called_by_chance():
    shifts = {f"t{number:03d}": {} for number in range(150)}
    found = changed(screen(shifts, plates=2, seed=5), permutations=200)
    wrong = found.groupby("Metadata_Treatment")["p_adjusted"].min() < 0.05
    assert 0.01 <= wrong.mean() <= 0.10
    covers = (found["low"] <= 0) & (found["high"] >= 0)
    assert 0.92 <= covers[found["directed"] > 0].mean() <= 0.98


def test_plates_are_compared_with_their_own_controls():
    """A plate shifted as a whole changes no effect but by what large values are drawn in."""
    table = screen({"large": {"Nuclei_AreaShape_Area": 2}})
    shifted = table + 0.5 * (profiles.column(table, "Metadata_Plate") == "P1")[:, None]
    one, two = (changed(t).set_index(GROUP)["effect"].sort_index() for t in (table, shifted))
    assert not table.equals(shifted)
    np.testing.assert_allclose(one, two, atol=0.1)


def test_what_lacks_a_value_is_left_out_and_counted():
    table = screen({"large": {"Nuclei_AreaShape_Area": 4}, "other": {}})
    own = profiles.column(table, "Metadata_Treatment") == "large"
    table.iloc[np.flatnonzero(own)[0], NAMES.index("Nuclei_AreaShape_Perimeter")] = np.nan
    table["Cells_AreaShape_EulerNumber"] = np.float32(1)
    found = group_changes(table, profiles.is_control(table))
    size = found.table[found.table["property"] == "size"].set_index("Metadata_Treatment")
    assert size["features"].to_dict() == {"large": 1, "other": 2}
    assert found.unmeasured == 1
    assert {why: len(names) for why, names in found.aside.items()} == {
        "position": 1, "bookkeeping": 1, "not-cellprofiler": 1, "constant": 1,
    }  # fmt: skip


def test_one_well_has_an_effect_but_no_interval():
    table = screen({"large": {"Nuclei_AreaShape_Area": 4}}, plates=1).iloc[:-1]
    found = changed(table)
    assert set(found["note"]) == {"one-well-only"}
    assert found["low"].isna().all()
    assert found["p_attainable"].iloc[0] == pytest.approx(1 / 13)
    assert set(found["direction"]) == {""}


def test_wells_without_controls_beside_them_are_counted():
    table = screen({"large": {}}, plates=2)
    references = profiles.is_control(table) & (profiles.column(table, "Metadata_Plate") == "P0")
    found = group_changes(table, references)
    assert found.wells_left_out == 2
    assert set(found.table["n"]) == {2}
    nothing = group_changes(table, np.zeros(len(table), dtype=bool))
    assert len(nothing.table) == 0


def test_a_cluster_is_told_by_what_its_treatments_share():
    shift = {"Nuclei_AreaShape_Area": 5.0, "Nuclei_AreaShape_Perimeter": 5.0}
    others = {"Cells_Intensity_MeanIntensity_Mito": 6.0, "Cells_Intensity_MaxIntensity_Mito": 6.0}
    found = changed(screen({"a": shift, "b": shift, "c": shift | others, "d": {}}))
    pools = pd.Series({"a": 1, "b": 1, "c": 1, "d": 2})
    told = pooled_changes(found, pools)
    first = told[(told["pool"] == 1) & (told["direction"] != "")]
    assert first[["property", "direction", "n"]].values.tolist() == [["size", "more", 3]]
    assert set(told.loc[told["pool"] == 2, "n"]) == {1}
    assert told.loc[told["pool"] == 2, "low"].isna().all()
