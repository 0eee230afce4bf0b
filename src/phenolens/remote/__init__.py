"""Files that lie elsewhere: ``s3://``, ``gs://`` and ``https://``, through fsspec.

Nothing heavy is imported before a URL is read.
"""

from __future__ import annotations

from phenolens.places import is_url
from phenolens.remote.asking import ObjectStat, Stamp, about, asked, environment, filesystem
from phenolens.remote.fetching import fetch, read_range
from phenolens.remote.mirror import (
    Part,
    ahead,
    fetch_ahead,
    is_there,
    local,
    look,
    look_anew,
    look_at,
    look_below,
    parts_of,
    placed,
    watch_in_worker,
    why_not,
)

__all__ = [
    "ObjectStat",
    "Part",
    "Stamp",
    "about",
    "ahead",
    "asked",
    "environment",
    "fetch",
    "fetch_ahead",
    "filesystem",
    "is_there",
    "is_url",
    "local",
    "look",
    "look_anew",
    "look_at",
    "look_below",
    "parts_of",
    "placed",
    "read_range",
    "watch_in_worker",
    "why_not",
]
