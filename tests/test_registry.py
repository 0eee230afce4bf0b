"""Registries: one file a thing, what strangers offer beside ours, what breaks named."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from phenolens import plugins
from phenolens.errors import ConfigError
from phenolens.registry import Registry


@dataclass(frozen=True)
class Thing:
    name: str
    rank: float = 100


def offer(monkeypatch, **loads):
    """Entry points of other distributions: what loads each."""
    entries = [SimpleNamespace(name=n, value=n, load=load) for n, load in loads.items()]
    monkeypatch.setattr(
        plugins, "entry_points", lambda group: entries * (group == "phenolens.toys")
    )


def test_things_come_by_rank_then_by_name(monkeypatch):
    toys = Registry("toy", kind="toys")
    for thing in (Thing("b"), Thing("a"), Thing("z", rank=1)):
        assert toys.register(thing) is thing
    offer(monkeypatch, yoyo=lambda: Thing("yoyo", rank=50))
    assert toys.names() == ["z", "yoyo", "a", "b"]
    assert toys.get("yoyo").rank == 50


def test_a_name_is_taken_once():
    toys = Registry("toy")
    toys.register(Thing("a"))
    toys.register(Thing("a"))
    with pytest.raises(ValueError, match="There is a toy 'a' already"):
        toys.register(Thing("a", rank=2))
    with pytest.raises(ValueError, match="A toy needs a name"):
        toys.register(object())


def test_what_cannot_be_loaded_is_named_where_it_is_missed(monkeypatch):
    toys = Registry("toy", kind="toys")
    toys.register(Thing("top"))

    def broken():
        raise ImportError("no wheels")

    offer(monkeypatch, car=broken, ball=lambda: Thing("ball"))
    with pytest.warns(UserWarning, match="The toy that the entry point 'car' .* no wheels"):
        assert toys.names() == ["ball", "top"]
    with pytest.raises(ConfigError, match=r"no toy 'car'.* car could not be loaded \(ImportError"):
        toys.get("car")
    with pytest.raises(ConfigError, match="did you mean 'ball'"):
        toys.get("bal")


def test_a_stranger_does_not_take_the_place_of_ours(monkeypatch):
    toys = Registry("toy", kind="toys")
    ours = toys.register(Thing("top", rank=1))
    offer(monkeypatch, other=lambda: Thing("top", rank=2))
    with pytest.warns(UserWarning, match="There is a toy 'top' already"):
        assert toys.known() == {"top": ours}


def test_what_is_added_in_a_block_is_forgotten_after_it():
    toys = Registry("toy")
    toys.register(Thing("a"))
    with toys.copied():
        toys.register(Thing("b"))
        assert toys.names() == ["a", "b"]
    assert toys.names() == ["a"]


def test_a_function_is_registered_at_a_place():
    checks = Registry("check")

    @checks.at(2)
    def second():
        return 2

    @checks.at(1)
    def first():
        return 1

    assert [check() for check in checks.known().values()] == [1, 2]


def test_every_kind_of_thing_that_plugs_in_is_listed():
    import re
    from pathlib import Path

    import phenolens

    code = "".join(path.read_text() for path in Path(phenolens.__file__).parent.rglob("*.py"))
    asked = set(re.findall(r'Registry\([^)]*kind="(\w+)"', code))
    asked |= set(re.findall(r'plugins\.(?:import_rooms|offered)\("(\w+)"\)', code))
    assert asked == set(plugins.KINDS)
