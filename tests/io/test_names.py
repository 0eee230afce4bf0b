"""Feature names taken apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.io.names import parse_feature

STAINS = ["DNA", "ER", "RNA", "AGP", "Mito", "CorrTub", "mito_tubeness", "Brightfield_H"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Cells_AreaShape_Area", ("Cells", "AreaShape", "", "")),
        ("Nuclei_Correlation_RWC_AGP_DNA", ("Nuclei", "Correlation", "AGP", "DNA")),
        ("Cytoplasm_Texture_InfoMeas1_DAPI_3_02_256", ("Cytoplasm", "Texture", "DAPI", "")),
        ("Cytoplasm_Granularity_2_DAPI", ("Cytoplasm", "Granularity", "DAPI", "")),
        ("Cells_RadialDistribution_FracAtD_ER_1of4", ("Cells", "RadialDistribution", "ER", "")),
        (
            "Cells_RadialDistribution_ZernikeMagnitude_DNA_4_2",
            ("Cells", "RadialDistribution", "DNA", ""),
        ),
        (
            "Cytoplasm_RadialDistribution_RadialCV_mito_tubeness_15of20",
            ("Cytoplasm", "RadialDistribution", "mito_tubeness", ""),
        ),
        ("Nuclei_Intensity_MassDisplacement_Mito", ("Nuclei", "Intensity", "Mito", "")),
        ("Nuclei_Location_CenterMassIntensity_X_RNA", ("Nuclei", "Location", "RNA", "")),
        ("Cells_Neighbors_NumberOfNeighbors_5", ("Cells", "Neighbors", "", "")),
        ("cnn__DNA__0001", ("", "cnn", "DNA", "")),
        ("cnn__all__0001", ("", "cnn", "", "")),
        ("f12", ("", "", "", "")),
        ("", ("", "", "", "")),
    ],
)
def test_known_names(name, parts):
    assert tuple(parse_feature(name)) == parts


@given(first=st.sampled_from(STAINS), second=st.sampled_from(STAINS[:6] + STAINS[7:]))
def test_two_stains_are_told_apart(first, second):
    if first != "mito_tubeness":
        parsed = parse_feature(f"Cells_Correlation_Manders_{first}_{second}")
        assert (parsed.channel, parsed.channel_2) == (first, second)
        assert parsed.n_channels == 2


@given(
    stain=st.sampled_from(STAINS), scale=st.integers(1, 30), angle=st.integers(0, 3),
    measure=st.sampled_from(["Contrast", "InfoMeas1", "SumAverage"]),
)  # fmt: skip
def test_textures_of_any_stain(stain, scale, angle, measure):
    name = f"Nuclei_Texture_{measure}_{stain}_{scale}_{angle:02d}_256"
    assert parse_feature(name).channel == stain


@given(st.text(max_size=40))
def test_any_text_is_taken(text):
    assert len(parse_feature(text)) == 4


def test_every_jump_feature_has_compartment_and_family(real_data):
    path = real_data("reference") / "jump_cpg0016_feature_names.txt"
    names = path.read_text(encoding="utf-8").split()
    parsed = [parse_feature(name) for name in names]
    assert len(parsed) == 3672
    assert {part.compartment for part in parsed} == {"Cells", "Cytoplasm", "Nuclei"}
    assert {part.channel for part in parsed} == {
        "", "DNA", "ER", "RNA", "AGP", "Mito", "mito_tubeness",
    }  # fmt: skip
