"""Bad inputs by rule: each kind of input file, spoiled in each way that fits it.

:data:`CASES` lists them; ``faults.py`` asks the first verb that reads the file. What is no table
and no image any more must be refused, or stand in the ledger by name.
"""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import fuzz
import numpy as np
import pandas as pd
import tifffile
from PIL import Image

LAW = fuzz.of_tests("laws/test_never_stale")
Way = Callable[[Path], None]


@dataclass(frozen=True)
class Case:
    """An input and what is done to it.

    Attributes
    ----------
    name : str
    file : str
        Pattern of the input within the study's folder; its first match by name is spoiled.
    way : callable
        Given the path.
    verb : str
        The first that reads it.
    unusable : bool
        Whether nothing can be read from it: taken in silence it would be lost.
    also : tuple of str
        What a refusal may name in the place of the file.
    """

    name: str
    file: str
    way: Way
    verb: str
    unusable: bool = False
    also: tuple[str, ...] = ()

    def spoil(self, folder: Path) -> tuple[str, ...]:
        """Do it to the input of a study in a folder; one of these a refusal must hold."""
        path = sorted(folder.glob(self.file))[0]
        self.way(path)
        return (path.name, path.stem, Path(self.file).name, *self.also)


# -- any file ----------------------------------------------------------------------------------


def _written(content: bytes) -> Way:
    def way(path: Path) -> None:
        path.write_bytes(content)

    return way


def _half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(max(path.stat().st_size, 64)))


def _end_twice(path: Path) -> None:
    held = path.read_bytes()
    path.write_bytes(held + held[len(held) // 2 :])


def _in_the_place(make: Callable[[Path], object]) -> Way:
    def way(path: Path) -> None:
        path.unlink()
        make(path)

    return way


def _zip(path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "a")
    path.write_bytes(stream.getvalue())


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"a": [1, 2]}))


UNUSABLE: dict[str, Way] = {
    "empty": _written(b""),
    "one byte": _written(b"x"),
    "zeros": _zeros,
    "noise": _noise,
    "html": _written(b"<!DOCTYPE html><html><body>404 Not Found</body></html>"),
    "pointer of Git LFS": _written(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"
    ),
    "zip": _zip,
    "pickle": _pickle,
    "missing": Path.unlink,
    "folder": _in_the_place(Path.mkdir),
    "link to itself": _in_the_place(lambda path: path.symlink_to(path.name)),
    "link to nothing": _in_the_place(lambda path: path.symlink_to("nowhere")),
    "endless": _in_the_place(lambda path: path.symlink_to("/dev/zero")),
    "pipe": _in_the_place(lambda path: os.mkfifo(path)),
}
DOUBTFUL: dict[str, Way] = {"half": _half, "end twice": _end_twice}


# -- tables ------------------------------------------------------------------------------------


def _text(change: Callable[[str], str], encoding: str = "utf-8") -> Way:
    def way(path: Path) -> None:
        path.write_bytes(change(path.read_text(encoding="utf-8")).encode(encoding, "surrogatepass"))

    return way


