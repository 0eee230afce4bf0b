"""Where files lie: here, or at a URL of which a bounded copy lies in a cache on this machine.

A file of ``s3://bucket/a/b.tif`` has its place at ``CACHE/mirror/s3/bucket/a/b.tif``. Code that
looks at names, sizes and times works on places; people, tables and files are told URLs.
"""

from __future__ import annotations

import os
import re
from functools import lru_cache
from pathlib import Path, PurePath

CACHE = "PHENOLENS_CACHE"
"""Environment variable: the folder of the cache; by default that of the system."""
SCHEMES = ("s3", "gs", "https", "http")
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/{1,2}([^/\\].*)", re.DOTALL)


def is_url(text: object) -> bool:
    """Whether a text names an object or folder elsewhere, such as ``s3://bucket/key``.

    ``file:`` does not, nor a drive of Windows. A path that was made of a URL
    (``Path("s3://bucket")``, which has one slash left) counts.
    """
    if not isinstance(text, str | PurePath):
        return False
    found = _URL.fullmatch(str(text))
    return found is not None and found[1].lower() != "file"


def cache_folder() -> Path:
    """The folder of the cache: ``$PHENOLENS_CACHE``, else ``~/.cache/phenolens``."""
    return _folders(os.environ.get(CACHE), os.environ.get("XDG_CACHE_HOME"))[0]


def mirror_folder() -> str:
    """The folder below which places of URLs are, with a slash at its end."""
    return _folders(os.environ.get(CACHE), os.environ.get("XDG_CACHE_HOME"))[1]


@lru_cache
def _folders(given: str | None, caches: str | None) -> tuple[Path, str]:
    """Asked for each file that is opened, so kept."""
    base = given or f"{caches or '~/.cache'}/phenolens"
    folder = Path(os.path.abspath(Path(base).expanduser()))  # noqa: PTH100 (links stay)
    return folder, f"{folder}/mirror/"


def place_of(url: str | PurePath) -> Path:
    """The place of a URL; nothing is looked at or fetched.

    Raises
    ------
    ValueError
        If no folder can hold it: a part of it is empty, ``.`` or ``..``.
    """
    scheme, _, rest = str(url).partition(":")
    parts = rest.strip("/").split("/")
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise ValueError(f"{url} has a part that no file can be called")
    return Path(mirror_folder(), scheme.lower(), *parts)


def below(root: Path, name: str | PurePath) -> Path:
    """A name that a study file gives, below a folder: as it is where it is absolute or a URL."""
    return place_of(name) if is_url(name) else root / name


def is_place(path: str | PurePath) -> bool:
    """Whether a path is one of the cache."""
    return str(path).startswith(mirror_folder())


def named(path: str | PurePath) -> str:
    """What a path is called to people and in files: the URL of a place, else the path itself."""
    text, mirror = str(path), mirror_folder()
    if text.startswith(mirror):
        scheme, _, rest = text[len(mirror) :].partition("/")
        return f"{scheme}://{rest}"
    return text


def in_words(text: str) -> str:
    """A text in which places are called by their URLs."""
    mirror = mirror_folder()
    if mirror not in text:
        return text
    return re.sub(re.escape(mirror) + r"(\w+)/", r"\1://", text)
