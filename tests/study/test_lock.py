"""Of all that would write into one folder one does; who died there is replaced, by one."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
import pytest

from phenolens import study
from phenolens.errors import ConfigError, InputError
from phenolens.study import lock
from phenolens.study.lock import LOCK, SINCE, require_held, writing

BEAT, STALE = 0.1, 1.0
HOLDERS = f"""
import json, os, socket, sys, time
from pathlib import Path
from phenolens.errors import InputError
from phenolens.study import lock

lock.BEAT, lock.STALE = {BEAT}, {STALE}


def hold(folder, ends):
    try:
        with lock.writing(Path(folder)):
            os.write(1, b"held\\n")
            if ends == "killed":
                os.kill(os.getpid(), 9)
            time.sleep(ends)
            os.write(1, b"left\\n")
    except InputError as error:
        os.write(1, f"{{error}}\\n".encode())


def lead(folder, said, host, ends, number, served):
    os.setsid()
    os.dup2(os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT), 1)
    socket.gethostname = lambda: host
    if served:  # a file server exchanges no two names
        import filelock._soft, filelock._util
        filelock._soft.exchange_supported = filelock._util.exchange_supported = lambda: False
    start = time.monotonic() + 0.1
    for _ in range(number):
        if os.fork() == 0:
            time.sleep(max(start - time.monotonic(), 0))
            hold(folder, ends)
            os._exit(0)
    for _ in range(number):
        os.wait()
    os.write(1, b"over\\n")
    os._exit(0)


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        lead(**json.loads(line))
    print(child, flush=True)
"""


@dataclass
class Holders:
    """Processes that hold a folder, and what they say."""

    pid: int
    said: Path

    def wait(self, word: str) -> list[str]:
        """All lines, once one of them is this word."""
        while word not in (
            lines := self.said.read_text().splitlines() if self.said.exists() else []
        ):
            time.sleep(0.01)
        return lines

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Send them a signal."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


@pytest.fixture(scope="module")
def starter() -> Iterator[subprocess.Popen[str]]:
    """One process that has imported everything, and forks the holders."""
    line = [sys.executable, "-c", HOLDERS]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as found:
        yield found
        found.kill()


@pytest.fixture
def holders(starter, tmp_path) -> Iterator[Callable[..., Holders]]:
    """Start processes that each hold a folder for some seconds, or are killed holding it."""
    started: list[Holders] = []

    def start(
        folder: Path, ends: float | str, *, host: str = "elsewhere", number: int = 1, served=False
    ) -> Holders:
        said = tmp_path.with_name(f"{tmp_path.name}-{len(started)}.said")
        how = {"folder": str(folder), "said": str(said), "host": host, "ends": ends}
        starter.stdin.write(json.dumps(how | {"number": number, "served": served}) + "\n")
        starter.stdin.flush()
        started.append(Holders(int(starter.stdout.readline()), said))
        return started[-1]

    yield start
    for found in started:
        found.stop()


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Beats and waits of the test's own, and of the processes that it starts."""
    monkeypatch.setattr(lock, "BEAT", BEAT)
    monkeypatch.setattr(lock, "STALE", STALE)


@pytest.fixture
def held(holders, tmp_path) -> Path:
    """A folder held by a living process on this host."""
    holders(tmp_path / "held", 60, host=socket.gethostname()).wait("held")
    while not (tmp_path / "held" / SINCE).exists():
        time.sleep(0.01)
    return tmp_path / "held"


def test_the_loser_is_told_who_holds_the_folder_and_readers_are_not_stopped(wells, held, command):
    told = command("normalize", wells.study, "--out", held).refused()
    owner = (held / LOCK).read_text()
    pid = re.search(r"^pid=(\d+)$", owner, re.MULTILINE)[1]
    assert re.search(
        rf"is being written by process {pid} on \S+, since 20\d\d-[-\d]+ \d\d:\d\d", told
    )
    assert "--out" in told and str(held / LOCK) in told
    (held / "layout.json").write_text("{}")
    assert "holds no finished study" in command("verify", held).refused()
    assert "Nothing to free" in command("clean", held).out
    assert "is being written by" in command("clean", held, "--yes").refused()
    assert {path.name for path in held.iterdir()} == {LOCK, SINCE, "layout.json"}


