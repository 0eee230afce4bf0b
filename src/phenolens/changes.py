"""Settings of a study file that are written on the command line: ``data.images.root=/images``."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phenolens.errors import ConfigError
from phenolens.places import is_url

SPELLED = "changes (--set)"
PATHS = {("images", "root"), ("images", "table"), ("profiles", "files"), ("tables", "file")}
"""Settings of ``[data]`` that are files or folders."""
_NO_TEXT = ("[", "{", '"', "'")
"""What begins like this is TOML or a mistake, and never a word."""


@dataclass(frozen=True)
class Change:
    """A place in a study file, and what stands there."""

    path: tuple[str, ...]
    value: Any

    @property
    def place(self) -> str:
        """The place as it is written."""
        return ".".join(self.path)


def parse(changes: Sequence[str]) -> list[Change]:
    """Places in a study file and their values.

    Parameters
    ----------
    changes : sequence of str
        ``key=value``: a dotted key as in TOML (a number counts the tables of a
        list, or a block's name stands for it), and a value
        as in TOML; a word without quotes is text.

    Raises
    ------
    ConfigError
        If one is not of this form; says what it is like.
    """
    given = [changes] if isinstance(changes, str) else changes
    return [Change(_path(one), _value(one)) for one in given]


def changed(study: Mapping[str, Any], changes: Sequence[Change]) -> dict[str, Any]:
    """The values of a study file with others in their place.

    Raises
    ------
    ConfigError
        If a number or a key leads nowhere.
    """
    made: dict[str, Any] = deepcopy(dict(study))
    for change in changes:
        _put(made, change.path, change.value)
    return made


def placed(change: Change, folder: Path) -> Change:
    """The change with its file or folder written whole, where it is of one.

    Parameters
    ----------
    change : Change
    folder : Path
        That of the study file, from which relative paths start.
    """
    if len(change.path) < 3 or (change.path[1], change.path[-1]) not in PATHS:
        return change
    value = change.value
    whole = [
        one if is_url(one) else os.path.normpath(folder / one)
        for one in ([value] if isinstance(value, str) else value)
    ]
    return Change(change.path, whole[0] if isinstance(value, str) else whole)


def _path(change: str) -> tuple[str, ...]:
    key, equal, _ = change.partition("=")
    try:
        held = tomllib.loads(f"{key} = 0") if equal else {}
    except ValueError:
        held = {}
    path = []
    while isinstance(held, dict) and held:
        name, held = next(iter(held.items()))
        path.append(name)
    if not path:
        raise ConfigError(
            f"{SPELLED} takes key=value, such as data.images.root=/images; got {change!r}."
        )
    return tuple(path)


def _value(change: str) -> Any:
    text = change.partition("=")[2].strip()
    try:
        held = tomllib.loads(f"value = {text}")
    except ValueError:
        held = {}
    if set(held) == {"value"}:
        return held["value"]
    if text and not text.startswith(_NO_TEXT) and text.isprintable():
        return text
    key = change.partition("=")[0]
    raise ConfigError(
        f"{SPELLED}: {text or 'nothing'} is no value of TOML for {key}; write "
        f"'{key}=\"text\"', '{key}=1.5' or '{key}=[\"DNA\", \"ER\"]', in quotes of the shell."
    )


def _put(study: dict[str, Any], path: Sequence[str], value: Any) -> None:
    held: Any = study
    for number, name in enumerate(path):
        last = number == len(path) - 1
        place = ".".join(path[: number + 1])
        if isinstance(held, list):
            names = [one.get("name") if isinstance(one, dict) else None for one in held]
            item = int(name) if name.isdecimal() else names.index(name) if name in names else None
            if item is None or item >= len(held):
                above = ".".join(path[:number])
                named = f": {', '.join(map(repr, names))}" if any(names) else ""
                raise ConfigError(
                    f"{SPELLED}: there is no {place}; {above} has {len(held)}, counted from 0"
                    f"{named}."
                )
            if last:
                held[item] = value
            held = held[item]
        elif isinstance(held, dict):
            if last:
                held[name] = value
            held = held.setdefault(name, {})
        else:
            above = ".".join(path[:number])
            raise ConfigError(f"{SPELLED}: there is no {place}; {above} is a value.")
