"""Queries on metadata: a condition on columns, read to one true or false a row, and nothing else.

The language is the part of pandas' ``query`` that selects. It is read by Python's own parser and
each form that it may hold is turned into a function of the rows; any other form is refused. No
part of a query is ever called, looked up or imported, so that a stranger's study file is safe to
open. ``docs/data-integration.md`` lists the forms.
"""

from __future__ import annotations

import ast
import operator
import re
import time
import unicodedata
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from phenolens.errors import InputError, UnknownColumnError, shown
from phenolens.expressions import SECONDS, Expression
from phenolens.naming import nearest
from phenolens.profiles import PREFIX
from phenolens.vehicles import vehicle_name

LENGTH = 10_000
PARTS = 1_000
DEPTH = 50
ALLOWED = (
    "a query compares columns with values (==, !=, <, <=, >, >=, in [...], not in [...]), or asks "
    ".isna(), .notna(), .isin([...]), .str.startswith('...'), .str.endswith('...') or "
    ".str.contains('...'); and, or, not, &, |, ~ and parentheses join conditions."
)
_COMPARE = "compare a column with a value, as in \"Metadata_Compound == 'DMSO'\"."
_SHOWN = 5
_ORDER = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge}
_EQUAL = {ast.Eq: operator.eq, ast.NotEq: operator.ne}
_MISSING = {"isna": True, "isnull": True, "notna": False, "notnull": False}
_VALUES = (ast.Constant, ast.List, ast.Tuple, ast.BinOp)
_TOKEN = re.compile(r"""('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")|`([^`]*)`|([&|#])""")

Condition = Callable[["_Rows"], np.ndarray]
Operand = Callable[["_Rows"], object]


def evaluate_query(rows: pd.DataFrame, query: str, spelled: str) -> np.ndarray:
    """Truth of a query for each row.

    Parameters
    ----------
    rows : DataFrame
        Metadata in columns. ``Metadata_`` may be left out of their names.
    query : str
        Such as ``"Metadata_Compound == 'DMSO' and Metadata_Plate in ['P1', 'P2']"``. A vehicle's
        name means all its spellings by case: ``'DMSO'`` is ``dmso`` too. As in pandas, a missing
        value is equal to nothing and in no order.
    spelled : str
        What errors call the setting.

    Returns
    -------
    ndarray of bool, shape (n_rows,)

    Raises
    ------
    UnknownColumnError
        If it names a column that is not there.
    InputError
        If it does anything but select, is longer than 10,000 characters, nests deeper than 50,
        holds more than 1,000 parts, or its patterns take more than five seconds.
    """
    asked = f"{spelled} = {_cut(query)}"
    try:
        read = _read(query)
        with warnings.catch_warnings(action="ignore"):
            return read.condition(_Rows(rows, read.texts))
    except _NoCondition:
        raise InputError(f"{asked} does not say yes or no for each well; {_COMPARE}") from None
    except UnknownColumnError as error:
        raise UnknownColumnError(f"{asked}: {error}") from None
    except (_Refused, InputError) as error:
        raise InputError(f"{asked} cannot be evaluated: {error}") from None


def values_asked(rows: pd.DataFrame, query: str) -> str:
    """The end of a sentence on a query that matches nothing: what the columns it names hold."""
    known = _Rows(rows, ())
    found = []
    for name in dict.fromkeys(map(known.find, _read(query).names)):
        values = rows.iloc[:, name].dropna().unique().tolist()
        more = ", ..." if len(values) > _SHOWN else ""
        held = ", ".join(map(shown, values[:_SHOWN])) or "nothing"
        found.append(f"; {rows.columns[name]} holds {held}{more}")
    return "".join(found)


class _Refused(Exception):
    """The query holds what none may hold."""


class _NoCondition(Exception):
    """The query, or a part that should be true or false, is a value."""


def _cut(query: str) -> str:
    written = repr(query)
    return written if len(written) <= 300 else f"{written[:300]}...{written[0]}"


@dataclass(frozen=True)
class _Query:
    condition: Condition
    names: tuple[str, ...]
    texts: tuple[str, ...]


def _read(query: str) -> _Query:
    """The query as a function of rows, with the columns and the texts that it names."""
    if len(query) > LENGTH:
        raise _Refused(f"it has {len(query)} characters; at most {LENGTH} are read.")
    plain, ticked = _as_python(" ".join(query.splitlines()).strip())
    tree = _parse(plain)
    _require_small(tree)
    reader = _Reader(ticked)
    return _Query(reader.condition(tree), tuple(reader.names), tuple(reader.texts))


