"""Every file below a folder once, and what is left out with its reason."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from phenolens.errors import InputError
from phenolens.io.discovery.tree import look_around


def touch(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(source: Path) -> list[str]:
    tree = look_around(source)
    return [tree.relative(path) for path in tree.files]


def left_out(source: Path) -> dict[str, str]:
    return {item.path: item.code for item in look_around(source).unused}


def test_files_come_sorted_by_folder_and_empty_ones_are_named(tmp_path):
    touch(tmp_path / "b.csv")
    touch(tmp_path / "a" / "2.tif")
    touch(tmp_path / "a" / "1.tif")
    touch(tmp_path / "a" / "0.tif", "")
    assert names(tmp_path) == ["b.csv", "a/1.tif", "a/2.tif"]
    assert left_out(tmp_path) == {"a/0.tif": "unused-empty"}


def test_hidden_files_and_what_studies_wrote_are_left_out_by_name(tmp_path):
    touch(tmp_path / ".DS_Store")
    touch(tmp_path / ".git" / "config")
    touch(tmp_path / "Thumbs.db")
    touch(tmp_path / "__MACOSX" / "b.csv")
    touch(tmp_path / "truth" / "wells.csv")
    touch(tmp_path / "out" / "study.resolved.toml")
    touch(tmp_path / "out" / "wells.csv")
    touch(tmp_path / "a.csv")
    assert names(tmp_path) == ["a.csv"]
    assert left_out(tmp_path) == {
        ".DS_Store": "unused-hidden", ".git/": "unused-hidden", "Thumbs.db": "unused-hidden",
        "__MACOSX/": "unused-hidden", "truth/": "unused-left-alone",
        "out/": "unused-results",
    }  # fmt: skip


def test_links_are_followed_once_and_those_to_nothing_are_named(tmp_path):
    touch(tmp_path / "elsewhere" / "P1" / "a.tif")
    screen = tmp_path / "screen"
    screen.mkdir()
    (screen / "images").symlink_to(tmp_path / "elsewhere")
    (screen / "loop").symlink_to(screen)
    (screen / "lost.tif").symlink_to(tmp_path / "nowhere.tif")
    (screen / "again").symlink_to(tmp_path / "elsewhere" / "P1")
    assert names(screen) == ["again/a.tif"]
    assert left_out(screen) == {
        "images/P1/": "unused-seen", "loop/": "unused-seen", "lost.tif": "unused-link",
    }  # fmt: skip


def test_two_links_that_meet_in_a_circle(tmp_path):
    for one, other in (("a", "b"), ("b", "a")):
        touch(tmp_path / one / "x.csv")
        (tmp_path / one / "to").symlink_to(tmp_path / other)
    assert sorted(Path(name).name for name in names(tmp_path)) == ["x.csv", "x.csv"]


def test_an_image_store_is_one_of_the_files(tmp_path):
    touch(tmp_path / "plate.ome.zarr" / "A" / "1" / ".zattrs")
    assert names(tmp_path) == ["plate.ome.zarr"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root opens all")
def test_a_closed_folder_is_named(tmp_path):
    touch(tmp_path / "a.csv")
    touch(tmp_path / "closed" / "b.csv")
    (tmp_path / "closed").chmod(0)
    try:
        assert left_out(tmp_path) == {"closed/": "unused-closed"}
    finally:
        (tmp_path / "closed").chmod(0o700)


def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    touch(tmp_path / "a.csv")
    touch(tmp_path / "closed" / "b.csv")
    real = os.scandir

    def scandir(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert names(tmp_path) == ["a.csv"]
    item = look_around(tmp_path).unused[0]
    assert (item.path, item.values["fault"]) == ("closed/", "Permission denied")


@pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there")
def test_a_name_that_is_no_text_is_named_and_not_read(tmp_path):
    touch(tmp_path / "a.csv")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.csv")).write_text("x")
    assert names(tmp_path) == ["a.csv"]
    assert left_out(tmp_path) == {"caf\ufffd.csv": "unused-name"}


def test_one_file_is_looked_at_alone(tmp_path):
    touch(tmp_path / "other.csv")
    tree = look_around(touch(tmp_path / "a [1] #2.csv"))
    assert tree.only == tmp_path / "a [1] #2.csv"
    assert tree.files == [tree.only]


def test_what_is_not_there_is_empty_or_a_link_to_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="There is no folder or file"):
        look_around(tmp_path / "none")
    with pytest.raises(InputError, match="0 bytes"):
        look_around(touch(tmp_path / "a.csv", ""))
    (tmp_path / "lost").symlink_to(tmp_path / "none")
    with pytest.raises(InputError, match=r"lost, a link to .*none"):
        look_around(tmp_path / "lost")


def test_a_link_that_leads_to_itself_is_left_out_by_name(tmp_path):
    touch(tmp_path / "a.csv")
    (tmp_path / "b.csv").symlink_to("b.csv")
    assert names(tmp_path) == ["a.csv"]
    assert left_out(tmp_path) == {"b.csv": "unused-link"}
