"""Which columns are features, of which family, and which numbers are none: one answer for all.

What a column is called decides; values speak only where no name is known. Position, dose, time,
replicate, counts and the numbers of objects and images are never features, whatever they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from phenolens import words
from phenolens.errors import InputError, named, shown
from phenolens.io.columns import ALIASES, FILE, FOLDER, nearest, place, same_name, well_text
from phenolens.io.names import COMPARTMENTS, is_bookkeeping, measured_object, parse_feature
from phenolens.io.roles import NAMES
from phenolens.io.row_words import describes_row, names_place, numbers_rows
from phenolens.profiles import PREFIX, WELL, well_position
from phenolens.words.sentences import small_first

CELLPROFILER, HARMONY, BARE = "cellprofiler", "harmony", "numbered"
LEARNED = re.compile(r"^(?!Metadata_)(?P<model>.+?)__.+?__\d{4,}$")
NUMBERED = re.compile(r"^(?P<prefix>.*?)(?P<number>\d+)$")
UNNAMED = re.compile(r"^Unnamed: \d+$")
# "Nuclei - Nucleus Area [µm²] - Mean per Well"; how many objects there were is a count.
MEASURED = re.compile(r"^\S.*? - \S")
COUNTED = re.compile(r"(?:^| - )Number of Objects$")
FEWEST_NUMBERED, FEWEST_HARMONY, FEWEST_ROWS = 8, 3, 8
SHOWN = 3

# Why a numeric column is no feature; the words are those of the finding ``columns-not-used``.
ROW, NUMBER, PLACED, STRANGE, NOT_NAMED = "row", "number", "placed", "strange", "not-named"
TEXT = "text"
LONG = ("feature", "feature_name", "variable", "measurement", "parameter", "readout")
"""What the column of a long table is called that names its features."""
_USUAL = frozenset(
    same_name(name) for names in (*ALIASES.values(), *NAMES.values()) for name in names
)


@dataclass(frozen=True)
class Family:
    """Features of one kind.

    Attributes
    ----------
    name : str
        As a person reads it: ``CellProfiler-type``, ``of embedding 'f'``.
    key : str
        What names the family in ``features``: ``cellprofiler``, ``harmony``, ``numbered`` (``0``,
        ``1``, ...) or a prefix; empty where it needs no name.
    columns : tuple of str
        In the table's order.
    objects : tuple of str
        The objects that CellProfiler-type features are of.
    """

    name: str
    key: str
    columns: tuple[str, ...]
    objects: tuple[str, ...] = ()

    def __str__(self) -> str:
        """``1,234 CellProfiler-type (Cells, Nuclei; such as Cells_AreaShape_Area)``."""
        examples = f"such as {_listed(self.columns, most=2, more='')}"
        inside = "; ".join(filter(None, (_listed(self.objects, most=6), examples)))
        return f"{len(self.columns):,} {self.name} ({inside})"


@dataclass(frozen=True)
class Features:
    """The features of a table, and the numeric columns that are none.

    Attributes
    ----------
    names : list of str
        The features, in the table's order (as named, where they were named).
    families : tuple of Family
    unused : dict of str to tuple of str
        Why numeric columns are no features (``row``, ``number``, ``placed``, ``strange``,
        ``not-named``), and columns called like features that hold words (``text``). ``Metadata_``
        columns say so themselves and are not among them.
    """

    names: list[str]
    families: tuple[Family, ...]
    unused: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def used_line(self) -> str:
        """``128 features: 128 of embedding 'f' (such as f0, f1)``."""
        return f"{len(self.names):,} features: {' and '.join(map(str, self.families))}"

    def unused_line(self) -> str:
        """``numeric columns not used: 8 (Row, Column, ...: describing the row)``; '' for none."""
        if not self.unused:
            return ""
        said = words.say("columns-not-used", **self.unused_values()).what
        return small_first(said).removesuffix(".")

    def unused_values(self) -> dict[str, dict]:
        """Numeric columns that are no features: how many, and the first, by reason."""
        return {
            "counts": {why: len(names) for why, names in self.unused.items()},
            "examples": {why: list(names[:SHOWN]) for why, names in self.unused.items()},
        }

    def lines(self) -> list[str]:
        """Both lines, for the ledger."""
        return [line for line in (self.used_line(), self.unused_line()) if line]


def recognise(
    frame: pd.DataFrame, *, features: str | Sequence[str] | None = None, source: str
) -> Features:
    """The features of a table.

    Parameters
    ----------
    frame : DataFrame
        Metadata and features in columns, named by text.
    features : str, sequence of str or None
        A family (``cellprofiler``, ``harmony``, ``numbered``), a prefix (``f`` means ``f0``,
        ``f1``, ...), or a list of columns, prefixes or both. By default the one family there is:
        CellProfiler's names, with objects of any name; Harmony's (``Nuclei - Nucleus Area [µm²] -
        Mean per Well``); an embedding, which is eight columns or more numbered under one prefix
        (``f0``, ``efficientnet_12``, ``12``, ``cnn__DNA__0001``); blocks that a study wrote side
        by side (``cnn__...``, ``cellprofiler__...``). Only where there is none of these: every
        numeric column whose name does not describe the row, and which does not merely number rows
        or follow the plate.
    source : str
        What the frame is called in errors.

    Returns
    -------
    Features

    Raises
    ------
    InputError
        If there are none, there are several families and none was named, or a feature is not
        numeric.
    """
    names = [str(name) for name in frame.columns]
    families = find_families(frame)
    if features is None:
        if len(families) > 1:
            raise InputError(_several(families, source))
        of_one = set(families[0].columns) if families else set(nameless(frame))
        of_one -= set(_words(frame, families))
        chosen = tuple(dict.fromkeys(name for name in names if name in of_one))
        if len(chosen) == 1 and (feature := names_a_feature(frame)):
            raise InputError(
                f"{source} has a row a feature: {feature!r} names it, {chosen[0]!r} holds its "
                "value. Give a row a well and a column a feature (pandas: pivot_table)."
            )
        hint = "of features"
    elif features == "" or not isinstance(features, Iterable):
        what = "empty" if features == "" else f"a prefix or a list of names; got {shown(features)}"
        raise InputError(f"{named('features')} is {what}.")
    else:
        wanted = [features] if isinstance(features, str) else list(map(str, features))
        listed = not isinstance(features, str)
        chosen = _wanted(names, wanted, families, columns=listed, source=source)
        hint = "among the features named" if listed else f"with the prefix {features!r}"
    if not chosen:
        more = ", ..." if len(names) > 8 else ""
        raise InputError(
            f"{source} has no columns {hint}; it has {', '.join(names[:8])}{more}; name the "
            f"features with {named('features')}{_as_text(frame)}."
        )
    _require_numbers(frame, chosen, source=source)
    return Features(
        list(chosen),
        _families_of(chosen, families),
        _unused(frame, set(chosen), named=features is not None, families=families),
    )


def names_a_feature(frame: pd.DataFrame) -> str | None:
    """The column of a long table that names the feature of each row; None where there is none."""
    for name, kind in _kinds(frame).items():
        called = same_name(name.removeprefix(PREFIX))
        if called in LONG and _is_text(kind) and frame[name].nunique() > 1:
            return name
    return None


def _words(frame: pd.DataFrame, families: Sequence[Family]) -> list[str]:
    """Columns of words called as CellProfiler calls measurements (``Nuclei_Classify_Phase``)."""
    named = {n for family in families if family.key == CELLPROFILER for n in family.columns}
    columns = {n: frame[n] for n, kind in _kinds(frame).items() if n in named and _is_text(kind)}
    return [name for name, values in columns.items() if _only_words(values)]


def _is_text(kind: object) -> bool:
    return pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind)


def _only_words(values: pd.Series) -> bool:
    said = values.dropna()
    return len(said) > 0 and bool(pd.to_numeric(said, errors="coerce").isna().all())


def _as_text(frame: pd.DataFrame) -> str:
    """The end of a sentence that finds no features where columns hold numbers as text."""
    for name, kind in _kinds(frame).items():
        if pd.api.types.is_object_dtype(kind) and not _told(name):
            said = frame[name].dropna()
            if len(said) and pd.to_numeric(said, errors="coerce").notna().all():
                return f"; {name} holds numbers as text: convert it with .astype(float)"
    return ""


def merge(found: Sequence[Features], *, named: bool, source: str) -> Features:
    """What several files hold together.

    Parameters
    ----------
    found : sequence of Features
    named : bool
        Whether a person named the features.
    source : str
        What the files are called in errors.

    Raises
    ------
    InputError
        If they hold different families and none was named.
    """
    if len(found) == 1:
        return found[0]
    families: dict[str, list[Family]] = {}
    for one in found:
        for family in one.families:
            families.setdefault(family.name, []).append(family)
    whole = tuple(_joined(parts) for parts in families.values())
    if not named and any(len(one.families) < len(whole) for one in found):
        raise InputError(_several(whole, source))
    reasons = dict.fromkeys(why for one in found for why in one.unused)
    return Features(
        list(dict.fromkeys(name for one in found for name in one.names)),
        whole,
        {why: _once(one.unused.get(why, ()) for one in found) for why in reasons},
    )


def _joined(parts: Sequence[Family]) -> Family:
    objects = tuple(sorted(_once(part.objects for part in parts)))
    return Family(parts[0].name, parts[0].key, _once(part.columns for part in parts), objects)


def _once(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))


def find_families(frame: pd.DataFrame) -> list[Family]:
    """Families of features that names tell; none of their columns describes the row."""
    kinds = _kinds(frame)
    free = [name for name in kinds if PREFIX not in name and not name.startswith("_")]
    if blocks := _blocks(free):
        return [_family(" and ".join(blocks), "", [n for part in blocks.values() for n in part])]
    objects = {name: of for name in free if (of := _object(name))}
    families = []
    if objects:
        kinds_of = tuple(sorted(set(objects.values())))
        families.append(Family("CellProfiler-type", CELLPROFILER, tuple(objects), kinds_of))
    left = [name for name in free if name not in objects]
    harmony = [n for n in left if MEASURED.match(n) and not _is_count(n) and _is_number(kinds[n])]
    if len(harmony) >= FEWEST_HARMONY:
        families.append(_family("of Harmony", HARMONY, harmony))
        left = [name for name in left if name not in set(harmony)]
    owners = {f"{measured}_".lower() for measured in objects.values()}
    numbered = _embeddings({name: kinds[name] for name in left}, owners=owners)
    return families + _compartments_as_one(numbered)


def _compartments_as_one(numbered: Sequence[Family]) -> list[Family]:
    """Columns numbered per compartment (``Cells_Simulated_0001``) are one CellProfiler table's."""
    parts = {family: family.key.partition("_")[0] for family in numbered}
    own = [family for family, compartment in parts.items() if compartment in COMPARTMENTS]
    if not own:
        return list(numbered)
    columns = tuple(name for family in own for name in family.columns)
    objects = tuple(sorted({parts[family] for family in own}))
    whole = Family("CellProfiler-type", CELLPROFILER, columns, objects)
    return [whole, *(family for family in numbered if family not in own)]


