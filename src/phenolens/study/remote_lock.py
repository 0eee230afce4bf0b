"""One writer at a time in a folder of results at a URL, told by an object that beats.

The lock is an object that can be made only where there is none (a conditional put, ``If-None-Match:
*``). It names host, process and when the run began, and is written anew while that run works. Who
finds one watches it, by a clock of its own: one that is not renewed for :data:`STALE` seconds is of
a run that is gone. A run that was killed is known at once on the machine where it ran.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from phenolens.errors import InputError, PhenolensError
from phenolens.files import read_json, write_json
from phenolens.findings import Finding
from phenolens.remote.folder import RemoteFolder
from phenolens.study.lock import LOCK

BEAT, STALE = 15.0, 120.0
"""Seconds between two renewals, and without one until a holder counts as gone."""
SETTLES = 2.0
"""Seconds after which a store that keeps no condition shows the last of two writers."""


class RemoteLock:
    """The lock of a folder of results at a URL.

    Parameters
    ----------
    place : RemoteFolder
    memory : Path
        File of this machine in which the run's token is kept, so that the next run here knows a
        lock that was left behind. Who holds this machine's own lock of the folder may write it.
    tell : callable
        Called with a line where there is something to wait for, or to know.
    """

    def __init__(self, place: RemoteFolder, memory: Path, tell: Callable[[str], None]) -> None:
        self.place, self.memory, self.tell = place, memory, tell
        self.token = uuid.uuid4().hex
        self.conditional = True
        self._since = time.time()
        self._renewals = 0
        self._ended = threading.Event()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder while the block writes into it.

        Raises
        ------
        InputError
            If another run works there: who, since when, and what to do.
        """
        self._acquire()
        beating = threading.Thread(target=self._beat, name="phenolens-lock", daemon=True)
        beating.start()
        try:
            yield
        finally:
            self._ended.set()
            beating.join()
            with suppress(PhenolensError):  # it goes stale
                if self._read().get("token") == self.token:
                    self.place.remove(LOCK)
            self.memory.unlink(missing_ok=True)

    def require_held(self) -> None:
        """Refuse to write on where another has taken the folder: this run stood still for long.

        Raises
        ------
        InputError
            If it has.
        """
        if self._read().get("token") != self.token:
            raise InputError(Finding("folder-taken-over", "error", {}, {"folder": self.place.url}))

    def _acquire(self) -> None:
        before = read_json(self.memory)["token"] if self.memory.is_file() else ""
        held = self._read()
        if held and (held.get("token") == before or self._gone(held)):
            self._take_away(held)
        write_json(self.memory, {"token": self.token})
        if not self.place.write(LOCK, self._text(), new=True):
            held = self._read()
            if held.get("token") != self.token:  # the answer to our own may have been lost
                raise InputError(self._in_use(held))
        self._require_conditional()

    def _require_conditional(self) -> None:
        """Whether the store keeps the condition; where it does not, the last writer holds."""
        if not self.place.write(LOCK, self._text(), new=True):
            return
        self.conditional = False
        self.tell(
            f"The store of {self.place.url} does not keep If-None-Match: two runs that begin "
            "within the same moment are told apart by who wrote last"
        )
        time.sleep(SETTLES)
        held = self._read()
        if held.get("token") != self.token:
            raise InputError(self._in_use(held))

    def _gone(self, held: Mapping[str, Any]) -> bool:
        """Watch a holder: whether it gives no sign of life."""
        self.tell(
            f"{self.place.url} is held by {_who(held)}; waiting for a sign of life, at most "
            f"{STALE:.0f} s"
        )
        end = time.monotonic() + STALE
        while time.monotonic() < end:
            time.sleep(min(1.0, STALE / 10))
            seen = self._read()
            if not seen:
                return False
            if seen != held:
                raise InputError(self._in_use(seen))
        return True

    def _take_away(self, held: Mapping[str, Any]) -> None:
        """Take a dead holder's lock away: of all who watched it only who makes its mark may."""
        mark = f"{LOCK}-ended-{held.get('token')}"
        if not self.place.write(mark, self._text(), new=True):
            raise InputError(self._in_use(held))
        try:
            if self._read().get("token") == held.get("token"):
                self.place.remove(LOCK)
        finally:
            self.place.remove(mark)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(PhenolensError, OSError):  # the next one, or the next upload, will tell
                if self._read().get("token") != self.token:
                    return
                self._renewals += 1
                self.place.write(LOCK, self._text())

    def _read(self) -> dict[str, Any]:
        """What the lock says; nothing where there is none."""
        held = self.place.read(LOCK)
        try:
            return {} if held is None else dict(json.loads(held))
        except (ValueError, TypeError):
            return {"token": "", "host": "", "pid": 0}

    def _text(self) -> bytes:
        held = {"token": self.token, "host": socket.gethostname(), "pid": os.getpid()}
        return json.dumps(held | {"since": self._since, "renewals": self._renewals}).encode()

    def _in_use(self, held: Mapping[str, Any]) -> Finding:
        since = held.get("since")
        values = {
            "folder": self.place.url,
            "lock": self.place / LOCK,
            "host": str(held.get("host") or ""),
            "pid": int(held.get("pid") or 0),
            "since": time.strftime("%Y-%m-%d %H:%M", time.localtime(since)) if since else "",
        }
        return Finding("folder-in-use", "error", {}, values)


def _who(held: Mapping[str, Any]) -> str:
    return f"process {held['pid']} on {held['host']}" if held.get("pid") else "another run"
