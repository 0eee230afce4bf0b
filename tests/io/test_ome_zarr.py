"""OME-Zarr plates, stores of bioformats2raw and single images become fields.

Written with the zarr and ome-zarr packages, in the forms of OME-NGFF 0.4 and 0.5 and of its public
writers: ngff-zarr of bioformats2raw (``OME/METADATA.ome.xml``, numbered images), Fractal (columns
``03``, acquisitions, labels), and plates with wells listed that were never written.
"""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import zarr

from phenolens.audit.pixels import pixel_findings
from phenolens.errors import InputError, UndecidedError
from phenolens.images import read_file, read_pixels
from phenolens.io.discovery.contents import contents
from phenolens.io.discovery.discover import discover
from phenolens.io.images.headers import read_header
from phenolens.io.integrate import integrate
from phenolens.prepare import prepare
from phenolens.prepared import save_labels
from phenolens.readers.index import parse_index

STAINS = ("DNA", "ER")
SIZES = {"t": 2, "c": 2, "z": 3, "y": 6, "x": 7}


def pixels(*place: int, axes="cyx", sizes=SIZES) -> np.ndarray:
    shape = tuple(sizes[axis] for axis in axes)
    return np.random.default_rng(place).integers(1, 4096, shape).astype(np.uint16)


def set_attributes(group, version, **attributes):
    if version == "0.5":
        group.attrs["ome"] = {"version": version, **attributes}
    else:
        group.attrs.update(attributes)


def write_image(group, values, version, *, axes="cyx", stains=STAINS, unit="micrometer"):
    """An image with two levels, as its public writers make them."""
    types = {"t": "time", "c": "channel"}
    described = [
        {"name": a, "type": types.get(a, "space")} | ({"unit": unit} if a in "zyx" and unit else {})
        for a in axes
    ]
    datasets = []
    for level, factor in enumerate((1, 2)):
        scale = [0.3 * factor if a in "yx" else 1.0 for a in axes]
        small = values[..., ::factor, ::factor]
        chunks = (1,) * (values.ndim - 2) + small.shape[-2:]
        names = {"dimension_names": tuple(axes)} if version == "0.5" else {}
        group.create_array(str(level), data=small, chunks=chunks, **names)
        transforms = [{"type": "scale", "scale": scale}]
        datasets.append({"path": str(level), "coordinateTransformations": transforms})
    about = {"multiscales": [{"axes": described, "datasets": datasets}]}
    if version == "0.4":
        about["multiscales"][0]["version"] = version
    if stains:
        about["omero"] = {"channels": [{"label": s, "color": "FFFFFF"} for s in stains]}
    set_attributes(group, version, **about)


def new_store(path, version):
    return zarr.create_group(path, zarr_format=3 if version == "0.5" else 2)


def write_plate(path, wells, version="0.4", *, acquisitions=(), **options):
    """A plate; `wells` maps a path to {field: (pixels, acquisition)}."""
    plate = new_store(path, version)
    rows = sorted({well.split("/")[0] for well in wells})
    columns = sorted({well.split("/")[1] for well in wells})
    about = {
        "name": path.stem, "rows": [{"name": r} for r in rows],
        "columns": [{"name": c} for c in columns],
        "wells": [
            {"path": w, "rowIndex": rows.index(w.split("/")[0]),
             "columnIndex": columns.index(w.split("/")[1])} for w in wells
        ],
    }  # fmt: skip
    if acquisitions:
        about["acquisitions"] = [{"id": n, "name": name} for n, name in enumerate(acquisitions)]
    set_attributes(plate, version, plate=about)
    for well, fields in wells.items():
        group = plate.create_group(well)
        images = [
            {"path": name} | ({"acquisition": run} if run is not None else {})
            for name, (_, run) in fields.items()
        ]
        set_attributes(group, version, well={"images": images})
        for name, (values, _) in fields.items():
            write_image(group.create_group(name), values, version, **options)


