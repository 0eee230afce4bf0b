"""One writer at a time in a study's folder, told by a file that names it and beats while it works.

The file is a lease of filelock: made by exclusive creation, which file servers keep too; it names
host, process and the instant that process began, so that a number given out again is not believed;
a thread renews its time. A holder that is gone from this host is replaced at once. Of one
elsewhere nobody here can know, and clocks differ: it counts as gone when its file, watched by our
own clock, was not renewed for :data:`STALE` seconds.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import LeaseSettingsMismatch, SoftFileLease, Timeout

from phenolens.errors import ConfigError, InputError
from phenolens.files import read_json, write_json
from phenolens.findings import Finding

LOCK, SINCE = ".lock", ".lock-since.json"
BEAT, STALE = 10.0, 120.0
"""Seconds between two renewals, and without one until a holder elsewhere counts as gone."""


@contextmanager
def writing(folder: Path, tell: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Hold a folder while the block writes into it; once more in the same thread is no matter.

    Parameters
    ----------
    folder : Path
        Of a study's results; made if need be.
    tell : callable
        Called with a line where a holder elsewhere gave no sign of life yet.

    Raises
    ------
    InputError
        If another writes into it: who, since when, and what to do.
    """
    lease = _lease(folder)
    if lease.is_locked:
        yield
        return
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _acquire(lease, folder, tell)
        try:
            write_json(folder / SINCE, {"token": lease.token, "since": time.time()})
            yield
        finally:
            if lease.compromise is None:
                with suppress(OSError):
                    (folder / SINCE).unlink()
            lease.release()
    finally:
        if new:
            with suppress(OSError):  # it was refused before anything was written
                folder.rmdir()


def require_one_process() -> None:
    """Refuse to take a study's steps in each of the processes that ``torchrun`` started.

    Raises
    ------
    ConfigError
        If the environment says that this is one of several.
    """
    several = os.environ.get("WORLD_SIZE", "")
    if several.isdigit() and int(several) > 1:
        raise ConfigError(
            f"A study is written by one process, and WORLD_SIZE={several} says that torchrun "
            f"started {several}. Start it once, without torchrun: networks of several folds train "
            "side by side with --jobs or --cluster. How one network trains on several GPUs from "
            "Python is in docs/networks.md."
        )


def require_held(folder: Path) -> None:
    """Refuse to write on where another has taken the folder: this process was stopped for long.

    Raises
    ------
    InputError
        If it has.
    """
    lease = _lease(folder)
    if lease.is_locked and lease.compromise is not None:
        raise InputError(Finding("folder-taken-over", "error", {}, {"folder": str(folder)}))


def writer(folder: Path) -> str:
    """Who seems to write into a folder now, ``process 12 on host``; empty where nobody does.

    Nothing is taken or waited for. A holder whose file was not renewed for :data:`STALE` seconds
    counts as gone, and so does one of this host whose process has ended.
    """
    path = folder / LOCK
    try:
        young = time.time() - path.stat().st_mtime < STALE
    except OSError:
        return ""
    held = _lease(folder).owner
    if held is None or not young:
        return ""
    here = _host(held.hostname) == socket.gethostname()
    return "" if here and not _runs(held.pid) else f"process {held.pid} on {_host(held.hostname)}"


def is_lock(name: str) -> bool:
    """Whether a file of a study's folder belongs to its lock, and is no result."""
    return name.startswith(LOCK)


def _lease(folder: Path) -> SoftFileLease:
    """The lease of a folder: one a process, so that a step within a run enters the run's own."""
    path = folder / LOCK
    return SoftFileLease(path, lease_duration=STALE, heartbeat_interval=BEAT, is_singleton=True)


def _acquire(lease: SoftFileLease, folder: Path, tell: Callable[[str], None]) -> None:
    """Take the lock that is free, or whose holder is gone.

    Raises
    ------
    InputError
        If its holder is not.
    """
    try:
        lease.acquire(blocking=False)
        return
    except Timeout as error:
        elsewhere = "cannot probe" in str(error)
    except LeaseSettingsMismatch:  # of another version
        raise InputError(_in_use(lease, folder)) from None
    held = lease.owner
    if held is None:  # it is leaving, or has only begun
        raise InputError(_in_use(lease, folder))
    gone = _watched(lease, folder, tell) if elsewhere else not _runs(held.pid)
    if lease.is_locked:
        return
    if gone:
        _take_away(lease, folder, held.token)
    try:
        lease.acquire(blocking=False)
    except Timeout:
        raise InputError(_in_use(lease, folder)) from None


def _watched(lease: SoftFileLease, folder: Path, tell: Callable[[str], None]) -> bool:
    """Watch a holder elsewhere: whether it is gone. Then filelock holds the lease, where it can.

    The longest wait is two renewals more than filelock counts, which has not yet begun to.
    """
    longest, beat = STALE + 2 * BEAT, _renewed(folder)
    tell(f"{folder} is held from elsewhere; waiting for a sign of life, at most {longest:.0f} s")
    with suppress(Timeout):
        lease.acquire(
            timeout=longest,
            poll_interval=min(1.0, BEAT / 2),
            cancel_check=lambda: _renewed(folder) != beat,
        )
    return lease.is_locked or _renewed(folder) == beat


def _runs(pid: int) -> bool:
    """Whether a process of this host runs; on Windows, where asking would end it, it may."""
    if os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _renewed(folder: Path) -> tuple[int, int] | None:
    """Which file the lock is, and when it was renewed; opened, for then a file server is asked."""
    try:
        with (folder / LOCK).open("rb") as stream:
            found = os.fstat(stream.fileno())
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _take_away(lease: SoftFileLease, folder: Path, token: str | None) -> None:
    """Take a dead holder's file away where filelock cannot: file servers exchange no two names.

    Of all who watched it only one may, and only this one: who makes the file named by its token.
    """
    mark = folder / f"{LOCK}-ended-{token}"
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return
    try:
        if lease.owner is not None and lease.owner.token == token:
            (folder / LOCK).unlink(missing_ok=True)
    finally:
        mark.unlink()


def _in_use(lease: SoftFileLease, folder: Path) -> Finding:
    """Who holds the folder, as far as the files say while the holder may be leaving."""
    owner = lease.owner
    values = {"folder": str(folder), "lock": str(folder / LOCK), "host": "", "pid": 0, "since": ""}
    if owner is not None:
        values |= {"host": _host(owner.hostname), "pid": owner.pid}
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = read_json(folder / SINCE)
            if told["token"] == owner.token:
                values["since"] = time.strftime("%Y-%m-%d %H:%M", time.localtime(told["since"]))
    return Finding("folder-in-use", "error", {}, values)


def _host(name: str) -> str:
    """The host's name as people know it, without the container's number behind it."""
    return name.partition("?")[0] or "an unknown host"
