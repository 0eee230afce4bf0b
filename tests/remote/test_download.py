"""A tree at a URL in a folder: all of it or a part, goes on where it was stopped, same bytes."""

from __future__ import annotations

import hashlib
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from phenolens.errors import InputError, UnreachableError
from phenolens.remote import fetching
from phenolens.remote.asking import ObjectStat
from phenolens.remote.checksums import compared
from phenolens.remote.download import download

TREE = {
    "workspace/profiles/BR1/BR1_normalized.csv.gz": 3000,
    "workspace/profiles/BR10/BR10_normalized.csv.gz": 10,
    "images/BR1__2020-11-05T19_51_35-Measurement1/Images/r01c01.tiff": 40_000,
    "images/BR10__2020-11-05/Images/r01c01.tiff": 20,
    "readme [1].txt": 0,
}


def content(name: str, n: int) -> bytes:
    return np.random.default_rng(len(name)).bytes(n)


@pytest.fixture
def tree(store) -> str:
    """The URL of a small tree."""
    store.client.create_bucket(Bucket="gallery")
    for name, n in TREE.items():
        store.client.put_object(Bucket="gallery", Key=f"jump/{name}", Body=content(name, n))
    store.client.put_object(Bucket="gallery", Key="jumper/other.txt", Body=b"other")
    return "s3://gallery/jump"


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def gets(store) -> list[str]:
    return [p for m, p, _ in store.asked if m == "GET" and p.count("/") > 2]


def test_a_tree_is_fetched_once_and_then_what_changed(tree, store, tmp_path, command):
    said = command("download", tree, tmp_path)
    assert said.code == 0, said.err
    assert files(tmp_path) == {name: content(name, n) for name, n in TREE.items()}
    assert said.out == "5 files fetched: 42 KiB (43,030 bytes)\n5 files compared by MD5\n"

    store.client.put_object(Bucket="gallery", Key="jump/readme [1].txt", Body=b"now more")
    store.asked.clear()
    said = command("download", tree, tmp_path)
    assert gets(store) == ["/gallery/jump/readme%20%5B1%5D.txt"]
    assert (tmp_path / "readme [1].txt").read_bytes() == b"now more"
    assert "1 file replaced: 8 bytes (8 bytes)\n4 files there already, as at the URL" in said.out


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--include", "*.csv.gz"], ["BR10_normalized.csv.gz", "BR1_normalized.csv.gz"]),
        (["--plate", "BR1"], ["BR1_normalized.csv.gz", "r01c01.tiff"]),
        (["--plate", "BR1", "--include", "images/*"], ["r01c01.tiff"]),
        (["--include", "images/BR1__*", "--include", "readme*"], ["r01c01.tiff", "readme [1].txt"]),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_part_is_what_patterns_and_plates_say(tree, tmp_path, command, options, found):
    assert command("download", tree, tmp_path, *options).code == 0
    assert sorted(name.rpartition("/")[2] for name in files(tmp_path)) == found
    assert not (tmp_path / "images/BR10__2020-11-05").exists() or "images/*" not in options


def test_a_dry_run_lists_files_and_bytes_and_fetches_nothing(tree, store, tmp_path, command):
    out = command("download", tree, tmp_path / "new", "--dry-run", "--plate", "BR1").out
    assert out.splitlines() == [
        "         40,000  new      images/BR1__2020-11-05T19_51_35-Measurement1/Images/r01c01.tiff",
        "          3,000  new      workspace/profiles/BR1/BR1_normalized.csv.gz",
        "2 files to fetch: 42 KiB (43,000 bytes)",
    ]
    assert not (tmp_path / "new").exists() and gets(store) == []


def test_a_file_alone(tree, tmp_path):
    name = "workspace/profiles/BR1/BR1_normalized.csv.gz"
    download(f"{tree}/{name}", tmp_path)
    assert files(tmp_path) == {"BR1_normalized.csv.gz": content(name, 3000)}


def test_what_another_tool_fetched_is_known_by_its_bytes(tree, store, tmp_path):
    for name, n in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content(name, n))
    assert {one.state for one in download(tree, tmp_path).files} == {"there"}
    assert gets(store) == []


KILLED = """
import sys
from phenolens.remote import fetching
from phenolens.remote.download import download
fetching.PART = 1000
download(sys.argv[1], sys.argv[2], threads=1)
"""


