"""A wrong line is answered by one line on standard error and exit code 2, with what was meant."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("activty x.csv", "There is no verb 'activty'; did you mean 'activity'?"),
        ("nothing-like-it", "There is no verb 'nothing-like-it'. See 'phenolens --help'."),
        ("--versoin", "There is no option '--versoin'; did you mean '--version'?"),
        ("activity x.csv --sameby A", "'--sameby'; did you mean '--same-by'?"),
        ("activity x.csv --qqq A", "There is no option '--qqq'. See 'phenolens activity --help'."),
        ("batch x.csv --colum A", "There is no option '--colum'."),
        ("activity x.csv --null copair", "--null has no 'copair'; did you mean 'copairs'?"),
        ("activity x.csv --null zzz", "it takes label-permutation, copairs, copairs-wells or none"),
        ("activity x.csv --position-safe maybe", "--position-safe has no 'maybe'"),
        ("activity x.csv --position-safe=nope", "--position-safe has no 'nope'"),
        ("activity x.csv --null", "'--null' requires an argument"),
        ("activity", "TABLES is missing. See 'phenolens activity --help'."),
        ("run", "STUDY is missing."),
        ("run a.toml b.toml", "unexpected extra argument"),
        ("activity x.csv --permutations 0", "must be a whole number, 1 or more; got '0'"),
        ("activity x.csv --permutations many", "must be a whole number, 1 or more; got 'many'"),
        ("activity x.csv --seed -1", "must be a whole number, 0 to 4294967295; got '-1'"),
        ("activity x.csv --alpha 1", "must be a number between 0 and 1; got '1'"),
        ("classify x.csv --max-folds 1", "must be a whole number, 2 or more"),
        ("simulate x --layout fixd", "--layout has no 'fixd'; did you mean 'fixed'?"),
        ("completion tcsh", "SHELL has no 'tcsh'; it takes bash, zsh or fish."),
        ("audit", "STUDY or --tables"),
        ("activity no-such-table.csv", "no-such-table.csv"),
        ("run no-such-study.toml", "phenolens init"),
    ],
)
def test_what_is_wrong_and_what_was_meant(command, typed, said):
    answer = command(*typed.split())
    assert said in answer.refused()
    assert len(answer.err.splitlines()) == 1
    assert answer.out == ""


def test_ctrl_c_is_one_line(command, asked):
    def stop() -> None:
        raise KeyboardInterrupt

    asked("activity").instead = stop
    answer = command("activity", "x.csv")
    assert (answer.code, answer.err) == (130, "phenolens: stopped.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes end otherwise there")
def test_a_reader_that_has_seen_enough_is_no_error():
    seen, written = os.pipe()
    os.close(seen)
    told = subprocess.run(
        [sys.executable, "-m", "phenolens", "--help"], stdout=written, stderr=subprocess.PIPE
    )
    os.close(written)
    assert (told.returncode, told.stderr) == (141, b"")


def test_a_folder_that_cannot_be_used_is_named(command, asked):
    def refuse() -> None:
        raise OSError(13, "Permission denied", "/locked/x.parquet")

    asked("activity").instead = refuse
    assert "/locked/x.parquet: Permission denied" in command("activity", "x.csv").refused()
