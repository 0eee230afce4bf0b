"""Every parser on inputs shaped like real ones and then damaged; one JSON line.

Each input must end in a value or in a PhenolensError: one line that names the file or the setting.
Samples are those that the tests of the formats are made of, so a new format is in as soon as it has
a sample; hypothesis draws what is done to them. Inputs are tried in a process of their own, which
is ended and counted as a hang after ten seconds, and as a crash if it dies.

``python bench/fuzz.py [SECONDS] [--only WORD] [--seed N] [--keep DIR]``; what fails is kept in DIR
with what was done to it. The ten minutes are shared among the parsers.
"""

from __future__ import annotations

import argparse
import gzip
import importlib.util
import io
import json
import multiprocessing
import os
import resource
import shutil
import sqlite3
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import numpy as np
import pandas as pd
import tifffile
import zarr
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import beta

from phenolens.changes import changed, parse
from phenolens.config import read_study, study_of
from phenolens.errors import PhenolensError
from phenolens.images import read_file, read_pixels
from phenolens.io.discovery.discover import discover, study_toml
from phenolens.io.doses import read_doses
from phenolens.io.images.headers import read_header
from phenolens.io.instruments.name_patterns import NamePattern, guess_pattern
from phenolens.io.integrate import integrate
from phenolens.io.tables.plate_grids import find_grids, long_table
from phenolens.io.treatments import read_treatments
from phenolens.profiles import well_name
from phenolens.query import evaluate_query
from phenolens.readers.index import parse_index
from phenolens.segment.given import as_labels
from phenolens.tools.read import read

ROOT = Path(__file__).resolve().parents[1]
HANG = 10.0
AT_ONCE = 25
MEMORY = 12 * 2**30
TEXTS = (".csv", ".tsv", ".txt", ".xml", ".htd", ".mlf", ".mrf", ".mes", ".xdce", ".json", ".toml",
         ".properties", ".zattrs", ".zgroup", ".zarray", ".companion.ome")  # fmt: skip
ODD = ("", "nan", "-1", "0", "1e300", "1e-300", "-inf", "9" * 30, "\0", "\ufeff", "é", "テ",
       '"', "'", ",", ";", "\t", "\n", "\r", "[1, 2]", "{}", "null", "<", "</", "&", "&#0;",
       "]]>", "=1+1",
       "*", "[a", "..", "/", "\\", "//", "~", "%s", "{0}", "A01", "ZZ99", "1,5", "1979-05-27",
       "true",
       " ", "\u2028", "😀", "x" * 5000, "http://x/y", "/dev/null", "s3://x/y", "0x10", "1_0", "٣",
       "²", "Metadata_Well", "DMSO")  # fmt: skip


# -- samples ---------------------------------------------------------------------------------


