"""Fixtures shared by all tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import hypothesis
import pytest

# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")


@dataclass(frozen=True)
class Answer:
    """What the command left: exit code, what it printed, what it said on standard error."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """The one line of a refusal; fails on anything else."""
        lines = [line for line in self.err.splitlines() if line.startswith("phenolens: ")]
        assert self.code == 2, (self.code, self.err)
        assert "Traceback" not in self.err
        assert self.err.rstrip().splitlines()[-1:] == lines, self.err
        return lines[0].removeprefix("phenolens: ")


@pytest.fixture
def command(monkeypatch, capsys) -> Callable[..., Answer]:
    """``command("run", "study.toml")`` in this process, with its exit code and output.

    Warnings stay errors, as everywhere in the tests: the command hides those of other libraries
    unless Python was started with ``-W``.
    """
    from phenolens.cli import main

    monkeypatch.setattr("sys.warnoptions", ["error"])

    def call(*arguments: object) -> Answer:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["phenolens", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return Answer(left.value.code or 0, said.out, said.err)

    return call


REAL_DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Path of a folder of real data, or a skip that says what is missing."""

    def find(name: str) -> Path:
        folder = REAL_DATA / name
        if not folder.is_dir():
            pytest.skip(f"real data folder '{name}' is not on this machine")
        return folder

    return find
