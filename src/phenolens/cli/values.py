"""Values of options; a wrong one ends a sentence that starts with the option's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from phenolens.errors import did_you_mean, either
from phenolens.places import is_url
from phenolens.settings import span

FORMS = (".parquet", ".csv", ".csv.gz", ".tsv", ".xlsx")


class Choice(click.Choice):
    """One of some words; a wrong one is told with the nearest."""

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """The word itself."""
        if value not in self.choices:
            meant = did_you_mean(str(value), self.choices)
            meant = meant if meant != "." else f"; it takes {either(self.choices)}."
            self.fail(f"has no '{value}'{meant}", param, ctx)
        return value


class Whole(click.IntRange):
    """A whole number between ``min`` and ``max``, where there are such."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            limits = "" if self.min is None else f", {span(self.min, self.max)}"
            self.fail(f"must be a whole number{limits}; got '{value}'.", param, ctx)


class Share(click.FloatRange):
    """A number between 0 and 1."""

    def __init__(self) -> None:
        super().__init__(0, 1, min_open=True, max_open=True)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"must be a number between 0 and 1; got '{value}'.", param, ctx)


class Here(click.Path):
    """A file or folder of this machine: what is made of many files that are written bit by bit."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path."""
        if is_url(value):
            self.fail(
                f"must be a place of this machine; got '{value}'. Write it here, and send it there "
                "with the store's own command.",
                param,
                ctx,
            )
        return super().convert(value, param, ctx)


def as_typed(path: Path) -> str:
    """A path or URL as a person writes it: of a URL a path keeps one slash of two."""
    return str(path).replace(":/", "://", 1) if is_url(path) else str(path)


class Output(click.Path):
    """A file whose ending names a form that we write; asked before any work."""

    def __init__(self, forms: tuple[str, ...] = FORMS) -> None:
        super().__init__()
        self.forms = forms

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path:
        """The path."""
        path = Path(str(value))
        fits = any(path.name.endswith(form) and path.name != form for form in self.forms)
        if path.is_dir() or not fits:
            forms = either(self.forms)
            self.fail(f"must name a file that ends in {forms}; got '{value}'.", param, ctx)
        return path
