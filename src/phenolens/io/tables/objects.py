"""CellProfiler's object tables joined: one row a cell, whatever its objects are called.

Objects are joined by (TableNumber, ImageNumber, ObjectNumber) and the parents CellProfiler wrote
down. ImageNumber alone is not unique once runs are put together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from phenolens.errors import InputError
from phenolens.io.columns import ALIASES, has, key_text, normal_name
from phenolens.io.names import FAMILIES, is_bookkeeping, measured_object
from phenolens.profiles import OBJECT, PLATE, SITE

COMPARTMENTS = ("Cells", "Nuclei", "Cytoplasm")
NUMBER = "ObjectNumber"
RUN = "_run"
RUN_KEYS = ("TableNumber", "ImageNumber")
FEWEST_WITH = 0.5
"""Share of the cells that must have an object, if its measurements are to stand beside theirs."""

_LONG_NUMBER = "_Number_Object_Number"
_HELD = "_number_of_"
_OF_IMAGE = re.compile(r"^(?:Image_)?(?:Metadata_|FileName_|PathName_|URL_)")
_IMAGE_KEPT = re.compile(r"^(?:Image_)?(?:Metadata_|FileName_|Count_|TableNumber|ImageNumber)")
_BARE = re.compile(rf"^(?:{FAMILIES})_")
_PARENT = re.compile(r"_Parent_\w+$")
_ROLES = (
    (3, re.compile(r"cyto(?!kin)", re.IGNORECASE)),
    (2, re.compile(r"nucleol|spot|foci|speckle|puncta", re.IGNORECASE)),
    (1, re.compile(r"nucle|nuc$|nuc_", re.IGNORECASE)),
    (0, re.compile(r"cell|soma|body", re.IGNORECASE)),
)


@dataclass(frozen=True)
class ObjectTables:
    """What runs of a pipeline wrote; where there are several, a column ``_run`` tells their rows.

    Attributes
    ----------
    source : str
        What they are called in errors.
    objects : dict of str to DataFrame
        A table an object, by the object's name; columns with or without that name in front.
    joined : DataFrame or None
        One table of several objects (``Per_Object``), joined by CellProfiler itself.
    image : DataFrame or None
        A row an image.
    """

    source: str
    objects: dict[str, pd.DataFrame] = field(default_factory=dict)
    joined: pd.DataFrame | None = None
    image: pd.DataFrame | None = None


def join_objects(tables: ObjectTables) -> tuple[pd.DataFrame, list[str]]:
    """One row a cell (or nucleus, or whatever was measured) with its image's metadata.

    The rows are those of ``Cells``, or of what is called like cells, else nuclei, else the object
    with most rows; where a filter kept most of them (``FilteredCells`` with ``Parent_Cells``), what
    it kept. Another object stands beside them if the parents that CellProfiler wrote relate them,
    at most one a row and one for half of the rows; what does not is named in a note. An object
    without counterpart keeps its row, with missing values.

    Parameters
    ----------
    tables : ObjectTables

    Returns
    -------
    frame : DataFrame
        Image metadata, ``Metadata_TableNumber``, ``Metadata_ImageNumber``,
        ``Metadata_ObjectNumber``, then ``OBJECT_...`` columns.
    notes : list of str
        For the ledger.

    Raises
    ------
    InputError
        If nothing was measured, numbers of images and objects are missing, or a key occurs twice.
    """
    objects = {n: _prefixed(t, n) for n, t in tables.objects.items()}
    objects = {n: t for n, t in objects.items() if any(_is_measurement(c, n) for c in t)}
    notes: list[str] = []
    if objects:
        keys = _image_keys(objects, source=tables.source)
        for name, table in objects.items():
            numbers = [*keys, NUMBER, *(c for c in table if _PARENT.search(str(c)))]
            objects[name] = _with_numbers(table, numbers, f"{tables.source}: {name}")
            _require_unique(objects[name], [*keys, NUMBER], f"{tables.source}: {name}")
        frame, notes, base = _side_by_side(objects, keys)
    elif tables.joined is not None:
        frame, base = _numbered(tables.joined), "objects"
        keys = _image_keys({"": frame}, source=tables.source)
        frame = _with_numbers(frame, [*keys, NUMBER], tables.source)
        _require_unique(frame, [*keys, NUMBER], tables.source)
    else:
        named = ", ".join(tables.objects) or "none"
        raise InputError(
            f"{tables.source} has no table with measurements of objects such as Cells, Nuclei or "
            f"Cytoplasm; its object tables: {named}."
        )
    frame, more = _with_images(frame, tables.image, keys, base=base, source=tables.source)
    return frame.rename(columns={NUMBER: OBJECT}), [*notes, *more]


def is_joined(columns: Sequence[str], name: str) -> bool:
    """Whether a table holds measurements of several objects, under their names.

    Parameters
    ----------
    columns : sequence of str
    name : str
        What the table is called: the object, where it is a table of one.
    """
    if any(_BARE.match(column) for column in columns):
        return False
    objects = {of for column in columns if (of := measured_object(column))} - {"Image"}
    return bool(objects) and not all(f"{of}_".startswith(f"{name}_") for of in objects)


def says(frame: pd.DataFrame, role: str) -> bool:
    """Whether a column names plate, well or site under a usual name."""
    return any(has(frame, name) for name in (role, *ALIASES[role]))


def image_numbers(frame: pd.DataFrame) -> pd.Series | None:
    """What tells the images of a table apart: ImageNumber, behind TableNumber where there is one.

    ``3`` or ``77-3``, as text; None where no image has a number.
    """
    parts = [n for key in RUN_KEYS for n in (normal_name(key), key) if n in frame]
    if not parts or not parts[-1].endswith("ImageNumber"):
        return None
    texts = [pd.Series(key_text(frame[part]), frame.index) for part in parts]
    return texts[0] if len(texts) == 1 else texts[0] + "-" + texts[-1]


def sited(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with their image's numbers as site, where nothing else names it."""
    numbers = None if says(frame, SITE) else image_numbers(frame)
    return frame if numbers is None else frame.assign(**{SITE: numbers})


