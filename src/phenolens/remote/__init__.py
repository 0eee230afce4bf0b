"""Files that lie elsewhere: ``s3://``, ``gs://`` and ``https://``, through fsspec.

Nothing heavy is imported before a URL is read.
"""

from __future__ import annotations

from phenolens.remote.asking import ObjectStat, about, asked, filesystem
from phenolens.remote.fetching import fetch, read_range
from phenolens.remote.urls import is_url

__all__ = ["ObjectStat", "about", "asked", "fetch", "filesystem", "is_url", "read_range"]
