"""Names of images as they stand in public repositories: each is one instrument's and no other's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.io.formats.base import image_format, image_formats
from phenolens.io.formats.incucyte import Incucyte
from phenolens.io.formats.instrument import Instrument
from phenolens.profiles import well_name

GUID = "1E78EB12-BD0D-4D94-A6AD-3FF28BB1B105"
NAMES = {
    "imagexpress": [
        # fmi-faim/faim-ipa, resources/ImageXpress
        ("Projection-Mix/2023-02-21/1334/Projection-Mix_E07_s1_w2B14915F6-0679-4494-82D1-"
         "F80894B32A66.tif", "Projection-Mix E07 1 2"),
        ("Projection-Mix/2023-02-21/1334/ZStep_10/Projection-Mix_E08_s2_w1E84FADEE-6DCE-4646-8329-"
         "F841B2D45415.tif", "Projection-Mix E08 2 1 z10"),
        ("1well-3C-2S-Zmix-T/2024-04-22/1697/TimePoint_2/1well-3C-2S-Zmix-T_C07_s1_w1401562CF-BD52-"
         "4C90-A944-83185F26B372.tif", "1well-3C-2S-Zmix-T C07 1 1 t2"),
        # fmi-faim/faim-ipa, issue 89: no wavelength, the unique identifier behind the site
        ("240124d3_B05_s22A31C13E-3314-476F-B62C-5CDC65915F2B.tif", "240124d3 B05 2 1"),
        ("240124d3_D05_s2866465035-BBD2-4C57-BF9C-185859741902.tif", "240124d3 D05 28 1"),
        # CellProfiler, issue 505
        ("ABCD/2013-03-12/38030/ABCD_A01_w5b71ae91c-75e6-426c-8b41-71a5693784e3.tif",
         "ABCD A01 1 5"),
        # IDR, by openreadout's notes
        ("idr0081/BSF018292-1A_A01_w1.TIF", "BSF018292-1A A01 1 1"),
        (f"idr0005/Primary_A01_s1_[{GUID}].tif", "Primary A01 1 1"),
        # Cell Painting Gallery: cpg0012 and cpg0016 source 8
        ("taoe005-u2os-72h-cp-a-au00044858_a01_s1_w12ae74f91-3a4f-4e9a-9f54-8a2ac3b1ff4c.tif",
         "taoe005-u2os-72h-cp-a-au00044858 A01 1 1"),
        ("A1170383/HTS_A01_s2_w5c3d1b3ae-75e6-426c-8b41-71a5693784e3.tif", "HTS A01 2 5"),
        # wrmXpress
        ("20220527-p02-KTR_744/TimePoint_1/20220527-p02-KTR_A01.TIF",
         "20220527-p02-KTR A01 1 1 t1"),
        # ezstitcher; IN Carta's exports; HCS.ai
        ("plate/TimePoint_1/A01_s1_w1_z1.tif", "plate A01 1 1 t1 z1"),
        ("Plate 1/t1_E03_s1_w1_z1.tif", "Plate 1 E03 1 1 t1 z1"),
        ("run/experiment/timepoint0/Project_t0_AA01_s0_w0_z0.tif", "Project AA01 0 0 t0 z0"),
    ],
    "incell": [
        # CellProfiler, issue 3725
        ("P/A - 01(fld 2 wv Blue - FITC).tif", "P A01 2 Blue - FITC"),
        ("P/A - 01(fld 1 wv UV - DAPI z 3 time 2 - 2636ms).tif", "P A01 1 UV - DAPI t2 z3"),
        ("P/A - 13(fld 2).tif", "P A13 2 1"),
        ("P/A_01_f2_c1_xUV_mDAPI_z3_t2.tif", "P A01 2 UV - DAPI wix 1 t2 z3"),
        # Bio-Formats; readers and macros of several laboratories
        ("P/A - 1(fld 1 wv DAPI - DAPI).tif", "P A01 1 DAPI - DAPI"),
        ("P/C - 04(fld 001 wv DAPI - DAPI).tif", "P C04 1 DAPI - DAPI"),
        ("P/F - 001(fld 01 wv TL-Brightfield - DAPI).tif", "P F01 1 TL-Brightfield - DAPI"),
        ("P/Plate1_HA41_B - 01(fld 01 wv 390 - Blue).tif", "Plate1_HA41 B01 1 390 - Blue"),
        ("P/20180328_TestAbs_G - 8(fld 4 wv Red - Cy5).tif", "20180328_TestAbs G08 4 Red - Cy5"),
        ("P/A - 01(fld 1 wv Green - dsRed z 3).tif", "P A01 1 Green - dsRed z3"),
        ("P/B - 02(fld 01 wv Blue - FITC - time 01 - 0 ms).tif", "P B02 1 Blue - FITC t1"),
        ("P/B - 4(fld 1 wv Cy3 - Cy3- time 2 - 600000 ms).tif", "P B04 1 Cy3 - Cy3 t2"),
        ("P/H - 12(fld 1 z 1- time 1 - 0 ms).tif", "P H12 1 1 t1 z1"),
        ("P/N - 6(fld 1- time 1 - 22858 ms).tif", "P N06 1 1 t1"),
        ("P/B - 02(fld 01 wv Cy5 - Cy5 wix 8).tif", "P B02 1 Cy5 - Cy5 wix 8"),
        ("P/C_13_fld_2_wv_405_Blue.tif", "P C13 2 405_Blue"),
    ],
    "scanr": [
        ("chr/plate1_1_013/data/--W00088--P00001--Z00000--T00000--nucleus-dapi.tif",
         "plate1_1_013 #88 1 nucleus-dapi t0 z0"),
        ("P/data/B2--W00026--P00001--Z00000--T00000--dapi.tif", "P B02 1 dapi t0 z0"),
        ("P/C5--W00053--P00002--Z00001--T00003--Alexa 647.tif", "P C05 2 Alexa 647 t3 z1"),
        ("P/data/ATR2_24h--W00044--P00021--Z00000--T00000--DAPI.tif", "P #44 21 DAPI t0 z0"),
    ],
    "gen5": [
        # glencoesoftware/bioformats2raw, its tests of real names
        ("P/A1_-1_1_1_Tsf[Phase Contrast]_001.tif", "P A01 1 Tsf[Phase Contrast] t1"),
        ("P/A1_01_1_9_Phase Contrast_001.tif", "P A01 9 Phase Contrast t1"),
        ("P/P24_1_Bright Field_1_001_02.tif", "P P24 1 Bright Field t1"),
        ("P/A1_1_Stitched[AandB_Phase Contrast]_1_001_-1.tif",
         "P A01 1 Stitched[AandB_Phase Contrast] t1"),
        ("P/A1_1Z4_DAPI_1_001_.tif", "P A01 1 DAPI t1 z4"),
        ("P/B2/B2_1_Bright Field_1_001_02.tif", "P B02 1 Bright Field t1"),
        ("P/ID_A10 info/A10_-1_2_1_GFP_001.tif", "P A10 1 GFP t1"),
        ("P/A1ROI2_01_1_2Z0_Confocal RFP_001.tif", "P A01 2-2 Confocal RFP t1 z0"),
        ("P/D8_-2_1_1_Stitched[Comet23jan19 Etopo2.5_GFP 469,525]_001.tif",
         "P D08 1 Stitched[Comet23jan19 Etopo2.5_GFP 469,525] t1"),
        ("240725_174439_Plate 1/F2_03_1_1Z0_Bright Field_002.tif",
         "240725_174439_Plate 1 F02 1 Bright Field t2 z0"),
    ],
    "cellinsight": [
        ("MFGTMP_140206180002/MFGTMP_140206180002_A01f00d0.TIF", "MFGTMP_140206180002 A01 0 0"),
        # CellProfiler's ExampleHuman; others
        ("AS_09125_050116030001_D03f00d2.tif", "AS_09125_050116030001 D03 0 2"),
        ("MDPC501_191112140001_A01f00d0.TIFF", "MDPC501_191112140001 A01 0 0"),
        ("plate1i3t001E01f08d0.TIF", "plate1 E01 8 0 t1"),
        ("scan_R_p1_z1_0_E01f09d0.tif", "scan_R_p1_z1_0 E01 9 0"),
    ],
    "incucyte": [
        ("phase/VID1630_A1_1_00d00h00m.tif", "VID1630 A01 1 phase t0"),
        ("R2_MDF_green_B2_1_00d03h30m.tif", "R2_MDF B02 1 green t210"),
        ("raw/greenCalibrated_B2_1_2024y03m05d_10h45m.tif",
         "raw B02 1 greenCalibrated t202403051045"),
        ("data/phase/B10_1_01d03h00m.tif", "data B10 1 phase t1620"),
        ("EssenFiles/ScanData/2505/16/1130/1234/A1-1-Ph.tif", "1234 A01 1 Ph t202505161130"),
    ],
    "pathway": [
        ("exp 328/2009-09-21_000/Well A001/Alexa 488 - n000000.tif",
         "2009-09-21_000 A01 1 Alexa 488 z0"),
        ("2012-02-09_000/Well H12/GFP - Confocal - n000003.tif", "2012-02-09_000 H12 1 GFP z3"),
    ],
    "phenix": [
        ("BR00116991/Images/r01c01f01p01-ch1sk1fk1fl1.tiff", "BR00116991 A01 1 1 t1 z1"),
    ],
}  # fmt: skip
EVERY = [(name, path, said) for name, known in NAMES.items() for path, said in known]
OTHERS = [
    "P1_A01.tif", "cells.tif", "A01.tif", "B02_DAPI.tif", "P1_A01_T0001F001L01A01Z01C01.tif",
    "A01_s1--cell_outlines.png", "overlay_C05.png", "Plate_1_1.png", "s_C001.tif", "img_000.tif",
    "P1_Z99_s1_w1.tif", "P1_A00_s1_w1.tif", "W0001F0001T0001Z001C1.tif",
    "A - 99(fld 1 wv a - b).tif",
]  # fmt: skip


def by_name() -> list[Instrument]:
    """All formats, of whoever, that tell images by their names."""
    instruments = [one for one in image_formats() if isinstance(one, Instrument)]
    return [one for one in instruments if type(one).place is not Instrument.place]


def told(place: dict) -> str:
    parts = [place[key] for key in ("plate", "well", "site", "channel")]
    parts += [f"{key[0]}{place[key]}" for key in ("timepoint",) if key in place]
    parts += [f"z{place[key]}" for key in ("plane",) if key in place]
    return " ".join(map(str, parts))


@pytest.mark.parametrize(("name", "path", "said"), EVERY)
def test_a_name_says_what_its_instrument_meant(name, path, said):
    assert told(image_format(name).place(Path("screen") / path)) == said


@pytest.mark.parametrize(("name", "path", "said"), EVERY)
def test_no_other_format_claims_a_name(name, path, said):
    del said
    claimed = [one.name for one in by_name() if one.place(Path("screen") / path) is not None]
    assert claimed == [name]


@pytest.mark.parametrize("path", OTHERS)
def test_names_of_no_instrument_here(path):
    here = [image_format(name) for name in NAMES]
    assert [one.name for one in here if one.place(Path("screen") / path) is not None] == []


@given(
    known=st.sampled_from([path for _, path, _ in EVERY]),
    at=st.integers(0, 200),
    put=st.text("aAcC0139_-. ()#\\Zµ", max_size=4),
    take=st.integers(0, 4),
)
def test_names_a_little_off_are_read_or_left(known, at, put, take):
    at = min(at, len(known))
    path = Path("screen") / (known[:at] + put + known[at + take :])
    for one in by_name():
        place = one.place(path)
        if place is not None and not place["well"].startswith("#"):
            assert place["well"] == well_name(place["well"]) and place["channel"]


def test_a_name_that_is_no_well_is_no_image_of_the_archive():
    folder = Path("/archive/2024/01/0101/7")
    assert Incucyte().place(folder / "A01-1-C1.tif")["well"] == "A01"
    assert Incucyte().place(folder / "A99-1-C1.tif") is None
