"""Memory: what this process may still take, and what a piece of work took."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_PROC, _CGROUPS = Path("/proc"), Path("/sys/fs/cgroup")


def available(processes: int = 1) -> int:
    """Bytes that so many processes together may still take.

    The least of what the machine has left, what each control group (of a container, or of a job of
    a scheduler) leaves, and ``ulimit -v``, which holds for each process. Files that the system only
    keeps in memory as long as nobody needs it count as free.

    Parameters
    ----------
    processes : int
        How many will work.
    """
    left = [_of_machine(), *_of_groups(_PROC / "self" / "cgroup", _CGROUPS)]
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY:
        left.append(processes * max(limit - _mapped(), 0))
    return max(min(left), 0)


def _of_machine() -> int:
    for line in _lines(_PROC / "meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")  # not Linux: all there is


def _status(name: str) -> int:
    lines = (line.split() for line in _lines(_PROC / "self" / "status") if line.startswith(name))
    return next((int(words[1]) * 1024 for words in lines), 0)


def _of_groups(membership: Path, root: Path) -> Iterator[int]:
    """What is left in each control group that this process is in, of both versions."""
    for line in _lines(membership):
        number, controllers, path = line.split(":", 2)
        if number == "0":
            tops, limit, used = (root, root / "unified"), "memory.max", "memory.current"
            idle = "inactive_file"
        elif "memory" in controllers.split(","):
            tops, limit, used = (
                (root / controllers, root / "memory"),
                "memory.limit_in_bytes",
                ("memory.usage_in_bytes"),
            )
            idle = "total_inactive_file"
        else:
            continue
        # seen from within a container the path may be the host's: then its root is the group
        inner = PurePosixPath(path.lstrip("/"))
        for top in tops:
            for group in {top / inner, *(top / parent for parent in inner.parents)}:
                most, now = _number(group / limit), _number(group / used)
                if most is not None and now is not None:
                    yield most - now + _idle(group / "memory.stat", idle)


def _idle(path: Path, name: str) -> int:
    """Bytes of files in memory that nobody has used of late."""
    found = (line.split() for line in _lines(path))
    return next((int(value) for key, value in found if key == name), 0)


def _number(path: Path) -> int | None:
    """The number in a file; None where there is none, or no limit ("max")."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _mapped() -> int:
    """Bytes of addresses that this process has taken."""
    sizes = "".join(_lines(_PROC / "self" / "statm")).split()
    return int(sizes[0]) * resource.getpagesize() if sizes else 0


def forget_peak() -> None:
    """Begin to measure the peak anew, where the system lets us; else it is that of all time."""
    try:
        (_PROC / "self" / "clear_refs").write_text("5")
    except OSError:
        return


def held() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    return _status("VmRSS:")


def peak() -> int:
    """Most bytes of memory that this process held since :func:`forget_peak`."""
    if known := _status("VmHWM:"):
        return known
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
