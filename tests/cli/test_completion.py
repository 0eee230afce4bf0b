"""Tab: what the shell asks the command by environment, and the script it is given."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest


def completed(*words: str) -> list[str]:
    """What bash would be offered for the last word."""
    told = subprocess.run(
        [sys.executable, "-m", "phenolens"],
        env=os.environ
        | {
            "_PHENOLENS_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(["phenolens", *words]),
            "COMP_CWORD": str(len(words)),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.partition(",")[2] for line in told.stdout.splitlines()]


def test_verbs_are_completed():
    assert completed("co") == ["compare", "convert-weights", "completion"]
    assert {"activity", "run", "audit", "demo"} <= set(completed(""))


def test_options_are_completed_without_the_hidden_ones():
    assert completed("activity", "x.csv", "--pos") == ["--position-safe"]
    options = completed("batch", "--")
    assert {"--by", "--output", "--no-normalized"} <= set(options)
    assert "--column" not in options


def test_choices_are_completed():
    assert completed("activity", "--null", "cop") == ["copairs", "copairs-wells"]
    assert completed("activity", "--position-safe", "") == ["auto", "yes", "no"]
    assert completed("completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script(command, shell):
    answer = command("completion", shell)
    assert answer.code == 0
    assert f"_PHENOLENS_COMPLETE={shell}_complete" in answer.out


def test_the_shell_in_use_is_the_default(command, monkeypatch):
    monkeypatch.setenv("SHELL", "/usr/bin/zsh")
    assert command("completion") == command("completion", "zsh")
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert "bash, zsh or fish" in command("completion").refused()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")
def test_bash_takes_the_script(command, tmp_path):
    program = tmp_path / "phenolens"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m phenolens "$@"\n')
    program.chmod(0o755)
    (tmp_path / "script").write_text(command("completion", "bash").out)
    told = subprocess.run(
        ["bash", "--norc", "-c",
         f'source "{tmp_path}/script"; COMP_WORDS=(phenolens act); COMP_CWORD=1; '
         f'_phenolens_completion "{program}"; echo "${{COMPREPLY[@]}}"'],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert (told.stdout.strip(), told.stderr) == ("activity", "")
