"""Names and values of metadata columns: found under many spellings, cleaned in one way.

A column of the study file may be written in three ways: ``"Metadata_Plate"`` names a column;
``"FileName_DNA ~ _([A-P][0-9]{2})f"`` is the first group of a regular expression in a column;
``"= plate-1"`` is one value for all rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
from pandas.api.types import is_object_dtype

from phenolens.errors import InputError
from phenolens.expressions import Expression
from phenolens.naming import nearest, normal_name
from phenolens.profiles import OBJECT, PLATE, PREFIX, SITE, WELL, row_letters, well_name

BLANKS = frozenset({"", "nan", "none", "null", "na", "n/a", "<na>", "nat", "#n/a"})
BLANK_SAMPLE = "_blank_sample"
FILE = "_file"
FOLDER = "_folder"
ALIASES = {
    PLATE: (
        "Plate", "Barcode", "Assay_Plate_Barcode", "plate_id", "PlateID", "plate_name",
        "plate_barcode", "Image_Metadata_Plate",
    ),
    WELL: ("Well", "well_position", "well_id", "WellID", "well_name", "pert_well"),
    SITE: ("Site", "Field", "FieldID", "field_id", "FOV", "position", "tile"),
    OBJECT: (
        "ObjectNumber", "Object_Number", "Object", "object_no", "object_id", "cell_id", "CellID",
        "cell_number", "cell_no", "cell_index", "cell", "crop_id", "label",
    ),
}  # fmt: skip
ROWS = (
    "Row", "well_row", "WellRow", "plate_row", "row_name", "row_number", "row_index", "row_id",
    "RowID",
)  # fmt: skip
COLUMNS = (
    "Column", "Col", "well_column", "well_col", "WellColumn", "WellCol", "plate_column",
    "plate_col", "column_name", "column_number", "column_index", "column_id", "ColumnID",
)  # fmt: skip
_MICRO = str.maketrans({"µ": "u", "μ": "u"})


@lru_cache(maxsize=65536)
def same_name(name: str) -> str:
    """A column's name for comparing: case, spaces, dashes and brackets play no part.

    Examples
    --------
    >>> same_name("Plate Name") == same_name("Metadata_plate_name")
    True
    """
    bare = normal_name(name).removeprefix(PREFIX).lower().translate(_MICRO)
    return re.sub(r"[\W_]+", "_", bare).strip("_")


def is_blank(value: object) -> bool:
    """Whether a value says nothing: null, empty, or a word such as ``nan``."""
    if isinstance(value, str):
        return value.strip().lower() in BLANKS
    if value is None or value is pd.NA:
        return True
    if isinstance(value, (list, tuple, dict, set, np.ndarray)):
        return len(value) == 0
    return value != value or str(value).strip().lower() in BLANKS


def clean(values: pd.Series) -> pd.Series:
    """Text stripped, blanks as None; numbers and booleans as they are."""
    if pd.api.types.is_bool_dtype(values) or pd.api.types.is_numeric_dtype(values):
        return values
    text = [None if is_blank(value) else str(value).strip() for value in values]
    return pd.Series(text, index=values.index, name=values.name, dtype=object)


def refuse_nested(names: Sequence[str], source: str) -> None:
    """Raise where columns hold several values a row.

    Raises
    ------
    InputError
        Names the first five.
    """
    if names:
        raise InputError(
            f"{source}: {len(names)} column(s) hold lists, dictionaries or arrays, such as "
            f"{', '.join(names[:5])}. Give each value a column of its own, or drop them."
        )


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with categories, objects and nullable types as the plain values they hold."""
    held = {}
    for name, kind in frame.dtypes.items():
        values = frame[name]
        text = is_object_dtype(kind) and pd.api.types.infer_dtype(values, skipna=True) == "string"
        if text or (isinstance(kind, np.dtype) and not is_object_dtype(kind)):
            continue
        objects = values.astype(object).where(values.notna(), None)
        held[name] = pd.Series(objects.tolist(), index=frame.index)
    return frame.assign(**held)


def tidy_names(names: Iterable[str]) -> dict[str, str]:
    """Given names to ``Metadata_`` names, prefixed ones first; one taken twice gets a number."""
    taken: dict[str, int] = {}
    out = {}
    for name in sorted(names, key=lambda name: not str(name).startswith((PREFIX, "_"))):
        normal = normal_name(name)
        taken[normal] = taken.get(normal, 0) + 1
        out[name] = normal if taken[normal] == 1 else f"{normal}_{taken[normal]}"
    return out


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with ``Metadata_`` names and clean values; see :func:`tidy_names`."""
    names = tidy_names(frame.columns)
    cleaned = {
        new: frame[name] if new == BLANK_SAMPLE else clean(frame[name])
        for name, new in names.items()
    }
    return pd.DataFrame(cleaned, index=frame.index)


def has(frame: pd.DataFrame, name: str) -> str | None:
    """The frame's own spelling of a column, or None."""
    if name in frame:
        return name
    wanted = same_name(name)
    return next((str(c) for c in frame if same_name(c) == wanted), None)


