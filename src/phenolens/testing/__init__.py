"""Contracts that can be run: what makes a thing of ours, or of yours, fit its registry.

Each ``check_*`` raises AssertionError with one line on what does not hold.
"""

from __future__ import annotations

from phenolens.testing.formats import check_format
from phenolens.testing.representations import check_representation
from phenolens.testing.sections import check_section

__all__ = ["check_format", "check_representation", "check_section"]
