"""Marks are added to, never overwritten, and a bad one is refused before it is written."""

from __future__ import annotations

import csv
import io
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.marks import Mark, as_csv, mark_of, marks_file, put, read_marks, remove

WELL = {"kind": "well", "plate": "P1", "well": "B07", "mark": "hit", "note": "look"}


def test_a_new_mark_takes_the_place_of_the_old_one_of_the_same_thing(tmp_path):
    path = tmp_path / "out.marks.json"
    put(path, mark_of(WELL))
    put(path, mark_of({"kind": "treatment", "treatment": "B07", "mark": "artefact"}))
    found = put(path, mark_of(WELL | {"mark": "look again", "note": ""}))
    assert [(one.kind, one.mark) for one in found] == [
        ("treatment", "artefact"),
        ("well", "look again"),
    ]
    assert read_marks(path) == found
    assert [one.kind for one in remove(path, mark_of(WELL, removing=True))] == ["treatment"]


def test_marks_lie_beside_the_results():
    assert marks_file(Path("a/study-out")) == Path("a/study-out.marks.json")


def test_two_who_mark_at_once_add_to_one_another(tmp_path):
    path = tmp_path / "out.marks.json"
    wells = [f"{row}{n:02d}" for row in "ABCD" for n in range(1, 6)]
    threads = [
        threading.Thread(target=put, args=(path, Mark("well", plate="P", well=w, mark="hit")))
        for w in wells
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.well for one in read_marks(path)] == wells


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "plate"}, {"kind": None}, {"plate": ""}, {"well": 7}, {"plate": "P" * 1_001},
        {"mark": "maybe"}, {"mark": ["hit"]}, {"note": 3}, {"note": "x" * 2_001},
    ],
)  # fmt: skip
def test_a_mark_that_says_too_little_or_too_much_is_refused(change):
    with pytest.raises(InputError):
        mark_of(WELL | change)


@pytest.mark.parametrize("text", ["{", "[1]", '{"a": 1}', '"x"', '[{"kind": 1}, null]'])
def test_a_file_that_holds_no_marks_is_named_and_left_alone(tmp_path, text):
    path = tmp_path / "out.marks.json"
    path.write_text(text)
    with pytest.raises(InputError, match="does not hold marks"):
        put(path, mark_of(WELL))
    assert path.read_text() == text


@given(st.text(max_size=30).map(lambda text: text.replace("\x00", "").replace("\r", "")))
def test_a_note_is_text_in_a_spreadsheet_whatever_it_begins_with(note):
    mark = Mark("well", plate="=P1", well="A01", mark="hit", note=note)
    (row,) = csv.DictReader(io.StringIO(as_csv([mark]).decode("utf-8-sig"), newline=""))
    assert row["plate"] == "'=P1"
    assert row["note"] in (note, f"'{note}")
    assert not row["note"].startswith(("=", "@", "\t"))
