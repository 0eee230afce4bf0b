"""Descriptions beside the images of a plate, as instruments and their exports write them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.io.instruments.plate_descriptions import (
    pixel_size,
    read_htd,
    read_jdce,
    read_scanr,
    read_xdce,
)

# Keys and order as in the .HTD of IDR's plates; names of wavelengths as of an ImageXpress Micro.
HTD = """"HTSInfoFile", Version 1.0
"Description", "Cell Painting \xb5M"
"PlateType", 6
"TimePoints", 1
"ZSeries", FALSE
"ZSteps", 1
"ZProjection", FALSE
"XWells", 4
"YWells", 3
"WellsSelection1", TRUE, TRUE, FALSE, FALSE
"WellsSelection2", FALSE, TRUE, FALSE, FALSE
"WellsSelection3", FALSE, FALSE, FALSE, FALSE
"Sites", TRUE
"XSites", 3
"YSites", 2
"SiteSelection1", TRUE, FALSE, TRUE
"SiteSelection2", FALSE, FALSE, TRUE
"Waves", TRUE
"NWavelengths", 3
"WaveName1", "DAPI"
"WaveName2", "FITC, long pass"
"WaveName3", "Cy5"
"WaveCollect1", 1
"WaveCollect2", 1
"WaveCollect3", 0
"UniquePlateIdentifier", "20150520-1"
"EndFile"
"""
XDCE = """<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>
<ImageStack>
 <Application name="IN Cell Analyzer 2000" software_version="3.0.0.5"/>
 <AutoLeadAcquisitionProtocol name="20x" version="99.9">
  <ObjectiveCalibration magnification="20.0" pixel_width="0.3250" unit="\xb5m"/>
  <Plate columns="12" name="96 Greiner" rows="8"/>
  <Wavelengths><Wavelength fusion_wave="false" index="0">
   <ExcitationFilter name="DAPI" wavelength="350"/><EmissionFilter name="DAPI" wavelength="455"/>
  </Wavelength></Wavelengths>
 </AutoLeadAcquisitionProtocol>
 <Images number="2">
  <Image acquisition_time_ms="0" filename="A - 1(fld 2 wv DAPI - DAPI).tif" thumbnail="t.jpg">
   <Well label="A - 1"><Row number="1"/><Column number="1"/></Well>
   <ExcitationFilter name="DAPI"/><EmissionFilter name="DAPI"/>
   <Identifier field_index="1" time_index="0" wave_index="0" z_index="0"/>
  </Image>
  <Image acquisition_time_ms="9" filename="B - 12(fld 1 wv Blue - FITC).tif" thumbnail="t.jpg">
   <Well label="B - 12"><Row number="2"/><Column number="12"/></Well>
   <ExcitationFilter name="Blue"/><EmissionFilter name="FITC"/>
   <Identifier field_index="0" time_index="2" wave_index="1" z_index="1"/>
  </Image>
 </Images>
</ImageStack>
"""
# LabVIEW's names and values, as Bio-Formats reads them from descriptors of ScanR.
SCANR = """<?xml version="1.0"?>
<Cluster><Name>experiment</Name><NumElts>3</NumElts>
 <String><Name>plate name</Name><Val>chr_cond_{mu}</Val></String>
 <I32><Name>Rows</Name><Val>99</Val></I32>
 <Cluster><Name>format typedef</Name>
  <I32><Name>Rows</Name><Val>8</Val></I32><I32><Name>Columns</Name><Val>12</Val></I32></Cluster>
 <DBL><Name>conversion factor um/pixel</Name><Val>0.645000</Val></DBL>
 <Array><Name>well selection table + cDNA</Name><Dimsize>2</Dimsize><Dimsize>2</Dimsize>
  <String><Name></Name><Val>14</Val></String><String><Name></Name><Val>B2</Val></String>
  <String><Name></Name><Val>15</Val></String><String><Name></Name><Val>B3</Val></String></Array>
</Cluster>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_an_htd_is_read_in_any_encoding(tmp_path, encoding, line_end):
    path = tmp_path / "BSF018292-1A.HTD"
    path.write_bytes(HTD.replace("\n", line_end).encode(encoding))
    said = read_htd(path)
    assert (said.plate, said.shape) == ("BSF018292-1A", (3, 4))
    assert said.channels == {"1": "DAPI", "2": "FITC, long pass"}
    assert (said.wells, said.sites) == (("A01", "A02", "B02"), 3)


