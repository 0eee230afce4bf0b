"""From files that hold whole fields, or a plate, to the study's store, by the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import zarr

WELLS = ("A01", "A02", "B02", "B06")
STAINS = ["DNA", "ER"]
MAP = (
    "well_position\tcompound\tconcentration_uM\nA01\tDMSO\t0\nA02\tx\t5\nB02\tx\t5\nB06\tDMSO\t0\n"
)


def pixels(well, site) -> np.ndarray:
    return np.random.default_rng([WELLS.index(well), site]).integers(
        1, 4096, (2, 24, 24), np.uint16
    )


def prepared(out):
    (store,) = (out / "store").glob("images-*")
    return {
        path.relative_to(store).parent.as_posix(): zarr.open_array(path, mode="r")[...]
        for path in store.glob("*.zarr/*/*/*/0")
    }


def take(command, folder):
    """The folder through `init`, `check` and `prepare`."""
    made = command("init", folder, "-o", folder / "study.toml")
    assert made.code == 0, made.err
    checked = command("check", folder / "study.toml", "--out", folder / "out")
    assert checked.code == 0, checked.err
    done = command("prepare", folder / "study.toml", "--out", folder / "out")
    assert done.code == 0, done.err
    return made.out, checked.out, done.out


@pytest.mark.parametrize("listed", [True, False])
def test_every_image_of_an_ome_tiff_reaches_the_store(tmp_path, command, listed):
    for well in WELLS:
        with tifffile.TiffWriter(tmp_path / f"{well}.ome.tif", ome=True) as writer:
            for site in range(3):
                meta = {"axes": "CYX", "Channel": {"Name": STAINS}}
                writer.write(pixels(well, site), metadata=meta, photometric="minisblack")
    (tmp_path / "platemap.txt").write_text(MAP)
    if listed:
        rows = [f"P1,{well},{well}.ome.tif" for well in WELLS]
        text = "\n".join(["Metadata_Plate,Metadata_Well,file", *rows])
        (tmp_path / "images.csv").write_text(text + "\n")
    _, checked, done = take(command, tmp_path)
    assert "images: 12 rows in, 12 matched" in checked
    assert "Plates as OME-Zarr 0.5: " in done
    found = prepared(tmp_path / "out")
    plate = "P1" if listed else tmp_path.name
    assert len(found) == 12
    for well in WELLS:
        for site in range(3):
            place = f"{plate}.zarr/{well[0]}/{int(well[1:])}/{site + 1}"
            np.testing.assert_array_equal(found[place], pixels(well, site))


@pytest.mark.parametrize("labels", [STAINS, None])
def test_the_stains_of_imagej_hyperstacks_reach_the_store(tmp_path, command, labels):
    for well in WELLS:
        meta = {"axes": "CYX"} | ({"Labels": labels} if labels else {})
        path = tmp_path / "PlateA" / f"{well}_s2.tif"
        path.parent.mkdir(exist_ok=True)
        tifffile.imwrite(path, pixels(well, 1), imagej=True, metadata=meta)
    (tmp_path / "platemap.txt").write_text(MAP)
    made, checked, _ = take(command, tmp_path)
    assert ("images.channels: which stains" in made) == (labels is None)
    assert "images: 4 rows in, 4 matched" in checked
    found = prepared(tmp_path / "out")
    assert sorted(found) == sorted(f"PlateA.zarr/{w[0]}/{int(w[1:])}/2" for w in WELLS)
    for well in WELLS:
        np.testing.assert_array_equal(
            found[f"PlateA.zarr/{well[0]}/{int(well[1:])}/2"], pixels(well, 1)
        )


def test_planes_and_stains_of_imagej_hyperstacks_are_told_apart(tmp_path, command):
    for well in WELLS:
        stack = np.stack([pixels(well, 0), pixels(well, 1)])
        meta = {"axes": "ZCYX"}
        tifffile.imwrite(tmp_path / f"P1_{well}.tif", stack, imagej=True, metadata=meta)
    made = command("init", tmp_path, "-o", tmp_path / "study.toml")
    assert "2 planes a field" in made.err + made.out


def test_an_ome_zarr_plate_with_few_of_its_wells_reaches_the_store(tmp_path, command):
    """The least that readers meet: axes without types, no scale, wells listed and never written."""
    plate = zarr.create_group(tmp_path / "plate1.zarr", zarr_format=2)
    listed = [f"{row}/{column}" for row in "AB" for column in range(1, 7)]
    plate.attrs["plate"] = {"wells": [{"path": path} for path in listed], "version": "0.4"}
    for well in WELLS:
        group = plate.create_group(f"{well[0]}/{int(well[1:])}")
        group.attrs["well"] = {"images": [{"path": "0"}], "version": "0.4"}
        image = group.create_group("0")
        image.create_array("0", data=pixels(well, 0), chunks=(1, 24, 24))
        image.attrs["multiscales"] = [
            {"version": "0.4", "axes": [{"name": a} for a in "cyx"], "datasets": [{"path": "0"}]}
        ]
        image.attrs["omero"] = {"channels": [{"label": stain} for stain in STAINS]}
    (tmp_path / "platemap.txt").write_text(MAP)
    made, checked, _ = take(command, tmp_path)
    assert "stains DNA, ER" in made
    assert "images: 12 rows in, 4 matched, 8 unmatched (plate1/A03/0" in checked
    found = prepared(tmp_path / "out")
    assert len(found) == 4
    for well in WELLS:
        place = f"plate1.zarr/{well[0]}/{int(well[1:])}/0"
        np.testing.assert_array_equal(found[place], pixels(well, 0))


def test_the_store_opens_as_a_plate(tmp_path, command):
    parse = pytest.importorskip("ome_zarr.io").parse_url
    reader = pytest.importorskip("ome_zarr.reader").Reader
    rows = ["Metadata_Plate,Metadata_Well,Metadata_Site,DNA,ER"]
    for well in WELLS:
        for site in ("1", "f_2"):
            for number, stain in enumerate(STAINS):
                tifffile.imwrite(tmp_path / f"{well}{site}{stain}.tif", pixels(well, 0)[number])
            rows.append(f"P 1,{well},{site},{well}{site}DNA.tif,{well}{site}ER.tif")
    (tmp_path / "images.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "platemap.txt").write_text(MAP)
    take(command, tmp_path)
    (plate,) = (tmp_path / "out" / "store").glob("images-*/*.zarr")
    about = json.loads((plate / "zarr.json").read_text())["attributes"]["ome"]
    assert (about["version"], about["plate"]["name"], about["plate"]["field_count"]) == (
        "0.5", "P 1", 2,
    )  # fmt: skip
    (node, *_) = list(reader(parse(plate))())
    mosaic = np.asarray(node.data[0])
    assert mosaic.shape[0] == 2
    first = pixels("A01", 0)
    np.testing.assert_array_equal(mosaic[:, :24, :24], first)
    (shown,) = {tuple(sorted(c["window"])) for c in omero(plate / "A" / "1" / "1")}
    assert shown == ("end", "max", "min", "start")
    models = pytest.importorskip("ome_zarr_models")
    models.open_ome_zarr(zarr.open_group(plate, mode="r"), version="0.5")


def omero(image):
    attributes = json.loads((image / "zarr.json").read_text())["attributes"]["ome"]
    assert [c["label"] for c in attributes["omero"]["channels"]] == STAINS
    return attributes["omero"]["channels"]
