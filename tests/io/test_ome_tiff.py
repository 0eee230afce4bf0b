"""OME-TIFF becomes fields: several images a file, sets of files, wells from OME-XML or names.

Files are written by tifffile, or with OME-XML of the forms in Bio-Formats' own samples and the
companion file sets of the Image Data Resource: TiffData with UUID, BinaryOnly, sparse plates whose
WellSample indices have gaps.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from phenolens.errors import InputError, UndecidedError
from phenolens.images import read_pixels
from phenolens.io.discovery.contents import contents, site_in, well_in
from phenolens.io.discovery.discover import discover
from phenolens.io.integrate import integrate

NAMESPACE = "http://www.openmicroscopy.org/Schemas/OME/2016-06"
STAINS = ("DNA", "ER")


def pixels(*place: int, shape=(2, 6, 7)) -> np.ndarray:
    """Planes that tell where they are from."""
    return np.random.default_rng(place).integers(0, 4096, shape).astype(np.uint16)


def write_series(path, images, axes="CYX", channels=STAINS, **options):
    with tifffile.TiffWriter(path, ome=True) as writer:
        for number, image in enumerate(images):
            meta = {"axes": axes, "Name": f"field {number}"} | options
            meta |= {"Channel": {"Name": list(channels)}} if channels else {}
            writer.write(image, metadata=meta, photometric="minisblack")


def joined(folder, section, **images):
    return integrate(section(images={"layout": "ome-tiff"} | images), folder)


def listed(folder, section, rows, **images):
    pd.DataFrame(rows).to_csv(folder / "images.csv", index=False)
    given = {"table": "images.csv", "file": "file", "channels": list(STAINS)} | images
    return integrate(section(images=given), folder)


# -- in a table -----------------------------------------------------------------------------


def test_each_image_of_a_listed_file_is_a_site(tmp_path, section):
    rows = []
    for well, name in enumerate(("A01", "B02")):
        write_series(tmp_path / f"{name}.ome.tif", [pixels(well, n) for n in range(3)])
        rows.append({"Metadata_Plate": "P1", "Metadata_Well": name, "file": f"{name}.ome.tif"})
    found = listed(tmp_path, section, rows)
    table = found.images.table
    assert list(table["Metadata_Site"]) == ["1", "2", "3"] * 2
    assert list(table["Metadata_Well"]) == ["A01"] * 3 + ["B02"] * 3
    for row, (well, n) in enumerate(product(range(2), range(3))):
        np.testing.assert_array_equal(read_pixels(found.images, row), pixels(well, n))
    assert "2 files hold 6 images; each is a site" in found.ledger.joins[0].note


def test_an_image_of_another_size_is_said(tmp_path, section):
    write_series(tmp_path / "A01.ome.tif", [pixels(0), pixels(1, shape=(2, 3, 3))])
    row = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "file": "A01.ome.tif"}
    said = "images of A01.ome.tif differ in size: 6 x 7, 3 x 3"
    assert said in listed(tmp_path, section, [row]).ledger.joins[0].note
    (tmp_path / "images.csv").unlink()
    assert said in joined(tmp_path, section).ledger.joins[0].note


def test_two_files_of_a_well_have_sites_of_their_own(tmp_path, section):
    rows = []
    for n, name in enumerate(("a.ome.tif", "b.ome.tif")):
        write_series(tmp_path / name, [pixels(n, m) for m in range(2)])
        rows.append({"Metadata_Plate": "P1", "Metadata_Well": "A01", "file": name})
    found = listed(tmp_path, section, rows).images
    assert list(found.table["Metadata_Site"]) == ["1", "2", "3", "4"]
    np.testing.assert_array_equal(read_pixels(found, 3), pixels(1, 1))


def test_a_site_that_is_a_file_with_several_images_is_refused(tmp_path, section):
    write_series(tmp_path / "a.ome.tif", [pixels(n) for n in range(3)])
    row = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "Metadata_Site": 1, "file": "a.ome.tif"}
    with pytest.raises(InputError, match=r"site 1 holds 3 images\. .*'index' column \(s0, s1"):
        listed(tmp_path, section, [row])


def test_an_index_names_the_image(tmp_path, section):
    write_series(tmp_path / "a.ome.tif", [pixels(n) for n in range(3)])
    place = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "file": "a.ome.tif"}
    rows = [place | {"Metadata_Site": site, "image": f"s{n}"} for site, n in ((1, 2), (2, 0))]
    found = listed(tmp_path, section, rows, index="image").images
    assert len(found) == 2
    np.testing.assert_array_equal(read_pixels(found, 0), pixels(2))
    np.testing.assert_array_equal(read_pixels(found, 1), pixels(0))
    with pytest.raises(InputError, match=r"holds 3 images, .* write 's0', 's1'"):
        listed(tmp_path, section, [place | {"image": 1}], index="image")


@pytest.mark.parametrize("axes", ["CZYX", "ZCYX", "TCYX", "CTYX"])
def test_planes_and_time_points_in_any_order(tmp_path, section, axes):
    size = {"C": 2, "Z": 3, "T": 4}
    values = pixels(1, shape=(*(size[a] for a in axes[:2]), 6, 7))
    write_series(tmp_path / "a.ome.tif", [values], axes=axes)
    row = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "file": "a.ome.tif"}
    other = axes.replace("C", "")[0]
    with pytest.raises(UndecidedError) as asked:
        listed(tmp_path, section, [row])
    assert asked.value.setting == ("images.projection" if other == "Z" else "measurement")
    decided = {"images": {"projection": 2}} if other == "Z" else {"measurement": "timepoint == 2"}
    given = {"table": "images.csv", "file": "file", "channels": list(STAINS)}
    data = section(**(decided | {"images": given | decided.get("images", {})}))
    found = integrate(data, tmp_path).images
    assert len(found) == 1
    expected = np.moveaxis(values, axes.index("C"), 0)[:, 1]
    np.testing.assert_array_equal(read_pixels(found, 0), expected)


def test_stains_are_found_by_name_where_files_order_them_differently(tmp_path, section):
    write_series(tmp_path / "a.ome.tif", [pixels(1)])
    write_series(tmp_path / "b.ome.tif", [pixels(2)], channels=("ER", "DNA"))
    place = {"Metadata_Plate": "P1"}
    rows = [
        place | {"Metadata_Well": f"A0{n}", "file": f"{f}.ome.tif"} for n, f in ((1, "a"), (2, "b"))
    ]
    found = listed(tmp_path, section, rows).images
    np.testing.assert_array_equal(read_pixels(found, 1), pixels(2)[::-1])
    renamed = listed(tmp_path, section, rows, channels=["nuclei", "reticulum"]).images
    np.testing.assert_array_equal(read_pixels(renamed, 1), pixels(2)[::-1])


def test_a_damaged_file_is_set_aside_and_the_rest_goes_on(tmp_path, section):
    rows = []
    for n in (1, 2, 3, 4):
        channels = STAINS if n < 4 else ("Phase", "DNA")
        write_series(tmp_path / f"{n}.ome.tif", [pixels(n, m) for m in range(2)], channels=channels)
        place = {"Metadata_Plate": "P1", "Metadata_Well": f"A0{n}"}
        rows.append(place | {"file": f"{n}.ome.tif"})
    (tmp_path / "1.ome.tif").write_bytes((tmp_path / "1.ome.tif").read_bytes()[:300])
    (tmp_path / "3.ome.tif").write_bytes(b"II*\0 no tiff")
    found = listed(tmp_path, section, rows)
    assert list(found.images.table["Metadata_Well"]) == ["A02", "A02"]
    assert {one.well: one.file for one in found.ledger.set_aside if one.file} == {
        f"A0{n}": f"{n}.ome.tif" for n in (1, 3, 4)
    }
    faults = {
        one.well: str(one.why.values.get("fault")) for one in found.ledger.set_aside if one.file
    }
    assert "no OME-XML can be read" in faults["A01"]
    assert "holds no image" in faults["A03"]
    assert "Phase, DNA" in faults["A04"]


def test_a_damaged_file_that_nothing_lists_is_set_aside_too(tmp_path, section):
    for well in ("A01", "A02"):
        write_series(tmp_path / f"{well}.ome.tif", [pixels(1)])
    (tmp_path / "B07.ome.tif").write_bytes(b"II*\0 no tiff")
    found = joined(tmp_path, section)
    assert list(found.images.table["Metadata_Well"]) == ["A01", "A02"]
    lost = [one for one in found.ledger.set_aside if one.file]
    assert [(one.well, one.file.rpartition("/")[2]) for one in lost] == [("B07", "B07.ome.tif")]


def test_other_numbers_of_stains_are_refused_with_both(tmp_path, section):
    write_series(tmp_path / "a.ome.tif", [pixels(0)])
    row = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "file": "a.ome.tif"}
    with pytest.raises(InputError, match=r"holds 2 stain.*DNA, ER.* names 3"):
        listed(tmp_path, section, [row], channels=["a", "b", "c"])


def test_planes_of_an_imagej_stack_are_stains_where_the_study_names_as_many(tmp_path, section):
    values = pixels(5, shape=(3, 6, 7))
    tifffile.imwrite(tmp_path / "a.tif", values, imagej=True, metadata={"axes": "ZYX"})
    row = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "file": "a.tif"}
    found = listed(tmp_path, section, [row], channels=["a", "b", "c"]).images
    np.testing.assert_array_equal(read_pixels(found, 0), values)
    with pytest.raises(UndecidedError, match="3 planes a field"):
        listed(tmp_path, section, [row], channels=["a"])


def test_a_stack_a_stain_is_projected(tmp_path, section):
    for stain in STAINS:
        values = pixels(ord(stain[0]), shape=(3, 6, 7))
        tifffile.imwrite(tmp_path / f"{stain}.tif", values, imagej=True, metadata={"axes": "ZYX"})
    row = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "dna": "DNA.tif", "er": "ER.tif"}
    files = {"DNA": "dna", "ER": "er"}
    with pytest.raises(UndecidedError):
        listed(tmp_path, section, [row], file=None, files=files)
    found = listed(tmp_path, section, [row], file=None, files=files, projection="max").images
    expected = [pixels(ord(stain[0]), shape=(3, 6, 7)).max(axis=0) for stain in STAINS]
    np.testing.assert_array_equal(read_pixels(found, 0), expected)


# -- by themselves --------------------------------------------------------------------------


def test_wells_from_names_stains_and_pixel_size_from_ome_xml(tmp_path, section):
    for well in ("A01", "B12"):
        write_series(
            tmp_path / f"plate1_{well}_x.ome.tif", [pixels(ord(well[0]), n) for n in range(2)],
            PhysicalSizeX=325.0, PhysicalSizeXUnit="nm", PhysicalSizeY=325.0,
            PhysicalSizeYUnit="nm",
        )  # fmt: skip
    images = discover(tmp_path).images
    assert images["layout"] == "ome-tiff"
    assert images["channels"] == list(STAINS)
    assert images["pixel_size_um"] == 0.325
    found = joined(tmp_path, section).images
    assert list(found.table["Metadata_Well"]) == ["A01", "A01", "B12", "B12"]
    np.testing.assert_array_equal(read_pixels(found, 3), pixels(ord("B"), 1))


def test_sites_from_names_of_files_with_one_image(tmp_path, section):
    for site in (1, 2, 10):
        write_series(tmp_path / f"P1_A01_s{site}.ome.tif", [pixels(site)])
    found = joined(tmp_path, section).images
    assert sorted(found.table["Metadata_Site"]) == ["1", "10", "2"]
    row = list(found.table["Metadata_Site"]).index("10")
    np.testing.assert_array_equal(read_pixels(found, row), pixels(10))


def test_a_file_a_stain_with_its_name_in_ome_xml_is_one_field(tmp_path, section):
    for site in (1, 2):
        for number, stain in enumerate(STAINS):
            name = f"B02_{'ab'[site - 1]}_{stain}.ome.tif"
            values = pixels(site)[number : number + 1]
            write_series(tmp_path / name, [values], channels=(stain,))
    found = joined(tmp_path, section).images
    assert list(found.table["Metadata_Site"]) == ["1", "2"]
    for row in range(2):
        np.testing.assert_array_equal(read_pixels(found, row), pixels(row + 1))
    assert discover(tmp_path).images["layout"] == "ome-tiff"


def test_files_of_one_plane_that_name_no_stain_go_by_their_names(tmp_path):
    for well, stain in product(("A01", "A02", "B01"), STAINS):
        path = tmp_path / f"P1_{well}_s1_{stain}.ome.tif"
        write_series(path, [pixels(1, shape=(6, 7))], axes="YX", channels=())
    images = discover(tmp_path).images
    assert images["layout"] == "names"
    assert sorted(images["channels"]) == ["DNA", "ER"]


@pytest.mark.parametrize(
    ("text", "site"),
    [("A01_s3", "3"), ("B02f04", "4"), ("x_field-12_y", "12"), ("A01", ""), ("A01_s1_s2", ""),
     ("plate_site007", "7"), ("stack3", "")],
)  # fmt: skip
def test_sites_in_names(text, site):
    assert site_in(text) == site


def xml(images, *, plate="", root="urn:uuid:0", order="XYZCT"):
    """OME-XML; `images` are (identifier, planes) with planes as (c, z, file, ifd)."""
    parts = []
    for identifier, planes in images:
        depth = 1 + max(z for _, z, _, _ in planes)
        data = "".join(
            f'<TiffData FirstC="{c}" FirstT="0" FirstZ="{z}" IFD="{ifd}" PlaneCount="1">'
            f'<UUID FileName="{file}">urn:uuid:{file}</UUID></TiffData>'
            for c, z, file, ifd in planes
        )
        channels = "".join(
            f'<Channel ID="Channel:{c}" Name="{n}" SamplesPerPixel="1"/>'
            for c, n in enumerate(STAINS)
        )
        parts.append(
            f'<Image ID="{identifier}"><Pixels ID="P{identifier}" DimensionOrder="{order}" '
            f'Type="uint16" SignificantBits="12" SizeX="7" SizeY="6" SizeC="2" SizeT="1" '
            f'SizeZ="{depth}" PhysicalSizeX="0.5">{channels}{data}</Pixels></Image>'
        )
    uuid = f'UUID="{root}"' if root else ""
    return f'<?xml version="1.0"?><OME xmlns="{NAMESPACE}" {uuid}>{plate}{"".join(parts)}</OME>'


def plate_xml(wells):
    """A plate; `wells` maps (row, column) to image identifiers."""
    number, parts = iter(range(0, 1000, 2)), []
    for (row, column), images in wells.items():
        samples = "".join(
            f'<WellSample ID="WS:{row}:{column}:{n}" Index="{next(number)}"><ImageRef ID="{i}"/>'
            "</WellSample>"
            for n, i in enumerate(images)
        )
        parts.append(f'<Well ID="W:{row}:{column}" Row="{row}" Column="{column}">{samples}</Well>')
    return f'<Plate ID="Plate:0" Name="Control Plate" Rows="2" Columns="3">{"".join(parts)}</Plate>'


def write_file(path, planes, description):
    tifffile.imwrite(
        path, planes, description=description.encode(), metadata=None, photometric="minisblack"
    )


WELLS = {(0, 0): ["I0", "I1"], (1, 2): ["I2"]}


def write_set(folder, *, companion=""):
    """Three fields in two wells; a file each, all of which are named in each; planes reversed."""
    images = [(f"I{n}", [(c, 0, f"f{n}.ome.tiff", 1 - c) for c in range(2)]) for n in range(3)]
    for n in range(3):
        text = xml(images, plate=plate_xml(WELLS), root=f"urn:uuid:f{n}.ome.tiff")
        if companion:
            text = (
                f'<OME xmlns="{NAMESPACE}" UUID="urn:uuid:f{n}.ome.tiff"><BinaryOnly '
                f'MetadataFile="{companion}" UUID="urn:uuid:c"/></OME>'
            )
        write_file(folder / f"f{n}.ome.tiff", pixels(n)[::-1], text)
    if companion:
        (folder / companion).write_text(xml(images, plate=plate_xml(WELLS), root="urn:uuid:c"))


@pytest.mark.parametrize("companion", ["", "set.companion.ome"])
def test_a_set_of_files_is_one_plate(tmp_path, section, companion):
    write_set(tmp_path, companion=companion)
    images = discover(tmp_path)
    assert images.images["layout"] == "ome-tiff"
    assert images.images["pixel_size_um"] == 0.5
    assert not [one for one in images.unused if "f0" in str(one)]
    found = joined(tmp_path, section).images
    table = found.table
    assert list(table["Metadata_Plate"]) == ["Control Plate"] * 3
    assert list(table["Metadata_Well"]) == ["A01", "A01", "B03"]
    assert list(table["Metadata_Site"]) == ["1", "2", "1"]
    for n in range(3):
        assert table["Path_DNA"].iloc[n].endswith(f"f{n}.ome.tiff")
        np.testing.assert_array_equal(read_pixels(found, n), pixels(n))


def test_a_set_is_found_through_links_and_from_where_one_stands(tmp_path, section, monkeypatch):
    (tmp_path / "real").mkdir()
    write_set(tmp_path / "real")
    (tmp_path / "link").symlink_to("real", target_is_directory=True)
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "link", Path("link"), Path("real")):
        assert len(joined(folder, section).images) == 3


def test_a_file_that_was_renamed_is_itself(tmp_path, section):
    images = [("I0", [(c, 0, "old.ome.tif", c) for c in range(2)])]
    text = xml(images, plate=plate_xml({(1, 1): ["I0"]}), root="urn:uuid:old.ome.tif")
    write_file(tmp_path / "new.ome.tif", pixels(0), text)
    found = joined(tmp_path, section).images
    assert list(found.table["Metadata_Well"]) == ["B02"]
    np.testing.assert_array_equal(read_pixels(found, 0), pixels(0))


def test_a_file_of_the_set_that_is_missing_is_named(tmp_path, section):
    write_set(tmp_path)
    (tmp_path / "f1.ome.tiff").unlink()
    found = joined(tmp_path, section)
    assert list(found.images.table["Metadata_Well"]) == ["A01", "B03"]
    lost = found.ledger.set_aside
    assert {one.file.rpartition("/")[2] for one in lost} == {"f1.ome.tiff"}
    assert {(one.well, one.site, one.channel) for one in lost} == {
        ("A01", "2", "DNA"), ("A01", "2", "ER"),
    }  # fmt: skip


def test_a_companion_that_is_missing_is_said(tmp_path):
    write_set(tmp_path, companion="set.companion.ome")
    (tmp_path / "set.companion.ome").unlink()
    with pytest.raises(InputError, match=r"f0\.ome\.tiff.*set\.companion\.ome.*not beside it"):
        contents(tmp_path / "f0.ome.tiff")


def test_a_companion_speaks_for_plain_tiff_files_one_a_plane(tmp_path, section):
    images, wells = [], {}
    for n in range(2):
        planes = [(c, z, f"w{n}_c{c}_z{z}.tif", 0) for c in range(2) for z in range(3)]
        for c, z, file, _ in planes:
            tifffile.imwrite(tmp_path / file, pixels(n, c, z, shape=(6, 7)))
        images.append((f"I{n}", planes))
        wells[n, n] = [f"I{n}"]
    (tmp_path / "plate.companion.ome").write_text(xml(images, plate=plate_xml(wells)))
    found = joined(tmp_path, section, projection=3).images
    assert list(found.table["Metadata_Well"]) == ["A01", "B02"]
    expected = [pixels(1, c, 2, shape=(6, 7)) for c in range(2)]
    np.testing.assert_array_equal(read_pixels(found, 1), expected)


def test_significant_bits_and_pixel_size_are_told(tmp_path):
    write_set(tmp_path)
    one = contents(tmp_path / "f0.ome.tiff")[0]
    assert (one.bits, one.pixel_size_um, one.channels) == (12, 0.5, STAINS)
    assert dict(one.place) == {"plate": "Control Plate", "well": "A01", "site": "1"}


def test_ome_xml_that_names_more_images_than_there_are_is_refused(tmp_path):
    images = [(f"I{n}", [(c, 0, "a.ome.tif", 50 * n + c) for c in range(2)]) for n in range(2)]
    write_file(tmp_path / "a.ome.tif", pixels(0), xml(images, root="urn:uuid:a.ome.tif"))
    with pytest.raises(InputError, match=r"a\.ome\.tif: its OME-XML names 2 images, of which 1"):
        contents(tmp_path / "a.ome.tif")


def test_files_that_tell_no_well_are_refused(tmp_path):
    write_series(tmp_path / "overview.ome.tif", [pixels(0)])
    with pytest.raises(InputError, match="table that says which plate and well"):
        discover(tmp_path)


@pytest.mark.parametrize(
    ("text", "well"),
    [
        ("A01", "A01"), ("plate1_B3_x", "B03"), ("Well C-12, Field 1", "C12"), ("well D4", "D04"),
        ("B02f03", "B02"), ("A1_s2", "A01"), ("A01_vs_B02", ""), ("overview", ""), ("P1", "P01"),
        ("P1_A01", "A01"), ("P1_A1", "A01"), ("A1_A01", "A01"), ("x64", ""),
        ("AB12 ", "AB12"), ("A99", ""), ("scan/E/7", "E07"),
        ("f1", ""), ("b03_s1", "B03"),
    ],
)  # fmt: skip
def test_wells_in_names(text, well):
    assert well_in(text) == well
