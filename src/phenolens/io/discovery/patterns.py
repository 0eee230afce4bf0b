"""One name for many files: the pattern that matches them and no other."""

from __future__ import annotations

from collections.abc import Sequence
from glob import escape
from pathlib import Path

DIGITS = "0123456789"


def pattern(paths: Sequence[Path], source: Path) -> str | list[str]:
    """A name or glob relative to ``source`` that means exactly these files, or their list."""
    relative = [path.relative_to(source).as_posix() for path in sorted(paths)]
    if len(relative) == 1:
        return relative[0]
    parts = [name.split("/") for name in relative]
    if len({len(part) for part in parts}) > 1:
        return relative
    glob = "/".join(_one_part(column) for column in zip(*parts, strict=True))
    exact = {path.relative_to(source).as_posix() for path in source.glob(glob)} == set(relative)
    return glob if exact and not (source / glob).exists() else relative


def _one_part(names: Sequence[str]) -> str:
    """A name, or a pattern, in which marks of patterns stand for themselves."""
    if len(set(names)) == 1:
        return escape(names[0])
    start, end = _ends(names)
    return f"{escape(start)}*{escape(end)}"


def star(names: Sequence[str]) -> str:
    """What names have in common at both ends, without digits, with a star between."""
    return names[0] if len(set(names)) == 1 else "*".join(_ends(names))


def _ends(names: Sequence[str]) -> tuple[str, str]:
    start = _common_start(names)
    rests = [name[len(start) :][::-1] for name in names]
    return start.rstrip(DIGITS), _common_start(rests)[::-1].lstrip(DIGITS)


def _common_start(names: Sequence[str]) -> str:
    low, high = min(names), max(names)
    same = (position for position, letter in enumerate(low) if high[position] != letter)
    return low[: next(same, len(low))]
