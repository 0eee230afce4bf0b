"""One object of a store: retries, checks, and what cannot be read in one line."""

from __future__ import annotations

import hashlib
import sys

import numpy as np
import pytest

from phenolens.errors import InputError, PhenolensError, UnreachableError
from phenolens.remote import (
    ObjectStat,
    about,
    asking,
    fetch,
    fetching,
    filesystem,
    is_url,
    read_range,
)
from phenolens.remote.fetching import ChangedError

BYTES = np.random.default_rng(4).bytes(50_000)


@pytest.fixture
def url(store) -> str:
    store.client.create_bucket(Bucket="screen")
    store.client.put_object(Bucket="screen", Key="plate 1/a.tif", Body=BYTES)
    return "s3://screen/plate 1/a.tif"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("s3://b/k", True),
        ("gs://b", True),
        ("https://host/x.csv", True),
        ("s3:/b/k", True),  # what a Path makes of it
        ("ftp://host/x", True),  # refused where it is read, by its name
        ("file:///home/x.csv", False),
        ("C:/screen/x.csv", False),
        ("plate:1/x.csv", False),
        ("images/x.csv", False),
        ("", False),
        (None, False),
    ],
)
def test_what_is_a_url(text, is_one):
    assert is_url(text) is is_one


def test_an_object_is_fetched_and_compared(url, store, tmp_path):
    told = about(url)
    assert told.size == len(BYTES) and told.md5 == hashlib.md5(BYTES).hexdigest()
    assert told.modified > 1_000_000_000
    assert fetch(url, tmp_path / "a", known=told) == told.stamp
    assert (tmp_path / "a").read_bytes() == BYTES
    assert read_range(url, 10, 20) == BYTES[10:30]
    assert read_range(url, len(BYTES) - 5, 20) == BYTES[-5:]


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 503}, {"status": 429}, {"cut": 0}, {"cut": 30_000},
     {"short": True}, {"flip": True}],
    ids=str,
)  # fmt: skip
def test_what_goes_wrong_on_the_way_is_asked_again(fault, url, store, tmp_path):
    known = about(url)
    # wrong bytes twice would be what the store holds
    times = 1 if "flip" in fault else 3
    store.faults = lambda method, path, before: (
        store.fault(**fault) if method == "GET" and before < times else None
    )
    fetch(url, tmp_path / "a", known=known)
    assert (tmp_path / "a").read_bytes() == BYTES
    assert sum(method == "GET" for method, *_ in store.asked) == times + 1


def test_a_silent_connection_counts_as_cut(url, store, tmp_path, monkeypatch):
    monkeypatch.setattr(asking, "SILENT", 0.2)
    asking.forget()
    store.faults = lambda method, path, before: (
        store.fault(seconds=1.0) if method == "GET" and not before else None
    )
    fetch(url, tmp_path / "a")
    asking.forget()
    assert (tmp_path / "a").read_bytes() == BYTES


def test_a_long_object_comes_in_parts_and_goes_on_where_it_stopped(
    url, store, tmp_path, monkeypatch
):
    monkeypatch.setattr(fetching, "PART", 20_000)
    once = asking.tries.set(1)
    known = about(url)
    store.faults = lambda method, path, before: (
        store.fault(cut=5) if method == "GET" and before == 2 else None
    )
    with pytest.raises(UnreachableError, match="could not be read in 1 tries"):
        fetch(url, tmp_path / "a", known=known, resume=True)
    asking.tries.reset(once)
    assert (tmp_path / "a").stat().st_size == 40_000
    fetch(url, tmp_path / "a", known=known, resume=True)
    assert (tmp_path / "a").read_bytes() == BYTES
    spans = [span for method, _, span in store.asked if method == "GET"]
    assert spans == ["bytes=0-19999", "bytes=20000-39999", *["bytes=40000-49999"] * 2]


def test_parts_of_another_object_do_not_stay(url, tmp_path, monkeypatch):
    monkeypatch.setattr(fetching, "PART", 20_000)
    (tmp_path / "a").write_bytes(b"x" * 40_000)
    fetch(url, tmp_path / "a", resume=True)
    assert (tmp_path / "a").read_bytes() == BYTES


def test_an_object_that_changed_is_not_what_was_looked_at(url, store, tmp_path):
    known = about(url)
    store.client.put_object(Bucket="screen", Key="plate 1/a.tif", Body=BYTES[::-1])
    assert about(url).stamp != known.stamp
    with pytest.raises(ChangedError, match=r"was changed while the study read it\. Run again"):
        fetch(url, tmp_path / "a", known=known)


def test_what_stays_wrong_is_one_line(url, store, tmp_path):
    store.faults = lambda method, path, before: store.fault(status=503)
    with pytest.raises(
        UnreachableError, match=r"^s3://screen/plate 1/a.tif could not be read in 6"
    ):
        fetch(url, tmp_path / "a")


@pytest.mark.parametrize(
    ("asked", "fault", "line"),
    [
        ("s3://nowhere/a", {}, "There is no bucket s3://nowhere. Is its name spelled right?"),
        ("s3://screen/plate 1/b.tif", {}, "There is no file or folder s3://screen/plate 1/b.tif."),
        ("s3://screen/plate 1/a.tif", {"status": 403}, "access is denied.*AWS_PROFILE"),
        ("ftp://host/a", {}, "ftp:// is no place that can be read; give a local path or one of"),
    ],
)
def test_what_is_refused_is_one_line(asked, fault, line, url, store, tmp_path):
    if fault:
        store.faults = lambda method, path, before: store.fault(**fault)
    with pytest.raises(PhenolensError, match=line) as told:
        fetch(asked, tmp_path / "a", known=ObjectStat(5))
    assert "\n" not in str(told.value)


def test_without_credentials_what_is_public_is_read_and_what_is_not_says_so(
    url, store, tmp_path, monkeypatch
):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    asking.forget()
    with pytest.raises(
        UnreachableError, match="No credentials were found, so it was asked anonymously"
    ):
        about(url)
    public = {"Bucket": "screen", "Key": "plate 1/a.tif", "ACL": "public-read"}
    store.client.put_object_acl(**public)
    fetch(url, tmp_path / "a")
    asking.forget()
    assert (tmp_path / "a").read_bytes() == BYTES


def test_what_reads_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(InputError, match=r"Install it: pip install 'phenolens\[gcs\]'"):
        filesystem("gs://bucket/a")
