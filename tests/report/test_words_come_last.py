"""The law of words: with every sentence replaced by its code, nothing else changes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from phenolens import words
from phenolens.answers.tables import Tables
from phenolens.report import build
from phenolens.report.sections import figure_groups
from phenolens.words import answers_limits

WORDS = {"question", "short", "sentences", "what", "consequence", "remedy"}


class Skeleton(HTMLParser):
    """Sections, answers and rows of a page in their order, with what heads each row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.heading = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        known = {name: value or "" for name, value in attrs}
        if tag in ("section", "article", "table", "tr"):
            kept = [known.get(name, "") for name in ("id", "class", "data-active", "data-lost")]
            self.found.append((tag, " ".join(kept)))
        self.heading = tag == "th" and known.get("scope") == "row"

    def handle_endtag(self, tag: str) -> None:
        self.heading = self.heading and tag != "th"

    def handle_data(self, data: str) -> None:
        if self.heading and data.strip():
            self.found.append(("heads", data.strip()))
            self.heading = False


def without_words(data: object) -> object:
    if isinstance(data, dict):
        return {name: without_words(item) for name, item in data.items() if name not in WORDS}
    return [without_words(item) for item in data] if isinstance(data, list) else data


def codes_for_sentences(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Every wording, and every sentence of the audit, gives its code and nothing else."""
    monkeypatch.setattr(words, "say", lambda code, /, **_: words.Said(code, code, code, code))
    audit = json.loads((folder / "audit.json").read_text())
    said = [dict.fromkeys(("what", "consequence", "remedy"), one["code"]) for one in audit]
    both = [one | texts for one, texts in zip(audit, said, strict=True)]
    (folder / "audit.json").write_text(json.dumps(both))


@pytest.fixture
def copy(make_study: Callable[..., Path], tmp_path: Path) -> Path:
    return shutil.copytree(make_study(treatments=8, plates=2), tmp_path / "study")


def test_answers_sections_and_rows_do_not_depend_on_words(copy, monkeypatch):
    page = build(copy, figures=False).read_text(encoding="utf-8")
    answers = json.loads((copy / "answers.json").read_text())
    codes_for_sentences(monkeypatch, copy)
    coded = build(copy, figures=False).read_text(encoding="utf-8")
    told = json.loads((copy / "answers.json").read_text())
    assert [one["question"] for one in told] == [f"question-{one['key']}" for one in told]
    assert without_words(told) == without_words(answers)
    assert Skeleton(coded).found == Skeleton(page).found != []
    assert coded != page


@pytest.mark.parametrize("group", ["activity", "scores", "comparisons", "similarity", "features"])
def test_figures_do_not_depend_on_words(copy, group, monkeypatch):
    def drawn() -> list[str]:
        return [figure.name for figure in figure_groups()[group](Tables(copy))]

    before = drawn()
    codes_for_sentences(monkeypatch, copy)
    assert drawn() == before != []


def test_every_code_of_the_answers_has_words():
    from phenolens.answers.limits import LEFT_OPEN

    assert set(LEFT_OPEN) == set(answers_limits.OPEN)
