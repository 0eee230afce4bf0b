"""Results at a URL, looked at: tables come at the door, pixels of a field when it is shown."""

from __future__ import annotations

import pytest

from phenolens.explore.opening import site_of


@pytest.fixture
def uploaded(explored, store) -> str:
    return store.upload(explored, "lab", "results/out/")


def test_pixels_are_fetched_with_the_field_that_is_shown(explored, uploaded, store):
    here, there = site_of(explored), site_of(uploaded)
    fetched = there.screen.tables.folder
    assert there.title == here.title
    assert list(there.screen.wells["Metadata_Well"]) == list(here.screen.wells["Metadata_Well"])
    assert not list(fetched.rglob("zarr.json"))

    last = len(here.screen.pictures.fields) - 1
    place = there.screen.pictures.entry(last)
    as_made = here.screen.pictures.entry(last)
    made = {p.relative_to(as_made): p.read_bytes() for p in as_made.rglob("*") if p.is_file()}
    assert {p.relative_to(place): p.read_bytes() for p in place.rglob("*") if p.is_file()} == made
    asked = {path for method, path, _ in store.asked if method == "GET" and ".zarr/" in path}
    assert all(place.relative_to(fetched).as_posix() in path for path in asked)
    assert there.screen.pictures.stains == here.screen.pictures.stains
