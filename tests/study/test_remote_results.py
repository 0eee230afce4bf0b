"""Results at a URL: same bytes as in a folder, from any machine, by one writer, nothing harmed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import phenolens as pl
from phenolens.errors import InputError
from phenolens.remote import asking
from phenolens.remote.folder import RemoteFolder
from phenolens.store import Store, write_table
from phenolens.study import remote_lock, remote_results
from phenolens.study.remote_results import RemoteResults, is_results_url, results_here

URL = "s3://lab/screens/out"
QUICK = """
[evaluate]
permutations = 100
bootstrap = 10
"""


@pytest.fixture(scope="module")
def profiles(tmp_path_factory) -> Path:
    """A study file over profiles."""
    folder = tmp_path_factory.mktemp("profiles")
    screen, _ = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    screen.reset_index().to_parquet(folder / "screen.parquet")
    pl.init(folder / "screen.parquet", folder / "study.toml")
    file = folder / "study.toml"
    file.write_text(file.read_text() + QUICK)
    return folder


@pytest.fixture
def lab(store, monkeypatch):
    """A bucket for results; locks that beat and go stale within a test."""
    store.client.create_bucket(Bucket="lab")
    monkeypatch.setattr(remote_lock, "BEAT", 0.05)
    monkeypatch.setattr(remote_lock, "STALE", 0.5)
    monkeypatch.setattr(remote_results, "EVERY", 0.05)
    return store


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Go to another machine: one with another cache."""

    def go(name: str) -> None:
        monkeypatch.setenv("PHENOLENS_CACHE", str(tmp_path / name))

    return go


def objects(store, prefix: str = "screens/out/") -> dict[str, bytes]:
    listed = store.client.list_objects_v2(Bucket="lab", Prefix=prefix).get("Contents", [])
    read = store.client.get_object
    return {
        one["Key"].removeprefix(prefix): read(Bucket="lab", Key=one["Key"])["Body"].read()
        for one in listed
    }


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def fill(folder: Path, texts: dict[str, str]) -> None:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def sent(store) -> list[str]:
    """Paths below the folder that were asked to be written, the lock not counted."""
    names = [path.partition("/out/")[2] for method, path, _ in store.asked if method == "PUT"]
    return [name for name in names if not name.startswith(".lock")]


def sending(*texts: dict[str, str]) -> RemoteResults:
    """What a run does that leaves these files, one step after another."""
    found = RemoteResults(URL)
    with found.held():
        for some in texts:
            fill(found.folder, some)
            found.send()
    return found


def test_a_run_leaves_at_the_url_what_it_leaves_in_a_folder(
    profiles, lab, elsewhere, tmp_path, command, monkeypatch
):
    monkeypatch.setattr(
        "phenolens.report.build", lambda out, title: fill(out, {"report.html": title})
    )
    file, quick = profiles / "study.toml", ("--jobs", 1)
    said = command("run", file, "--out", URL, *quick)
    assert said.code == 0 and f"Results: {URL}" in said.out, said
    assert command("run", file, "--out", tmp_path / "out", *quick).code == 0
    there, here = objects(lab), files(tmp_path / "out")
    assert set(there) == set(here)
    assert [name for name in here if here[name] != there[name]] == ["timings.json"]

    elsewhere("another")
    lab.asked.clear()
    assert "Nothing changed" in command("run", file, "--out", URL, *quick).err
    assert set(sent(lab)) <= {"timings.json"}
    assert command("verify", URL).out == "Everything is as the run left it.\n"
    found = command("audit", URL)
    assert found.code == 0 and found.out == command("audit", tmp_path / "out").out


def test_an_entry_of_the_store_is_brought_once_before_it_is_looked_for(tmp_path):
    brought: list[str] = []

    def bring(entry: str) -> None:
        brought.append(entry)
        write_table(pd.DataFrame({"x": [1]}), tmp_path / f"{entry}.parquet")

    store = Store(tmp_path, bring=bring)
    tables = [store.frame("map", 3, make=lambda: pd.DataFrame({"x": [2]})) for _ in range(2)]
    assert [table["x"].tolist() for table in tables] == [[1], [1]]
    assert brought == [store.folder("map", 3).name]


def test_what_is_removed_here_is_removed_there_and_the_same_is_not_sent(lab):
    made = sending(
        {"hits.csv": "a", "figures/a.svg": "b", ".partial-x": "c", "store/.partial-y/z": "d"}
    )
    assert set(objects(lab)) == {"layout.json", "hits.csv", "figures/a.svg"}
    lab.asked.clear()
    with made.held():
        fill(made.folder, {"hits.csv": "a"})
        (made.folder / "figures/a.svg").unlink()
    assert sent(lab) == []
    assert set(objects(lab)) == {"layout.json", "hits.csv"}