def of_tests(name: str) -> ModuleType:
    """A file of the tests, for its samples."""
    path = ROOT / "tests" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def wells(rows: int = 24, seed: int = 0) -> pd.DataFrame:
    """A table of profiles that every question can be asked of."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "Metadata_Plate": np.repeat(["P1", "P2"], rows // 2),
            "Metadata_Well": [f"{'ABCD'[n % 4]}{n // 4 % 12 + 1:02d}" for n in range(rows)],
            "Metadata_Compound": ["DMSO" if n % 3 == 0 else f"c{n % 4}" for n in range(rows)],
            "Metadata_Concentration": [0.0 if n % 3 == 0 else 2.5 for n in range(rows)],
        }
    )
    names = [f"Cells_Intensity_MeanIntensity_S{n}" for n in range(12)]
    features = {name: rng.normal(size=rows) for name in names}
    return frame.assign(**features).drop_duplicates(["Metadata_Plate", "Metadata_Well"])


def instruments() -> dict[str, Callable[[Path], object]]:
    """Folders with the sidecars and indexes of instruments."""
    plane = of_tests("testing/test_contracts").plane
    phenix, yokogawa = of_tests("io/test_phenix"), of_tests("io/test_yokogawa")
    incell, scanr = of_tests("io/test_incell"), of_tests("io/test_scanr")
    express, harmony = of_tests("io/test_imagexpress"), of_tests("io/test_harmony")

    def phenix_index(folder: Path) -> None:
        phenix.write_index(folder / "P1" / "Images" / "Index.idx.xml")
        for channel in (1, 2):
            plane(folder / "P1" / "Images" / phenix.name_of(1, 2, 3, 1, channel))

    def yokogawa_lists(folder: Path) -> None:
        names = [yokogawa.name_of("A01", 1, 1, channel) for channel in (1, 2)]
        listed = [yokogawa.record(n, "A01", 1, 1, c) for c, n in enumerate(names, 1)]
        yokogawa.write_records(folder, *listed, yokogawa.FAILED)
        yokogawa.write_detail(folder, targets=("DNA", "ER"))
        for name in names:
            plane(folder / name)

    def incell_xdce(folder: Path) -> None:
        names = [f"A - {n}(fld 1 wv {wave}).tif" for n in (1, 2) for wave in ("UV - DAPI", "FITC")]
        for name in names:
            plane(folder / name)
        incell.xdce(folder, names)

    def imagexpress_htd(folder: Path) -> None:
        for well in ("A01", "A02"):
            for wave in (1, 2):
                express.image(folder / "P" / f"P_{well}_s1_w{wave}.TIF")
        text = express.HTD.format(first="DAPI µ", second="Cy5")
        (folder / "P" / "P.HTD").write_bytes(text.encode("cp1252"))

    def scanr_descriptor(folder: Path) -> None:
        for number in (1, 2):
            plane(folder / "P1" / "data" / f"--W{number:05d}--P00001--Z00000--T00000--DAPI.tif")
        scanr.describe(folder / "P1", scanr.FORMAT.format(rows=8, columns=12) + scanr.TABLE)

    def harmony_plate(folder: Path) -> Path:
        return harmony.write(folder, "PL7")

    return {
        one.__name__: one for one in (phenix_index, yokogawa_lists, incell_xdce, imagexpress_htd,
                                      scanr_descriptor, harmony_plate)
    }  # fmt: skip


def tables() -> dict[str, Callable[[Path], object]]:
    """Profiles, as files of one kind each."""

    def csv(folder: Path) -> None:
        wells().to_csv(folder / "wells.csv", index=False)

    def tsv(folder: Path) -> None:
        wells().to_csv(folder / "wells.tsv", index=False, sep="\t", encoding="utf-16")

    def gz(folder: Path) -> None:
        wells().to_csv(folder / "wells.csv.gz", index=False)

    def comma(folder: Path) -> None:
        wells().to_csv(folder / "wells.csv", index=False, sep=";", decimal=",", encoding="cp1252")

    def parquet(folder: Path) -> None:
        wells().to_parquet(folder / "wells.parquet")

    def h5ad(folder: Path) -> None:
        from phenolens.io.anndata import write_h5ad
        from phenolens.profiles import from_frame

        write_h5ad(from_frame(wells()), folder / "wells.h5ad")

    def xlsx(folder: Path) -> None:
        wells().to_excel(folder / "wells.xlsx", index=False)

    made = (csv, tsv, gz, comma, parquet, h5ad, xlsx)
    return {f"profiles {one.__name__}": one for one in made}


def pictures() -> dict[str, Callable[[Path], object]]:
    """Pixel files, one of each kind."""
    pixels = (np.arange(2 * 16 * 16).reshape(2, 16, 16) * 37 % 4096).astype(np.uint16)

    def tif(folder: Path) -> None:
        tifffile.imwrite(folder / "a.tif", pixels[0])

    def lzw(folder: Path) -> None:
        Image.fromarray(pixels[0]).save(folder / "a.tif", compression="tiff_lzw", dpi=(72, 72))

    def ome_tif(folder: Path) -> None:
        tifffile.imwrite(
            folder / "a.ome.tif", pixels, ome=True, metadata={"axes": "CYX", "PhysicalSizeX": 0.5}
        )

    def imagej(folder: Path) -> None:
        tifffile.imwrite(folder / "a.tif", pixels, imagej=True)

    def png(folder: Path) -> None:
        Image.fromarray(pixels[0]).save(folder / "a.png")

    def jpg(folder: Path) -> None:
        Image.fromarray((pixels[0] >> 4).astype(np.uint8)).save(folder / "a.jpg")

    def npy(folder: Path) -> None:
        np.save(folder / "a.npy", pixels)

    def zarr_image(folder: Path) -> None:
        zarr.save(str(folder / "a.zarr"), pixels)

    made = (tif, lzw, ome_tif, imagej, png, jpg, npy, zarr_image)
    return {f"pixels {one.__name__}": one for one in made}


def study_file(folder: Path) -> Path:
    """A study file with every kind of value."""
    wells().to_csv(folder / "wells.csv", index=False)
    (folder / "study.toml").write_text(
        '[study]\nname = "one"\nseed = 3\n[data]\ncontrols = "Metadata_Compound == \'DMSO\'"\n'
        'exclude = "Metadata_Well in [\'A01\']"\n[data.columns]\ncompound = "Metadata_Compound"\n'
        '[[data.profiles]]\nname = "cp"\nfiles = "wells.csv"\nlevel = "well"\n'
        '[[data.tables]]\nfile = "wells.csv"\non = { Metadata_Well = "Metadata_Well" }\n'
        "[normalize]\nclip = 5.0\n[evaluate]\npermutations = 100\n[represent]\n"
        'methods = ["cp"]\n[report]\ntitle = "x"\n'
    )
    return folder / "study.toml"


# -- doors -----------------------------------------------------------------------------------


def open_table_door(folder: Path) -> object:
    """A table as each question to profiles reads it."""
    names = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    return read(names[0]) if len(names) == 1 else read(folder / "*")


def open_screen(folder: Path) -> object:
    """What ``init`` and ``check`` do: look, write a study file, read it, join, headers, pixels."""
    found = discover(folder)
    study = folder / "written.toml"
    study.write_text(study_toml(found, relative_to=folder), encoding="utf-8")
    joined = integrate(read_study(study).data.model_dump(), folder)
    if joined.images is not None and len(joined.images):
        for channel in joined.images.channels:
            values = joined.images.table.iloc[0]
            read_header(values[f"Path_{channel}"], values[f"Index_{channel}"])
        read_pixels(joined.images, 0)
    return joined


def open_picture(folder: Path) -> object:
    """Header and pixels of a file; readers name the fault, who calls them the file."""
    (path,) = [one for one in folder.iterdir() if not one.name.startswith(".")][:1] or [folder]
    for index in ("", "0", "1,0", "s0"):
        faults: list[PhenolensError] = []
        for door in (read_header, lambda path, at: read_file(path, parse_index(at))):
            try:
                door(path, index)
            except PhenolensError as error:
                faults.append(error)
    return faults


def open_weights(folder: Path) -> object:
    """A file of weights."""
    from phenolens.represent.networks.checkpoint import load_tensors

    return load_tensors(folder / "w.safetensors")


def open_study_file(folder: Path) -> object:
    """A study file, and what it names joined."""
    return integrate(read_study(folder / "study.toml").data.model_dump(), folder)


def weights(folder: Path) -> None:
    """Tensors as a network keeps them."""
    from safetensors.numpy import save_file

    tensors = {f"layer.{n}": np.ones((n + 1, 3), np.float32) for n in range(4)}
    save_file(tensors, folder / "w.safetensors", metadata={"phenolens": "{}", "crc32": "0"})


@dataclass(frozen=True)
class Parser:
    """Something that reads what a person brings."""

    name: str
    sample: Callable[[Path], object]
    door: Callable[[Path], object]


def parsers() -> list[Parser]:
    """All of them."""
    samples: dict[str, Any] = of_tests("testing/test_contracts").SAMPLES
    found = [Parser(name, make, open_table_door) for name, make in tables().items()]
    found += [Parser(f"screen of {name}", make, open_screen) for name, make in tables().items()]
    found += [Parser(name, make, open_screen) for name, make in (samples | instruments()).items()]
    found += [
        Parser(f"table {name}", samples[name], open_table_door)
        for name in ("cellprofiler", "cellprofiler_database", "cellprofiler_analyst", "harmony",
                     "deepprofiler", "workbook", "plate grid") if name in samples
    ]  # fmt: skip
    found += [Parser(name, make, open_picture) for name, make in pictures().items()]
    found.append(Parser("weights", weights, open_weights))
    return [*found, Parser("study file", study_file, open_study_file)]


# -- what is done to them --------------------------------------------------------------------


def damage(draw: st.DataObject, folder: Path) -> list[str]:
    """Change one to three things below a folder; says which."""
    said = []
    for _ in range(draw.draw(st.integers(1, 3))):
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        if not paths:
            return said
        path = draw.draw(st.sampled_from(paths))
        ways = [*FILES, *BYTES, *BYTES]
        if path.suffix.lower() in TEXTS or path.name in TEXTS:
            ways += [*WORDS] * 6
        with suppress(zipfile.BadZipFile):
            if zipfile.is_zipfile(path):
                ways += [in_archive] * 12
        ways += {
            ".parquet": [cells] * 9, ".db": [in_database] * 9, ".h5ad": [in_hdf5] * 9,
            ".gz": [unpacked] * 9,
        }.get(path.suffix, [])  # fmt: skip
        way = draw.draw(st.sampled_from(ways))
        said.append(f"{way.__name__} {path.name}")
        with suppress(Exception):  # what was damaged before may not be damaged in this way
            way(draw, path)
    return said


def changed_bytes(draw: st.DataObject, held: bytes) -> bytes:
    """A stretch of bytes replaced, cut out, repeated or put in."""
    at = draw.draw(st.integers(0, len(held)))
    end = at + draw.draw(st.sampled_from([0, 1, 1, 2, 4, 8, 64, len(held)]))
    new = draw.draw(
        st.one_of(
            st.binary(max_size=8),
            st.sampled_from([b"\xff" * 4, b"\0" * 8, b"\x7f\xff\xff\xff", b""]),
            st.just(held[at:end] * 2),
        )
    )
    return held[:at] + new + held[end:]


def changed_words(draw: st.DataObject, text: str) -> str:
    """A word, a line or a column of a text replaced, dropped or repeated."""
    import re

    found = list(re.finditer(r"[^\s,;\"'<>=/\t]+", text))
    way = draw.draw(st.sampled_from(["word", "word", "word", "in word", "line", "twice", "drop"]))
    if way in ("word", "in word") and found:
        word = draw.draw(st.sampled_from(found))
        odd = draw.draw(st.one_of(st.sampled_from(ODD), st.text(max_size=6)))
        start = word.start() if way == "word" else draw.draw(st.integers(word.start(), word.end()))
        return text[:start] + odd + text[word.end() if way == "word" else start :]
    lines = text.splitlines(keepends=True) or [""]
    at = draw.draw(st.integers(0, len(lines) - 1))
    if way == "line":
        return "".join([*lines[:at], draw.draw(st.text(max_size=40)) + "\n", *lines[at:]])
    if way == "twice":
        return "".join([*lines[: at + 1], lines[at], *lines[at + 1 :]])
    return "".join([*lines[:at], *lines[at + 1 :]])


def replace_bytes(draw: st.DataObject, path: Path) -> None:
    path.write_bytes(changed_bytes(draw, path.read_bytes()))


def cut(draw: st.DataObject, path: Path) -> None:
    held = path.read_bytes()
    path.write_bytes(held[: draw.draw(st.integers(0, len(held)))])


def replace_words(draw: st.DataObject, path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    path.write_bytes(changed_words(draw, text).encode("utf-8", "surrogatepass"))


def encode(draw: st.DataObject, path: Path) -> None:
    text = path.read_bytes().decode("utf-8", "replace")
    code = draw.draw(st.sampled_from(["utf-16", "utf-16-be", "utf-32", "utf-8-sig", "shift_jis"]))
    path.write_bytes(text.encode(code, "replace"))


def repeat_column(draw: st.DataObject, path: Path) -> None:
    """The first or last cell of each line once more, or away."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    sep = "\t" if "\t" in lines[0] else ","
    if draw.draw(st.booleans()):
        lines = [f"{line}{sep}{line.split(sep)[0]}" for line in lines]
    else:
        lines = [sep.join(line.split(sep)[1:]) for line in lines]
    path.write_text("\n".join(lines), encoding="utf-8")


