"""Patterns for names: groups as CellProfiler calls them, and the likeliest pattern of a folder."""

from __future__ import annotations

import itertools
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phenolens.errors import InputError
from phenolens.io.instruments.name_patterns import NamePattern, guess_pattern, text_of


def names(form: str, **parts: list[str] | str) -> list[str]:
    return [
        form.format(**dict(zip(parts, values, strict=True)))
        for values in itertools.product(*parts.values())
    ]


WELLS = ["A01", "A02", "B01"]
GUESSED = [
    ("{w}_pos{s}_{c}", {"s": "12", "c": ["DAPI", "GFP"]}, {"site": "2", "channel": "GFP"}),
    ("toxo-plate1__{w}__site{s}__{c}", {"s": ["01", "09"], "c": ["DAPI", "Alexa488"]},
     {"site": "09", "channel": "Alexa488"}),
    ("{p}/{w}/fov{s}_ch{c}", {"p": ["Pa", "Pb"], "s": ["01", "02"], "c": "123"},
     {"plate": "Pb", "site": "02", "channel": "3"}),
    ("P1_{w}_z{z}_t{t}_{c}", {"z": "12", "t": "12", "c": ["DNA", "ER"]},
     {"plane": "2", "timepoint": "2", "channel": "ER"}),
    ("{p}_{w}_s{s}_w{c}", {"p": ["1", "10"], "s": "12", "c": "12"},
     {"plate": "10", "site": "2", "channel": "2"}),
    ("Well {w}/{c} - n000000", {"c": ["Dapi", "GFP"]}, {"channel": "GFP"}),
    ("{p}/{c}/{w}_{s}", {"p": ["P1", "P2"], "c": ["DAPI", "FITC"], "s": "12"},
     {"plate": "P2", "channel": "FITC", "site": "2"}),
    ("Plate1_Well{w}_Site{s}_Channel{c}", {"s": "12", "c": "12"}, {"site": "2", "channel": "2"}),
    ("P1_{w}_f1_{c}", {"c": ["DAPI", "GFP"]}, {"site": "1", "channel": "GFP"}),
    ("{w}-{s}-{c}", {"s": "12", "c": ["Ph", "Green"]}, {"site": "2", "channel": "Green"}),
]  # fmt: skip


@pytest.mark.parametrize(("form", "parts", "last"), GUESSED)
def test_a_guess_reads_the_names_it_was_made_of(form, parts, last):
    texts = names(form, w=WELLS, **parts)
    said = NamePattern(guess_pattern(texts)).read(texts)
    assert all(one is not None for one in said)
    assert said[-1].roles == {"well": "B01", **last}
    assert len({tuple(sorted(one.roles.items())) for one in said}) == len(texts)


def test_files_that_are_lost_hide_no_stain():
    texts = names("P1/{w}_s{s}_{c}", w=WELLS, s="12", c=["DAPI", "ER", "AGP"])
    pattern = "(?P<well>[A-Pa-p][0-9]{1,2})_s(?P<site>[0-9]+)_(?P<channel>AGP|DAPI|ER)"
    assert guess_pattern(texts[:-1]) == guess_pattern(texts[:-4]) == pattern


@pytest.mark.parametrize(
    "texts",
    [
        names("cells_{n}", n="123"),
        names("{w}_{a}_{b}", w=WELLS, a="12", b="12"),
        names("{w}_{s}", w=WELLS, s="123"),
        ["A01_DAPI"],
        [],
        ["A01_DAPI", "A01_s1_GFP"],
        names("{w}_{a}_{b}", w=WELLS, a=["x", "y"], b=["u", "v"]),
        names("{p}/{w}_{s}", p=["P1", "P2"], w=WELLS, s="12"),
    ],
)
def test_what_is_open_is_not_guessed(texts):
    assert guess_pattern(texts) is None


@given(st.lists(st.text(string.ascii_letters + string.digits + "_-/ .", max_size=12), max_size=8))
def test_any_names_are_guessed_or_not(texts):
    found = guess_pattern(texts)
    assert found is None or len(NamePattern(found).read(texts)) == len(texts)


def test_groups_are_called_as_in_cellprofiler():
    default = r"^(?P<Plate>.*)_(?P<Well>[A-P][0-9]{2})_s(?P<Site>[0-9])_w(?P<ChannelNumber>[0-9])"
    (said,) = NamePattern(default).read(["TE12345_A05_s1_w3"])
    assert said.roles == {"plate": "TE12345", "well": "A05", "site": "1", "channel": "3"}
    incell = r"^(?P<Row>[A-P]) - (?P<Column>[0-9]*)\(fld (?P<Site>[0-9]*) wv (?P<Wavelength>.*) - "
    pattern = NamePattern(incell + r"(?P<Filter>.*)\)")
    (said,) = pattern.read(["B - 02(fld 01 wv Blue - FITC)"])
    assert said.roles == {"row": "B", "column": "02", "site": "01", "channel": "Blue"}
    assert pattern.unused == ("Filter",)


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        (r"(?P<site>\d+)", "no group that names the well"),
        (r"(?P<well>[A-P]\d\d", r"^\[data\.images\] pattern: .* not a regular expression"),
        (r"(?P<well>A01)_(?P<Well>A01)", "names the well twice"),
        (r"(?P<row>[A-P])", "no group that names the well"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_one_line(pattern, says):
    with pytest.raises(InputError, match=says):
        NamePattern(pattern)


def test_a_pattern_that_runs_for_hours_is_stopped(monkeypatch):
    monkeypatch.setattr("phenolens.expressions.SECONDS", 0.2)
    with pytest.raises(InputError, match="takes too long"):
        NamePattern(r"^(?P<well>(a|a)*)$").read(["a" * 60 + "!"])


def test_names_without_a_match_say_nothing():
    said = NamePattern(r"(?P<well>[A-P]\d\d)_(?P<channel>\w+)").read(["x", "B02_DNA"])
    assert said[0] is None and said[1].path == "B02_DNA"


def test_a_path_as_patterns_see_it():
    assert text_of(Path("/s/P 1/B02.ome.tif"), Path("/s")) == "P 1/B02"
