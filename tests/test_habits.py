"""What a contributor relies on: checks before a commit, the pages of the site, its picture."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import yaml

import phenolens as pl

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normal(name: str) -> str:
    return re.split(r"[<>=\\[]", name)[0].strip().lower().replace("_", "-")


def test_checks_before_a_commit_fetch_nothing():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (here,) = yaml.safe_load(text)["repos"]
    assert here["repo"] == "local"
    assert [hook["id"] for hook in here["hooks"]] == ["ruff-check", "ruff-format", "mypy"]
    assert all(hook["language"] == "system" for hook in here["hooks"])


def test_the_lock_has_what_the_tests_need():
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    locked = {normal(line) for line in lock if "==" in line}
    asked = [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["test"],
    ]
    assert {normal(name) for name in asked} <= locked


def test_types_of_the_public_face_are_checked_strictly():
    strict, loose = set(), set()
    for part in PROJECT["tool"]["mypy"]["overrides"]:
        strict |= set(part["module"]) if part.get("disallow_untyped_defs") else set()
        loose |= set(part["module"]) if part.get("ignore_errors") else set()
    assert {"phenolens", "phenolens.errors", "phenolens.findings", "phenolens.tools.*"} <= strict
    assert not strict & loose


def test_the_reference_has_every_public_name():
    text = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    named = re.findall(r"^   (\w+)$", text, re.M)
    assert sorted([*named, "__version__"]) == sorted(pl.__all__)


def test_every_page_is_on_the_site():
    docs = ROOT / "docs"
    listed = set()
    for page in docs.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        for tree in re.findall(r"^```{toctree}\n(.*?)^```", text, re.DOTALL | re.M):
            lines = [line for line in tree.splitlines() if line and line[0] != ":"]
            names = [re.sub(r"^.*<(.+)>$", r"\1", line) for line in lines]
            listed |= {(page.parent / name).relative_to(docs).as_posix() for name in names}
    pages = {p.relative_to(docs).with_suffix("").as_posix() for p in docs.rglob("*.md")}
    books = {p.relative_to(docs).with_suffix("").as_posix() for p in docs.rglob("*.ipynb")}
    generated = {page for page in pages if page.startswith("reference/")}
    assert listed == (pages | books) - generated - {"index"}


def test_the_picture_of_the_rooms_is_that_of_the_imports():
    drawn = runpy.run_path(str(ROOT / "docs" / "picture.py"))
    rows: dict[str, set[str]] = {}
    text = drawn["TARGET"].read_text(encoding="utf-8")
    for top, name in re.findall(r'y="(\d+)" text-anchor="middle" fill="#17252e">(\w+)<', text):
        rows.setdefault(top, set()).add(name)
    steps = [set(row) for row in reversed(drawn["steps"](drawn["rooms"]()))]
    assert [rows[top] for top in sorted(rows, key=int)] == steps, "run python docs/picture.py"
