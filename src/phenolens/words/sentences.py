"""Parts of sentences: alternatives, settings as Python and the command spell them, full stops."""

from __future__ import annotations

from collections.abc import Iterable


def either(words: Iterable[str]) -> str:
    """``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def named(setting: str) -> str:
    """A setting as Python and, in parentheses, the command spell it.

    Examples
    --------
    >>> named("same_by")
    'same_by (--same-by)'
    """
    return f"{setting} (--{setting.replace('_', '-')})"


def reasons(texts: Iterable[str]) -> str:
    """Several sentences as one, on one line, each once.

    Examples
    --------
    >>> reasons(["No plate has controls.", "no dose is known", "No plate has controls."])
    'No plate has controls; no dose is known.'
    """
    plain = (" ".join(text.split()).rstrip(".") for text in texts)
    return "; ".join(dict.fromkeys(plain)) + "."


def ended(text: str) -> str:
    """A sentence with its full stop, unless it ends in a question.

    Examples
    --------
    >>> ended("two rows"), ended("another unit?")
    ('two rows.', 'another unit?')
    """
    return text if text.endswith("?") else f"{text}."


def small_first(text: str) -> str:
    """The text with a small first letter, to stand behind a colon."""
    return text[:1].lower() + text[1:]
