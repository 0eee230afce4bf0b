"""Patterns of file names mean what ``Path.glob`` takes them for, in bounded time."""

from __future__ import annotations

from pathlib import Path

import pytest

from phenolens.globbing import matching

FILES = ["a.csv", "b.csv", "p1/a.csv", "p1/b.tsv", "p2/deep/a.csv", "p2/deep/c[1].csv", ".h/a.csv"]


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    ["*.csv", "*/a.csv", "**/a.csv", "**/*.csv", "p?/*", "p[12]/**/*.csv", "**/deep/*",
     "**/**/a.csv", "p1/a.csv", "*/nothing", "nothing/*", "a.csv/*",
     "**", "[!a].csv", "**/c[[]1].csv"],
)  # fmt: skip
def test_the_files_are_those_of_glob(folder, pattern):
    assert matching(folder / pattern) == sorted(set(folder.glob(pattern)))


def test_many_stars_on_a_long_name_end(folder):
    (folder / ("a" * 200)).touch()
    assert matching(folder / ("*a" * 60 + "b")) == []
    assert matching(folder / ("*a" * 60)) == [folder / ("a" * 200)]
    assert matching(folder / ("**/" * 30 + "a.csv")) == sorted(folder.rglob("a.csv"))
