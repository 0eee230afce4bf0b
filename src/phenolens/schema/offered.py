"""Files that rooms the core does not know, and other distributions, write into a study folder."""

from __future__ import annotations

from phenolens.registry import Registry
from phenolens.schema.kinds import File

OFFERED: Registry[File] = Registry("file of a study", kind="schema")