def _kinds(frame: pd.DataFrame) -> dict[str, object]:
    """Types of the columns by name, each name once."""
    return dict(zip(map(str, frame.columns), frame.dtypes, strict=True))


def _family(name: str, key: str, columns: Iterable[str]) -> Family:
    return Family(name, key, tuple(columns))


def _object(name: str) -> str:
    """The object of a measurement; '' where the name's first words describe the row."""
    measured = measured_object(name)
    return "" if names_place(measured) else measured


def _is_count(name: str) -> bool:
    return bool(COUNTED.search(name)) or describes_row(name)


def _blocks(names: Sequence[str]) -> dict[str, list[str]]:
    """Columns of a study's fusion by block: ``cnn__cnn__all__0001``, ``cellprofiler__Cells_...``.

    Empty unless two blocks are there.
    """
    blocks: dict[str, list[str]] = {}
    for name in names:
        block, mark, feature = name.partition("__")
        if block and mark and _is_feature_alone(feature):
            blocks.setdefault(f"of block {block!r}", []).append(name)
    return blocks if len(blocks) > 1 else {}


def _is_feature_alone(name: str) -> bool:
    plain = "__" not in name and not name[:1].isdigit() and NUMBERED.match(name)
    return bool(plain or LEARNED.match(name) or measured_object(name))


