"""What is a URL that we read, and what is its kind."""

from __future__ import annotations

import re
from pathlib import PurePath

from phenolens.errors import InputError

SCHEMES = ("s3", "gs", "https", "http")
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?P<rest>[^/\\].*)", re.DOTALL)


def is_url(text: object) -> bool:
    """Whether a text names an object or folder elsewhere, such as ``s3://bucket/key``.

    ``file:`` does not, nor a drive of Windows. A path that was made of a URL
    (``Path("s3://bucket")``, which has one slash left) counts.
    """
    if not isinstance(text, str | PurePath):
        return False
    found = _URL.fullmatch(str(text))
    return found is not None and found["scheme"].lower() != "file"


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
