"""Folders as strangers have them, at the command: what each must give, and what it gave.

One JSON line: how many of the doors opened as expected, and what was wrong with the others. Each
folder is made here, from the forms that docs/formats.md lists; nothing is read from elsewhere.
``python bench/doors.py [NAME ...]``; ``-v`` shows what the command said.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import re
import sqlite3
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile

STAINS = ("DNA", "ER", "RNA")
WELLS = ("A01", "A02", "B01", "B02")
INIT = ("init", ".", "-o", "study.toml", "--force")
CHECK = ("check", "study.toml")
INIT_CHECK = (INIT, CHECK)
# in one process: workers outlive a door, and would stand in a folder that is gone
PREPARE = ("prepare", "study.toml", "--jobs", "1")
MEASURE = ("measure", "study.toml", "--jobs", "1")
ACTIVITY = (
    "activity", "--same-by", "Metadata_compound", "--controls", "Metadata_compound == 'DMSO'",
    "-o", "out.csv",
)  # fmt: skip


@dataclass(frozen=True)
class Door:
    """A folder, the commands that are run in it, and what the last of them must say.

    Attributes
    ----------
    build : callable
        Writes the folder.
    commands : sequence of sequence of str
        Run in turn, until one fails.
    code : int
        Exit code of the last that ran.
    says : sequence of str
        Regular expressions that all of the output must hold.
    never : sequence of str
        Those that it must not hold.
    """

    build: Callable[[Path], object]
    commands: Sequence[Sequence[str]] = INIT_CHECK
    code: int = 0
    says: Sequence[str] = ()
    never: Sequence[str] = field(default=(r"Traceback",))


DOORS: dict[str, Door] = {}


def door(name: str, **expected: object) -> Callable:
    """Register a builder as a door of this name."""

    def keep(build: Callable[[Path], object]) -> Callable[[Path], object]:
        DOORS[name] = Door(build, **expected)
        return build

    return keep


def counted(*, wells: int, images: int, plates: int = 1) -> tuple[str, ...]:
    """What `check` says of a screen of this size."""
    return rf"(?m)^wells: {wells}$", rf"(?m)^images: {images}$", rf"(?m)^plates: {plates}$"


def pixels(seed: int, shape: tuple[int, ...] = (48, 48)) -> np.ndarray:
    """A dim field with a few bright discs."""
    random = np.random.default_rng(seed)
    field_ = random.poisson(300, shape[-2:]).astype(np.uint16)
    rows, columns = np.indices(field_.shape)
    for row, column in random.integers(6, min(shape[-2:]) - 6, (4, 2)):
        field_[(rows - row) ** 2 + (columns - column) ** 2 < 20] += 3000
    return np.broadcast_to(field_, shape).copy()


def write(path: Path, image: np.ndarray | None = None, **options: object) -> Path:
    """A TIFF; its pixels depend on its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = pixels(sum(path.name.encode())) if image is None else image
    tifffile.imwrite(path, image, **options)
    return path


def plate_map(folder: Path, text: str | None = None, name: str = "platemap.csv") -> None:
    """What is in the four wells."""
    lines = ["well_position,compound", "A01,DMSO", "A02,taxol", "B01,DMSO", "B02,taxol"]
    (folder / name).write_text(text or "\n".join(lines) + "\n", encoding="utf-8")


def load_data(folder: Path, *, stains: Iterable[str] = STAINS, **changed: str) -> pd.DataFrame:
    """Four wells, a site each; `changed` gives a stain another's file."""
    rows = []
    for well in WELLS:
        row = {"Metadata_Plate": "P1", "Metadata_Well": well, "Metadata_Site": 1}
        for stain in stains:
            write(folder / "images" / f"P1_{well}_s1_{stain}.tif")
            row[f"FileName_Orig{stain}"] = f"P1_{well}_s1_{changed.get(stain, stain)}.tif"
            row[f"PathName_Orig{stain}"] = "images"
        rows.append(row)
    frame = pd.DataFrame(rows)
    frame.to_csv(folder / "load_data.csv", index=False)
    plate_map(folder)
    return frame


def phenix(
    folder: Path, *, form: str = "r{r:02d}c{c:02d}f01p{p:02d}-ch{k}sk{t}fk1fl1.tiff",
    plate: str = "PL1", planes: int = 1, times: int = 1,
) -> None:  # fmt: skip
    """Four wells, three channels."""
    for r, c, p, t, k in itertools.product(
        (1, 2), (1, 2), range(1, planes + 1), range(1, times + 1), (1, 2, 3)
    ):
        write(folder / plate / "Images" / form.format(r=r, c=c, p=p, t=t, k=k))