def _embeddings(kinds: Mapping[str, object], *, owners: set[str]) -> list[Family]:
    """Columns numbered under one prefix, eight or more, most of them decimal numbers.

    What is called after an object that CellProfiler measured (``owners``) is a measurement of an
    unknown kind, and no embedding.
    """
    prefixes: dict[str, list[str]] = {}
    for name in kinds:
        learned, numbered = LEARNED.match(name), NUMBERED.match(name)
        if learned:
            prefixes.setdefault(f"{learned['model']}__", []).append(name)
        elif (
            numbered
            and not numbers_rows(numbered["prefix"])
            and (numbered["prefix"] or not pd.api.types.is_object_dtype(kinds[name]))
        ):
            prefixes.setdefault(numbered["prefix"], []).append(name)
    return [
        _family(
            f"of embedding {prefix.rstrip('_')!r}" if prefix else "of a numbered embedding",
            prefix or BARE,
            columns,
        )
        for prefix, columns in prefixes.items()
        if _is_embedding(prefix, columns, kinds)
        if not any(prefix.lower().startswith(owner) for owner in owners)
    ]


def _is_embedding(prefix: str, columns: Sequence[str], kinds: Mapping[str, object]) -> bool:
    if prefix.endswith("__") and LEARNED.match(columns[0]):
        return True
    decimal = sum(getattr(kinds[name], "kind", "") in "fc" for name in columns)
    return len(columns) >= FEWEST_NUMBERED and 2 * decimal >= len(columns)


