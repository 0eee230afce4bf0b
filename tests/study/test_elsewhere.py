"""A screen at ``s3://`` is read as one in a folder, also where the way to it fails now and then."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from phenolens import study
from phenolens.files import read_json
from phenolens.remote import asking, mirror


@pytest.fixture
def url(store, simulated) -> str:
    """The simulated screen, in a bucket."""
    mirror.look_anew()
    return store.upload(simulated / "screen", "gallery", "cpg0000/")


def unsteady(store):
    """A third of all objects fail when they are first asked for, each in another way."""
    ways = [{"status": 503}, {"cut": 100}, {"short": True}, {"status": 500}, {"flip": True}]

    def fault(method, path, before):
        kind = sum(path.encode())
        wanted = method == "GET" and path.endswith(".tiff") and not before and kind % 3 == 0
        return store.fault(**ways[kind % 5]) if wanted else None

    return fault


def test_a_screen_elsewhere_gives_the_bytes_of_a_folder(
    url, store, simulated, tmp_path, command, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    said = command("init", url, "--name", "screen")
    assert said.code == 0 and "Listing the source" in said.err
    assert "/" not in {path for _, path, _ in store.asked}  # which buckets there are
    text = (tmp_path / "study.toml").read_text()
    assert f'root = "{url}' in text and "cache" not in text
    shutil.copy(simulated / "study.toml", tmp_path / "here.toml")
    here = (tmp_path / "here.toml").read_text()
    (tmp_path / "here.toml").write_text(here.replace('"screen/', f'"{simulated}/screen/'))
    store.faults = unsteady(store)
    sessions = [
        study.open_study(tmp_path / name, out=tmp_path / f"{name}-out", jobs=jobs)
        for name, jobs in (("here.toml", 1), ("study.toml", 2))
    ]
    done = [_prepared(session) for session in sessions]
    assert len(done[0]) == len(done[1]) == 28
    for row in range(28):
        np.testing.assert_array_equal(done[0].raw(row), done[1].raw(row))
    assert done[0].contents == done[1].contents
    files = {path.relative_to(sessions[0].out) for path in sessions[0].out.rglob("*.*")}
    kept = {one for one in files if one.parts[0] != "store" and one.suffix != ".toml"}
    assert len(kept) > 5
    for name in kept - {one for one in kept if one.name in ("timings.json", "ledger.json")}:
        both = [(session.out / name).read_bytes() for session in sessions]
        assert both[0] == both[1], name
    ledgers = [read_json(session.out / "ledger.json") for session in sessions]
    assert len({str({k: v for k, v in one.items() if k != "study"}) for one in ledgers}) == 1
    written = [p for p in sessions[1].out.rglob("*") if p.is_file()]
    assert not [
        path for path in written if str(mirror.cache_folder()).encode() in path.read_bytes()
    ]


def _prepared(session):
    from phenolens.study.step import take

    study.prepare(session)
    return take(session, "prepare")


def test_a_second_run_fetches_nothing_and_an_object_that_changed_is_read_anew(
    url, store, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    study.init(url, "study.toml")
    first = _prepared(study.open_study("study.toml", jobs=1))
    store.asked.clear()
    _prepared(study.open_study("study.toml", jobs=1))
    asked = [path for method, path, span in store.asked if method == "GET" and ".tiff" in path]
    assert asked == []
    _table_is_looked_at_anew(store)
    path = first.images.table["Path_ER"].iloc[3]
    key = path.removeprefix("s3://gallery/")
    other = first.images.table["Path_ER"].iloc[4].removeprefix("s3://gallery/")
    body = store.client.get_object(Bucket="gallery", Key=other)["Body"].read()
    store.client.put_object(Bucket="gallery", Key=key, Body=body)
    store.asked.clear()
    again = _prepared(study.open_study("study.toml", jobs=1))
    np.testing.assert_array_equal(again.raw(3)[1], first.raw(4)[1])
    assert again.contents != first.contents


def _table_is_looked_at_anew(store):
    """A table that a pattern finds, changed after a session that read it."""
    (key, *_) = [key for key in keys(store) if key.endswith("/load_data.csv")]
    text = store.client.get_object(Bucket="gallery", Key=key)["Body"].read()
    store.client.put_object(Bucket="gallery", Key=key, Body=text.rsplit(b"\n", 2)[0] + b"\n")
    session = study.open_study("study.toml", jobs=1)
    study.check(session)
    assert len(session.taken["screen"].images.table) == 27
    store.client.put_object(Bucket="gallery", Key=key, Body=text)


def test_one_plate_is_chosen_and_nothing_else_is_looked_into(url, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plates = sorted(
        {
            key.split("/load_data.csv")[0].rpartition("/")[2]
            for key in keys(store)
            if "load_data.csv" in key
        }
    )
    assert len(plates) == 2
    lines = study.init(url, "study.toml", only=[f"{plates[0]}*"])
    text = (tmp_path / "study.toml").read_text()
    assert f"{plates[0]}/load_data.csv" in text and plates[1] not in "".join(lines[:3])
    session = study.open_study("study.toml", jobs=1)
    study.check(session)
    assert session.taken["screen"].images.table["Metadata_Plate"].nunique() == 1


def keys(store) -> list[str]:
    listed = store.client.list_objects_v2(Bucket="gallery")
    return [one["Key"] for one in listed["Contents"]]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("s3://nowhere/screen", "There is no bucket s3://nowhere. Is its name spelled right?"),
        ("s3://gallery/cpg0001", "There is no file or folder s3://gallery/cpg0001."),
        ("ftp://host/screen", "ftp:// is no place that can be read; give a local path or one of"),
    ],
)
def test_what_is_not_there_is_one_line(source, said, url, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert said in command("init", source).refused()


def test_the_cache_is_bounded_as_said(url, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(mirror.BOUND, "1GB")  # and put back behind the test
    said = command("init", url, "--cache-size", "100B").refused()
    assert "and the cache may hold 100: set --cache-size" in said
    assert "is a size, such as 50GB; got 'x'" in command("init", url, "--cache-size", "x").refused()


def test_what_is_denied_is_one_line(url, store, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store.faults = lambda method, path, before: store.fault(status=403)
    assert "could not be listed: access is denied" in command("init", url).refused()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    asking.forget()
    said = command("init", url).refused()
    asking.forget()
    assert "No credentials were found, so it was asked anonymously; set AWS_PROFILE" in said