def find(frame: pd.DataFrame, name: str, *, source: str) -> str:
    """The frame's own spelling of a column.

    Raises
    ------
    InputError
        If there is none; names the one that was probably meant, or those there are.
    """
    found = has(frame, name)
    if found is None:
        raise InputError(f"{source} has no column {name!r}{nearest(name, frame.columns)}")
    return found


def spelled(frame: pd.DataFrame, name: str, *, source: str) -> str:
    """As :func:`find`, and plate, well, site and object also under their usual names."""
    usual = (name, *ALIASES.get(normal_name(name), ()))
    found = next((column for column in (has(frame, n) for n in usual) if column), None)
    return find(frame, name, source=source) if found is None else found


def pick(frame: pd.DataFrame, spec: str, *, source: str) -> pd.Series:
    """The values a column specification stands for; see the module's docstring."""
    if spec.startswith("="):
        return pd.Series([spec[1:].strip()] * len(frame), index=frame.index, dtype=object)
    name, _, pattern = spec.partition(" ~ ")
    values = frame[find(frame, name.strip(), source=source)]
    return _extract(values, pattern.strip(), source=source) if pattern else values


def _extract(values: pd.Series, pattern: str, *, source: str) -> pd.Series:
    codes, known = pd.factorize(values.map(lambda value: None if is_blank(value) else str(value)))
    try:
        expression = Expression(pattern)
        of_known = expression.search(known)
    except InputError as error:
        raise InputError(f"{source}, column {values.name}: {error}") from None
    if expression.groups < 1:
        raise InputError(
            f"{source}, column {values.name}: {pattern!r} has no group; put the part to keep in "
            "parentheses."
        )
    matches = [of_known[code] if code >= 0 else None for code in codes]
    if len(values) and not any(matches):
        raise InputError(
            f"{source}: {pattern!r} matches no value of {values.name}, such as {values.iloc[0]!r}."
        )
    return pd.Series([m[1] if m else None for m in matches], index=values.index, dtype=object)


def spec_column(spec: str | None) -> str | None:
    """The column that a specification reads, in its normal name; None for a constant."""
    if spec is None or spec.startswith("="):
        return None
    return normal_name(spec.partition(" ~ ")[0].strip())


_ASKED_FOR = {
    PLATE: (
        "Wells are compared within plates: name theirs as plate in [data.columns], or, where all "
        'rows are of one plate, say plate = "=P1".'
    ),
    WELL: "Without wells nothing can be asked: name theirs as well in [data.columns].",
}


def place(frame: pd.DataFrame, spec: str | None, role: str, *, source: str) -> pd.Series | None:
    """Plate, well, site or object number of each row, under the given or a usual name."""
    if spec is not None and ("~" in spec or spec.startswith("=") or has(frame, spec)):
        return pick(frame, spec, source=source)
    usual = (role, *ALIASES[role]) if spec in (None, role) else ()
    found = next((name for name in (has(frame, n) for n in usual) if name), None)
    if usual and role == WELL and (found is None or not well_text(frame[found]).any()):
        wells = wells_of_rows(frame)
        if wells is not None:
            return wells
    if found is None and spec in _ASKED_FOR:
        names = list(map(str, frame.columns))
        held = [name for name in names if name.startswith(PREFIX)] or names
        raise InputError(f"{source} has no column {spec!r}{nearest(spec, held)} {_ASKED_FOR[spec]}")
    if found is None and spec is not None:
        find(frame, spec, source=source)
    return None if found is None else frame[found]


def wells_of_rows(frame: pd.DataFrame) -> pd.Series | None:
    """Well names from a column of rows (letters or numbers) and one of columns; None without them.

    Numbers begin at 1; at 0, where a 0 is among them.
    """
    rows = next((found for found in (has(frame, name) for name in ROWS) if found), None)
    columns = next((found for found in (has(frame, name) for name in COLUMNS) if found), None)
    if rows is None or columns is None:
        return None
    pairs = list(zip(key_text(frame[rows]), key_text(frame[columns]), strict=True))
    first = 0 if any("0" in pair for pair in pairs) else 1
    named = [_well_at(row, column, first=first) for row, column in pairs]
    if not any(named):
        return None
    return pd.Series(named, index=frame.index, name=f"{rows} and {columns}", dtype=object)


