"""The ``[data.images]`` section for a folder that was surveyed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from phenolens.io.columns import has, normal_name
from phenolens.io.imagetable import (
    channel_order,
    image_shape,
    is_image_name,
    load_data_channels,
)
from phenolens.io.paths import ImageFinder
from phenolens.io.patterns import pattern
from phenolens.io.phenix import index_channels, parse_name, read_index
from phenolens.io.screen_of_table import numbers_objects
from phenolens.io.survey import (
    FoundTables,
    column_for,
    image_columns,
    image_root,
    load_data_paths,
    phenix_images,
    well_like,
)
from phenolens.profiles import PLATE, SITE, WELL

INDEX_NAMES = ("index", "stack_index", "frame", "page", "slice", "plane", "crop")
NUCLEAR = ("dna", "dapi", "hoechst", "nuclei", "nucleus", "h33342", "draq5")
WORDS = re.compile(r"(file_?names?|file|path|image|img|orig|url|channel|stain)", re.IGNORECASE)
IN_NAMES = {
    WELL: (r"(?:^|[_-])([A-P]\d{2})(?=[_f.-])", r"(?:^|[_-])([A-P]\d{1,2})(?=[_f.-])"),
    SITE: (r"[_-]s(\d{1,3})(?=[_.w-])", r"[A-P]\d{2}f(\d{2,3})"),
}
Questions = list[tuple]


def image_section(
    found: Sequence[FoundTables], files: Sequence[Path], source: Path
) -> tuple[dict | None, dict[str, str], Questions]:
    """Settings, columns that must be named, and questions; None where there are no images."""
    for kind, make in (
        ("load_data", _load_data),
        ("samplesheet", _samplesheet),
        ("images", _image_table),
    ):
        items = [item for item in found if item.kind == kind]
        if items:
            return make(_best(items), source)
    if phenix_images(files):
        return _phenix(files, source)
    return None, {}, []


def _best(items: Sequence[FoundTables]) -> FoundTables:
    """The table that says most; with illumination functions before without."""
    return max(
        items, key=lambda item: (any("Illum" in str(c) for c in item.head), len(item.head.columns))
    )


def _load_data(item: FoundTables, source: Path) -> tuple[dict, dict[str, str], Questions]:
    named = load_data_channels(item.head)
    section = {
        "table": pattern(item.paths, source),
        "layout": "load_data",
        **_root(load_data_paths(item.head), item, source),
        "channels": list(named),
    } | _nuclei(list(named))
    columns, questions = _places(item, next(iter(named.values())), source)
    return section, columns, questions


def _samplesheet(item: FoundTables, source: Path) -> tuple[dict, dict[str, str], Questions]:
    column = has(item.head, "channel")
    channels = channel_order(list(dict.fromkeys(item.head[column].astype(str))))
    paths = item.head[has(item.head, "path")].head(20).astype(str)
    section = {
        "table": pattern(item.paths, source),
        "layout": "samplesheet",
        **_root(paths, item, source),
        "channels": channels,
    } | _nuclei(channels)
    columns, questions = _places(item, str(has(item.head, "path")), source)
    return section, columns, questions


def _image_table(item: FoundTables, source: Path) -> tuple[dict, dict[str, str], Questions]:
    named = image_columns(item.head, item.paths[0], source)
    section: dict = {"table": pattern(item.paths, source), "layout": "table"}
    section |= _root(item.head[named[0]].head(20).astype(str), item, source)
    shape = _first_shape(item, named[0], source)
    index = next((c for c in (has(item.head, n) for n in INDEX_NAMES) if c), None)
    index = index if index and len(shape) > 2 else None
    section |= {"index": index} if index else {}
    section |= {"level": _level(item, index, shape)}
    questions: Questions = []
    if len(named) > 1:
        stains = {_stain(name): name for name in named}
        section |= {"files": stains, "channels": channel_order(list(stains))}
    else:
        section |= {"file": named[0], "channels": _numbered(shape, index)}
        questions += _ask_stains(section["channels"])
    columns, more = _places(item, named[0], source)
    return section | _nuclei(section["channels"]), columns, questions + more


def _root(texts: Sequence[str], item: FoundTables, source: Path) -> dict[str, str]:
    """``root``, where the images' paths do not start from the table's own folder."""
    folder = image_root(texts, item.paths[0], source)
    if folder is None or folder == item.paths[0].parent:
        return {}
    return {"root": folder.relative_to(source).as_posix()}


def _first_shape(item: FoundTables, column: str, source: Path) -> tuple[int, ...]:
    texts = [text for text in item.head[column].head(20) if is_image_name(text)]
    finder = ImageFinder([image_root(texts, item.paths[0], source) or source])
    present = [path for path, there in map(finder.find, texts) if there]
    return image_shape(Path(present[0]))


def _level(item: FoundTables, index: str | None, shape: tuple[int, ...]) -> str:
    if numbers_objects(item.head):
        return "cell"
    if index is None:
        return "field"
    return "cell" if max(shape[-2:]) <= 256 else "tile"


def _numbered(shape: tuple[int, ...], index: str | None) -> list[str]:
    """Placeholder names for the stains of a file of this shape."""
    leading = shape[:-2]
    if len(leading) == 2:
        count = leading[1] if leading[1] <= 16 else leading[0]
    elif len(leading) == 1 and index is None:
        count = leading[0]
    else:
        count = 1
    return [f"channel{number + 1}" for number in range(count)]


def _ask_stains(channels: Sequence[str]) -> Questions:
    text = (
        f"the files hold {len(channels)} stain(s) and do not name them; "
        "write the names here, in the files' order"
    )
    return [("images.channels", text)]


def _stain(column: str) -> str:
    """Stain of an image column: ``dna_path`` and ``FileName_DNA`` are about DNA."""
    name = WORDS.sub("", normal_name(column).removeprefix("Metadata_")).strip("_- ")
    return name or column


def _nuclei(channels: Sequence[str]) -> dict[str, str]:
    found = [c for c in channels if any(word in c.lower() for word in NUCLEAR)]
    return {"nuclei": found[0]} if found else {}


def _places(item: FoundTables, file_column: str, source: Path) -> tuple[dict[str, str], Questions]:
    """Specifications of plate, well and site, from columns or, failing that, file names."""
    columns: dict[str, str] = {}
    questions: Questions = []
    for role in (PLATE, WELL, SITE):
        name = column_for(item.head, role)
        key = role[9:].lower()
        if name is not None and (role != WELL or well_like(item.head[name])):
            columns |= {} if name in {PLATE, WELL, SITE} else {key: name}
            continue
        guess = _from_names(item.head[file_column], role)
        if guess:
            columns[key] = f"{file_column} ~ {guess}"
            questions.append((f"columns.{key}", "guessed from the file names; check it"))
        elif role == PLATE:
            columns["plate"] = f"= {source.name}"
            questions.append(("columns.plate", "no column names the plate; one plate is assumed"))
        elif role == WELL:
            questions.append(("columns.well", "no column names the well", _names(item.head)))
    return columns, questions


def _names(head: pd.DataFrame) -> tuple[str, ...]:
    return tuple(map(str, head.columns))


def _from_names(values: pd.Series, role: str) -> str | None:
    """A pattern that finds the role in every file name."""
    names = [str(v).replace("\\", "/").rpartition("/")[2] for v in values.dropna().head(200)]
    for guess in IN_NAMES.get(role, ()):
        if names and all(re.search(guess, name) for name in names):
            return guess
    return None


def _phenix(files: Sequence[Path], source: Path) -> tuple[dict, dict[str, str], Questions]:
    parsed = [parse_name(path.name) for path in files]
    numbers = sorted({part["channel"] for part in parsed if part})
    names = index_channels(source, numbers)
    indexes = sorted(source.rglob("Index*.xml"))
    size = read_index(indexes[0])[1] if indexes else None
    section = {
        "layout": "phenix",
        "root": ".",
        "channels": names or [f"channel{n}" for n in numbers],
    } | ({"pixel_size_um": size} if size else {})
    text = (
        f"which stain is ch{numbers[0]}, ch{numbers[1]}, ...? The order differs between "
        "laboratories (docs/data-integration.md)"
        if len(numbers) > 1
        else "which stain is it?"
    )
    questions = [] if names else [("images.channels", text)]
    return section | _nuclei(section["channels"]), {}, questions
