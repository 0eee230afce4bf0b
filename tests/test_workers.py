"""Processes that work for another give what they found in order, and end when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from phenolens.errors import PhenolensError
from phenolens.workers import Spent, in_processes

PARENT = """
import sys, time
from functools import partial
from pathlib import Path
from phenolens.workers import in_processes

def work(number, folder):
    import os
    held = bytearray(10**7)
    Path(folder, str(os.getpid())).touch()
    if number < 2:
        time.sleep(300)

list(in_processes((partial(work, n, sys.argv[1]) for n in range(9)), jobs=2))
"""


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    while len(list(tmp_path.iterdir())) < 2:
        assert parent.poll() is None
        time.sleep(0.01)
    started = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    children = sorted({int(path.name) for path in tmp_path.iterdir()} | set(map(int, started)))
    parent.kill()
    parent.wait()
    until = time.monotonic() + 30
    while any(map(runs, children)) and time.monotonic() < until:
        time.sleep(0.05)
    left = [pid for pid in children if runs(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert left == []


GROWING = """
from functools import partial
from phenolens.workers import in_processes

def work(number):
    import os, sys, time
    import numpy as np
    sys.held = getattr(sys, "held", []) + [np.ones(5 * 10**7)]
    time.sleep(1.1)
    return os.getpid()

print(len(set(in_processes((partial(work, n) for n in range(6)), jobs=2, at_once=1))))
"""


def test_a_worker_that_grew_is_replaced_where_warnings_are_errors():
    """The pool's own thread warns of it; ended by that, it left whoever waited to wait for ever."""
    pytest.importorskip("psutil")
    command = [sys.executable, "-W", "error::UserWarning", "-c", GROWING]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 2


def test_results_come_in_the_order_of_the_tasks():
    tasks = [partial(pow, number, 2) for number in range(20)]
    assert list(in_processes(tasks, jobs=2)) == [number**2 for number in range(20)]
    assert list(in_processes(tasks, jobs=1, at_once=8)) == [number**2 for number in range(20)]


def test_a_worker_that_the_system_ends_is_told_in_words():
    tasks = [partial(os.kill, 0, 0), partial(signal.raise_signal, signal.SIGKILL)]
    with pytest.raises(PhenolensError, match=r"ended from outside.*fewer processes than 2"):
        list(in_processes(tasks, jobs=2))


@pytest.mark.parametrize("jobs", [1, 2])
def test_who_watches_may_end_the_work_without_a_word_from_the_pool(jobs, capfd):
    def refuse(spent: Spent) -> None:
        raise ValueError(spent.memory > 0)

    with pytest.raises(ValueError, match="True"):
        list(in_processes([partial(time.sleep, 0.01)] * 50, jobs=jobs, watch=refuse))
    assert capfd.readouterr() == ("", "")


def test_workers_of_an_earlier_call_leave_a_folder_that_is_gone(tmp_path, monkeypatch):
    """Python imports nothing where the current folder is none."""
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    list(in_processes([os.getpid] * 4, jobs=2))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gone").rmdir()
    found = list(in_processes([Path.cwd] * 4, jobs=2))
    assert all(folder.is_dir() for folder in found)


def test_workers_that_stayed_ask_stores_as_the_caller_does_now(monkeypatch):
    def told() -> list[str | None]:
        look = partial(os.environ.get, "AWS_PROFILE")
        return list(in_processes([look] * 4, jobs=2))

    monkeypatch.delenv("AWS_PROFILE", raising=False)
    assert told() == [None] * 4
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert told() == ["mine"] * 4
    monkeypatch.delenv("AWS_PROFILE")
    assert told() == [None] * 4
