"""The templates of the page and of its pieces."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FunctionLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from phenolens import schema

INLINE = ("style.css", "panel.css", "page.js")


@cache
def environment() -> Environment:
    """Jinja's environment: names are escaped, and what is not defined is an error."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader("phenolens.report"), FunctionLoader(_beside)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["defined"] = lambda table, column: schema.tables()[table].by_name[column]
    for name in INLINE:
        made.globals[name.replace(".", "_")] = Markup(text_of(name))
    return made


def text_of(name: str) -> str:
    """A file of ``templates/`` as it is."""
    return (Path(__file__).with_name("templates") / name).read_text(encoding="utf-8")


def _beside(path: str) -> tuple[str, str, None] | None:
    """A section's template, which lies beside its module, as Jinja takes it."""
    file = Path(path)
    return (file.read_text(encoding="utf-8"), path, None) if file.is_file() else None
