"""What a function takes, read from its source text: help never imports what answers it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIRED = object()
_KINDS = {"bool": "flag", "int": "integer", "float": "number", "Path": "path", "str": "text"}


@dataclass(frozen=True)
class Parameter:
    """One argument of a function.

    Attributes
    ----------
    name : str
    kind : {"choice", "flag", "integer", "number", "path", "text"}
    default : object
        ``REQUIRED`` where there is none.
    text : str
        What the docstring says about it, without markup.
    choices : tuple of str
        Values of a ``Literal``.
    several : bool
        Whether a sequence of values is taken.
    single : bool
        Whether one value is taken as it is; else it goes into a list.
    """

    name: str
    kind: str
    default: object
    text: str
    choices: tuple[str, ...] = ()
    several: bool = False
    single: bool = True


@dataclass(frozen=True)
class Signature:
    """A function's name, what it is for, and its arguments by name.

    Attributes
    ----------
    name, summary : str
    paragraphs : tuple of str
        Of the docstring, between the summary and the parameters.
    parameters : dict of str to Parameter
    """

    name: str
    summary: str
    paragraphs: tuple[str, ...]
    parameters: dict[str, Parameter]


@cache
def read_signature(file: str, name: str) -> Signature:
    """Signature and numpydoc docstring of a function in a module of this package.

    Parameters
    ----------
    file : str
        The module, from the package's folder: ``tools/activity.py``.
    name : str
        The function.
    """
    tree = _parse(file)
    (function,) = (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == name)
    aliases = _aliases(tree)
    summary, paragraphs, texts = _docstring(ast.get_docstring(function) or "")
    arguments = function.args
    placed = [*arguments.posonlyargs, *arguments.args]
    lacking = len(placed) - len(arguments.defaults)
    defaults = [None] * lacking + arguments.defaults + arguments.kw_defaults
    parameters = {
        argument.arg: _parameter(argument, default, aliases, texts.get(argument.arg, ""))
        for argument, default in zip([*placed, *arguments.kwonlyargs], defaults, strict=True)
    }
    return Signature(name, summary, paragraphs, parameters)


def _parse(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def _aliases(tree: ast.Module) -> dict[str, ast.expr]:
    """A module's names for types written out, its own and those of the settings."""
    found: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "phenolens.settings":
            theirs = _aliases(_parse("settings.py"))
            found |= {a.name: theirs[a.name] for a in node.names if a.name in theirs}
        elif isinstance(node, ast.Assign):
            found |= {t.id: node.value for t in node.targets if isinstance(t, ast.Name)}
    return found


def _parameter(
    argument: ast.arg, default: ast.expr | None, aliases: dict[str, ast.expr], text: str
) -> Parameter:
    found: dict[str, set[bool]] = {}  # whether each kind stands alone, in a sequence, or both
    choices: list[str] = []
    for part, listed in _members(argument.annotation, aliases):
        if isinstance(part, ast.Subscript):  # Literal["a", "b"]
            values = ast.literal_eval(part.slice)
            choices += values if isinstance(values, tuple) else [values]
        kind = "choice" if isinstance(part, ast.Subscript) else _KINDS.get(getattr(part, "id", ""))
        found.setdefault(kind or "", set()).add(listed)
    order = ("choice", *_KINDS.values())
    alone = [kind for kind in order if False in found.get(kind, ())]
    kind = (alone or [kind for kind in order if kind in found] or ["text"])[0]
    return Parameter(
        argument.arg,
        kind,
        REQUIRED if default is None else ast.literal_eval(default),
        text,
        tuple(choices) if kind == "choice" else (),
        several=True in found.get(kind, ()),
        single=kind in alone,
    )


def _members(
    node: ast.expr | None, aliases: dict[str, ast.expr], *, listed: bool = False
) -> Iterator[tuple[ast.expr, bool]]:
    """Members of a union, those of a sequence marked; the module's names for types written out."""
    if isinstance(node, ast.BinOp):
        yield from _members(node.left, aliases, listed=listed)
        yield from _members(node.right, aliases, listed=listed)
    elif isinstance(node, ast.Name) and node.id in aliases:
        yield from _members(aliases[node.id], aliases, listed=listed)
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Sequence":
        yield from _members(node.slice, aliases, listed=True)
    elif isinstance(node, ast.Subscript) and ast.unparse(node.value) != "Literal":
        yield node.value, listed
    elif node is not None:
        yield node, listed


def _docstring(text: str) -> tuple[str, tuple[str, ...], dict[str, str]]:
    """Summary, further paragraphs, and the text of each parameter."""
    sections = re.split(r"^(\w[\w ]*)\n-{3,}\n", inspect.cleandoc(text), flags=re.MULTILINE)
    summary, *paragraphs = (_plain(part) for part in re.split(r"\n\s*\n", sections[0].strip()))
    named = dict(zip(sections[1::2], sections[2::2], strict=True))
    texts = {}
    for item in re.split(r"\n(?=\S)", named.get("Parameters", "").strip()):
        head, _, body = item.partition("\n")
        for name in head.partition(" : ")[0].split(","):
            texts[name.strip()] = _plain(body)
    return summary, tuple(paragraphs), texts


def _plain(text: str) -> str:
    """Text on one line, without the marks of reStructuredText."""
    text = re.sub(r":\w+:`~?([^`]*)`", r"\1", " ".join(text.split())).replace("`", "")
    return re.sub(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])", r"\1", text)