def few_rows(draw: st.DataObject, path: Path) -> None:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    path.write_text("\n".join(lines[: draw.draw(st.integers(0, 2))]), encoding="utf-8")


def away(draw: st.DataObject, path: Path) -> None:
    path.unlink()


def folder_instead(draw: st.DataObject, path: Path) -> None:
    path.unlink()
    path.mkdir()


def link_to_itself(draw: st.DataObject, path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def rename(draw: st.DataObject, path: Path) -> None:
    odd = draw.draw(st.sampled_from(["[x]", "a b", "é", "テ", "\n", "'", '"', "*", "#", "%", "\\",
                                     "{}", "\udcff", "😀", "-", "$x"]))  # fmt: skip
    at = draw.draw(st.integers(0, len(path.stem)))
    path.rename(path.with_name(f"{path.stem[:at]}{odd}{path.stem[at:]}{path.suffix}"))


def rename_folder(draw: st.DataObject, path: Path) -> None:
    odd = draw.draw(st.sampled_from(["[x]", "a b", "é\n", "*", "\udcff", "-"]))
    if (path.parent.parent / ".sample").exists():
        path.parent.rename(path.parent.with_name(path.parent.name + odd))


def in_archive(draw: st.DataObject, path: Path) -> None:
    """One file in a zip archive (xlsx, npz), with its checksum made right again."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    name = draw.draw(st.sampled_from(sorted(held)))
    if name.endswith((".xml", ".rels")):
        text = held[name].decode("utf-8", "surrogateescape")
        held[name] = changed_words(draw, text).encode("utf-8", "surrogatepass")
    elif draw.draw(st.integers(0, 4)) == 0:
        del held[name]
    elif draw.draw(st.booleans()):
        other = draw.draw(
            st.sampled_from([np.zeros(0), np.array("x"), np.zeros((2, 3, 4)),
                             np.ones((1, 2), "c16"), np.array([["a"]]),
                             np.full((2, 2), np.inf), np.zeros((0, 3))])
        )  # fmt: skip
        stream = io.BytesIO()
        np.save(stream, other)
        held[name] = stream.getvalue()
    else:
        held[name] = changed_bytes(draw, held[name])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in held.items():
            archive.writestr(name, content)


def unpacked(draw: st.DataObject, path: Path) -> None:
    text = gzip.decompress(path.read_bytes()).decode()
    path.write_bytes(gzip.compress(changed_words(draw, text).encode("utf-8", "surrogatepass")))


STRANGE: tuple[object, ...] = (
    [1, 2], {"a": 1}, b"\xff", "x", None, np.nan, np.inf, 1e300, 1e-300, True, "\0", "", -1,
    pd.Timestamp("2020-01-01"), pd.Timedelta("1h"), 2**62, "[1, 2]", "=1+1",
)  # fmt: skip


def cells(draw: st.DataObject, path: Path) -> None:
    """A column of a Parquet file: other values, no rows, or away."""
    frame = pd.read_parquet(path)
    name = draw.draw(st.sampled_from(list(frame.columns)))
    way = draw.draw(
        st.sampled_from(["values", "values", "values", "rows", "drop", "name", "dtype"])
    )
    if way == "values":
        frame[name] = [draw.draw(st.sampled_from(STRANGE))] * len(frame)
    elif way == "rows":
        frame = frame.head(draw.draw(st.integers(0, 2)))
    elif way == "drop":
        frame = frame.drop(columns=name)
    elif way == "name":
        frame = frame.rename(columns={name: draw.draw(st.sampled_from(ODD))})
    else:
        frame[name] = frame[name].astype(
            draw.draw(st.sampled_from(["category", "string", "object"]))
        )
    with suppress(Exception):  # what cannot be written is no input
        frame.to_parquet(path)


def in_database(draw: st.DataObject, path: Path) -> None:
    """One statement on a table of a SQLite file."""
    with closing(sqlite3.connect(path)) as connection:
        listed = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        ).fetchall()
        if not listed:
            return
        table = draw.draw(st.sampled_from(sorted(name for (name,) in listed)))
        held = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        column = draw.draw(st.sampled_from(held))
        odd = draw.draw(st.sampled_from([*ODD, 1e300, -1, None, b"\xff", 2**62]))
        new = draw.draw(st.sampled_from(["x y", "[x]", "Metadata_Well", "é", "Image_Count_Cells"]))
        way = draw.draw(
            st.sampled_from(
                [f'UPDATE "{table}" SET "{column}" = ?', f'UPDATE "{table}" SET "{column}" = ?',
                 f'DROP TABLE "{table}"', f'DELETE FROM "{table}"',
                 f'ALTER TABLE "{table}" RENAME TO "{new}"',
                 f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "{new}"',
                 f'ALTER TABLE "{table}" DROP COLUMN "{column}"']
            )
        )  # fmt: skip
        connection.execute(way, (odd,) if "?" in way else ())
        connection.commit()


def in_hdf5(draw: st.DataObject, path: Path) -> None:
    """One member of an HDF5 file: away, or with other values."""
    import h5py

    with h5py.File(path, "r+") as file:
        names: list[str] = []
        file.visit(names.append)
        if not names:
            return
        name = draw.draw(st.sampled_from(sorted(names)))
        odd = draw.draw(
            st.sampled_from([None, np.zeros(0), np.array(3), np.zeros((3, 2)), np.full(24, np.nan),
                             np.array([b"x"] * 24), np.zeros((2, 2, 2)), np.full((24, 4), np.inf)])
        )  # fmt: skip
        if draw.draw(st.integers(0, 3)) == 0 and file[name].attrs:
            key = draw.draw(st.sampled_from(sorted(file[name].attrs)))
            file[name].attrs[key] = draw.draw(st.sampled_from(["", "x", 3, "9.9.9", [1, 2]]))
            return
        about = dict(file[name].attrs)
        del file[name]
        if odd is not None:
            file[name] = odd
            file[name].attrs.update(about)


BYTES = (replace_bytes, replace_bytes, cut)
WORDS = (replace_words, replace_words, replace_words, repeat_column, few_rows, encode)
FILES = (away, folder_instead, link_to_itself, rename, rename, rename_folder)


# -- texts: queries, patterns, wells, grids ---------------------------------------------------


def ask_query(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    names = [
        "Metadata_Compound",
        "Compound",
        "`Metadata_Well`",
        "Metadata_Concentration",
        "zz",
        "@x",
    ]
    part = st.one_of(
        st.sampled_from([*names, "==", "!=", "<", "in", "not in", "and", "or", "not", "&", "|", "~",
                         "(", ")", "[", "]", ",", "'DMSO'", "2.5", "1e999", "None", "True", ".str",
                         ".startswith('c')", ".contains('(a+)+$')", ".isna()", "`", "#",
                         "lambda: 0",
                         "__import__('os')", ":=", "**", "9" * 400, "{", "f'{x}'", "\n", "\0"]),
        st.sampled_from(ODD), st.text(max_size=5),
    )  # fmt: skip
    start = draw.draw(st.sampled_from(["", "Metadata_Compound == ", "Metadata_Well in ", "~"]))
    text = start + " ".join(draw.draw(st.lists(part, max_size=12)))
    frame = wells()
    return text, lambda: evaluate_query(frame, text, "controls"), "controls"


def ask_pattern(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    part = st.one_of(
        st.sampled_from(["(?P<well>[A-P][0-9]{2})", "(?P<row>[A-P])", "(?P<column>\\d+)", "(", ")",
                         "(?P<site>.*)", "(a+)+$", "[", "]", "{2,1}", "\\", "*", "+",
                         "(?P<channel>",
                         "(?i)", "(?<=a*)", "\\p{L}", "(?R)", "(?(1)a|b)", "_", ".*?", "^", "$"]),
        st.text(max_size=5),
    )  # fmt: skip
    text = "".join(draw.draw(st.lists(part, max_size=8)))
    names = [f"P1/A{n:02d}_s1_{'a' * 25}b" for n in range(1, 5)]
    return text, lambda: NamePattern(text).read(names), "pattern"


def ask_names(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    names = draw.draw(st.lists(st.text(max_size=20), max_size=8))
    names += [f"P1_A{n:02d}_{draw.draw(st.sampled_from(ODD))}" for n in range(1, 4)]
    return repr(names), lambda: guess_pattern(names), ""


def ask_well(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    text = draw.draw(
        st.one_of(
            st.sampled_from([*STRANGE, *ODD]), st.text(max_size=6), st.from_regex(r"[A-Z]+\d+")
        )
    )
    return repr(text), lambda: well_name(text), repr(text)


def ask_grid(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    grid: list[list[Any]] = [["", *range(1, 13)], *([row, *["c"] * 12] for row in "ABCDEFGH")]
    for _ in range(draw.draw(st.integers(0, 6))):
        row = draw.draw(st.integers(0, 8))
        column = draw.draw(st.integers(0, len(grid[row]) - 1)) if grid[row] else 0
        odd = draw.draw(st.sampled_from([*ODD, None, 1.5, np.nan, np.inf, 2**70]))
        grid[row][column : column + draw.draw(st.integers(0, 2))] = [odd]
    grid = grid * draw.draw(st.integers(1, 2))
    return (
        repr(grid)[:400],
        lambda: (grids := find_grids(grid)[0]) and long_table(grids, name="m", source="map.xlsx"),
        "map.xlsx",
    )


def ask_change(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    key = draw.draw(
        st.sampled_from(["networks.weights", "study.seed", "data.controls", "evaluate.alpha",
                         "data.profiles.0.files", "data.profiles.cp.level", "data.profiles.7.name",
                         "data.tables", "represent.components", "encoders.0.name", "x", "", "..",
                         "study.name.x", '"', "data.profiles.-1.name"])
    )  # fmt: skip
    value = draw.draw(
        st.one_of(
            st.sampled_from(ODD),
            st.text(max_size=6),
            st.sampled_from(
                ["[", "{a=1", '"', "'x", "[[]]", "1979-05-27", "nan", "0x", "{}", "[{}]"]
            ),
        )
    )
    text = draw.draw(st.sampled_from([f"{key}={value}", f"{key} = {value}", key, value]))
    held = {"data": {"profiles": [{"name": "cp", "files": "wells.csv"}]}}
    return (
        text,
        lambda: study_of(changed(held, parse([text])), source="study.toml"),
        "",
    )


def ask_dose(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    one = st.one_of(
        st.sampled_from([*STRANGE, *ODD, "10 uM", "1,5 µM", "1.000,5nM", "1e3 mM", "-3 M", "0 uM",
                         "1 %", "1.2.3", "10 uM + 3 nM", "10uM/mL", "٣ uM", "1e400 uM"]),
        st.text(max_size=6), st.floats(), st.integers(),
    )  # fmt: skip
    values = draw.draw(st.lists(one, min_size=1, max_size=6))
    return repr(values), lambda: read_doses(pd.Series(values, dtype=object)), ""


def ask_treatments(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    names = st.one_of(st.sampled_from([*ODD, "DMSO", "a", "b"]), st.text(max_size=6))
    given = draw.draw(
        st.one_of(st.integers(-5, 400), st.lists(names, max_size=6), names, st.floats())
    )
    return repr(given), lambda: read_treatments(given), ""


def ask_index(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    part = st.sampled_from(["0", "1", ",", ";", "s0", "s", "-1", " ", "x", ":", "9" * 30, "/", "٣"])
    text = "".join(draw.draw(st.lists(part, max_size=5)))
    return repr(text), lambda: parse_index(text), ""


def ask_labels(draw: st.DataObject) -> tuple[str, Callable[[], object], str]:
    shape = draw.draw(
        st.sampled_from([(16, 16), (16, 15), (1, 1), (0, 0), (16, 16, 3), (1, 16, 16), (256,), ()])
    )
    kind = draw.draw(
        st.sampled_from(
            ["u1", "u2", "i4", "i8", "u8", "f2", "f4", "f8", "?", "c8", "O", "U3", "M8[s]"]
        )
    )
    fill = draw.draw(st.sampled_from([0, 1, 255, -1, 0.5, np.nan, np.inf, 2**31, 2**62]))
    outlines = draw.draw(st.booleans())

    def door() -> object:
        with np.errstate(all="ignore"):
            try:
                image = np.full(shape, fill).astype(kind)
            except (ValueError, OverflowError, TypeError):
                return None  # no such image
        return as_labels(image, (16, 16), outlines=outlines)

    return f"{kind} {shape} of {fill}, outlines {outlines}", door, ""


ASKED = {
    "change": ask_change, "dose": ask_dose, "treatments": ask_treatments, "index": ask_index,
    "labels": ask_labels,
    "query": ask_query, "pattern": ask_pattern, "names": ask_names, "well": ask_well,
    "grid": ask_grid,
}  # fmt: skip


# -- one try ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """How an input ended: ``value``, ``refused``, or a fault, with what was said."""

    kind: str
    said: str = ""


def judged(door: Callable[[], object], places: Callable[[str], bool]) -> Verdict:
    """What came of it."""
    try:
        door()
    except PhenolensError as error:
        said = str(error)
        if not places(said):
            return Verdict("no place", f"{type(error).__name__}: {said}")
        return Verdict("refused", said)
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)
        ours = [
            f"{Path(one.filename).name}:{one.lineno}"
            for one in where
            if "phenolens" in one.filename
        ]
        return Verdict(
            "traceback", f"{type(error).__name__}: {error} [{' < '.join(ours[::-1][:4])}]"
        )
    return Verdict("value")


def try_file(draw: st.DataObject, parser: Parser, folder: Path) -> tuple[str, Verdict]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copytree(folder.with_name(f"sample of {parser.name}"), folder, dirs_exist_ok=True)
    said = "; ".join(damage(draw, folder))
    paths = [folder, *folder.rglob("*")]
    names = {part for path in paths for part in (path.name, repr(path.name.split(".")[0]))}
    names |= {repr(name).strip("'\"") for name in names} | {"wells.csv", "study.toml", "[data."}
    names |= {" ".join(name.split()) for name in names} | {f"profiles {p.stem}" for p in paths}
    names |= {"profiles cellprofiler"}
    return said, judged(lambda: parser.door(folder), lambda text: any(n in text for n in names))


def tried(draw: st.DataObject, parser: Parser | str, folder: Path) -> tuple[str, Verdict]:
    """What was done to an input of a parser, and what came of it."""
    if isinstance(parser, Parser):
        return try_file(draw, parser, folder)
    text, door, place = ASKED[parser](draw)
    return text, judged(door, lambda said: place in said)


def work(parser: Parser | str, folder: Path, seed: int, pipe: Any) -> None:
    """Try so many inputs, and tell of each before and after."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    warnings.simplefilter("ignore")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=AT_ONCE, phases=[hypothesis.Phase.generate], database=None, deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    @hypothesis.given(st.data())
    def one_after_another(draw: st.DataObject) -> None:
        pipe.send(None)
        pipe.send(tried(draw, parser, folder))

    one_after_another()
    pipe.send("done")


def verdicts(parser: Parser | str, folder: Path, seed: int) -> Iterator[tuple[str, Verdict]]:
    """Of one process; a hang or a crash is its last."""
    here, there = multiprocessing.get_context("fork").Pipe()
    child = multiprocessing.get_context("fork").Process(
        target=work, args=(parser, folder, seed, there)
    )
    child.start()
    there.close()
    begun = False
    try:
        while True:
            if not here.poll(HANG if begun else 60):
                yield "", Verdict("hang" if begun else "slow start")
                return
            told = here.recv()
            if told == "done":
                return
            begun = told is None
            if told is not None:
                yield told
    except EOFError:
        child.join()
        yield "", Verdict("crash", f"exit code {child.exitcode}")
    finally:
        child.kill()
        child.join()


def upper(count: int, tries: int) -> float:
    """Upper 95 % limit of a rate, after Clopper and Pearson (one-sided)."""
    return 1.0 if count >= tries else float(beta.ppf(0.95, count + 1, tries - count))


FAULTS = {
    "tracebacks": "traceback",
    "hangs": "hang",
    "crashes": "crash",
    "without_place": "no place",
}


def main() -> None:
    """Share the time among the parsers; print what was tried and what went wrong."""
    options = argparse.ArgumentParser()
    options.add_argument("seconds", nargs="?", type=float, default=600.0)
    options.add_argument("--only", default="")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--keep", type=Path)
    given = options.parse_args()
    counts: dict[str, Counter[str]] = {}
    faults: dict[tuple[str, str], tuple[str, int]] = {}
    everything = [*parsers(), *ASKED]
    chosen = [one for one in everything if given.only in getattr(one, "name", one)]
    end = time.monotonic() + given.seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        for one in chosen:
            if isinstance(one, Parser):
                sample = Path(name) / f"sample of {one.name}"
                sample.mkdir()
                one.sample(sample)
        seed = given.seed
        while time.monotonic() < end:
            for one in chosen:
                called = one if isinstance(one, str) else one.name
                counts.setdefault(called, Counter())
                folder = Path(name) / "screen of fuzz"
                for done, verdict in verdicts(one, folder, seed):
                    counts[called][verdict.kind] += 1
                    if verdict.kind in FAULTS.values():
                        place = verdict.said.rsplit("[", 1)[-1][:60]
                        key = (verdict.kind, place if verdict.kind == "traceback" else called)
                        first = key not in faults
                        faults[key] = (
                            f"{called}: {done}: {verdict.said}",
                            faults.get(key, ("", 0))[1] + 1,
                        )
                        if first:
                            print(f"{verdict.kind} | {called} | {done} | {verdict.said[:600]}",
                                  file=sys.stderr, flush=True)  # fmt: skip
                        if first and given.keep and folder.exists():
                            place = given.keep / f"{called}-{seed}-{len(faults)}"
                            with suppress(shutil.Error, OSError):  # the next input comes already
                                shutil.copytree(folder, place, symlinks=True, dirs_exist_ok=True)
                if time.monotonic() > end:
                    break
            seed += 1
    tried = sum(sum(count.values()) for count in counts.values())
    told: dict[str, Any] = {"bench": "fuzz", "seconds": given.seconds, "inputs": tried}
    for label, kind in FAULTS.items():
        number = sum(count[kind] for count in counts.values())
        told[label] = number
        told[f"{label}_upper_95"] = round(upper(number, max(tried, 1)), 6)
    told["by_parser"] = {n: dict(sorted(count.items())) for n, count in sorted(counts.items())}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