def nameless(frame: pd.DataFrame) -> list[str]:
    """Numeric columns whose names and values do not tell that they describe the row.

    They are the features of a table whose names no family knows.
    """
    names = [n for n, kind in _kinds(frame).items() if _is_number(kind) and not _told(n)]
    placed = _follow_the_plate(frame, names)
    return [name for name in names if name not in placed]


def _told(name: str) -> bool:
    """Whether a name tells that its column is no feature."""
    return _hidden(name) or _describes(name) or is_bookkeeping(name)


def _hidden(name: str) -> bool:
    return PREFIX in name or name in (FILE, FOLDER) or name.startswith("_")


def _describes(name: str) -> bool:
    known = same_name(name) in _USUAL or UNNAMED.match(name) or COUNTED.search(name)
    return bool(known) or describes_row(name)


def _follow_the_plate(frame: pd.DataFrame, names: Sequence[str]) -> set[str]:
    """Columns of whole numbers that stay the same, number the rows, or follow the well's place."""
    whole = [name for name in names if _is_whole(frame[name])]
    if len(frame) < FEWEST_ROWS or not whole:
        return set()
    places = [*_places(frame), np.arange(len(frame))]
    return {name for name in whole if _is_placed(frame[name].to_numpy(float), places)}


def _is_whole(values: pd.Series) -> bool:
    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
    return bool(np.isfinite(numbers).all() and (numbers == np.round(numbers)).all())


def _places(frame: pd.DataFrame) -> list[np.ndarray]:
    """Row, column and running numbers of each row's well; nothing where wells are not named."""
    kinds = _kinds(frame)
    described = frame[[name for name in frame if _told(str(name)) or not _is_number(kinds[name])]]
    wells = place(described, None, WELL, source="")
    names = None if wells is None else well_text(wells)
    if names is None or (names == "").any():
        return []
    row, column = well_position(names).T
    return [row, column, row * (column.max() + 1) + column, column * (row.max() + 1) + row]


def _is_placed(values: np.ndarray, places: Sequence[np.ndarray]) -> bool:
    """Whether 95 % of the values are a place plus or minus a constant, or all are one value."""
    if (values == values[0]).all():
        return True
    for where in places:
        for rest in (values - where, values + where):
            _, counts = np.unique(rest, return_counts=True)
            if len(np.unique(where)) > 2 and counts.max() >= 0.95 * len(values):
                return True
    return False


def _is_number(kind: object) -> bool:
    numeric = pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)
    return numeric and not pd.api.types.is_complex_dtype(kind)


def _wanted(
    names: Sequence[str],
    wanted: Sequence[str],
    families: Sequence[Family],
    *,
    columns: bool,
    source: str,
) -> tuple[str, ...]:
    """Columns that names, prefixes or families mean; a prefix takes none that describe the row."""
    known, by_key = set(names), {family.key: family.columns for family in families if family.key}
    found: list[str] = []
    missing = []
    for one in wanted:
        if columns and one in known:
            found.append(one)
            continue
        some = by_key.get(one) or _with_prefix(names, one) or by_key.get(one.lower(), ())
        missing += [one] if not some else []
        found += some
    if missing and columns:
        more = f" (and {len(missing) - 1} more of those named)" if len(missing) > 1 else ""
        raise InputError(f"{source} has no column {missing[0]!r}{more}{nearest(missing[0], names)}")
    return tuple(dict.fromkeys(found))