def _as_python(query: str) -> tuple[str, dict[str, str]]:
    """The query with plain names for those in backticks, and ``and`` and ``or`` for & and |.

    As in pandas, & and | bind like ``and`` and ``or``: ``a == 1 & b == 2`` is two comparisons.
    """
    stand_in = "_ticked"
    while stand_in in query:
        stand_in += "_"
    ticked: dict[str, str] = {}

    def plain(found: re.Match) -> str:
        if found[1] is not None:
            return found[1]
        if found[3] == "#":
            raise _Refused("it holds a '#' outside of quotes and backticks.")
        if found[3]:
            return " and " if found[3] == "&" else " or "
        name = f"{stand_in}{len(ticked)}"
        ticked[name] = found[2]
        return f" {name} "

    return _TOKEN.sub(plain, query).strip(), ticked


def _parse(text: str) -> ast.expr:
    with warnings.catch_warnings(action="ignore"):  # '\d' in a pattern is what it says
        try:
            return ast.parse(text, mode="eval").body
        except SyntaxError as error:
            if _assigns(text):
                raise _NoCondition from None
            raise _Refused(f"{error.msg}; {ALLOWED}") from None
        except (ValueError, RecursionError, MemoryError):
            raise _Refused(f"it cannot be read; {ALLOWED}") from None


def _assigns(text: str) -> bool:
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return len(statements) == 1 and isinstance(statements[0], ast.Assign)


def _require_small(tree: ast.expr) -> None:
    """Bound what is walked; values, of which a list may hold many, do not count as parts."""
    level: list[ast.AST] = [tree]
    parts = depth = 0
    while level:
        parts += sum(isinstance(node, ast.expr) for node in level)
        parts -= sum(isinstance(node, ast.Constant) for node in level)
        depth += 1
        if depth > DEPTH or parts > PARTS:
            raise _Refused(
                f"it nests deeper than {DEPTH}." if depth > DEPTH else f"more than {PARTS} parts."
            )
        level = [child for node in level for child in ast.iter_child_nodes(node)]


class _Rows:
    """Columns of the rows by the names a query has for them."""

    def __init__(self, frame: pd.DataFrame, texts: Sequence[str]) -> None:
        self._frame = frame
        self._spelled = _vehicles(texts)
        self._columns: dict[str, pd.Series] = {}
        self.until = time.monotonic() + SECONDS
        names = list(map(str, frame.columns))
        short = [name.removeprefix(PREFIX) for name in names]
        as_python = [[unicodedata.normalize("NFKC", name) for name in of] for of in (names, short)]
        self._place: dict[str, int] = {}
        for forms in (names, short, *as_python):
            for place, form in enumerate(forms):
                self._place.setdefault(form, place)
        self._twice = {name for name, times in Counter(names).items() if times > 1}

    def find(self, name: str) -> int:
        """The place of a column in the table; Python writes names in Unicode's form NFKC."""
        place = self._place.get(name)
        if place is None:
            raise UnknownColumnError(f"there is no column {name!r}{self._meant(name)}")
        if str(self._frame.columns[place]) in self._twice:
            raise _Refused(f"the table has two columns {name!r}.")
        return place

    def column(self, name: str) -> pd.Series:
        """Its values, plain, numbered from 0, vehicles spelled as in the query."""
        if name not in self._columns:
            values = _plain(self._frame.iloc[:, self.find(name)])
            if self._spelled and values.dtype == object:
                values = _respelled(values, self._spelled)
            self._columns[name] = pd.Series(values, name=name, copy=False)
        return self._columns[name]

    def _meant(self, value: str) -> str:
        """The query or the column that was meant by a name that is none."""
        names = [str(name) for name in self._frame.columns]
        for name in names:
            if name not in self._twice:
                values = self._frame[name]
                if not pd.api.types.is_numeric_dtype(values) and (values == value).any():
                    return f"; did you mean \"{name} == '{value}'\"?"
        described = [
            name for place, name in enumerate(names)
            if name.startswith(PREFIX) and self._frame.iloc[:, place].notna().any()
        ]  # fmt: skip
        return nearest(value, described)


def _vehicles(texts: Sequence[str]) -> dict[str, str]:
    """Vehicles that the query names, by their name in lower case; none if one has two spellings."""
    quoted = {text for text in texts if text and vehicle_name(text)}
    wanted = {text.casefold(): text for text in quoted}
    return wanted if len(wanted) == len(quoted) else {}


def _plain(values: pd.Series) -> np.ndarray:
    """Categories, nullable and Arrow types as the objects they hold, None where missing."""
    if isinstance(values.dtype, np.dtype):
        return values.to_numpy()
    return np.asarray(values.astype(object).where(values.notna(), None), dtype=object)


