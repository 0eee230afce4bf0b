"""The sections of the page. Each is one object in one file that registers itself.

A file of this folder, or of another distribution (entry points of the group
``phenolens.sections``), makes a :class:`Section` and hands it to :func:`register`; nothing else
lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from phenolens.answers.tables import Tables
from phenolens.registry import Registry
from phenolens.report.figures import Drawn

Draw = Callable[[Tables], Iterator[Drawn]]


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes
    ----------
    key : str
        Its anchor: lower-case letters, digits and hyphens, beginning with a letter.
    title : str
        The heading.
    order : int
        Where it stands: sections follow one another by `order`, then by `key`. Ours are tens.
    view : callable
        Takes the :class:`~phenolens.answers.tables.Tables` of a study folder, in which anything may
        be missing, and returns what the template shows as ``view``. None leaves the section out:
        it is about something this study did not ask for.
    template : Path
        A Jinja file. Beside ``view`` it has ``gallery`` (pictures by figure group), ``drawn``
        (whether figures were drawn at all), ``label`` and ``colour`` of a representation, and the
        macros ``m`` of ``templates/macros.html``, of which ``m.treatment(name)`` links a treatment
        to its panel.
    figures : mapping of str to callable
        Figure groups by name; each takes the tables and yields figures whose file names begin with
        the name of the group.
    short : str
        The heading in the list of sections; by default `title`.
    """

    key: str
    title: str
    order: int
    view: Callable[[Tables], dict | None]
    template: Path
    figures: Mapping[str, Draw] = field(default_factory=dict)
    short: str = ""

    @property
    def name(self) -> str:
        """Its anchor, by which it is registered."""
        return self.key

    @property
    def rank(self) -> int:
        """Its place on the page."""
        return self.order

    @property
    def entry(self) -> str:
        """The heading as the list of sections has it."""
        return self.short or self.title


SECTIONS: Registry[Section] = Registry("section", package=__name__, kind="sections")


def register(section: Section) -> Section:
    """Put a section on the page.

    Raises
    ------
    ValueError
        If another section has its key.
    """
    return SECTIONS.register(section)


def sections() -> list[Section]:
    """Every section in the order of the page: ours, and those that other distributions offer.

    Raises
    ------
    ValueError
        If two sections have a figure group of one name.
    """
    found = list(SECTIONS.known().values())
    groups = [group for section in found for group in section.figures]
    if twice := sorted({group for group in groups if groups.count(group) > 1}):
        raise ValueError(f"Two sections have a figure group {twice[0]!r}.")
    return found


def figure_groups() -> dict[str, Draw]:
    """The figure groups of all sections, by name."""
    return {name: draw for section in sections() for name, draw in section.figures.items()}
