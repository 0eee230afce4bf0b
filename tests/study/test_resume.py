"""A killed run resumes to the same bytes, and two runs of one study agree in every table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from phenolens import study
from phenolens.files import file_digest

TABLES = (".parquet", ".h5ad", ".csv", ".json", ".npz", ".toml")


def digests(out: Path) -> dict[str, str]:
    """Every result by its name; intermediate results and times are no results."""
    files = [p for p in sorted(out.rglob("*")) if p.suffix in TABLES and p.name != "timings.json"]
    own = out / "store"
    return {p.relative_to(out).as_posix(): file_digest(p) for p in files if own not in p.parents}


@pytest.fixture(scope="module")
def finished(simulated, tmp_path_factory) -> Path:
    """Folder of a run without interruption."""
    out = tmp_path_factory.mktemp("whole") / "out"
    study.run(study.open_study(simulated / "study.toml", out=out, jobs=1))
    return out


@pytest.fixture(scope="module")
def whole(finished) -> dict[str, str]:
    """What it left."""
    return digests(finished)


def killed_run(toml: Path, out: Path) -> int:
    """Start a run, kill it as soon as some fields are measured; returns how many were."""
    arguments = ["run", str(toml), "--out", str(out), "--jobs", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "phenolens", *arguments],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        if len(list(out.glob("store/cells-*/*/*.npz"))) >= 3:
            break
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    return len(list(out.glob("store/cells-*/*/*.npz")))


def test_a_killed_run_resumes_to_the_same_bytes(simulated, whole, tmp_path):
    out = tmp_path / "out"
    done = killed_run(simulated / "study.toml", out)
    assert 3 <= done < 28
    assert not (out / "results.parquet").exists()
    study.run(study.open_study(simulated / "study.toml", out=out, jobs=1))
    assert digests(out) == whole
    assert not list(out.rglob(".partial-*"))


def test_another_run_in_another_folder_gives_the_same_bytes(simulated, whole, tmp_path):
    study.run(study.open_study(simulated / "study.toml", out=tmp_path / "out", jobs=2))
    assert digests(tmp_path / "out") == whole


def test_a_finished_study_is_left_as_it_is(simulated, finished, command):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*.parquet")}
    again = command("run", simulated / "study.toml", "--out", finished, "--jobs", 1)
    assert again.code == 0
    assert "Nothing changed" in again.err
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*.parquet")} == before
