"""Every code block of the pages runs, or says on the page why it cannot.

A block that needs large data, a GPU, a network connection or minutes of training stands below the
line ``<!-- not run: WHY -->``; `NOT_RUN` counts them. What it imports must be there all the same.
"""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import sys
import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

import phenolens as pl
from phenolens import profiles
from phenolens.splits import make_folds

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md",
         *sorted(f"docs/{p.relative_to(ROOT / 'docs').as_posix()}"
         for p in (ROOT / "docs").rglob("*.md"))]  # fmt: skip
# Pages whose blocks a test of their own runs: how many of them, and where.
ELSEWHERE = {
    "README.md": (7, "tests/test_readme.py"),
    "docs/api.md": (7, "tests/test_docs_api.py"),
    "docs/design.md": (2, "tests/test_docs_design.py"),
    "docs/extending.md": (9, "tests/test_extending.py"),
    "docs/migrate.md": (14, "tests/tools/test_migrate.py"),
    "docs/study-file.md": (2, "tests/io/test_study_text.py"),
}
NOT_RUN = {
    "CONTRIBUTING.md": 1,
    "SECURITY.md": 1,
    "docs/encoders.md": 2,
    "docs/explanations.md": 1,
    "docs/features-in-words.md": 1,
    "docs/networks.md": 3,
    "docs/recipes.md": 3,
    "docs/seed-study.md": 1,
}
BLOCK = re.compile(
    r"(?:^<!-- not run: ([^\n]+) -->\n)?^```([\w{}-]*)[^\n]*\n(.*?)^```", re.DOTALL | re.M
)
TYPED = {"sh", "python", "py", "toml", "html"}


@dataclass(frozen=True)
class Block:
    """A block of a page: its language, its text, and why it does not run (empty: it does)."""

    page: str
    language: str
    text: str
    why: str


def blocks(page: str) -> list[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert f"\n{text}".count("\n```") % 2 == 0, page
    found = [Block(page, language, code, why) for why, language, code in BLOCK.findall(text)]
    # no language: what a command printed, or a picture in letters; other tests hold those
    site = {"{toctree}", "{include}", "{eval-rst}"}
    assert {block.language for block in found} <= TYPED | site | {"", "text"}, page
    return [block for block in found if block.language in TYPED]


ALL = [block for page in PAGES for block in blocks(page)]
HERE = [page for page in PAGES if page not in ELSEWHERE and any(b.page == page for b in ALL)]


def test_every_block_runs_here_or_elsewhere_or_says_why_not():
    counted = {page: sum(b.page == page for b in ALL) for page in ELSEWHERE}
    assert counted == {page: number for page, (number, _) in ELSEWHERE.items()}
    for page, (_, test) in ELSEWHERE.items():
        assert Path(page).name in (ROOT / test).read_text(encoding="utf-8")
    told = {page: sum(b.page == page and bool(b.why) for b in ALL) for page in PAGES}
    assert {page: number for page, number in told.items() if number} == NOT_RUN


@pytest.mark.parametrize("block", [b for b in ALL if b.why and b.language == "python"],
                         ids=lambda block: block.page)  # fmt: skip
def test_what_is_not_run_can_be_imported(block):
    for node in ast.walk(ast.parse(block.text)):
        if isinstance(node, ast.ImportFrom):
            home = import_module(str(node.module))
            assert all(hasattr(home, name.name) for name in node.names), node.module


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A folder with ``study.toml``, its results in ``study-out`` and a table of profiles."""
    folder = tmp_path_factory.mktemp("pages")
    screen, _ = pl.simulate_profiles(treatments=6, features=30, effect=2.5, seed=1)
    table = screen.reset_index().drop(columns="Metadata_Control")
    table["Metadata_Treatment"] = table["Metadata_Treatment"].replace("control", "DMSO")
    table.to_csv(folder / "screen.csv", index=False)
    pl.init(folder / "screen.csv", folder / "study.toml")
    pl.run(pl.open_study(folder / "study.toml", out=folder / "study-out"))
    return folder


def prepared(page: str) -> dict:
    """Names that the code of a page takes for granted."""
    rng = np.random.default_rng(0)
    if page == "docs/audit.md":
        rows = {"Metadata_Plate": "P1", "Metadata_Well": ["A01", "A02"], "Metadata_Site": 1,
                "label": "a", "fold": 0, "prediction": "a"}  # fmt: skip
        Path("audit").mkdir()
        return {"df": pd.DataFrame(rows), "embeddings": rng.random((2, 3)), "np": np}
    if page == "docs/encoders.md":  # classes of a module can be pickled
        sys.modules["page"] = ModuleType("page")
        return vars(sys.modules["page"])
    if page == "docs/measure/index.md":
        y, x = np.mgrid[:160, :160]
        spots = sum(
            np.exp(-((y - a) ** 2 + (x - b) ** 2) / 90) for a in (40, 120) for b in (40, 120)
        )
        return {"pixels": (rng.random((5, 160, 160)) * 40 + 800 * spots + 100).astype(np.uint16)}
    screen, _ = pl.simulate_profiles(treatments=6, features=30, effect=2.5, seed=1)
    table = profiles.from_frame(screen.reset_index())
    if page == "docs/statistics/splits.md":
        profiles.write(table, Path("profiles.parquet"))
        return {"table": table}
    if page == "docs/statistics/classification.md":
        wells = table.index.to_frame(index=False)
        return {"table": table, "folds": make_folds(wells, label="Metadata_Treatment", seed=0)}
    return {}


@pytest.mark.parametrize("page", HERE)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, finished, tmp_path, monkeypatch, command):
    shutil.copytree(finished, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    shutil.copytree("study-out", "my-screen-out")
    shutil.copytree(ROOT / "docs" / "recipes" / "seed-study", "DIR")
    names = prepared(page)
    ran = 0
    for block in blocks(page):
        if block.why:
            continue
        ran += 1
        if block.language == "toml":
            assert tomllib.loads(block.text)
        elif block.language == "sh":
            for line in block.text.splitlines():
                _typed(shlex.split(line, comments=True), command)
        else:
            exec(compile(block.text, page, "exec"), names)
    assert ran + NOT_RUN.get(page, 0) == len(blocks(page))


def _typed(words: list[str], command) -> None:
    """A line of a terminal: our command is run, a target of the Makefile is there."""
    if words[:1] == ["make"]:
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        assert all(f"\n{target}:" in makefile for target in words[1:])
    elif words:
        assert words[0] == "phenolens", words
        answer = command(*words[1:])
        strict = "--strict" in words
        assert answer.code == int(strict), answer.err


def test_every_command_of_the_benchmarks_names_a_script_that_is_there():
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    text += (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:bench/)?(\w+\.py)\b", text))
    assert len(named) > 12
    assert [name for name in sorted(named) if not (ROOT / "bench" / name).is_file()] == []
