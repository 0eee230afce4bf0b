"""What memory is left is the least of what machine, control groups and ulimit leave."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from phenolens import memory

MIB = 2**20


def group(path: Path, **files: object) -> None:
    path.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (path / name.replace("__", ".")).write_text(f"{content}\n")


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Path:
    """A machine with 1000 MiB left, without groups and limits."""
    proc, groups = tmp_path / "proc", tmp_path / "cgroup"
    monkeypatch.setattr(memory, "_PROC", proc)
    monkeypatch.setattr(memory, "_CGROUPS", groups)
    unlimited = memory.resource.RLIM_INFINITY
    monkeypatch.setattr(memory.resource, "getrlimit", lambda _: (unlimited, unlimited))
    group(proc, meminfo=f"MemTotal: 2048000 kB\nMemAvailable: {1000 * 1024} kB")
    group(proc / "self", cgroup="0::/job/step", status="VmRSS: 10 kB\nVmHWM: 30 kB")
    return tmp_path


def test_a_machine_without_limits_has_what_it_says(machine):
    assert memory.available() == memory.available(8) == 1000 * MIB
    assert (memory.held(), memory.peak()) == (10 * 1024, 30 * 1024)


def test_the_narrowest_group_above_a_job_counts_without_files_nobody_uses(machine):
    groups = machine / "cgroup"
    group(groups / "job" / "step", memory__max="max", memory__current=5 * MIB)
    group(
        groups / "job", memory__max=300 * MIB, memory__current=200 * MIB,
        memory__stat=f"anon 7\ninactive_file {50 * MIB}",
    )  # fmt: skip
    assert memory.available() == 150 * MIB
    group(groups / "job", memory__current=900 * MIB)
    assert memory.available() == 0


def test_a_container_sees_its_own_group_at_the_root(machine):
    group(machine / "cgroup", memory__max=64 * MIB, memory__current=0)
    assert memory.available() == 64 * MIB


@pytest.mark.parametrize("place", ["memory/docker/x", "memory"])
def test_groups_of_the_first_version_count_too(machine, place):
    group(machine / "proc" / "self", cgroup="5:cpu:/docker/x\n4:memory:/docker/x\n0::/")
    group(
        machine / "cgroup" / place, memory__limit_in_bytes=100 * MIB,
        memory__usage_in_bytes=80 * MIB, memory__stat=f"total_inactive_file {30 * MIB}",
    )  # fmt: skip
    assert memory.available() == 50 * MIB


def test_ulimit_holds_for_each_process():
    code = (
        "import resource; from phenolens import memory; "
        "resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30)); "
        "print(memory.available(), memory.available(2))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
    one, two = map(int, told.split())
    assert 0 < one < 2**30 and two in (2 * one, min(two, 2**31))


def test_the_peak_of_a_piece_of_work_is_seen():
    """In a process of its own: what another test freed would be taken again unseen."""
    code = (
        "from phenolens import memory; memory.forget_peak(); before = memory.peak(); "
        "work = bytearray(b'x') * (64 << 20); del work; print(memory.peak() - before)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(run.stdout) > 48 * MIB
