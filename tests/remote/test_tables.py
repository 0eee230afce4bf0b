"""Profiles read from URLs and answers written to them: as with files of this machine."""

from __future__ import annotations

import json

import pandas as pd
import pytest

import phenolens as pl
from phenolens.errors import InputError


@pytest.fixture
def screen(store, tmp_path) -> str:
    """Profiles at a URL, the same as in ``screen.parquet`` here."""
    found, _ = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    (tmp_path / "here").mkdir()
    found.reset_index().to_parquet(tmp_path / "here" / "screen.parquet")
    return store.upload(tmp_path / "here", "lab", "profiles/")


def body(store, name: str) -> bytes:
    return store.client.get_object(Bucket="lab", Key=name)["Body"].read()


@pytest.mark.parametrize("name", ["hits.parquet", "hits.xlsx"])
def test_an_answer_at_a_url_has_the_bytes_of_one_in_a_file(screen, store, tmp_path, command, name):
    quick = ("--permutations", 100)
    read = tmp_path / "here/screen.parquet"
    there = f"{screen}/screen.parquet"
    said = command("activity", there, "-o", f"s3://lab/answers/{name}", *quick)
    assert said.code == 0, said.err
    assert said.out.splitlines()[-1] == f"Wrote s3://lab/answers/{name}"
    here = tmp_path / name
    assert command("activity", read, "-o", here, *quick).code == 0
    assert body(store, f"answers/{name}") == here.read_bytes()


def test_in_python_paths_are_urls(screen, store):
    found = pl.activity(f"{screen}/*.parquet", permutations=100)
    assert found.write("s3://lab/hits.csv") == "s3://lab/hits.csv"
    assert body(store, "hits.csv").startswith(b"representation,")
    with pytest.raises(InputError, match=r"^s3://lab/hits.docx does not say which form"):
        found.write("s3://lab/hits.docx")


def test_findings_at_a_url(screen, store, command):
    assert command("audit", f"{screen}/screen.parquet", "-o", "s3://lab/audit.json").code == 0
    assert {"code", "severity"} <= set(json.loads(body(store, "audit.json"))[0])


def test_a_table_that_is_read_is_not_overwritten(screen, store, command):
    url, before = f"{screen}/screen.parquet", body(store, "profiles/screen.parquet")
    assert "is a table that is read" in command("activity", url, "-o", url).refused()
    assert body(store, "profiles/screen.parquet") == before


@pytest.mark.parametrize(
    "line",
    ["simulate s3://lab/screen", "demo --out s3://lab/demo", "design 20 -o s3://lab/maps",
     "init screen.parquet -o s3://lab/study.toml", "explore out --export s3://lab/site",
     "download s3://lab/x s3://lab/y"],
)  # fmt: skip
def test_what_is_written_here_says_so(store, command, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "must be a place of this machine; got 's3://lab/" in command(*line.split()).refused()
    assert list(tmp_path.glob("s3*")) == []


@pytest.mark.parametrize("call", [pl.simulate, pl.demo, lambda url: pl.init("x.csv", url)])
def test_python_writes_bit_by_bit_here_only(store, tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="s3://lab/x is a URL; name a place of this machine"):
        call("s3://lab/x")
    assert list(tmp_path.glob("s3*")) == []


def test_a_bucket_that_is_not_there_is_one_line(store, command, tmp_path):
    screen, _ = pl.simulate_profiles(treatments=4, controls=16, seed=2)
    pd.DataFrame(screen.reset_index()).to_csv(tmp_path / "screen.csv", index=False)
    quick = ("--permutations", 100)
    said = command("activity", tmp_path / "screen.csv", "-o", "s3://none/hits.csv", *quick)
    assert "There is no bucket s3://none" in said.refused()
    assert "activity" in said.out or "active" in said.out  # told even if it cannot be written