def _with_prefix(names: Sequence[str], prefix: str) -> list[str]:
    if not prefix:
        return []
    numbered = re.compile(rf"^{re.escape(prefix)}_*\d+$")
    found = [n for n in names if numbered.match(n)] or [n for n in names if n.startswith(prefix)]
    return [name for name in found if not is_bookkeeping(name) and not _describes(name)] or found


def _families_of(chosen: Sequence[str], families: Sequence[Family]) -> tuple[Family, ...]:
    """The families that the chosen columns are of; the rest is of none."""
    kept, left = [], set(chosen)
    for family in families:
        if columns := tuple(name for name in family.columns if name in left):
            objects = tuple(o for o in family.objects if any(c.startswith(o) for c in columns))
            kept.append(Family(family.name, family.key, columns, objects))
            left -= set(columns)
    rest = tuple(name for name in chosen if name in left)
    return (*kept, *([Family("numeric columns", "", rest)] if rest else []))


def _unused(
    frame: pd.DataFrame, chosen: set[str], *, named: bool, families: Sequence[Family]
) -> dict[str, tuple[str, ...]]:
    """Why each numeric column is no feature."""
    reasons: dict[str, list[str]] = {
        ROW: [], NUMBER: [], PLACED: [], STRANGE: [], NOT_NAMED: [], TEXT: [],
    }  # fmt: skip
    rest = []
    for name, kind in _kinds(frame).items():
        if name in chosen or _hidden(name) or not _is_number(kind):
            continue
        if is_bookkeeping(name):
            reasons[NUMBER].append(name)
        elif _describes(name):
            reasons[ROW].append(name)
        else:
            rest.append(name)
    if named:
        reasons[NOT_NAMED] = rest
    else:
        reasons[TEXT] = _words(frame, families)
        placed = _follow_the_plate(frame, rest)
        reasons[PLACED] = [name for name in rest if name in placed]
        reasons[STRANGE] = [name for name in rest if name not in placed]
    return {why: tuple(names) for why, names in reasons.items() if names}


def _several(families: Sequence[Family], source: str) -> str:
    keys = [f"features={family.key!r}" for family in families if family.key]
    found = " and ".join(map(str, families))
    return (
        f"{source} holds {len(families)} families of features, which are not compared as one: "
        f"{found}. Name one: {' or '.join(keys)} (prefix in [[data.profiles]] of a study)."
    )


def _listed(names: Sequence[str], *, most: int, more: str = ", ...") -> str:
    return ", ".join(names[:most]) + (more if len(names) > most else "")


def _require_numbers(frame: pd.DataFrame, names: Sequence[str], *, source: str) -> None:
    kinds = _kinds(frame)
    strings = [
        name
        for name, kind in ((name, kinds[name]) for name in names)
        if not pd.api.types.is_numeric_dtype(kind) or pd.api.types.is_complex_dtype(kind)
    ]
    if strings:
        value = frame[strings[0]].dropna().astype(str)
        unread = value[pd.to_numeric(value, errors="coerce").isna()]
        raise InputError(
            f"{source}: {len(strings)} feature column(s) are not numeric, such as {strings[0]} "
            f"with {unread.iloc[0]!r}. Leave that cell empty, or rename the column "
            f"Metadata_{strings[0]}."
            if len(unread)
            else f"{source}: {strings[0]} is not numeric."
        )


def kind_of_features(names: Iterable[object]) -> str:
    """``measured`` where most are named as CellProfiler or Harmony name measurements, else empty.

    Examples
    --------
    >>> kind_of_features(["Cells_AreaShape_Area", "Nuclei_Intensity_MeanIntensity_DNA"])
    'measured'
    >>> kind_of_features(["f0", "f1"])
    ''
    """
    known = [bool(parse_feature(str(n)).compartment or MEASURED.match(str(n))) for n in names]
    return "measured" if sum(known) > len(known) / 2 else ""
