"""Folders as strangers have them, at the command: those of ``bench/doors.py``, one test a door."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "bench" / "doors.py"
_spec = importlib.util.spec_from_file_location("doors", SCRIPT)
doors = importlib.util.module_from_spec(_spec)
sys.modules["doors"] = doors  # dataclasses look their module up
_spec.loader.exec_module(doors)


@pytest.mark.parametrize("name", sorted(doors.DOORS))
def test_a_door_opens_as_expected(name, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    wrong, text = doors.opened(name)
    assert not wrong, text


def test_a_door_that_says_something_else_is_told(monkeypatch):
    one = doors.DOORS["phenix"]
    monkeypatch.setitem(doors.DOORS, "phenix", doors.Door(one.build, says=["wells: 5"]))
    wrong, _ = doors.opened("phenix")
    assert wrong == ["does not say 'wells: 5'"]
