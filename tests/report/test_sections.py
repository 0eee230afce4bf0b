"""Sections register themselves, keep their contract, and may come from another distribution."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from phenolens.report import build
from phenolens.report.sections import SECTIONS, Section, figure_groups, register, sections
from phenolens.testing import check_section

KEYS = [section.key for section in sections()]


@pytest.fixture(scope="module")
def small(make_study) -> Path:
    return make_study(treatments=8, plates=2)


@pytest.mark.parametrize("key", KEYS)
def test_each_section_of_ours_keeps_the_contract(key, small):
    (section,) = (section for section in sections() if section.key == key)
    check_section(section, small)


def test_sections_stand_in_the_order_they_declare():
    assert KEYS[0] == "overview" and KEYS[-1] == "made"
    assert len(KEYS) == len(set(KEYS)) >= 13


@pytest.fixture
def registered():
    """The registry, as it was before once the test is over."""
    with SECTIONS.copied():
        yield


@pytest.fixture
def dyes(tmp_path, monkeypatch, registered) -> Path:
    """A distribution that is not ours, with a section of its own; its package folder."""
    package = tmp_path / "site" / "dyes"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        dedent(
            """
            from pathlib import Path

            from phenolens.report.sections import Section


            def view(tables):
                return None if tables.wells is None else {"wells": len(tables.wells)}


            SECTION = Section(
                key="dyes",
                title="Dyes we used",
                order=95,
                view=view,
                template=Path(__file__).with_name("dyes.html"),
            )
            """
        )
    )
    (package / "dyes.html").write_text("<p>{{ view.wells }} wells were dyed.</p>\n")
    info = tmp_path / "site" / "dyes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dyes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[phenolens.sections]\ndyes = dyes:SECTION\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    importlib.invalidate_caches()
    yield package
    sys.modules.pop("dyes", None)


def test_a_section_of_another_distribution_stands_on_the_page(dyes, small, tmp_path):
    added = next(section for section in sections() if section.key == "dyes")
    check_section(added, small)
    order = [section.key for section in sections()]
    assert order.index("network") < order.index("dyes") < order.index("plates")
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "wells.parquet").write_bytes((small / "wells.parquet").read_bytes())
    text = build(tmp_path / "study", figures=False).read_text(encoding="utf-8")
    assert '<h2 id="dyes-title">Dyes we used</h2>' in text and "wells were dyed." in text


def test_an_entry_point_that_fails_is_named(dyes):
    (dyes / "__init__.py").write_text("import a_module_that_is_not_there\n")
    SECTIONS.refresh()
    with pytest.warns(UserWarning, match="entry point 'dyes' of phenolens.sections .* could not"):
        assert "dyes" not in [section.key for section in sections()]
    assert "No module named" in SECTIONS.broken["dyes"]


def made(tmp_path: Path, **other: object) -> Section:
    template = tmp_path / "mine.html"
    template.write_text("<p>{{ view.text }}</p>")
    kept = Section("mine", "Mine", 55, lambda tables: {"text": "a"}, template)
    return replace(kept, **other)


def test_a_sound_section_passes(tmp_path):
    check_section(made(tmp_path))
    check_section(made(tmp_path, view=lambda tables: None))


def test_what_breaks_the_contract_is_said(tmp_path):
    count = iter(range(100))
    for broken, said in (
        (made(tmp_path, key="Not an anchor"), "no anchor"),
        (made(tmp_path, key="scores"), "key is taken"),
        (made(tmp_path, title=" "), "no title"),
        (made(tmp_path, figures={"umap": lambda tables: []}), "another section's"),
        (made(tmp_path, view=lambda tables: ["text"]), "is no dict"),
        (made(tmp_path, view=lambda tables: {"text": next(count)}), "not the same twice"),
        (made(tmp_path, template=tmp_path / "absent.html"), "is not there"),
    ):
        with pytest.raises(AssertionError, match=said):
            check_section(broken)
    unclosed = tmp_path / "unclosed.html"
    unclosed.write_text("<p>{{ view.text }}")
    with pytest.raises(AssertionError, match="closes <p>"):
        check_section(made(tmp_path, template=unclosed))


def test_a_key_or_a_figure_group_is_registered_once(tmp_path, registered):
    mine = register(made(tmp_path, figures={"dyes": lambda tables: []}))
    assert register(mine) is mine
    with pytest.raises(ValueError, match="There is a section 'mine' already"):
        register(made(tmp_path))
    register(made(tmp_path, key="other", figures=mine.figures))
    with pytest.raises(ValueError, match="figure group 'dyes'"):
        figure_groups()
