"""Regular expressions that a user wrote, bounded in time and memory.

Python's own engine cannot be stopped: ``(a|a)*$`` on forty letters runs for hours. The package
`regex <https://pypi.org/project/regex/>`_ reads the same language and gives up after a time that it
is told; what it cannot bound, the size of a compiled pattern, is bounded here by its length and
its counted repeats.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterable
from math import prod

import regex

from phenolens.errors import InputError, shown

SECONDS = 5.0
LENGTH = 1_000
REPEATS = 10_000
_COUNT = re.compile(r"\{\s*(\d[\d\s]*)")


class Expression:
    """A regular expression in the language of Python's ``re``.

    Parameters
    ----------
    text : str
    ignore_case : bool

    Raises
    ------
    InputError
        If it is none, has more than 1,000 characters, or repeats a part more than 10,000 times by
        number (``(a{1000}){1000}``).
    """

    def __init__(self, text: str, *, ignore_case: bool = False) -> None:
        self.text = text
        if len(text) > LENGTH:
            raise InputError(f"A regular expression has {len(text)} characters; at most {LENGTH}.")
        repeats = prod(int(re.sub(r"\s", "", count)[:6]) or 1 for count in _COUNT.findall(text))
        if repeats > REPEATS:
            raise InputError(f"{text!r} repeats a part more than {REPEATS} times by number.")
        try:
            with warnings.catch_warnings(action="ignore"):
                re.compile(text)  # the language is that of re: no recursion, no fuzzy matches
                self._compiled = regex.compile(text, regex.IGNORECASE if ignore_case else 0)
        except (re.error, regex.error) as error:
            raise InputError(f"{text!r} is not a regular expression: {error}.") from None
        except (RecursionError, MemoryError, OverflowError, ValueError):
            raise InputError(f"{shown(text)} is no regular expression that can be read.") from None

    @property
    def groups(self) -> int:
        """Number of groups in parentheses."""
        return self._compiled.groups

    def search(self, texts: Iterable[str], *, until: float | None = None) -> list[regex.Match]:
        """The first match in each text, or None.

        Parameters
        ----------
        texts : iterable of str
        until : float, optional
            Time of ``time.monotonic`` by which all are read; by default five seconds from now.

        Returns
        -------
        list of Match or None

        Raises
        ------
        InputError
            If it takes longer.
        """
        until = time.monotonic() + SECONDS if until is None else until
        found = []
        for text in texts:
            left = until - time.monotonic()
            try:
                if left <= 0:
                    raise TimeoutError
                found.append(self._compiled.search(text, timeout=left))
            except (TimeoutError, MemoryError):
                raise InputError(
                    f"the pattern {self.text!r} takes too long, last on {shown(text)}; write it "
                    "without repeats that can match one text in many ways, as in '(a+)+'."
                ) from None
        return found