def _respelled(values: np.ndarray, wanted: dict[str, str]) -> np.ndarray:
    """Texts with vehicles spelled as wanted."""
    held = values.tolist()
    texts = [value for value in set(held) if isinstance(value, str)]
    plain = [text.strip().casefold() for text in texts]
    spelled = {old: wanted[key] for old, key in zip(texts, plain, strict=True) if key in wanted}
    if all(old == new for old, new in spelled.items()):
        return values
    changed = np.empty(len(held), dtype=object)
    changed[:] = [spelled.get(value, value) for value in held]
    return changed


class _Reader:
    """Turns the tree of a query into functions of rows."""

    def __init__(self, ticked: dict[str, str]) -> None:
        self._ticked = ticked
        self.names: list[str] = []
        self.texts: list[str] = []

    def condition(self, node: ast.expr) -> Condition:
        """A node that must be true or false for each row."""
        match node:
            case ast.BoolOp(op, values):
                parts = [self.condition(value) for value in values]
                join = np.logical_and if isinstance(op, ast.And) else np.logical_or
                return lambda rows: join.reduce([part(rows) for part in parts])
            case ast.UnaryOp(ast.Not() | ast.Invert(), value):
                part = self.condition(value)
                return lambda rows: ~part(rows)
            case ast.Compare(left, ops, others):
                return self._comparisons([left, *others], ops)
            case ast.Call():
                return self._call(node)
            case ast.Name():
                name = self._name(node)
                return lambda rows: _yes_or_no(rows.column(name))
        if isinstance(node, _VALUES) or _number(node) is not None:
            raise _NoCondition
        raise _refused(node)

    def _comparisons(self, nodes: Sequence[ast.expr], ops: Sequence[ast.cmpop]) -> Condition:
        pairs = zip(nodes[:-1], ops, nodes[1:], strict=True)
        parts = [self._comparison(left, op, right) for left, op, right in pairs]
        if len(parts) == 1:
            return parts[0]
        return lambda rows: np.logical_and.reduce([part(rows) for part in parts])

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        listed = isinstance(right, (ast.List, ast.Tuple))
        if isinstance(op, (ast.In, ast.NotIn)) or (listed and type(op) in _EQUAL):
            if not isinstance(right, (ast.List, ast.Tuple)) or not isinstance(left, ast.Name):
                raise _Refused(f"'in' is asked of a column and a list, as in [1, 2]; {ALLOWED}")
            inside = self._inside(left, right)
            if isinstance(op, (ast.In, ast.Eq)):
                return inside
            return lambda rows: ~inside(rows)
        compare = _EQUAL.get(type(op)) or _ORDER.get(type(op))
        if compare is None:
            raise _Refused(f"'is' compares no values; {ALLOWED}")
        if _is_value(left) and _is_value(right):
            raise _Refused(f"two values are compared and no column; {_COMPARE}")
        one, other = self._operand(left), self._operand(right)
        return lambda rows: _compared(compare, one(rows), other(rows))

    def _inside(self, column: ast.Name, values: ast.List | ast.Tuple) -> Condition:
        name = self._name(column)
        held = [self._value(value) for value in values.elts]
        return lambda rows: rows.column(name).isin(held).to_numpy(dtype=bool)

    def _operand(self, node: ast.expr) -> Operand:
        """One side of a comparison: a column, a value, or a condition in parentheses."""
        if isinstance(node, ast.Name):
            name = self._name(node)
            return lambda rows: rows.column(name)
        if _is_value(node):
            value = self._value(node)
            if value is None:
                raise _Refused("nothing is equal to None; write .isna() or .notna().")
            return lambda rows: value
        if isinstance(node, ast.BinOp):
            raise _Refused(f"a query does not calculate; {ALLOWED}")
        inner = self.condition(node)
        return lambda rows: pd.Series(inner(rows))

    def _name(self, node: ast.Name) -> str:
        name = self._ticked.get(node.id, node.id)
        self.names.append(name)
        return name

    def _value(self, node: ast.expr) -> object:
        """A text, a number, True, False or None."""
        number = _number(node)
        if number is not None:
            return number
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str | bool | None):
            raise _refused(node)
        if isinstance(node.value, str):
            self.texts.append(node.value)
        return node.value

    def _call(self, node: ast.Call) -> Condition:
        """The few things that may be asked of a column."""
        keywords = {word.arg: word.value for word in node.keywords}
        match node.func:
            case ast.Attribute(ast.Name() as column, method) if method in _MISSING:
                if node.args or keywords:
                    raise _refused(node)
                name, missing = self._name(column), _MISSING[method]
                return lambda rows: rows.column(name).isna().to_numpy() == missing
            case ast.Attribute(ast.Name() as column, "isin"):
                match node.args:
                    case [ast.List() | ast.Tuple() as values] if not keywords:
                        return self._inside(column, values)
            case ast.Attribute(ast.Attribute(ast.Name() as column, "str"), method):
                if method in _TEXTS and len(node.args) == 1:
                    return self._text_test(column, method, node.args[0], options=keywords)
        raise _refused(node)

    def _text_test(
        self, column: ast.Name, method: str, wanted: ast.expr, *, options: dict
    ) -> Condition:
        """``column.str.method(wanted)``; a missing text is none, unless ``na=True``."""
        parts = wanted.elts if isinstance(wanted, ast.Tuple) and method != "contains" else [wanted]
        texts = [self._value(one) for one in parts]
        options = {word: self._value(value) for word, value in options.items()}
        known = {"na", "case", "regex"} if method == "contains" else {"na"}
        if set(options) - known or not all(isinstance(v, bool) for v in options.values()):
            raise _Refused(f".str.{method} takes a text, and of options {', '.join(known)}.")
        if not all(isinstance(text, str) for text in texts):
            raise _Refused(f".str.{method} takes a text in quotes.")
        missing = options.pop("na", False)
        test = _TEXTS[method](tuple(texts), **options)
        name = self._name(column)
        return lambda rows: _tested(rows.column(name), test, missing=missing, until=rows.until)


