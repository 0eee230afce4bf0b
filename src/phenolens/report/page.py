"""One self-contained page: pictures as data, styles and script inline, nothing fetched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phenolens import __version__
from phenolens.answers.doubts import doubted
from phenolens.answers.reasons import cause
from phenolens.answers.tables import Tables
from phenolens.files import real_path
from phenolens.report import colours
from phenolens.report.embed import data_uri
from phenolens.report.environment import environment
from phenolens.report.figures.marks import Placed, placed
from phenolens.report.figures.style import PIXELS, Drawn
from phenolens.report.panels import Panels
from phenolens.report.pointing import Pointed
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
    marks: Placed | None = None


def picture(drawn: Drawn, png: Path, svg: Path) -> Picture:
    """The figure with its data, drawn within the house style."""
    width, height = (round(inches * PIXELS) for inches in drawn.figure.get_size_inches())
    return Picture(
        uri=data_uri(drawn, png, svg), width=width, height=height, label=drawn.label,
        alt=drawn.alt, caption=drawn.caption, file=f"figures/{drawn.name}",
        marks=placed(drawn.figure, drawn.marks),
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
    panels = Panels(tables)
    # Links lead to panels, which stand in the section of treatments.
    anchors = panels.anchors if any(section.key == "hits" for section in shown) else {}

    def label(name: str) -> str:
        """What a representation is called, with a dagger where its training is doubtful."""
        return names.label(name) + ("†" if doubts.keys() & set(name.split("+")) else "")

    return (
        environment()
        .get_template("page.html")
        .render(
            title=title or study_title(tables),
            size=size(tables),
            version=__version__,
            sections=[(s, view) for s in shown if (view := _view(s, tables)) is not None],
            gallery={name: gallery.get(name, []) for s in shown for name in s.figures},
            drawn=bool(gallery),
            because=because(cause(tables)),
            colour=lambda name: palette.get(name, colours.GREY),
            label=label,
            anchors=anchors,
            panels=panels,
            pointed=Pointed(tables, anchors),
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