def joined(folder, section, measurement=None, **images):
    given = {"layout": "ome-zarr"} | images
    return integrate(section(images=given, measurement=measurement), folder)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_plate_is_read_well_by_well(tmp_path, section, version):
    wells = {
        w: {str(f): (pixels(n, f), None) for f in range(2)} for n, w in enumerate(("A/1", "B/03"))
    }
    write_plate(tmp_path / "plate1.zarr", wells, version)
    found = discover(tmp_path)
    assert found.images["layout"] == "ome-zarr"
    assert found.images["channels"] == list(STAINS)
    assert found.images["pixel_size_um"] == 0.3
    assert [one for one in found.unused if "zarr" in str(one)] == []
    images = joined(tmp_path, section).images
    assert list(images.table["Metadata_Plate"]) == ["plate1"] * 4
    assert list(images.table["Metadata_Well"]) == ["A01", "A01", "B03", "B03"]
    assert list(images.table["Metadata_Site"]) == ["0", "1"] * 2
    for row, (n, f) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        np.testing.assert_array_equal(read_pixels(images, row), pixels(n, f))


@pytest.mark.parametrize("axes", ["yx", "cyx", "czyx", "tcyx", "tczyx", "zyx"])
def test_axes_that_are_there_and_that_are_not(tmp_path, section, axes):
    values = pixels(1, axes=axes)
    stains = STAINS if "c" in axes else ("DNA",)
    write_plate(tmp_path / "p.zarr", {"A/1": {"0": (values, None)}}, axes=axes, stains=stains)
    expected = values if "c" in axes else np.expand_dims(values, axes.index("y") - ("z" in axes))
    if "t" in axes:
        with pytest.raises(UndecidedError) as asked:
            joined(tmp_path, section, projection=3 if "z" in axes else None)
        assert asked.value.setting == "measurement"
        expected = expected[1]
    if "z" in axes:
        with pytest.raises(UndecidedError) as asked:
            joined(tmp_path, section, "timepoint == 2" if "t" in axes else None)
        assert asked.value.setting == "images.projection"
        expected = expected[:, 2]
    run = "timepoint == 2" if "t" in axes else None
    found = joined(tmp_path, section, run, projection=3 if "z" in axes else None).images
    assert len(found) == 1
    np.testing.assert_array_equal(read_pixels(found, 0), expected)


def test_axes_of_length_one_need_no_answer(tmp_path, section):
    values = pixels(1, axes="tczyx", sizes=SIZES | {"t": 1, "z": 1})
    write_plate(tmp_path / "p.zarr", {"A/1": {"0": (values, None)}}, axes="tczyx")
    np.testing.assert_array_equal(read_pixels(joined(tmp_path, section).images, 0), values[0, :, 0])


def test_acquisitions_are_measurements(tmp_path, section):
    fields = {str(n): (pixels(n), n) for n in range(2)}
    write_plate(tmp_path / "p.zarr", {"A/1": fields}, acquisitions=("first", "second"))
    with pytest.raises(UndecidedError) as asked:
        joined(tmp_path, section)
    assert asked.value.setting == "measurement"
    found = joined(tmp_path, section, "measurement == 'second'").images
    np.testing.assert_array_equal(read_pixels(found, 0), pixels(1))


