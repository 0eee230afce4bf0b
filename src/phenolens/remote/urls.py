"""What is a URL that we read, and what is its kind."""

from __future__ import annotations

from pathlib import PurePath

from phenolens.errors import InputError
from phenolens.places import SCHEMES, is_url

__all__ = ["SCHEMES", "is_url", "plain_url", "require_here", "scheme_of"]


def require_here(path: str | PurePath) -> None:
    """Refuse a URL where files are written bit by bit.

    Raises
    ------
    InputError
        If it is one.
    """
    if is_url(path):
        raise InputError(
            f"{plain_url(path)} is a URL; name a place of this machine, and send what is written "
            "there with the store's own command."
        )


def scheme_of(url: str) -> str:
    """``s3``, ``gs``, ``https`` or ``http``.

    Raises
    ------
    InputError
        If it is none of them.
    """
    scheme = str(url).partition(":")[0].lower()
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in SCHEMES[:-1])
        raise InputError(
            f"{url}: {scheme}:// is no place that can be read; give a local path or one of {known}."
        )
    return scheme


def plain_url(text: str | PurePath) -> str:
    """A URL with both slashes after its scheme, as given otherwise.

    Raises
    ------
    InputError
        If it is no URL of a kind that can be read.
    """
    scheme = scheme_of(str(text))
    return f"{scheme}://{str(text).partition(':')[2].lstrip('/')}"
