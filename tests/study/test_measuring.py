"""Measuring with label images made elsewhere, and what gives no cell, by name."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tifffile
from skimage.io import imsave
from skimage.segmentation import find_boundaries

from phenolens.files import read_json
from phenolens.segment.with_cellpose import _network
from phenolens.simulate import ScreenDesign, write_screen

STUDY = """
[data.images]
table = "screen/**/load_data.csv"
layout = "load_data"
root = "screen"
labels = { Nuclei = "NucleiFile", Cells = "CellsFile" }

[measure]
families = ["AreaShape", "Intensity"]
"""
KEY = ["Metadata_Well", "Metadata_ObjectNumber"]


@pytest.fixture(scope="session")
def labelled(tmp_path_factory) -> Path:
    """One plate of 4 wells whose true nuclei and cells lie beside the images."""
    folder = tmp_path_factory.mktemp("labelled")
    design = ScreenDesign(
        replicates=1,
        plates=1, batches=1, treatments=2, control_wells=2, sites=1, mechanisms=1, inactive=0,
        toxic=0, field_size=192,
    )  # fmt: skip
    write_screen(design, folder / "screen", truth_images=True)
    for path in folder.rglob("load_data.csv"):
        frame = pd.read_csv(path)
        place = "truth/images/" + frame["Metadata_Plate"].astype(str) + "/"
        place += frame["Metadata_Well"] + "-" + frame["Metadata_Site"].astype(str)
        frame["NucleiFile"], frame["CellsFile"] = place + "_nuclei.tiff", place + "_cells.tiff"
        frame.to_csv(path, index=False)
    (folder / "study.toml").write_text(STUDY)
    return folder


@pytest.fixture
def copy(labelled, tmp_path) -> Path:
    shutil.copytree(labelled, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.fixture
def measure(command):
    return lambda folder, verb="measure": command(
        verb, folder / "study.toml", "--jobs", 1, "--out", folder / "out"
    )


def table_of(folder: Path) -> Path:
    return next(iter(folder.glob("screen/**/load_data.csv")))


def cells_of(folder: Path) -> pd.DataFrame:
    return pd.concat(map(pd.read_parquet, sorted((folder / "out" / "cells").glob("*.parquet"))))


def truth(folder: Path, name: str) -> dict[str, np.ndarray]:
    found = sorted((folder / "screen" / "truth").rglob(f"*_{name}.tiff"))
    return {path.name.split("-")[0]: tifffile.imread(path) for path in found}


def test_measured_objects_are_those_that_were_given(copy, measure):
    assert measure(copy).code == 0
    cells = cells_of(copy).set_index(KEY)
    for name, feature in (("nuclei", "Nuclei_AreaShape_Area"), ("cells", "Cells_AreaShape_Area")):
        expected = {
            (well, number): (image == number).sum()
            for well, image in truth(copy, name).items()
            for number in np.unique(image[image > 0])
        }
        assert cells[feature].dropna().to_dict() == expected
    assert (copy / "out" / "fields.parquet").is_file()
    assert "fields_without_usable_labels" not in str(
        read_json(copy / "out" / "ledger.json")["counts"]
    )


def test_cells_are_grown_where_only_nuclei_are_given(copy, measure):
    text = (copy / "study.toml").read_text()
    (copy / "study.toml").write_text(text.replace(', Cells = "CellsFile"', ""))
    assert measure(copy).code == 0
    cells = cells_of(copy)
    nuclei = truth(copy, "nuclei")
    assert len(cells) == sum(len(np.unique(image)) - 1 for image in nuclei.values())
    assert (cells["Cells_AreaShape_Area"] >= cells["Nuclei_AreaShape_Area"]).all()


def test_outlines_in_place_of_labels(copy, measure):
    for name in ("nuclei", "cells"):
        for path in sorted((copy / "screen" / "truth").rglob(f"*_{name}.tiff")):
            lines = find_boundaries(tifffile.imread(path), mode="inner")
            imsave(path.with_suffix(".png"), lines.astype(np.uint8) * 255, check_contrast=False)
    table = table_of(copy)
    table.write_text(table.read_text().replace("s.tiff", "s.png").replace("i.tiff", "i.png"))
    table.write_text(table.read_text().replace("CellsFile", "FileName_CellOutlines"))
    text = (copy / "study.toml").read_text().replace("CellsFile", "FileName_CellOutlines")
    (copy / "study.toml").write_text(text.replace("Nuclei =", "NucleiOutlines ="))
    assert measure(copy).code == 0
    cells = cells_of(copy)
    true = sum((image > 0).sum() for image in truth(copy, "nuclei").values())
    assert cells["Nuclei_AreaShape_Area"].sum() == pytest.approx(true, rel=0.03)
    both = cells.dropna(subset=["Nuclei_AreaShape_Area", "Cells_AreaShape_Area"])
    share = (both["Cells_AreaShape_Area"] > both["Nuclei_AreaShape_Area"]).mean()
    assert share > 0.9


DAMAGES = {
    "float32 values": lambda path: tifffile.imwrite(path, tifffile.imread(path) / np.float32(7)),
    "its shape is": lambda path: tifffile.imwrite(path, tifffile.imread(path)[:-3]),
    "the file is missing": lambda path: path.unlink(),
    "cannot be read": lambda path: path.write_bytes(path.read_bytes()[:90]),
}


def test_a_field_with_unusable_labels_is_set_aside_by_name(copy, measure):
    files = sorted((copy / "screen" / "truth").rglob("*_nuclei.tiff"))
    for path, damage in zip(files[:3], list(DAMAGES.values())[:3], strict=True):
        damage(path)
    assert measure(copy).code == 0
    ledger = read_json(copy / "out" / "ledger.json")
    assert ledger["counts"]["measure"]["fields_without_usable_labels"] == 3
    aside = {Path(item["file"]): item for item in ledger["set_aside"] if item["file"]}
    for path, reason in zip(files[:3], DAMAGES, strict=False):
        assert reason in aside[path]["reason"]
        assert aside[path]["well"] == path.name.split("-")[0]
    left = {path.name.split("-")[0] for path in files[3:]}
    assert set(cells_of(copy)["Metadata_Well"]) == left
    assert set(pd.read_parquet(copy / "out" / "fields.parquet")["Metadata_Well"]) == left


def test_labels_that_are_mended_are_measured_in_the_next_run(copy, measure):
    path = sorted((copy / "screen" / "truth").rglob("*_nuclei.tiff"))[0]
    whole = path.read_bytes()
    path.write_bytes(whole[:90])
    assert measure(copy).code == 0
    before = len(cells_of(copy))
    path.write_bytes(whole)
    assert measure(copy).code == 0
    assert len(cells_of(copy)) > before
    counts = read_json(copy / "out" / "ledger.json")["counts"].get("measure", {})
    assert "fields_without_usable_labels" not in counts


def test_no_usable_label_image_at_all_is_refused(copy, measure):
    for path in (copy / "screen" / "truth").rglob("*_nuclei.tiff"):
        path.unlink()
    line = measure(copy).refused()
    assert "None of 4 fields can be measured" in line
    assert "label image of Nuclei" in line and "the file is missing" in line


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Nuclei =", "Nucleus =", "labels has no 'Nucleus'"),
        ('Nuclei = "NucleiFile", ', "", "labels needs Nuclei"),
        ("NucleiFile", "NucleusFile", "no column 'NucleusFile'"),
        ('root = "screen"', 'root = "screen"\nlevel = "cell"', "labels are for fields or tiles"),
    ],
)
def test_labels_that_cannot_be_meant_are_refused(copy, measure, old, new, said):
    text = (copy / "study.toml").read_text()
    (copy / "study.toml").write_text(text.replace(old, new, 1))
    assert said in measure(copy).refused()


def test_a_crop_without_nucleus_is_listed(tmp_path, measure, labelled):
    """Crops around true nuclei, and one of even background."""
    rows, crops = [], []
    table = pd.read_csv(table_of(labelled))
    nuclei = truth(labelled, "nuclei")[table["Metadata_Well"][0]]
    folder = labelled / "screen" / table["PathName_OrigDNA"][0]
    dna = tifffile.imread(folder / table["FileName_OrigDNA"][0])
    for number in np.unique(nuclei[nuclei > 0]):
        y, x = np.argwhere(nuclei == number).mean(axis=0).astype(int)
        if min(y, x) >= 34 and max(y, x) < nuclei.shape[0] - 34:
            crops.append(dna[y - 34 : y + 34, x - 34 : x + 34])
    crops.append(np.full((68, 68), 100, dna.dtype))
    np.save(tmp_path / "crops.npy", np.stack(crops))
    for index in range(len(crops)):
        key = {"Metadata_Plate": "P1", "Metadata_Well": "A01", "Metadata_Site": 1}
        rows.append(key | {"file": "crops.npy", "index": index})
    pd.DataFrame(rows).to_csv(tmp_path / "images.csv", index=False)
    (tmp_path / "study.toml").write_text(
        '[data.images]\ntable = "images.csv"\nlevel = "cell"\nfile = "file"\nindex = "index"\n'
        'channels = ["DNA"]\n[measure]\nfamilies = ["AreaShape"]\n'
    )
    assert measure(tmp_path).code == 0
    ledger = read_json(tmp_path / "out" / "ledger.json")
    last = str(len(crops) - 1)
    lost = [i for i in ledger["set_aside"] if i["reason"].startswith("no nucleus near the middle")]
    assert last in [item["object"] for item in lost]
    assert {(i["plate"], i["well"], i["site"]) for i in lost} == {("P1", "A01", "1")}
    assert ledger["counts"]["measure"]["crops_without_nucleus"] == len(lost)
    assert len(cells_of(tmp_path)) == len(crops) - len(lost) > 0


def without_labels(folder: Path, method: str) -> None:
    text = (folder / "study.toml").read_text()
    kept = [line for line in text.splitlines() if not line.startswith("labels")]
    (folder / "study.toml").write_text("\n".join([*kept, f"[segment]\n{method}\n"]))


def test_cellpose_that_is_not_installed_is_refused(copy, measure, monkeypatch):
    monkeypatch.setitem(sys.modules, "cellpose", None)
    without_labels(copy, 'method = "cellpose"')
    assert "pip install 'phenolens[cellpose]'" in measure(copy).refused()


def test_cellpose_beside_given_labels_is_refused(copy, measure):
    with (copy / "study.toml").open("a") as stream:
        stream.write('[segment]\nmethod = "cellpose"\n')
    assert "take one of the two out" in measure(copy).refused()


def test_cellpose_takes_no_options_of_the_other_method(copy, measure):
    without_labels(copy, 'method = "cellpose"\noptions = { neck = 0.5 }')
    assert "none of the options" in measure(copy).refused()


def test_objects_of_cellpose_are_measured(copy, measure, monkeypatch):
    """A small stand-in takes Cellpose's place: this shows our side of the call, not its network."""

    class StandIn:
        def __init__(self, gpu):
            pass

        def eval(self, image, *, channel_axis, diameter):
            masks = np.zeros(image.shape[:2], np.uint16)
            masks[10:40, 10:40] = 1
            return masks, [], []

    fake = ModuleType("cellpose")
    fake.models = SimpleNamespace(CellposeModel=StandIn)
    monkeypatch.setitem(sys.modules, "cellpose", fake)
    _network.cache_clear()
    without_labels(copy, 'method = "cellpose"')
    assert measure(copy).code == 0
    _network.cache_clear()
    assert (cells_of(copy)["Nuclei_AreaShape_Area"] == 900).all()
    assert len(cells_of(copy)) == 4


def test_weights_by_quality_need_control_fields(copy, measure):
    text = (copy / "study.toml").read_text()
    (copy / "study.toml").write_text(text + "\n[normalize]\nquality_weights = true\n")
    told = measure(copy, verb="normalize")
    assert told.code == 2
    assert "need 8 control fields to say what is usual; there are 0" in told.err
