"""Time and memory, said before they are spent: a plan of what will take long, or most of either.

Rates are measured, on this machine and on this screen: of the first fields, or of a few steps of
training. What takes less than a minute, and less than half of the memory, is not announced.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from phenolens import memory
from phenolens.errors import PhenolensError
from phenolens.findings import Finding
from phenolens.images import ImageSet
from phenolens.study.session import Session
from phenolens.words.numbers import duration, size
from phenolens.workers import Spent, Watch

LONG = 60.0
"""Seconds from which work is announced."""
FEW, RECENT, ENOUGH = 3, 32, 5.0
"""Tasks from which the rest is foreseen: so many, and of the last so many as took so many seconds
(all processes working at once), or as there may be."""


@dataclass(frozen=True)
class Needs:
    """Memory of one process that works on fields, as it was measured.

    Attributes
    ----------
    base : int
        Bytes before it has read any, libraries and kernels.
    times : float
        Bytes for each byte of a field's pixels as float32.
    """

    base: int
    times: float

    def of(self, pixels: int) -> int:
        """Bytes for fields of so many pixels, all stains together."""
        return self.base + round(self.times * 4 * pixels)


READING, MEASURING = Needs(300 * 2**20, 1.5), Needs(430 * 2**20, 11.0)
"""Peaks of fields of five stains with sides of 540, 1080 and 2160 pixels: 290, 392 and 404 MiB when
read, 537, 665 and 1409 MiB when measured; these agree with them within 15 %."""


@dataclass(frozen=True)
class Part:
    """One thing that is about to be done.

    Attributes
    ----------
    name : str
        What, and of how much.
    seconds : tuple of float
        The least and the most that it will take, as far as rates tell; 0 where it may end early.
    memory : int
        Bytes, of all processes together.
    how : str
        On what, and at which rate.
    """

    name: str
    seconds: tuple[float, float]
    memory: int = 0
    how: str = ""

    def line(self, room: int) -> str:
        """The part as a line of the plan."""
        least, most = map(duration, self.seconds)
        time = f"about {most}" if least == most else f"{least} to {most}"
        time = time if self.seconds[0] else f"at most {most}"
        held = f", {size(self.memory)} of {size(room)} of memory" if self.memory else ""
        return f"Plan: {self.name}: {time}{held}{f' ({self.how})' if self.how else ''}"


def announce(session: Session, parts: Sequence[Part], *, room: int) -> bool:
    """Say what will take more than a minute or half the memory; whether that was so.

    Parameters
    ----------
    session : Session
    parts : sequence of Part
        All that is about to be done.
    room : int
        Bytes of memory there are for it.
    """
    least, most = (sum(part.seconds[end] for part in parts) for end in (0, 1))
    if most <= LONG and all(part.memory <= room / 2 for part in parts):
        return False
    for part in parts:
        session.progress.say(part.line(room))
    if len(parts) > 1:
        session.progress.say(Part("together", (least, most)).line(room))
    return True


def require_memory(what: str, each: int, *, jobs: int, room: int) -> None:
    """Refuse work for which there is not enough memory.

    Parameters
    ----------
    what : str
        The work, as the subject of a sentence.
    each : int
        Bytes that one process needs.
    jobs : int
        Processes.
    room : int
        Bytes there are.

    Raises
    ------
    PhenolensError
        If the processes need more together.
    """
    if jobs * each > room:
        about = {"what": what, "needed": jobs * each, "room": room, "jobs": jobs}
        raise PhenolensError(
            Finding("memory-too-small", "error", {}, about | {"fit": room // each})
        )


@dataclass
class Foreseen:
    """What the rest of many like tasks will take, said once, from those that are done.

    Attributes
    ----------
    session : Session
    what : str
        The work, as the subject of a sentence: "Measuring cells".
    unit : str
        What a task does, in the plural.
    jobs : int
        Processes.
    """

    session: Session
    what: str
    unit: str
    jobs: int
    _left: int = 0
    _room: int = 0
    _said: bool = False
    _seen: deque[Spent] = field(default_factory=lambda: deque(maxlen=RECENT))

    def require(self, each: int, *, tasks: int) -> None:
        """Refuse, before any task is begun, what cannot fit.

        Parameters
        ----------
        each : int
            Bytes that one process will need.
        tasks : int
            How many there are at most.

        Raises
        ------
        PhenolensError
            If memory is too small.
        """
        jobs = self._beside(min(self.jobs, tasks))
        require_memory(self.what, each, jobs=jobs, room=self._room_for(jobs))

    def of(self, tasks: int) -> Watch:
        """Begin with so many tasks; what is given takes in what each took."""
        self._left, self._room = tasks, self._room_for(self.jobs)
        return self._watch

    def _beside(self, jobs: int) -> int:
        """How many of these processes take of one memory; each worker of a cluster has its own."""
        return jobs if self.session.cluster is None else 1

    def _room_for(self, jobs: int) -> int:
        cluster = self.session.cluster
        return memory_for(jobs) if cluster is None else cluster.memory

    def _watch(self, spent: Spent) -> None:
        self._left -= 1
        if self._said or spent.first or not self._left:  # the first loads and compiles, once
            return
        self._seen.append(spent)
        busy = min(self.jobs, self._left)
        each = max(one.memory for one in self._seen)
        beside = self._beside(busy)
        require_memory(self.what, each, jobs=beside, room=self._room)
        rates = [one.seconds / busy for one in self._seen]
        if len(rates) < FEW or (len(rates) < RECENT and sum(rates) < ENOUGH):
            return
        name = f"{self.what}: {self._left} more {self.unit}"
        least, most = (self._left * float(rate) for rate in np.quantile(rates, (0.1, 0.9)))
        part = Part(name, (least, most), beside * each, f"{busy} process{'es' if busy > 1 else ''}")
        self._said = announce(self.session, [part], room=self._room)


def unit_of(images: ImageSet) -> str:
    """What is read and measured in one go."""
    return "sites" if images.level == "cell" else "fields"


def memory_for(jobs: int) -> int:
    """Bytes for so many processes; one that works here itself has its own already."""
    return memory.available(jobs) + (memory.held() if jobs == 1 else 0)