def _frame(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Way:
    def way(path: Path) -> None:
        if path.suffix == ".parquet":
            change(pd.read_parquet(path)).to_parquet(path)
            return
        sep = "," if path.suffix == ".csv" else "\t"
        change(pd.read_csv(path, sep=sep, dtype=str)).to_csv(path, sep=sep, index=False)

    return way


def _cell(value: object, *, column: int = -1, row: int = 1) -> Way:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        frame = frame.astype(object)
        frame.iat[row, column] = value
        return frame.astype(str) if isinstance(value, str) else frame

    return _frame(change)


def _column(value: object, *, column: int) -> Way:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(**{frame.columns[column]: value})

    return _frame(change)


def _lines(change: Callable[[list[str]], list[str]]) -> Way:
    return _text(lambda text: "\n".join(change(text.splitlines())) + "\n")


def _first(line: str) -> str:
    """The first cell of a line, to be put behind it once more."""
    sep = "\t" if "\t" in line else ","
    return f"{sep}{line.split(sep)[0]}"


TABLES: dict[str, Way] = {
    "UTF-16": _text(str, "utf-16"),
    "UTF-32": _text(str, "utf-32"),
    "byte order mark": _text(str, "utf-8-sig"),
    "a lone surrogate": _text(lambda text: text.replace("1", "\udcff", 1)),
    "NUL": _text(lambda text: text.replace("\n", "\0\n", 3)),
    "header only": _lines(lambda lines: lines[:1]),
    "no header": _lines(lambda lines: lines[1:]),
    "header twice": _lines(lambda lines: [lines[0], *lines]),
    "a line short": _lines(lambda lines: [*lines[:2], lines[2][:4], *lines[3:]]),
    "a line long": _lines(lambda lines: [*lines[:2], lines[2] + ",x\tx" * 9, *lines[3:]]),
    "open quote": _lines(lambda lines: [*lines[:2], '"' + lines[2], *lines[3:]]),
    "carriage returns": _text(lambda text: text.replace("\n", "\r")),
    "blank lines": _text(lambda text: text.replace("\n", "\n\n\n")),
    "semicolons": _text(lambda text: text.replace(",", ";").replace("\t", ";")),
    "bars": _text(lambda text: text.replace(",", "|").replace("\t", "|")),
    "rows twice": _frame(lambda frame: pd.concat([frame, frame])),
    "a column twice": _lines(lambda lines: [f"{line}{_first(line)}" for line in lines]),
    "first column gone": _frame(lambda frame: frame.iloc[:, 1:]),
    "last column gone": _frame(lambda frame: frame.iloc[:, :-1]),
    "one column": _frame(lambda frame: frame.iloc[:, :1]),
    "many columns": _frame(
        lambda frame: pd.concat(
            [frame, pd.DataFrame({f"x{n}": ["0"] * len(frame) for n in range(3000)})], axis=1)),
    "columns in lower case": _frame(lambda frame: frame.rename(columns=str.lower)),
    "a blank name": _frame(lambda frame: frame.rename(columns={frame.columns[0]: ""})),
    "first column blank": _column("", column=0),
    "first column one value": _column("x", column=0),
    "second column blank": _column("", column=1),
    "second column of numbers": _column("1e300", column=1),
    "last column infinite": _column("inf", column=-1),
    "a negative cell": _cell("-1"),
    "a formula": _cell("=1+1"),
    "a long cell": _cell("x" * 100_000),
    "a list": _cell("[1, 2]"),
    "a newline": _cell("a\nb"),
    "a right-to-left mark": _cell("\u202eabc"),
    "a path upwards": _cell("../../../../etc/passwd", column=0),
}  # fmt: skip
PARQUET: dict[str, Way] = {
    "no rows": _frame(lambda frame: frame.head(0)),
    "one row": _frame(lambda frame: frame.head(1)),
    "rows twice": _frame(lambda frame: pd.concat([frame, frame])),
    "no features": _frame(lambda frame: frame.iloc[:, :2]),
    "no wells": _frame(lambda frame: frame.drop(columns="Metadata_Well")),
    "all nan": _column(np.nan, column=-1),
    "all infinite": _column(np.inf, column=-1),
    "all the same": _column(1.0, column=-1),
    "huge": _column(1e300, column=-1),
    "complex text": _column("1+2j", column=-1),
    "lists": _frame(lambda frame: frame.assign(deep_0=[[1, 2]] * len(frame))),
    "dates": _frame(lambda frame: frame.assign(deep_0=pd.Timestamp("2020-01-01"))),
    "wells as numbers": _frame(lambda frame: frame.assign(Metadata_Well=range(len(frame)))),
    "no such wells": _frame(lambda frame: frame.assign(Metadata_Well="ZZ99")),
    "features of text": _frame(lambda frame: frame.assign(deep_0="x")),
    "index of its own": _frame(lambda frame: frame.set_index("Metadata_Well")),
}


# -- pixels ------------------------------------------------------------------------------------


def _pixels(change: Callable[[np.ndarray], np.ndarray]) -> Way:
    def way(path: Path) -> None:
        if path.suffix == ".npy":
            np.save(path, change(np.load(path)))
        elif path.suffix == ".png":
            changed = change(np.asarray(Image.open(path)))
            with suppress(Exception):  # what PNG cannot hold is written as TIFF under that name
                Image.fromarray(changed).save(path)
                return
            tifffile.imwrite(path, changed)
        else:
            tifffile.imwrite(path, change(tifffile.imread(path)))

    return way


def _as_jpeg(path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.arange(6400, dtype=np.uint8).reshape(80, 80)).save(stream, "JPEG")
    path.write_bytes(stream.getvalue())


def _objects(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.array([{"a": 1}], dtype=object), allow_pickle=True)


PIXELS: dict[str, Way] = {
    "1 x 1": _pixels(lambda a: a[:1, :1]),
    "2 x 3": _pixels(lambda a: a[:2, :3]),
    "one row": _pixels(lambda a: a[:1]),
    "one column": _pixels(lambda a: a[:, :1]),
    "cropped": _pixels(lambda a: a[:-7, 3:]),
    "larger": _pixels(lambda a: np.tile(a, (3, 2))),
    "a stack": _pixels(lambda a: np.stack([a, a, a, a, a])),
    "RGB": _pixels(lambda a: np.stack([a] * 3, axis=-1).astype(np.uint8)),
    "four axes": _pixels(lambda a: np.stack([np.stack([a] * 2)] * 2)),
    "black": _pixels(np.zeros_like),
    "white": _pixels(lambda a: np.full_like(a, 255)),
    "nan": _pixels(lambda a: np.full(a.shape, np.nan, np.float32)),
    "some nan": _pixels(lambda a: np.where(np.eye(*a.shape, dtype=bool), np.nan, a)),
    "infinite": _pixels(lambda a: np.where(np.eye(*a.shape, dtype=bool), np.inf, a)),
    "negative": _pixels(lambda a: -a.astype(np.float32) - 1),
    "booleans": _pixels(lambda a: a > a.mean()),
    "signed": _pixels(lambda a: a.astype(np.int16) - 5),
    "64 bits": _pixels(lambda a: a.astype(np.int64) * 2**40),
    "complex": _pixels(lambda a: a.astype(np.complex64)),
    "halves": _pixels(lambda a: a.astype(np.float16)),
    "other byte order": _pixels(lambda a: a.astype(a.dtype.newbyteorder(">"))),
    "random labels": _pixels(
        lambda a: np.random.default_rng(0).integers(0, 2**15, a.shape).astype(np.uint16)),
    "JPEG": _as_jpeg,
    "objects": _objects,
}  # fmt: skip


# -- weights -----------------------------------------------------------------------------------


def _tensors(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Way:
    def way(path: Path) -> None:
        from safetensors.numpy import load_file, save_file

        save_file(change(load_file(path)), path)

    return way


def _header(text: bytes) -> Way:
    return _written(len(text).to_bytes(8, "little") + text)


WEIGHTS: dict[str, Way] = {
    "no tensors": _tensors(lambda held: {}),
    "one gone": _tensors(lambda held: dict(list(held.items())[1:])),
    "other shapes": _tensors(lambda held: {n: np.zeros((3, 3), "f4") for n in held}),
    "nan": _tensors(lambda held: {n: np.full_like(t, np.nan) if t.dtype.kind == "f" else t
                                  for n, t in held.items()}),
    "other types": _tensors(lambda held: {n: t.astype(np.int8) for n, t in held.items()}),
    "other names": _tensors(lambda held: {f"x.{n}": t for n, t in held.items()}),
    "a long header": _written(b"\xff" * 8 + b"{" + b"x" * 64),
    "no JSON": _header(b"{nonsense"),
    "a tensor beyond the end": _header(b'{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'),
    "a negative offset": _header(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}'),
}  # fmt: skip


# -- study files -------------------------------------------------------------------------------


ODD_VALUES = ('"\\u0000"', "[]", "{}", "-1", "nan", "1e308", '"x"', '""', "true", "[[1]]",
              "1979-05-27", "0")  # fmt: skip


def _setting(name: str, value: str) -> Way:
    """A value in the place of a setting, whatever the section says of it."""

    def way(path: Path) -> None:
        import tomllib

        import tomli_w

        held = tomllib.loads(path.read_text(encoding="utf-8"))
        *parts, last = name.split(".")
        place = held
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = tomllib.loads(f"x = {value}")["x"]
        path.write_text(tomli_w.dumps(held), encoding="utf-8")

    return way


STUDY: dict[str, Way] = {
    "no end": _text(lambda text: text.replace('"', "", 1)),
    "a section twice": _text(lambda text: text + "\n[study]\n"),
    "a key twice": _text(lambda text: text.replace("[study]\n", "[study]\nseed = 1\nseed = 2\n")),
    "an unknown section": _text(lambda text: text + "\n[nonsense]\nx = 1\n"),
    "an unknown key": _text(lambda text: text.replace("[study]\n", "[study]\nnonsense = 1\n")),
    "UTF-16": _text(str, "utf-16"),
    "JSON": _written(b'{"study": {"name": "x"}}'),
    "deep": _text(lambda text: f"x = {'[' * 5000}{']' * 5000}\n{text}"),
    "a large number": _text(
        lambda text: text.replace("[study]\n", f"[study]\nseed = {'9' * 5000}\n")
    ),
    "only a comment": _written(b"# nothing\n"),
    "a control character": _text(lambda text: text.replace("screen", "scr\x01een", 1)),
}  # fmt: skip


def _study_cases() -> list[Case]:
    ways = {f"study file, {name}": way for name, way in STUDY.items()}
    for number, name in enumerate(LAW.SETTINGS):
        for value in (ODD_VALUES[number % 12], ODD_VALUES[(number * 5 + 3) % 12]):
            ways[f"study file, {name} = {value}"] = _setting(name, value)
    return [Case(name, "study.toml", way, "check", also=_words(name)) for name, way in ways.items()]


def _words(name: str) -> tuple[str, ...]:
    """A refusal of a value may name the setting by its last part."""
    return (name.split(", ")[1].split(" = ")[0].split(".")[-1],) if " = " in name else ()


GONE = ("missing", "link to itself", "link to nothing")
BY_PATTERN = ("image table", "plate map")
"""Kinds that the study file names by a pattern: of one that is gone nobody can know."""


def _cases() -> list[Case]:
    found: list[Case] = []
    tables = {
        "image table": "screen/**/load_data.csv",
        "barcodes": "screen/**/barcode_platemap.csv",
        "plate map": "screen/**/platemap_SIM*.txt",
        "annotation": "screen/**/external_metadata.tsv",
    }
    for kind, file in tables.items():
        for name, way in (UNUSABLE | DOUBTFUL | TABLES).items():
            gone = name == "missing" and kind in BY_PATTERN
            unusable = name in UNUSABLE and not gone
            found.append(Case(f"{kind}, {name}", file, way, "check", unusable=unusable))
    for name, way in (UNUSABLE | DOUBTFUL | PARQUET).items():
        unusable = name in UNUSABLE
        also = ("profiles deep", "'deep'", "deep:", "deep_")
        found.append(Case(f"profiles, {name}", "deep.parquet", way, "check", unusable, also))
    pixels = {
        "image": "screen/sim*/**/*ch5*.tiff",
        "label image": "screen/truth/images/SIM001/*_nuclei.tiff",
        "outlines": "screen/truth/images/SIM001/*_outlines.png",
        "illumination": "DNA.npy",
    }
    for kind, file in pixels.items():
        for name, way in (UNUSABLE | DOUBTFUL | PIXELS).items():
            kept = kind in ("image", "illumination") and name in GONE  # it goes on with its copy
            unusable = (name in UNUSABLE and not kept) or name == "objects"
            found.append(Case(f"{kind}, {name}", file, way, "measure", unusable))
    for name, way in (UNUSABLE | DOUBTFUL | WEIGHTS).items():
        unusable = name in UNUSABLE
        found.append(Case(f"weights, {name}", "weights.safetensors", way, "represent", unusable))
    return [*found, *_study_cases()]


CASES = _cases()
"""Every kind of input in every way."""