def test_notes_go_up_after_what_they_speak_of(lab):
    names = ["store/images-1/P1.zarr/A/1/0/.complete.json", "store/images-1/P1.zarr/A/1/0/c/0",
             "store/images-1/P1.zarr/A/1/0/zarr.json", "store/x.parquet.sha256", "store/x.parquet",
             "store/finished.json"]  # fmt: skip
    sending(dict.fromkeys(names, "x"))
    order = [sent(lab).index(name) for name in names]
    assert order[0] > max(order[1], order[2]) and order[3] > order[4] and order[5] == max(order)


@pytest.mark.parametrize("status", [500, 503])
def test_an_upload_that_fails_is_tried_again(lab, status):
    lab.faults = lambda method, path, before: (
        lab.fault(status=status)
        if method == "PUT" and path.endswith("hits.csv") and before < 3
        else None
    )
    sending({"hits.csv": "a"})
    assert objects(lab)["hits.csv"] == b"a"
    assert sent(lab).count("hits.csv") == 4


def test_what_cannot_be_sent_is_kept_and_sent_by_the_next_run(profiles, lab, command):
    lab.faults = lambda method, path, before: (
        lab.fault(status=500) if method == "PUT" and path.endswith("/splits.parquet") else None
    )
    said = command("splits", profiles / "study.toml", "--out", URL).refused()
    kept = RemoteResults(URL).folder
    assert "could not be written in 6 tries" in said and str(kept) in said and URL in said
    assert (kept / "splits.parquet").is_file()
    assert {"splits.parquet", ".lock"} & set(objects(lab)) == set()
    lab.faults = lambda method, path, before: None
    assert command("splits", profiles / "study.toml", "--out", URL).code == 0
    assert objects(lab)["splits.parquet"] == (kept / "splits.parquet").read_bytes()


KILLED = """
import sys, time
from phenolens.study import remote_results
from phenolens.study.remote_results import RemoteResults
remote_results.EVERY = 0.05
found = RemoteResults(sys.argv[1])
with found.held():
    for number in range(100_000):
        entry = found.folder / f"store/cells-{number}"
        entry.mkdir(parents=True)
        (entry / "cells.npz").write_text(f"cells of {number}")
        (entry / "card.json").write_text(f"whole {number}")
        time.sleep(0.02)
"""


def test_a_run_that_is_killed_goes_on_from_what_was_sent(lab, elsewhere):
    run = subprocess.Popen([sys.executable, "-c", KILLED, URL])
    while sum(name.endswith("card.json") for name in objects(lab)) < 3:
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    left = objects(lab)
    assert ".lock" in left
    whole = [name.split("/")[1] for name in left if name.endswith("card.json")]
    elsewhere("another")
    found = RemoteResults(URL)
    with found.held():  # after it was watched for a while
        for entry in whole:
            found.bring(entry)
            number = entry.removeprefix("cells-")
            assert files(found.folder / "store" / entry) == {
                "cells.npz": f"cells of {number}".encode(), "card.json": f"whole {number}".encode(),
            }  # fmt: skip
    assert ".lock" not in objects(lab)


def test_a_lock_left_by_a_killed_run_of_this_machine_is_known_at_once(lab, monkeypatch):
    monkeypatch.setattr(remote_lock, "STALE", 1e6)
    left = RemoteResults(URL)
    with left.held():
        lock, memory = objects(lab)[".lock"], left._memory.read_bytes()
    lab.client.put_object(Bucket="lab", Key="screens/out/.lock", Body=lock)
    left._memory.write_bytes(memory)
    sending({"hits.csv": "a"})
    assert set(objects(lab)) == {"layout.json", "hits.csv"}


def test_a_second_writer_is_refused_with_the_first_ones_name(lab, elsewhere):
    with RemoteResults(URL).held():
        elsewhere("another")
        with pytest.raises(
            InputError, match=rf"{URL} is being written by process {os.getpid()} on"
        ):
            sending({"hits.csv": "a"})
    assert set(objects(lab)) == {"layout.json"}


def test_who_lost_the_lock_writes_no_more(lab, monkeypatch):
    monkeypatch.setattr(remote_lock, "BEAT", 60.0)  # it stands still, and another takes the lock
    lost = RemoteResults(URL)
    with pytest.raises(InputError, match="no longer held by this run"), lost.held():
        other = json.dumps({"token": "other", "host": "elsewhere", "pid": 7}).encode()
        lab.client.put_object(Bucket="lab", Key="screens/out/.lock", Body=other)
        fill(lost.folder, {"hits.csv": "a"})
    assert set(objects(lab)) == {"layout.json", ".lock"}  # which is the other's


