"""One name for many files: the pattern that matches them and no other."""

from __future__ import annotations

from collections.abc import Sequence
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
    glob = "/".join(star(column) for column in zip(*parts, strict=True))
    exact = {path.relative_to(source).as_posix() for path in source.glob(glob)} == set(relative)
    return glob if exact else relative


def star(names: Sequence[str]) -> str:
    if len(set(names)) == 1:
        return names[0]
    head = _common_start(names)
    tails = [name[len(head) :][::-1] for name in names]
    return f"{head.rstrip(DIGITS)}*{_common_start(tails)[::-1].lstrip(DIGITS)}"


def _common_start(names: Sequence[str]) -> str:
    low, high = min(names), max(names)
    same = (position for position, letter in enumerate(low) if high[position] != letter)
    return low[: next(same, len(low))]