def _prefixed(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Measurements under the object's name; numbers and what is said of the image as they are."""
    names = {}
    for column in map(str, table.columns):
        bare = column.removeprefix(f"{name}_")
        own = bare in (RUN, *RUN_KEYS, NUMBER)
        image = _OF_IMAGE.match(column)
        names[column] = bare if own else column if image else f"{name}_{bare}"
    return _numbered(table.set_axis(list(names.values()), axis=1))


def _numbered(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its keys as CellProfiler calls them.

    Databases say ``Cells_Number_Object_Number`` for ``ObjectNumber``, and CytoTable puts
    ``Metadata_`` before each.
    """
    keys = [key for key in (*RUN_KEYS, NUMBER) if key not in table]
    names = {normal_name(key): key for key in keys if normal_name(key) in table}
    given = [str(c) for c in table if str(c).endswith(_LONG_NUMBER)]
    if NUMBER in keys and NUMBER not in names.values() and given:
        names[min(given, key=lambda c: _rank(c.removesuffix(_LONG_NUMBER)))] = NUMBER
    return table.rename(columns=names)


def _is_measurement(column: str, name: str) -> bool:
    measured = column.startswith(f"{name}_") and not _OF_IMAGE.match(column)
    return measured and not is_bookkeeping(column)


def _image_keys(tables: Mapping[str, pd.DataFrame], *, source: str) -> list[str]:
    for name, table in tables.items():
        missing = [key for key in ("ImageNumber", NUMBER) if key not in table]
        if missing:
            raise InputError(
                f"{source}: {name or 'the object table'} has no {' and no '.join(missing)}; object "
                "tables need ImageNumber and ObjectNumber columns."
            )
    return [key for key in (RUN, *RUN_KEYS) if all(key in table for table in tables.values())]


def _with_numbers(table: pd.DataFrame, columns: list[str], source: str) -> pd.DataFrame:
    """Numbers of images and objects as numbers; nothing can be joined by anything else."""
    read = {}
    for name in columns:
        if name != RUN and not pd.api.types.is_numeric_dtype(table[name]):
            read[name] = pd.to_numeric(table[name], errors="coerce")
            wrong = table.loc[read[name].isna() & table[name].notna(), name]
            if len(wrong):
                raise InputError(
                    f"{source}: {name} must be a whole number in each row; {len(wrong):,} of "
                    f"{len(table):,} have something else, such as {wrong.iloc[0]!r}."
                )
    return table.assign(**read) if read else table


def _require_unique(table: pd.DataFrame, key: list[str], source: str) -> None:
    twice = table[table.duplicated(key, keep=False)]
    if len(twice):
        at = twice.iloc[:1]
        shown = ", ".join(f"{n} {key_text(at[n])[0]}" for n in key if n != RUN)
        where = f" of {at[RUN].iloc[0]}" if RUN in twice and twice[RUN].iloc[0] else ""
        raise InputError(
            f"{source}{where}: {len(twice)} rows share a key ({shown}). Runs that were put "
            "together need a TableNumber each."
        )


def _rank(name: str) -> tuple[int, int]:
    """How likely an object is the cell; low first, the field's own names before others."""
    role = next((rank for rank, pattern in _ROLES if pattern.search(name)), 2)
    return role, int(name not in COMPARTMENTS)


def _base(objects: Mapping[str, pd.DataFrame]) -> str:
    """The object whose rows are the cells."""
    base, passed = min(objects, key=lambda n: (*_rank(n), -len(objects[n]), n)), set()
    while base not in passed:
        passed.add(base)
        kept = [
            name
            for name, table in objects.items()
            if name not in passed and _rank(name)[0] == _rank(base)[0]
            if f"{name}_Parent_{base}" in table
            and FEWEST_WITH * len(objects[base]) <= len(table) <= len(objects[base])
        ]
        base = kept[0] if len(kept) == 1 else base
    return base


def _side_by_side(
    objects: Mapping[str, pd.DataFrame], keys: list[str]
) -> tuple[pd.DataFrame, list[str], str]:
    """Rows of the base with each related object's measurements, what was left out, and the base."""
    base = _base(objects)
    frame = objects[base].assign(**{f"{_HELD}{base}": objects[base][NUMBER]})
    notes: list[str] = []
    # Cytoplasm first: where a cell names no parent, its cytoplasm may.
    waiting = sorted(set(objects) - {base}, key=lambda n: (n != "Cytoplasm", *_rank(n), n))
    while waiting:
        name = next((n for n in waiting if _link(frame, objects[n], n)), waiting[0])
        waiting.remove(name)
        link = _link(frame, objects[name], name) or _by_number(frame, objects[name], name, keys)
        if link is None:
            notes.append(f"{name} left out: no Parent column relates them to {base}")
            continue
        frame, said = _attach(frame, objects[name], keys, link=link, base=base, name=name)
        notes += said
    return frame.drop(columns=[f"{_HELD}{name}" for name in objects], errors="ignore"), notes, base


def _link(frame: pd.DataFrame, other: pd.DataFrame, name: str) -> tuple[str, str] | None:
    """Column of the rows so far, and of the other table, that name the same object."""
    there = [str(c).removeprefix(_HELD) for c in frame if str(c).startswith(_HELD)]
    for one in there:
        if f"{name}_Parent_{one}" in other:
            return f"{_HELD}{one}", f"{name}_Parent_{one}"
    for one in there:
        if f"{one}_Parent_{name}" in frame:
            return f"{one}_Parent_{name}", NUMBER
    return None


def _by_number(
    frame: pd.DataFrame, other: pd.DataFrame, name: str, keys: list[str]
) -> tuple[str, str] | None:
    """Equal object numbers, where no parents were written and both are numbered alike."""
    usual = name in COMPARTMENTS and any(f"{_HELD}{one}" in frame for one in COMPARTMENTS)
    key = [*keys, NUMBER]
    same = len(frame) == len(other) and len(frame[key].merge(other[key], on=key)) == len(frame)
    return (NUMBER, NUMBER) if usual or same else None


def _attach(
    frame: pd.DataFrame,
    other: pd.DataFrame,
    keys: list[str],
    *,
    link: tuple[str, str],
    base: str,
    name: str,
) -> tuple[pd.DataFrame, list[str]]:
    """Columns of another object beside each row; notes on rows and objects without counterpart."""
    ours, theirs = link
    right = other.assign(_object=other[theirs], **{f"{_HELD}{name}": other[NUMBER]})
    right = right[right["_object"] > 0]
    if right.duplicated([*keys, "_object"]).any():
        return frame, [f"{name} left out: some {base} have several of them"]
    clash = [c for c in right if c in frame and c not in keys]
    joined = frame.merge(
        right.drop(columns=clash),
        how="left", left_on=[*keys, ours], right_on=[*keys, "_object"], indicator="_found",
    )  # fmt: skip
    alone = int((joined["_found"] == "left_only").sum())
    if len(frame) - alone < FEWEST_WITH * len(frame) and name not in COMPARTMENTS:
        share = f"{len(frame) - alone:,} of {len(frame):,}"
        return frame, [f"{name} left out: {share} {base} have one"]
    used = joined.loc[joined["_found"] == "both", [*keys, f"{_HELD}{name}"]].drop_duplicates()
    notes = [f"{alone} of {len(frame)} {base} have no {name}"] if alone else []
    if lost := len(other) - len(used):
        notes.append(f"{lost} of {len(other)} {name} have no {base} and are left out")
    return joined.drop(columns=["_found", "_object"]), notes


def _with_images(
    frame: pd.DataFrame, image: pd.DataFrame | None, keys: list[str], *, base: str, source: str
) -> tuple[pd.DataFrame, list[str]]:
    notes: list[str] = []
    own = {str(c): str(c).removeprefix("Image_") for c in frame if _OF_IMAGE.match(str(c))}
    frame = frame.rename(columns=own)
    if image is not None:
        path = () if says(image, PLATE) else ("PathName_", "Image_PathName_")
        kept = image[[c for c in image if _IMAGE_KEPT.match(c) or c.startswith((RUN, *path))]]
        kept = kept.rename(columns=lambda c: str(c).removeprefix("Image_"))
        on = [key for key in keys if key in kept]
        if "ImageNumber" not in on:
            raise InputError(f"{source}: the Image table has no ImageNumber column.")
        kept = _with_numbers(kept, on, f"{source}: Image")
        _require_unique(kept, on, f"{source}: Image")
        again = [c for c in kept if c in frame and c not in on]
        frame = kept.merge(frame.drop(columns=again), how="right", on=on, suffixes=("_image", ""))
        empty = len(kept) - len(kept[on].merge(frame[on].drop_duplicates(), on=on))
        if empty:
            notes.append(f"{empty} of {len(kept)} images have no {base}")
    return frame.rename(columns={key: normal_name(key) for key in keys}), notes
