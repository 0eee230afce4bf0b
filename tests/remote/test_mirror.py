"""The mirror: placeholders that are never content, fetched when opened, bounded, shared."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from phenolens.errors import ConfigError, InputError, UnreachableError
from phenolens.files import file_digest, identity
from phenolens.places import in_words, is_place, named, place_of
from phenolens.remote import local, look, look_anew, look_below, mirror, parts_of, placed

SIZE = 30_000


@pytest.fixture
def screen(store, tmp_path) -> str:
    folder = tmp_path / "screen"
    for number in range(6):
        path = folder / "images" / f"plate {number % 2}" / f"{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(np.random.default_rng(number).bytes(SIZE))
    (folder / "table.csv").write_text("a,b\n1,2\n")
    mirror.look_anew()
    return store.upload(folder, "screen", "source_4/")


def bytes_of(number: int) -> bytes:
    return np.random.default_rng(number).bytes(SIZE)


def gets(store) -> list[str]:
    return [path for method, path, _ in store.asked if method == "GET" and "." in path]


def test_a_listed_tree_has_names_sizes_and_times_and_no_content(screen, store):
    told = []
    top = look_below(screen, tell=told.append)
    files = sorted(path for path in top.rglob("*") if path.is_file())
    assert [named(path) for path in files[:1]] == [f"{screen}/images/plate 0/0.bin"]
    assert [path.stat().st_size for path in files] == [*[SIZE] * 6, 8]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0}
    assert told[-1] == 7 and gets(store) == []
    assert top.is_dir() and named(top) == screen


@pytest.mark.parametrize(
    "read",
    [
        lambda path: path.read_bytes(),
        lambda path: open(path, "rb").read(),  # noqa: PTH123, SIM115
        lambda path: os.read(os.open(path, os.O_RDONLY), SIZE),
        lambda path: np.memmap(path, mode="r").tobytes(),
        lambda path: np.fromfile(path, dtype=np.uint8).tobytes(),
        lambda path: local(path).read_bytes(),
        lambda path: local(named(path)).read_bytes(),
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_whoever_opens_a_placeholder_reads_the_object(read, screen):
    top = look_below(screen)
    assert read(top / "images/plate 1/3.bin") == bytes_of(3)


def test_folders_are_listed_when_they_are_looked_into(screen, store):
    top = place_of(screen)
    assert sorted(os.listdir(top)) == ["images", "table.csv"]  # noqa: PTH208
    assert sorted(path.name for path in (top / "images/plate 0").iterdir()) == [
        "0.bin", "2.bin", "4.bin",
    ]  # fmt: skip
    assert (top / "table.csv").read_text() == "a,b\n1,2\n"
    assert not (top / "nothing").exists()
    with pytest.raises(FileNotFoundError):
        os.listdir(top / "nothing")  # noqa: PTH208


def test_a_part_is_read_without_the_rest(screen, store):
    place = placed(f"{screen}/images/plate 0/2.bin")
    with parts_of(place) as part:
        assert part(100, 50) == bytes_of(2)[100:150]
        assert part(SIZE - 5, 50) == bytes_of(2)[-5:]
    assert stat.S_IMODE(place.stat().st_mode) == 0


def test_what_was_read_is_not_fetched_again(screen, store):
    url = f"{screen}/images/plate 0/2.bin"
    first = local(url)
    before = len(gets(store))
    assert local(url) == first and first.read_bytes() == bytes_of(2)
    assert look(url) == first and first.read_bytes() == bytes_of(2)
    assert len(gets(store)) == before


def test_an_object_that_changed_is_another_file_and_is_read_anew(screen, store):
    url = f"{screen}/images/plate 0/2.bin"
    before, digest = identity(url), file_digest(url)
    same_size = bytes_of(2)[::-1]
    store.client.put_object(Bucket="screen", Key="source_4/images/plate 0/2.bin", Body=same_size)
    look_anew()
    look(url)
    assert identity(url) != before and identity(url)[0] == before[0]
    assert file_digest(url) != digest and local(url).read_bytes() == same_size


def test_an_object_that_changes_between_look_and_read_stops_the_run_once(screen, store):
    place = look(f"{screen}/table.csv")
    store.client.put_object(Bucket="screen", Key="source_4/table.csv", Body=b"a,b\n9,9\n")
    with pytest.raises(UnreachableError, match="was changed while the study read it"):
        place.read_text()
    assert place.read_text() == "a,b\n9,9\n"


def test_what_was_taken_away_is_no_longer_there(screen, store):
    top = look_below(screen)
    (top / "images/plate 0/2.bin").read_bytes()
    for number in (0, 2, 4):
        key = f"source_4/images/plate 0/{number}.bin"
        store.client.delete_object(Bucket="screen", Key=key)
    look_anew()
    look_below(screen)
    assert [path.name for path in (top / "images").iterdir()] == ["plate 1"]
    assert identity(f"{screen}/images/plate 0/2.bin") == [0, 0, 0, 0]


def test_the_cache_holds_no_more_than_its_bound_and_gives_up_what_was_used_longest_ago(
    screen, store, monkeypatch
):
    monkeypatch.setenv(mirror.BOUND, f"{3.5 * SIZE / 1000}kB")
    monkeypatch.setattr(mirror, "GRACE", 0.0)
    urls = [f"{screen}/images/plate {number % 2}/{number}.bin" for number in range(6)]
    held = open(local(urls[0]), "rb")  # noqa: PTH123, SIM115
    for url in urls[1:3]:
        local(url)
    local(urls[1])
    for url in urls[3:]:
        local(url)
    modes = [stat.S_IMODE(placed(url).stat().st_mode) for url in urls]
    assert sum(mode != 0 for mode in modes) <= 3 and modes[0] == 0
    assert held.read() == bytes_of(0)  # who reads goes on
    held.close()
    assert local(urls[0]).read_bytes() == bytes_of(0)  # and who comes again fetches again


def test_what_is_in_use_is_not_given_up(screen, monkeypatch):
    monkeypatch.setenv(mirror.BOUND, f"{1.5 * SIZE / 1000}kB")
    urls = [f"{screen}/images/plate {number % 2}/{number}.bin" for number in range(3)]
    places = [local(url) for url in urls]
    assert all(stat.S_IMODE(place.stat().st_mode) for place in places)


def test_an_object_that_the_cache_cannot_hold_is_refused(screen, monkeypatch):
    monkeypatch.setenv(mirror.BOUND, "10kB")
    with pytest.raises(UnreachableError, match=r"has 30,000 bytes, and the cache may hold 10,000"):
        local(f"{screen}/images/plate 0/0.bin")
    monkeypatch.setenv(mirror.BOUND, "much")
    with pytest.raises(ConfigError, match=r"is a size, such as 50GB; got 'much'"):
        local(f"{screen}/images/plate 0/0.bin")


def test_threads_and_processes_share_one_fetch(screen, store):
    url = f"{screen}/images/plate 0/4.bin"
    look(url)
    code = (
        "import sys, hashlib; from phenolens.remote import local; "
        f"print(hashlib.md5(local({url!r}).read_bytes()).hexdigest())"
    )
    others = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    with ThreadPoolExecutor(4) as pool:
        assert len({path.read_bytes() for path in pool.map(local, [url] * 8)}) == 1
    assert len({other.communicate()[0] for other in others}) == 1
    assert len(gets(store)) == 1


def test_what_cannot_be_reached_is_no_missing_file(screen, store):
    place = look(f"{screen}/table.csv")
    store.faults = lambda method, path, before: store.fault(status=500)
    with pytest.raises(UnreachableError, match="could not be read"):
        place.read_text()
    assert stat.S_IMODE(place.stat().st_mode) == 0


def test_places_and_urls_are_one(screen):
    place = place_of("s3://bucket/a b/c.tif")
    assert is_place(place) and named(place) == "s3://bucket/a b/c.tif"
    assert place_of(Path("s3://bucket/a b/c.tif")) == place
    assert in_words(f"{place} is empty; {place.parent}/d too") == (
        "s3://bucket/a b/c.tif is empty; s3://bucket/a b/d too"
    )
    with pytest.raises(InputError, match="no file can be called"):
        look("s3://bucket/a//b")


def test_what_is_above_all_buckets_is_not_listed(screen, store):
    top = look_below("s3://screen")
    before = len(store.asked)
    assert [path.name for path in top.parent.iterdir()] == ["screen"]
    assert [path.name for path in top.parents[1].iterdir()] == ["s3"]
    assert len(store.asked) == before and (top / "source_4" / "table.csv").exists()


def test_what_may_be_read_and_not_listed_is_read(screen, store):
    store.faults = lambda method, path, before: (
        store.fault(status=403) if path.strip("/") == "screen" else None
    )
    assert local(f"{screen}/table.csv").read_text() == "a,b\n1,2\n"
    with pytest.raises(UnreachableError, match="could not be listed: access is denied"):
        look_below(screen)