def _number(node: ast.expr) -> int | float | None:
    match node:
        case ast.Constant(int() | float() as value) if not isinstance(value, bool):
            return value
        case ast.UnaryOp(ast.USub() | ast.UAdd() as sign, ast.Constant(int() | float() as value)):
            if not isinstance(value, bool):
                return -value if isinstance(sign, ast.USub) else value
    return None


def _is_value(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or _number(node) is not None


def _refused(node: ast.expr) -> _Refused:
    written = ast.unparse(node)
    return _Refused(f"{written[:60] + '...' * (len(written) > 60)!r} is not allowed; {ALLOWED}")


def _yes_or_no(values: pd.Series) -> np.ndarray:
    if values.dtype == bool:
        return values.to_numpy()
    if values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) == "boolean":
        return values.eq(True).to_numpy(dtype=bool)
    raise _NoCondition


def _compared(compare: Callable, one: Any, other: Any) -> np.ndarray:
    try:
        if compare in _EQUAL.values() and isinstance(other, str) and _is_object(one):
            with suppress(TypeError):  # pandas' NA, which Python cannot compare
                return np.asarray(compare(one.to_numpy(), other), dtype=bool)  # twice as fast
        return np.asarray(compare(one, other), dtype=bool)
    except (TypeError, ValueError, OverflowError):
        sides = " and ".join(map(_told, (one, other)))
        raise _Refused(f"there is no order between {sides}.") from None


def _is_object(side: object) -> bool:
    return isinstance(side, pd.Series) and side.dtype == object


def _told(side: object) -> str:
    """A side of a comparison in words."""
    if not isinstance(side, pd.Series):
        return shown(side)
    held = side.dropna()
    kind = "text" if held.map(lambda value: isinstance(value, str)).any() else "no text"
    example = f", such as {shown(held.iloc[0])}" if len(held) else ""
    return f"{side.name or 'a condition'} ({kind}{example})"


def _starts(texts: tuple[str, ...]) -> Callable[[Sequence[str], float], list[bool]]:
    return lambda values, until: [value.startswith(texts) for value in values]


def _ends(texts: tuple[str, ...]) -> Callable[[Sequence[str], float], list[bool]]:
    return lambda values, until: [value.endswith(texts) for value in values]


def _contains(
    texts: tuple[str, ...], *, case: bool = True, regex: bool = True
) -> Callable[[Sequence[str], float], list[bool]]:
    pattern = Expression(texts[0] if regex else re.escape(texts[0]), ignore_case=not case)
    return lambda values, until: [m is not None for m in pattern.search(values, until=until)]


_TEXTS: dict[str, Callable] = {"startswith": _starts, "endswith": _ends, "contains": _contains}


def _tested(values: pd.Series, test: Callable, *, missing: bool, until: float) -> np.ndarray:
    """A test of texts, made once for each that differs."""
    if values.dtype != object:
        raise _Refused(f"{values.name} holds no text, and .str asks about text.")
    codes, known = pd.factorize(values)
    text = np.array([isinstance(value, str) for value in known], dtype=bool)
    if len(known) and not text.any():
        raise _Refused(f"{values.name} holds no text, and .str asks about text.")
    held = np.full(len(known) + 1, missing)
    held[:-1][text] = test([value for value in known if isinstance(value, str)], until)
    return held[codes]
