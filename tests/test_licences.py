"""The page of licences holds what the metadata of the packages say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("licences", ROOT / "docs" / "licences.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _sections(page: str) -> dict[str, dict[str, str]]:
    """Licence by package, by title."""
    parts = re.split(r"^## (.*)$", page, flags=re.MULTILINE)
    rows = re.compile(r"^\| ([\w.-]+) \| (.+) \|$", re.MULTILINE)
    titled = zip(parts[1::2], parts[2::2], strict=True)
    return {title: dict(rows.findall(text)[2:]) for title, text in titled}


def test_every_package_asked_for_is_listed_as_its_metadata_say(script):
    listed = list(_sections(script.PAGE.read_text()).values())
    asked = script.direct()
    assert len(listed) == len(asked) + 1
    for names, rows in zip(asked.values(), listed, strict=False):
        assert rows == {name: script.licence(name) for name in names}, "run docs/licences.py"


def test_every_package_of_the_lock_file_is_listed(script):
    listed = {name for rows in _sections(script.PAGE.read_text()).values() for name in rows}
    assert set(script.locked()) <= listed


def test_no_licence_is_left_open(script):
    assert "see its page" not in script.PAGE.read_text()


def test_what_is_always_installed_is_not_under_the_gpl(script):
    asked = script.direct()
    copyleft = {name for name in asked[""] if script.COPYLEFT.search(script.licence(name) or "")}
    assert copyleft == set()
    assert script.COPYLEFT.search(script.licence("leidenalg"))  # the search finds what there is