@pytest.mark.parametrize("verb", ["represent", "run"])
def test_processes_that_torchrun_started_are_told_to_be_one(wells, command, monkeypatch, verb):
    monkeypatch.setenv("WORLD_SIZE", "2")
    told = command(verb, wells.study, "--out", wells.out).refused()
    assert "WORLD_SIZE=2 says that torchrun started 2. Start it once" in told
    assert not wells.out.exists()
    with pytest.raises(ConfigError, match="torchrun"):
        study.run(study.open_study(wells.study, out=wells.out))


def test_who_was_killed_here_is_replaced_at_once_though_its_number_lives_again(held):
    text = (held / LOCK).read_text()
    process = re.search(r"pid=(\d+)", text)[1]
    with pytest.raises(InputError, match=f"process {process}"), writing(held):
        pass
    start = re.search(r"start=(\d+)", text)[1]
    (held / LOCK).write_text(text.replace(start, str(int(start) - 1)))
    with writing(held):
        assert f"pid={os.getpid()}\n" in (held / LOCK).read_text()


def test_a_holder_elsewhere_is_believed_while_it_beats(holders, tmp_path):
    other = holders(tmp_path, 60)
    other.wait("held")
    said: list[str] = []
    with pytest.raises(InputError, match="on elsewhere"), writing(tmp_path, said.append):
        pass
    assert "waiting for a sign of life" in said[0]
    other.stop(signal.SIGSTOP)
    with writing(tmp_path, said.append):
        other.stop()
        require_held(tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("served", [False, True], ids=["disk", "file server"])
@pytest.mark.parametrize("host", ["here", "elsewhere"])
def test_of_several_that_replace_the_dead_exactly_one_wins(holders, tmp_path, host, served):
    assert "held" in holders(tmp_path, "killed", host="here", served=served).wait("over")
    assert (tmp_path / LOCK).exists()
    lines = holders(tmp_path, 1.5, host=host, number=6, served=served).wait("over")
    assert lines.count("held") == lines.count("left") == 1
    assert sum("is being written by" in line for line in lines) == 5
    assert not any(tmp_path.iterdir())


def test_threads_of_one_process_are_two_writers_and_steps_within_one_are_not(tmp_path):
    told: list[str] = []

    def other() -> None:
        try:
            with writing(tmp_path):
                told.append("held")
        except InputError as error:
            told.append(str(error))

    with writing(tmp_path), writing(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert f"process {os.getpid()}" in told[0]
    other()
    assert told[1:] == ["held"] and not any(tmp_path.iterdir())


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_lock_goes_whatever_ends_the_block(tmp_path, error):
    with pytest.raises(error), writing(tmp_path / "new"):
        assert (tmp_path / "new" / LOCK).exists()
        raise error
    assert not (tmp_path / "new").exists()


def test_a_run_that_a_scheduler_ends_leaves_no_lock(tmp_path):
    line = [sys.executable, "-m", "phenolens", "demo", "--no-networks", "--out", str(tmp_path)]
    process = subprocess.Popen(line, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / SINCE).exists() and process.poll() is None:
        time.sleep(0.01)
    process.terminate()
    told = process.communicate()[1]
    assert (process.returncode, told.splitlines()[-1]) == (130, "phenolens: stopped.")
    assert not [path for path in tmp_path.iterdir() if lock.is_lock(path.name)]


def test_who_lost_the_folder_writes_no_more(wells):
    session = study.open_study(wells.study, out=wells.out, jobs=1)
    with writing(wells.out):
        (wells.out / LOCK).unlink()
        until = time.monotonic() + 10
        with pytest.raises(InputError, match="no longer held by this run"):
            while time.monotonic() < until:
                require_held(wells.out)
                time.sleep(BEAT)
        with pytest.raises(InputError, match="no longer held by this run"):
            study.splits(session)
        assert not any(wells.out.glob("*.parquet"))


def test_filelock_says_where_a_holder_cannot_be_asked_after(holders, tmp_path):
    """The words by which a holder elsewhere is told from one here."""
    holders(tmp_path, "killed").wait("over")
    lease = filelock.SoftFileLease(tmp_path / LOCK, lease_duration=STALE, heartbeat_interval=BEAT)
    with pytest.raises(filelock.Timeout, match="which this host cannot probe"):
        lease.acquire(blocking=False)