def test_wells_that_are_listed_and_not_there_are_missing(tmp_path, section):
    write_plate(tmp_path / "p.zarr", {w: {"0": (pixels(0), None)} for w in ("A/1", "A/2")})
    shutil.rmtree(tmp_path / "p.zarr" / "A" / "2")
    found = joined(tmp_path, section)
    assert list(found.images.table["Metadata_Well"]) == ["A01"]
    lost = [one for one in found.ledger.set_aside if one.file]
    assert {(one.why.code, one.well, one.channel) for one in lost} == {
        ("file-missing", "A02", "DNA"), ("file-missing", "A02", "ER"),
    }  # fmt: skip


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("damage", ["attributes", "array", "no multiscales"])
def test_a_damaged_field_is_set_aside_by_name(tmp_path, section, version, damage):
    wells = {f"A/{n}": {"0": (pixels(n), None)} for n in (1, 2, 3)}
    write_plate(tmp_path / "p.zarr", wells, version)
    field = tmp_path / "p.zarr" / "A" / "2" / "0"
    about = field / ("zarr.json" if version == "0.5" else ".zattrs")
    if damage == "attributes":
        about.write_text(about.read_text()[:20])
    elif damage == "array":
        shutil.rmtree(field / "0")
    else:
        kept = json.loads(about.read_text()) if version == "0.5" else {}
        about.write_text(json.dumps({k: v for k, v in kept.items() if k != "attributes"}))
    found = joined(tmp_path, section)
    assert list(found.images.table["Metadata_Well"]) == ["A01", "A03"]
    lost = [one for one in found.ledger.set_aside if one.file]
    assert [(one.well, one.why.code) for one in lost] == [("A02", "image-not-read")]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_a_chunk_that_is_lost_or_cut_is_no_zeros(tmp_path, section, version, damage):
    write_plate(tmp_path / "p.zarr", {f"A/{n}": {"0": (pixels(n), None)} for n in (1, 2)}, version)
    level = tmp_path / "p.zarr" / "A" / "2" / "0" / "0"
    chunk = level / ("c/1/0/0" if version == "0.5" else "1.0.0")
    if damage == "lost":
        chunk.unlink()
    else:
        chunk.write_bytes(chunk.read_bytes()[: chunk.stat().st_size // 2])
    prepared = prepare(joined(tmp_path, section).images, tmp_path / "store")
    assert list(prepared.set_aside["well"]) == ["A02"]
    assert list(prepared.set_aside["channel"]) == ["ER"]
    if damage == "lost":
        assert "no chunk of the plane is there" in prepared.set_aside["reason"].iloc[0]


def in_quarters(path, values):
    """A plate of one field whose planes are stored in four chunks each."""
    write_plate(path, {"A/1": {"0": (values, None)}})
    level = path / "A" / "1" / "0" / "0"
    shutil.rmtree(level)
    halves = (1, -(-values.shape[-2] // 2), -(-values.shape[-1] // 2))
    zarr.create_array(level, data=values, chunks=halves, zarr_format=2)
    return level


def test_chunks_of_a_plane_that_are_not_there_are_named(tmp_path, section):
    level = in_quarters(tmp_path / "p.zarr", pixels(1))
    for chunk in ("1.0.1", "1.1.1"):
        (level / chunk).unlink()
    images = joined(tmp_path, section).images
    prepared = prepare(images, tmp_path / "store")
    assert len(prepared) == 1
    (gap,) = (found for found in pixel_findings(prepared) if found.code == "chunks-absent")
    field = str(level.parent)
    assert gap.text == (
        "2 of 4 chunks of this plane are not there and read as 0: plate p, well A01, site 0, ER "
        f"({field})."
    )
    place = {"plate": "p", "well": "A01", "site": "0", "channel": "ER", "file": field}
    assert gap.values["listed"] == [place | {"absent": 2, "chunks": 4}]
    again = prepare(images, tmp_path / "store")
    assert pixel_findings(again) == pixel_findings(prepared)


def test_a_plane_with_all_its_chunks_has_no_gap(tmp_path, section):
    in_quarters(tmp_path / "p.zarr", pixels(1))
    prepared = prepare(joined(tmp_path, section).images, tmp_path / "store")
    assert not {"chunks-absent"} & {found.code for found in pixel_findings(prepared)}


def test_a_store_of_bioformats2raw_has_its_wells_in_ome_xml(tmp_path, section):
    store = new_store(tmp_path / "screen.zarr", "0.4")
    store.attrs["bioformats2raw.layout"] = 3
    store.create_group("OME").attrs["series"] = ["0", "1", "2"]
    for n in range(3):
        values = pixels(n, axes="tczyx", sizes=SIZES | {"t": 1, "z": 1})
        write_image(store.create_group(str(n)), values, "0.4", axes="tczyx", stains=())
    image = (
        '<Image ID="Image:{0}" Name="f{0}"><Pixels ID="Pixels:{0}" DimensionOrder="XYCZT" '
        'Type="uint16" SizeX="7" SizeY="6" SizeC="2" SizeZ="1" SizeT="1"><MetadataOnly/></Pixels>'
        "</Image>"
    )
    sample = '<WellSample ID="WS:{0}" Index="{0}"><ImageRef ID="Image:{0}"/></WellSample>'
    wells = (
        f'<Well ID="W:0" Row="0" Column="1">{sample.format(0)}{sample.format(1)}</Well>'
        f'<Well ID="W:1" Row="15" Column="23">{sample.format(2)}</Well>'
    )
    (tmp_path / "screen.zarr" / "OME" / "METADATA.ome.xml").write_text(
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Plate ID="Plate:0" Name="P7">{wells}</Plate>{"".join(map(image.format, range(3)))}</OME>'
    )
    found = joined(tmp_path, section, channels=list(STAINS)).images
    keys = found.table[["Metadata_Plate", "Metadata_Well", "Metadata_Site"]].to_numpy().tolist()
    assert keys == [["P7", "A02", "1"], ["P7", "A02", "2"], ["P7", "P24", "1"]]
    values = pixels(2, axes="tczyx", sizes=SIZES | {"t": 1, "z": 1})
    np.testing.assert_array_equal(read_pixels(found, 2), values[0, :, 0])


def test_images_a_store_each_have_their_wells_in_their_names(tmp_path, section):
    for n, name in enumerate(("A01", "C05")):
        write_image(new_store(tmp_path / f"{name}.ome.zarr", "0.5"), pixels(n), "0.5")
    found = joined(tmp_path, section).images
    assert list(found.table["Metadata_Well"]) == ["A01", "C05"]
    np.testing.assert_array_equal(read_pixels(found, 1), pixels(1))


def test_a_table_may_list_stores(tmp_path, section):
    write_image(new_store(tmp_path / "x.zarr", "0.4"), pixels(3), "0.4")
    (tmp_path / "images.csv").write_text("Metadata_Plate,Metadata_Well,image\nP1,B02,x.zarr\n")
    proposed = discover(tmp_path).images
    assert (proposed["file"], proposed["channels"]) == ("image", list(STAINS))
    images = {"table": "images.csv", "file": "image", "channels": list(STAINS)}
    found = integrate(section(images=images), tmp_path).images
    np.testing.assert_array_equal(read_pixels(found, 0), pixels(3))


def test_a_table_may_list_images_in_a_store(tmp_path, section):
    write_plate(tmp_path / "p.zarr", {f"A/{n}": {"0": (pixels(n), None)} for n in (1, 2)})
    rows = [f"P1,H{n:02d},p.zarr/A/{n}/0" for n in (1, 2)]
    (tmp_path / "images.csv").write_text("\n".join(["Metadata_Plate,Metadata_Well,image", *rows]))
    assert discover(tmp_path).images["file"] == "image"
    images = {"table": "images.csv", "file": "image", "channels": list(STAINS)}
    found = integrate(section(images=images), tmp_path).images
    assert list(found.table["Metadata_Well"]) == ["H01", "H02"]
    np.testing.assert_array_equal(read_pixels(found, 1), pixels(2))


def test_a_store_of_something_else_is_no_image(tmp_path):
    zarr.create_group(tmp_path / "cells.zarr").attrs["encoding-type"] = "anndata"
    with pytest.raises(InputError):
        discover(tmp_path)


def test_headers_of_fields_tell_size_kind_and_pixel_size(tmp_path):
    write_image(new_store(tmp_path / "x.zarr", "0.5"), pixels(1), "0.5")
    header = read_header(tmp_path / "x.zarr", "1")
    assert (header.height, header.width, header.dtype, header.pixel_size_um, header.pages) == (
        6, 7, "uint16", 0.3, 2,
    )  # fmt: skip
    shutil.rmtree(tmp_path / "x.zarr" / "0")
    assert "the array '0' of the image is not there" in read_header(tmp_path / "x.zarr").fault


def test_label_images_are_taken_where_they_are_asked_for(tmp_path, section):
    write_plate(tmp_path / "p.zarr", {"A/1": {"0": (pixels(0), None)}})
    field = zarr.open_group(tmp_path / "p.zarr" / "A" / "1" / "0", mode="a")
    labels = field.create_group("labels")
    labels.attrs["labels"] = ["nuclei"]
    drawn = np.arange(42, dtype=np.uint32).reshape(1, 6, 7)
    write_image(labels.create_group("nuclei"), drawn, "0.4", axes="zyx", stains=())
    assert any("labels = { Nuclei" in note for note in discover(tmp_path).notes)
    found = joined(tmp_path, section, labels={"Nuclei": "nuclei"}).images
    np.testing.assert_array_equal(read_file(found.table["Labels_Nuclei"].iloc[0]), drawn[0])
    with pytest.raises(InputError, match="no field has label images 'cells'; there is nuclei"):
        joined(tmp_path, section, labels={"Nuclei": "cells"})


@pytest.mark.parametrize(
    ("unit", "size"), [("micrometer", 0.3), ("nanometer", 0.0003), ("", None), ("parsec", None)]
)
def test_pixel_size_needs_a_unit(tmp_path, unit, size):
    write_image(new_store(tmp_path / "x.zarr", "0.4"), pixels(1), "0.4", unit=unit)
    assert contents(tmp_path / "x.zarr")[0].pixel_size_um == size


def test_a_field_whose_chunks_changed_is_prepared_anew(tmp_path, section):
    write_plate(tmp_path / "in" / "p.zarr", {"A/1": {"0": (pixels(0), None)}})
    images = joined(tmp_path / "in", section).images
    prepare(images, tmp_path / "store")
    array = zarr.open_array(tmp_path / "in" / "p.zarr" / "A" / "1" / "0" / "0", mode="a")
    array[:] = pixels(9)
    np.testing.assert_array_equal(prepare(images, tmp_path / "store").raw(0), pixels(9))


def test_only_the_chunks_of_a_plane_are_read(tmp_path, monkeypatch):
    write_image(new_store(tmp_path / "x.zarr", "0.5"), pixels(1, axes="czyx"), "0.5", axes="czyx")
    asked = []
    read = zarr.storage.LocalStore.get

    async def get(self, key, *args, **kwargs):
        asked.append(key)
        return await read(self, key, *args, **kwargs)

    monkeypatch.setattr(zarr.storage.LocalStore, "get", get)
    read_file(tmp_path / "x.zarr", parse_index("1,2"))
    assert [key for key in asked if "/c/" in f"/{key}"] == ["c/1/2/0/0"] or [
        key for key in asked if key.endswith("c/1/2/0/0")
    ] == [key for key in asked if "c/" in key]


def test_what_ome_zarr_writes_is_read(tmp_path, section):
    writer = pytest.importorskip("ome_zarr.writer")
    for name, version in (("a.zarr", "0.4"), ("b.zarr", "0.5")):
        from ome_zarr.format import format_from_version

        form = format_from_version(version)
        root = zarr.create_group(tmp_path / name, zarr_format=form.zarr_format)
        writer.write_plate_metadata(root, ["A"], ["1"], ["A/1"], fmt=form)
        well = root.require_group("A").require_group("1")
        writer.write_well_metadata(well, ["0"], fmt=form)
        image = well.require_group("0")
        writer.write_image(pixels(ord(name[0])), image, axes="cyx", fmt=form, scale_factors=())
    found = joined(tmp_path, section, channels=list(STAINS)).images
    assert list(found.table["Metadata_Plate"]) == ["a", "b"]
    for row, name in enumerate("ab"):
        np.testing.assert_array_equal(read_pixels(found, row), pixels(ord(name)))


def test_what_a_study_prepared_is_a_valid_plate_and_is_read_again(tmp_path, section):
    models = pytest.importorskip("ome_zarr_models")
    wells = {w: {str(f): (pixels(f), None) for f in range(2)} for w in ("A/1", "B/12")}
    write_plate(tmp_path / "in" / "p 1.zarr", wells)
    prepared = prepare(joined(tmp_path / "in", section).images, tmp_path / "store")
    masks = {"Nuclei": np.eye(6, 7, dtype=np.int32), "Cells": np.ones((6, 7), np.int32)}
    for row in range(len(prepared)):
        save_labels(prepared, row, masks)
    (plate,) = (tmp_path / "store").iterdir()
    for part in (".", "A/1", "A/1/0", "A/1/0/labels", "A/1/0/labels/Nuclei"):
        models.open_ome_zarr(zarr.open_group(plate / part, mode="r"), version="0.5")
    again = joined(tmp_path / "store", section, labels={"Nuclei": "Nuclei"}).images
    assert list(again.table["Metadata_Plate"]) == ["p 1"] * 4
    assert list(again.table["Metadata_Well"]) == ["A01", "A01", "B12", "B12"]
    for row in range(4):
        np.testing.assert_array_equal(read_pixels(again, row), prepared.raw(row))
        np.testing.assert_array_equal(
            read_file(again.table["Labels_Nuclei"].iloc[row]), masks["Nuclei"]
        )
