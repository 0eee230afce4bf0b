"""One self-contained page: pictures as data, styles and script inline, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FunctionLoader, PackageLoader, StrictUndefined
from markupsafe import Markup

from phenolens import __version__, schema
from phenolens.answers.doubts import doubted
from phenolens.answers.reasons import cause
from phenolens.answers.tables import Tables
from phenolens.files import real_path
from phenolens.report import colours
from phenolens.report.embed import data_uri
from phenolens.report.figures.style import PIXELS, Drawn
from phenolens.report.sections import Section, sections
from phenolens.report.sections.overview import size
from phenolens.words import names
from phenolens.words.answers import because


@dataclass(frozen=True)
class Picture:
    """A figure as the page shows it: data URI, size in CSS pixels, words."""

    uri: str
    width: int
    height: int
    label: str
    alt: str
    caption: str
    file: str


def picture(drawn: Drawn, png: Path, svg: Path) -> Picture:
    """The figure with its data, drawn within the house style."""
    width, height = (round(inches * PIXELS) for inches in drawn.figure.get_size_inches())
    return Picture(
        uri=data_uri(drawn, png, svg), width=width, height=height, label=drawn.label,
        alt=drawn.alt, caption=drawn.caption, file=f"figures/{drawn.name}",
    )  # fmt: skip


def render(
    tables: Tables,
    gallery: dict[str, list[Picture]],
    *,
    title: str | None = None,
    only: Sequence[Section] | None = None,
) -> str:
    """The whole page as text; with `only`, a page of these sections."""
    shown = sections() if only is None else only
    palette, doubts = colours.palette(tables), doubted(tables)

    def label(name: str) -> str:
        """What a representation is called, with a dagger where its training is doubtful."""
        return names.label(name) + ("†" if doubts.keys() & set(name.split("+")) else "")

    return (
        _environment()
        .get_template("page.html")
        .render(
            title=title or study_title(tables),
            size=size(tables),
            version=__version__,
            sections=[(s, view) for s in shown if (view := _view(s, tables)) is not None],
            gallery={name: gallery.get(name, []) for s in shown for name in s.figures},
            drawn=bool(gallery),
            because=because(cause(tables)),
            colour=lambda name: palette.get(name, "#8a94a0"),
            label=label,
            doubts=[(names.label(n), [f.said.phrase for f in of]) for n, of in doubts.items()],
        )
    )


def _view(section: Section, tables: Tables) -> dict | None:
    """What a section shows; an error says whose it is."""
    try:
        return section.view(tables)
    except Exception as error:
        error.add_note(f"It was raised by the section '{section.key}' of the report.")
        raise


def study_title(tables: Tables) -> str:
    """The title given in the study file, else the study's name, else the folder's."""
    named = tables.setting("report", "title") or tables.setting("study", "name")
    return str(named or real_path(tables.folder).name)


@cache
def _environment() -> Environment:
    ours = PackageLoader("phenolens.report")
    environment = Environment(
        loader=ChoiceLoader([ours, FunctionLoader(_text)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["defined"] = lambda table, column: schema.tables()[table].by_name[column]
    for name in ("style.css", "page.js"):
        text = ours.get_source(environment, name)[0]
        environment.globals[name.replace(".", "_")] = Markup(text)
    return environment


def _text(path: str) -> tuple[str, str, None] | None:
    """A section's template, which lies beside its module, as Jinja takes it."""
    file = Path(path)
    return (file.read_text(encoding="utf-8"), path, None) if file.is_file() else None
