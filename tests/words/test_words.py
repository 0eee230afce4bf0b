"""Words: a code has one wording, and a finding keeps none of them."""

from __future__ import annotations

import pytest

from phenolens import words
from phenolens.findings import Finding, worst_first


@pytest.fixture
def wording(monkeypatch):
    monkeypatch.setattr(words, "_WORDINGS", dict(words.known()))
    return words.wording


def test_a_finding_is_put_into_words_when_it_is_read(wording):
    wording("few-wells")(lambda wells, plate: words.Said(f"{plate}: {wells} wells.", remedy="Add."))
    found = Finding("few-wells", "warning", {"plate": "P1"}, {"wells": 3})
    assert (str(found), found.said.remedy) == ("P1: 3 wells.", "Add.")
    assert found.to_dict() == {
        "code": "few-wells", "severity": "warning", "where": "P1", "about": {"plate": "P1"},
        "values": {"wells": 3}, "what": "P1: 3 wells.", "consequence": "", "remedy": "Add.",
    }  # fmt: skip


def test_a_code_has_one_wording(wording):
    wording("twice")(lambda: "Once.")
    with pytest.raises(ValueError, match="'twice' has words already"):
        wording("twice")(lambda: "Again.")


def test_a_code_without_words_is_an_error():
    with pytest.raises(KeyError):
        words.say("nobody-wrote-this")


def test_the_worst_comes_first():
    found = [Finding(code, code) for code in ("ok", "info", "error", "warning")]
    assert [f.severity for f in worst_first(found)] == ["error", "warning", "info", "ok"]


def test_what_is_not_named_is_nowhere():
    assert (
        Finding("any", "warning", {"representation": None, "plate": ["P1", "P2"]}).where == "P1, P2"
    )
