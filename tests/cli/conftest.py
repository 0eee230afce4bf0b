"""A question that answers at once, and tells what it was asked."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


class Asked:
    """Stands in for the function of a question: keeps the data and options it was called with."""

    def __init__(self) -> None:
        self.data: object = None
        self.options: dict[str, object] = {}
        self.written: Path | None = None
        self.instead: Callable[[], None] = lambda: None

    def __call__(self, data: object, **options: object) -> Asked:
        self.data, self.options = data, options
        self.instead()
        return self

    def lines(self) -> Iterator[str]:
        yield "active: 3"

    def write(self, path: Path) -> Path:
        if path.name == "full.csv":
            raise OSError(28, "No space left on device", str(path))
        self.written = path
        return path


@pytest.fixture
def asked(monkeypatch) -> Callable[[str], Asked]:
    """``asked("match")`` puts an :class:`Asked` in the place of ``tools.match.match``."""

    def replace(verb: str) -> Asked:
        stands_in = Asked()
        monkeypatch.setattr(importlib.import_module(f"phenolens.tools.{verb}"), verb, stands_in)
        return stands_in

    return replace
