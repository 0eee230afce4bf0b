"""What a person sees while a study runs: one line a step, bars with time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_EVERY = 0.5
"""Seconds between two updates of a line in a notebook."""
_MOST_TOLD = 512


class Pace:
    """Seconds left, from what was done so far.

    The pace is that of the latter half of what has been done: a slow start (compiling, files read
    for the first time) is forgotten, and what comes once an epoch is spread over several. What
    was done before the first call, by an earlier run, does not count either.

    Parameters
    ----------
    started : float
        Seconds on a clock that only goes forward.
    """

    def __init__(self, started: float) -> None:
        self.started = started
        self._told: list[tuple[float, int]] = []

    def left(self, now: float, done: int, total: int) -> float:
        """Seconds until all is done.

        Parameters
        ----------
        now : float
            Seconds on the same clock.
        done, total : int
            `done` is 1 or more and never falls.
        """
        if not self._told or done > self._told[-1][1]:
            self._told.append((now, done))
        if len(self._told) > _MOST_TOLD:
            self._told = self._told[:1] + self._told[1::2]
        first, last = self._told[0], self._told[-1]
        if last is first:
            return (total - done) * (now - self.started) / max(done, 1)
        half = (first[1] + last[1]) / 2
        since = max((one for one in self._told if one[1] <= half), key=lambda one: one[1])
        return (total - done) * (last[0] - since[0]) / (last[1] - since[1])


class RichProgress:
    """Progress on a terminal; where there is none, one line a step and no bars."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self.console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Print one line about what happens now."""
        from rich.markup import escape

        self.console.print(f"[dim]·[/dim] {escape(text)}", soft_wrap=True)

    @contextmanager
    def bar(self, text: str) -> Iterator[Callable[[int, int], None]]:
        """A bar with time left while a step counts what it has done."""
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = (
            TextColumn("[dim]·[/dim] {task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[cyan]{task.fields[left]}"),
        )
        if not self.console.is_terminal:
            self.say(text)
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as bars:
            task = bars.add_task(text, total=None, left="")
            pace = Pace(time.monotonic())

            def tell(done: int, total: int) -> None:
                left = _clock(pace.left(time.monotonic(), done, total))
                bars.update(task, completed=done, total=total, left=f"{left} left")

            yield tell


class NotebookProgress:
    """Progress in a notebook: one line a step, rewritten in its cell while the step counts.

    Plain text, so that nothing but the notebook's own display is needed and a saved notebook stays
    readable.
    """

    def __init__(self) -> None:
        self._shown = 0

    def say(self, text: str) -> None:
        """Show one line about what happens now."""
        self._show(f"· {text}")

    @contextmanager
    def bar(self, text: str) -> Iterator[Callable[[int, int], None]]:
        """A line that says how much a step has done, and how long it will take."""
        self._shown += 1
        name = f"phenolens-{id(self)}-{self._shown}"
        started = found = time.monotonic()
        last, pace = "", Pace(started)
        self._show(f"· {text}", name=name)

        def tell(done: int, total: int) -> None:
            nonlocal found, last
            now = time.monotonic()
            spent = now - started
            left = f", {_clock(pace.left(now, done, total))} left" if done < total else ""
            last = f"· {text}: {done:,} of {total:,}, {_clock(spent)}{left}"
            if now - found >= _EVERY:
                found = now
                self._show(last, name=name, again=True)

        try:
            yield tell
        finally:
            if last:
                self._show(last, name=name, again=True)

    def _show(self, line: str, *, name: str = "", again: bool = False) -> None:
        from IPython.display import display

        place = {"display_id": name, "update": again} if name else {}
        display({"text/plain": line}, raw=True, **place)


def _clock(seconds: float) -> str:
    """``0:07``, ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def in_notebook() -> bool:
    """Whether a notebook shows what this process displays."""
    library = sys.modules.get("IPython")
    shell = library.get_ipython() if library is not None else None
    return getattr(shell, "kernel", None) is not None