def test_a_download_that_is_killed_goes_on(tree, store, tmp_path, monkeypatch):
    store.faults = lambda method, path, before: (
        store.fault(seconds=0.05) if path.endswith("r01c01.tiff") else None
    )
    run = subprocess.Popen([sys.executable, "-c", KILLED, tree, tmp_path])
    while not any(p.stat().st_size > 5000 for p in tmp_path.rglob(".partial-*")):
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    (begun,) = [p for p in tmp_path.rglob(".partial-*") if p.stat().st_size > 5000]
    held, whole = begun.stat().st_size, set(files(tmp_path)) & set(TREE)
    assert [n for n in whole if (tmp_path / n).read_bytes() != content(n, TREE[n])] == []

    store.faults = lambda method, path, before: None
    store.asked.clear()
    monkeypatch.setattr(fetching, "PART", 1000)
    download(tree, tmp_path)
    assert files(tmp_path) == {name: content(name, n) for name, n in TREE.items()}
    starts = [
        int(span.removeprefix("bytes=").partition("-")[0])
        for method, path, span in store.asked
        if method == "GET" and "BR1__" in path
    ]
    assert min(starts) >= held - 1000


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 503}, {"cut": 5}, {"short": True}, {"flip": True}],
    ids=str,
)
def test_faults_on_the_way_leave_the_right_bytes(tree, store, tmp_path, fault):
    store.faults = lambda method, path, before: (
        store.fault(**fault) if path.endswith(".gz") and before < 2 else None
    )
    assert download(tree, tmp_path).checks == {"MD5": 5}
    assert files(tmp_path) == {name: content(name, n) for name, n in TREE.items()}


def test_what_cannot_be_fetched_is_told_when_the_rest_is_there(tree, store, tmp_path, command):
    store.faults = lambda method, path, before: (
        store.fault(status=500) if path.endswith(".tiff") and method == "GET" else None
    )
    said = command("download", tree, tmp_path).refused()
    assert said.startswith("2 of 5 files could not be fetched; the first: s3://gallery/jump/images")
    assert "the same command goes on" in said
    assert len(files(tmp_path)) == 3


def test_a_disk_without_the_room_is_told_before(tree, store, tmp_path, monkeypatch, command):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    said = command("download", tree, tmp_path / "new" / "deeper").refused()
    assert "42 KiB are to be fetched" in said and "has 1000 bytes free" in said
    assert gets(store) == [] and not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("url", "options", "line"),
    [
        ("s3://gallery/nothing", [], "There is no file or folder s3://gallery/nothing"),
        ("s3://gallery/jump", ["--plate", "BR7"], "no file that fits what was asked for"),
        ("s3://gallery/jump", ["--include", "x*"], "no file that fits what was asked for"),
        ("s3://no-such-bucket/x", [], "There is no bucket s3://no-such-bucket"),
        ("folder", [], "folder is no URL"),
        ("s3://gallery/jump", ["--threads", 0], "--threads must be a whole number, 1 or more"),
    ],
)
def test_what_cannot_be_is_one_line(tree, tmp_path, command, url, options, line):
    assert line in command("download", url, tmp_path, *options).refused()


def test_a_name_that_leads_out_of_the_folder_is_refused(tree, store, tmp_path):
    store.client.put_object(Bucket="gallery", Key="jump/a/../../evil.txt", Body=b"x")
    with pytest.raises(InputError, match="no file can be called"):
        download(tree, tmp_path / "in")


def test_denied_everywhere_stops_early(tree, store, tmp_path, monkeypatch):
    for number in range(40):
        store.client.put_object(Bucket="gallery", Key=f"jump/{number}.txt", Body=b"x")
    store.faults = lambda method, path, before: (
        store.fault(status=403) if path.endswith(".txt") else None
    )
    with pytest.raises(UnreachableError, match="of 45 files could not be fetched; the first"):
        download(tree, tmp_path, threads=1)
    assert len(gets(store)) < 25


@pytest.mark.parametrize(("parts", "length", "last"), [(3, 8, 1), (2, 5, 5 * 2**20), (1, 16, 7)])
def test_parts_as_tools_send_them_are_compared(tmp_path, parts, length, last):
    """Of a file of zeros: parts of so many MiB, and a last one."""
    size = (parts - 1) * length * 2**20 + last
    digests = [hashlib.md5(bytes(length * 2**20)).digest()] * (parts - 1)
    whole = hashlib.md5(b"".join([*digests, hashlib.md5(bytes(last)).digest()])).hexdigest()
    file = tmp_path / "object"
    with file.open("wb") as stream:
        stream.truncate(size)
    assert compared(file, ObjectStat(size, f"{whole}-{parts}")) == "MD5 of parts"
    assert compared(file, ObjectStat(size, f"{'0' * 32}-{parts}")) == "size"


def test_a_store_that_encrypts_or_tells_nothing_is_compared_by_size(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert compared(tmp_path / "a", ObjectStat(3)) == "size"
    assert compared(tmp_path / "a", ObjectStat(3, "0" * 32, md5="0" * 32)) == "size"
    assert compared(tmp_path / "a", ObjectStat(3, md5=hashlib.md5(b"abc").hexdigest())) == "MD5"
