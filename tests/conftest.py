"""Fixtures shared by all tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace

import hypothesis
import numpy as np
import pytest

from phenolens.readers import vendor

# How long an example takes says how busy the machine is. The same examples every time, so that a
# failure belongs to the change that made it; `make explore` looks for new ones.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True)
hypothesis.settings.register_profile("explore", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


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


class BioImage:
    """The part of bioio's face that is used: scenes of T, C, Z, Y, X, read lazily."""

    pixels = np.random.default_rng(0).integers(0, 4096, (2, 1, 3, 4, 8, 9)).astype(np.uint16)
    scenes = ("A01", "A02")
    dims = SimpleNamespace(order="TCZYX")
    dtype = np.dtype(np.uint16)
    channel_names = ("DNA", "ER", "AGP")
    physical_pixel_sizes = SimpleNamespace(Z=1.0, Y=0.3, X=0.3)

    def __init__(self, path):
        if path.stat().st_size < 2:
            raise RuntimeError("no such image")
        self.scene = 0

    def set_scene(self, number):
        self.scene = number

    @property
    def shape(self):
        return self.pixels[self.scene].shape

    def get_image_dask_data(self, order, **fixed):
        assert order.startswith("YX") or not fixed
        picked = self.pixels[self.scene]
        for axis in "ZCT":
            if axis in fixed:
                picked = picked.take(fixed[axis], axis="TCZYX".index(axis))
        return SimpleNamespace(compute=lambda scheduler: picked)


@pytest.fixture
def bioio(monkeypatch):
    """A bioio with readers of .czi and .nd2, and none of .lif."""
    for name in ("bioio", "bioio_czi", "bioio_nd2"):
        module = ModuleType(name)
        module.__spec__ = ModuleSpec(name, None)
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules["bioio"].BioImage = BioImage
    vendor._opened.cache_clear()
    yield BioImage
    vendor._opened.cache_clear()