def profiles(wells: int = 96, features: int = 12) -> pd.DataFrame:
    """Three plates, six compounds and DMSO, the first two with an effect."""
    random = np.random.default_rng(5)
    frames = []
    for plate in ("P1", "P2", "P3"):
        names = [f"{'ABCDEFGH'[n // 12]}{n % 12 + 1:02d}" for n in range(wells)]
        compounds = random.permutation(
            [f"cpd{n % 6}" if n < wells // 2 else "DMSO" for n in range(wells)]
        )
        values = random.normal(size=(wells, features))
        for number in (0, 1):
            values[compounds == f"cpd{number}", number::2] += 4
        about = {"Metadata_Plate": plate, "Metadata_Well": names, "Metadata_compound": compounds}
        named = {f"Cells_AreaShape_F{n}": values[:, n] for n in range(features)}
        frames.append(pd.DataFrame(about | named))
    return pd.concat(frames, ignore_index=True)


@door("phenix", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    phenix(folder)
    plate_map(folder)


@door("phenix, exported with a prefix", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    phenix(folder, form="flex_r{r:02d}c{c:02d}f01p{p:02d}-ch{k}sk{t}fk1fl1.tiff")


@door("phenix, planes", code=2, says=["3 planes a field", 'projection = "max"'])
def _(folder: Path) -> None:
    phenix(folder, planes=3)


@door(
    "phenix, planes, decided",
    commands=(INIT, (*CHECK, "--set", 'data.images.projection="max"')),
    says=counted(wells=4, images=4),
)
def _(folder: Path) -> None:
    phenix(folder, planes=3)


@door("phenix, time points", code=2, says=["2 time points", "timepoint == 1"])
def _(folder: Path) -> None:
    phenix(folder, times=2)


@door("phenix, measured twice", code=2, says=["PL1", "Measurement 1", "Measurement 2"])
def _(folder: Path) -> None:
    for number in (1, 2):
        phenix(folder, plate=f"PL1__2021-01-01T00_00_00-Measurement {number}")
    plate_map(folder)


@door("operetta, older names", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    form = "{r:03d}{c:03d}-1-001001{k:03d}.tif"
    for r, c, k in itertools.product((1, 2), (1, 2), (1, 2, 3)):
        write(folder / "PL1" / form.format(r=r, c=c, k=k))


@door("phenix, a resolution that is no number", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    phenix(folder)
    (folder / "PL1" / "Images" / "Index.idx.xml").write_text(
        '<?xml version="1.0"?><EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5">'
        "<Images><Image><ChannelID>1</ChannelID><ChannelName>DNA</ChannelName>"
        '<ImageResolutionX Unit="m">-NaN</ImageResolutionX></Image></Images>'
        "</EvaluationInputData>"
    )


@door("imagexpress, thumbnails left out", says=(*counted(wells=4, images=8), "thumb"))
def _(folder: Path) -> None:
    for well, site, channel in itertools.product(WELLS, (1, 2), (1, 2, 3)):
        name = f"PLATE1_{well}_s{site}_w{channel}"
        write(folder / f"{name}A1B2C3D4-0000-1111-2222-333344445555.tif")
        write(folder / f"{name}_thumbA1B2C3D4-0000-1111-2222-333344445555.tif", pixels(1, (16, 16)))


@door("cv8000", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    for well, channel in itertools.product(WELLS, (1, 2, 3)):
        write(folder / f"AssayPlate_Greiner_{well}_T0001F001L01A01Z01C{channel:02d}.tif")


@door("cv8000, planes", code=2, says=["2 planes a field"])
def _(folder: Path) -> None:
    for well, plane, channel in itertools.product(WELLS, (1, 2), (1, 2, 3)):
        write(folder / f"AssayPlate_{well}_T0001F001L01A01Z{plane:02d}C{channel:02d}.tif")


@door("incell", says=(*counted(wells=4, images=8), "DAPI"))
def _(folder: Path) -> None:
    for row, column, site, wave in itertools.product(
        "AB", (1, 2), (1, 2), ("DAPI - DAPI", "FITC - FITC")
    ):
        write(folder / f"{row} - {column}(fld {site} wv {wave}).tif")


@door("names of another kind", says=(*counted(wells=4, images=4), "guessed from names", "pattern"))
def _(folder: Path) -> None:
    for well, channel in itertools.product(WELLS, ("blue", "red")):
        write(folder / f"exp7-{well}-{channel}-final.tif")


@door(
    "gallery tree without LoadData", says=(*counted(wells=8, images=8, plates=2), "treatments: 2")
)
def _(folder: Path) -> None:
    for number in (1, 2):
        phenix(folder / "images/B1/images", plate=f"PL{number}__2021-03-02T01_02_03-Measurement 1")
    maps = folder / "workspace/metadata/platemaps/B1"
    (maps / "platemap").mkdir(parents=True)
    (maps / "barcode_platemap.csv").write_text(
        "Assay_Plate_Barcode,Plate_Map_Name\nPL1,map1\nPL2,map1\n"
    )
    rows = ["A01\tDMSO", "A02\ttaxol", "B01\tDMSO", "B02\ttaxol"]
    lines = ["plate_map_name\twell_position\tcompound", *(f"map1\t{row}" for row in rows)]
    (maps / "platemap" / "map1.txt").write_text("\n".join(lines) + "\n")


@door(
    "LoadData, images elsewhere",
    commands=(INIT,),
    code=2,
    says=["LoadData", "s3://bucket", "root"],
)
def _(folder: Path) -> None:
    frame = load_data(folder)
    for stain in STAINS:
        frame[f"URL_Orig{stain}"] = "s3://bucket/" + frame.pop(f"FileName_Orig{stain}")
        del frame[f"PathName_Orig{stain}"]
    frame.to_csv(folder / "load_data.csv", index=False)
    for path in (folder / "images").iterdir():
        path.unlink()


@door(
    "LoadData, a stain of two names", commands=INIT_CHECK, code=2,
    says=["RNA in 2, SYTO in 2", 'channels = \\["DNA", "ER"\\]'],
)  # fmt: skip
def _(folder: Path) -> None:
    frame = load_data(folder)
    rows = frame["Metadata_Well"].str.startswith("B")
    for part in ("FileName", "PathName"):
        frame[f"{part}_OrigSYTO"] = frame[f"{part}_OrigRNA"].where(rows)
        frame[f"{part}_OrigRNA"] = frame[f"{part}_OrigRNA"].where(~rows)
    frame.to_csv(folder / "load_data.csv", index=False)


@door(
    "LoadData, a stain without files",
    says=["no row names a file of AGP", *counted(wells=4, images=4)],
)
def _(folder: Path) -> None:
    frame = load_data(folder)
    frame.assign(FileName_OrigAGP=None, PathName_OrigAGP="images").to_csv(
        folder / "load_data.csv", index=False
    )


@door("LoadData, other stains in another table", says=[r"RNA \(such as", r"Actin \(such as"])
def _(folder: Path) -> None:
    frame = load_data(folder)
    frame.to_csv(folder / "load_data_1.csv", index=False)
    names = {f"{part}_OrigRNA": f"{part}_OrigActin" for part in ("FileName", "PathName")}
    other = frame.rename(columns=names).assign(Metadata_Plate="P2")
    for path in (folder / "images").iterdir():
        write(folder / "images" / path.name.replace("P1", "P2"))
    files = [name for name in other if name.startswith("FileName")]
    other[files] = other[files].replace("P1", "P2", regex=True)
    other.to_csv(folder / "load_data_2.csv", index=False)
    (folder / "load_data.csv").unlink()


@door("one file for two stains", code=2, says=["ER", "RNA", "one file", "P1_A01_s1_ER"])
def _(folder: Path) -> None:
    load_data(folder, RNA="ER")


@door(
    "a pixel that is no number",
    commands=(*INIT_CHECK, PREPARE),
    says=['"well": "A02"', "P1_A02_s1_ER.tif"],
)
def _(folder: Path) -> None:
    load_data(folder)
    for path in (folder / "images").iterdir():
        image = tifffile.imread(path).astype(np.float32)
        image[3, 3] = np.nan if path.name == "P1_A02_s1_ER.tif" else 5
        tifffile.imwrite(path, image)


@door("two image sizes", says=["48", "24", r"1 well|A02"])
def _(folder: Path) -> None:
    load_data(folder)
    for stain in STAINS:
        write(folder / "images" / f"P1_A02_s1_{stain}.tif", pixels(1, (24, 24)))


@door("one field of another depth", says=["uint32", "A02"])
def _(folder: Path) -> None:
    load_data(folder)
    for stain in STAINS:
        write(folder / "images" / f"P1_A02_s1_{stain}.tif", pixels(1).astype(np.uint32))


@door("one colour picture", says=["A02", "colour|RGB"])
def _(folder: Path) -> None:
    load_data(folder)
    image = np.stack([pixels(1)] * 3, axis=-1).astype(np.uint8)
    write(folder / "images" / "P1_A02_s1_ER.tif", image, photometric="rgb")


@door(
    "an empty file and one cut short",
    commands=(*INIT_CHECK, PREPARE),
    says=["2 files cannot be used", '"well": "A02"', '"well": "B01"'],
)
def _(folder: Path) -> None:
    load_data(folder)
    (folder / "images" / "P1_A02_s1_ER.tif").write_bytes(b"")
    path = folder / "images" / "P1_B01_s1_ER.tif"
    path.write_bytes(path.read_bytes()[:60])


@door("OME-TIFF of three fields", says=counted(wells=4, images=12))
def _(folder: Path) -> None:
    rows = []
    for well in WELLS:
        path = folder / f"{well}.ome.tif"
        with tifffile.TiffWriter(path, ome=True) as file:
            for site in range(3):
                file.write(pixels(site, (3, 48, 48)), metadata={"axes": "CYX"})
        rows.append({"Metadata_Plate": "P1", "Metadata_Well": well, "file": path.name})
    pd.DataFrame(rows).to_csv(folder / "images.csv", index=False)


@door("OME-Zarr plate", says=counted(wells=4, images=8))
def _(folder: Path) -> None:
    import zarr

    root = zarr.open_group(str(folder / "P1.zarr"), mode="w", zarr_format=2)
    root.attrs["plate"] = {
        "version": "0.4", "name": "P1", "rows": [{"name": "A"}, {"name": "B"}],
        "columns": [{"name": "1"}, {"name": "2"}], "field_count": 2,
        "wells": [
            {"path": f"{r}/{c}", "rowIndex": "AB".index(r), "columnIndex": c - 1}
            for r, c in itertools.product("AB", (1, 2))
        ],
    }  # fmt: skip
    axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space"} for n in "yx")]
    for row, column in itertools.product("AB", (1, 2)):
        well = root.create_group(f"{row}/{column}")
        well.attrs["well"] = {"version": "0.4", "images": [{"path": "0"}, {"path": "1"}]}
        for site in "01":
            image = well.create_group(site)
            image.attrs["multiscales"] = [
                {
                    "version": "0.4", "axes": axes,
                    "datasets": [
                        {"path": "0", "coordinateTransformations": [
                            {"type": "scale", "scale": [1, 0.65, 0.65]}]}
                    ],
                }
            ]  # fmt: skip
            image.attrs["omero"] = {"channels": [{"label": stain} for stain in STAINS]}
            image.create_array("0", data=pixels(int(site), (3, 48, 48)), chunks=(1, 48, 48))
    plate_map(folder)


@door("CZI without its reader", commands=(INIT,), code=2, says=["pip install", "bioio"])
def _(folder: Path) -> None:
    (folder / "P1_A01.czi").write_bytes(b"ZISRAWFILE" + b"\0" * 600)


@door("brackets and letters in a path", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    phenix(folder / "Überblick [1] #3", plate="PL 1 (é)")


@door("a folder that links to itself", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    phenix(folder)
    (folder / "again").symlink_to(folder, target_is_directory=True)


@door("links to files that are here", says=(*counted(wells=4, images=4), "a link to"))
def _(folder: Path) -> None:
    phenix(folder / "real")
    (folder / "links/PL1/Images").mkdir(parents=True)
    for path in (folder / "real/PL1/Images").iterdir():
        (folder / "links/PL1/Images" / path.name).symlink_to(path)


@door("half an acquisition", says=(r"(?m)^images: 3$", "B02"))
def _(folder: Path) -> None:
    phenix(folder)
    (folder / "PL1/Images/r02c02f01p01-ch3sk1fk1fl1.tiff").unlink()


@door("two microscopes in one tree", commands=(INIT,), says=["PLATE1|imagexpress|ImageXpress"])
def _(folder: Path) -> None:
    phenix(folder / "phenix")
    for well, channel in itertools.product(WELLS, (1, 2, 3)):
        write(folder / "ix" / f"PLATE1_{well}_s1_w{channel}.tif")


@door("imagexpress, stains in its description", says=(*counted(wells=4, images=4), "Hoechst"))
def _(folder: Path) -> None:
    for well, channel in itertools.product(WELLS, (1, 2)):
        write(folder / "PLATE1" / f"PLATE1_{well}_w{channel}.TIF")
    lines = [
        '"HTSInfoFile", Version 1.0', '"Description", ""', '"TimePoints", 1', '"XWells", 12',
        '"YWells", 8', *(f'"WellsSelection{n}", {", ".join(["TRUE"] * 12)}' for n in range(1, 9)),
        '"Sites", FALSE', '"Waves", TRUE', '"NWavelengths", 2', '"WaveName1", "Hoechst"',
        '"WaveName2", "FITC"', '"ZSeries", FALSE', '"EndFile"',
    ]  # fmt: skip
    (folder / "PLATE1" / "PLATE1.HTD").write_text("\r\n".join(lines))


@door("imagexpress, planes as pages", code=2, says=["3 planes a field", 'projection = "max"'])
def _(folder: Path) -> None:
    for well, channel in itertools.product(WELLS, (1, 2)):
        image = pixels(channel, (3, 48, 48))
        write(
            folder / "PLATE1" / f"PLATE1_{well}_s1_w{channel}.TIF", image, photometric="minisblack"
        )


@door("imagexpress, time points", code=2, says=["2 time points"])
def _(folder: Path) -> None:
    for time_, well, channel in itertools.product((1, 2), WELLS, (1, 2)):
        write(folder / "PLATE1" / f"TimePoint_{time_}" / f"PLATE1_{well}_s1_w{channel}.TIF")


@door("scanr, wells as numbers", code=2, says=["plate_format"])
def _(folder: Path) -> None:
    for well, stain in itertools.product((1, 2, 13, 14), ("DAPI", "GFP")):
        write(folder / "data" / f"--W{well:05d}--P00001--Z00000--T00000--{stain}.tif")


@door("an index of another instrument", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    phenix(folder)
    (folder / "PL1" / "Images" / "Index.idx.xml").write_text(
        '<?xml version="1.0"?><ImageStack xmlns="urn:other"><Wells/></ImageStack>'
    )


@door("channels called differently on two plates", code=2, says=["Hoechst on PL1 and DAPI on PL2"])
def _(folder: Path) -> None:
    for plate, first in (("PL1", "Hoechst"), ("PL2", "DAPI")):
        phenix(folder, plate=plate)
        channels = "".join(
            f"<Image><ChannelID>{k}</ChannelID><ChannelName>{name}</ChannelName></Image>"
            for k, name in ((1, first), (2, "ER"), (3, "RNA"))
        )
        (folder / plate / "Images" / "Index.idx.xml").write_text(
            '<?xml version="1.0"?>'
            '<EvaluationInputData xmlns="http://www.perkinelmer.com/PEHH/HarmonyV5">'
            f"<Images>{channels}</Images></EvaluationInputData>"
        )


@door("ImageJ stacks with channels", says=counted(wells=4, images=4))
def _(folder: Path) -> None:
    for well in WELLS:
        path = folder / f"{well}.tif"
        tifffile.imwrite(path, pixels(1, (3, 48, 48)), imagej=True, metadata={"axes": "CYX"})


@door("pictures in JPEG", says=["images-lossy", "JPEG"])
def _(folder: Path) -> None:
    from skimage.io import imsave

    for well, channel in itertools.product(WELLS, (1, 2)):
        image = (pixels(channel) // 16).astype(np.uint8)
        imsave(folder / f"PLATE1_{well}_s1_w{channel}.jpg", image, check_contrast=False)


@door("pictures of one bit", commands=(*INIT_CHECK, PREPARE), says=["OME-Zarr"])
def _(folder: Path) -> None:
    load_data(folder)
    for path in (folder / "images").iterdir():
        tifffile.imwrite(path, tifffile.imread(path) > 2000)


@door("a screen of uint64", commands=(*INIT_CHECK, PREPARE), says=["OME-Zarr"])
def _(folder: Path) -> None:
    load_data(folder)
    for path in (folder / "images").iterdir():
        tifffile.imwrite(path, tifffile.imread(path).astype(np.uint64))


@door("a screen of int32", commands=(*INIT_CHECK, MEASURE))
def _(folder: Path) -> None:
    load_data(folder)
    for path in (folder / "images").iterdir():
        tifffile.imwrite(path, tifffile.imread(path).astype(np.int32))


@door("fields without a cell", commands=(*INIT_CHECK, MEASURE), says=["No cell"])
def _(folder: Path) -> None:
    load_data(folder)
    random = np.random.default_rng(0)
    for path in (folder / "images").iterdir():
        tifffile.imwrite(path, random.poisson(300, (48, 48)).astype(np.uint16))


@door("crops of cells in one stack", says=(r'level = "cell"', r"(?m)^wells: 4$"))
def _(folder: Path) -> None:
    tifffile.imwrite(
        folder / "crops.tif", np.stack([pixels(n, (32, 32)) for n in range(40)]),
        photometric="minisblack",
    )  # fmt: skip
    rows = [("P1", WELLS[n % 4], "crops.tif", n, "DMSO" if n % 2 else "x") for n in range(40)]
    names = ["Metadata_Plate", "Metadata_Well", "file", "index", "compound"]
    pd.DataFrame(rows, columns=names).to_csv(folder / "crops.csv", index=False)


MAPS = {
    "long, semicolons": ("map.csv", "Well;Compound\nA01;DMSO\nA02;taxol\nB01;DMSO\n"),
    "wells 'A - 1'": ("map.txt", "well\tcompound\nA - 1\tDMSO\nA - 2\ttaxol\nB - 1\tDMSO\n"),
    "wells r01c02": ("map.csv", "well,compound\nr01c01,DMSO\nr01c02,taxol\nr02c01,DMSO\n"),
    "wells 01A": ("map.csv", "well,compound\n01A,DMSO\n02A,taxol\n01B,DMSO\n"),
    "wells A001": ("map.csv", "well,compound\nA001,DMSO\nA002,taxol\nB001,DMSO\n"),
    "Row and Column": ("map.csv", "Row,Column,compound\nA,1,DMSO\nA,2,taxol\nB,1,DMSO\n"),
    "words of no usual name": (
        "map.csv", "Puits;Substanz\nA01;DMSO\nA02;taxol\nB01;DMSO\nB02;taxol\n",
    ),
    "spaces": (
        "map.txt", "well compound dose\nA01 DMSO 0\nA02 taxol 1\nB01 DMSO 0\nB02 taxol 1\n",
    ),
    "a note below": (
        "map.csv",
        "well,compound\nA01,DMSO\nA02,taxol\nB01,DMSO\nB02,taxol\n\nNotes: edges are empty,\n",
    ),
    "text that is called .xls": ("map.xls", "Well\tCompound\nA01\tDMSO\nA02\ttaxol\nB01\tDMSO\n"),
    "an acoustic dispenser's": (
        "echo.csv",
        "Source Plate,Source Well,Dest Plate,Dest Well,Compound\nL1,C03,PL1,A01,DMSO\n"
        "L1,C04,PL1,A02,taxol\nL1,C03,PL1,B01,DMSO\nL1,C04,PL1,B02,taxol\n",
    ),
    "its plate in other letters": (
        "map.csv", "barcode,well,compound\npl1,A01,DMSO\npl1,A02,taxol\npl1,B01,DMSO\n",
    ),
    "controls by their type": (
        "map.csv",
        "well,compound,control_type\nA01,water,negative control\nA02,taxol,\n"
        "B01,water,negative control\nB02,taxol,\n",
    ),
    "a grid on its side": (
        "platemap.csv",
        ",A,B,C,D,E,F,G,H\n1,DMSO,DMSO,,,,,,\n2,taxol,taxol,,,,,,\n"
        + "".join(f"{n},,,,,,,,\n" for n in range(3, 13)),
    ),
    "a grid without numbers": (
        "platemap.csv",
        "A,DMSO,taxol" + "," * 10 + "\nB,DMSO,taxol" + "," * 10 + "\n"
        + "".join(f"{letter}{',' * 12}\n" for letter in "CDEFGH"),
    ),
    "a grid": (
        "platemap.csv",
        ",1,2,3,4,5,6,7,8,9,10,11,12\nA,DMSO,taxol" + "," * 10 + "\nB,DMSO,taxol" + "," * 10
        + "\n" + "".join(f"{letter}{',' * 12}\n" for letter in "CDEFGH"),
    ),
}  # fmt: skip
for _name, (_file, _text) in MAPS.items():

    def _mapped(folder: Path, file: str = _file, text: str = _text) -> None:
        phenix(folder)
        plate_map(folder, text, file)

    DOORS[f"plate map: {_name}"] = Door(
        _mapped, says=(*counted(wells=4, images=4), r"(?m)^treatments: [12]$", r"control wells: 2")
    )
for _code in ("utf-8-sig", "utf-16", "utf-16-le", "cp1252"):

    def _encoded(folder: Path, code: str = _code) -> None:
        phenix(folder)
        text = "well,compound\nA01,DMSO\nA02,naïve-Ü\nB01,DMSO\nB02,naïve-Ü\n"
        (folder / "map.csv").write_bytes(text.encode(code))

    DOORS[f"plate map: {_code}"] = Door(_encoded, says=(r"control wells: 2",))


@door(
    "plate map: a column to be named",
    commands=(INIT,),
    says=["Name the one that does", 'compound = "Metadata_Sample ID"', 'file = "map.csv"'],
)
def _(folder: Path) -> None:
    phenix(folder)
    plate_map(folder, "well,Sample ID\nA01,S1\nA02,S2\nB01,S1\nB02,S2\n", "map.csv")


@door(
    "plate map: in the folder of each measurement",
    commands=(INIT,),
    says=[r"_folder ~", "PL.*platemap.csv"],
)
def _(folder: Path) -> None:
    for number in (1, 2):
        name = f"PL{number}__2021-01-0{number}T00_00_00-Measurement 1"
        phenix(folder, plate=name)
        plate_map(folder / name, f"well,compound\nA01,DMSO\nA02,c{number}\nB01,DMSO\n")


@door("plate map: plate 7 of images in 007", says=("control wells: 2", "zeros"))
def _(folder: Path) -> None:
    phenix(folder, plate="7")
    plate_map(folder, "plate,well,compound\n007,A01,DMSO\n007,A02,taxol\n007,B01,DMSO\n")


@door("plate map: plates 7 and 007", says=("control wells: 2", "wells without label: 4"))
def _(folder: Path) -> None:
    for plate in ("7", "007"):
        phenix(folder, plate=plate)
    plate_map(folder, "plate,well,compound\n7,A01,DMSO\n7,A02,taxol\n7,B01,DMSO\n7,B02,taxol\n")


@door("plate map: xlsx", says=(*counted(wells=4, images=4), r"control wells: 2"))
def _(folder: Path) -> None:
    phenix(folder)
    rows = [("A01", "DMSO"), ("A02", "taxol"), ("B01", "DMSO"), ("B02", "taxol")]
    pd.DataFrame(rows, columns=["Well", "Compound"]).to_excel(folder / "map.xlsx", index=False)


@door("plate map: of another plate", commands=(INIT,), says=["PL9"])
def _(folder: Path) -> None:
    phenix(folder)
    plate_map(folder, "plate,well,compound\nPL9,A01,DMSO\nPL9,A02,taxol\n")


@door("plate map: a column that names no wells", commands=(INIT,), says=["colrow"])
def _(folder: Path) -> None:
    phenix(folder)
    plate_map(folder, "colrow,compound\n0101,DMSO\n0102,taxol\n0201,DMSO\n0202,taxol\n")


@door("files that are not used", commands=(INIT,), says=["notes.docx", "old.csv"])
def _(folder: Path) -> None:
    phenix(folder)
    plate_map(folder)
    (folder / "notes.docx").write_bytes(b"PK\x03\x04 notes")
    (folder / "old.csv").write_bytes(b"")


@door(
    "profiles: semicolons, decimal commas",
    commands=((ACTIVITY[0], "p.csv", *ACTIVITY[1:]),),
    says=["active: 2"],
)
def _(folder: Path) -> None:
    profiles().to_csv(folder / "p.csv", sep=";", decimal=",", index=False)


@door(
    "profiles: object names with underscores",
    commands=((ACTIVITY[0], "p.csv", *ACTIVITY[1:]),),
    says=["active: 2", "12 features"],
)
def _(folder: Path) -> None:
    frame = profiles()
    names = {f"Cells_AreaShape_F{n}": f"Cell_Body_AreaShape_F{n}" for n in range(6)}
    frame.rename(columns=names).to_csv(folder / "p.csv", index=False)


@door("profiles: xlsx", commands=((ACTIVITY[0], "p.xlsx", *ACTIVITY[1:]),), says=["active: 2"])
def _(folder: Path) -> None:
    profiles().to_excel(folder / "p.xlsx", index=False)


@door(
    "profiles: h5ad with obsm only",
    commands=((ACTIVITY[0], "p.h5ad", *ACTIVITY[1:]),),
    code=2,
    says=["X_dino", "obsm"],
)
def _(folder: Path) -> None:
    import anndata

    frame = profiles()
    values = frame.pop("Cells_AreaShape_F0").to_numpy()[:, None] * np.ones((1, 4))
    about = frame[[c for c in frame if c.startswith("Metadata_")]]
    about.index = about.index.astype(str)
    anndata.AnnData(obs=about, obsm={"X_dino": values}).write_h5ad(folder / "p.h5ad")


@door("profiles: one file alone", commands=(("init", "p.csv", "-o", "study.toml"), CHECK))
def _(folder: Path) -> None:
    profiles().to_csv(folder / "p.csv", index=False)
    (folder / "other.csv").write_text("a,b\n1,2\n")


@door(
    "profiles: doses with units",
    commands=(
        ("dose", "p.csv", "--compound", "Metadata_compound", "--controls",
         "Metadata_compound == 'DMSO'", "-o", "d.csv"),
    ),
    says=["compounds: 6", "24 wells|unit of the dose"],
)  # fmt: skip
def _(folder: Path) -> None:
    frame = profiles()
    doses = itertools.cycle(("0.3 uM", "3 \u00b5M", "30,0", "100 nM"))
    treated = frame["Metadata_compound"] != "DMSO"
    frame["Metadata_Concentration"] = [next(doses) if one else "" for one in treated]
    frame.to_csv(folder / "p.csv", index=False)


@door(
    "profiles: labels parted by semicolons",
    commands=(
        ("match", "p.csv", "--same-by", "Metadata_compound", "--label", "Metadata_target",
         "-o", "m.csv"),
    ),
    says=["parted at ';'"],
)  # fmt: skip
def _(folder: Path) -> None:
    frame = profiles()
    targets = {f"cpd{n}": one for n, one in enumerate(
        ("EGFR; ERBB2", "EGFR", "AURKA", "AURKA; PLK1", "PLK1", "HDAC1"))}  # fmt: skip
    frame.assign(Metadata_target=frame["Metadata_compound"].map(targets)).to_csv(
        folder / "p.csv", index=False
    )


@door(
    "profiles: Harmony's PlateResults",
    commands=(
        ("activity", "PlateResults.txt", "--same-by", "Metadata_Compound", "--controls",
         "Metadata_Compound == 'DMSO'", "-o", "a.csv"),
    ),
    says=["active: 0", "12 features: 12 of Harmony"],
)  # fmt: skip
def _(folder: Path) -> None:
    random = np.random.default_rng(8)
    rows = [
        (row, column, 0, 1, f"cpd{(row * 12 + column) % 20}" if column < 9 else "DMSO",
         row * column, *random.normal(size=12))
        for _ in range(2) for row in range(1, 9) for column in range(1, 13)
    ]  # fmt: skip
    names = ["Row", "Column", "Plane", "Timepoint", "Compound", "Number of Analyzed Fields"]
    names += [f"Nuclei - Feature {n} - Mean per Well" for n in range(12)]
    frame = pd.DataFrame(rows, columns=names)
    frame.insert(0, "Plate Name", np.repeat(["P1", "P2"], 96))
    frame.to_csv(folder / "PlateResults.txt", sep="\t", index=False)


@door("CytoTable", says=(r"(?m)^wells: 4$",))
def _(folder: Path) -> None:
    tables = objects()
    cells = tables["Cells"].drop(columns=["Parent_Nuclei", "Parent_Cells"])
    about = tables["Image"].set_index("ImageNumber").loc[cells["ImageNumber"]].reset_index()
    joined = pd.DataFrame(
        {
            "Metadata_ImageNumber": about["ImageNumber"],
            "Metadata_Cells_Number_Object_Number": cells["ObjectNumber"],
            "Image_Metadata_Plate": about["Metadata_Plate"],
            "Image_Metadata_Well": about["Metadata_Well"],
        }
        | {f"Cells_{name}": cells[name] for name in cells if name.startswith("AreaShape")}
    )
    joined.to_parquet(folder / "cells.parquet")


def objects(count: int = 24) -> dict[str, pd.DataFrame]:
    """CellProfiler's four tables, of four wells."""
    random = np.random.default_rng(2)
    image = pd.DataFrame(
        {
            "ImageNumber": range(1, 5),
            "Metadata_Plate": "P1",
            "Metadata_Well": WELLS,
            "FileName_DNA": [f"P1_{well}_s1_w1.tif" for well in WELLS],
        }
    )
    rows = {
        "ImageNumber": np.repeat(range(1, 5), count),
        "ObjectNumber": [*range(1, count + 1)] * 4,
    }
    tables = {"Image": image}
    for name in ("Cells", "Nuclei", "Cytoplasm"):
        values = {f"AreaShape_F{n}": random.normal(size=4 * count) for n in range(12)}
        parents = {"Parent_Nuclei": rows["ObjectNumber"], "Parent_Cells": rows["ObjectNumber"]}
        tables[name] = pd.DataFrame(rows | values | (parents if name != "Nuclei" else {}))
    return tables


@door("CellProfiler: MyExpt_", says=(r"(?m)^wells: 4$",))
def _(folder: Path) -> None:
    for name, frame in objects().items():
        frame.to_csv(folder / f"MyExpt_{name}.csv", index=False)


@door("CellProfiler: database with a prefix", says=(r"(?m)^wells: 4$",))
def _(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / "DefaultDB.db")) as connection:
        for name, frame in objects().items():
            keys = ("ImageNumber",) if name == "Image" else ("ImageNumber", "ObjectNumber")
            own = {c: c if c in keys else f"{name}_{c}" for c in frame}
            own |= {"ObjectNumber": f"{name}_Number_Object_Number"}
            frame.rename(columns=own).to_sql(f"MyExpt_Per_{name}", connection, index=False)


@door("CellProfiler: tables that name no plate", says=(r"(?m)^wells: 4$",))
def _(folder: Path) -> None:
    for name, frame in objects().items():
        kept = frame.drop(columns=["Metadata_Plate", "Metadata_Well"], errors="ignore")
        kept.to_csv(folder / f"{name}.csv", index=False)


@door("DeepProfiler", says=(r"(?m)^wells: 4$",))
def _(folder: Path) -> None:
    random = np.random.default_rng(4)
    for well in WELLS:
        path = folder / "P1" / well / "1.npz"
        path.parent.mkdir(parents=True)
        np.savez(path, features=random.normal(size=(20, 16)).astype(np.float32))


@door("DeepProfiler, a plate that is called like a well", says=(r"(?m)^wells: 4$",))
def _(folder: Path) -> None:
    random = np.random.default_rng(4)
    for well in WELLS:
        path = folder / "features" / "P1" / f"{well}_1.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, features=random.normal(size=(20, 16)).astype(np.float32))
    plate_map(folder)


def opened(name: str) -> tuple[list[str], str]:
    """What was wrong with a door, and all that the commands said."""
    from phenolens.cli import _run

    one, before = DOORS[name], Path.cwd()
    said, code = io.StringIO(), 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "screen"
        folder.mkdir()
        one.build(folder)
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                for command in one.commands:
                    code = _run(list(command))
                    if code:
                        break
        finally:
            os.chdir(before)
        text = said.getvalue()
        for path in (folder / "study.toml", folder / "study-out" / "ledger.json"):
            text += path.read_text(encoding="utf-8") if path.is_file() else ""
    wrong = [f"exit code {code}, not {one.code}"] if code != one.code else []
    wrong += [f"does not say {what!r}" for what in one.says if not re.search(what, text)]
    wrong += [f"says {what!r}" for what in one.never if re.search(what, text)]
    return wrong, text


def main(arguments: Sequence[str]) -> None:
    """Open the doors that are named, or all."""
    shown = "-v" in arguments
    wanted = [name for name in arguments if name != "-v"]
    names = [n for n in DOORS if not wanted or any(n.startswith(w) for w in wanted)]
    start, failed = time.perf_counter(), {}
    for name in names:
        wrong, text = opened(name)
        if wrong:
            failed[name] = wrong
        if shown:
            sys.stderr.write(f"\n--- {name}: {wrong or 'as expected'}\n{text}\n")
    result = {
        "bench": "doors",
        "doors": len(names),
        "as_expected": len(names) - len(failed),
        "seconds": round(time.perf_counter() - start, 1),
        "otherwise": failed,
    }
    print(json.dumps(result, ensure_ascii=False))


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "200")
    warnings.simplefilter("default")
    main(sys.argv[1:])
