"""The contract of a section of the report."""

from __future__ import annotations

import re
import tempfile
from html.parser import HTMLParser
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phenolens.answers.tables import Tables
    from phenolens.report.page import Picture
    from phenolens.report.sections import Section

_UNCLOSED = {"meta", "img", "input", "br", "link", "hr"}


def check_section(section: Section, *studies: str | Path, figures: int = 1) -> None:
    """Check a section of the report on an empty study folder and on others.

    Its key is an anchor that no other section has; its view is None or a dict that its template
    can show; markup closes what it opens; and the same tables give the same bytes.

    Parameters
    ----------
    section : Section
    *studies : path
        Study folders to show besides the empty one. They are not changed.
    figures : int
        How many figures of each group are drawn and compared.

    Raises
    ------
    AssertionError
        If the section breaks its contract; the message says where.

    Examples
    --------
    >>> from phenolens.report.sections import sections
    >>> from phenolens.testing import check_section
    >>> check_section(sections()[0])
    """
    from phenolens.answers.tables import Tables
    from phenolens.report.sections import sections

    name = f"Section {section.key!r}"
    assert re.fullmatch(r"[a-z][a-z0-9-]*", section.key), f"{name}: its key is no anchor."
    assert section.title.strip(), f"{name} has no title."
    assert section.template.is_file(), f"{name}: its template {section.template} is not there."
    others = [other for other in sections() if other is not section]
    assert section.key not in [other.key for other in others], f"{name}: its key is taken."
    groups = {group for other in others for group in other.figures}
    taken = sorted(groups & set(section.figures))
    assert not taken, f"{name}: figure groups {taken} are another section's."
    with tempfile.TemporaryDirectory() as empty:
        for folder in (empty, *studies):
            first, second = (_shown(section, Tables(Path(folder)), figures) for _ in range(2))
            assert first == second, f"{name} is not the same twice on {folder}."


def _shown(section: Section, tables: Tables, most: int) -> tuple[str, list[bytes]]:
    """A page of this section alone, and the bytes of its figures."""
    from phenolens.report.figures import house_style, save
    from phenolens.report.page import picture, render

    view = section.view(tables)
    assert view is None or isinstance(view, dict), f"The view of {section.key!r} is no dict."
    gallery: dict[str, list[Picture]] = {}
    stored: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder, house_style():
        for group, draw in section.figures.items():
            gallery[group] = []
            for drawn in islice(draw(tables), most):
                own = drawn.name == group or drawn.name.startswith(f"{group}-")
                assert own, f"Figure {drawn.name!r} is not called after its group {group!r}."
                files = save(drawn, Path(folder))
                gallery[group].append(picture(drawn, *files))
                stored += [file.read_bytes() for file in files]
    text = render(tables, gallery, title="A study", only=[section])
    _Markup(section.key).feed(text)
    return text, stored


class _Markup(HTMLParser):
    """Whether every tag that is opened is closed."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _UNCLOSED:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        last = self.open.pop() if self.open else "nothing"
        assert last == tag, f"The template of {self.key!r} closes <{last}> by </{tag}>."
