"""An answer is findings; its sentences are made of them when it is read."""

from __future__ import annotations

import json

import pytest

from phenolens import words
from phenolens.answers.answer import Answer
from phenolens.answers.read import Quoted, read_finding
from phenolens.files import plain
from phenolens.findings import Finding


@pytest.fixture
def wording(monkeypatch):
    monkeypatch.setattr(words, "_WORDINGS", dict(words.known()))
    return words.wording


@pytest.fixture
def answer(wording):
    wording("seen")(lambda wells: words.Said(f"{wells} wells.", "So it is.", "Do this."))
    wording("rests-on")(lambda why: f"Because of {why.text}")
    seen = Finding("seen", "ok", {}, {"wells": 3})
    rests = Finding("rests-on", "info", {}, {"why": seen})
    return Answer("active", "answered", (seen,), (seen, rests), ("activity",))


def test_the_headline_goes_first_and_what_follows_from_it_opens_the_details(answer):
    assert answer.question == "Which treatments are active?"
    assert answer.short == "3 wells."
    assert answer.sentences == [
        "So it is.", "Do this.", "✓ 3 wells. So it is.", "Because of 3 wells.",
    ]  # fmt: skip


def test_an_answer_as_data_holds_the_findings_that_others_rest_on(answer):
    data = json.loads(json.dumps(plain(answer.to_dict())))
    assert data["key"] == "active" and data["evidence"] == ["activity"]
    why = data["details"][1]["values"]["why"]
    assert (why["code"], why["values"], why["what"]) == ("seen", {"wells": 3}, "3 wells.")


def test_a_finding_that_is_read_says_what_it_said(answer):
    (seen,) = answer.headline
    assert read_finding(plain(seen.to_dict())) == seen


def test_a_code_without_words_here_keeps_those_of_the_file():
    data = {"code": "of-a-stranger", "severity": "info", "about": {}, "values": {}}
    found = read_finding(data | {"what": "Seen.", "consequence": "", "remedy": "Look."})
    assert isinstance(found, Quoted)
    assert (found.text, found.said.remedy) == ("Seen.", "Look.")
