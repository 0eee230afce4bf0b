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
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("[dim]·[/dim] {task.description}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        if not self.console.is_terminal:
            self.say(text)
        with Progress(*columns, console=self.console, disable=not self.console.is_terminal) as bars:
            task = bars.add_task(text, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)


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
        last = ""
        self._show(f"· {text}", name=name)

        def tell(done: int, total: int) -> None:
            nonlocal found, last
            now = time.monotonic()
            spent = now - started
            left = f", {_clock(spent / done * (total - done))} left" if 0 < done < total else ""
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
