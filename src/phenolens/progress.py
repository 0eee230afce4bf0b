"""What a person sees while a study runs: one line a step, bars with time left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class RichProgress:
    """Progress on a terminal; where there is none, one line a step and no bars."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)

    def say(self, text: str) -> None:
        """Print one line about what happens now."""
        self.console.print(f"[dim]·[/dim] {escape(text)}", soft_wrap=True)

    @contextmanager
    def bar(self, text: str) -> Iterator[Callable[[int, int], None]]:
        """A bar with time left while a step counts what it has done."""
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