def test_sites_of_an_htd_without_a_selection(tmp_path):
    path = tmp_path / "P.HTD"
    path.write_text('"HTSInfoFile", Version 1.0\n"Sites", TRUE\n"XSites", 3\n"YSites", 2\n')
    assert read_htd(path).sites == 6
    path.write_text('"HTSInfoFile", Version 1.0\n"Sites", FALSE\n"XSites", 3\n"YSites", 2\n')
    assert read_htd(path).sites == 1


@pytest.mark.parametrize("text", ["", "plate,well\nP1,A01\n", "\x00\x01"])
def test_another_file_with_the_ending_of_an_htd_is_refused(tmp_path, text):
    path = tmp_path / "P.HTD"
    path.write_text(text)
    with pytest.raises(InputError, match="no plate description of MetaXpress"):
        read_htd(path)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_htd_or_an_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("htd") / "P.HTD"
    path.write_bytes(b'"HTSInfoFile", Version 1.0\n"NWavelengths", 2\n' + data)
    assert read_htd(path).plate == "P"


def test_an_xdce_lists_images_counted_as_in_their_names(tmp_path):
    path = tmp_path / "Plate 1.xdce"
    path.write_bytes(XDCE.encode("iso-8859-1"))
    said = read_xdce(path)
    assert (said.plate, said.shape, said.pixel_size_um) == ("Plate 1", (8, 12), 0.325)
    first, second = said.images
    assert (first.file, first.well, first.site) == ("A - 1(fld 2 wv DAPI - DAPI).tif", "A01", "2")
    assert (second.well, second.channel, second.plane, second.timepoint) == (
        "B12",
        "FITC",
        "2",
        "3",
    )


def test_the_xml_of_another_instrument_is_no_xdce(tmp_path):
    path = tmp_path / "Index.idx.xml"
    path.write_text("<EvaluationInputData><Images/></EvaluationInputData>")
    with pytest.raises(InputError, match="no plate description of an IN Cell"):
        read_xdce(path)


def test_a_jdce_counts_its_wavelengths_as_the_names_do(tmp_path):
    path = tmp_path / "Screen.jdce"
    waves = [
        {"Index": 1, "EmissionFilter": {"Name": "FITC", "Wavelength": 525}},
        {"Index": 0, "EmissionFilter": {"Name": "DAPI", "Wavelength": 455}},
    ]
    protocol = {"ObjectiveCalibration": {"PixelWidth": 0.65, "Unit": "um"}, "Wavelengths": waves,
                "Plate": {"Name": "384", "Rows": 16, "Columns": 24}}  # fmt: skip
    stack = {"PlateId": "Plate 7", "AutoLeadAcquisitionProtocol": protocol}
    path.write_text(json.dumps({"Version": "1.0", "ImageStack": stack}))
    said = read_jdce(path)
    assert (said.plate, said.shape, said.pixel_size_um) == ("Plate 7", (16, 24), 0.65)
    assert said.channels == {"0": "DAPI", "1": "FITC"}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ImageStack": 3}', '{"other": {}}'])
def test_a_damaged_jdce_is_one_line(tmp_path, text):
    path = tmp_path / "Screen.jdce"
    path.write_text(text)
    with pytest.raises(InputError, match=r"Screen\.jdce is no plate description"):
        read_jdce(path)


@pytest.mark.parametrize(("mu", "encoding"), [("µ", "utf-8"), ("µ", "iso-8859-1")])
def test_a_descriptor_of_scanr_numbers_its_wells(tmp_path, mu, encoding):
    path = tmp_path / "experiment_descriptor.xml"
    path.write_bytes(SCANR.format(mu=mu).encode(encoding))
    said = read_scanr(path)
    assert (said.plate, said.shape, said.pixel_size_um) == (f"chr_cond_{mu}", (8, 12), 0.645)
    assert said.numbered == {"14": "B2", "15": "B3"}


def test_another_xml_is_no_descriptor_of_scanr(tmp_path):
    path = tmp_path / "experiment_descriptor.xml"
    path.write_text("<a><b>1</b></a>")
    with pytest.raises(InputError, match="no experiment descriptor of ScanR"):
        read_scanr(path)


@pytest.mark.parametrize("value", ["", "none", "-0.3", "0", "inf", "nan", 1e9, None, "1,2,3"])
def test_what_is_no_size_of_a_pixel(value):
    assert pixel_size(value) is None


def test_sizes_of_pixels():
    assert (pixel_size("0,325"), pixel_size(0.65), pixel_size("1.72")) == (0.325, 0.65, 1.72)