def test_a_store_that_keeps_no_condition_is_named_and_the_last_writer_holds(
    lab, elsewhere, monkeypatch
):
    write, said = RemoteFolder.write, []
    monkeypatch.setattr(remote_lock, "SETTLES", 0.01)
    monkeypatch.setattr(
        RemoteFolder, "write", lambda self, name, content, *, new=False: write(self, name, content)
    )
    with RemoteResults(URL, said.append).held():
        assert "does not keep If-None-Match" in " ".join(said)
        elsewhere("another")
        with pytest.raises(InputError, match="is being written by"):
            sending({})


def test_files_of_others_are_not_touched(lab, profiles, command):
    mine = {"screens/out/notes.txt": b"mine", "screens/output.txt": b"beside"}
    for key, body in mine.items():
        lab.client.put_object(Bucket="lab", Key=key, Body=body)
    said = command("splits", profiles / "study.toml", "--out", URL).refused()
    assert "notes.txt" in said and "no folder of a study's results" in said
    assert objects(lab, "") == mine


def test_a_name_that_leads_out_of_the_folder_is_refused(lab, tmp_path, command):
    sending({"hits.csv": "a"})
    lab.client.put_object(Bucket="lab", Key="screens/out/../../../../evil.txt", Body=b"x")
    assert "which no file can be called here" in command("explore", URL).refused()
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_file_that_appears_meanwhile_is_not_overwritten(lab):
    with (
        pytest.raises(InputError, match="appeared while this run worked"),
        RemoteResults(URL).held(),
    ):
        lab.client.put_object(Bucket="lab", Key="screens/out/hits.csv", Body=b"mine")
        fill(RemoteResults(URL).folder, {"hits.csv": "a"})
    assert objects(lab)["hits.csv"] == b"mine"


def test_results_of_another_version_are_refused(lab, profiles, command):
    lab.client.put_object(Bucket="lab", Key="screens/out/layout.json", Body=b'{"layout": 1}')
    said = command("splits", profiles / "study.toml", "--out", URL).refused()
    assert "another version of phenolens (layout 1" in said
    assert objects(lab) == {"layout.json": b'{"layout": 1}'}


def test_results_changed_elsewhere_count_and_stale_ones_here_do_not(lab, elsewhere):
    sending({"hits.csv": "old", "gone.csv": "old"})
    elsewhere("another")
    with RemoteResults(URL).held():
        fill(RemoteResults(URL).folder, {"hits.csv": "new"})
        (RemoteResults(URL).folder / "gone.csv").unlink()
    elsewhere("cache")
    assert (RemoteResults(URL).folder / "gone.csv").is_file()
    folder = results_here(URL)
    assert {name: body for name, body in files(folder).items() if name != "layout.json"} == {
        "hits.csv": b"new"
    }


@pytest.mark.parametrize(
    ("keys", "url", "line"),
    [
        ({}, "s3://no-such-bucket/out", "There is no bucket s3://no-such-bucket"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, URL, "No credentials were found"),
    ],
    ids=["bucket", "credentials"],
)
def test_what_cannot_be_written_to_is_one_line(
    profiles, lab, command, monkeypatch, keys, url, line
):
    for name in keys:
        monkeypatch.delenv(name)
    monkeypatch.setattr(asking, "_systems", {})
    if keys:  # the server lets anyone in
        lab.faults = lambda method, path, before: lab.fault(status=403)
    assert line in command("splits", profiles / "study.toml", "--out", url).refused()


def test_a_store_at_a_url_is_not_cleaned_here(lab, command):
    assert "s3://lab/screens/out/store is cleaned with its own" in command("clean", URL).refused()


def test_reading_what_is_not_there_is_one_line(lab, command):
    for verb in ("verify", "audit", "explore"):
        assert (
            "There are no results at s3://lab/nothing"
            in command(verb, "s3://lab/nothing").refused()
        )


@pytest.mark.parametrize(
    ("data", "is_one"),
    [("s3://b/out", True), ("s3://b/v1.2", True), ("s3://b/x.parquet", False), ("out", False),
     ("s3://b/x.CSV.gz", False), ("s3://b/study.toml", False), (3, False)],
)  # fmt: skip
def test_what_is_the_url_of_results(data, is_one):
    assert is_results_url(data) is is_one
