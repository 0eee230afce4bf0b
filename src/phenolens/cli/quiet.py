"""The screen belongs to the answer: what other libraries warn about is not for its reader."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import click


@contextmanager
def quiet() -> Iterator[None]:
    """Show our own warnings as one line each, and none of other libraries, here and in workers.

    Python's ``-W`` and ``PYTHONWARNINGS`` switch this off.
    """
    if sys.warnoptions:
        yield
        return
    import logging

    below = logging.root.manager.disable
    logging.disable(logging.WARNING)
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.filterwarnings("default", category=UserWarning, module=r"phenolens(\.|$)")
            warnings.showwarning = _show
            yield
    finally:
        del os.environ["PYTHONWARNINGS"]
        logging.disable(below)


def _show(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """One line, if a module of ours issued it.

    The file and line that come with a warning are those it blames, and other libraries blame
    their callers: who issued it is known by the frame.
    """
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") == "warnings":
        frame = frame.f_back
    ours = str(frame.f_globals.get("__name__")).partition(".")[0] == "phenolens"
    if ours and issubclass(category, UserWarning):
        click.echo(f"phenolens: warning: {' '.join(str(message).split())}", err=True)
