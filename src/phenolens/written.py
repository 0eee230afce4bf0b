"""What a class does, as a digest of how it is written: for classes of scripts and notebooks.

The file of a script changes with every line of an analysis, and a notebook has none. What counts
is the code of the class and of what it uses of the same place.
"""

from __future__ import annotations

import re
from types import CodeType, FunctionType
from typing import Any

from phenolens.files import digest

_PLAIN = (str, int, float, complex, bool, bytes, tuple, list, dict, set, frozenset, type(None))
_SETS = (set, frozenset)
# pydantic's own products hold addresses; what is written of them are the fields
_NOT_CODE = re.compile("__dict__|__weakref__|__firstlineno__|__pydantic_(?!fields__)")
_PLACE = re.compile(r" at 0x[0-9a-fA-F]+")


def written(kind: type) -> str:
    """Digest of the code of a class, and of the functions, classes and values it uses beside it.

    Parameters
    ----------
    kind : type

    Returns
    -------
    str
        The same in every process for the same text; comments and blank lines do not count.
    """
    seen: dict[int, str] = {}
    return digest(_said(kind, kind.__module__, seen))


def _said(item: Any, home: str, seen: dict[int, str]) -> Any:
    """Plain values that stand for a thing; of another module no more than its name."""
    if isinstance(item, staticmethod | classmethod):
        return _said(item.__func__, home, seen)
    if isinstance(item, property):
        return [_said(part, home, seen) for part in (item.fget, item.fset) if part]
    if isinstance(item, type | FunctionType):
        name = f"{item.__module__}.{item.__qualname__}"
        if item.__module__ != home or id(item) in seen:
            return name
        seen[id(item)] = name
        if isinstance(item, FunctionType):
            held = [item.__defaults__, item.__kwdefaults__]
            used = [item.__globals__[n] for n in _names(item.__code__) if n in item.__globals__]
            beside = [_said(other, home, seen) for other in used]
            return [name, _code(item.__code__), _repeatable(held), beside]
        bases = [_said(base, home, seen) for base in item.__bases__]
        own = {k: v for k, v in vars(item).items() if not _NOT_CODE.match(k)}
        return [name, bases, [[key, _said(own[key], home, seen)] for key in sorted(own)]]
    return _repeatable(item) if isinstance(item, _PLAIN) else type(item).__qualname__


def _names(code: CodeType) -> list[str]:
    parts = (part for part in code.co_consts if isinstance(part, CodeType))
    return sorted({*code.co_names, *(name for part in parts for name in _names(part))})


def _code(code: CodeType) -> list[Any]:
    """What is computed: no file names and line numbers, which change with what stands above."""
    parts = [_code(c) if isinstance(c, CodeType) else _repeatable(c) for c in code.co_consts]
    return [code.co_code.hex(), list(code.co_names), list(code.co_varnames), parts]


def _repeatable(value: Any) -> str:
    """A value in words; sets come in another order, and objects lie elsewhere, in every process."""
    return _PLACE.sub("", repr(sorted(map(repr, value)) if isinstance(value, _SETS) else value))
