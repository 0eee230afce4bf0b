"""Options of the command, made from the parameters of a function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click

from phenolens.cli.pages import Setting
from phenolens.cli.signatures import Parameter, Signature
from phenolens.cli.values import Choice, Share, Whole
from phenolens.errors import either
from phenolens.settings import RANGES, SHARES

METAVARS = {
    "controls": "QUERY",
    "positive": "QUERY",
    "features": "PREFIX",
    "separator": "MARK",
    "layer": "NAME",
    "part": "NAME",
    "obsm": "NAME",
    "leave_out": "WHAT",
    "name": "NAME",
    "tables": "DIR",
    "same_plate": "P=Q",
    "distinct_plates": "PLATE",
    "measurement": "QUERY",
    "design.controls": "NAME=WELLS",
    "positives": "NAME=WELLS",
    "barcodes": "NAME",
    "include": "PATTERN",
    "plate": "NAME",
}
_METAVARS = {"integer": "N", "number": "X", "path": "PATH", "choice": "WORD", "text": "COLUMN"}
YES = "yes"
# Where a text speaks of Python: masks, lists, other arguments.
SAID = {
    "controls": "Query for negative controls, such as \"Metadata_Compound == 'DMSO'\"; by "
    "convention (DMSO, negcon) by default.",
    "tables": "Instead of STUDY: a folder of files exported from other tools (docs/audit.md).",
    "features": "Prefix of the feature columns, or each column by name; or 'cellprofiler', "
    "'harmony'. By convention by default.",
    "design.controls": "Negative control and its wells on every plate, such as DMSO=32; by default "
    "DMSO in a twelfth of the wells, 12 or more.",
    "positives": "Positive control and its wells on every plate, such as taxol=4.",
    "pilot": "Profiles of an earlier plate or more, whose controls tell the noise and what "
    "position does.",
}


def options_of(signature: Signature, *, but: Iterable[str] = ()) -> list[Setting]:
    """An option for each parameter that is not in ``but``; none has a value unless it is given."""
    asked = {name: p for name, p in signature.parameters.items() if name not in set(but)}
    return [option(parameter, of=signature.name) for parameter in asked.values()]


def option(parameter: Parameter, *, of: str = "") -> Setting:
    """The option of one parameter; `of` is the function, where a name means different things."""
    name, dashed = parameter.name, parameter.name.replace("_", "-")
    pair = parameter.kind == "flag" and parameter.default is not False
    return Setting(
        [name, f"--{dashed}/--no-{dashed}" if pair else f"--{dashed}"],
        help=_text(parameter, of),
        default=None,
        type=_type(parameter),
        is_flag=parameter.kind == "flag" or None,
        multiple=parameter.several,
        metavar=METAVARS.get(f"{of}.{name}", METAVARS.get(name, _METAVARS.get(parameter.kind, ""))),
        alone=YES if YES in parameter.choices else "",
    )


def given(signature: Signature, values: dict[str, Any]) -> dict[str, Any]:
    """Values that were given, as the function takes them: one alone, or a list."""
    found = {}
    for name, value in values.items():
        if value is None or value == ():
            continue
        if isinstance(value, tuple):
            alone = len(value) == 1 and signature.parameters[name].single
            value = value[0] if alone else list(value)
        found[name] = value
    return found


def _type(parameter: Parameter) -> click.ParamType:
    if parameter.kind == "choice":
        return Choice(parameter.choices)
    if parameter.kind == "integer":
        return Whole(*RANGES.get(parameter.name, (None, None)))
    if parameter.name in SHARES:
        return Share()
    types = {"number": click.FLOAT, "path": click.Path(), "flag": click.BOOL}
    return types.get(parameter.kind, click.STRING)


def _text(parameter: Parameter, of: str) -> str:
    """The docstring's text, with the values to choose from, the default, and whether it repeats."""
    text = SAID.get(f"{of}.{parameter.name}", SAID.get(parameter.name, parameter.text))
    choices, default = parameter.choices, parameter.default
    more = []
    if choices:
        more.append(either(choices))
    if YES in choices:
        more.append(f"without a word: {YES}")
    if default not in (None, False, ()):
        named = f"--{parameter.name.replace('_', '-')}" if default is True else default
        named = " and ".join(named) if isinstance(named, tuple) else named
        more.append(f"default: {named}")
    if parameter.several:
        more.append("repeatable")
    return f"{text} [{'; '.join(more)}]" if more else text