def with_wells(frame: pd.DataFrame) -> pd.DataFrame:
    """The table with a column of wells where it names a row and a column of the plate instead."""
    usual = next((name for name in (has(frame, n) for n in (WELL, *ALIASES[WELL])) if name), None)
    wells = wells_of_rows(frame) if usual is None else None
    return frame if wells is None else frame.assign(**{WELL: wells})


@lru_cache(maxsize=4096)
def _well_at(row: str, column: str, *, first: int) -> str:
    if row.isdecimal() and 0 <= int(row) - first < 32:
        row = row_letters(int(row) - first)
    column = str(int(column) + 1 - first) if column.isdecimal() else column
    return well_or_blank(f"{row}{column}")


def key_text(values: pd.Series) -> np.ndarray:
    """Join keys as text: ``24277.0`` is ``24277``, ``0.30`` is ``0.3``, null is ''."""
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return np.array([_number_text(value) for value in values.to_numpy()], dtype=object)
    return np.array(["" if is_blank(v) else str(v).strip() for v in values], dtype=object)


def _number_text(value: float) -> str:
    if value != value:
        return ""
    return str(int(value)) if float(value).is_integer() else f"{float(value):.6g}"


def pair_text(left: pd.Series, right: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Both sides of a join as text; where one side is numeric, the other is read as numbers.

    Unless two of its names are one number: ``7`` and ``007`` stay two then.
    """
    numeric = [pd.api.types.is_numeric_dtype(side) for side in (left, right)]
    if any(numeric) and not all(numeric) and not _alike(left) and not _alike(right):
        left, right = (_as_numbers(side) for side in (left, right))
    return key_text(left), key_text(right)


def _alike(values: pd.Series) -> bool:
    """Whether two names differ in the zeros before them alone."""
    names = {text for text in key_text(values) if text.isdecimal()}
    return len({name.lstrip("0") for name in names}) < len(names)


def plate_keys(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """Names of plates of both sides as they meet, and how, where they meet in another spelling.

    Where no name of one side is one of the other, zeros in front (``7`` and ``007``) and then case
    (``br001`` and ``BR001``) play no part, unless two names of a side would become one.

    Parameters
    ----------
    left, right : ndarray of str
        As :func:`key_text` gives them.

    Returns
    -------
    left, right : ndarray of str
    how : str
        For the ledger; empty where names meet as they are.
    """
    if set(left) & set(right) - {""}:
        return left, right, ""
    for how, spelled in (
        ("plates meet without the zeros before their numbers", _without_zeros),
        ("plates meet without regard to case", str.casefold),
    ):
        sides = [{text: spelled(text) for text in set(side)} for side in (left, right)]
        unique = all(len(set(side.values())) == len(side) for side in sides)
        if unique and set(sides[0].values()) & set(sides[1].values()) - {""}:
            one, other = (
                np.array([names[text] for text in side], dtype=object)
                for names, side in zip(sides, (left, right), strict=True)
            )
            return one, other, how
    return left, right, ""


def _without_zeros(text: str) -> str:
    return (text.lstrip("0") or "0") if text.isdecimal() else text


def _as_numbers(values: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(values, errors="coerce")
    return numbers if (numbers.notna() | values.map(is_blank)).all() else values


def well_text(values: pd.Series) -> np.ndarray:
    """Canonical well names; '' where a value is no well."""
    codes, different = pd.factorize(values, use_na_sentinel=False)
    return np.array([well_or_blank(value) for value in different], dtype=object)[codes]


def no_wells(values: pd.Series) -> str:
    """Why no value of a column is a well, and what would make it one: the end of a sentence."""
    said = [text for text in dict.fromkeys(key_text(values)) if text]
    said = [text for text in said if not well_or_blank(text)] or said
    remedy = "write names such as B07, or give a column Row and a column Column."
    if not said:
        return f"column {str(values.name)!r} is empty where wells are meant; {remedy}"
    shown = ", ".join(said[:3])
    if all(text.isdecimal() and not text.startswith("0") for text in said if text != "0"):
        return (
            f"column {str(values.name)!r} numbers its wells ({shown}), and whether 2 is A02 or B01 "
            f"it does not say; {remedy}"
        )
    return f"column {str(values.name)!r} holds no well names (got {shown}); {remedy}"


def well_or_blank(value: object) -> str:
    """The canonical name of a well; '' where the value is none."""
    try:
        return well_name(value)
    except InputError:
        return ""


def mark_blank_samples(frame: pd.DataFrame) -> pd.DataFrame:
    """Add a flag for rows whose ``broad_sample`` is there and blank: control wells by convention.

    The flag is kept apart because after a join a blank can also mean that nothing matched.
    """
    name = has(frame, "broad_sample")
    if name is None:
        return frame
    return frame.assign(**{BLANK_SAMPLE: frame[name].map(is_blank).astype(object)})
